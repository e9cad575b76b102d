-- name: sites_of_account
-- The sites that an account was supplied at within days of the site's own zone, each from when to
-- when; of one site or product only where that is named.
-- not null: timezone start_at end_at
select
    g.agreement_id, l.location_id, g.product_type, l.site_identifier, l.loc_id, z.timezone,
    greatest(lower(g.valid), w.since) as start_at, least(upper(g.valid), w.until) as end_at,
    lower(g.valid) as since_at, upper(g.valid) as till_at
from customers.account as a
inner join customers.agreement as g
    on g.portal_id = a.portal_id and g.account_id = a.account_id
inner join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = g.location_id
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
cross join lateral (select coalesce(b.timezone, :timezone::text) as timezone) as z
cross join lateral (
    select
        :first_day::date::timestamp at time zone z.timezone as since,
        (:last_day::date + 1)::timestamp at time zone z.timezone as until
) as w
where a.portal_id = :portal_id::int and a.account = :account::text
    and g.valid && tstzrange(w.since, w.until)
    and (:site_identifier::text is null or lower(l.site_identifier) = lower(:site_identifier::text))
    and (:product_type::text is null or g.product_type = :product_type::text)
order by g.product_type, l.location_id, lower(g.valid);

-- name: sites_supplied
-- The sites that accounts were supplied at within days of the site's own zone, each from when to
-- when: of some accounts, a building or a site, or all; without those of blocked accounts.
-- not null: timezone start_at end_at
select
    g.agreement_id, l.location_id, g.product_type, l.site_identifier, l.loc_id, z.timezone,
    greatest(lower(g.valid), w.since) as start_at, least(upper(g.valid), w.until) as end_at,
    lower(g.valid) as since_at, upper(g.valid) as till_at
from customers.agreement as g
inner join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
inner join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = g.location_id
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
cross join lateral (select coalesce(b.timezone, :timezone::text) as timezone) as z
cross join lateral (
    select
        :first_day::date::timestamp at time zone z.timezone as since,
        (:last_day::date + 1)::timestamp at time zone z.timezone as until
) as w
where g.portal_id = :portal_id::int and g.valid && tstzrange(w.since, w.until)
    and (:account_ids::bigint[] is null or g.account_id = any(:account_ids::bigint[]))
    and (:building_code::text is null or lower(b.building_code) = lower(:building_code::text))
    and (:site_key::text is null or l.site_key = upper(:site_key::text))
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by l.location_id, g.product_type, lower(g.valid);

-- name: basic_usage
-- What passed between the reads of registers without intervals: each two reads with a part of a
-- staged period between them. start_at and end_at are what of that time the meter hung there and
-- whoever is asked for was supplied.
-- not null: register_id from_at to_at start_at end_at quantity
select
    h.item, h.register_id, s.before_at as from_at, s.read_at as to_at,
    greatest(s.before_at, h.since_at, h.hung_at) as start_at,
    least(s.read_at, h.till_at, h.taken_at) as end_at,
    round(reads.difference(s.before_value, s.value, h.dials) * s.multiplier)::bigint as quantity
from (
    select
        p.item, r.register_id, m.dials, p.since_at, p.till_at, lower(i.valid) as hung_at,
        upper(i.valid) as taken_at, greatest(p.start_at, lower(i.valid)) as start_at,
        least(p.end_at, upper(i.valid)) as end_at
    from pg_temp.site_period as p
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.location_id = p.location_id
        and i.valid && tstzrange(p.start_at, p.end_at)
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = p.product_type
    inner join metering.register as r
        on r.portal_id = m.portal_id and r.meter_id = m.meter_id and r.metering_type = 'BASIC'
) as h
cross join lateral (
    select
        a.read_at, a.value, a.multiplier,
        lag(a.read_at) over (order by a.read_at) as before_at,
        lag(a.value) over (order by a.read_at) as before_value
    from reads.since(:portal_id::int, h.register_id, h.start_at) as a
) as s
where s.before_at < h.end_at and s.read_at > h.start_at
order by h.item, h.register_id, s.read_at;

-- name: registers_shown
-- Registers with the meters that they are of.
select
    r.register_id, m.meter_id, m.serial_number, r.meter_code, r.register_no, r.meter_type_code,
    r.unit, r.direction, r.datastream, r.controlled_load
from metering.register as r
inner join metering.meter as m on m.portal_id = r.portal_id and m.meter_id = r.meter_id
where r.portal_id = :portal_id::int and r.register_id = any(:register_ids::bigint[]);

-- name: tariffs_of_sites
-- The tariff that the meters of each staged period were on last.
select distinct on (p.item) p.item, t.tariff_id, t.revision
from pg_temp.site_period as p
inner join metering.installation as i
    on i.portal_id = :portal_id::int and i.location_id = p.location_id
    and i.valid && tstzrange(p.start_at, p.end_at)
inner join metering.meter as m
    on m.portal_id = i.portal_id and m.meter_id = i.meter_id and m.product_type = p.product_type
inner join tariffs.assignment as a
    on a.portal_id = m.portal_id and a.meter_id = m.meter_id
    and a.valid && tstzrange(p.start_at, p.end_at)
inner join tariffs.tariff as t on t.portal_id = a.portal_id and t.tariff_id = a.tariff_id
order by p.item asc, lower(a.valid) desc, t.tariff_id asc;

-- name: gates
-- The sites that others hang behind, of one building where it is named, with each of these.
-- not null: timezone parent_loc_id
select
    p.location_id as parent_id, p.loc_id as parent_loc_id,
    p.site_identifier as parent_site_identifier, l.location_id, l.loc_id, l.site_identifier,
    coalesce(b.timezone, :timezone::text) as timezone
from locations.location as l
inner join locations.location as p
    on p.portal_id = l.portal_id and p.location_id = l.parent_location_id
left join locations.building as b on b.portal_id = p.portal_id and b.building_id = p.building_id
where l.portal_id = :portal_id::int and (
    :building_code::text is null or lower(b.building_code) = lower(:building_code::text)
)
order by p.location_id, l.location_id;

-- name: intervals_of_sites
-- The intervals of the staged streams in the order of time, those of one beginning and length added
-- up; what is not known of a day (quality N) is left out, and so is what has not begun in a period.
-- not null: start_at minutes
select
    u.start_at, u.minutes, sum(u.quantity) filter (where u.direction = 1)::bigint as quantity,
    sum(u.quantity) filter (where u.direction = -1)::bigint as export_quantity
from (
    select
        s.direction, d.minutes::int as minutes, q.quantity, s.start_at as since, s.end_at as till,
        (d.day::timestamp + make_interval(mins => (q.number::int - 1) * d.minutes - s.clock))
        at time zone 'UTC' as start_at
    from pg_temp.site_stream as s
    inner join intervals.current_day as d
        on d.portal_id = :portal_id::int and d.register_id = s.register_id
        and d.day between s.first_day and s.last_day
    cross join unnest(d.quantities) with ordinality as q (quantity, number)
    where d.quality <> 'N'
        and (length(d.quality) = 1 or substr(d.quality, q.number::int, 1) <> 'N')
) as u
where u.start_at >= u.since and u.start_at < u.till
group by u.start_at, u.minutes
order by u.start_at, u.minutes;
