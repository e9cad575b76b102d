-- name: invoices
-- Posted invoices by date, those of blocked accounts left out: of an account, a building, days.
-- not null: invoice_id number kind account contract account_name customer_type invoice_on
-- not null: posted_at due_on from_on to_on previous_balance adjustment_total receipt_total
-- not null: tax_rounding net tax total amount_paid status reason
select
    t.invoice_id, t.number, t.kind, t.account, t.contract, t.account_name, t.customer_type,
    t.building_code, t.building_name, t.invoice_on, t.posted_at, t.due_on, t.from_on, t.to_on,
    t.previous_balance, t.adjustment_total, t.receipt_total, t.tax_rounding, t.net,
    t.tax, t.total, t.amount_paid,
    t.status, t.reversal_of, t.reason
from invoices.told as t
where t.portal_id = :portal_id::int
    and (:number::text is null or t.number = :number::text)
    and (:account::text is null or t.account = :account::text)
    and (:building_code::text is null or lower(t.building_code) = lower(:building_code::text))
    and (:status::text is null or t.status = :status::text)
    and case
        when :by_posting::boolean
            then t.posted_at >= coalesce(:start_at::timestamptz, '-infinity')
            and t.posted_at < coalesce(:end_at::timestamptz, 'infinity')
        else
            t.invoice_on >= coalesce(:start_on::date, '-infinity')
            and t.invoice_on <= coalesce(:end_on::date, 'infinity')
    end
    and t.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
    and (
        :beyond::bigint is null
        or (t.invoice_on, t.invoice_id) > (
            select b.invoice_on, b.invoice_id from invoices.invoice as b
            where b.portal_id = :portal_id::int and b.invoice_id = :beyond::bigint
        )
    )
order by t.invoice_on, t.invoice_id
limit :how_many::bigint offset :skip::bigint;

-- name: lines
-- The lines of some invoices, in order; a usage line of one register tells its reads: that of tier
-- X the register that counts what is fed in.
-- not null: explanation
select
    l.invoice_id, l.line_no, l.agreement_id, s.site_identifier, m.serial_number, m.register_no,
    l.product_type, l.line_type, l.description, l.from_on, l.to_on, m.previous_value,
    m.current_value, m.basis as read_basis, l.quantity, l.unit, l.rate, l.loss_factor, l.net,
    l.tax, l.tax_code, l.coa, t.name as plan, l.explanation::text as explanation
from invoices.line as l
left join locations.location as s
    on s.portal_id = l.portal_id and s.location_id = l.location_id
left join tariffs.tariff as t on t.portal_id = l.portal_id and t.tariff_id = l.tariff_id
left join lateral (
    select
        min(d.serial_number) as serial_number, min(d.register_no) as register_no,
        min(d.previous_value) as previous_value, min(d.current_value) as current_value,
        min(d.basis) as basis
    from invoices.measured as d
    where l.line_type = 'USAGE' and d.portal_id = l.portal_id and d.invoice_id = l.invoice_id
        and d.agreement_id = l.agreement_id
        and d.export = coalesce(l.explanation ->> 'tier' like 'X%', false)
    having count(*) = 1
) as m on true
where l.portal_id = :portal_id::int and l.invoice_id = any(:invoice_ids::bigint[])
order by l.invoice_id, l.line_no;

-- name: measured
-- What the registers of some invoices measured, in order.
select
    m.invoice_id, m.position, m.agreement_id, m.serial_number, m.register_no, m.meter_type_code,
    m.unit, m.from_on, m.to_on, m.previous_value, m.current_value, m.basis, m.multiplier,
    m.quantity, m.export, m.loss_factor, m.previous_estimated, m.current_estimated
from invoices.measured as m
where m.portal_id = :portal_id::int and m.invoice_id = any(:invoice_ids::bigint[])
order by m.invoice_id, m.position;

-- name: billed_usage
-- What invoices that stand tell of an account's use at a site between two days, for each product:
-- what its registers measured, and what its lines cost.
-- not null: invoice_id number from_on to_on unit quantity exported net tax
with used as (
    select
        m.invoice_id, g.product_type, min(m.from_on) as from_on, max(m.to_on) as to_on,
        min(m.unit) as unit, coalesce(sum(m.quantity) filter (where not m.export), 0) as quantity,
        coalesce(sum(m.quantity) filter (where m.export), 0) as exported
    from customers.account as a
    inner join customers.agreement as g
        on g.portal_id = a.portal_id and g.account_id = a.account_id
        and g.location_id = :location_id::bigint
        and g.product_type = any(:products::text[])
    inner join invoices.measured as m
        on m.portal_id = g.portal_id and m.agreement_id = g.agreement_id
    where a.portal_id = :portal_id::int and a.account = :account::text
        and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
        and m.invoice_id in (
            select o.invoice_id from invoices.measured as o
            where o.portal_id = g.portal_id and o.agreement_id = g.agreement_id
                and o.to_on >= :first::date and o.from_on <= :last::date
        )
    group by m.invoice_id, g.product_type
)
select
    u.invoice_id, i.number, u.product_type, u.from_on, u.to_on, u.unit,
    u.quantity::bigint as quantity, u.exported::bigint as exported, c.net, c.tax
from used as u
inner join invoices.invoice as i
    on i.portal_id = :portal_id::int and i.invoice_id = u.invoice_id
    and i.posted_at is not null and i.kind <> 'CREDIT'
cross join lateral (
    select coalesce(sum(l.net), 0) as net, coalesce(sum(l.tax), 0) as tax
    from invoices.line as l
    where l.portal_id = i.portal_id and l.invoice_id = i.invoice_id
        and l.location_id = :location_id::bigint and l.product_type = u.product_type
) as c
where not exists (
    select from invoices.invoice as n
    where n.portal_id = i.portal_id and n.reverses = i.invoice_id
)
order by u.product_type, u.from_on, u.invoice_id;

-- name: hold_invoice
-- An invoice by its number, and who owes it, locked by its account.
-- not null: invoice_id
select i.invoice_id, i.kind, i.total, a.account
from invoices.invoice as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
where i.portal_id = :portal_id::int and i.number = :number::text
for no key update of a;

-- name: cancel
-- Cancel invoices of different accounts, and answer the ids of their credit notes in that order.
-- not null: note_id
select n.note_id
from unnest(invoices.cancel(
    :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
    :invoice_ids::bigint[], :dated::date, :reason::text
)) as n (note_id);

-- name: billed_elsewhere
-- Note that the days of an agreement up to one, as far as nothing covers them, were billed
-- elsewhere.
insert into invoices.covered (portal_id, agreement_id, days)
select g.portal_id, g.agreement_id, d.days
from customers.agreement as g
cross join lateral unnest(
    datemultirange(
        daterange((lower(g.valid) at time zone :timezone::text)::date, :through::date + 1)
    ) - coalesce(
        (
            select range_agg(c.days) from invoices.covered as c
            where c.portal_id = g.portal_id and c.agreement_id = g.agreement_id
                and c.released_by is null
        ), '{}'
    )
) as d (days)
where g.portal_id = :portal_id::int and g.agreement_id = :agreement_id::bigint
    and (lower(g.valid) at time zone :timezone::text)::date <= :through::date;

-- name: paper_heads
-- What the papers of some invoices tell once: the invoice, the customer, the supply, what was due
-- before they were issued, and what they replace, the earliest first.
-- not null: number invoice_on due_on previous_balance adjustment_total receipt_total account
-- not null: contract name address_1 address_2 city state postal_code supply_address debited
-- not null: life_support overdue replaces
select
    i.invoice_id, i.kind, i.number, i.invoice_on, i.due_on, i.from_on, i.to_on,
    i.previous_balance, i.adjustment_total, i.receipt_total, i.tax_rounding, i.tax, i.total,
    n.number as reversal_of, i.reason, a.account_id, a.account,
    coalesce(a.contract, a.account) as contract, t.name, t.address_1, t.address_2, t.city,
    t.state, t.postal_code, l.site_identifier,
    concat_ws(', ', nullif(l.address_1, ''), nullif(l.address_2, ''), nullif(l.city, ''))
    as supply_address,
    a.payment_method_type <> 'CHEQUE' and exists (
        select from customers.direct_debit as d
        where d.portal_id = a.portal_id and d.account_id = a.account_id
    ) as debited,
    c.email_1, a.invoice_delivery_class,
    coalesce(l.life_support, false) as life_support,
    (
        select coalesce(sum(o.outstanding), 0) from receivables.open_item as o
        where o.portal_id = i.portal_id and o.account_id = i.account_id and o.outstanding > 0
            and o.due_on < i.invoice_on
    ) as overdue,
    array(
        select r.number
        from unnest(i.replaces) with ordinality as w (invoice_id, n)
        inner join invoices.invoice as r
            on r.portal_id = i.portal_id and r.invoice_id = w.invoice_id
        order by w.n desc
    ) as replaces
from invoices.invoice as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
inner join customers.addressee as t
    on t.portal_id = a.portal_id and t.account_id = a.account_id
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join locations.location as l
    on l.portal_id = i.portal_id and l.location_id = i.location_id
left join invoices.invoice as n on n.portal_id = i.portal_id and n.invoice_id = i.reverses
where i.portal_id = :portal_id::int and i.invoice_id = any(:invoice_ids::bigint[])
order by i.invoice_id;

-- name: paper_lines
-- The lines of some invoices as papers print them, in order.
-- not null: explanation
select
    l.invoice_id, l.agreement_id, l.product_type, l.description, l.from_on, l.to_on, l.quantity,
    l.unit, l.rate, l.loss_factor, l.net, l.tax, l.explanation::text as explanation
from invoices.line as l
where l.portal_id = :portal_id::int and l.invoice_id = any(:invoice_ids::bigint[])
order by l.invoice_id, l.line_no;

-- name: usage_history
-- What was used in each month by each agreement of some invoices, over two years before they end,
-- as billed: measured quantities shared by days.
-- not null: invoice_id agreement_id month unit quantity
with wanted as materialized (
    select distinct i.invoice_id, i.to_on, m.agreement_id
    from invoices.invoice as i
    inner join invoices.measured as m
        on m.portal_id = i.portal_id and m.invoice_id = i.invoice_id
    where i.portal_id = :portal_id::int and i.invoice_id = any(:invoice_ids::bigint[])
), used as materialized (
    select
        w.invoice_id, w.agreement_id, d.invoice_id as billed_by, d.unit, d.quantity, d.from_on,
        d.to_on
    from wanted as w
    inner join invoices.measured as d
        on d.portal_id = :portal_id::int and d.agreement_id = w.agreement_id and not d.export
        and d.to_on <= w.to_on and d.to_on > w.to_on - 800
), told as (
    select u.invoice_id, u.agreement_id, u.unit, u.quantity, u.from_on, u.to_on
    from used as u
    inner join invoices.invoice as i
        on i.portal_id = :portal_id::int and i.invoice_id = u.billed_by
    where (i.posted_at is not null or i.invoice_id = u.invoice_id) and i.kind <> 'CREDIT'
        and not exists (
            select from invoices.invoice as r
            where r.portal_id = i.portal_id and r.reverses = i.invoice_id
        )
)
select
    t.invoice_id, t.agreement_id, s.month::date as month, t.unit,
    sum(
        t.quantity * (
            least(t.to_on, (s.month + interval '1 month')::date - 1)
            - greatest(t.from_on, s.month::date) + 1
        ) / (t.to_on - t.from_on + 1)::numeric
    ) as quantity
from told as t
cross join lateral generate_series(
    date_trunc('month', t.from_on::timestamp), t.to_on::timestamp, interval '1 month'
) as s (month)
group by t.invoice_id, t.agreement_id, s.month, t.unit
order by t.invoice_id, t.agreement_id, s.month;
