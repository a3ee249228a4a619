-- forget_ephemeral --
-- Archived events of ephemeral kinds that were first seen so long ago, the oldest first.
DELETE FROM bridge.archive WHERE event_id IN (
    SELECT event_id FROM bridge.archive
    WHERE kind >= 20000 AND kind < 30000
        AND first_seen < clock_timestamp() - make_interval(secs => %(age_s)s)
    ORDER BY first_seen LIMIT %(limit)s
)

-- forget_records --
-- Records appended so long ago that all consumers of their topics have dealt with, the oldest first.
DELETE FROM bridge.records AS r
USING (
    SELECT topic, min(last_offset) AS last_offset FROM bridge.consumer_offsets GROUP BY topic
) AS consumed
CROSS JOIN LATERAL (
    SELECT record_offset FROM bridge.records
    WHERE topic = consumed.topic AND record_offset <= consumed.last_offset
        AND appended_at < clock_timestamp() - make_interval(secs => %(age_s)s)
    ORDER BY record_offset LIMIT %(limit)s
) AS old
WHERE r.topic = consumed.topic AND r.record_offset = old.record_offset
