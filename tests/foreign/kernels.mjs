// The kernels, from chapter 7 of the specification: slow, and without a look at ours.
import { createHash } from 'node:crypto';

import { canonical } from './canonical.mjs';

const JSON_INTEGER_MAX = 2n ** 53n - 1n;
const SMALL_PRIMES = sieve(4096).map(BigInt);
const small = number => (number <= JSON_INTEGER_MAX ? Number(number) : String(number));
const ascending = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function sieve(below) {
  const composite = new Uint8Array(below);
  const primes = [];
  for (let p = 2; p < below; p++) {
    if (composite[p]) continue;
    primes.push(p);
    for (let multiple = p * p; multiple < below; multiple += p) composite[multiple] = 1;
  }
  return primes;
}

function power(base, exponent, modulus) {
  let result = 1n;
  for (base %= modulus; exponent > 0n; exponent >>= 1n, base = (base * base) % modulus) {
    if (exponent & 1n) result = (result * base) % modulus;
  }
  return result;
}

function split(number) {
  let twos = 0;
  for (; (number & 1n) === 0n; number >>= 1n) twos++;
  return [number, twos];
}

function jacobi(a, n) {
  let sign = 1;
  for (a = ((a % n) + n) % n; a !== 0n; [a, n] = [n % a, a]) {
    const [odd, twos] = split(a);
    a = odd;
    if (twos % 2 === 1 && (n % 8n === 3n || n % 8n === 5n)) sign = -sign;
    if (a % 4n === 3n && n % 4n === 3n) sign = -sign;
  }
  return n === 1n ? sign : 0;
}

function squareRoot(n) {
  if (n < 2n) return n;
  let root = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

const isSquare = n => squareRoot(n) ** 2n === n;

// Strong test: the residue that is hashed, and whether n passes.
function strong(n, base) {
  const [d, s] = split(n - 1n);
  const residue = power(base, d, n);
  let passes = residue === 1n;
  for (let r = 0, x = residue; r < s && !passes; r++, x = (x * x) % n) passes = x === n - 1n;
  return { residue, passes };
}

// Strong Lucas test with Selfridge's parameters, method A: the residues that are hashed, and whether
// n passes.
function strongLucas(n) {
  if (isSquare(n)) return { residues: [0n, 0n], passes: false };
  let D = 5n;
  for (let symbol = jacobi(D, n); symbol !== -1; symbol = jacobi(D, n)) {
    if (symbol === 0 && D % n !== 0n) return { residues: [0n, 0n], passes: false };
    D = D > 0n ? -D - 2n : 2n - D;
  }
  const Q = (1n - D) / 4n;
  if (gcd(Q, n) !== 1n) return { residues: [0n, 0n], passes: false };
  const mod = x => ((x % n) + n) % n;
  const P = mod(inverse(Q, n) - 2n);
  const [d, s] = split(n + 1n);
  let [v, w] = [2n % n, P];
  for (const bit of d.toString(2)) {
    if (bit === '1') [v, w] = [mod(v * w - P), mod(w * w - 2n)];
    else [v, w] = [mod(v * v - 2n), mod(v * w - P)];
  }
  let passes = (v === 2n % n || v === mod(-2n)) && mod(2n * w - P * v) === 0n;
  for (let r = 0, x = v; r < s - 1 && !passes; r++, x = mod(x * x - 2n)) passes = x === 0n;
  return { residues: [v, w], passes };
}

function isPrime(n) {
  if (n < 2n) return false;
  for (const p of SMALL_PRIMES) if (n % p === 0n) return n === p;
  return strong(n, 2n).passes && strongLucas(n).passes;
}

// 16 bytes, little-endian.
const residueBytes = x => Buffer.from(x.toString(16).padStart(32, '0'), 'hex').reverse();

function bpswPart(start, stop, found) {
  const residues = { 2: [], lucas: [], 3: [], 5: [] };
  for (let n = start | 1n; n < stop; n += 2n) {
    if (SMALL_PRIMES.some(p => n % p === 0n)) {
      found.filtered++;
      continue;
    }
    const first = strong(n, 2n);
    residues[2].push(inverse(first.residue, n));
    if (!first.passes) continue;
    const second = strongLucas(n);
    residues.lucas.push(...second.residues);
    if (!second.passes) {
      found.psp2.push(String(n));
      continue;
    }
    const witness = [3n, 5n].find(base => {
      const more = strong(n, base);
      residues[base].push(more.residue);
      return !more.passes;
    });
    if (witness === undefined) found.probable_primes++;
    else {
      const factors = factored(n).factors.map(String);
      found.hits.push({ n: String(n), witness: Number(witness), factors });
    }
  }
  const ordered = [residues[2], residues.lucas, residues[3], residues[5]].flat();
  return createHash('sha256').update(Buffer.concat(ordered.map(residueBytes))).digest().subarray(0, 4);
}

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();

function merkleRoot(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return sha256(Buffer.from([0]), leaves[0]);
  const middle = 2 ** Math.floor(Math.log2(leaves.length - 1));
  const halves = [leaves.slice(0, middle), leaves.slice(middle)].map(merkleRoot);
  return sha256(Buffer.from([1]), ...halves);
}

function bpsw(unit) {
  const [start, stop] = [BigInt(unit.start), BigInt(unit.stop)];
  const width = stop - start;
  let count = width / 2n ** 13n;
  count = count < 1n ? 1n : count > 4096n ? 4096n : count;
  const found = { filtered: 0, probable_primes: 0, psp2: [], hits: [] };
  const leaves = [];
  for (let i = 0n; i < count; i++) {
    leaves.push(bpswPart(start + (width * i) / count, start + (width * (i + 1n)) / count, found));
  }
  const tested = Number(stop / 2n - start / 2n);
  const listed = found.filtered + found.probable_primes + found.psp2.length + found.hits.length;
  const root = merkleRoot(leaves).toString('hex');
  const text = `newral bpsw ${start} ${stop} ${found.filtered} ${found.probable_primes} ${root}`;
  return {
    ranges: [[unit.start, unit.stop]],
    tested,
    composites: tested - listed,
    digest: createHash('sha256').update(text).digest('hex'),
    leaves: Buffer.concat(leaves).toString('base64'),
    ...found,
  };
}

// By definition: every number of the range is factored by the primes up to its root.
function carmichaelItems(unit) {
  const [start, bound, low, high] = [unit.start, unit.bound, unit.low, unit.high].map(Number);
  const first = Math.max(start, 3);
  const rests = Float64Array.from({ length: bound - first }, (_, i) => first + i);
  const factors = Array.from(rests, () => []);
  for (const p of sieve(Math.floor(Math.sqrt(bound)) + 2)) {
    for (let i = (p - (first % p)) % p; i < rests.length; i += p) {
      for (; rests[i] % p === 0; rests[i] /= p) factors[i].push(p);
    }
  }
  const items = [];
  for (let i = 0; i < rests.length; i++) {
    if (rests[i] > 1) factors[i].push(rests[i]);
    const next = factors[i][unit.prefix.length];
    const belongs = unit.prefix.every((p, at) => factors[i][at] === p) && low <= next && next < high;
    const isSquarefree = new Set(factors[i]).size === factors[i].length;
    const divides = factors[i].every(p => (first + i - 1) % (p - 1) === 0);
    if (belongs && factors[i].length > 1 && isSquarefree && divides) {
      items.push({ n: String(first + i), factors: factors[i] });
    }
  }
  return items;
}

function root(n, degree) {
  let r = BigInt(Math.floor(Number(n) ** (1 / degree))) + 2n;
  while (r ** BigInt(degree) > n) r--;
  return r;
}

// The groups of a unit, [P, s] with the sum of their residues, by the name `P s`.
function carmichaelGroups(unit) {
  const [bound, low, high] = [unit.bound, unit.low, unit.high].map(BigInt);
  const [most, bits] = [bound - 1n, bound.toString(2).length];
  const threshold = 1n << BigInt(Math.min(Math.floor((2 * bits) / 5), 21));
  const groups = new Map();
  const start = unit.prefix.map(BigInt);
  const product = start.reduce((a, b) => a * b, 1n);
  if (low === high || product * low >= bound) return groups;
  const largest = start.length > 0 ? root(most / product, 2) : root(most / low, 2);
  const primes = sieve(Number(largest) + 1).map(BigInt);
  const isAdmissible = (p, factors) => factors.every(f => (p - 1n) % f !== 0n);
  const add = (key, residue) => groups.set(key, { ...groups.get(key), sum: groups.get(key).sum + residue });

  function visit(factors, P, owner) {
    const isRoot = factors.length === start.length;
    const x = most / P;
    const p = factors.at(-1) ?? 1n;
    const lambda = factors.reduce((a, f) => (a / gcd(a, f - 1n)) * (f - 1n), 1n);
    const below = root(x, isRoot && P === 1n ? 3 : 2);
    const qs = primes.filter(q => q > p && q <= below && (!isRoot || (low <= q && q < high)));
    const whole = !isRoot && x < 1n << 47n && 16n * (x / lambda) <= root(x, 2) - p;
    const own = isRoot || P < threshold;
    if (own) {
      if (qs.length === 0) return;
      const end = whole ? 0n : qs.at(-1) >> 16n;
      for (let s = whole ? 0n : qs[0] >> 16n; s <= end; s++) groups.set(`${P} ${s}`, { P, s, sum: 0n });
    }
    const key = q => owner ?? `${P} ${q >> 16n}`;
    if (whole) {
      const least = (p + 2n) * (p + 2n);
      let m = inverse(P, lambda);
      if (m < least) m += ((least - m + lambda - 1n) / lambda) * lambda;
      for (; m <= x; m += lambda) {
        const isRough = primes.every(f => f > p || f > 31n || f === 2n || m % f !== 0n);
        if (isRough) add(own ? `${P} 0` : owner, power(2n, P * m - 1n, m));
      }
      return;
    }
    for (const q of qs) {
      if (!isAdmissible(q, factors)) continue;
      if (P > 1n) add(key(q), (P - inverse(q - 1n, P)) % P);
      if (q ** 3n <= x) visit([...factors, q], P * q, P * q < threshold ? null : key(q));
    }
  }
  visit(start, product, null);
  return groups;
}

// The same for a unit of preproducts, and its numbers: Δ goes through all integers.
function preproductGroups(unit) {
  const [groups, items] = [new Map(), []];
  for (let P = BigInt(unit.preproduct_low); P < BigInt(unit.preproduct_high); P++) {
    const factors = primeFactors(P);
    const isAdmissible = factors.every((f, at) => factors.every((g, i) => i >= at || (f !== g && (f - 1n) % g !== 0n)));
    if (P % 2n === 0n || !isAdmissible) continue;
    for (let s = 0n; s <= (P - 1n) / 16n; s++) groups.set(`${P} ${s}`, { P, s, sum: 0n });
    const p = factors.at(-1);
    for (let D = 2n; D < P; D++) {
      const whole = (P - 1n) * (P + D);
      const group = groups.get(`${P} ${D / 16n}`);
      for (let delta = 1n; (p + 1n) * delta <= whole; delta++) {
        if (whole % delta !== 0n) continue;
        const residue = (P * P + delta) % D;
        group.sum += residue;
        const [q, rest] = [whole / delta + 1n, (P - 1n) * (P + (P * P + delta) / D)];
        const r = rest / delta + 1n;
        const n = P * q * r;
        const isFound = residue === 0n && rest % delta === 0n && q < r && isPrime(q) && isPrime(r);
        if (!isFound || n < BigInt(unit.start) || n >= BigInt(unit.bound)) continue;
        const all = [...factors, q, r];
        if (all.every(f => (n - 1n) % (f - 1n) === 0n)) items.push({ n, factors: all.map(small) });
      }
    }
  }
  items.sort((a, b) => ascending(a.n, b.n));
  return { groups, items: items.map(({ n, factors }) => ({ n: String(n), factors })) };
}

function carmichael(unit) {
  const { groups: found, items } =
    'preproduct_low' in unit
      ? preproductGroups(unit)
      : { groups: carmichaelGroups(unit), items: carmichaelItems(unit) };
  const groups = [...found.values()];
  const count = BigInt(Math.max(Math.min(groups.length, 4096), 1));
  const sums = new Array(Number(count)).fill(0n);
  for (const { P, s, sum } of groups) {
    const word = BigInt.asUintN(64, P * 0x9e3779b97f4a7c15n + s * 0xc2b2ae3d27d4eb4fn);
    sums[(count * (word >> 32n)) >> 32n] += sum;
  }
  const leaves = sums.map(sum => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, sum));
    return createHash('sha256').update(bytes).digest().subarray(0, 4);
  });
  return {
    count: items.length,
    items,
    leaves: Buffer.concat(leaves).toString('base64'),
    digest: merkleRoot(leaves).toString('hex'),
  };
}

const absolute = x => (x < 0n ? -x : x);
const gcd = (a, b) => (b === 0n ? absolute(a) : gcd(b, a % b));

// The inverse of x modulo n; an exception where there is none.
function inverse(x, n) {
  let [a, b, u, v] = [((x % n) + n) % n, n, 1n, 0n];
  while (b !== 0n) [a, b, u, v] = [b, a % b, v, u - (a / b) * v];
  if (a !== 1n) throw new RangeError('not invertible');
  return ((u % n) + n) % n;
}

function largestPower(p, n) {
  let part = 1n;
  while (n % (part * p) === 0n) part *= p;
  return part;
}

const hasOrder = (n, base, primes) =>
  power(base, n - 1n, n) === 1n &&
  primes.every(p => gcd(power(base, (n - 1n) / p, n) - 1n, n) === 1n);

function nMinus1Holds(n, base, primes) {
  const ascend = primes.every((p, at) => at === 0 || primes[at - 1] < p);
  if (!ascend || !primes.every(p => (n - 1n) % p === 0n)) return false;
  const powers = primes.map(p => largestPower(p, n - 1n));
  const f = powers.reduce((product, part) => product * part, 1n);
  if (f ** 3n < n) return false;
  const least = powers.reduce((a, b) => (a < b ? a : b));
  if ((f / least) ** 3n >= n || !hasOrder(n, base, primes)) return false;
  for (let smaller = 2n; smaller < base; smaller++) {
    if (hasOrder(n, smaller, primes)) return false;
  }
  const [c2, c1] = [(n - 1n) / f / f, ((n - 1n) / f) % f];
  const discriminant = c1 * c1 - 4n * c2;
  return f * f > n || discriminant < 0n || squareRoot(discriminant) ** 2n !== discriminant;
}

function sum(p, q, a, n) {
  const same = p[0] === q[0] && p[1] === q[1];
  const [rise, run] = same
    ? [3n * p[0] * p[0] + a, 2n * p[1]]
    : [q[1] - p[1], q[0] - p[0]];
  const slope = (rise * inverse(run, n)) % n;
  const x = (((slope * slope - p[0] - q[0]) % n) + n) % n;
  return [x, (((slope * (p[0] - x) - p[1]) % n) + n) % n];
}

function multiple(k, point, a, n) {
  let result = point;
  for (const bit of k.toString(2).slice(1)) {
    result = sum(result, result, a, n);
    if (bit === '1') result = sum(result, point, a, n);
  }
  return result;
}

// The q on which the step relies, or null.
function ellipticNext(n, step) {
  const [trace, cofactor, a, b, x, y] = ['trace', 'cofactor', 'a', 'b', 'x', 'y'].map(name =>
    BigInt(step[name]),
  );
  const order = n + 1n - trace;
  const q = order / cofactor;
  if (trace * trace >= 4n * n || order % cofactor !== 0n) return null;
  if (q < (squareRoot(squareRoot(n)) + 2n) ** 2n || q >= n) return null;
  if (gcd(n, 6n) !== 1n || a >= n || b >= n || x >= n || y === 0n || 2n * y >= n) return null;
  if ((y * y - x ** 3n - a * x - b) % n !== 0n) return null;
  if (gcd(4n * a ** 3n + 27n * b * b, n) !== 1n) return null;
  try {
    const point = multiple(cofactor, [x, y], a, n);
    const before = multiple(q - 1n, point, a, n);
    return before[0] === point[0] && before[1] === n - point[1] ? q : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

// Whether a certificate proves its number to be prime.
function provesPrime({ n, steps }) {
  n = BigInt(n);
  if (n < 2n ** 64n) return steps.length === 0 && isPrime(n);
  if (steps.length > n.toString(2).length - 64) return false;
  const unproved = new Set([n]);
  for (const step of steps) {
    if (unproved.size === 0) return false;
    const number = [...unproved].reduce((a, b) => (a > b ? a : b));
    unproved.delete(number);
    let reliesOn;
    if (step.primes) {
      reliesOn = step.primes.map(BigInt);
      if (!nMinus1Holds(number, BigInt(step.base), reliesOn)) return false;
    } else {
      reliesOn = [ellipticNext(number, step)];
      if (reliesOn[0] === null) return false;
    }
    for (const p of reliesOn) {
      if (p >= 2n ** 64n) unproved.add(p);
      else if (!isPrime(p)) return false;
    }
  }
  return unproved.size === 0;
}

function properFactor(n) {
  for (let c = 1n; ; c++) {
    let [x, y, divisor] = [2n, 2n, 1n];
    while (divisor === 1n) {
      x = (x * x + c) % n;
      y = (y * y + c) % n;
      y = (y * y + c) % n;
      divisor = gcd(x - y, n);
    }
    if (divisor !== n) return divisor;
  }
}

function primeFactors(n) {
  if (n === 1n) return [];
  if (isPrime(n)) return [n];
  const p = SMALL_PRIMES.find(small => n % small === 0n) ?? properFactor(n);
  return [...primeFactors(p), ...primeFactors(n / p)].sort(ascending);
}

// As few of the largest powers of primes in n - 1 as are enough.
function chosenPrimes(n, primes) {
  const parts = primes.map(p => [largestPower(p, n - 1n), p]);
  parts.sort((a, b) => ascending(b[0], a[0]));
  let product = 1n;
  const chosen = [];
  for (const [part, p] of parts) {
    if (product ** 3n >= n) break;
    product *= part;
    chosen.push(p);
  }
  return product ** 3n >= n ? chosen.sort(ascending) : null;
}

function certificateOfPrime(n) {
  const unproved = new Set(n >= 2n ** 64n ? [n] : []);
  const steps = [];
  while (unproved.size > 0) {
    const number = [...unproved].reduce((a, b) => (a > b ? a : b));
    unproved.delete(number);
    const all = [...new Set(primeFactors(number - 1n))];
    const primes =
      chosenPrimes(number, all.filter(p => p < 2n ** 64n)) ?? chosenPrimes(number, all);
    let base = 2n;
    while (!hasOrder(number, base, primes)) base++;
    steps.push({ base: Number(base), primes: primes.map(small) });
    primes.filter(p => p >= 2n ** 64n).forEach(p => unproved.add(p));
  }
  return { n: String(n), steps };
}

function certificate(n) {
  if (isPrime(n)) return certificateOfPrime(n);
  const factor = SMALL_PRIMES.find(p => n % p === 0n);
  if (factor !== undefined) return { n: String(n), factor: String(factor) };
  let witness = 2n;
  while (strong(n, witness).passes) witness++;
  return { n: String(n), witness: String(witness) };
}

function factored(n) {
  const factors = primeFactors(n);
  const large = [...new Set(factors)].filter(p => p >= 2n ** 64n);
  const item = { n: String(n), factors: factors.map(small) };
  return large.length > 0 ? { ...item, certificates: large.map(certificateOfPrime) } : item;
}

function eachNumber(unit, say) {
  const items = unit.items.map(n => say(BigInt(n)));
  return { count: items.length, items };
}

function violation(n, factors, certificates) {
  if (factors.length < 3) return `${factors.length} factors: a Carmichael number has at least 3`;
  if (factors.reduce((product, p) => product * p, 1n) !== n) {
    return 'the product of the factors is another number';
  }
  const twice = factors.find((p, at) => p === factors[at + 1]);
  if (twice !== undefined) return `${twice} divides it twice`;
  for (const p of factors) {
    if (p < 3n) return `${p} is no odd prime`;
    if ((n - 1n) % (p - 1n) !== 0n) return `${p} - 1 does not divide n - 1`;
    if (p < 2n ** 64n && !isPrime(p)) return `${p} is no prime`;
  }
  const large = factors.filter(p => p >= 2n ** 64n);
  const certified = certificates.map(proof => BigInt(proof.n));
  for (const p of large) {
    if (!certified.includes(p)) return `${p} is not below 2^64 and has no certificate`;
  }
  for (const p of certified) {
    if (!large.includes(p)) {
      return `there is a certificate of ${p}, which is no factor from 2^64 on`;
    }
  }
  const unproved = certificates.find(proof => !provesPrime(proof));
  return unproved ? `the certificate of ${unproved.n} does not prove it prime` : null;
}

const parsed = items =>
  items.map(({ n, factors, certificates = [] }) => {
    return { n: BigInt(n), factors: factors.map(BigInt), certificates };
  });
const shown = ({ n, factors }) => ({ n: String(n), factors: factors.map(small) });
const shownWithProofs = claim =>
  claim.certificates.length > 0
    ? { ...shown(claim), certificates: claim.certificates }
    : shown(claim);
const unique = (values, key) => [...new Map(values.map(value => [key(value), value])).values()];

function korselt(unit) {
  const claims = parsed(unit.items).map(claim => {
    return { ...claim, reason: violation(claim.n, claim.factors, claim.certificates) };
  });
  const right = claims.filter(({ reason }) => reason === null);
  // Of several claims of one number, the last is kept: the one with the least certificates.
  const text = ({ certificates }) => canonical(JSON.stringify(certificates));
  right.sort((a, b) => ascending(text(b), text(a)));
  const wrong = claims.filter(({ reason }) => reason !== null);
  return {
    checked: claims.length,
    items: unique(right, ({ n }) => n).sort((a, b) => ascending(a.n, b.n)).map(shownWithProofs),
    rejected: unique(wrong, ({ n, reason }) => `${n} ${reason}`)
      .sort((a, b) => ascending(a.n, b.n) || ascending(a.reason, b.reason))
      .map(({ n, reason }) => ({ n: String(n), reason })),
  };
}

function byFactors(a, b) {
  const at = a.factors.findIndex((p, index) => p !== b.factors[index]);
  if (at < 0) return a.factors.length - b.factors.length;
  return b.factors[at] === undefined ? 1 : ascending(a.factors[at], b.factors[at]);
}

function merge(unit) {
  const sorted = parsed(unit.items).sort((a, b) => ascending(a.n, b.n) || byFactors(a, b));
  const table = sorted.filter(({ n }, at) => at === 0 || n !== sorted[at - 1].n);
  const by_magnitude = {};
  for (let m = 3n; 10n ** m <= BigInt(unit.bound); m++) {
    by_magnitude[`10^${m}`] = table.filter(({ n }) => n < 10n ** m).length;
  }
  return { count: table.length, by_magnitude, items: table.map(shown) };
}

const least = (...values) => values.reduce((a, b) => (a < b ? a : b));
const greatest = (...values) => values.reduce((a, b) => (a > b ? a : b));
const roundedUp = (a, b) => (a + b - 1n) / b;

function orderOfTwo(p) {
  let order = p - 1n;
  for (const q of primeFactors(p - 1n)) {
    if (power(2n, order / q, p) === 1n) order /= q;
  }
  return order;
}

// The extra strong Lucas test: Q = 1.
function passesExtraStrongLucas(n) {
  if (isSquare(n)) return false;
  let P = 3n;
  for (let symbol; (symbol = jacobi(P * P - 4n, n)) !== -1; P++) {
    if (symbol === 0 && (P * P - 4n) % n !== 0n) return false;
  }
  const mod = x => ((x % n) + n) % n;
  const half = x => (mod(x) & 1n ? (mod(x) + n) / 2n : mod(x) / 2n);
  const [d, s] = split(n + 1n);
  let [u, v] = [1n, P];
  for (const bit of d.toString(2).slice(1)) {
    [u, v] = [mod(u * v), mod(v * v - 2n)];
    if (bit === '1') [u, v] = [half(P * u + v), half((P * P - 4n) * u + P * v)];
  }
  if (u === 0n && (v === 2n || v === n - 2n)) return true;
  for (let r = 0; r < s - 1; r++, v = mod(v * v - 2n)) if (v === 0n) return true;
  return false;
}

const evenOrder = p => {
  const order = orderOfTwo(p);
  return order % 2n === 0n ? order : 2n * order;
};

function primesBetween(low, high) {
  const primes = [];
  for (let p = low | 1n; p < high; p += 2n) if (isPrime(p)) primes.push(p);
  return primes;
}

function progression(p, start, stop) {
  const step = evenOrder(p);
  const low = greatest(p, roundedUp(start, p));
  const terms = [];
  for (let s = low + ((((1n - low) % step) + step) % step); p * s < stop; s += step) terms.push(s);
  return { p, terms };
}

function psp2Tag(...sums) {
  const words = Buffer.alloc(24);
  sums.forEach((word, at) => words.writeBigUInt64LE(BigInt.asUintN(64, word), 8 * at));
  return sha256(words).subarray(0, 4);
}

function progressionsLeaf(unit, progressions, found) {
  const stop = BigInt(unit.stop);
  let [tested, total, orders] = [0n, 0n, 0n];
  for (const { p, terms } of progressions) {
    orders += p * orderOfTwo(p);
    const bound = Number(least(p, BigInt(terms.length) / 8n, 2n ** 16n));
    const sieving = sieve(bound).slice(1).map(BigInt);
    for (const s of terms) {
      if (sieving.some(q => s % q === 0n)) continue;
      const full = unit.factors === 'any' && p ** 3n < stop;
      const residue = power(2n, full ? p * s - 1n : p - 1n, s);
      tested++;
      total += residue * s;
      if (residue === 1n) found.push([p, s]);
    }
  }
  return psp2Tag(tested, total, orders);
}

function pairsLeaf(unit, low, high, found) {
  const [start, stop] = [BigInt(unit.start), BigInt(unit.stop)];
  let [tested, total, inverses] = [0n, 0n, 0n];
  const firsts = primesBetween(BigInt(unit.low), BigInt(unit.high)).map(p => [p, evenOrder(p)]);
  for (const q of primesBetween(low, high)) {
    const step = evenOrder(q);
    for (const [p, firstStep] of firsts) {
      if (p > q || q * q >= roundedUp(stop, p) || step % p === 0n) continue;
      const x = inverse(p, step);
      inverses += x * q;
      const from = greatest(q, roundedUp(start, p * q));
      for (let t = from + ((((x - from) % step) + step) % step); p * q * t < stop; t += step) {
        if ((q * t) % firstStep !== 1n) continue;
        const residue = power(2n, p * q * t - 1n, t);
        tested++;
        total += residue * t;
        if (residue === 1n) found.push([p, q * t]);
      }
    }
  }
  return psp2Tag(tested, total, inverses);
}

// Of all terms, those with numbers from first to last - 1.
function numbered(progressions, first, last) {
  const part = [];
  let before = 0;
  for (const { p, terms } of progressions) {
    const own = terms.slice(Math.max(first - before, 0), Math.max(last - before, 0));
    if (own.length > 0) part.push({ p, terms: own });
    before += terms.length;
  }
  return part;
}

// The size of a unit, and how a leaf is computed from the two fractions where it begins and ends.
function psp2Parts(unit, found) {
  const [start, stop, low, high] = ['start', 'stop', 'low', 'high'].map(at => BigInt(unit[at]));
  const [width, span] = [stop - start, high - low];
  if (unit.factors === 'more') {
    const seconds = greatest(squareRoot((stop - 1n) / low) + 1n - low, 0n);
    const leaf = (first, last) => pairsLeaf(unit, low + first, low + last, found);
    return { size: span * seconds, whole: seconds, leaf };
  }
  const all = primesBetween(low, high).map(p => progression(p, start, stop));
  if (256n * high * high <= width && span <= 2n ** 26n) {
    const whole = BigInt(all.reduce((sum, { terms }) => sum + terms.length, 0));
    const leaf = (first, last) =>
      progressionsLeaf(unit, numbered(all, Number(first), Number(last)), found);
    return { size: (width * span) / (low * high), whole, leaf };
  }
  const leaf = (first, last) => {
    const part = all.filter(({ p }) => low + first <= p && p < low + last);
    return progressionsLeaf(unit, part, found);
  };
  return { size: span, whole: span, leaf };
}

function psp2(unit) {
  const found = [];
  const { size, whole, leaf } = psp2Parts(unit, found);
  const count = least(greatest(size / 2n ** 14n, 1n), 4096n);
  const leaves = [];
  for (let i = 0n; i < count; i++) {
    leaves.push(leaf((whole * i) / count, (whole * (i + 1n)) / count));
  }
  const claims = found.map(([p, s]) => ({ p, n: p * s, factors: primeFactors(p * s) }));
  const right = claims.filter(({ p, n, factors }) => {
    const wanted = { any: true, two: factors.length === 2, more: factors.length > 2 };
    return factors[0] === p && wanted[unit.factors] && power(2n, n - 1n, n) === 1n;
  });
  const items = unique(right, ({ n }) => n).sort((a, b) => ascending(a.n, b.n));
  const hits = items.map(({ n }) => {
    const passed = { 'extra strong': passesExtraStrongLucas(n), strong: strongLucas(n).passes };
    return { n: String(n), lucas: Object.keys(passed).filter(test => passed[test]) };
  });
  return {
    count: items.length,
    items: items.map(shown),
    hits: hits.filter(({ lucas }) => lucas.length > 0),
    leaves: Buffer.concat(leaves).toString('base64'),
    digest: merkleRoot(leaves).toString('hex'),
  };
}

// Of the Lucas sequence with P = 1: U and V at k modulo an odd n.
function lucasOne(D, k, n) {
  const Q = (1n - D) / 4n;
  const mod = x => ((x % n) + n) % n;
  const half = x => (mod(x) & 1n ? (mod(x) + n) / 2n : mod(x) / 2n);
  let [u, v, q] = [1n, 1n, mod(Q)];
  for (const bit of k.toString(2).slice(1)) {
    [u, v, q] = [mod(u * v), mod(v * v - 2n * q), mod(q * q)];
    if (bit === '1') [u, v, q] = [half(u + v), half(D * u + v), mod(q * Q)];
  }
  return [u, v];
}

function rankOfApparition(p, Q) {
  let [before, now, rank] = [0n, 1n, 1n];
  for (; now !== 0n; rank++) [before, now] = [now, (((now - Q * before) % p) + p) % p];
  return rank;
}

// What an odd prime p asks of its multiples; no class where it is inadmissible.
function asked(p, D, e) {
  const Q = (1n - D) / 4n;
  const order = orderOfTwo(p);
  if ((Q * D) % p === 0n) return { p, order, rank: 0n, allows: () => false };
  const rank = rankOfApparition(p, Q);
  if ((1n - e) % gcd(order, rank) !== 0n) return { p, order, rank: 0n, allows: () => false };
  const allows = n => (n - 1n) % order === 0n && (n - e) % rank === 0n;
  return { p, order, rank, allows };
}

function termsOf({ p, order, rank }, D, e, bound) {
  if (rank === 0n) return [];
  const target = e * BigInt(jacobi(D, p));
  const terms = [];
  let [s, step] = [1n, 2n];
  const classes = [
    [order, 1n],
    [rank, target],
  ];
  for (const [modulus, rest] of classes) {
    while ((s - rest) % modulus !== 0n) s += step;
    step = (step / gcd(step, modulus)) * modulus;
  }
  for (s = s === 1n ? 1n + step : s; p * s <= bound; s += step) terms.push(s);
  return terms;
}

function strongWith(D, e, n) {
  const [d, twos] = split(n - e);
  if (lucasOne(D, d, n)[0] === 0n) return true;
  for (let r = 0n; r < twos; r++) if (lucasOne(D, d << r, n)[1] === 0n) return true;
  return false;
}

// The primes of each block of a unit, and of each all terms, or none where they are left out.
function classBlocks(unit, D, e, bound, counts) {
  const isList = 'primes' in unit;
  const [start, stop] = [BigInt(unit.start ?? 0), BigInt(unit.stop ?? 0)];
  const blocks = BigInt(unit.blocks ?? 1);
  const edge = j => start + ((stop - start) * j) / blocks;
  const result = [];
  for (let j = 0n; j < blocks; j++) {
    const primes = isList ? unit.primes.map(BigInt) : primesBetween(edge(j), edge(j + 1n));
    const block = primes.filter(p => p > 2n).map(p => asked(p, D, e));
    for (const prime of block) {
      prime.terms = termsOf(prime, D, e, bound);
      if (isList) continue;
      counts.primes++;
      if (prime.rank === 0n) counts.inadmissible++;
      if (prime.terms.length > Number(unit.most)) {
        counts.left_out += prime.terms.length;
        prime.terms = [];
      }
    }
    result.push(block);
  }
  return result;
}

function classLeaves(unit, D, e, block, sieving, counts, found) {
  const parts = Array.from({ length: unit.parts }, () => [0n, 0n]);
  const [low, high] = [unit.low ?? 0, unit.high ?? Infinity];
  for (const { p, order, rank, terms } of block) {
    const part = piece => parts[(piece + (Number(p) - 1) / 2) % unit.parts];
    if (low === 0) part(0)[0] += p * ((order << 32n) + rank);
    terms.forEach((s, number) => {
      const piece = Math.floor(number / 2 ** 13);
      if (piece < low || piece >= high) return;
      counts.candidates++;
      const n = p * s;
      if (BigInt(jacobi(D, n)) !== e) return;
      if (sieving.some(({ p: q, allows }) => s % q === 0n && !allows(n))) return;
      const residue = power(2n, n - 1n, s);
      part(piece)[0] += n * residue;
      part(piece)[1]++;
      counts.tested++;
      if (power(2n, n - 1n, n) !== 1n) return;
      counts.fermat++;
      if (lucasOne(D, n - e, n)[0] === 0n) found.push(n);
    });
  }
  return parts.map(words => {
    const bytes = Buffer.alloc(16);
    words.forEach((word, at) => bytes.writeBigUInt64BE(BigInt.asUintN(64, word), 8 * at));
    return sha256(bytes).subarray(0, 4);
  });
}

function bpswClass(unit) {
  const [D, e, bound] = [unit.discriminant, unit.sign, unit.bound].map(BigInt);
  const counts = { primes: 0, inadmissible: 0, candidates: 0, left_out: 0, tested: 0, fermat: 0 };
  const sieving = sieve(512).slice(1).map(q => asked(BigInt(q), D, e));
  const found = [];
  const leaves = classBlocks(unit, D, e, bound, counts).flatMap(block =>
    classLeaves(unit, D, e, block, sieving, counts, found),
  );
  const said = {
    ranges: 'primes' in unit ? [] : [[unit.start, unit.stop]],
    ...counts,
    made_up: 'primes' in unit ? counts.candidates : 0,
    hits: unique(found, String).sort(ascending).map(n => ({
      n: String(n),
      factors: primeFactors(n).map(small),
      strong: strong(n, 2n).passes,
      strong_lucas: strongWith(D, e, n),
      bpsw: strong(n, 2n).passes && strongLucas(n).passes,
    })),
  };
  const last = sha256(Buffer.from(canonical(JSON.stringify({ unit, ...said })))).subarray(0, 4);
  return {
    ...said,
    leaves: Buffer.concat(leaves).toString('base64'),
    digest: merkleRoot([...leaves, last]).toString('hex'),
  };
}

export const KERNELS = {
  bpsw,
  'bpsw-class': bpswClass,
  carmichael,
  'carmichael-merge': merge,
  factor: unit => eachNumber(unit, factored),
  korselt,
  'prime-certificate': unit => eachNumber(unit, certificate),
  psp2,
};
