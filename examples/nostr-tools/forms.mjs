// The four forms in which a job can be asked for, and how each is answered.
//
// A form takes { secret, coordinator, kernel, params, bid } and returns
//   event    what to publish
//   job      the id by which the coordinator names the job
//   filter   what to subscribe to
//   read     (verified event) → nothing, or { phase, reason } of the job, or its answer:
//            { sha256, output } or { sha256, urls }, and { text } where it is for people
import { finalizeEvent, getPublicKey, kinds, nip59 } from 'nostr-tools';

const JOB_REQUEST = 5990;
const JOB_REQUEST_NIP90 = 5999;
const JOB_RESULT = 6990;
const FEEDBACK = 7000;

const now = () => Math.floor(Date.now() / 1000);
const values = (event, name) => event.tags.filter(tag => tag[0] === name).map(tag => tag[1]);

// name=value words as an object, and the words without a name.
const split = words => {
  const named = words.filter(word => word.includes('='));
  const pairs = named.map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]);
  return { named: Object.fromEntries(pairs), plain: words.filter(word => !word.includes('=')) };
};

export const native = ({ secret, coordinator, kernel, params, bid }) => {
  const { named, plain } = split(params);
  if (plain.length > 0) throw new Error(`the native form names its parameters: NAME=${plain[0]}`);
  const content = JSON.stringify({ kernel, params: named });
  const tags = [['p', coordinator], ['output', 'application/json'], ...bidTag(bid)];
  return request(JOB_REQUEST, content, tags, secret, coordinator);
};

export const nip90 = ({ secret, coordinator, kernel, params, bid }) => {
  const { named, plain } = split(params);
  // Either a command in words as the input, or the kernel and its parameters by name.
  const what = plain.length > 0
    ? [['i', [kernel, ...params].join(' '), 'text']]
    : [['param', 'kernel', kernel], ...Object.entries(named).map(pair => ['param', ...pair])];
  const tags = [['p', coordinator], ...what, ['output', 'application/json'], ...bidTag(bid)];
  return request(JOB_REQUEST_NIP90, '', tags, secret, coordinator);
};

export const note = ({ secret, coordinator, kernel, params }) => {
  const content = [kernel, ...params].join(' ');
  const asked = request(kinds.ShortTextNote, content, [['p', coordinator]], secret, coordinator);
  asked.filter.kinds = [kinds.ShortTextNote, FEEDBACK];
  return asked;
};

export const dm = ({ secret, coordinator, kernel, params }) => {
  const message = { kind: kinds.PrivateDirectMessage, content: [kernel, ...params].join(' ') };
  const rumor = nip59.createRumor({ ...message, tags: [['p', coordinator]] }, secret);
  const event = nip59.createWrap(nip59.createSeal(rumor, secret, coordinator), coordinator);
  const read = wrap => {
    const reply = nip59.unwrapEvent(wrap, secret); // Throws unless the author sealed it.
    const isAnswer = reply.pubkey === coordinator && values(reply, 'e').includes(rumor.id);
    return isAnswer ? readText(reply.content) : undefined;
  };
  // Wraps are signed by keys used once: who wrote the message is known when it is opened.
  const filter = { kinds: [kinds.GiftWrap], '#p': [getPublicKey(secret)] };
  return { event, job: rumor.id, filter, read };
};

// NIP-90 bids are millisatoshi; the mark says that this one is in credits.
const bidTag = bid => (bid === undefined ? [] : [['bid', bid, 'credits']]);

const request = (kind, content, tags, secret, coordinator) => {
  const event = finalizeEvent({ kind, created_at: now(), tags, content }, secret);
  const filter = { kinds: [FEEDBACK, JOB_RESULT], authors: [coordinator], '#e': [event.id] };
  const read = answer => {
    // A relay may send what nobody asked for.
    if (answer.pubkey !== coordinator || !values(answer, 'e').includes(event.id)) return undefined;
    return readers[answer.kind]?.(answer);
  };
  return { event, job: event.id, filter, read };
};

const readers = {
  [FEEDBACK]: event => ({ phase: values(event, 'phase')[0], reason: event.content }),
  [JOB_RESULT]: event => ({
    sha256: values(event, 'x')[0],
    output: event.content,
    urls: values(event, 'url'),
  }),
  [kinds.ShortTextNote]: event => readText(event.content),
};

// An answer for people ends with the address of all of it, which is named by its SHA-256.
const readText = text => {
  const [url, sha256] = text.match(/https?:\/\/\S+\/([0-9a-f]{64})\S*/) ?? [];
  if (url) return { text, sha256, urls: [url] };
  const [, phase] = text.match(/^(refused|accepted|failed|cancelled|expired)\b/) ?? [];
  return { phase, reason: text };
};
