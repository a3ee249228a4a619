-- What the bridge deletes again: see `newral_relay_bridge.retention`.

CREATE INDEX archive_ephemeral ON bridge.archive (first_seen) WHERE kind >= 20000 AND kind < 30000;
