-- name: policy
-- How the portal bills.
select
    p.tax_rounding, p.due_days, p.reopen_months, p.outlier_percent, p.read_tolerance_days
from billing.policy as p
where p.portal_id = :portal_id::int;

-- name: set_policy
-- Change how the portal bills, for what is drafted from now on.
update billing.policy as p
set
    tax_rounding = :tax_rounding::text, due_days = :due_days::int,
    reopen_months = :reopen_months::int, outlier_percent = :outlier_percent::int,
    read_tolerance_days = :read_tolerance_days::int
where p.portal_id = :portal_id::int;

-- name: known_deliveries
-- The last deliveries of reads and of intervals, once those under way before them are done.
-- not null: reads_known intervals_known
select d.reads_known, d.intervals_known
from billing.known_deliveries(:portal_id::int) as d;

-- name: drafted_before
-- The accounts that have a draft already, and the run that it is of.
-- not null: run_id
select i.account_id, coalesce(i.run_id, 0) as run_id
from invoices.invoice as i
where i.portal_id = :portal_id::int and i.account_id = any(:account_ids::bigint[])
    and i.posted_at is null and i.kind <> 'CREDIT'
order by i.account_id;

-- name: due_days
-- The days up to one that agreements of accounts are not billed for, a row a stretch. usual_wh is
-- what the agreement used a day, by its last year of invoices, however many registers measured a
-- day. loss_factors are those in force on
-- its first day and on those on which another may begin, the loss_days: the site's before the
-- building's, null where none is told. Those of replaced invoices are due as if they were free.
-- not null: account_id agreement_id product_type timezone begins_on from_on to_on ends loss_days
-- not null: loss_factors
with agreement as materialized (
    select
        g.account_id, g.agreement_id, g.location_id, l.building_id, g.product_type,
        coalesce(b.timezone, :timezone::text) as timezone,
        (lower(g.valid) at time zone coalesce(b.timezone, :timezone::text))::date as begins_on,
        (upper(g.valid) at time zone coalesce(b.timezone, :timezone::text))::date as ends_before
    from customers.agreement as g
    left join locations.location as l
        on l.portal_id = g.portal_id and l.location_id = g.location_id
    left join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    where g.portal_id = :portal_id::int and g.account_id = any(:account_ids::bigint[])
), covered as materialized (
    select c.agreement_id, range_agg(c.days) as days
    from invoices.covered as c
    where c.portal_id = :portal_id::int and c.released_by is null
        and (c.invoice_id is null or c.invoice_id <> all(:replaced::bigint[]))
        and c.agreement_id = any(array(select a.agreement_id from agreement as a))
    group by c.agreement_id
), usual as materialized (
    select
        m.agreement_id, sum(m.quantity) as quantity,
        range_agg(daterange(m.from_on, m.to_on, '[]')) as days
    from invoices.measured as m
    inner join invoices.invoice as i
        on i.portal_id = m.portal_id and i.invoice_id = m.invoice_id
        and i.posted_at is not null and i.kind <> 'CREDIT'
    where m.portal_id = :portal_id::int and not m.export
        and i.account_id = any(:account_ids::bigint[])
        and m.to_on > :through::date - 400
        and i.invoice_id <> all(:replaced::bigint[])
        and not exists (
            select from invoices.invoice as n
            where n.portal_id = i.portal_id and n.reverses = i.invoice_id
        )
    group by m.agreement_id
)
select
    a.account_id, a.agreement_id, a.location_id, a.building_id, a.product_type, a.timezone,
    a.begins_on, lower(d.days) as from_on, upper(d.days) - 1 as to_on,
    coalesce(a.ends_before <= upper(d.days), false) as ends,
    u.quantity / (select sum(upper(w.days) - lower(w.days)) from unnest(u.days) as w (days))
    as usual_wh,
    f.loss_days, f.loss_factors
from agreement as a
left join covered as c on c.agreement_id = a.agreement_id
left join usual as u on u.agreement_id = a.agreement_id
cross join lateral unnest(
    datemultirange(
        daterange(
            a.begins_on,
            greatest(a.begins_on, least(coalesce(a.ends_before, 'infinity'), :through::date + 1))
        )
    ) - coalesce(c.days, '{}')
) as d (days)
cross join lateral (
    select
        array_agg(e.loss_day order by e.loss_day) as loss_days,
        array_agg(e.loss_factor order by e.loss_day) as loss_factors
    from (
        select
            w.loss_day,
            (
                select round(f.dlf * f.mlf * f.internal, 6)
                from locations.loss_factor as f
                where f.portal_id = :portal_id::int and f.product_type = a.product_type
                    and (f.location_id = a.location_id or f.building_id = a.building_id)
                    and f.valid @> w.loss_day
                order by f.location_id is null
                limit 1
            ) as loss_factor
        from (
            select lower(d.days) as loss_day
            union
            select b.bound
            from locations.loss_factor as f
            cross join lateral (values (lower(f.valid)), (upper(f.valid))) as b (bound)
            where f.portal_id = :portal_id::int and f.product_type = a.product_type
                and (f.location_id = a.location_id or f.building_id = a.building_id)
                and b.bound > lower(d.days) and b.bound < upper(d.days)
        ) as w
    ) as e
) as f
order by a.account_id, a.agreement_id, lower(d.days);

-- name: metered
-- The registers that measured at the locations of agreements in their due days, one row for each
-- time that their meter hung there; of streams of intervals those of energy, for only they are
-- priced.
-- not null: agreement_id due_from hung_from
select
    w.agreement_id, w.due_from, m.meter_id, g.register_id, m.serial_number, g.register_no,
    g.metering_type, g.meter_type_code, g.direction, g.unit, g.controlled_load, m.dials,
    lower(i.valid) as hung_from, upper(i.valid) as hung_to
from unnest(
    :agreement_ids::bigint[], :location_ids::bigint[], :products::text[], :due_froms::date[],
    :from_ats::timestamptz[], :to_ats::timestamptz[]
) as w (agreement_id, location_id, product_type, due_from, from_at, to_at)
inner join metering.installation as i
    on i.portal_id = :portal_id::int and i.location_id = w.location_id
    and i.valid && tstzrange(w.from_at, w.to_at)
inner join metering.meter as m
    on m.portal_id = i.portal_id and m.meter_id = i.meter_id and m.product_type = w.product_type
inner join metering.register as g
    on g.portal_id = m.portal_id and g.meter_id = m.meter_id
    and g.meter_type_code <> 'DEMAND' and g.register_no not in (3, 4)
    and (g.metering_type <> 'AM' or g.unit = 'kWh')
order by w.agreement_id, w.due_from, lower(i.valid), g.register_id;

-- name: reads_around
-- The reads of registers that count, each from the last before an instant to the last of the day of
-- the first after another, with what is known of them.
-- not null: register_id read_at value multiplier estimated
select
    w.register_id, r.read_at, r.value, r.multiplier, coalesce(d.estimated, false) as estimated
from unnest(
    :register_ids::bigint[], :from_ats::timestamptz[], :to_ats::timestamptz[], :timezones::text[]
) as w (register_id, from_at, to_at, timezone)
left join lateral (
    select
        (
            ((a.read_at - interval '1 microsecond') at time zone w.timezone)::date + 1
        )::timestamp at time zone w.timezone as ends_at
    from reads.counted as a
    where a.portal_id = :portal_id::int and a.register_id = w.register_id
        and a.read_at > w.to_at
    order by a.read_at
    limit 1
) as n on true
cross join lateral reads.around(
    :portal_id::int, w.register_id, w.from_at, coalesce(n.ends_at, w.to_at)
) as r
left join reads.detail as d
    on d.portal_id = :portal_id::int and d.register_id = w.register_id and d.read_at = r.read_at
    and d.revision = r.revision
order by w.register_id, r.read_at;

-- name: assigned
-- Which tariff priced meters and agreements at some time of a span.
-- not null: tariff_id revision start_at
select
    a.meter_id, null::bigint as agreement_id, a.tariff_id, t.revision, lower(a.valid) as start_at,
    upper(a.valid) as end_at
from tariffs.assignment as a
inner join tariffs.tariff as t on t.portal_id = a.portal_id and t.tariff_id = a.tariff_id
where a.portal_id = :portal_id::int and a.meter_id = any(:meter_ids::bigint[])
    and a.valid && tstzrange(:from_at::timestamptz, :to_at::timestamptz)
union all
select
    null, s.agreement_id, s.tariff_id, t.revision, lower(s.valid), upper(s.valid)
from plans.agreement_assignment as s
inner join tariffs.tariff as t on t.portal_id = s.portal_id and t.tariff_id = s.tariff_id
where s.portal_id = :portal_id::int and s.agreement_id = any(:agreement_ids::bigint[])
    and s.tariff_id is not null
    and s.valid && tstzrange(:from_at::timestamptz, :to_at::timestamptz);

-- name: offered
-- What was offered with agreements at some time of a span.
-- not null: offering_id start_at
select s.agreement_id, s.offering_id, lower(s.valid) as start_at, upper(s.valid) as end_at
from plans.agreement_assignment as s
where s.portal_id = :portal_id::int and s.agreement_id = any(:agreement_ids::bigint[])
    and s.offering_id is not null
    and s.valid && tstzrange(:from_at::timestamptz, :to_at::timestamptz)
order by s.agreement_id, lower(s.valid);

-- name: charges_due
-- The approved charges of accounts up to a day, and those of invoices that are replaced; what is
-- given rather than taken is negative.
-- not null: net tax
select
    c.account_id, c.charge_id, c.agreement_id, c.location_id, c.charge_on,
    case when c.credit then c.tax - c.amount else c.amount - c.tax end as net,
    case when c.credit then -c.tax else c.tax end as tax,
    c.tax_code, c.tax_rate, c.coa, c.ar_coa, c.description
from charges.charge as c
where c.portal_id = :portal_id::int
    and (c.status = 'APPROVED' or c.invoice_id = any(:replaced::bigint[]))
    and c.account_id = any(:account_ids::bigint[]) and c.charge_on <= :through::date
order by c.account_id, c.charge_id;

-- name: line_items_due
-- The lines of services without meters.
-- not null: description begins_at
select
    s.agreement_id, s.line_item_id,
    coalesce(nullif(s.description, ''), i.description) as description, s.quantity,
    s.unit_price, s.price_includes_tax, s.frequency, i.credit, i.tax_code, i.coa,
    i.ar_coa, lower(g.valid) as begins_at
from charges.line_item as s
inner join charges.item as i
    on i.portal_id = s.portal_id and i.group_code = s.group_code and i.item_code = s.item_code
inner join customers.agreement as g
    on g.portal_id = s.portal_id and g.agreement_id = s.agreement_id
where s.portal_id = :portal_id::int and s.agreement_id = any(:agreement_ids::bigint[])
order by s.agreement_id, s.position;

-- name: draft
-- Draft invoices with all that is theirs, and answer their ids in their order.
-- not null: invoice_id
select d.invoice_id
from unnest(invoices.draft(
    :portal_id::int, :run_id::bigint, :at::timestamptz, :reads_known::bigint,
    :intervals_known::bigint, :drafts::invoices.new_invoice[],
    :lines::invoices.new_line[], :measured::invoices.new_measured[],
    :days::invoices.new_days[]
)) as d (invoice_id);
