-- name: current_batch
-- What a user has taken in the open batch, where there is one, and the vending limit.
-- not null: tenders given_back taken
select
    b.batch_id, b.opened_at, coalesce(t.tenders, 0) as tenders,
    coalesce(t.given_back, 0) as given_back, coalesce(t.taken, 0) as taken,
    batches.limit_of(:user_id::int) as vending_limit
from (select 1) as one
left join batches.batch as b
    on b.portal_id = :portal_id::int and b.user_id = :user_id::int and b.closed_at is null
left join lateral (
    select
        count(*) filter (where g.amount > 0) as tenders,
        count(*) filter (where g.amount < 0) as given_back, sum(g.amount) as taken
    from batches.taking as g
    where g.portal_id = b.portal_id and g.batch_id = b.batch_id
) as t on true;

-- name: hold_batch
-- A batch by its number, or what is the open one of a login now, once the tenders under way are in.
-- not null: batch_id login
select b.batch_id, b.login, b.closed_at, b.closed_by, b.approved_by
from batches.hold(
    :portal_id::int,
    coalesce(
        :batch_id::bigint,
        (
            select o.batch_id from batches.batch as o
            where o.portal_id = :portal_id::int and o.login = :login::text and o.closed_at is null
        )
    )
) as b;

-- name: taken
-- What was taken in a batch, by the kind of tender.
-- not null: tenders given_back amount
select
    t.tender, count(*) filter (where t.amount > 0) as tenders,
    count(*) filter (where t.amount < 0) as given_back, sum(t.amount) as amount
from batches.taking as t
where t.portal_id = :portal_id::int and t.batch_id = :batch_id::bigint
group by t.tender;

-- name: close_batch
-- Keep what was counted, post what is over or short as one entry with two lines a kind of tender,
-- if anything is (posting rule L20), and close the batch.
with line as materialized (
    select
        l.tender, l.tenders, l.given_back, l.expected, l.counted,
        l.counted - l.expected as difference, l.n
    from unnest(
        :tenders::text[], :taken::int[], :given_back::int[], :expected::numeric[],
        :counted::numeric[]
    ) with ordinality as l (tender, tenders, given_back, expected, counted, n)
), counts as (
    insert into batches.count (
        portal_id, batch_id, tender, tenders, given_back, expected, counted
    )
    select
        :portal_id::int, :batch_id::bigint, line.tender, line.tenders, line.given_back,
        line.expected, line.counted
    from line
), posted as materialized (
    select p.entry_id from unnest(ledger.post(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        array(
            select (
                1, 'adjust', :at::timestamptz, null, null, sum(line.difference), 0, 0, 0, '',
                :named::text, null, '', null
            )::ledger.new_entry
            from line having bool_or(line.difference <> 0)
        ),
        array(
            select (1, side.coa, :currency::text, side.amount, null, null)::ledger.new_posting
            from line
            cross join lateral (
                values (1, '1000', line.difference), (2, '5300', -line.difference)
            ) as side (place, coa, amount)
            order by line.n, side.place
        )
    )) as p (entry_id)
)
update batches.batch
set closed_at = :at::timestamptz, closed_by = :login::text, note = :note::text,
    entry_id = (select posted.entry_id from posted)
where portal_id = :portal_id::int and batch_id = :batch_id::bigint;

-- name: approve_batch
-- Approve a batch.
update batches.batch
set approved_at = :at::timestamptz, approved_by = :login::text, approval_note = :note::text
where portal_id = :portal_id::int and batch_id = :batch_id::bigint;

-- name: batches
-- The batches from one number to another, a cashier's or those in a state where that is asked for,
-- newest first; what was taken in all is that of the takings until it was counted.
-- not null: state tenders given_back taken
select
    b.batch_id, b.login, s.state, b.opened_at, b.closed_at, b.closed_by, b.note, b.entry_id,
    b.approved_at, b.approved_by, b.approval_note,
    coalesce(t.tenders, c.tenders, 0) as tenders,
    coalesce(t.given_back, c.given_back, 0) as given_back,
    coalesce(t.amount, c.expected, 0) as taken,
    case when b.closed_at is not null then coalesce(c.counted, 0) end as counted
from batches.batch as b
cross join lateral (
    select case
        when b.approved_at is not null then 'approved'
        when b.closed_at is not null then 'closed'
        else 'open'
    end as state
) as s
left join lateral (
    select
        count(*) filter (where g.amount > 0) as tenders,
        count(*) filter (where g.amount < 0) as given_back, sum(g.amount) as amount
    from batches.taking as g
    where g.portal_id = b.portal_id and g.batch_id = b.batch_id
    having b.closed_at is null
) as t on true
left join lateral (
    select
        sum(k.tenders) as tenders, sum(k.given_back) as given_back, sum(k.expected) as expected,
        sum(k.counted) as counted
    from batches.count as k
    where k.portal_id = b.portal_id and k.batch_id = b.batch_id
) as c on true
where b.portal_id = :portal_id::int
    and b.batch_id between :first::bigint and :last::bigint
    and (:login::text is null or b.login = :login::text)
    and (:state::text is null or s.state = :state::text)
order by b.batch_id desc
limit :how_many::int;

-- name: counts
-- What was counted in some batches, by the kind of tender.
select c.batch_id, c.tender, c.tenders, c.given_back, c.expected, c.counted
from batches.count as c
where c.portal_id = :portal_id::int and c.batch_id = any(:batch_ids::bigint[]);

-- name: faults
-- The batches of this installation that are at odds with themselves or with the books.
-- not null: portal batch_id detail
select portal, batch_id, detail from batches.faults() order by portal, batch_id, detail;
