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
    union all
    select
        'adjustments not decided' as what,
        (
            select count(*) from adjustments.adjustment as a
            where a.portal_id = :portal_id::int and a.status = 'PENDING' and a.entered_at < u.at
        ) as how_many
    from until as u
    union all
    select
        'receipts in suspense' as what,
        (
            select count(*) from receipts.suspense as s
            inner join receipts.receipt as r
                on r.portal_id = s.portal_id and r.receipt_id = s.receipt_id
            inner join ledger.entry as e
                on e.portal_id = r.portal_id and e.entry_id = r.entry_id
            where s.portal_id = :portal_id::int and s.entry_id is null and e.recorded_at < u.at
                and not exists (
                    select from ledger.entry as v
                    where v.portal_id = e.portal_id and v.reverses = e.entry_id
                )
        ) as how_many
    from until as u
)
select f.what, f.how_many from found as f where f.how_many > 0 order by f.what;

-- name: notice_log
-- Messages below an id, the newest first, with the account and the building that each concerns:
-- of a channel, in a status, of an account or several, a building, a site, queued within a window,
-- or all. What concerns accounts that are blocked for the reader is left out.
select
    m.message_id, m.channel, a.account as account_number, c.name as account_name,
    s.building_code as site_code, s.name as site_name, m.recipient, m.sender as from_address,
    m.subject, m.body as message_content, m.document_number, m.amount, m.status, m.queued_at,
    m.sent_at, m.tries, m.trouble
from notices.message as m
left join customers.account as a on a.portal_id = m.portal_id and a.account_id = m.account_id
left join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join lateral (
    select b.building_code, b.name, l.site_key
    from customers.agreement as g
    inner join locations.location as l
        on l.portal_id = g.portal_id and l.location_id = g.location_id
    inner join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    where g.portal_id = m.portal_id and g.account_id = m.account_id
        and db.holds(g.valid, m.queued_at)
    order by l.site_key is distinct from :site_key::text, b.building_code
    limit 1
) as s on true
where m.portal_id = :portal_id::int and m.message_id < :before::bigint
    and (:channel::text is null or m.channel = :channel::text)
    and (:status::text is null or m.status = :status::text)
    and (:account::text is null or a.account = :account::text)
    and (:account_ids::bigint[] is null or m.account_id = any(:account_ids::bigint[]))
    and (:building_code::text is null or s.building_code = :building_code::text)
    and (:site_key::text is null or s.site_key = :site_key::text)
    and (:first_at::timestamptz is null or m.queued_at >= :first_at::timestamptz)
    and (:until::timestamptz is null or m.queued_at < :until::timestamptz)
    and (
        cardinality(:blocked::text[]) = 0 or a.account is null
        or (a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[]))
    )
order by m.message_id desc
limit :how_many::bigint;

-- name: permissions_held
-- What a user may do.
-- not null: permission
select p.permission from access.permissions_of(:user_id::int) as p;

-- name: building_codes
-- The codes of the buildings, in order.
select b.building_code from locations.building as b
where b.portal_id = :portal_id::int
order by b.building_code;

-- name: named
-- What the filters of a report name: the accounts that all of party, customer and account are of,
-- and the building and the site where they are there. A site is told by its identifier, or by the
-- code of its building.
-- not null: account_ids
select
    case
        when coalesce(:party::text, :customer::text, :account::text) is null then '{}'::bigint[]
        else array(
            select a.account_id from customers.account as a
            inner join customers.customer as c
                on c.portal_id = a.portal_id and c.customer_id = a.customer_id
            where a.portal_id = p.portal_id
                and (:party::text is null or position(lower(:party::text) in lower(c.name)) > 0)
                and (
                    :customer::text is null or coalesce(a.contract, a.account) = :customer::text
                )
                and (:account::text is null or a.account = :account::text)
        )
    end as account_ids,
    (
        select b.building_code from locations.building as b
        where b.portal_id = p.portal_id and b.building_key = upper(:network_node::text)
    ) as building_code,
    (
        select b.building_code from locations.building as b
        where b.portal_id = p.portal_id and b.building_key = upper(:site::text)
    ) as site_building_code,
    (
        select l.site_key from locations.location as l
        where l.portal_id = p.portal_id and l.site_key = upper(:site::text)
    ) as site_key
from access.portal as p
where p.portal_id = :portal_id::int;

-- name: charges
-- Report 112: one-off charges that were not cancelled, by their date.
-- not null: account_name approved charge_amount invoice_description invoice_number
-- not null: sales_cust_number site_code site_identifier site_name account_number approved_user
select
    d.name as account_name, case when c.approved_at is null then 'N' else 'Y' end as approved,
    (c.approved_at at time zone d.timezone)::date as approved_date,
    coalesce(c.approved_by, '') as approved_user,
    case when c.credit then -c.amount else c.amount end as charge_amount,
    c.charge_on as charge_date, i.invoice_on as invoice_date, c.description as invoice_description,
    coalesce(i.number, '') as invoice_number, i.run_id as invoice_run, c.notes,
    d.contract as sales_cust_number, coalesce(b.building_code, d.building_code) as site_code,
    coalesce(l.site_identifier, d.site_identifier) as site_identifier,
    coalesce(b.name, d.building_name) as site_name, d.account as account_number,
    coalesce(c.agreement_id, d.agreement_id) as cust_account_id
from charges.charge as c
inner join receivables.debtor as d on d.portal_id = c.portal_id and d.account_id = c.account_id
left join customers.agreement as g
    on g.portal_id = c.portal_id and g.agreement_id = c.agreement_id
left join locations.location as l
    on l.portal_id = c.portal_id and l.location_id = coalesce(c.location_id, g.location_id)
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
left join invoices.invoice as i on i.portal_id = c.portal_id and i.invoice_id = c.invoice_id
where c.portal_id = :portal_id::int and c.status <> 'CANCELLED'
    and c.charge_on >= coalesce(:first_on::date, '-infinity')
    and c.charge_on <= coalesce(:last_on::date, 'infinity')
    and (
        num_nonnulls(:first_posted::date, :last_posted::date) = 0
        or (c.approved_at at time zone d.timezone)::date
        between coalesce(:first_posted::date, '-infinity')
        and coalesce(:last_posted::date, 'infinity')
    )
    and (:account_ids::bigint[] is null or c.account_id = any(:account_ids::bigint[]))
    and (
        :building_code::text is null
        or coalesce(b.building_code, d.building_code) = :building_code::text
    )
    and (
        :site_key::text is null
        or upper(coalesce(l.site_identifier, d.site_identifier)) = :site_key::text
    )
    and d.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by c.charge_on, c.charge_id;

-- name: billed_consumption
-- Report 114: the lines of posted invoices that price what was supplied, by the date of the
-- invoice; charges are report 112. The serial number is that of the one meter, the register that of
-- the one register that was measured.
-- not null: network site_code site_name site_identifier price_plan_code price_plan_description
-- not null: site_type site_address meter_serial account_number account_name billed_total
-- not null: billed_discount invoice_number invoice_date
select
    coalesce(b.network, '') as network, coalesce(b.building_code, '') as site_code,
    coalesce(b.name, '') as site_name, coalesce(l.site_identifier, '') as site_identifier,
    coalesce(t.name, '') as price_plan_code, coalesce(t.description, '') as price_plan_description,
    n.product_type, coalesce(l.site_type, '') as site_type,
    concat_ws(
        ', ', nullif(l.address_1, ''), nullif(l.address_2, ''), nullif(l.city, ''),
        nullif(concat_ws(' ', nullif(l.state, ''), nullif(l.zip, '')), '')
    ) as site_address,
    coalesce(m.serial_number, '') as meter_serial,
    case when n.line_type = 'USAGE' then m.register_no end as register,
    a.account as account_number, c.name as account_name, k.billed_to as billed_to_date,
    n.from_on as start_date, n.to_on as end_date, n.unit as units,
    n.description as billed_description, n.quantity as consumption_or_days,
    n.rate as billed_rate, n.net as billed_amount, n.tax as gst, n.net + n.tax as billed_total,
    case when n.line_type in ('DISCOUNT', 'CONCESSION') then -n.net else 0 end as billed_discount,
    i.number as invoice_number, i.invoice_on as invoice_date
from invoices.invoice as i
inner join invoices.line as n on n.portal_id = i.portal_id and n.invoice_id = i.invoice_id
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
inner join access.portal as p on p.portal_id = i.portal_id
left join locations.location as l
    on l.portal_id = n.portal_id and l.location_id = coalesce(n.location_id, i.location_id)
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
left join tariffs.tariff as t on t.portal_id = n.portal_id and t.tariff_id = n.tariff_id
left join lateral (
    select
        case when count(distinct d.serial_number) = 1 then min(d.serial_number) end
        as serial_number,
        case when count(*) = 1 then min(d.register_no) end as register_no
    from invoices.measured as d
    where d.portal_id = n.portal_id and d.invoice_id = coalesce(i.reverses, i.invoice_id)
        and d.agreement_id = n.agreement_id and not d.export
) as m on true
left join lateral (
    select max(upper(v.days)) - 1 as billed_to
    from invoices.covered as v
    left join invoices.invoice as o on o.portal_id = v.portal_id and o.invoice_id = v.invoice_id
    where v.portal_id = n.portal_id and v.agreement_id = n.agreement_id
        and v.released_by is null and (v.invoice_id is null or o.posted_at is not null)
) as k on true
where i.portal_id = :portal_id::int and i.posted_at is not null
    and (n.line_type <> 'CHARGE' and n.charge_id is null)
    and i.invoice_on >= coalesce(:first_on::date, '-infinity')
    and i.invoice_on <= coalesce(:last_on::date, 'infinity')
    and i.posted_at >= coalesce(:first_posted::date - 1, '-infinity')
    and i.posted_at < coalesce(:last_posted::date + 2, 'infinity')
    and (i.posted_at at time zone coalesce(b.timezone, p.timezone))::date
    between coalesce(:first_posted::date, '-infinity') and coalesce(:last_posted::date, 'infinity')
    and (:account_ids::bigint[] is null or i.account_id = any(:account_ids::bigint[]))
    and (:building_code::text is null or b.building_code = :building_code::text)
    and (:site_key::text is null or l.site_key = :site_key::text)
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by i.invoice_on, i.invoice_id, n.line_no;

-- name: invoices_audited
-- Report 115: posted invoices and credit notes by their date, with the balances around them. The
-- agreement is the first of its lines. What is paid promptly was paid whole, by the day on which it
-- was due; the discount for that is the offering's, of all that was charged for its agreement.
-- not null: ref account_number sales_cust_number account_name customer_type product site_code
-- not null: site_name previous_balance adjustment_total receipt_total opening_balance
-- not null: invoice_amount total_due gst tax_rate invoice_date posted_date due_date paid
-- not null: amount_paid reversal prompt_payment_discount paid_promptly plan_id
select
    t.number as ref, t.account as account_number, t.contract as sales_cust_number,
    n.agreement_id as cust_account_id, t.account_name, t.customer_type,
    coalesce(n.product, '') as product, coalesce(t.building_code, '') as site_code,
    coalesce(t.building_name, '') as site_name,
    (lower(g.valid) at time zone z.timezone)::date as start_date,
    t.previous_balance, t.adjustment_total, t.receipt_total,
    t.previous_balance + t.adjustment_total + t.receipt_total as opening_balance,
    t.total as invoice_amount,
    t.previous_balance + t.adjustment_total + t.receipt_total + t.total as total_due,
    t.tax as gst, coalesce(n.tax_rate, 0) as tax_rate, t.invoice_on as invoice_date,
    (t.posted_at at time zone z.timezone)::date as posted_date, t.due_on as due_date,
    case when t.status = 'PAID' then 'Y' else 'N' end as paid, t.amount_paid,
    coalesce(t.reversal_of, '') as reversal,
    round(coalesce(n.prompt_payment, 0), :places::int) as prompt_payment_discount,
    case
        when t.status = 'PAID' and t.total > 0
            and coalesce((f.paid_at at time zone z.timezone)::date <= t.due_on, true) then 'Y'
        else 'N'
    end as paid_promptly,
    coalesce(n.plans, '') as plan_id
from invoices.invoice as i
inner join invoices.told as t on t.portal_id = i.portal_id and t.invoice_id = i.invoice_id
inner join access.portal as p on p.portal_id = i.portal_id
left join locations.building as b on b.portal_id = i.portal_id and b.building_id = i.building_id
cross join lateral (select coalesce(b.timezone, p.timezone) as timezone) as z
left join lateral (
    select
        min(s.agreement_id) as agreement_id,
        string_agg(distinct s.product_type, ', ' order by s.product_type) as product,
        string_agg(distinct r.name, ', ' order by r.name) as plans,
        max((s.explanation ->> 'tax_rate')::numeric) as tax_rate,
        sum((s.net + s.tax) * d.value / 100) as prompt_payment
    from invoices.line as s
    left join tariffs.tariff as r on r.portal_id = s.portal_id and r.tariff_id = s.tariff_id
    left join plans.agreement_assignment as o
        on o.portal_id = s.portal_id and o.agreement_id = s.agreement_id
        and o.valid @> s.to_on::timestamp at time zone z.timezone
    left join lateral (
        select sum(u.value) as value from plans.inducement as u
        where u.portal_id = o.portal_id and u.offering_id = o.offering_id
            and u.kind = 'PROMPT_PAYMENT'
    ) as d on true
    where s.portal_id = i.portal_id and s.invoice_id = i.invoice_id
) as n on true
left join customers.agreement as g
    on g.portal_id = i.portal_id and g.agreement_id = n.agreement_id
left join lateral (
    select max(e.event_at) as paid_at
    from receivables.open_item as q
    inner join receivables.allocation as w
        on w.portal_id = q.portal_id and w.item_id = q.item_id and w.kind <> 'reversal'
    inner join ledger.entry as e on e.portal_id = w.portal_id and e.entry_id = w.entry_id
    where q.portal_id = i.portal_id and q.entry_id = i.entry_id and not exists (
        select from receivables.allocation as x
        where x.portal_id = w.portal_id and x.reverses = w.allocation_id
    )
) as f on true
where i.portal_id = :portal_id::int
    and i.invoice_on >= coalesce(:first_on::date, '-infinity')
    and i.invoice_on <= coalesce(:last_on::date, 'infinity')
    and i.posted_at >= coalesce(:first_posted::date - 1, '-infinity')
    and i.posted_at < coalesce(:last_posted::date + 2, 'infinity')
    and (i.posted_at at time zone z.timezone)::date
    between coalesce(:first_posted::date, '-infinity') and coalesce(:last_posted::date, 'infinity')
    and (:account_ids::bigint[] is null or i.account_id = any(:account_ids::bigint[]))
    and (:building_code::text is null or b.building_code = :building_code::text)
    and (
        :site_key::text is null or exists (
            select from locations.location as l
            where l.portal_id = i.portal_id and l.site_key = :site_key::text and (
                l.location_id = i.location_id or l.location_id in (
                    select s.location_id from invoices.line as s
                    where s.portal_id = i.portal_id and s.invoice_id = i.invoice_id
                )
            )
        )
    )
    and t.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by t.invoice_on, i.invoice_id;

-- name: receipts_audited
-- Report 116: receipts by the day of posting, with what became of those that do not stand. Those in
-- suspense are of nobody, and told to whoever is not barred from everybody.
-- not null: ref account_number sales_cust_number account_name product site_code site_name amount
-- not null: posted_date receipt_date customer_type batch_no batch_type batch_name reference
-- not null: dishonour_type
select
    r.receipt_id as ref, coalesce(r.account, '999999') as account_number,
    coalesce(r.contract, '') as sales_cust_number, d.agreement_id as cust_account_id,
    coalesce(r.name, 'Suspense') as account_name, coalesce(d.product_type, '') as product,
    r.building_code as site_code, r.building_name as site_name, r.amount,
    r.posted_on as posted_date, r.received_on as receipt_date,
    (lower(g.valid) at time zone d.timezone)::date as start_date,
    coalesce(r.type_code, 'SUNDRY') as customer_type, r.batch_no, r.batch_type, r.batch_name,
    r.reference,
    case
        when r.status = 'REVERSED' then 'REVERSED'
        when r.status = 'DISHONOURED' then coalesce(nullif(r.dishonour_type, ''), 'DISHONOURED')
        else ''
    end as dishonour_type
from receipts.listed as r
left join receivables.debtor as d on d.portal_id = r.portal_id and d.account_id = r.account_id
left join customers.agreement as g
    on g.portal_id = d.portal_id and g.agreement_id = d.agreement_id
where r.portal_id = :portal_id::int
    and r.received_on >= coalesce(:first_on::date, '-infinity')
    and r.received_on <= coalesce(:last_on::date, 'infinity')
    and r.posted_at >= coalesce(:first_posted::date - 1, '-infinity')
    and r.posted_at < coalesce(:last_posted::date + 2, 'infinity')
    and r.posted_on between coalesce(:first_posted::date, '-infinity')
    and coalesce(:last_posted::date, 'infinity')
    and (:account_ids::bigint[] is null or r.account_id = any(:account_ids::bigint[]))
    and (:building_code::text is null or r.building_code = :building_code::text)
    and (:site_key::text is null or upper(d.site_identifier) = :site_key::text)
    and coalesce(r.account <> all(:blocked::text[]), true) and '*' <> all(:blocked::text[])
order by case when :by_paper::boolean then r.received_on else r.posted_on end, r.receipt_id;

-- name: adjustments_audited
-- Report 901: adjustments by the day of posting, or all of them by their own; a credit is negative.
-- not null: ref account_number sales_cust_number account_name customer_type product site_code
-- not null: site_name site_identifier reason_code reason debit_credit amount gst adjustment_date
-- not null: accounting_period entered_user approved_user status notes
select
    a.adjustment_id as ref, a.account as account_number, a.contract as sales_cust_number,
    coalesce(a.agreement_id, d.agreement_id) as cust_account_id, a.name as account_name,
    a.type_code as customer_type, coalesce(a.product_type, d.product_type, '') as product,
    a.building_code as site_code, a.building_name as site_name, a.site_identifier,
    a.reason as reason_code, a.description as reason, a.debit_credit,
    case a.debit_credit when 'D' then a.amount else -a.amount end as amount,
    case a.debit_credit when 'D' then a.tax else -a.tax end as gst,
    a.adjusted_on as adjustment_date, a.posted_on as posted_date,
    coalesce(to_char(a.month, 'YYYYMM'), '') as accounting_period, a.entered_by as entered_user,
    case when a.transaction_id is null then '' else coalesce(a.decided_by, '') end
    as approved_user,
    a.status, a.notes
from adjustments.listed as a
inner join receivables.debtor as d on d.portal_id = a.portal_id and d.account_id = a.account_id
where a.portal_id = :portal_id::int
    and (:by_paper::boolean or a.transaction_id is not null)
    and a.adjusted_on >= coalesce(:first_on::date, '-infinity')
    and a.adjusted_on <= coalesce(:last_on::date, 'infinity')
    and coalesce(a.posted_on, '-infinity') >= coalesce(:first_posted::date, '-infinity')
    and coalesce(a.posted_on, '-infinity') <= coalesce(:last_posted::date, 'infinity')
    and (:account_ids::bigint[] is null or a.account_id = any(:account_ids::bigint[]))
    and (:building_code::text is null or a.building_code = :building_code::text)
    and (:site_key::text is null or upper(a.site_identifier) = :site_key::text)
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by
    case when :by_paper::boolean then a.adjusted_on else a.posted_on end, a.adjustment_id;

-- name: read_errors
-- Report 903: days of interval data that could not be placed, by the day of loading, with the site
-- and the account that was supplied there when they begin.
-- not null: site_identifier site_code site_name account_number account_name loaded_date
select
    f.reason as error_code, f.nmi as site_identifier, coalesce(b.building_code, '') as site_code,
    coalesce(b.name, '') as site_name, coalesce(a.account, '') as account_number,
    coalesce(c.name, '') as account_name, f.serial_number as meter_serial,
    f.datastream as data_stream, f.unit as units, f.from_day as start_date, f.to_day as end_date,
    f.days, i.name as file_name, f.line,
    (i.loaded_at at time zone p.timezone)::date as loaded_date
from intervals.fault as f
inner join intervals.file as i on i.portal_id = f.portal_id and i.file_id = f.file_id
inner join access.portal as p on p.portal_id = f.portal_id
left join locations.location as l on l.portal_id = f.portal_id and l.site_key = upper(f.nmi)
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
left join customers.agreement as g
    on g.portal_id = l.portal_id and g.location_id = l.location_id
    and g.product_type = 'ELECTRICITY'
    and g.valid @> f.from_day::timestamp at time zone coalesce(b.timezone, p.timezone)
left join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
left join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
where f.portal_id = :portal_id::int
    and f.to_day >= coalesce(:first_on::date, '-infinity')
    and f.from_day <= coalesce(:last_on::date, 'infinity')
    and (i.loaded_at at time zone p.timezone)::date
    between coalesce(:first_posted::date, '-infinity') and coalesce(:last_posted::date, 'infinity')
    and (:account_ids::bigint[] is null or a.account_id = any(:account_ids::bigint[]))
    and (:building_code::text is null or b.building_code = :building_code::text)
    and (:site_key::text is null or upper(f.nmi) = :site_key::text)
    and coalesce(a.account <> all(:blocked::text[]), true) and '*' <> all(:blocked::text[])
order by i.loaded_at, f.file_id, f.line, f.fault_id;

-- name: aged
-- Report 904: what accounts owed at the end of a day by how long it was due, by account.
-- not null: account_number sales_cust_number account_name customer_type site_code site_name not_due
-- not null: days_30 days_60 days_90 older credit balance
select
    d.account as account_number, d.contract as sales_cust_number, d.name as account_name,
    d.type_code as customer_type, d.building_code as site_code, d.building_name as site_name,
    g.not_due, g.days_30, g.days_60, g.days_90, g.older, g.credit,
    g.not_due + g.days_30 + g.days_60 + g.days_90 + g.older - g.credit as balance
from debtors.aged(:portal_id::int, :as_of::date, :account_ids::bigint[]) as g
inner join receivables.debtor as d
    on d.portal_id = :portal_id::int and d.account_id = g.account_id
where (:building_code::text is null or d.building_code = :building_code::text)
    and (:site_key::text is null or upper(d.site_identifier) = :site_key::text)
    and d.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by length(d.account), d.account;

-- name: trial
-- Report 906: what stood on each chart account of money before a day, what moved it until another,
-- and what stands then, by the dates of the journals; maybe of one building.
-- not null: opening_balance debit credit closing_balance
select
    l.coa as gl_code, c.name as gl_description,
    coalesce(sum(l.amount) filter (where j.day < :first::date), 0) as opening_balance,
    coalesce(
        sum(l.amount) filter (
            where l.amount > 0 and j.day >= coalesce(:first::date, '-infinity')
        ), 0
    ) as debit,
    coalesce(
        -sum(l.amount) filter (
            where l.amount < 0 and j.day >= coalesce(:first::date, '-infinity')
        ), 0
    ) as credit,
    sum(l.amount) as closing_balance
from ledger.entry as e
inner join access.portal as p on p.portal_id = e.portal_id
inner join ledger.posting as l on l.portal_id = e.portal_id and l.entry_id = e.entry_id
inner join ledger.chart_account as c on c.portal_id = l.portal_id and c.coa = l.coa
left join locations.building as b on b.portal_id = e.portal_id and b.building_id = e.building_id
cross join lateral (
    select greatest((e.recorded_at at time zone p.timezone)::date, e.month) as day
) as j
where e.portal_id = :portal_id::int and l.commodity <> 'Wh'
    and j.day <= coalesce(:last::date, 'infinity')
    and (:building_code::text is null or b.building_code = :building_code::text)
group by l.coa, c.name
order by l.coa;

-- name: supplies_named
-- Agreements as the rows of a report name them.
-- not null: contract building_code building_name
select
    g.agreement_id, a.account, coalesce(a.contract, a.account) as contract,
    c.name as account_name, coalesce(b.building_code, '') as building_code,
    coalesce(b.name, '') as building_name
from customers.agreement as g
inner join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = g.location_id
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
where g.portal_id = :portal_id::int and g.agreement_id = any(:agreement_ids::bigint[]);

-- name: last_reads
-- The last read that counts of each register in its span of time, and what kind it is.
-- not null: n value read_at sub_type
select w.n::int as n, r.value, r.read_at, coalesce(d.sub_type, '') as sub_type
from unnest(:register_ids::bigint[], :since::timestamptz[], :until::timestamptz[])
    with ordinality as w (register_id, since, until, n)
cross join lateral (
    select c.value, c.read_at, c.revision from reads.counted as c
    where c.portal_id = :portal_id::int and c.register_id = w.register_id
        and c.read_at >= w.since and c.read_at <= w.until
    order by c.read_at desc, c.revision desc
    limit 1
) as r
left join reads.detail as d
    on d.portal_id = :portal_id::int and d.register_id = w.register_id
    and d.read_at = r.read_at and d.revision = r.revision
order by w.n;

-- name: gates_named
-- The buildings of gates, by the numbers of their sites.
-- not null: building_code building_name
select
    l.loc_id, coalesce(b.building_code, '') as building_code,
    coalesce(b.name, '') as building_name
from locations.location as l
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
where l.portal_id = :portal_id::int and l.loc_id = any(:loc_ids::text[]);
