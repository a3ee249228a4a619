-- lock_topic --
-- One writer at a time for a topic, until the end of the transaction: a record is never visible
-- before one of a lower offset.
SELECT pg_advisory_xact_lock(hashtextextended('bridge.records:' || %(topic)s, 0))

-- append --
-- Append the admitted entries whose idempotency key is new; return where each entry stands that
-- was appended now, or by an earlier attempt of the same call. A topic's offsets have no gaps.
WITH entry AS MATERIALIZED (
    SELECT *
    FROM unnest(
        %(keys)s::text[], %(values)b::bytea[], %(idempotency_keys)s::text[],
        %(entry_ids)b::uuid[], %(admitted)s::boolean[]
    ) WITH ORDINALITY AS e (key, value, idempotency_key, entry_id, admitted, place)
),
first_entry AS (
    SELECT DISTINCT ON (idempotency_key) *
    FROM entry
    WHERE admitted
    ORDER BY idempotency_key, place
),
fresh AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY place) AS rank, count(*) OVER () AS total
    FROM first_entry AS e
    WHERE NOT EXISTS (
        SELECT FROM bridge.records AS r
        WHERE r.topic = %(topic)s AND r.idempotency_key = e.idempotency_key
    )
),
advanced AS (
    INSERT INTO bridge.topics AS t (topic, next_offset)
    SELECT %(topic)s, total FROM fresh WHERE rank = 1
    ON CONFLICT (topic) DO UPDATE SET next_offset = t.next_offset + excluded.next_offset
    RETURNING next_offset
),
appended AS (
    INSERT INTO bridge.records (topic, record_offset, key, value, idempotency_key, entry_id)
    SELECT %(topic)s, next_offset - total + rank - 1, key, value, idempotency_key, entry_id
    FROM fresh CROSS JOIN advanced
    ORDER BY rank
    RETURNING entry_id, record_offset
)
SELECT entry_id, record_offset FROM appended
UNION ALL
SELECT e.entry_id, r.record_offset
FROM entry AS e
JOIN bridge.records AS r
    ON r.topic = %(topic)s AND r.idempotency_key = e.idempotency_key AND r.entry_id = e.entry_id

-- announce --
-- Wake those who wait for a topic, when this transaction commits.
SELECT pg_notify('newral_event_log', %(topic)s)

-- listen --
-- Be told of every append.
LISTEN newral_event_log

-- read --
-- Records after an offset, in order: at most so many, and no more once they exceed so many bytes.
SELECT topic, record_offset, key, value, extract(epoch FROM appended_at)::float8
FROM (
    SELECT *, sum(octet_length(value)) OVER (ORDER BY record_offset) - octet_length(value) AS bytes
    FROM (
        SELECT * FROM bridge.records
        WHERE topic = %(topic)s AND record_offset > %(after)s
        ORDER BY record_offset
        LIMIT %(limit)s
    ) AS following
) AS sized
WHERE bytes < %(bytes_max)s
ORDER BY record_offset

-- has_newer --
-- Whether a topic has a record after an offset.
SELECT EXISTS (
    SELECT FROM bridge.topics WHERE topic = %(topic)s AND next_offset > %(after)s + 1
)

-- load_offset --
-- The offset of the last record that a consumer has dealt with.
SELECT last_offset FROM bridge.consumer_offsets
WHERE consumer = %(consumer)s AND topic = %(topic)s

-- store_offset --
-- Advance a consumer; no row when another process has advanced it as far.
INSERT INTO bridge.consumer_offsets AS c (consumer, topic, last_offset)
VALUES (%(consumer)s, %(topic)s, %(last_offset)s)
ON CONFLICT (consumer, topic) DO UPDATE SET last_offset = excluded.last_offset, stored_at = now()
WHERE c.last_offset < excluded.last_offset
RETURNING last_offset
