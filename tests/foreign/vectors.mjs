// The specification's test vectors, seen by an implementation that shares no code with ours:
// node vectors.mjs FOLDER. Prints how much was checked of each sort as JSON; fails at the first
// difference. Cryptography is nostr-tools' and Node's, everything else is written from the prose.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { getPublicKey, verifyEvent } from 'nostr-tools/pure';
import * as nip44 from 'nostr-tools/nip44';
import { canonical } from './canonical.mjs';
import { KERNELS } from './kernels.mjs';

const folder = process.argv[2];
const counts = {};
const count = what => (counts[what] = (counts[what] ?? 0) + 1);

const bytes = hex => Buffer.from(hex, 'hex');
const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const read = name => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const files = (within, prefix) =>
  readdirSync(join(folder, within))
    .filter(name => name.startsWith(prefix))
    .map(name => join(within, name));

// NIP-01. nostr-tools' own verification: id and signature; it marks what it has seen, hence a copy.
const isAuthentic = event => {
  const { id, pubkey, created_at, kind, tags, content, sig } = event;
  return verifyEvent({ id, pubkey, created_at, kind, tags, content, sig });
};
const joined = vector => vector.raw_parts.map(([text, times]) => text.repeat(times)).join('');
for (const name of files('event', 'valid')) {
  assert(isAuthentic(JSON.parse(joined(read(name)))), name);
  count('valid events');
}
for (const name of [...files('event', 'invalid.id'), ...files('event', 'invalid.signature')]) {
  assert(!isAuthentic(JSON.parse(joined(read(name)))), name);
  count('forged events');
}

// Messages: signatures, and NIP-44 both ways.
const MESSAGES = readdirSync(folder, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name)
  .filter(name => files(name, '').some(file => read(file).message));
for (const name of MESSAGES.flatMap(message => files(message, ''))) {
  const { event, keys, encryption, plaintext, reader } = read(name);
  assert(isAuthentic(event), name);
  count('signed messages');
  for (const { secret_key, public_key } of Object.values(keys)) {
    assert.equal(getPublicKey(bytes(secret_key)), public_key);
  }
  if (!encryption) continue;
  const secret = bytes(keys[encryption.recipient].secret_key);
  const key = nip44.getConversationKey(secret, event.pubkey);
  assert.equal(Buffer.from(key).toString('hex'), encryption.conversation_key);
  assert.equal(nip44.decrypt(event.content, key), plaintext);
  assert.equal(nip44.encrypt(plaintext, key, bytes(encryption.nonce)), event.content);
  count('encrypted messages');
  if (reader !== encryption.recipient) {
    const other = nip44.getConversationKey(bytes(keys[reader].secret_key), event.pubkey);
    assert.throws(() => nip44.decrypt(event.content, other));
    count('messages for somebody else');
  }
}

// Canonical JSON.
const { valid, invalid } = read('canonical_json.json');
for (const { text, canonical: form, sha256: digest } of valid) {
  assert.equal(canonical(text), form);
  assert.equal(sha256(form).toString('hex'), digest);
  count('canonical forms');
}
for (const { text, about } of invalid) {
  assert.throws(() => canonical(text), SyntaxError, about);
  count('texts without a canonical form');
}

// Ids and commitments.
const DOMAINS = {
  unit_id: 'newral/unit/1',
  lease_id: 'newral/lease/1',
  transfer_id: 'newral/transfer/1',
};
for (const { function: name, arguments: parts, id } of read('ids.json').cases) {
  const text = [DOMAINS[name], ...parts].map(part => `${part}\0`).join('');
  assert.equal(sha256(text).toString('hex'), id);
  count('ids');
}
const resultHash = ({ result, blob, failed }) => {
  if (blob) return blob.sha256;
  return sha256(failed ?? canonical(JSON.stringify(result))).toString('hex');
};
const commit = (...parts) => sha256('newral/commitment/1', ...parts.map(bytes)).toString('hex');
for (const item of read('commitments.json').cases) {
  assert.equal(resultHash(item.result), item.result_sha256);
  assert.equal(commit(item.provider, item.unit, item.nonce, item.result_sha256), item.commitment);
  count('commitments');
}
for (const name of files('sealed_results', 'valid')) {
  const { event, plaintext } = read(name);
  const commitments = event.tags.filter(([tag]) => tag === 'commitment');
  JSON.parse(plaintext).results.forEach((result, index) => {
    const [, lease, unit, , commitment] = commitments[index];
    assert.equal(result.lease, lease);
    assert.equal(commit(event.pubkey, unit, result.nonce, resultHash(result)), commitment);
    count('sealed results');
  });
}

// The trail.
const leafHash = entry => sha256('\0', entry);
const root = hashes => {
  if (hashes.length === 0) return sha256('');
  if (hashes.length === 1) return hashes[0];
  let split = 1;
  while (2 * split < hashes.length) split *= 2;
  return sha256('\x01', root(hashes.slice(0, split)), root(hashes.slice(split)));
};
for (const name of files('trail', 'valid')) {
  const { bytes: raw, leaf_hash, expected } = read(name);
  const present = Object.entries(expected).filter(([, value]) => value !== null);
  assert.equal(canonical(JSON.stringify(Object.fromEntries(present))), raw);
  assert.equal(leafHash(raw).toString('hex'), leaf_hash);
  count('entries');
}
const tree = read('merkle.json');
const leaves = tree.leaves.map(leaf => leafHash(bytes(leaf)));
assert.deepEqual(leaves.map(leaf => leaf.toString('hex')), tree.leaf_hashes);
tree.roots.forEach((expected, size) => {
  assert.equal(root(leaves.slice(0, size)).toString('hex'), expected);
  count('roots');
});
// RFC 9162, 2.1.3.2.
const includedRoot = (leaf, index, size, proof) => {
  let [node, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (node % 2 === 1 || node === last) {
      hash = sha256('\x01', sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node >> 1, last >> 1];
    } else {
      hash = sha256('\x01', hash, sibling);
    }
    [node, last] = [node >> 1, last >> 1];
  }
  return hash.toString('hex');
};
for (const { index, size, proof } of tree.inclusion) {
  assert.equal(includedRoot(leaves[index], index, size, proof.map(bytes)), tree.roots[size]);
  count('inclusion proofs');
}
let bundle = bytes(tree.log.bundle);
for (const entry of tree.log.entries) {
  const length = bundle.readUInt16BE(0);
  assert.equal(bundle.subarray(2, 2 + length).toString(), entry);
  bundle = bundle.subarray(2 + length);
}
assert.equal(bundle.length, 0);
assert.equal(root(tree.log.entries.map(leafHash)).toString('hex'), tree.log.root);
const bundlePath = (number, width) => {
  const digits = String(number).padStart(3 * Math.ceil(String(number).length / 3), '0');
  const groups = digits.match(/.{3}/g);
  const last = groups.pop();
  return [...groups.map(group => `x${group}`), last].join('/') + (width < 256 ? `.p/${width}` : '');
};
for (const { number, width, path } of tree.paths) {
  assert.equal(bundlePath(number, width), path);
  count('bundle paths');
}

// Kernels.
for (const name of files('kernels', '')) {
  const { kernel, unit, result, result_bytes, result_sha256 } = read(name);
  const raw = canonical(JSON.stringify(KERNELS[kernel](unit)));
  assert.equal(raw, canonical(JSON.stringify(result)), relative(folder, name));
  assert.equal(Buffer.byteLength(raw), result_bytes);
  assert.equal(sha256(raw).toString('hex'), result_sha256);
  count(`${kernel} units`);
}

console.log(JSON.stringify(counts));
