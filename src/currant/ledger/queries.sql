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

-- name: close_month
-- Close a month, if it is over by the portal's clock and every month with entries before is closed.
with own as (
    select date_trunc('month', :at::timestamptz at time zone p.timezone)::date as month
    from access.portal as p where p.portal_id = :portal_id::int
)
insert into ledger.period (portal_id, month, closed_at, closed_by)
select :portal_id::int, :month::date, :at::timestamptz, :login::text
from own
where :month::date < own.month
    and not exists (
        select from ledger.entry as e
        where e.portal_id = :portal_id::int and e.month < :month::date
            and not exists (
                select from ledger.period as c
                where c.portal_id = e.portal_id and c.month = e.month
            )
    );

-- name: faults
-- Whatever is wrong with the books of this installation.
-- not null: portal what detail
select portal, what, entry_id, detail
from ledger.faults()
order by portal, what, entry_id, detail;
