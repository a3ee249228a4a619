// Canonical JSON, from chapter 2 of the specification. JSON.parse accepts too much (it cannot tell
// 1.0 from 1), so the text's numbers are looked at first.
const INTEGER_MAX = 2n ** 53n - 1n;
const DEPTH_MAX = 32;
const STRING = /"(?:[^"\\]|\\.)*"/gs;

export function canonical(text) {
  if (!text.isWellFormed()) throw new SyntaxError('a lone surrogate');
  const value = JSON.parse(text);
  for (const [number] of text.replace(STRING, '""').matchAll(/-?\d[\d.eE+-]*/g)) {
    if (!/^-?\d+$/.test(number)) throw new SyntaxError(`${number} is not an integer`);
    const size = BigInt(number);
    if (size > INTEGER_MAX || size < -INTEGER_MAX) throw new SyntaxError(`${number} is too large`);
  }
  return written(value, 0);
}

function written(value, depth) {
  if (depth > DEPTH_MAX) throw new SyntaxError('too deep');
  if (Array.isArray(value)) return `[${value.map(item => written(item, depth + 1)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.keys(value)
      .sort(byCodePoint)
      .map(name => `${string(name)}:${written(value[name], depth + 1)}`);
    return `{${members.join(',')}}`;
  }
  return typeof value === 'string' ? string(value) : JSON.stringify(value);
}

function string(text) {
  if (!text.isWellFormed()) throw new SyntaxError('a lone surrogate');
  return JSON.stringify(text); // It has the very escapes that are wanted.
}

// JavaScript sorts by UTF-16 code units, where surrogates come before U+E000.
function byCodePoint(one, other) {
  const [a, b] = [[...one], [...other]];
  const at = a.findIndex((sign, index) => sign !== b[index]);
  if (at < 0) return a.length - b.length;
  return b[at] === undefined ? 1 : a[at].codePointAt(0) - b[at].codePointAt(0);
}
