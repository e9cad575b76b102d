-- name: rules_set
-- What a portal checks otherwise than is usual.
select r.rule, r.active, r.factor, r.days, r.severity
from validation.rule as r
where r.portal_id = :portal_id::int
order by r.rule;

-- name: set_rule
-- Say what a portal checks, and how.
insert into validation.rule (portal_id, rule, active, factor, days, severity, login, set_at)
values (
    :portal_id::int, :rule::text, :active::boolean, :factor::numeric, :days::int,
    :severity::text, :login::text, :now::timestamptz
)
on conflict (portal_id, rule) do update
set
    active = excluded.active, factor = excluded.factor, days = excluded.days,
    severity = excluded.severity, login = excluded.login, set_at = excluded.set_at;

-- name: give_memory
-- Let the days of many registers be grouped in memory, in this transaction.
set local work_mem = '64MB';

-- name: join_sets
-- Join the registers to be checked as sets, whatever the statistics of their tables say.
set local enable_nestloop = off;

-- name: join_rows
-- Look up what registers measured, register by register, in tables that hold years.
set local enable_nestloop = on;

-- name: stage_registers
-- The registers that are checked, each while its meter hung at a site, for this transaction: the
-- days (inclusive) that are over by its clock, and the first day of its history.
create temporary table if not exists checked_register (
    register_id bigint not null,
    location_id bigint not null,
    metering_type text not null,
    timezone text not null,
    dials int not null,
    history_day date not null,
    from_day date not null,
    to_day date not null
) on commit drop;

-- name: stage_days
-- What the registers measured on their days, for this transaction.
create temporary table if not exists checked_day (
    register_id bigint not null,
    day date not null,
    total bigint not null,
    peak int not null,
    least int not null,
    unknown int not null
) on commit drop;

-- name: stage_usage
-- What passed between the reads of the registers, for this transaction.
create temporary table if not exists checked_usage (
    register_id bigint not null,
    from_at timestamptz not null,
    to_at timestamptz not null,
    day date not null,
    quantity bigint not null,
    rolled boolean not null,
    wanted boolean not null
) on commit drop;

-- name: stage_found
-- What was found, for this transaction.
create temporary table if not exists found_fault (
    register_id bigint not null,
    day date not null,
    rule text not null,
    measured bigint not null,
    expected bigint
) on commit drop;

-- name: empty_stages
-- Nothing is left of an earlier check of this transaction.
truncate pg_temp.checked_register, pg_temp.checked_day, pg_temp.checked_usage,
pg_temp.found_fault;

-- name: lock_findings
-- Keep other checks of this portal waiting until this one is done.
-- not null: locked
select count(*) as locked
from (select pg_advisory_xact_lock(hashtext('validation'), :portal_id::int)) as taken;

-- name: find_registers
-- Find the registers to be checked: of the meters that hung at a site of a building, or at one that
-- supplied an account, or anywhere.
insert into pg_temp.checked_register (
    register_id, location_id, metering_type, timezone, dials, history_day, from_day, to_day
)
select
    s.register_id, s.location_id, s.metering_type, s.timezone, s.dials,
    greatest(:from_day::date - :history::int, s.first_day),
    greatest(:from_day::date, s.first_day), least(:to_day::date, s.last_day)
from (
    select
        g.register_id, i.location_id, g.metering_type, z.timezone, m.dials,
        coalesce(
            ((lower(i.valid) - interval '1 microsecond') at time zone z.timezone)::date + 1,
            '-infinity'
        ) as first_day,
        (least(upper(i.valid), :now::timestamptz) at time zone z.timezone)::date - 1 as last_day
    from metering.installation as i
    inner join metering.meter as m on m.portal_id = i.portal_id and m.meter_id = i.meter_id
    inner join metering.register as g
        on g.portal_id = m.portal_id and g.meter_id = m.meter_id
    inner join locations.location as l
        on l.portal_id = i.portal_id and l.location_id = i.location_id
    left join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    cross join lateral (
        select
            case
                when g.metering_type = 'AM' then (
                    -- A zone of POSIX counts westwards.
                    '<' || g.clock || '>' || translate(left(g.clock, 1), '+-', '-+')
                    || substr(g.clock, 2)
                )
                else coalesce(b.timezone, :timezone::text)
            end as timezone
    ) as z
    where i.portal_id = :portal_id::int
        and (:building_id::bigint is null or l.building_id = :building_id::bigint)
        and (
            :account_id::bigint is null or exists (
                select from customers.agreement as a
                where a.portal_id = i.portal_id and a.location_id = i.location_id
                    and a.account_id = :account_id::bigint
                    and a.product_type = m.product_type and a.valid && i.valid
            )
        )
        and (g.metering_type = 'AM' or exists (
            select from reads.read as r
            where r.portal_id = g.portal_id and r.register_id = g.register_id
        ))
) as s
where greatest(:from_day::date, s.first_day) <= least(:to_day::date, s.last_day);

-- name: analyze_registers
-- Let the planner know what is checked.
analyze pg_temp.checked_register;

-- name: fill_days
-- Sum up the days of the registers that send intervals, with those of their history.
insert into pg_temp.checked_day (register_id, day, total, peak, least, unknown)
select
    d.register_id, d.day, q.total, q.peak, q.least,
    case
        when d.quality = 'N' then 1440 / d.minutes
        when length(d.quality) = 1 then 0
        else length(d.quality) - length(replace(d.quality, 'N', ''))
    end
from (
    select r.register_id, min(r.history_day) as since, max(r.to_day) as till
    from pg_temp.checked_register as r
    where r.metering_type = 'AM'
    group by r.register_id
) as c
inner join intervals.current_day as d
    on d.portal_id = :portal_id::int and d.register_id = c.register_id
    and d.day between c.since and c.till
cross join lateral (
    select sum(u.quantity) as total, max(u.quantity) as peak, min(u.quantity) as least
    from unnest(d.quantities) as u (quantity)
) as q;

-- name: fill_usage
-- Tell what passed between the reads of registers that are read, in the checked days and before.
insert into pg_temp.checked_usage (
    register_id, from_at, to_at, day, quantity, rolled, wanted
)
select
    s.register_id, s.from_at, s.to_at, s.day,
    round(reads.difference(s.before_value, s.value, s.dials) * s.multiplier)::bigint,
    s.value < s.before_value, s.day between s.since and s.till
from (
    select
        c.register_id, c.dials, c.since, c.till, r.read_at as to_at, r.value, r.multiplier,
        ((r.read_at - interval '1 microsecond') at time zone c.timezone)::date as day,
        lag(r.read_at) over register as from_at, lag(r.value) over register as before_value
    from (
        select
            k.register_id, k.dials, k.timezone, min(k.from_day) as since, max(k.to_day) as till
        from pg_temp.checked_register as k
        where k.metering_type = 'BASIC'
        group by k.register_id, k.dials, k.timezone
    ) as c
    cross join lateral reads.since(
        :portal_id::int, c.register_id,
        (c.since - :history::int)::timestamp at time zone c.timezone
    ) as r
    window register as (partition by c.register_id order by r.read_at)
) as s
where s.from_at is not null and s.day <= s.till;

-- name: analyze_measured
-- Let the planner know what was measured.
analyze pg_temp.checked_day, pg_temp.checked_usage;

-- name: find_spikes
-- A day with an interval far above what is usual of the register: three of four of its days have no
-- higher one.
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select d.register_id, d.day, 'SPIKE', d.peak, u.usual
from (
    select
        n.register_id, percentile_disc(0.75) within group (order by n.peak) as usual
    from pg_temp.checked_day as n
    group by n.register_id
    having count(*) >= :days::int
) as u
inner join pg_temp.checked_day as d on d.register_id = u.register_id
inner join pg_temp.checked_register as c
    on c.register_id = d.register_id and d.day between c.from_day and c.to_day
where u.usual > 0 and d.peak > :factor::numeric * u.usual;

-- name: find_negatives
-- A day with a negative interval, or less than nothing between two reads.
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select d.register_id, d.day, 'NEGATIVE', d.least, 0
from pg_temp.checked_day as d
inner join pg_temp.checked_register as c
    on c.register_id = d.register_id and d.day between c.from_day and c.to_day
where d.least < 0
union all
select u.register_id, u.day, 'NEGATIVE', u.quantity, 0
from pg_temp.checked_usage as u
where u.wanted and u.quantity < 0;

-- name: find_rollovers
-- What passed between two reads while the register started again.
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select u.register_id, u.day, 'ROLLOVER', u.quantity, null::bigint
from pg_temp.checked_usage as u
where u.wanted and u.rolled and u.quantity >= 0;

-- name: find_nulls
-- A day of which some intervals are not known.
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select d.register_id, d.day, 'NULL', d.unknown, 0
from pg_temp.checked_day as d
inner join pg_temp.checked_register as c
    on c.register_id = d.register_id and d.day between c.from_day and c.to_day
where d.unknown > 0;

-- name: find_gaps
-- Days of which nothing is known, by the first of each stretch; and registers that were to be read
-- some days ago, or of which nobody knows when to read them and nobody did for long.
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select g.register_id, min(g.day), 'GAP', 0, null::bigint
from (
    select
        c.register_id, c.from_day, n.day::date as day,
        n.day::date - row_number() over (partition by c.register_id order by n.day)::int as island
    from pg_temp.checked_register as c
    cross join lateral generate_series(
        c.history_day::timestamp, c.to_day::timestamp, interval '1 day'
    ) as n (day)
    where c.metering_type = 'AM' and not exists (
        select from pg_temp.checked_day as d
        where d.register_id = c.register_id and d.day = n.day::date
    )
) as g
group by g.register_id, g.island
having max(g.day) >= min(g.from_day)
union all
select w.register_id, w.day, 'GAP', 0, null::bigint
from (
    select
        c.register_id, max(c.to_day) as to_day, coalesce(
            t.next_scheduled_on,
            (b.read_at at time zone c.timezone)::date + :unread_days::int
        ) + :days::int as day
    from pg_temp.checked_register as c
    cross join lateral (
        select r.read_at, r.revision
        from reads.counted as r
        where r.portal_id = :portal_id::int and r.register_id = c.register_id
            and r.read_at <= (c.to_day + 1)::timestamp at time zone c.timezone
        order by r.read_at desc, r.revision desc limit 1
    ) as b
    left join reads.detail as t
        on t.portal_id = :portal_id::int and t.register_id = c.register_id
        and t.read_at = b.read_at and t.revision = b.revision
    where c.metering_type = 'BASIC'
    group by c.register_id, t.next_scheduled_on, b.read_at, c.timezone
) as w
where w.day <= w.to_day;

-- name: find_zeros
-- Nothing used for some days, or between two reads, where something was used before: the first day
-- of the stretch, and what was usual of a day, or for so long.
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select z.register_id, min(z.day), 'ZERO', 0, min(z.usual)
from (
    select
        d.register_id, d.day, d.total, c.from_day, u.usual, u.first_used,
        d.day - row_number() over (
            partition by d.register_id, d.total = 0 order by d.day
        )::int as island
    from pg_temp.checked_day as d
    inner join (
        select r.register_id, min(r.from_day) as from_day
        from pg_temp.checked_register as r
        group by r.register_id
    ) as c on c.register_id = d.register_id
    inner join (
        select n.register_id, min(n.day) as first_used, avg(n.total)::bigint as usual
        from pg_temp.checked_day as n
        where n.total > 0
        group by n.register_id
    ) as u on u.register_id = d.register_id
) as z
where z.total = 0
group by z.register_id, z.island
having count(*) >= :days::int and max(z.day) >= min(z.from_day) and min(z.day) > min(z.first_used)
union all
select u.register_id, u.day, 'ZERO', 0, b.quantity * u.minutes / b.minutes
from (
    select
        n.register_id, n.day, n.quantity, n.wanted, n.from_at,
        reads.minutes(n.from_at, n.to_at) as minutes
    from pg_temp.checked_usage as n
) as u
cross join lateral (
    select p.quantity, reads.minutes(p.from_at, p.to_at) as minutes
    from pg_temp.checked_usage as p
    where p.register_id = u.register_id and p.to_at = u.from_at
) as b
where u.wanted and u.quantity = 0 and u.minutes >= :days::int * 1440 and b.quantity > 0;

-- name: find_changes
-- Much more (HIGH) or less (LOW) than before: of whole days, against as many days before the
-- checked ones, by the first of them; between two reads, against what passed before them.
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select
    w.register_id, w.day, :rule::text, w.quantity,
    (w.before::numeric * w.length / w.before_length)::bigint
from (
    select
        d.register_id, min(c.from_day) as day,
        sum(d.total) filter (where d.day >= c.from_day) as quantity,
        count(*) filter (where d.day >= c.from_day) as length,
        sum(d.total) filter (where d.day < c.from_day) as before,
        count(*) filter (where d.day < c.from_day) as before_length,
        :days::int as least
    from pg_temp.checked_day as d
    inner join (
        select r.register_id, min(r.from_day) as from_day, max(r.to_day) as to_day
        from pg_temp.checked_register as r
        group by r.register_id
    ) as c on c.register_id = d.register_id
    where d.unknown = 0 and d.day >= c.from_day - (c.to_day - c.from_day + 1)
    group by d.register_id
    union all
    select
        u.register_id, u.day, u.quantity, reads.minutes(u.from_at, u.to_at), sum(p.quantity),
        sum(reads.minutes(p.from_at, p.to_at)), :days::int * 1440
    from pg_temp.checked_usage as u
    inner join pg_temp.checked_usage as p
        on p.register_id = u.register_id and p.to_at <= u.from_at
    where u.wanted
    group by u.register_id, u.day, u.quantity, u.from_at, u.to_at
) as w
where w.length >= w.least and w.before_length >= w.least and w.before > 0
    and case :rule::text
        when 'HIGH' then
            w.quantity::numeric * w.before_length > :factor::numeric * w.before * w.length
        else w.quantity::numeric * w.before_length * :factor::numeric < w.before * w.length
    end;

-- name: find_sums
-- A day on which the meters behind a gate meter do not add up to it: the gate's register and day,
-- their sum, and what the gate measured. Only where every one of them is checked and known.
with gate as materialized (
    select p.register_id, p.location_id, p.timezone, p.from_day, p.to_day
    from pg_temp.checked_register as p
    inner join metering.register as g
        on g.portal_id = :portal_id::int and g.register_id = p.register_id
        and g.metering_type = 'AM' and g.direction = 'E' and g.unit = 'kWh'
        and g.register_no not in (3, 4)
    where p.location_id in (
        select l.parent_location_id from locations.location as l
        where l.portal_id = :portal_id::int and l.parent_location_id is not null
    )
), behind as materialized (
    select p.register_id, p.timezone, h.register_id as behind_id, i.valid
    from gate as p
    inner join locations.location as l
        on l.portal_id = :portal_id::int and l.parent_location_id = p.location_id
    inner join metering.installation as i
        on i.portal_id = l.portal_id and i.location_id = l.location_id
    inner join metering.register as h
        on h.portal_id = i.portal_id and h.meter_id = i.meter_id
        and h.direction = 'E' and h.unit = 'kWh' and h.register_no not in (3, 4)
), added as (
    select p.register_id, d.day, d.total, sum(e.total) as behind, count(*) = count(e.total) as whole
    from gate as p
    inner join pg_temp.checked_day as d
        on d.register_id = p.register_id and d.day between p.from_day and p.to_day
        and d.unknown = 0
    inner join behind as h
        on h.register_id = p.register_id and h.valid && tstzrange(
            d.day::timestamp at time zone h.timezone,
            (d.day + 1)::timestamp at time zone h.timezone
        )
    left join pg_temp.checked_day as e
        on e.register_id = h.behind_id and e.day = d.day and e.unknown = 0
    group by p.register_id, d.day, d.total
)
insert into pg_temp.found_fault (register_id, day, rule, measured, expected)
select a.register_id, a.day, 'SUM', a.behind, a.total
from added as a
where a.whole and abs(a.behind - a.total) > :factor::numeric * abs(a.total);

-- name: record_findings
-- Keep what was found: new findings, those that were fixed and are found again, and those that are
-- open and found no longer.
-- not null: run_id from_day to_day login ran_at registers found added gone
with found as materialized (
    select f.register_id, f.day, f.rule, f.measured, max(f.expected) as expected
    from pg_temp.found_fault as f
    group by f.register_id, f.day, f.rule, f.measured
), standing as materialized (
    select c.finding_id, c.register_id, c.day, c.rule, c.measured, c.status, c.decisions
    from validation.current_finding as c
    where c.portal_id = :portal_id::int and c.register_id in (
        select r.register_id from pg_temp.checked_register as r
    )
), gone as (
    select s.finding_id, s.decisions
    from standing as s
    left join found as f
        on f.register_id = s.register_id and f.day = s.day and f.rule = s.rule
        and f.measured = s.measured
    where s.status = 'OPEN' and f.register_id is null and s.rule = any(:rules::text[])
        and s.day between :from_day::date and :to_day::date
), fresh as (
    select f.register_id, f.day, f.rule, f.measured, f.expected, t.severity
    from found as f
    inner join unnest(:rules::text[], :severities::text[]) as t (rule, severity)
        on t.rule = f.rule
    left join standing as s
        on s.register_id = f.register_id and s.day = f.day and s.rule = f.rule
        and s.measured = f.measured
    where s.finding_id is null
), run as (
    insert into validation.run (
        portal_id, from_day, to_day, building_code, account, login, ran_at, registers, found,
        added, gone
    )
    select
        :portal_id::int, :from_day::date, :to_day::date, :building_code::text, :account::text,
        :login::text, :now::timestamptz,
        (select count(distinct r.register_id) from pg_temp.checked_register as r),
        (select count(*) from found), (select count(*) from fresh), (select count(*) from gone)
    returning run_id, from_day, to_day, login, ran_at, registers, found, added, gone
), added as (
    insert into validation.finding (
        portal_id, register_id, day, rule, measured, expected, severity, run_id, found_at
    )
    select
        :portal_id::int, f.register_id, f.day, f.rule, f.measured, f.expected, f.severity,
        (select r.run_id from run as r), :now::timestamptz
    from fresh as f
    order by f.register_id, f.day, f.rule, f.measured
), decided as (
    insert into validation.decision (
        portal_id, finding_id, decision_no, status, login, reason, decided_at
    )
    select
        :portal_id::int, g.finding_id, g.decisions + 1, 'FIXED', :login::text,
        'not found any more', :now::timestamptz
    from gone as g
    union all
    select
        :portal_id::int, s.finding_id, s.decisions + 1, 'OPEN', :login::text, 'found again',
        :now::timestamptz
    from standing as s
    inner join found as f
        on f.register_id = s.register_id and f.day = s.day and f.rule = s.rule
        and f.measured = s.measured
    where s.status = 'FIXED'
)
select
    r.run_id, r.from_day, r.to_day, r.login, r.ran_at, r.registers, r.found, r.added, r.gone
from run as r;

-- name: findings
-- Findings with what was decided about them last, the newest first, below an id.
-- not null: finding_id day rule measured severity run_id found_at status decided_by reason
select
    f.finding_id, l.site_identifier, l.loc_id, m.serial_number, g.register_no, g.unit, f.day,
    f.rule, f.measured, f.expected, f.severity, f.run_id, f.found_at, f.status,
    coalesce(f.login, '') as decided_by, coalesce(f.reason, '') as reason, f.decided_at
from validation.current_finding as f
inner join metering.register as g
    on g.portal_id = f.portal_id and g.register_id = f.register_id
inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
left join lateral (
    select i.location_id
    from metering.installation as i
    where i.portal_id = m.portal_id and i.meter_id = m.meter_id
        and i.valid && tstzrange(f.day::timestamptz - interval '1 day', f.day + interval '2 days')
    order by lower(i.valid) desc limit 1
) as h on true
left join locations.location as l
    on l.portal_id = f.portal_id and l.location_id = h.location_id
where f.portal_id = :portal_id::int and f.finding_id < :before::bigint
    and (:status::text is null or f.status = :status::text)
    and (:rule::text is null or f.rule = :rule::text)
    and (:serial_number::text is null or m.serial_number = :serial_number::text)
    and (:building_id::bigint is null or l.building_id = :building_id::bigint)
    and (
        :account_id::bigint is null or exists (
            select from customers.agreement as a
            where a.portal_id = f.portal_id and a.location_id = l.location_id
                and a.account_id = :account_id::bigint and a.product_type = m.product_type
        )
    )
order by f.finding_id desc
limit :how_many::int;

-- name: findings_named
-- The ids of findings, of those asked for.
select f.finding_id
from validation.finding as f
where f.portal_id = :portal_id::int and f.finding_id = any(:finding_ids::bigint[])
order by f.finding_id;

-- name: decide_findings
-- Keep what was decided about findings, with the history of each.
insert into validation.decision (
    portal_id, finding_id, decision_no, status, login, reason, decided_at
)
select
    :portal_id::int, f.finding_id, f.decisions + 1, :status::text, :login::text, :reason::text,
    :now::timestamptz
from validation.current_finding as f
where f.portal_id = :portal_id::int and f.finding_id = any(:finding_ids::bigint[])
order by f.finding_id;

-- name: decisions
-- What was decided about a finding, in turn.
select d.decision_no, d.status, d.login, d.reason, d.decided_at
from validation.decision as d
where d.portal_id = :portal_id::int and d.finding_id = :finding_id::bigint
order by d.decision_no;
