// nostr-tools as a client: node client.mjs URL. Subscribes, publishes, is told of its own event,
// authenticates, fetches, counts, and prints what happened as JSON.
import { finalizeEvent, generateSecretKey } from 'nostr-tools';
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay';
import WebSocket from 'ws';

useWebSocketImplementation(WebSocket);
const secret = generateSecretKey();
const now = Math.floor(Date.now() / 1000);
const note = (kind, content, tags = []) =>
  finalizeEvent({ kind, created_at: now, tags, content }, secret);

const relay = await Relay.connect(process.argv[2]);
const live = new Promise(resolve => {
  relay.subscribe([{ kinds: [5990], limit: 0 }], {
    onevent: event => resolve(event.content),
    oneose: () => relay.publish(note(5990, 'a job')).catch(resolve),
  });
});
const received = await live;
const authenticated = await relay.auth(template => Promise.resolve(finalizeEvent(template, secret)));
const isProtectedAccepted = await relay.publish(note(1, 'only from me', [['-']]));
const stored = await new Promise(resolve => {
  const contents = [];
  const subscription = relay.subscribe([{ kinds: [5990] }], {
    onevent: event => contents.push(event.content),
    oneose: () => {
      subscription.close();
      resolve(contents);
    },
  });
});
const count = await relay.count([{ kinds: [5990] }], {});
console.log(JSON.stringify({ received, authenticated, isProtectedAccepted, stored, count }));
relay.close();
