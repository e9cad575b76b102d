-- name: plans
-- The plans of service agreements with their accounts and sites, by account, service and time: of
-- an account, an agreement, a building or all of them. Without a history those in force at an
-- instant. An agreement's own plan comes before those of its meters; its offering goes with either.
-- not null: sales_cust_number site_identifier site_name building_code building_name zone start_at
-- not null: is_default direct_debit
select
    a.account as account_number, coalesce(a.contract, '') as sales_cust_number,
    c.name as account_name, c.type_code as customer_type_code,
    g.agreement_id, g.product_type, coalesce(l.site_identifier, '') as site_identifier,
    coalesce(nullif(l.site_name, ''), l.unit_no, '') as site_name,
    coalesce(b.building_code, '') as building_code, coalesce(b.name, '') as building_name,
    coalesce(b.timezone, :timezone::text) as zone,
    p.assignment_id, t.tariff_id, t.name as plan, t.description as plan_description,
    t.type as plan_type, o.offering_id, p.start_at, p.end_at, p.assigned_by,
    d.billed_to,
    exists(
        select from tariffs.building_default as n
        where n.portal_id = g.portal_id and n.building_id = l.building_id
            and n.product_type = g.product_type and n.customer_type = any(array['', c.type_code])
            and n.direct_debit = (e.account_id is not null) and n.tariff_id = p.tariff_id
    ) as is_default,
    e.account_id is not null as direct_debit
from customers.agreement as g
inner join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = g.location_id
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
cross join lateral (
    select
        s.assignment_id, s.tariff_id, s.assigned_by, lower(s.valid * g.valid) as start_at,
        upper(s.valid * g.valid) as end_at
    from tariffs.agreement_assignment as s
    where s.portal_id = g.portal_id and s.agreement_id = g.agreement_id
        and s.tariff_id is not null and s.valid && g.valid
    union all
    select
        s.assignment_id, s.tariff_id, s.assigned_by, lower(s.valid * i.valid * g.valid),
        upper(s.valid * i.valid * g.valid)
    from metering.installation as i
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = g.product_type
    inner join tariffs.assignment as s on s.portal_id = i.portal_id and s.meter_id = i.meter_id
    where i.portal_id = g.portal_id and i.location_id = g.location_id
        and not isempty(s.valid * i.valid * g.valid)
        and not exists (
            select from tariffs.agreement_assignment as own
            where own.portal_id = g.portal_id and own.agreement_id = g.agreement_id
                and own.tariff_id is not null and own.valid && (s.valid * i.valid * g.valid)
        )
) as p
inner join tariffs.tariff as t on t.portal_id = g.portal_id and t.tariff_id = p.tariff_id
left join tariffs.agreement_assignment as w
    on w.portal_id = g.portal_id and w.agreement_id = g.agreement_id
    and w.valid @> least(:at::timestamptz, p.end_at - interval '1 microsecond')
left join tariffs.offering as o
    on o.portal_id = w.portal_id and o.offering_id = w.offering_id
left join lateral (
    select max(upper(k.days)) - 1 as billed_to
    from invoices.covered as k
    left join invoices.invoice as v
        on v.portal_id = k.portal_id and v.invoice_id = k.invoice_id
    where k.portal_id = g.portal_id and k.agreement_id = g.agreement_id and k.released_by is null
        and (k.invoice_id is null or v.posted_at is not null)
) as d on true
left join customers.direct_debit as e
    on e.portal_id = a.portal_id and e.account_id = a.account_id
where g.portal_id = :portal_id::int
    and (:account::text is null or a.account = :account::text)
    and (:agreement_id::bigint is null or g.agreement_id = :agreement_id::bigint)
    and (:building_id::bigint is null or l.building_id = :building_id::bigint)
    and (not :active_only::boolean or g.valid @> :at::timestamptz)
    and (:history::boolean or tstzrange(p.start_at, p.end_at) @> :at::timestamptz)
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by length(a.account), a.account, g.agreement_id, p.start_at, p.assignment_id
limit :how_many::bigint offset :beyond::bigint;

-- name: prices
-- The rates and standing charges of some plans in time: first what is used, by tier, then charges.
-- not null: tier description basis unit step_from rate taxable coa ar_coa meter_type_code
select
    p.tariff_id, p.tier, p.description, p.basis, p.unit, p.step_from, p.rate, p.taxable, p.coa,
    p.ar_coa, p.meter_type_code, p.start_at, p.end_at
from (
    select
        r.tariff_id, r.tier, r.description,
        tariffs.basis(r) as basis, r.units as unit,
        r.usage_base_start as step_from, r.rate, r.taxable, r.coa, r.ar_coa, r.meter_type_code,
        lower(r.valid) as start_at, upper(r.valid) as end_at
    from tariffs.rate as r
    where r.portal_id = :portal_id::int and r.tariff_id = any(:tariff_ids::int[])
    union all
    select
        f.tariff_id, '', f.description, f.basis, '', 0, f.amount, f.taxable, f.coa, f.ar_coa, '',
        lower(f.valid), upper(f.valid)
    from tariffs.fixed_charge as f
    where f.portal_id = :portal_id::int and f.tariff_id = any(:tariff_ids::int[])
) as p
order by p.tariff_id, p.tier = '', p.tier collate "C", p.description, p.start_at nulls first;

-- name: offerings
-- What some offerings are called, and their inducements in their order.
select
    o.offering_id, o.code, o.description, i.kind, i.value, i.condition
from tariffs.offering as o
left join tariffs.inducement as i
    on i.portal_id = o.portal_id and i.offering_id = o.offering_id
where o.portal_id = :portal_id::int and o.offering_id = any(:offering_ids::int[])
order by o.offering_id, i.position;

-- name: tax_at
-- The tax on taxable lines at an instant.
select rate from tariffs.tax
where portal_id = :portal_id::int and valid @> :at::timestamptz;
