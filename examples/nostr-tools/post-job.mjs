#!/usr/bin/env node
// Post a job to a Newral coordinator, wait, check the answer, print it as JSON.
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { generateSecretKey, nip19, verifyEvent } from 'nostr-tools';
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay';
import WebSocket from 'ws';
import * as forms from './forms.mjs';

const USAGE = `usage: post-job.mjs --relay URL --coordinator NPUB [--form ${Object.keys(forms).join('|')}]
                    [--bid CREDITS] [--timeout SECONDS] KERNEL PARAMS...
       PARAMS are NAME=VALUE; all forms but the native one also take them in order, as in
       post-job.mjs --relay ws://127.0.0.1:7777 --coordinator npub1... --form note carmichael 10^9`;
const BAD_ENDS = ['refused', 'failed', 'cancelled', 'expired'];
const EXIT = { failed: 1, usage: 2, refused: 3, timeout: 4 };
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;

class Stop extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const readArguments = () => {
  const options = { relay: {}, coordinator: {}, form: { default: 'native' }, bid: {}, timeout: { default: '600' } };
  for (const option of Object.values(options)) option.type = 'string';
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const { type, data } = nip19.decode(values.coordinator ?? '');
    if (type !== 'npub') throw new Error('--coordinator is an npub');
    if (!values.relay || !forms[values.form] || positionals.length < 2) throw new Error('incomplete');
    const [kernel, ...params] = positionals;
    return { ...values, coordinator: data, kernel, params };
  } catch (error) {
    throw new Stop(EXIT.usage, `${error.message}\n${USAGE}`);
  }
};

// The bytes that have this SHA-256, from the event itself or from the first server that has them.
const fetchOutput = async ({ sha256, output, urls }) => {
  const isNamed = bytes => createHash('sha256').update(bytes).digest('hex') === sha256;
  if (output) {
    if (!isNamed(output)) throw new Stop(EXIT.failed, 'the output does not have the hash in tag x');
    return output;
  }
  for (const url of urls) {
    const response = await fetch(url);
    const length = Number(response.headers.get('content-length') ?? 0);
    const bytes = response.ok && length <= OUTPUT_BYTES_MAX ? Buffer.from(await response.arrayBuffer()) : '';
    if (isNamed(bytes)) return bytes.toString();
  }
  throw new Stop(EXIT.failed, `no server has the output ${sha256}`);
};

// Publishes the job; resolves with its verified answer.
const ask = (relay, job, phases) =>
  new Promise((resolve, reject) => {
    const onevent = event => {
      try {
        const news = verifyEvent(event) ? job.read(event) : undefined;
        if (news?.sha256) resolve(news);
        if (!news?.phase) return;
        phases.push(news.phase);
        if (BAD_ENDS.includes(news.phase)) {
          reject(new Stop(EXIT[news.phase] ?? EXIT.failed, `${news.phase}: ${news.reason}`));
        }
      } catch (error) {
        console.error(`ignored an event that is not for us or forged: ${error.message}`);
      }
    };
    const onclose = reason => reject(new Stop(EXIT.failed, `the subscription ended: ${reason}`));
    relay.subscribe([job.filter], { onevent, onclose });
    relay.publish(job.event).catch(error => reject(new Stop(EXIT.refused, error.message)));
  });

const expire = seconds =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new Stop(EXIT.timeout, `no answer in ${seconds} s`)), seconds * 1000).unref();
  });

const main = async () => {
  const { relay: url, form, timeout, ...wanted } = readArguments();
  const job = forms[form]({ ...wanted, secret: generateSecretKey() });
  const phases = [];
  const relay = await Relay.connect(url);
  const answer = await Promise.race([ask(relay, job, phases), expire(Number(timeout))]);
  const output = JSON.parse(await fetchOutput(answer));
  const { sha256, text } = answer;
  console.log(JSON.stringify({ job: job.job, form, phases, sha256, text, output }));
};

useWebSocketImplementation(WebSocket);
main().then(
  () => process.exit(0),
  error => {
    console.error(error.message ?? error);
    process.exit(error.code ?? EXIT.failed);
  },
);
