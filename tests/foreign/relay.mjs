// @nostr-relay/core behind a websocket, with its events in memory. Prints its URL when it is ready
// and stops at the end of its standard input.
import { WebSocketServer } from 'ws';
import relayCommon from '@nostr-relay/common';
import relayCore from '@nostr-relay/core';
import { compareEvents, matchFilter } from 'nostr-tools';

const { EventRepository, EventUtils, LogLevel } = relayCommon;
const LIMIT_DEFAULT = 500;

class MemoryRepository extends EventRepository {
  events = new Map();

  isSearchSupported() {
    return false;
  }

  upsert(event) {
    if (this.events.has(event.id)) return { isDuplicate: true };
    const d = EventUtils.extractDTagValue(event);
    const older = [...this.events.values()].find(
      other =>
        d !== null &&
        other.kind === event.kind &&
        other.pubkey === event.pubkey &&
        EventUtils.extractDTagValue(other) === d,
    );
    if (older && compareEvents(older, event) < 0) return { isDuplicate: true };
    if (older) this.events.delete(older.id);
    this.events.set(event.id, event);
    return { isDuplicate: false };
  }

  find(filter) {
    return [...this.events.values()]
      .filter(event => matchFilter(filter, event))
      .sort(compareEvents)
      .slice(0, Math.min(filter.limit ?? LIMIT_DEFAULT, LIMIT_DEFAULT));
  }

  async destroy() {}
}

const relay = new relayCore.NostrRelay(new MemoryRepository(), {
  logLevel: LogLevel.ERROR,
  filterResultCacheTtl: 0, // Otherwise a query may repeat what was true a second ago.
});
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2] ?? 0) });
server.on('connection', socket => {
  relay.handleConnection(socket);
  socket.on('message', async data => {
    try {
      await relay.handleMessage(socket, JSON.parse(data.toString()));
    } catch (error) {
      socket.send(JSON.stringify(['NOTICE', `error: ${error.message}`]));
    }
  });
  socket.on('close', () => relay.handleDisconnect(socket));
});
server.on('listening', () => console.log(`ws://127.0.0.1:${server.address().port}`));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
