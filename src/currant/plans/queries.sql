-- name: create_offering
-- An offering with its inducements, in their order.
with made as (
    insert into plans.offering (portal_id, code, description)
    values (:portal_id::int, :code::text, :description::text)
    returning offering_id
), induced as (
    insert into plans.inducement (
        portal_id, offering_id, position, kind, value, description, condition, taxable, coa, ar_coa
    )
    select
        :portal_id::int, made.offering_id, line.n, i.kind, i.value, i.description, i.condition,
        i.taxable, i.coa, i.ar_coa
    from made
    cross join jsonb_array_elements(:inducements::jsonb) with ordinality as line (told, n)
    cross join lateral jsonb_to_record(line.told) as i (
        kind text, value numeric, description text, condition text, taxable boolean, coa text,
        ar_coa text
    )
)
select made.offering_id from made;

-- name: offerings
-- Offerings by code: all, or some by their ids or by a code.
select o.offering_id, o.code, o.description, o.active
from plans.offering as o
where o.portal_id = :portal_id::int
    and (:code::text is null or o.code = :code::text)
    and (:offering_ids::int[] is null or o.offering_id = any(:offering_ids::int[]))
order by o.code;

-- name: offerings_named
-- The offerings that codes mean.
select o.code, o.offering_id
from plans.offering as o
where o.portal_id = :portal_id::int and o.active and o.code = any(:codes::text[]);

-- name: inducements
-- The inducements of some offerings, in their order.
select
    i.offering_id, i.kind, i.value, i.description, i.condition, i.taxable, i.coa, i.ar_coa
from plans.inducement as i
where i.portal_id = :portal_id::int and i.offering_id = any(:offering_ids::int[])
order by i.offering_id, i.position;

-- name: account_of_agreement
-- The account of a service agreement.
select a.account
from customers.agreement as g
inner join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
where g.portal_id = :portal_id::int and g.agreement_id = :agreement_id::bigint;

-- name: assign_agreements
-- Put agreements on tariffs and offerings from an instant each; answers how many changed.
-- not null: changed
select
    plans.assign_agreements(
        :portal_id::int, :agreement_ids::bigint[], :tariff_ids::int[], :offering_ids::int[],
        :from_at::timestamptz[], :login::text
    ) as changed;

-- name: agreement_assignments
-- The tariffs and offerings of an agreement in time.
-- not null: start_at
select
    a.assignment_id, t.name as tariff, o.code as offering, lower(a.valid) as start_at,
    upper(a.valid) as end_at, a.assigned_by
from plans.agreement_assignment as a
left join tariffs.tariff as t on t.portal_id = a.portal_id and t.tariff_id = a.tariff_id
left join plans.offering as o on o.portal_id = a.portal_id and o.offering_id = a.offering_id
where a.portal_id = :portal_id::int and a.agreement_id = :agreement_id::bigint
order by a.valid;

-- name: set_building_default
-- What a building's default is from now on.
insert into plans.building_default (
    portal_id, building_id, product_type, customer_type, direct_debit, tariff_id, offering_id
)
values (
    :portal_id::int, :building_id::bigint, :product_type::text, :customer_type::text,
    :direct_debit::boolean, :tariff_id::int, :offering_id::int
)
on conflict (portal_id, building_id, product_type, customer_type, direct_debit)
do update set tariff_id = excluded.tariff_id, offering_id = excluded.offering_id;

-- name: building_defaults
-- The defaults of a building, or of all, by its code.
select
    b.building_code as building, d.product_type, d.customer_type, d.direct_debit,
    t.name as tariff, o.code as offering
from plans.building_default as d
inner join locations.building as b
    on b.portal_id = d.portal_id and b.building_id = d.building_id
inner join tariffs.tariff as t on t.portal_id = d.portal_id and t.tariff_id = d.tariff_id
left join plans.offering as o on o.portal_id = d.portal_id and o.offering_id = d.offering_id
where d.portal_id = :portal_id::int
    and (:building::text is null or lower(b.building_code) = lower(:building::text))
order by b.building_code, d.product_type, d.customer_type, d.direct_debit;

-- name: plans
-- The plans of service agreements with their accounts and sites, by account, service and time: of
-- an account, an agreement, a building or all of them. Without a history those in force at an
-- instant. An agreement's own plan comes before those of its meters; its offering goes with either.
-- not null: sales_cust_number site_identifier site_name building_code building_name zone start_at
-- not null: is_default direct_debit
select
    a.account as account_number, coalesce(a.contract, a.account) as sales_cust_number,
    c.name as account_name, c.type_code as customer_type_code,
    g.agreement_id, g.product_type, coalesce(l.site_identifier, '') as site_identifier,
    coalesce(nullif(l.site_name, ''), l.unit_no, '') as site_name,
    coalesce(b.building_code, '') as building_code, coalesce(b.name, '') as building_name,
    coalesce(b.timezone, :timezone::text) as zone,
    p.assignment_id, t.tariff_id, t.name as plan, t.description as plan_description,
    t.type as plan_type, o.offering_id, p.start_at, p.end_at, p.assigned_by,
    d.billed_to,
    exists(
        select from plans.building_default as n
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
    from plans.agreement_assignment as s
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
            select from plans.agreement_assignment as own
            where own.portal_id = g.portal_id and own.agreement_id = g.agreement_id
                and own.tariff_id is not null and own.valid && (s.valid * i.valid * g.valid)
        )
) as p
inner join tariffs.tariff as t on t.portal_id = g.portal_id and t.tariff_id = p.tariff_id
left join plans.agreement_assignment as w
    on w.portal_id = g.portal_id and w.agreement_id = g.agreement_id
    and w.valid @> least(:at::timestamptz, p.end_at - interval '1 microsecond')
left join plans.offering as o
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

-- name: tax_at
-- The tax on taxable lines at an instant.
select rate from tariffs.tax
where portal_id = :portal_id::int and valid @> :at::timestamptz;
