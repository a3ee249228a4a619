-- store --
-- Keep events that are not yet kept; return the ids of those. In the order of the ids, so that two
-- writers with events in common wait for each other instead of deadlocking.
INSERT INTO bridge.archive (event_id, kind, pubkey, created_at, raw)
SELECT DISTINCT ON (event_id) *
FROM unnest(
    %(event_ids)b::bytea[], %(kinds)s::integer[], %(pubkeys)b::bytea[], %(created_ats)s::bigint[],
    %(raws)b::bytea[]
) AS e (event_id, kind, pubkey, created_at, raw)
ORDER BY event_id
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id

-- get --
-- Raw events by id.
SELECT event_id, raw FROM bridge.archive WHERE event_id = ANY(%(event_ids)b::bytea[])
