-- What bounds the room and the time that strangers can take.

-- Inputs of ephemeral kinds are forgotten again: they are too old to be admitted a second time.
ALTER TABLE coordinator.inbox ADD COLUMN ephemeral boolean NOT NULL DEFAULT false;
CREATE INDEX inbox_ephemeral ON coordinator.inbox (applied_at) WHERE ephemeral;

-- When a receipt carried the verdict last; null before the first.
ALTER TABLE coordinator.verdicts ADD COLUMN receipted_at bigint;
CREATE INDEX verdicts_by_provider ON coordinator.verdicts (provider);

CREATE INDEX providers_by_time ON coordinator.providers (seen_at);

CREATE INDEX jobs_active_by_requester ON coordinator.jobs (requester)
    WHERE state IN ('accepted', 'running');
