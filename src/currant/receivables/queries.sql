-- name: arrears_types
-- The types of arrears of a portal, its own and those of every portal, in their listed order.
-- not null: portal
select coalesce(p.key, '%') as portal, t.name, t.description, t.coa, t.last_mod, t.selectable
from receivables.arrears_type as t
left join access.portal as p on p.portal_id = t.portal_id
where t.active and coalesce(t.portal_id, :portal_id::int) = :portal_id::int
order by t.position, t.name
limit :how_many::bigint offset :skip::bigint;

-- name: import_terms
-- The arrears type that a credit account means, the portal's own before that of every portal; and
-- the class of the account to debit.
select
    (
        select t.name from receivables.arrears_type as t
        where t.active and t.coa = :credit::text
            and coalesce(t.portal_id, :portal_id::int) = :portal_id::int
        order by t.portal_id is null, t.position, t.name
        limit 1
    ) as type_name,
    (
        select c.class from ledger.chart_account as c
        where c.portal_id = :portal_id::int and c.coa = :debit::text
    ) as debit_class;

-- name: issue_arrears
-- Post arrears, each an entry of its own (posting rule L1), issue their open items, and allocate
-- what was paid on them before; answers the items in the order given.
with line as materialized (
    select l.account_id, l.amount, l.paid, l.pay_plan, l.start_at, l.n::int as n
    from unnest(
        :account_ids::bigint[], :amounts::numeric[], :paids::numeric[], :pay_plans::numeric[],
        :starts::timestamptz[]
    ) with ordinality as l (account_id, amount, paid, pay_plan, start_at, n)
), posted as materialized (
    select p.n, p.entry_id from unnest(ledger.post(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        (
            select array_agg((
                line.n, 'arrears', :at::timestamptz, line.account_id, null, line.amount,
                line.paid, 0, 0, '', '', null, '', null
            )::ledger.new_entry) from line
        ),
        (
            select array_agg((
                line.n, side.coa, :currency::text, side.amount, side.account_id, null
            )::ledger.new_posting order by line.n, side.place)
            from line
            cross join lateral (
                values
                (1, :debit::text, line.amount, line.account_id),
                (2, :credit::text, -line.amount, null),
                (3, :credit::text, line.paid, null),
                (4, :debit::text, -line.paid, line.account_id)
            ) as side (place, coa, amount, account_id)
        )
    )) with ordinality as p (entry_id, n)
), issued as (
    insert into receivables.open_item (
        portal_id, account_id, amount, outstanding, type_name, type_coa, receivable_coa, pay_plan,
        issued_at, start_at, entry_id
    )
    select
        :portal_id::int, line.account_id, line.amount, line.amount - line.paid, :type_name::text,
        :credit::text, :debit::text, line.pay_plan, :at::timestamptz, line.start_at,
        posted.entry_id
    from line
    inner join posted on posted.n = line.n
    order by line.n
    returning item_id, entry_id, amount - outstanding as paid
), allocated as (
    insert into receivables.allocation (portal_id, item_id, entry_id, kind, amount, allocated_at)
    select
        :portal_id::int, issued.item_id, issued.entry_id, 'payment', issued.paid,
        :at::timestamptz
    from issued where issued.paid > 0
)
select issued.item_id from issued order by issued.item_id;

-- name: owed
-- What each account of a portal owes on all its arrears, by account; without those that owe
-- nothing and those that are blocked for the caller (* is every one). Accounts are gone through in
-- their order, each with its items, so that a page costs no more than its rows.
-- not null: amount
select a.account, o.amount
from customers.account as a
cross join lateral (
    select sum(i.outstanding) as amount
    from receivables.open_item as i
    where i.portal_id = a.portal_id and i.account_id = a.account_id and i.outstanding > 0
        and i.kind = 'ARREARS'
) as o
where a.portal_id = :portal_id::int and o.amount > 0
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by length(a.account), a.account
limit :how_many::bigint offset :skip::bigint;

-- name: arrears_of_type
-- The arrears that stand for a COA, settled ones too, by account and the newest first, with what
-- was paid on each where that is asked for. A page is one of accounts, so that what one of them
-- has is never torn apart; those that are blocked for the caller are left out (* is every one).
with asked as materialized (
    select a.account_id, a.account
    from customers.account as a
    where a.portal_id = :portal_id::int
        and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
        and (
            select count(*) > 0 from receivables.open_item as i
            where i.portal_id = a.portal_id and i.type_coa = :coa::text
                and i.account_id = a.account_id and i.reversed_by is null and i.kind = 'ARREARS'
        )
    order by length(a.account), a.account
    limit :how_many::bigint offset :skip::bigint
)
select
    a.account, i.item_id, i.type_name, i.type_coa, i.pay_plan, i.issued_at, i.start_at, i.amount,
    i.outstanding, p.paid_ats, p.entry_ids, p.kinds, p.amounts
from asked as a
inner join receivables.open_item as i
    on i.portal_id = :portal_id::int and i.type_coa = :coa::text and i.account_id = a.account_id
left join lateral receivables.paid_on(i.portal_id, i.item_id) as p on :details::boolean
where i.reversed_by is null and i.kind = 'ARREARS'
order by length(a.account) asc, a.account asc, i.issued_at desc, i.item_id desc;

-- name: arrears_of_account
-- The arrears of an account, settled ones too, the newest first, with what was paid on each where
-- that is asked for.
select
    a.account, i.item_id, i.type_name, i.type_coa, i.pay_plan, i.issued_at, i.start_at, i.amount,
    i.outstanding, p.paid_ats, p.entry_ids, p.kinds, p.amounts
from customers.account as a
inner join receivables.open_item as i
    on i.portal_id = a.portal_id and i.account_id = a.account_id and i.reversed_by is null
    and i.kind = 'ARREARS'
left join lateral receivables.paid_on(i.portal_id, i.item_id) as p on :details::boolean
where a.portal_id = :portal_id::int and a.account_id = :account_id::bigint
order by i.issued_at desc, i.item_id desc;

-- name: hold_items
-- Open items by their ids with what is owed on them, locked in order until the transaction ends.
-- not null: taken_back
select
    i.item_id, i.kind, i.account_id, a.account, i.outstanding, i.receivable_coa,
    i.reversed_by is not null as taken_back
from receivables.open_item as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
where i.portal_id = :portal_id::int and i.item_id = any(:item_ids::bigint[])
order by i.item_id
for update of i;

-- name: write_off
-- Post write-offs, each an entry of its own (posting rule L12), and allocate them; answers in the
-- order given what each entry is called and what is owed after it.
with line as materialized (
    select l.item_id, l.account_id, l.coa, l.amount, l.n::int as n
    from unnest(
        :item_ids::bigint[], :account_ids::bigint[], :receivable_coas::text[], :amounts::numeric[]
    ) with ordinality as l (item_id, account_id, coa, amount, n)
), posted as materialized (
    select p.n, p.entry_id from unnest(ledger.post(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        (
            select array_agg((
                line.n, 'adjust', :at::timestamptz, line.account_id, null, 0, line.amount, 0, 0,
                '', :note::text, null, '', null
            )::ledger.new_entry) from line
        ),
        (
            select array_agg((
                line.n, side.coa, :currency::text, side.amount, side.account_id, null
            )::ledger.new_posting order by line.n, side.place)
            from line
            cross join lateral (
                values
                (1, :debit::text, line.amount, null),
                (2, line.coa, -line.amount, line.account_id)
            ) as side (place, coa, amount, account_id)
        )
    )) with ordinality as p (entry_id, n)
), lowered as (
    update receivables.open_item as i set outstanding = i.outstanding - line.amount
    from line
    where i.portal_id = :portal_id::int and i.item_id = line.item_id
    returning line.n, i.item_id, line.amount, i.outstanding
), allocated as (
    insert into receivables.allocation (portal_id, item_id, entry_id, kind, amount, allocated_at)
    select
        :portal_id::int, lowered.item_id, posted.entry_id, 'writeoff', lowered.amount,
        :at::timestamptz
    from lowered
    inner join posted on posted.n = lowered.n
    returning item_id, entry_id
)
select lowered.item_id, allocated.entry_id, lowered.outstanding
from lowered
inner join allocated on allocated.item_id = lowered.item_id
order by lowered.n;

-- name: change_plan
-- Change the payment plan of an arrears, the start of its recovery, or both, and answer it with
-- what was paid on it.
with changed as (
    update receivables.open_item as i
    set
        pay_plan = coalesce(:pay_plan::numeric, i.pay_plan),
        start_at = case when :starting::boolean then :start_at::timestamptz else i.start_at end
    where i.portal_id = :portal_id::int and i.item_id = :item_id::bigint and i.kind = 'ARREARS'
    returning
        i.portal_id, i.account_id, i.item_id, i.type_name, i.type_coa, i.pay_plan, i.issued_at,
        i.start_at, i.amount, i.outstanding
)
select
    a.account, i.item_id, i.type_name, i.type_coa, i.pay_plan, i.issued_at, i.start_at, i.amount,
    i.outstanding, p.paid_ats, p.entry_ids, p.kinds, p.amounts
from changed as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
left join lateral receivables.paid_on(i.portal_id, i.item_id) as p on true;

-- name: type_terms
-- What a new arrears type has to fit: the class of its COA in the chart, and whether a type that
-- the portal knows has its name.
-- not null: named_before
select
    (
        select c.class from ledger.chart_account as c
        where c.portal_id = :portal_id::int and c.coa = :coa::text
    ) as coa_class,
    exists(
        select from receivables.arrears_type as t
        where t.active and coalesce(t.portal_id, :portal_id::int) = :portal_id::int
            and btrim(t.name) = btrim(:name::text)
    ) as named_before;

-- name: create_type
-- A new arrears type of a portal, listed after those that it knows.
-- not null: portal
insert into receivables.arrears_type (
    portal_id, name, description, coa, position, selectable, last_mod
)
select
    :portal_id::int, :name::text, :description::text, :coa::text,
    coalesce(max(t.position), 0) + 1, :selectable::boolean, :at::timestamptz
from receivables.arrears_type as t
where coalesce(t.portal_id, :portal_id::int) = :portal_id::int
returning :portal::text as portal, name, description, coa, last_mod, selectable;

-- name: retire_type
-- Retire an arrears type that is the portal's own; no row where there is none of the name.
-- not null: portal
update receivables.arrears_type as t set active = false, last_mod = :at::timestamptz
where t.portal_id = :portal_id::int and t.active and btrim(t.name) = btrim(:name::text)
returning :portal::text as portal, t.name, t.description, t.coa, t.last_mod, t.selectable;

-- name: in_chart
-- Whether the chart of accounts of a portal has a COA.
-- not null: known
select exists(
    select from ledger.chart_account as c
    where c.portal_id = :portal_id::int and c.coa = :coa::text
) as known;

-- name: faults
-- What customers of this installation owe or have to their credit, where it is at odds with the
-- allocations or the books.
-- not null: portal account detail
select portal, account, detail from receivables.faults() order by portal, account, detail;
