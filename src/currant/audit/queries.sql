-- name: extend
-- Extend the hash chains over the events committed since the last run.
-- not null: sealed
select audit.extend(:now::timestamptz) as sealed;

-- name: unsigned_heads
-- The last seal of each chain on each finished day that is not signed yet.
-- not null: portal_id day number hash
select portal_id, day, number, hash from audit.unsigned_heads(:today::date);

-- name: sign_heads
-- Keep the signatures of heads.
-- not null: signed
select signed
from audit.sign_heads(
    :portals::int[], :days::date[], :numbers::bigint[], :heads::bytea[], :signatures::bytea[]
) as signed;

-- name: heads
-- Every signed head, and what its seal says now.
-- not null: portal_id day number hash signature
select portal_id, day, number, hash, signature, event_id, sealed from audit.heads();

-- name: faults
-- Where each audit chain breaks first; no row when none does.
-- not null: portal_id number event_id fault
select portal_id, number, event_id, fault from audit.faults();
