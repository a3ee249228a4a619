CREATE SCHEMA coordinator;

-- Inputs that had their effect: an event's id is here if and only if what it caused is committed.
CREATE TABLE coordinator.inbox (
    event_id text PRIMARY KEY,
    outcome text NOT NULL,
    applied_at bigint NOT NULL
);

CREATE TABLE coordinator.jobs (
    id text PRIMARY KEY,
    requester text NOT NULL,
    state text NOT NULL,
    form text NOT NULL,
    encrypted boolean NOT NULL,
    workflow jsonb NOT NULL,
    request_event text NOT NULL,
    relays text[] NOT NULL,
    budget bigint NOT NULL,
    spent bigint NOT NULL,
    cost_s double precision NOT NULL,
    deadline bigint NOT NULL,
    accepted_at bigint NOT NULL,
    ended_at bigint,
    reason text NOT NULL,
    output_sha256 text,
    output_size bigint,
    reported_progress double precision NOT NULL,
    reported_at bigint NOT NULL
);
CREATE INDEX jobs_active ON coordinator.jobs (accepted_at) WHERE state IN ('accepted', 'running');
CREATE INDEX jobs_by_requester ON coordinator.jobs (requester);
CREATE INDEX jobs_by_output ON coordinator.jobs (output_sha256) WHERE output_sha256 IS NOT NULL;
CREATE INDEX jobs_by_time ON coordinator.jobs (accepted_at);

CREATE TABLE coordinator.stages (
    job text NOT NULL REFERENCES coordinator.jobs,
    name text NOT NULL,
    position integer NOT NULL,
    state text NOT NULL,
    definition jsonb NOT NULL,
    params bytea,
    cost_s double precision NOT NULL,
    planned bigint NOT NULL,
    exhausted boolean NOT NULL,
    accepted bigint NOT NULL,
    accepted_cost_s double precision NOT NULL,
    partial bytea,
    folded bigint NOT NULL,
    output_sha256 text,
    output_size bigint,
    PRIMARY KEY (job, name)
);

CREATE TABLE coordinator.units (
    id text PRIMARY KEY,
    job text NOT NULL,
    stage text NOT NULL,
    position bigint NOT NULL,
    state text NOT NULL,
    kernel text NOT NULL,
    version text NOT NULL,
    spec_sha256 text NOT NULL,
    cost_s double precision NOT NULL,
    spec bytea,
    blob_sha256 text,
    blob_size bigint,
    fence integer NOT NULL,
    failures integer NOT NULL,
    result_sha256 text,
    folded boolean NOT NULL,
    UNIQUE (job, stage, position),
    -- At most one acceptance, and an accepted unit has a result.
    CHECK ((state = 'accepted') = (result_sha256 IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
CREATE INDEX units_ready ON coordinator.units (job, stage, position) WHERE state = 'ready';
CREATE INDEX units_to_fold ON coordinator.units (job, stage, position)
    WHERE state = 'accepted' AND NOT folded;
CREATE INDEX units_open ON coordinator.units (job) WHERE state IN ('ready', 'leased');

CREATE TABLE coordinator.leases (
    id text PRIMARY KEY,
    unit text NOT NULL,
    job text NOT NULL,
    provider text NOT NULL,
    fence integer NOT NULL,
    state text NOT NULL,
    price bigint NOT NULL,
    granted_at bigint NOT NULL,
    heard_at bigint NOT NULL,
    deadline bigint NOT NULL,
    commitment text,
    nonce text,
    result_sha256 text,
    result bytea,
    covered double precision NOT NULL,
    UNIQUE (unit, fence)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
CREATE INDEX leases_by_provider ON coordinator.leases (provider) WHERE state IN ('offered', 'started');
CREATE INDEX leases_by_result ON coordinator.leases (result_sha256)
    WHERE result_sha256 IS NOT NULL;
CREATE INDEX leases_open ON coordinator.leases (job) WHERE state IN ('offered', 'started', 'sealed');
CREATE INDEX leases_due ON coordinator.leases (deadline) WHERE state IN ('offered', 'started');

CREATE TABLE coordinator.providers (
    key text PRIMARY KEY,
    first_seen_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    request jsonb NOT NULL
);

-- Verdicts, until a receipt has carried them; kept for sending a receipt again.
CREATE TABLE coordinator.verdicts (
    lease text PRIMARY KEY,
    provider text NOT NULL,
    verdict jsonb NOT NULL,
    receipted boolean NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
CREATE INDEX verdicts_waiting ON coordinator.verdicts (provider) WHERE NOT receipted;

-- Signed events on their way to the event log's topic `outbound`.
CREATE TABLE coordinator.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    message bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);

-- One row: the rules that the log stated last, as its entry.
CREATE TABLE coordinator.policy (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    entry bytea NOT NULL
);

CREATE TABLE coordinator.checkpoints (
    size bigint PRIMARY KEY,
    event_id text NOT NULL,
    event text NOT NULL,
    made_at bigint NOT NULL
);

-- Receipts as they were signed: relays may forget them, an auditor must still find them.
CREATE TABLE coordinator.receipts (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event text NOT NULL
);

-- Events that are evidence and came inside others: the seals of private messages.
CREATE TABLE coordinator.evidence (
    event_id text PRIMARY KEY,
    event text NOT NULL
);
