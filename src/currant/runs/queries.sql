-- name: start_run
-- Begin a bill run with the accounts that it concerns. Those on hold are passed over, and noted
-- where they have days to bill, unless the run is of one account.
with concerned as materialized (
    select
        a.account_id, a.bill_cycle_code = 'HOLD' and :account_id::bigint is null as held
    from customers.account as a
    where a.portal_id = :portal_id::int and a.payment_mode = 'POSTPAID'
        and (:account_id::bigint is null or a.account_id = :account_id::bigint)
        and (:cycle_code::text is null or a.bill_cycle_code = :cycle_code::text)
        and (:building_id::bigint is null or exists (
            select from customers.agreement as g
            inner join locations.location as l
                on l.portal_id = g.portal_id and l.location_id = g.location_id
            where g.portal_id = a.portal_id and g.account_id = a.account_id
                and l.building_id = :building_id::bigint
        ))
), account as materialized (
    select c.account_id from concerned as c where not c.held
), begun as (
    insert into runs.run (
        portal_id, through, invoice_on, due_on, cycle_code, building_id, account_id, reopens,
        login, started_at, accounts
    )
    select
        :portal_id::int, :through::date, :invoice_on::date, :due_on::date, :cycle_code::text,
        :building_id::bigint, :account_id::bigint, :reopens::boolean, :login::text,
        :at::timestamptz, (select count(*) from account)
    returning run_id
), waiting as (
    insert into runs.due (portal_id, run_id, account_id)
    select :portal_id::int, begun.run_id, account.account_id
    from account cross join begun
    order by account.account_id
), passed_over as (
    insert into runs.exception (portal_id, run_id, account_id, kind, detail)
    select :portal_id::int, begun.run_id, c.account_id, 'HELD_CYCLE', :held_detail::text
    from concerned as c cross join begun
    where c.held and exists (
        select from customers.agreement as g
        left join locations.location as l
            on l.portal_id = g.portal_id and l.location_id = g.location_id
        left join locations.building as b
            on b.portal_id = l.portal_id and b.building_id = l.building_id
        cross join lateral (select coalesce(b.timezone, :timezone::text) as timezone) as z
        where g.portal_id = :portal_id::int and g.account_id = c.account_id
            and (lower(g.valid) at time zone z.timezone)::date <= :through::date
            and least(
                coalesce((upper(g.valid) at time zone z.timezone)::date, 'infinity'),
                :through::date + 1
            ) > coalesce(
                (
                    select max(upper(k.days)) from invoices.covered as k
                    where k.portal_id = g.portal_id and k.agreement_id = g.agreement_id
                        and k.released_by is null
                ), '-infinity'
            )
    )
    order by c.account_id
)
select begun.run_id from begun;

-- name: hold_run
-- A run, locked until its act is done against everybody else's.
select r.run_id, r.status, r.through, r.invoice_on, r.due_on, r.login, r.reopens
from runs.run as r
where r.portal_id = :portal_id::int and r.run_id = :run_id::bigint
for no key update;

-- name: share_run
-- A run, locked until its act is done against those that change it, not those that work on it.
select r.run_id, r.status, r.through, r.invoice_on, r.due_on, r.login, r.reopens
from runs.run as r
where r.portal_id = :portal_id::int and r.run_id = :run_id::bigint
for share;

-- name: take_accounts
-- Take the next accounts of a run that no other hand has; they are found by where they lie, for
-- nothing is known of how many of them there are.
delete from runs.due as d
where d.ctid = any(array(
    select n.ctid
    from runs.due as n
    where n.portal_id = :portal_id::int and n.run_id = :run_id::bigint
    order by n.account_id
    limit :how_many::int
    for update skip locked
))
returning d.account_id;

-- name: still_due
-- Whether accounts of a run are not drafted yet, those in other hands too.
-- not null: more
select exists(
    select from runs.due as d
    where d.portal_id = :portal_id::int and d.run_id = :run_id::bigint
) as more;

-- name: note_exceptions
-- Note what a chunk of a run found remarkable.
insert into runs.exception (
    portal_id, run_id, account_id, agreement_id, invoice_id, kind, detail
)
select
    :portal_id::int, :run_id::bigint, e.account_id, e.agreement_id, i.invoice_id, e.kind, e.detail
from unnest(
    :account_ids::bigint[], :agreement_ids::bigint[], :kinds::text[], :details::text[]
) with ordinality as e (account_id, agreement_id, kind, detail, n)
left join invoices.invoice as i
    on i.portal_id = :portal_id::int and i.run_id = :run_id::bigint
    and i.account_id = e.account_id and i.posted_at is null
order by e.n;

-- name: drafted_run
-- Note that all of a run is drafted, unless another hand is still at it.
update runs.run as r set drafted_at = :at::timestamptz
where r.portal_id = :portal_id::int and r.run_id = (
    select n.run_id from runs.run as n
    where n.portal_id = :portal_id::int and n.run_id = :run_id::bigint and n.drafted_at is null
    for no key update skip locked
);

-- name: drafts_of
-- The drafts of a run: of some accounts, or of all where none is named.
select i.invoice_id, a.account
from invoices.invoice as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
where i.portal_id = :portal_id::int and i.run_id = :run_id::bigint and i.posted_at is null
    and (:accounts::text[] = '{}' or a.account = any(:accounts::text[]))
order by i.account_id;

-- name: hold_drafts
-- Hold drafts with a reason, or let them go where it is null.
-- not null: held
select invoices.hold(
    :portal_id::int, :invoice_ids::bigint[], :reason::text, :login::text
) as held;

-- name: discard_drafts
-- Throw drafts away.
-- not null: discarded
select invoices.discard(:portal_id::int, :invoice_ids::bigint[]) as discarded;

-- name: forget_exceptions
-- Forget what was remarkable of accounts whose drafts are thrown away.
delete from runs.exception as e
where e.portal_id = :portal_id::int and e.run_id = :run_id::bigint and e.account_id in (
    select a.account_id from customers.account as a
    where a.portal_id = :portal_id::int and a.account = any(:accounts::text[])
);

-- name: approve_run
-- Approve a run and number its drafts, and answer how many those are.
-- not null: numbered
with approved as (
    update runs.run as r set approved_at = :at::timestamptz, approved_by = :login::text
    where r.portal_id = :portal_id::int and r.run_id = :run_id::bigint
)
select invoices.number(
    :portal_id::int,
    array(
        select i.invoice_id from invoices.invoice as i
        where i.portal_id = :portal_id::int and i.run_id = :run_id::bigint
            and i.posted_at is null
    )
) as numbered;

-- name: discard_run
-- Discard a run, whoever of it is not drafted yet; one of which something is posted ends as posted.
with dropped as (
    delete from runs.due as d
    where d.portal_id = :portal_id::int and d.run_id = :run_id::bigint
)
update runs.run as r
set
    discarded_at = case when not p.posted then :at::timestamptz end,
    posted_at = case when p.posted then coalesce(r.posted_at, :at::timestamptz) end
from (
    select count(*) > 0 as posted from invoices.invoice as i
    where i.portal_id = :portal_id::int and i.run_id = :run_id::bigint
        and i.posted_at is not null
) as p
where r.portal_id = :portal_id::int and r.run_id = :run_id::bigint;

-- name: to_post
-- The next drafts of a run that are not held and in no other hand, by account.
select i.invoice_id
from invoices.invoice as i
where i.portal_id = :portal_id::int and i.run_id = :run_id::bigint and i.posted_at is null
    and i.held_for is null
order by i.account_id
limit :how_many::int
for no key update skip locked;

-- name: to_replace
-- The invoices that some drafts replace and that nobody cancelled since, with their place among
-- those of the draft; one of which something was written off since stands.
-- not null: place invoice_id stands
select
    i.invoice_id as draft_id, w.place::int as place, r.invoice_id,
    invoices.written_off(r.portal_id, r.entry_id) as stands
from invoices.invoice as i
cross join lateral unnest(i.replaces) with ordinality as w (invoice_id, place)
inner join invoices.invoice as r
    on r.portal_id = i.portal_id and r.invoice_id = w.invoice_id
where i.portal_id = :portal_id::int and i.invoice_id = any(:invoice_ids::bigint[])
    and not exists (
        select from invoices.invoice as n
        where n.portal_id = r.portal_id and n.reverses = r.invoice_id
    )
order by w.place, r.invoice_id;

-- name: charges_gone
-- Which of some drafts bill a charge that was cancelled since, with what they replace.
select i.invoice_id
from invoices.invoice as i
where i.portal_id = :portal_id::int and i.invoice_id = any(:invoice_ids::bigint[])
    and i.replaces <> '{}' and exists (
        select from invoices.line as l
        inner join charges.charge as c
            on c.portal_id = l.portal_id and c.charge_id = l.charge_id
            and c.cancelled_at is not null
        where l.portal_id = i.portal_id and l.invoice_id = i.invoice_id
    );

-- name: still_to_post
-- Whether drafts of a run that are not held are not posted yet, those in other hands too.
-- not null: more
select exists(
    select from invoices.invoice as i
    where i.portal_id = :portal_id::int and i.run_id = :run_id::bigint and i.posted_at is null
        and i.held_for is null
) as more;

-- name: post_drafts
-- Post drafts, and answer how many that were.
-- not null: posted
select invoices.post(
    :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
    :invoice_ids::bigint[], :invoice_on::date, :due_on::date
) as posted;

-- name: posted_run
-- Note that all of a run that is not held is posted, unless another hand is still at it.
update runs.run as r set posted_at = coalesce(r.posted_at, :at::timestamptz)
where r.portal_id = :portal_id::int and r.run_id = (
    select n.run_id from runs.run as n
    where n.portal_id = :portal_id::int and n.run_id = :run_id::bigint
    for no key update skip locked
);

-- name: runs
-- Bill runs with what they come to, the newest first, or one of them; not of a blocked account.
-- not null: invoices held posted exceptions net tax total
select
    r.run_id, r.status, r.through, r.invoice_on, r.due_on, r.cycle_code, b.building_code,
    a.account, r.login, r.started_at, r.approved_by, r.approved_at, r.posted_at, r.accounts,
    i.invoices, i.held, i.posted, x.exceptions, i.net, i.tax, i.total
from runs.run as r
left join locations.building as b
    on b.portal_id = r.portal_id and b.building_id = r.building_id
left join customers.account as a on a.portal_id = r.portal_id and a.account_id = r.account_id
cross join lateral (
    select
        count(*) as invoices, count(*) filter (where n.held_for is not null) as held,
        count(*) filter (where n.posted_at is not null) as posted, coalesce(sum(n.net), 0) as net,
        coalesce(sum(n.tax), 0) as tax, coalesce(sum(n.total), 0) as total
    from invoices.invoice as n
    where n.portal_id = r.portal_id and n.run_id = r.run_id
) as i
cross join lateral (
    select count(*) as exceptions from runs.exception as e
    where e.portal_id = r.portal_id and e.run_id = r.run_id
) as x
where r.portal_id = :portal_id::int and r.run_id < :before::bigint
    and (:run_id::bigint is null or r.run_id = :run_id::bigint)
    and (a.account is null or (a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])))
order by r.run_id desc
limit :how_many::int;

-- name: exceptions
-- What a run found remarkable, as it was noted, beyond one of these.
select e.exception_id, a.account, e.agreement_id, e.invoice_id, e.kind, e.detail
from runs.exception as e
inner join customers.account as a on a.portal_id = e.portal_id and a.account_id = e.account_id
where e.portal_id = :portal_id::int and e.run_id = :run_id::bigint
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
    and e.exception_id > :beyond::bigint
order by e.exception_id
limit :how_many::int;

-- name: drafts
-- The invoices of a run, drafts and posted ones, by account, with the numbers of what they replace:
-- all, or that of one account.
-- not null: replaces
select
    i.invoice_id, i.account_id, a.account, c.name as account_name, i.kind, i.from_on, i.to_on,
    i.net, i.tax, i.total, i.held_for, i.held_by, i.number,
    array(
        select r.number
        from unnest(i.replaces) with ordinality as w (invoice_id, n)
        inner join invoices.invoice as r
            on r.portal_id = i.portal_id and r.invoice_id = w.invoice_id
        order by w.n
    ) as replaces
from invoices.invoice as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
where i.portal_id = :portal_id::int and i.run_id = :run_id::bigint
    and i.account_id > :beyond::bigint
    and (:account::text is null or a.account = :account::text)
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by i.account_id
limit :how_many::int;

-- name: to_print
-- The posted invoices of a run that stand, and the credit notes of those that they replace, which
-- no e-mail brings: their accounts have them by post, or the e-mail could not be delivered. A page
-- does not end within an account.
-- not null: number kind account_name address_1 address_2 city state postal_code trouble
select
    n.number, case n.kind when 'CREDIT' then 'CREDIT_NOTE' else 'INVOICE' end as kind,
    i.account_id, a.account, t.name as account_name, t.address_1, t.address_2, t.city, t.state,
    t.postal_code, n.total, coalesce(m.trouble, '') as trouble
from invoices.invoice as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
inner join customers.addressee as t
    on t.portal_id = i.portal_id and t.account_id = i.account_id
cross join lateral (
    select i.invoice_id
    where not exists (
        select from invoices.invoice as r
        where r.portal_id = i.portal_id and r.reverses = i.invoice_id
    )
    union all
    select r.invoice_id from invoices.invoice as r
    where r.portal_id = i.portal_id and r.reverses = any(i.replaces)
) as w
inner join invoices.invoice as n on n.portal_id = i.portal_id and n.invoice_id = w.invoice_id
left join lateral (
    select q.status, q.trouble from notices.message as q
    where q.portal_id = n.portal_id and q.account_id = n.account_id
        and q.document_number = n.number
        and q.document_kind = case n.kind when 'CREDIT' then 'CREDIT_NOTE' else 'INVOICE' end
    order by q.message_id desc
    limit 1
) as m on true
where i.portal_id = :portal_id::int and i.run_id = :run_id::bigint and i.posted_at is not null
    and (m.status is null or m.status = 'FAILED')
    and i.account_id > :beyond::bigint
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by i.account_id
fetch first (:how_many::int) rows with ties;

-- name: late
-- The posted invoices of accounts whose reads or intervals changed since they were drafted, within
-- the months that may be reopened, the latest of each account first; without the accounts that have
-- a draft. The reads are those within their days, and where these began or ended between two reads,
-- those up to the one beyond: what was billed at that edge lay between them. A day of a register's
-- own clock may lie in two invoices: what counts is whether those of its intervals changed that the
-- invoice bills. A read at an edge that shows what was billed, as the opening read of who comes
-- next does, changes nothing. Those that bill an agreement beyond its end, by other meters than
-- hung there or by another tariff than is assigned, are among them. One of which something was
-- written off stands.
-- not null: invoice_id number kind stands
with ended as materialized (
    select e.invoice_id
    from runs.billed_beyond(:portal_id::int, :account_ids::bigint[], :timezone::text) as e
), outdated as materialized (
    select u.invoice_id, min(u.kind) as kind
    from runs.outdated(
        :portal_id::int, :account_ids::bigint[], :since::date, :timezone::text
    ) as u
    group by u.invoice_id
)
select
    i.invoice_id, i.number, i.account_id,
    case when e.invoice_id is not null then 'ENDED' else coalesce(u.kind, 'LATE_READ') end as kind,
    invoices.written_off(i.portal_id, i.entry_id) as stands
from invoices.invoice as i
left join ended as e on e.invoice_id = i.invoice_id
left join outdated as u on u.invoice_id = i.invoice_id
left join locations.building as b
    on b.portal_id = i.portal_id and b.building_id = i.building_id
where i.portal_id = :portal_id::int and i.account_id = any(:account_ids::bigint[])
    and i.posted_at is not null and i.kind in ('NORMAL', 'FINAL')
    and i.to_on >= :since::date
    and not exists (
        select from invoices.invoice as w
        where w.portal_id = i.portal_id and w.account_id = i.account_id
            and w.posted_at is null and w.kind <> 'CREDIT'
    )
    and not exists (
        select from invoices.invoice as n
        where n.portal_id = i.portal_id and n.reverses = i.invoice_id
    )
    and (num_nonnulls(e.invoice_id, u.invoice_id) > 0 or exists (
        select from invoices.measured as m
        cross join lateral (
            select
                m.from_on::timestamp at time zone coalesce(b.timezone, :timezone::text) as start_at,
                (m.to_on + 1)::timestamp at time zone coalesce(b.timezone, :timezone::text)
                as end_at
        ) as w
        cross join lateral reads.known_around(
            m.portal_id, m.register_id, m.from_on, m.to_on,
            coalesce(b.timezone, :timezone::text), i.reads_known
        ) as k
        where m.portal_id = i.portal_id and m.invoice_id = i.invoice_id
            and (
                exists (
                    select from reads.read as r
                    where r.portal_id = m.portal_id and r.register_id = m.register_id
                        and r.read_at between k.first_at and k.last_at
                        and r.batch_id > i.reads_known
                        and r.value is distinct from case r.read_at
                            when w.start_at then m.previous_value
                            when w.end_at then m.current_value
                        end
                )
                or exists (
                    select from reads.misread as x
                    where x.portal_id = m.portal_id and x.register_id = m.register_id
                        and x.read_at between k.first_at and k.last_at
                        and x.batch_id > i.reads_known
                )
                or exists (
                    select from unnest(m.streams) as s (register_id)
                    inner join intervals.register_day as d
                        on d.portal_id = m.portal_id and d.register_id = s.register_id
                    inner join metering.register as g
                        on g.portal_id = d.portal_id and g.register_id = d.register_id
                    cross join lateral (
                        select
                            extract(epoch from t.since)::int / 60 / d.minutes as since,
                            extract(epoch from t.until)::int / 60 / d.minutes as until
                        from (
                            select
                                w.start_at at time zone 'UTC' + g.clock::interval - d.day as since,
                                w.end_at at time zone 'UTC' + g.clock::interval - d.day as until
                        ) as t
                    ) as p
                    left join lateral (
                        select o.minutes, o.quantities from intervals.register_day as o
                        where o.portal_id = d.portal_id and o.register_id = d.register_id
                            and o.day = d.day and o.revision between 1 and d.revision - 1
                            and o.file_id <= i.intervals_known
                        order by o.revision desc
                        limit 1
                    ) as o on true
                    where d.day between m.from_on - 1 and m.to_on + 1 and d.revision > 1
                        and d.file_id > i.intervals_known
                        and not exists (
                            select from intervals.register_day as n
                            where n.portal_id = d.portal_id and n.register_id = d.register_id
                                and n.day = d.day and n.revision > d.revision
                        )
                        and case
                            when o.minutes = d.minutes
                                then d.quantities[greatest(p.since, 0) + 1:p.until]
                                <> o.quantities[greatest(p.since, 0) + 1:p.until]
                            else p.since * d.minutes < 1440 and p.until > 0
                        end
                )
            )
    ))
order by i.account_id asc, i.to_on desc, i.invoice_id desc;

-- name: changed
-- The posted invoices of accounts that bill days after the end of an agreement, by other meters
-- than hung there or by another tariff than is assigned, within the months that may be reopened,
-- the latest of each account first; without the accounts that have a draft.
-- not null: invoice_id number kind stands
select
    i.invoice_id, i.number, i.account_id, min(f.kind) as kind,
    invoices.written_off(i.portal_id, i.entry_id) as stands
from (
    select e.invoice_id, 'ENDED' as kind
    from runs.billed_beyond(:portal_id::int, :account_ids::bigint[], :timezone::text) as e
    where e.beyond
    union all
    select u.invoice_id, u.kind
    from runs.outdated(
        :portal_id::int, :account_ids::bigint[], :since::date, :timezone::text
    ) as u
) as f
inner join invoices.invoice as i
    on i.portal_id = :portal_id::int and i.invoice_id = f.invoice_id and i.posted_at is not null
    and i.kind in ('NORMAL', 'FINAL') and i.to_on >= :since::date
where not exists (
    select from invoices.invoice as w
    where w.portal_id = i.portal_id and w.account_id = i.account_id
        and w.posted_at is null and w.kind <> 'CREDIT'
)
group by i.portal_id, i.invoice_id
order by i.account_id asc, i.to_on desc, i.invoice_id desc;
