-- name: give_memory
-- Let the days of many streams be sorted in memory, in this transaction.
set local work_mem = '64MB';

-- name: stage_periods
-- The periods to be priced, for this transaction.
create temporary table if not exists priced_period (
    item bigint not null,
    agreement_id bigint not null,
    start_at timestamptz not null,
    end_at timestamptz not null,
    with_losses boolean not null
) on commit drop;

-- name: stage_streams
-- The registers with intervals that measure a period, each while its meter hangs there, numbered
-- from 0, for this transaction.
create temporary table if not exists priced_stream (
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
truncate pg_temp.priced_period, pg_temp.priced_stream;

-- name: analyze_periods
-- Let the planner know how many periods there are.
analyze pg_temp.priced_period;

-- name: analyze_streams
-- Let the planner know how many streams there are.
analyze pg_temp.priced_stream;

-- name: find_streams
-- Find the streams of energy of the periods: whatever meters of the product hang at the location.
-- They are alone where no two of a period are imported energy, whose demand is that of their sum.
insert into pg_temp.priced_stream (
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
    from pg_temp.priced_period as p
    inner join customers.agreement as g
        on g.portal_id = :portal_id::int and g.agreement_id = p.agreement_id
    inner join metering.installation as i
        on i.portal_id = g.portal_id and i.location_id = g.location_id
        and i.valid && tstzrange(p.start_at, p.end_at)
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = g.product_type
    inner join metering.register as r
        on r.portal_id = m.portal_id and r.meter_id = m.meter_id
        and r.metering_type = 'AM' and r.unit = 'kWh'
) as s;

-- name: period_facts
-- What is known of each period beside its intervals. A loss factor is the one that is in force when
-- the period starts, the site's before its building's; 1 where none is told.
-- not null: expected_minutes loss_millionths
select
    p.item,
    coalesce(s.minutes, 0) as expected_minutes,
    coalesce(
        (
            select round(f.dlf * f.mlf * f.internal, 6) * 1000000
            from locations.loss_factor as f
            where p.with_losses and f.portal_id = g.portal_id and f.product_type = g.product_type
                and (f.location_id = l.location_id or f.building_id = l.building_id)
                and f.valid @> (p.start_at at time zone coalesce(b.timezone, :timezone::text))::date
            order by f.location_id nulls last limit 1
        ), 1000000
    )::bigint as loss_millionths
from pg_temp.priced_period as p
inner join customers.agreement as g
    on g.portal_id = :portal_id::int and g.agreement_id = p.agreement_id
left join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = g.location_id
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
left join (
    select t.item, sum(extract(epoch from t.end_at - t.start_at))::bigint / 60 as minutes
    from pg_temp.priced_stream as t
    group by t.item
) as s on s.item = p.item;

-- name: streams
-- The streams of the periods, in the order of their numbers.
select s.item, s.clock, s.direction, s.start_at, s.end_at
from pg_temp.priced_stream as s
order by s.stream;

-- name: register_days
-- The register-days of the streams; those of one period and day side by side, but for streams that
-- are alone, which need no sorting. What is not known of a day (quality N) is null.
-- not null: stream day minutes estimated values
select
    w.stream, w.day, w.minutes,
    w.quality <> 'A' and w.quality ~ '[ESF]' as estimated,
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
        from pg_temp.priced_stream as s
        inner join intervals.current_day as d
            on d.portal_id = :portal_id::int and d.register_id = s.register_id
            and d.day between s.first_day and s.last_day
        where s.alone
    )
    union all
    (
        select s.stream, d.day, d.minutes, d.quality, d.quantities
        from pg_temp.priced_stream as s
        inner join intervals.current_day as d
            on d.portal_id = :portal_id::int and d.register_id = s.register_id
            and d.day between s.first_day and s.last_day
        where not s.alone
        order by s.item, d.day
    )
) as w;
