-- create_accounts --
-- Makes rows for accounts that have none.
INSERT INTO ledger.accounts (name)
SELECT name FROM unnest(%(names)s::text[]) AS name ORDER BY name
ON CONFLICT DO NOTHING

-- lock_accounts --
-- Balances, locked until the transaction ends; in one order, so that two callers do not deadlock.
SELECT name, posted, reserved
FROM ledger.accounts
WHERE name = ANY(%(names)s::text[])
ORDER BY name
FOR NO KEY UPDATE

-- transfers_concerned --
-- The transfers of these ids, and those that ended a pending one of them. Not one OR: that reads
-- the whole table.
SELECT id, phase, debit, credit, amount, reason, job, lease, pending_id
FROM ledger.transfers
WHERE id = ANY(%(ids)s::bytea[])
UNION
SELECT id, phase, debit, credit, amount, reason, job, lease, pending_id
FROM ledger.transfers
WHERE pending_id = ANY(%(ids)s::bytea[])

-- insert_transfers --
-- Adds transfers, in the order given.
INSERT INTO ledger.transfers (id, phase, debit, credit, amount, reason, job, lease, pending_id)
SELECT id, phase, debit, credit, amount, reason, job, lease, pending_id
FROM unnest(
    %(id)s::bytea[], %(phase)s::text[], %(debit)s::text[], %(credit)s::text[],
    %(amount)s::bigint[], %(reason)s::text[], %(job)s::bytea[], %(lease)s::bytea[],
    %(pending_id)s::bytea[]
) WITH ORDINALITY AS new (
    id, phase, debit, credit, amount, reason, job, lease, pending_id, place
)
ORDER BY place

-- update_accounts --
-- Writes new balances of locked accounts.
UPDATE ledger.accounts
SET posted = new.posted, reserved = new.reserved
FROM unnest(%(names)s::text[], %(posted)s::bigint[], %(reserved)s::bigint[])
    AS new (name, posted, reserved)
WHERE accounts.name = new.name

-- balance --
-- One account.
SELECT posted, reserved FROM ledger.accounts WHERE name = %(name)s

-- balances --
-- Every account that a transfer has touched.
SELECT name, posted, reserved FROM ledger.accounts ORDER BY name

-- replay --
-- What the balances should be by the transfers alone, beside what they are, where they differ.
WITH movement AS (
    SELECT credit AS name, amount AS posted, 0::bigint AS reserved
    FROM ledger.transfers WHERE phase IN ('single', 'posting')
    UNION ALL
    SELECT debit, -amount, 0 FROM ledger.transfers WHERE phase IN ('single', 'posting')
    UNION ALL
    SELECT debit, 0, amount
    FROM ledger.transfers AS pending
    WHERE phase = 'pending' AND NOT EXISTS (
        SELECT FROM ledger.transfers AS ending WHERE ending.pending_id = pending.id
    )
),

replayed AS (
    SELECT name, sum(posted) AS posted, sum(reserved) AS reserved FROM movement GROUP BY name
)

SELECT
    name,
    coalesce(accounts.posted, 0),
    coalesce(accounts.reserved, 0),
    coalesce(replayed.posted, 0),
    coalesce(replayed.reserved, 0)
FROM ledger.accounts FULL JOIN replayed USING (name)
WHERE
    coalesce(accounts.posted, 0) <> coalesce(replayed.posted, 0)
    OR coalesce(accounts.reserved, 0) <> coalesce(replayed.reserved, 0)
ORDER BY name

-- overdrawn --
-- Accounts below zero, or with more reserved than there is, which only issuance may be.
SELECT name, posted, reserved
FROM ledger.accounts
WHERE name <> 'issuance' AND (posted < reserved OR reserved < 0)
ORDER BY name

-- total --
-- The sum of all balances: zero in double entry.
SELECT coalesce(sum(posted), 0)::bigint FROM ledger.accounts

-- misended --
-- Posted or voided transfers that were not pending, or were pending for less.
SELECT encode(ending.id, 'hex')
FROM ledger.transfers AS ending
JOIN ledger.transfers AS pending ON pending.id = ending.pending_id
WHERE pending.phase <> 'pending' OR ending.amount > pending.amount
ORDER BY ending.sequence
