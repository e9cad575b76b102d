-- name: plans_for
-- What prices each of a list of services: the meters of the product that hang at the site, whether
-- each of them is on a plan by then, and what the building puts its customers on: the default of
-- their type, or else of any; the one for how they pay, or else for no direct debit.
-- not null: n meter_ids priced
select
    w.n, d.tariff_id, d.offering_id, m.meter_ids, m.priced
from unnest(
    :location_ids::bigint[], :building_ids::bigint[], :products::text[],
    :customer_types::text[], :direct_debits::boolean[], :hangings::timestamptz[],
    :sinces::timestamptz[]
) with ordinality as w (
    location_id, building_id, product_type, customer_type, direct_debit, hanging, since, n
)
left join lateral (
    select b.tariff_id, b.offering_id
    from plans.building_default as b
    where b.portal_id = :portal_id::int and b.building_id = w.building_id
        and b.product_type = w.product_type and b.customer_type in (w.customer_type, '')
        and b.direct_debit in (w.direct_debit, false)
    order by b.customer_type = '', b.direct_debit desc
    limit 1
) as d on true
cross join lateral (
    select
        coalesce(array_agg(m.meter_id order by m.meter_id), '{}') as meter_ids,
        coalesce(bool_and(a.meter_id is not null), false) as priced
    from metering.installation as i
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = w.product_type
    left join tariffs.assignment as a
        on a.portal_id = m.portal_id and a.meter_id = m.meter_id and a.valid @> w.since
    where i.portal_id = :portal_id::int and i.location_id = w.location_id
        and db.holds(i.valid, w.hanging)
) as m
order by w.n;

-- name: reads_around
-- What some registers read at an instant each, or else the two reads before it and the one after.
-- not null: register_id stands
select
    w.register_id, s.value is not null as stands, f.read_at as first_at, f.value as first_value,
    b.read_at as last_at, b.value as last_value, n.read_at as next_at, n.value as next_value
from unnest(:register_ids::bigint[], :ats::timestamptz[]) with ordinality
    as w (register_id, at, n)
left join lateral reads.standing(:portal_id::int, w.register_id, w.at) as s on true
left join lateral reads.before(:portal_id::int, w.register_id, w.at) as b on true
left join lateral reads.before(:portal_id::int, w.register_id, b.read_at) as f on true
left join lateral (
    select c.read_at, c.value
    from reads.counted as c
    where c.portal_id = :portal_id::int and c.register_id = w.register_id and c.read_at > w.at
    order by c.read_at asc, c.revision desc
    limit 1
) as n on true
order by w.n;

-- name: set_life_support
-- Say whether life support depends on sites.
-- not null: changed
select
    locations.set_life_support(
        :portal_id::int, :location_ids::bigint[], :depends::boolean[], :now::timestamptz
    ) as changed;
