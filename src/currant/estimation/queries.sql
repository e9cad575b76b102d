-- name: gaps_to_fill
-- The registers that lack intervals of the days to be estimated: whole days that are over by their
-- clock, while their meter hung at a site.
-- not null: first_day last_day clock minutes
select
    w.register_id, min(w.day) as first_day, max(w.day) as last_day, min(w.clock) as clock,
    coalesce(min(w.minutes), 30) as minutes
from (
    select c.register_id, n.day::date as day, g.clock, g.interval_minutes as minutes
    from pg_temp.checked_register as c
    inner join metering.register as g
        on g.portal_id = :portal_id::int and g.register_id = c.register_id
    cross join lateral generate_series(
        c.from_day::timestamp, c.to_day::timestamp, interval '1 day'
    ) as n (day)
    left join pg_temp.checked_day as d
        on d.register_id = c.register_id and d.day = n.day::date and d.unknown = 0
    where c.metering_type = 'AM' and d.register_id is null
) as w
group by w.register_id
order by w.register_id;

-- name: edited_registers
-- The registers of days that are put right, by site, meter and number.
-- not null: record
with site as (
    select n.location_id, n.site_key as key
    from locations.location as n
    where n.portal_id = :portal_id::int and n.site_identifier is not null
    union all
    select n.location_id, upper(n.loc_id) as key
    from locations.location as n
    where n.portal_id = :portal_id::int
)
select w.record, g.register_id, g.metering_type
from unnest(
    :records::int[], :sites::text[], :meters::text[], :registers::int[], :days::date[]
) as w (record, site_identifier, meter_code, register_no, day)
inner join site as l on l.key = upper(w.site_identifier)
inner join metering.installation as i
    on i.portal_id = :portal_id::int and i.location_id = l.location_id
inner join metering.meter as m on m.portal_id = i.portal_id and m.meter_id = i.meter_id
inner join metering.register as g
    on g.portal_id = m.portal_id and g.meter_id = m.meter_id and g.register_no = w.register_no
where w.meter_code in (m.serial_number, g.meter_code, g.datastream)
    and i.valid && tstzrange(
        w.day::timestamp at time zone 'UTC' - g.clock::interval,
        (w.day + 1)::timestamp at time zone 'UTC' - g.clock::interval
    )
order by w.record, g.register_id;

-- name: known_days
-- The days of registers that count, from some day of each to another.
-- not null: register_id day minutes quantities quality updated_at
select
    d.register_id, d.day, d.minutes, d.quantities, d.quality, d.updated_at, d.spans::text as spans
from unnest(:register_ids::bigint[], :from_days::date[], :to_days::date[])
    as w (register_id, from_day, to_day)
inner join intervals.current_day as d
    on d.portal_id = :portal_id::int and d.register_id = w.register_id
    and d.day between w.from_day and w.to_day
order by d.register_id, d.day;

-- name: known_passed
-- What passed between the reads around the gaps of registers, as reads that are not estimates say.
-- not null: register_id from_at to_at total
select s.register_id, s.from_at, s.to_at, round(s.passed)::bigint as total
from (
    select
        w.register_id, r.read_at as to_at, lag(r.read_at) over register as from_at,
        reads.difference(lag(r.value) over register, r.value, m.dials) * r.multiplier as passed
    from unnest(:register_ids::bigint[], :from_ats::timestamptz[], :to_ats::timestamptz[])
        as w (register_id, from_at, to_at)
    inner join metering.register as g
        on g.portal_id = :portal_id::int and g.register_id = w.register_id
    inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
    cross join lateral reads.held(
        :portal_id::int, w.register_id, w.from_at, w.to_at, false
    ) as r
    where r.value is not null
    window register as (partition by w.register_id order by r.read_at)
) as s
where s.from_at is not null and s.passed >= 0
order by s.register_id, s.from_at;

-- name: reads_to_estimate
-- The registers that are read and were not on a day, with what an estimate is made of: the last
-- read before, the first after it, the read that a last period began with, and what the register
-- stood at a year before then and before the day, between the reads around those times.
-- not null: key serial_number register_no dials timezone before_at before_value
select
    coalesce(l.site_identifier, l.loc_id) as key, m.serial_number, g.register_no, m.dials,
    c.timezone, b.read_at as before_at, b.value as before_value, a.read_at as after_at,
    a.value as after_value, p.read_at as earlier_at, p.value as earlier_value,
    x.at as season_from, x.value as season_from_value, y.at as season_to,
    y.value as season_to_value
from pg_temp.checked_register as c
inner join metering.register as g
    on g.portal_id = :portal_id::int and g.register_id = c.register_id
inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
inner join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = c.location_id
cross join lateral (select (c.to_day + 1)::timestamp at time zone c.timezone as at) as d
cross join lateral reads.before(:portal_id::int, c.register_id, d.at) as b
left join lateral (
    select r.read_at, r.value
    from reads.counted as r
    where r.portal_id = :portal_id::int and r.register_id = c.register_id and r.read_at > d.at
    order by r.read_at asc, r.revision desc limit 1
) as a on true
left join lateral (
    select r.read_at, r.value
    from reads.counted as r
    where r.portal_id = :portal_id::int and r.register_id = c.register_id
        and r.read_at <= b.read_at - make_interval(days => :period_days::int)
    order by r.read_at desc, r.revision desc limit 1
) as p on true
left join lateral estimation.stood(
    :portal_id::int, c.register_id, b.read_at - interval '1 year', m.dials
) as x on true
left join lateral estimation.stood(
    :portal_id::int, c.register_id, d.at - interval '1 year', m.dials
) as y on true
where c.metering_type = 'BASIC' and c.to_day = :day::date and not exists (
    select from reads.counted as r
    where r.portal_id = :portal_id::int and r.register_id = c.register_id and r.read_at = d.at
)
order by key, m.serial_number, g.register_no;
