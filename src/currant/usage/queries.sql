-- name: give_memory
-- Let the days of many streams be sorted in memory, in this transaction.
set local work_mem = '64MB';

-- name: agreements_located
-- Where agreements are supplied, and with what.
select g.agreement_id, g.location_id, g.product_type
from customers.agreement as g
where g.portal_id = :portal_id::int and g.agreement_id = any(:agreement_ids::bigint[]);

-- name: stage_periods
-- The periods of sites whose usage is asked for, for this transaction.
create temporary table if not exists site_period (
    item bigint not null,
    location_id bigint,
    product_type text not null,
    start_at timestamptz not null,
    end_at timestamptz not null,
    with_losses boolean not null,
    since_at timestamptz,
    till_at timestamptz
) on commit drop;

-- name: stage_streams
-- The registers with intervals that measure a period, each while its meter hangs there, numbered
-- from 0, for this transaction.
create temporary table if not exists site_stream (
    stream int not null,
    item bigint not null,
    register_id bigint not null,
    clock smallint not null,
    direction smallint not null,
    start_at timestamptz not null,
    end_at timestamptz not null,
    first_day date not null,
    last_day date not null,
    alone boolean not null
) on commit drop;

-- name: empty_stages
-- Nothing is left of an earlier question of this transaction.
truncate pg_temp.site_period, pg_temp.site_stream;

-- name: analyze_periods
-- Let the planner know how many periods there are.
analyze pg_temp.site_period;

-- name: analyze_streams
-- Let the planner know how many streams there are.
analyze pg_temp.site_stream;

-- name: find_streams
-- Find the streams of the periods, only those of energy or all: whatever meters of the product hang
-- at the site.
-- They are alone where no two of a period are imported energy, whose demand is that of their sum.
insert into pg_temp.site_stream (
    stream, item, register_id, clock, direction, start_at, end_at, first_day, last_day, alone
)
select
    row_number() over (order by s.item, s.register_id, s.start_at) - 1,
    s.item, s.register_id, extract(epoch from s.ahead)::int / 60,
    case s.direction when 'E' then 1 else -1 end, s.start_at, s.end_at,
    (s.start_at at time zone 'UTC' + s.ahead)::date,
    (s.end_at at time zone 'UTC' + s.ahead - interval '1 microsecond')::date,
    count(*) filter (where s.direction = 'E') over (partition by s.item) <= 1
from (
    select
        p.item, r.register_id, r.direction, r.clock::interval as ahead,
        greatest(p.start_at, lower(i.valid)) as start_at, least(p.end_at, upper(i.valid)) as end_at
    from pg_temp.site_period as p
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.location_id = p.location_id
        and i.valid && tstzrange(p.start_at, p.end_at)
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = p.product_type
    inner join metering.register as r
        on r.portal_id = m.portal_id and r.meter_id = m.meter_id
        and r.metering_type = 'AM' and (r.unit = 'kWh' or not :energy::boolean)
) as s;

-- name: period_facts
-- What is known of each period beside its intervals. A loss factor is the one that is in force when
-- the period starts, the site's before its building's; null where none is told.
-- not null: expected_minutes
select
    p.item,
    coalesce(s.minutes, 0) as expected_minutes,
    (
        select (round(f.dlf * f.mlf * f.internal, 6) * 1000000)::bigint
        from locations.loss_factor as f
        where p.with_losses and f.portal_id = :portal_id::int
            and f.product_type = p.product_type
            and (f.location_id = l.location_id or f.building_id = l.building_id)
            and f.valid @> (p.start_at at time zone coalesce(b.timezone, :timezone::text))::date
        order by f.location_id nulls last
        limit 1
    ) as loss_millionths
from pg_temp.site_period as p
left join locations.location as l
    on l.portal_id = :portal_id::int and l.location_id = p.location_id
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
left join (
    select t.item, sum(extract(epoch from t.end_at - t.start_at))::bigint / 60 as minutes
    from pg_temp.site_stream as t
    group by t.item
) as s on s.item = p.item;

-- name: streams
-- The streams of the periods, in the order of their numbers.
select s.item, s.register_id, s.clock, s.direction, s.start_at, s.end_at
from pg_temp.site_stream as s
order by s.stream;

-- name: register_days
-- The register-days of the streams; those of one period and day side by side, but for streams that
-- are alone, which need no sorting. What is not known of a day (quality N) is null. One number
-- tells the stream (from bit 32), the day since 1900 (from bit 7), the minutes (from bit 1) and
-- whether any of it is estimated or substituted: each column more would take time of its own.
-- not null: packed values
select
    (w.stream::bigint << 32) | ((w.day - date '1900-01-01')::bigint << 7)
    | (w.minutes::int << 1) | (w.quality <> 'A' and w.quality ~ '[ESF]')::int as packed,
    case
        when w.quality = 'A' or w.quality !~ 'N' then w.quantities
        when w.quality = 'N' then '{}'::int[]
        else array(
            select case when substr(w.quality, u.number::int, 1) <> 'N' then u.wh end
            from unnest(w.quantities) with ordinality as u (wh, number)
            order by u.number
        )
    end as values
from (
    (
        select s.stream, d.day, d.minutes, d.quality, d.quantities
        from pg_temp.site_stream as s
        inner join intervals.current_day as d
            on d.portal_id = :portal_id::int and d.register_id = s.register_id
            and d.day between s.first_day and s.last_day
        where s.alone
    )
    union all
    (
        select s.stream, d.day, d.minutes, d.quality, d.quantities
        from pg_temp.site_stream as s
        inner join intervals.current_day as d
            on d.portal_id = :portal_id::int and d.register_id = s.register_id
            and d.day between s.first_day and s.last_day
        where not s.alone
        order by s.item, d.day
    )
) as w;

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
    r.unit, r.direction, r.datastream
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

-- name: agreements_supplied
-- The agreements by which sites were supplied within days of their own zone, from when to when,
-- with the tariff that its meters were on last.
-- not null: timezone start_at end_at
select
    g.agreement_id, z.timezone, greatest(lower(g.valid), w.since) as start_at,
    least(upper(g.valid), w.until) as end_at, f.tariff_id, f.revision
from customers.agreement as g
inner join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = g.location_id
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
cross join lateral (select coalesce(b.timezone, :timezone::text) as timezone) as z
cross join lateral (
    select
        :first_day::date::timestamp at time zone z.timezone as since,
        (:last_day::date + 1)::timestamp at time zone z.timezone as until
) as w
left join (
    select distinct on (i.location_id, m.product_type)
        i.location_id, m.product_type, t.tariff_id, t.revision
    from metering.installation as i
    inner join metering.meter as m on m.portal_id = i.portal_id and m.meter_id = i.meter_id
    inner join tariffs.assignment as a on a.portal_id = m.portal_id and a.meter_id = m.meter_id
    inner join tariffs.tariff as t on t.portal_id = a.portal_id and t.tariff_id = a.tariff_id
    where i.portal_id = :portal_id::int and lower(a.valid) < (:last_day::date + 2)::timestamptz
        and lower(i.valid) < (:last_day::date + 2)::timestamptz
    order by i.location_id asc, m.product_type asc, lower(a.valid) desc, t.tariff_id asc
) as f on f.location_id = g.location_id and f.product_type = g.product_type
where g.portal_id = :portal_id::int and g.product_type = 'ELECTRICITY'
    and g.valid && tstzrange(w.since, w.until)
order by g.agreement_id;

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
