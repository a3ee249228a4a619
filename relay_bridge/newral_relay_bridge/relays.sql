-- load_cursors --
-- Until when everything of each relay is committed.
SELECT relay, complete_until FROM bridge.relay_cursors

-- advance_cursor --
-- Everything that the relay had until then is committed.
INSERT INTO bridge.relay_cursors AS c (relay, complete_until)
VALUES (%(relay)s, %(complete_until)s)
ON CONFLICT (relay) DO UPDATE SET complete_until = excluded.complete_until
WHERE c.complete_until < excluded.complete_until

-- park --
-- Keep publications for later attempts, or as refused.
INSERT INTO bridge.publications (
    event_id, relay, raw, record_offset, state, attempts, last_error, due_at, give_up_at, changed_at
)
VALUES (
    %(event_id)b, %(relay)s, %(raw)b, %(record_offset)s, %(state)s, %(attempts)s,
    %(last_error)s, %(due_at)s, %(give_up_at)s, %(now)s
)
ON CONFLICT (event_id, relay) DO NOTHING

-- due --
-- A relay's publications whose time has come, in the order in which they were appended.
SELECT event_id, raw, attempts FROM bridge.publications
WHERE relay = %(relay)s AND state = 'pending' AND due_at <= %(now)s
    AND (give_up_at IS NULL OR give_up_at > %(now)s)
ORDER BY record_offset
LIMIT %(limit)s

-- next_due --
-- When the next of a relay's publications is due; null when there is none.
SELECT min(due_at) FROM bridge.publications
WHERE relay = %(relay)s AND state = 'pending'
    AND (give_up_at IS NULL OR give_up_at > %(now)s)

-- due_relays --
-- Relays other than these that have publications whose time has come, the longest due first.
SELECT relay FROM bridge.publications
WHERE state = 'pending' AND due_at <= %(now)s AND relay <> ALL(%(known)s::text[])
    AND (give_up_at IS NULL OR give_up_at > %(now)s)
GROUP BY relay
ORDER BY min(due_at)
LIMIT %(limit)s

-- delivered --
-- A relay has these events.
DELETE FROM bridge.publications WHERE relay = %(relay)s AND event_id = ANY(%(event_ids)b::bytea[])

-- limit_others --
-- Some relay has these events: the others are tried until then, no longer for ever.
UPDATE bridge.publications SET give_up_at = %(give_up_at)s
WHERE event_id = ANY(%(event_ids)b::bytea[]) AND state = 'pending' AND give_up_at IS NULL

-- postpone --
-- An attempt has failed, or was refused.
UPDATE bridge.publications
SET state = %(state)s, attempts = attempts + 1, last_error = %(last_error)s, due_at = %(due_at)s,
    changed_at = %(now)s
WHERE relay = %(relay)s AND event_id = %(event_id)b

-- postpone_relay --
-- A relay could not be reached: nothing of it is due before then.
UPDATE bridge.publications
SET due_at = %(due_at)s, last_error = %(last_error)s, changed_at = %(now)s
WHERE relay = %(relay)s AND state = 'pending' AND due_at < %(due_at)s

-- abandon --
-- Stop trying what some relay has, or what nobody can want any more.
UPDATE bridge.publications SET state = 'abandoned', changed_at = %(now)s
WHERE state = 'pending' AND give_up_at <= %(now)s

-- forget --
-- Drop what ended unsuccessfully long ago.
DELETE FROM bridge.publications WHERE state <> 'pending' AND changed_at < %(before)s
