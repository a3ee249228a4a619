-- claim_input --
-- Enter an input into the inbox; no row comes back when it is there already.
INSERT INTO coordinator.inbox (event_id, outcome, applied_at, ephemeral)
VALUES (%(event_id)s, %(outcome)s, %(now)s, %(ephemeral)s)
ON CONFLICT DO NOTHING
RETURNING event_id

-- set_input_outcome --
-- What became of an input that was claimed in this transaction.
UPDATE coordinator.inbox SET outcome = %(outcome)s WHERE event_id = %(event_id)s

-- forget_inputs --
-- Inputs of ephemeral kinds from before a time, the oldest first.
DELETE FROM coordinator.inbox WHERE event_id IN (
    SELECT event_id FROM coordinator.inbox
    WHERE ephemeral AND applied_at < %(before)s ORDER BY applied_at LIMIT %(limit)s
)

-- job --
-- One job, locked against concurrent change.
SELECT * FROM coordinator.jobs WHERE id = %(id)s FOR UPDATE

-- cancellable_jobs --
-- Those of a requester's jobs that are active, of the ones named; locked against concurrent change.
SELECT * FROM coordinator.jobs
WHERE id = ANY(%(ids)s) AND requester = %(requester)s AND state IN ('accepted', 'running')
ORDER BY id FOR UPDATE

-- count_active_jobs --
-- How many of a requester's jobs have not ended.
SELECT count(*) AS active FROM coordinator.jobs
WHERE requester = %(requester)s AND state IN ('accepted', 'running')

-- active_jobs --
-- Jobs whose units may be lent, oldest first.
SELECT * FROM coordinator.jobs WHERE state IN ('accepted', 'running') ORDER BY accepted_at, id

-- overdue_jobs --
-- Active jobs whose deadline has passed.
SELECT * FROM coordinator.jobs
WHERE state IN ('accepted', 'running') AND deadline <= %(now)s ORDER BY deadline

-- recent_jobs --
-- For people: the newest jobs and how many of their units are where.
SELECT jobs.id, jobs.requester, jobs.state, jobs.accepted_at, jobs.ended_at, jobs.reason,
    jobs.reported_progress, jobs.budget, jobs.spent, jobs.workflow,
    jobs.encrypted OR jobs.form = 'message' AS private,
    (SELECT coalesce(sum(planned), 0) FROM coordinator.stages WHERE job = jobs.id) AS units,
    (SELECT coalesce(sum(accepted), 0) FROM coordinator.stages WHERE job = jobs.id) AS accepted,
    (
        SELECT count(*) FROM coordinator.leases
        WHERE job = jobs.id AND state IN ('offered', 'started')
    ) AS leased
FROM coordinator.jobs ORDER BY accepted_at DESC, id LIMIT %(limit)s

-- totals --
-- For people: the market in three numbers.
SELECT count(*) AS jobs,
    count(*) FILTER (WHERE state IN ('accepted', 'running')) AS jobs_running,
    (SELECT coalesce(sum(accepted), 0)::bigint FROM coordinator.stages) AS units_accepted
FROM coordinator.jobs

-- stages --
-- A job's stages in topological order.
SELECT * FROM coordinator.stages WHERE job = %(job)s ORDER BY position

-- count_accepted_unit --
-- One more unit of a stage is accepted. Its partial output, which may be large, is not touched.
UPDATE coordinator.stages
SET accepted = accepted + 1, accepted_cost_s = accepted_cost_s + %(cost_s)s
WHERE job = %(job)s AND name = %(name)s

-- unit --
-- One unit, locked against concurrent change.
SELECT * FROM coordinator.units WHERE id = %(id)s FOR UPDATE

-- open_units --
-- Units of a job that are not decided.
SELECT * FROM coordinator.units
WHERE job = %(job)s AND state IN ('ready', 'leased') ORDER BY stage, position

-- count_open_units --
-- How many units of a stage are planned and not decided.
SELECT count(*) AS open FROM coordinator.units
WHERE job = %(job)s AND stage = %(stage)s AND state IN ('ready', 'leased')

-- units_to_fold --
-- Accepted units of a stage whose results are not in its partial output yet.
SELECT * FROM coordinator.units
WHERE job = %(job)s AND stage = %(stage)s AND state = 'accepted' AND NOT folded
ORDER BY position LIMIT %(limit)s

-- accepted_result --
-- A lease whose result is the unit's accepted one.
SELECT result, result_sha256 FROM coordinator.leases
WHERE unit = %(unit)s AND result_sha256 = %(result_sha256)s AND state = 'revealed'
ORDER BY fence LIMIT 1

-- ready_units --
-- Units to lend: those that others have returned first, then fairly among jobs. The salt decides
-- which jobs come first, so that units which nobody can take hold up no other job for long.
SELECT * FROM (
    SELECT units.*, row_number() OVER (
        PARTITION BY job ORDER BY (fence = 0), stage, position
    ) AS turn
    FROM coordinator.units WHERE state = 'ready'
) AS queue ORDER BY turn, hashtextextended(job, %(salt)s), job LIMIT %(limit)s

-- excluded_providers --
-- Who must not have a unit again: those who are bound to a result of it, or failed. And who has let
-- a lease of it lapse, or declined one: not for long, since a node may be full, paused or stopping.
SELECT unit,
    coalesce(
        array_agg(DISTINCT provider) FILTER (
            WHERE state IN ('sealed', 'revealed', 'failed')
            OR state = 'refused' AND granted_at > %(refused_since)s
        ), '{}'
    ) AS excluded,
    coalesce(
        array_agg(DISTINCT provider) FILTER (WHERE state IN ('expired', 'refused')), '{}'
    ) AS lapsed
FROM coordinator.leases
WHERE unit = ANY(%(units)s) AND state IN ('sealed', 'revealed', 'failed', 'refused', 'expired')
GROUP BY unit

-- lease --
-- One lease, locked against concurrent change.
SELECT * FROM coordinator.leases WHERE id = %(id)s FOR UPDATE

-- leases_of_unit --
-- The sealed leases of a unit, in the order in which they were granted.
SELECT * FROM coordinator.leases WHERE unit = %(unit)s AND state = 'sealed' ORDER BY fence

-- open_leases_of_job --
-- Leases of a job that have no verdict yet.
SELECT * FROM coordinator.leases
WHERE job = %(job)s AND state IN ('offered', 'started', 'sealed') ORDER BY id FOR UPDATE

-- active_leases_of_provider --
-- Leases from which a provider may still return a result.
SELECT * FROM coordinator.leases
WHERE provider = %(provider)s AND state IN ('offered', 'started') ORDER BY granted_at, id
FOR UPDATE

-- overdue_leases --
-- Leases whose deadline has passed, or whose node has been silent for too long.
SELECT leases.* FROM coordinator.leases JOIN coordinator.providers ON providers.key = provider
WHERE state IN ('offered', 'started') AND (deadline <= %(now)s OR seen_at <= %(lost)s)
ORDER BY deadline, id FOR UPDATE OF leases

-- leases_to_offer_again --
-- Offers that their nodes have not confirmed.
SELECT * FROM coordinator.leases WHERE state = 'offered' AND heard_at <= %(before)s
ORDER BY provider, granted_at, id LIMIT %(limit)s FOR UPDATE

-- count_leases_by_state --
-- For people: how many open leases a provider has, and how many verdicts of each outcome.
SELECT provider, state, count(*) AS leases FROM coordinator.leases
WHERE state IN ('offered', 'started') GROUP BY provider, state
UNION ALL
SELECT provider, verdict ->> 'outcome', count(*) FROM coordinator.verdicts
GROUP BY provider, verdict ->> 'outcome'

-- is_private_blob --
-- Whether a hash is that of private jobs' results only. What was refused or refuted does not count:
-- there a provider may have named any blob.
SELECT EXISTS (
    SELECT FROM coordinator.leases JOIN coordinator.jobs ON jobs.id = leases.job
    WHERE leases.result_sha256 = %(sha256)s AND leases.state IN ('sealed', 'revealed')
        AND (jobs.encrypted OR jobs.form = 'message')
) AND NOT EXISTS (
    SELECT FROM coordinator.leases JOIN coordinator.jobs ON jobs.id = leases.job
    WHERE leases.result_sha256 = %(sha256)s AND leases.state IN ('sealed', 'revealed')
        AND NOT (jobs.encrypted OR jobs.form = 'message')
) AND NOT EXISTS (
    SELECT FROM coordinator.jobs
    WHERE output_sha256 = %(sha256)s AND NOT (encrypted OR form = 'message')
) AS private

-- held_leases --
-- Leases from which a provider may still return a result.
SELECT * FROM coordinator.leases
WHERE provider = %(provider)s AND state IN ('offered', 'started') ORDER BY granted_at, id

-- put_provider --
-- Note what a node says of itself.
INSERT INTO coordinator.providers (key, first_seen_at, seen_at, request)
VALUES (%(key)s, %(now)s, %(now)s, %(request)s)
ON CONFLICT (key) DO UPDATE SET seen_at = EXCLUDED.seen_at, request = EXCLUDED.request

-- applicants --
-- Nodes heard from lately, how many leases they have, and which of them they had not confirmed.
SELECT recent.*, held.active, held.offered
FROM (
    SELECT * FROM coordinator.providers
    WHERE seen_at > %(since)s ORDER BY seen_at DESC, key LIMIT %(limit)s
) AS recent
CROSS JOIN LATERAL (
    SELECT count(*) AS active,
        coalesce(array_agg(id) FILTER (WHERE state = 'offered'), '{}') AS offered
    FROM coordinator.leases WHERE provider = key AND state IN ('offered', 'started')
) AS held
ORDER BY key

-- forget_providers --
-- Nodes that were silent since a time, and that never had a verdict, nor have a lease.
DELETE FROM coordinator.providers WHERE key IN (
    SELECT key FROM coordinator.providers
    WHERE seen_at < %(before)s
        AND NOT EXISTS (SELECT FROM coordinator.verdicts WHERE provider = key)
        AND NOT EXISTS (
            SELECT FROM coordinator.leases
            WHERE provider = key AND state IN ('offered', 'started')
        )
    LIMIT %(limit)s
)

-- providers --
-- The nodes that asked last.
SELECT key, first_seen_at, seen_at, request FROM coordinator.providers
ORDER BY seen_at DESC, key LIMIT %(limit)s

-- put_verdict --
-- A verdict that waits for a receipt.
INSERT INTO coordinator.verdicts (lease, provider, verdict, receipted)
VALUES (%(lease)s, %(provider)s, %(verdict)s, false)
ON CONFLICT (lease) DO NOTHING

-- waiting_verdicts --
-- Verdicts that no receipt has carried, by provider.
SELECT lease, provider, verdict, receipted_at FROM coordinator.verdicts WHERE NOT receipted
ORDER BY provider, lease LIMIT %(limit)s FOR UPDATE

-- set_receipted --
-- A receipt carries these verdicts.
UPDATE coordinator.verdicts SET receipted = true, receipted_at = %(now)s
WHERE lease = ANY(%(leases)s)

-- send_receipt_again --
-- A node asks again what became of a lease, and the last receipt is old enough.
UPDATE coordinator.verdicts SET receipted = false
WHERE lease = %(lease)s AND receipted AND coalesce(receipted_at, 0) <= %(before)s

-- put_receipt --
-- A receipt as it was signed.
INSERT INTO coordinator.receipts (event) VALUES (%(event)s)

-- receipts --
-- Receipts in the order in which they were signed.
SELECT event FROM coordinator.receipts ORDER BY sequence OFFSET %(skip)s LIMIT %(limit)s

-- put_outbox --
-- A signed event to publish.
INSERT INTO coordinator.outbox (event_id, message) VALUES (%(event_id)s, %(message)s)
ON CONFLICT DO NOTHING

-- outbox --
-- The oldest events that the event log has not got.
SELECT id, event_id, message FROM coordinator.outbox ORDER BY id LIMIT %(limit)s

-- delete_outbox --
-- Events that the event log has got.
DELETE FROM coordinator.outbox WHERE id = ANY(%(ids)s)

-- policy --
-- The rules that the log stated last.
SELECT entry FROM coordinator.policy

-- put_policy --
-- The log states other rules from here on.
INSERT INTO coordinator.policy (entry) VALUES (%(entry)s)
ON CONFLICT (only_row) DO UPDATE SET entry = EXCLUDED.entry

-- last_checkpoint --
-- The newest checkpoint.
SELECT size, event_id, event, made_at FROM coordinator.checkpoints ORDER BY size DESC LIMIT 1

-- put_checkpoint --
-- One signature for each size, ever.
INSERT INTO coordinator.checkpoints (size, event_id, event, made_at)
VALUES (%(size)s, %(event_id)s, %(event)s, %(made_at)s)

-- put_evidence --
-- A signed event that arrived inside another.
INSERT INTO coordinator.evidence (event_id, event) VALUES (%(event_id)s, %(event)s)
ON CONFLICT DO NOTHING

-- evidence --
-- Signed events that arrived inside others.
SELECT event_id, event FROM coordinator.evidence WHERE event_id = ANY(%(ids)s)
