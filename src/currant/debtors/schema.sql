-- Debtors keep nothing of their own: they are told from the books and the open items.

create schema debtors;
comment on schema debtors is 'The history, balances and ageing of accounts.';
grant usage on schema debtors to currant_runtime, currant_reader;

-- What moved the receivable of an account, entry by entry in the order of its days, with the
-- balance after each. What only moved it between receivable accounts is left out; and where
-- `reversed` is not wanted, so are entries that were reversed, with what reversed them.
create function debtors.movements(in_portal int, of_account bigint, reversed boolean)
returns table (
    entry_id bigint, kind text, moved_on date, posted_on date, debit numeric, credit numeric,
    balance numeric, reverses bigint, reversed_by bigint
)
language sql stable
as $$
    with booked as materialized (
        select
            p.entry_id, sum(greatest(p.amount, 0)) as debit, sum(greatest(-p.amount, 0)) as credit
        from ledger.posting as p
        inner join ledger.chart_account as k
            on k.portal_id = p.portal_id and k.coa = p.coa and k.class = 'asset'
        where p.portal_id = in_portal and p.account_id = of_account
        group by p.entry_id
    ), moved as materialized (
        select
            e.entry_id, e.kind, (e.event_at at time zone p.timezone)::date as moved_on,
            (e.recorded_at at time zone p.timezone)::date as posted_on, b.debit, b.credit,
            e.reverses, v.entry_id as reversed_by
        from booked as b
        inner join access.portal as p on p.portal_id = in_portal
        inner join ledger.entry as e on e.portal_id = in_portal and e.entry_id = b.entry_id
        left join ledger.entry as o on o.portal_id = in_portal and o.entry_id = e.reverses
        left join ledger.entry as v on v.portal_id = in_portal and v.reverses = e.entry_id
        where (b.debit <> b.credit or coalesce(o.kind, e.kind) <> 'transfer')
            and (reversed or (e.reverses is null and v.entry_id is null))
    )
    select
        m.entry_id, m.kind, m.moved_on, m.posted_on, m.debit, m.credit,
        sum(m.debit - m.credit) over (order by m.moved_on, m.entry_id rows unbounded preceding),
        m.reverses, m.reversed_by
    from moved as m
$$;

-- What of the items that an entry issued was paid by which entries, or what an entry paid of the
-- items of which others, in the order of these; what was given back does not count. Null where
-- there is nothing.
create function debtors.allocated(
    in_portal int, of_entry bigint, out entry_ids bigint[], out amounts numeric[]
)
returns setof record
language sql stable set enable_seqscan = off
as $$
    select array_agg(p.entry_id order by p.entry_id), array_agg(p.amount order by p.entry_id)
    from (
        select s.entry_id, sum(s.amount)::numeric as amount
        from (
            select a.allocation_id, a.entry_id, a.amount
            from receivables.open_item as o
            inner join receivables.allocation as a
                on a.portal_id = o.portal_id and a.item_id = o.item_id
                and a.entry_id <> o.entry_id and a.kind <> 'reversal'
            where o.portal_id = in_portal and o.entry_id = of_entry
            union all
            select a.allocation_id, o.entry_id, a.amount
            from receivables.allocation as a
            inner join receivables.open_item as o
                on o.portal_id = a.portal_id and o.item_id = a.item_id
                and o.entry_id <> a.entry_id
            where a.portal_id = in_portal and a.entry_id = of_entry and a.kind <> 'reversal'
        ) as s
        where not exists (
            select from receivables.allocation as b
            where b.portal_id = in_portal and b.reverses = s.allocation_id
        )
        group by s.entry_id
    ) as p
$$;

-- What accounts owed at the end of a day as it was known then, by how long it was due: credits are
-- taken from what was due first. Arrears are due from their start, or from when they were issued.
-- All accounts where none are named; without those that owed and had nothing.
create function debtors.aged(in_portal int, on_day date, accounts bigint[])
returns table (
    account_id bigint, not_due numeric, days_30 numeric, days_60 numeric, days_90 numeric,
    older numeric, credit numeric
)
language sql stable
as $$
    with clock as materialized (
        select p.timezone, (on_day + 1)::timestamp at time zone p.timezone as known_before
        from access.portal as p where p.portal_id = in_portal
    ), item as (
        select
            o.account_id, o.item_id, o.amount - coalesce(sum(a.amount), 0) as owed,
            coalesce(
                o.due_on, (coalesce(o.start_at, o.issued_at) at time zone clock.timezone)::date
            ) as due_on
        from receivables.open_item as o
        cross join clock
        left join receivables.allocation as a
            on a.portal_id = o.portal_id and a.item_id = o.item_id
            and a.allocated_at < clock.known_before
        where o.portal_id = in_portal and o.issued_at < clock.known_before
            and (accounts is null or o.account_id = any(accounts))
        group by o.portal_id, o.item_id, clock.timezone
        having o.amount > coalesce(sum(a.amount), 0)
    ), held as (
        select c.account_id, sum(c.amount - coalesce(a.amount, 0)) as credit
        from receivables.credit as c
        cross join clock
        left join ledger.entry as v
            on v.portal_id = c.portal_id and v.entry_id = c.reversed_by
            and v.recorded_at < clock.known_before
        left join lateral (
            select sum(n.amount) as amount from receivables.allocation as n
            where n.portal_id = c.portal_id and n.credit_id = c.credit_id
                and n.allocated_at < clock.known_before
        ) as a on true
        where c.portal_id = in_portal and c.credited_at < clock.known_before
            and v.entry_id is null and (accounts is null or c.account_id = any(accounts))
        group by c.account_id
        having sum(c.amount - coalesce(a.amount, 0)) > 0
    ), owing as (
        select
            i.account_id, on_day - i.due_on as days, i.owed as before_credit,
            least(i.owed, greatest(
                sum(i.owed) over (
                    partition by i.account_id order by i.due_on, i.item_id
                    rows unbounded preceding
                ) - coalesce(h.credit, 0), 0
            )) as owed
        from item as i
        left join held as h on h.account_id = i.account_id
    ), debt as (
        select
            o.account_id, sum(o.before_credit) as before_credit,
            coalesce(sum(o.owed) filter (where o.days <= 0), 0) as not_due,
            coalesce(sum(o.owed) filter (where o.days between 1 and 30), 0) as days_30,
            coalesce(sum(o.owed) filter (where o.days between 31 and 60), 0) as days_60,
            coalesce(sum(o.owed) filter (where o.days between 61 and 90), 0) as days_90,
            coalesce(sum(o.owed) filter (where o.days > 90), 0) as older
        from owing as o
        group by o.account_id
    )
    select
        coalesce(d.account_id, h.account_id), coalesce(d.not_due, 0), coalesce(d.days_30, 0),
        coalesce(d.days_60, 0), coalesce(d.days_90, 0), coalesce(d.older, 0),
        greatest(coalesce(h.credit, 0) - coalesce(d.before_credit, 0), 0)
    from debt as d
    full join held as h on h.account_id = d.account_id
$$;
