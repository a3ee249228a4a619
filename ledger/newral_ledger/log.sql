-- lock_head --
-- The log's head, locked until the transaction ends: appends happen one after the other.
SELECT size, hashes FROM ledger.log_head FOR NO KEY UPDATE

-- head --
-- The log's head as last committed.
SELECT size, hashes FROM ledger.log_head

-- insert_entries --
-- Adds consecutive entries.
INSERT INTO ledger.log_entries (position, raw)
SELECT %(first)s + place - 1, raw
FROM unnest(%(raws)s::bytea[]) WITH ORDINALITY AS new (raw, place)

-- insert_subtrees --
-- Keeps the hashes of subtrees that became complete.
INSERT INTO ledger.log_subtrees (level, place, hash)
SELECT level, place, hash
FROM unnest(%(levels)s::smallint[], %(places)s::bigint[], %(hashes)s::bytea[])
    AS new (level, place, hash)

-- update_head --
-- Moves the locked head.
UPDATE ledger.log_head SET size = %(size)s, hashes = %(hashes)s

-- entries --
-- Consecutive entries from a position on.
SELECT raw
FROM ledger.log_entries
WHERE position >= %(start)s AND position < %(start)s + %(limit)s
ORDER BY position

-- subtrees --
-- The hashes of complete subtrees. A leaf's is made from its entry, which is kept anyway.
SELECT wanted.level, wanted.place, subtrees.hash
FROM unnest(%(levels)s::smallint[], %(places)s::bigint[]) AS wanted (level, place)
JOIN ledger.log_subtrees AS subtrees USING (level, place)
UNION ALL
SELECT 0, wanted.place, sha256('\x00'::bytea || entries.raw)
FROM unnest(%(levels)s::smallint[], %(places)s::bigint[]) AS wanted (level, place)
JOIN ledger.log_entries AS entries ON entries.position = wanted.place
WHERE wanted.level = 0
