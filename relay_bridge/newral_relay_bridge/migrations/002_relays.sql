-- What the bridge remembers about relays.

-- Until when everything that a relay had for us is committed.
CREATE TABLE bridge.relay_cursors (
    relay text PRIMARY KEY,
    complete_until double precision NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);

-- Events that a relay has not acknowledged at the first attempt. A row is deleted when the relay
-- has the event. Times are Unix seconds by the bridge's clock.
CREATE TABLE bridge.publications (
    event_id bytea NOT NULL CHECK (octet_length(event_id) = 32),
    relay text NOT NULL,
    raw bytea NOT NULL,
    record_offset bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'refused', 'abandoned')),
    attempts integer NOT NULL,
    last_error text NOT NULL,
    due_at double precision NOT NULL,
    give_up_at double precision,
    changed_at double precision NOT NULL,
    PRIMARY KEY (event_id, relay)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);

CREATE INDEX publications_pending ON bridge.publications (relay, due_at, record_offset)
WHERE state = 'pending';
