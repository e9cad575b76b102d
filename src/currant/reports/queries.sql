-- name: building_of_code
-- The internal id of a building, by its code in any case.
select b.building_id from locations.building as b
where b.portal_id = :portal_id::int and lower(b.building_code) = lower(:building_code::text);

-- name: journal_lines
-- The lines in money that some months' entries have, by month, entry and line, maybe of one
-- building. An entry posted in a later month than its own is dated at that month's beginning; an
-- account that is blocked for the reader is not named.
-- not null: journal_date accounting_period source debit credit gst_code narration
select
    e.entry_id as journal_id, l.line as line_no,
    greatest((e.recorded_at at time zone p.timezone)::date, e.month) as journal_date,
    to_char(e.month, 'YYYYMM') as accounting_period,
    case
        when e.kind = 'adjust' and exists (
            select from receivables.allocation as w
            where w.portal_id = e.portal_id and w.entry_id = e.entry_id and w.kind = 'writeoff'
        ) then 'WRITEOFF'
        else ledger.source_of(e.kind)
    end as source,
    e.document_ref, a.account as account_number, b.building_code,
    l.coa as gl_code, c.name as gl_description, l.commodity as currency,
    greatest(l.amount, 0) as debit, greatest(-l.amount, 0) as credit,
    coalesce(l.tax_code, '') as gst_code,
    coalesce(nullif(e.note, ''), trim(initcap(e.kind) || ' ' || e.document_ref)) as narration
from ledger.entry as e
inner join access.portal as p on p.portal_id = e.portal_id
inner join ledger.posting as l on l.portal_id = e.portal_id and l.entry_id = e.entry_id
inner join ledger.chart_account as c on c.portal_id = l.portal_id and c.coa = l.coa
left join customers.account as a
    on a.portal_id = e.portal_id and a.account_id = coalesce(l.account_id, e.account_id)
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
left join locations.building as b
    on b.portal_id = e.portal_id and b.building_id = e.building_id
where e.portal_id = :portal_id::int and e.month between :first::date and :last::date
    and l.commodity <> 'Wh'
    and (:building_id::bigint is null or e.building_id = :building_id::bigint)
order by e.month, e.entry_id, l.line
limit :how_many::bigint offset :beyond::bigint;

-- name: journal_totals
-- What some months' entries debit and credit each chart account in money, maybe of one building.
-- not null: debit credit line_count
select
    l.coa as gl_code, c.name as gl_description, l.commodity as currency,
    coalesce(sum(l.amount) filter (where l.amount > 0), 0) as debit,
    coalesce(-sum(l.amount) filter (where l.amount < 0), 0) as credit,
    count(*) as line_count
from ledger.entry as e
inner join ledger.posting as l on l.portal_id = e.portal_id and l.entry_id = e.entry_id
inner join ledger.chart_account as c on c.portal_id = l.portal_id and c.coa = l.coa
where e.portal_id = :portal_id::int and e.month between :first::date and :last::date
    and l.commodity <> 'Wh'
    and (:building_id::bigint is null or e.building_id = :building_id::bigint)
group by l.coa, c.name, l.commodity
order by l.commodity, l.coa;

-- name: all_closed
-- Whether every one of some months is closed.
-- not null: closed
select
    bool_and(
        exists (
            select from ledger.period as c
            where c.portal_id = :portal_id::int and c.month = m.month::date
        )
    ) as closed
from generate_series(:first::date, :last::date, interval '1 month') as m (month);

-- name: left_open
-- What began before the end of a month and waits for somebody, by what it is.
-- not null: what how_many
with until as (
    select (:month::date + interval '1 month') at time zone p.timezone as at
    from access.portal as p where p.portal_id = :portal_id::int
), found as (
    select
        'cashier batches not closed' as what,
        (
            select count(*) from batches.batch as b
            where b.portal_id = :portal_id::int and b.closed_at is null and b.opened_at < u.at
        ) as how_many
    from until as u
    union all
    select
        'cashier batches not approved' as what,
        (
            select count(*) from batches.batch as b
            where b.portal_id = :portal_id::int and b.closed_at is not null
                and b.approved_at is null and b.opened_at < u.at
        ) as how_many
    from until as u
    union all
    select
        'bill runs not posted' as what,
        (
            select count(*) from runs.run as r
            where r.portal_id = :portal_id::int and r.posted_at is null and r.discarded_at is null
                and r.started_at < u.at
        ) as how_many
    from until as u
    union all
    select
        'drafts of bills held' as what,
        (
            select count(*) from invoices.invoice as i
            where i.portal_id = :portal_id::int and i.posted_at is null
                and i.held_for is not null and i.drafted_at < u.at
        ) as how_many
    from until as u
    union all
    select
        'charges not approved' as what,
        (
            select count(*) from charges.charge as c
            where c.portal_id = :portal_id::int and c.status = 'PENDING' and c.created_at < u.at
        ) as how_many
    from until as u
)
select f.what, f.how_many from found as f where f.how_many > 0 order by f.what;

-- name: notice_log
-- Messages below an id, the newest first, with the account and the building that each concerns:
-- of a channel, in a status, of an account, queued within a window, or all. What concerns accounts
-- that are blocked for the reader is left out.
select
    m.message_id, m.channel, a.account as account_number, c.name as account_name,
    s.building_code as site_code, s.name as site_name, m.recipient, m.sender as from_address,
    m.subject, m.body as message_content, m.document_number, m.amount, m.status, m.queued_at,
    m.sent_at, m.tries, m.trouble
from notices.message as m
left join customers.account as a on a.portal_id = m.portal_id and a.account_id = m.account_id
left join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join lateral (
    select b.building_code, b.name
    from customers.agreement as g
    inner join locations.location as l
        on l.portal_id = g.portal_id and l.location_id = g.location_id
    inner join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    where g.portal_id = m.portal_id and g.account_id = m.account_id
        and db.holds(g.valid, m.queued_at)
    order by b.building_code
    limit 1
) as s on true
where m.portal_id = :portal_id::int and m.message_id < :before::bigint
    and (:channel::text is null or m.channel = :channel::text)
    and (:status::text is null or m.status = :status::text)
    and (:account::text is null or a.account = :account::text)
    and (:first_at::timestamptz is null or m.queued_at >= :first_at::timestamptz)
    and (:until::timestamptz is null or m.queued_at < :until::timestamptz)
    and (
        cardinality(:blocked::text[]) = 0 or a.account is null
        or (a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[]))
    )
order by m.message_id desc
limit :how_many::bigint;
