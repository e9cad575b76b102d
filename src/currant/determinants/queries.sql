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
