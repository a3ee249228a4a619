-- Accounts and transfers of the books, entries and subtrees of the log.

CREATE SCHEMA ledger;

-- Rows of these tables are facts: what would change or remove one is a bug, and fails.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

CREATE TABLE ledger.accounts (
    name text PRIMARY KEY,
    posted bigint NOT NULL DEFAULT 0,
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    CHECK (name = 'issuance' OR posted >= reserved)
)
-- Every transfer updates two rows: leave room for updates within the page.
WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);

CREATE TABLE ledger.transfers (
    id bytea PRIMARY KEY CHECK (octet_length(id) = 32),
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    phase text NOT NULL CHECK (phase IN ('single', 'pending', 'posting', 'voiding')),
    debit text NOT NULL REFERENCES ledger.accounts,
    credit text NOT NULL REFERENCES ledger.accounts,
    amount bigint NOT NULL CHECK (amount >= 1),
    reason text NOT NULL,
    job bytea CHECK (octet_length(job) = 32),
    lease bytea CHECK (octet_length(lease) = 32),
    pending_id bytea REFERENCES ledger.transfers,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CHECK (debit <> credit),
    CHECK ((pending_id IS NOT NULL) = (phase IN ('posting', 'voiding')))
);

-- A pending transfer is posted or voided, once.
CREATE UNIQUE INDEX transfers_pending_id ON ledger.transfers (pending_id)
WHERE pending_id IS NOT NULL;

CREATE TRIGGER transfers_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

CREATE TABLE ledger.log_entries (
    position bigint PRIMARY KEY CHECK (position >= 0),
    raw bytea NOT NULL CHECK (octet_length(raw) <= 65535)
);

CREATE TRIGGER log_entries_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.log_entries
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Complete subtrees of at least two leaves: `place` counts those of a level from the left.
CREATE TABLE ledger.log_subtrees (
    level smallint NOT NULL CHECK (level >= 1),
    place bigint NOT NULL CHECK (place >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, place)
);

CREATE TRIGGER log_subtrees_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.log_subtrees
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- One row: the log's size and the hashes of its maximal complete subtrees.
CREATE TABLE ledger.log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    size bigint NOT NULL,
    hashes bytea NOT NULL
)
WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

INSERT INTO ledger.log_head (size, hashes) VALUES (0, '');
