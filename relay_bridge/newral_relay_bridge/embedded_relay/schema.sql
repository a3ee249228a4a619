-- The events that the relay stores, and what was deleted for good.

CREATE TABLE event (
    -- AUTOINCREMENT: a row number is never used twice, so it orders what was committed.
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    pubkey BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    -- kind:pubkey:d of replaceable and addressable events, of which only the newest is kept.
    address TEXT UNIQUE,
    expires_at INTEGER,
    json BLOB NOT NULL
) STRICT;

CREATE INDEX event_by_time ON event (created_at);
CREATE INDEX event_by_kind ON event (kind, created_at);
CREATE INDEX event_by_author ON event (pubkey, kind, created_at);
CREATE INDEX event_by_expiry ON event (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE tag (
    letter TEXT NOT NULL,
    value TEXT NOT NULL,
    event INTEGER NOT NULL REFERENCES event (row) ON DELETE CASCADE,
    PRIMARY KEY (letter, value, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_by_event ON tag (event);

-- NIP-09: an author's word that an event must not come back.
CREATE TABLE deleted_id (
    id BLOB NOT NULL,
    pubkey BLOB NOT NULL,
    PRIMARY KEY (id, pubkey)
) STRICT, WITHOUT ROWID;

CREATE TABLE deleted_address (
    address TEXT NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
