-- The event log, the offsets of its consumers, and the archive of raw events.

CREATE SCHEMA bridge;

-- One row per topic, updated by every append under the topic's advisory lock: kept short and on
-- one page, and vacuumed after few dead rows.
CREATE TABLE bridge.topics (
    topic text PRIMARY KEY,
    next_offset bigint NOT NULL CHECK (next_offset >= 0)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);

CREATE TABLE bridge.records (
    topic text NOT NULL,
    record_offset bigint NOT NULL CHECK (record_offset >= 0),
    key text NOT NULL,
    value bytea NOT NULL,
    idempotency_key text NOT NULL,
    -- Which entry of which caller this is: an append whose commit was left in doubt finds its own.
    entry_id uuid NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, record_offset),
    UNIQUE (topic, idempotency_key)
);

CREATE TABLE bridge.consumer_offsets (
    consumer text NOT NULL,
    topic text NOT NULL,
    last_offset bigint NOT NULL CHECK (last_offset >= 0),
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);

CREATE TABLE bridge.archive (
    event_id bytea PRIMARY KEY CHECK (octet_length(event_id) = 32),
    kind integer NOT NULL,
    pubkey bytea NOT NULL CHECK (octet_length(pubkey) = 32),
    created_at bigint NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    raw bytea NOT NULL
);
