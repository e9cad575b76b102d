-- name: entries
-- The entries that touch a customer account, newest first, below an entry id.
select
    e.entry_id, e.kind, e.event_at, e.recorded_at, e.month, e.login, e.vendor_number,
    e.amount, e.arrears_amount, e.energy_wh, e.note, e.reverses,
    (
        select r.entry_id from ledger.entry as r
        where r.portal_id = e.portal_id and r.reverses = e.entry_id
    ) as reversed_by
from ledger.entry as e
where e.portal_id = :portal_id::int
    and e.entry_id in (
        select p.entry_id from ledger.posting as p
        where p.portal_id = :portal_id::int and p.account_id = :account_id::bigint
            and p.entry_id < :before::bigint
    )
order by e.entry_id desc
limit :how_many::int;

-- name: postings
-- The lines of some entries, in order.
select p.entry_id, p.line, p.coa, c.name, p.commodity, p.amount
from ledger.posting as p
inner join ledger.chart_account as c on c.portal_id = p.portal_id and c.coa = p.coa
where p.portal_id = :portal_id::int and p.entry_id = any(:entry_ids::bigint[])
order by p.entry_id desc, p.line asc;

-- name: trial_balance
-- What stands on each chart account, per commodity, over the portal or one customer account.
-- not null: debit credit
select
    p.coa, c.name, p.commodity,
    greatest(sum(p.amount), 0) as debit, greatest(-sum(p.amount), 0) as credit
from ledger.posting as p
inner join ledger.chart_account as c on c.portal_id = p.portal_id and c.coa = p.coa
where p.portal_id = :portal_id::int
    and (:account_id::bigint is null or p.account_id = :account_id::bigint)
group by p.coa, c.name, p.commodity
order by p.commodity, p.coa;

-- name: hold_month
-- Have a month for oneself until the transaction ends.
select ledger.hold_month(:portal_id::int, :month::date);

-- name: month_to_close
-- Whether a month is over by the portal's clock, and the first one before it that has entries and
-- is open.
-- not null: over
select
    :month::date < date_trunc('month', :at::timestamptz at time zone p.timezone) as over,
    (
        select e.month from ledger.entry as e
        where e.portal_id = :portal_id::int and e.month < :month::date
            and not exists (
                select from ledger.period as c
                where c.portal_id = e.portal_id and c.month = e.month
            )
        order by e.month
        limit 1
    ) as open_before
from access.portal as p
where p.portal_id = :portal_id::int;

-- name: close_month
-- Close a month.
insert into ledger.period (portal_id, month, closed_at, closed_by)
values (:portal_id::int, :month::date, :at::timestamptz, :login::text);

-- name: reopen_month
-- Open a closed month again, if none after it is closed.
delete from ledger.period as p
where p.portal_id = :portal_id::int and p.month = :month::date
    and not exists (
        select from ledger.period as later
        where later.portal_id = :portal_id::int and later.month > :month::date
    );

-- name: last_closed
-- The last month that is closed.
select p.month from ledger.period as p
where p.portal_id = :portal_id::int
order by p.month desc
limit 1;

-- name: periods
-- The months from the first entry or closing to now, newest first, and who closed which when.
-- not null: month
with span as (
    select
        least(
            (
                select min(e.month) from ledger.entry as e
                where e.portal_id = :portal_id::int
            ),
            (select min(c.month) from ledger.period as c where c.portal_id = :portal_id::int)
        ) as first_month,
        date_trunc('month', :at::timestamptz at time zone p.timezone)::date as own_month
    from access.portal as p
    where p.portal_id = :portal_id::int
)
select m.month::date as month, c.closed_at, c.closed_by
from span as s
cross join
    generate_series(coalesce(s.first_month, s.own_month), s.own_month, interval '1 month')
        as m (month)
left join ledger.period as c on c.portal_id = :portal_id::int and c.month = m.month::date
order by m.month desc;

-- name: chart
-- The chart of accounts, by number; those of energy last.
select c.coa, c.name, c.class as category
from ledger.chart_account as c
where c.portal_id = :portal_id::int
order by c.coa ~ '^U', c.coa;

-- name: add_chart_account
-- Add an account to the chart.
insert into ledger.chart_account (portal_id, coa, name, class)
values (:portal_id::int, :coa::text, :name::text, :category::text);

-- name: rename_chart_account
-- Name an account of the chart anew.
update ledger.chart_account as c set name = :name::text
where c.portal_id = :portal_id::int and c.coa = :coa::text
returning c.coa, c.name, c.class as category;

-- name: faults
-- Whatever is wrong with the books of this installation.
-- not null: portal what detail
select portal, what, entry_id, detail
from ledger.faults()
order by portal, what, entry_id, detail;
