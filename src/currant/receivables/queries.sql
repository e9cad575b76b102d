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
                line.paid, 0, 0, '', '', null
            )::ledger.new_entry) from line
        ),
        (
            select array_agg((
                line.n, side.coa, :currency::text, side.amount, side.account_id
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
