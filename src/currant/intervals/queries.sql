-- name: give_memory
-- Let a file of a million days be joined in memory, in this transaction.
set local work_mem = '128MB';

-- name: join_sets
-- Join what was delivered to what is stored as sets, whatever the statistics of either say.
set local enable_nestloop = off;

-- name: stage_days
-- The days of a delivery, for this transaction.
create temporary table if not exists incoming_day (
    line int not null,
    stream int not null,
    day date not null,
    minutes smallint not null,
    quantities int[] not null,
    quality text not null,
    method text not null,
    reason_code smallint,
    reason text not null,
    spans jsonb,
    events jsonb,
    updated_at timestamptz not null
) on commit delete rows;

-- name: stage_streams
-- The data streams of a delivery, for this transaction: how the file names them, at which site, and
-- why a day of them is not stored that no placed_stream holds.
create temporary table if not exists incoming_stream (
    stream int not null,
    line int not null,
    nmi text not null default '',
    other_nmi text not null default '',
    register_name text not null default '',
    datastream text not null default '',
    serial_number text not null default '',
    unit text not null default '',
    told_unit text not null default '',
    minutes smallint,
    location_id bigint,
    reason text not null default 'NOSITE'
) on commit delete rows;

-- name: stage_placed
-- Which register a data stream is, by days (half-open); fault is why they are not stored after all.
create temporary table if not exists placed_stream (
    stream int not null,
    register_id bigint,
    from_day date not null,
    to_day date not null,
    fault text
) on commit delete rows;

-- name: analyze_days
-- Let the planner know what was delivered.
analyze incoming_day (line, stream, day), incoming_stream;

-- name: analyze_placed
-- Let the planner know what was placed.
analyze incoming_stream (stream), placed_stream;

-- name: lock_intervals
-- Keep other deliveries of interval data to this portal waiting until this one is done.
-- not null: locked
select count(*) as locked
from (select pg_advisory_xact_lock(hashtext('intervals'), :portal_id::int)) as taken;

-- name: find_sites
-- Note the sites that the data streams name by their NMI, with the check digit or without.
update pg_temp.incoming_stream as s
set location_id = coalesce(l.location_id, o.location_id)
from pg_temp.incoming_stream as t
left join locations.location as l
    on l.portal_id = :portal_id::int and l.site_key = t.nmi
left join locations.location as o
    on o.portal_id = :portal_id::int and o.site_key = t.other_nmi
where s.stream = t.stream and coalesce(l.location_id, o.location_id) is not null;

-- name: give_sites
-- Make the sites that are missing, in a building, and answer how many.
-- not null: given
select coalesce(
    locations.give_sites(
        :portal_id::int, :building_id::bigint, array_agg(w.nmi order by w.line), :now::timestamptz
    ), 0
) as given
from (
    select s.nmi, min(s.line) as line
    from pg_temp.incoming_stream as s
    where s.location_id is null
    group by s.nmi
) as w;

-- name: give_meters
-- Make the meters that are missing, and answer how many; the meter of a site that has none, and
-- whose serial number is blank, is called as the site is.
-- not null: given
select coalesce(
    metering.give_meters(
        :portal_id::int, array_agg(distinct w.serial_number), :now::timestamptz
    ), 0
) as given
from (
    select coalesce(nullif(s.serial_number, ''), s.nmi) as serial_number
    from pg_temp.incoming_stream as s
    where s.location_id is not null and (
        s.serial_number <> '' or not exists (
            select from metering.installation as i
            where i.portal_id = :portal_id::int and i.location_id = s.location_id
        )
    )
) as w
where not exists (
    select from metering.meter as m
    where m.portal_id = :portal_id::int and m.serial_number = w.serial_number
);

-- name: hang_meters
-- Hang meters that never hung anywhere at the sites they are named with, from the first day that
-- is told of them on, and answer how many.
-- not null: hung
select coalesce(
    metering.install(
        :portal_id::int, array_agg(w.meter_id), array_agg(w.location_id),
        array_agg(w.first_day::timestamp at time zone 'UTC' - :clock::text::interval),
        :now::timestamptz
    ), 0
) as hung
from (
    select distinct on (m.meter_id) m.meter_id, s.location_id, d.first_day
    from pg_temp.incoming_stream as s
    inner join metering.meter as m
        on m.portal_id = :portal_id::int
        and m.serial_number = coalesce(nullif(s.serial_number, ''), s.nmi)
    inner join (
        select n.stream, min(n.day) as first_day from pg_temp.incoming_day as n group by n.stream
    ) as d on d.stream = s.stream
    where s.location_id is not null and not exists (
        select from metering.installation as i
        where i.portal_id = :portal_id::int and i.meter_id = m.meter_id
    )
    order by m.meter_id, d.first_day, s.line
) as w;

-- name: give_streams
-- Give the meters that hang at the named sites the data streams that they lack; answer how many.
-- not null: given
select coalesce(
    metering.give_streams(
        :portal_id::int, array_agg(w.meter_id), array_agg(w.datastream),
        array_agg(w.register_name), array_agg(w.unit),
        array_agg(case when w.datastream ~ '^[BK]' then 'I' else 'E' end),
        array_agg(w.minutes::int), 'AM', :clock::text
    ), 0
) as given
from (
    select distinct on (m.meter_id, s.datastream)
        m.meter_id, s.datastream, s.register_name, s.unit, s.minutes
    from pg_temp.incoming_stream as s
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.location_id = s.location_id
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and s.serial_number in ('', m.serial_number)
    where s.unit <> '' and (
        s.serial_number <> '' or not exists (
            select from metering.installation as n
            where n.portal_id = i.portal_id and n.location_id = i.location_id
                and n.meter_id <> i.meter_id
        )
    )
    order by m.meter_id, s.datastream, s.line
) as w;

-- name: place_streams
-- Say which register each data stream is, by days. A meter is known by its serial number among
-- those at the site; one without a serial number is the only interval meter there that has the data
-- stream. The day on which a meter follows another belongs to the one that came.
with hung as materialized (
    select
        s.stream, s.serial_number, s.unit, m.meter_id, g.register_id, g.unit as register_unit,
        coalesce(
            (lower(i.valid) at time zone 'UTC' + :clock::text::interval)::date, '-infinity'
        ) as from_day,
        coalesce(
            (
                upper(i.valid) at time zone 'UTC'
                + :clock::text::interval
                - interval '1 microsecond'
            )::date
            + 1, 'infinity'
        ) as to_day
    from pg_temp.incoming_stream as s
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.location_id = s.location_id
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and s.serial_number in ('', m.serial_number)
    left join metering.register as g
        on g.portal_id = m.portal_id and g.meter_id = m.meter_id and g.datastream = s.datastream
        and g.metering_type = 'AM'
    where s.serial_number <> '' or g.register_id is not null
)
insert into pg_temp.placed_stream (stream, register_id, from_day, to_day, fault)
select
    h.stream, h.register_id, h.from_day,
    least(
        h.to_day, lead(h.from_day) over (partition by h.stream order by h.from_day, h.to_day)
    ),
    case
        when h.serial_number = '' and exists (
            select from hung as o
            where o.stream = h.stream and o.meter_id <> h.meter_id
                and o.from_day < h.to_day - 1 and h.from_day < o.to_day - 1
        ) then 'NOMETER'
        when h.register_id is null and exists (
            select from metering.register as g
            where g.portal_id = :portal_id::int and g.meter_id = h.meter_id
                and g.metering_type = 'AM'
        ) then 'NOMTRSCHED'
        when h.register_id is null then 'NOTOUSITE'
        when lower(h.unit) <> lower(h.register_unit) then 'BADUNIT'
    end
from hung as h;

-- name: explain_streams
-- Say why the days are not stored at which no meter of the data stream was there.
update pg_temp.incoming_stream as s
set reason = case
    when s.serial_number <> '' or exists (
        select from pg_temp.placed_stream as p where p.stream = s.stream
    ) then 'NOMETER'
    when exists (
        select from metering.installation as i
        inner join metering.register as g
            on g.portal_id = i.portal_id and g.meter_id = i.meter_id
            and g.metering_type = 'AM'
        where i.portal_id = :portal_id::int and i.location_id = s.location_id
    ) then 'NOMTRSCHED'
    when exists (
        select from metering.installation as i
        where i.portal_id = :portal_id::int and i.location_id = s.location_id
    ) then 'NOTOUSITE'
    else 'NOMETER'
end
where s.location_id is not null;

-- name: store_days
-- Store the days that are new, each as a revision of its register and day, and note the others.
-- A day that is stored with the same time already, letter for letter, is known; so is one that
-- stands twice in the delivery. One that stands twice with the same time and other values is not
-- stored again. What is newer than what counts, or as new, has the higher revision.
-- not null: file_id days stored duplicates late faults
with told as materialized (
    select
        d.line, d.stream, d.day, d.updated_at, p.register_id,
        case when p.stream is null then s.reason else p.fault end as fault
    from pg_temp.incoming_day as d
    inner join pg_temp.incoming_stream as s on s.stream = d.stream
    left join pg_temp.placed_stream as p
        on p.stream = d.stream and d.day >= p.from_day and d.day < p.to_day
), stored as materialized (
    select
        r.register_id, r.day, max(r.revision) as top, min(r.revision) as bottom,
        (array_agg(r.updated_at order by r.revision desc))[1] as top_at
    from intervals.register_day as r
    where r.portal_id = :portal_id::int
        and r.register_id = any(
            array(select distinct t.register_id from told as t where t.fault is null)
        )
        and r.day >= (select min(t.day) from told as t)
        and r.day <= (select max(t.day) from told as t)
    group by r.register_id, r.day
), known as materialized (
    select t.line
    from told as t
    inner join intervals.register_day as r
        on r.register_id = t.register_id and r.day = t.day and r.updated_at = t.updated_at
    inner join pg_temp.incoming_day as d on d.line = t.line
    where t.fault is null and r.portal_id = :portal_id::int
        and r.register_id = any(array(select distinct s.register_id from stored as s))
        and r.day >= (select min(s.day) from stored as s)
        and r.day <= (select max(s.day) from stored as s)
        and (r.minutes, r.quantities, r.quality, r.method, r.reason)
        = (d.minutes, d.quantities, d.quality, d.method, d.reason)
        and (r.reason_code, r.spans, r.events)
        is not distinct from (d.reason_code, d.spans, d.events)
), ranked as materialized (
    select
        t.line, t.stream, t.register_id, t.day, t.updated_at,
        row_number() over same_day as place,
        case
            when lag(t.updated_at) over same_day = t.updated_at then lag(t.line) over same_day
        end as same_as
    from told as t
    where t.fault is null and not exists (select from known as k where k.line = t.line)
    window same_day as (partition by t.register_id, t.day order by t.updated_at, t.line)
), twice as materialized (
    select
        r.line, r.stream, r.day,
        (
            (b.minutes, b.quantities, b.quality, b.method, b.reason)
            = (d.minutes, d.quantities, d.quality, d.method, d.reason)
            and (b.reason_code, b.spans, b.events)
            is not distinct from (d.reason_code, d.spans, d.events)
        ) as same
    from ranked as r
    inner join pg_temp.incoming_day as d on d.line = r.line
    inner join pg_temp.incoming_day as b on b.line = r.same_as
    where r.same_as is not null
), numbered as materialized (
    select
        r.line, r.register_id, coalesce(r.updated_at < s.top_at, false) as late,
        case
            when r.updated_at < s.top_at then least(s.bottom, 1) - r.place
            else greatest(s.top, 0) + r.place
        end as revision
    from ranked as r
    left join stored as s on s.register_id = r.register_id and s.day = r.day
    where not exists (select from twice as t where t.line = r.line)
), unplaced as materialized (
    select t.line, t.stream, t.day, t.fault from told as t where t.fault is not null
    union all
    select t.line, t.stream, t.day, 'DUPLICATE' from twice as t where not t.same
), counted as (
    select
        (select count(*) from told) as days, count(*) as stored,
        (select count(*) from known)
        + (select count(*) from twice as t where t.same) as duplicates,
        count(*) filter (where n.late) as late,
        (select count(*) from unplaced) as faults
    from numbered as n
), file as (
    insert into intervals.file (
        portal_id, source, name, sha256, from_participant, to_participant, created_at, login,
        loaded_at, days, stored, duplicates, late, faults
    )
    select
        :portal_id::int, :source::text, :name::text, :sha256::text, :from_participant::text,
        :to_participant::text, :created_at::timestamptz, :login::text, :now::timestamptz, c.days,
        c.stored, c.duplicates, c.late, c.faults
    from counted as c
    returning file_id, days, stored, duplicates, late, faults
), kept as (
    insert into intervals.register_day (
        portal_id, register_id, day, revision, minutes, quantities, quality, method, reason_code,
        reason, spans, events, updated_at, loaded_at, file_id
    )
    select
        :portal_id::int, n.register_id, d.day, n.revision, d.minutes, d.quantities, d.quality,
        d.method, d.reason_code, d.reason, d.spans, d.events, d.updated_at, :now::timestamptz,
        (select f.file_id from file as f)
    from numbered as n
    inner join pg_temp.incoming_day as d on d.line = n.line
    order by n.register_id, d.day
), noted as (
    insert into intervals.fault (
        portal_id, file_id, line, reason, nmi, serial_number, datastream, unit, from_day, to_day,
        days
    )
    select
        :portal_id::int, f.file_id, min(u.line), u.fault, s.nmi, s.serial_number, s.datastream,
        s.told_unit, min(u.day), max(u.day), count(*)
    from unplaced as u
    inner join pg_temp.incoming_stream as s on s.stream = u.stream
    cross join file as f
    group by f.file_id, u.fault, s.nmi, s.serial_number, s.datastream, s.told_unit
    order by min(u.line)
)
select f.file_id, f.days, f.stored, f.duplicates, f.late, f.faults from file as f;

-- name: analyze_stored
-- Let the planner know what was stored.
-- not null: none
select db.analyze_written(array['intervals.register_day'::regclass], :stored::bigint);

-- name: faults_of_file
-- What of a file could not be stored, by its lines.
select
    f.fault_id, f.line, f.reason, f.nmi, f.serial_number, f.datastream, f.unit, f.from_day,
    f.to_day, f.days
from intervals.fault as f
where f.portal_id = :portal_id::int and f.file_id = :file_id::bigint
order by f.line, f.fault_id
limit :how_many::bigint offset :beyond::bigint;

-- name: files
-- The deliveries of interval data, newest first.
select
    f.file_id, f.source, f.name, f.sha256, f.from_participant, f.to_participant, f.created_at,
    f.login, f.loaded_at, f.days, f.stored, f.duplicates, f.late, f.faults
from intervals.file as f
where f.portal_id = :portal_id::int and f.file_id < :before::bigint
order by f.file_id desc
limit :how_many::int;

-- name: days
-- Register-days that count, of meters at some sites in a span of days, in the order of sites.
-- not null: nmi day minutes quality method reason revision updated_at loaded_at file_id total
-- not null: quantities
select
    coalesce(l.site_identifier, '') as nmi, m.serial_number, g.register_no, g.datastream, g.unit,
    g.clock, d.day, d.minutes, d.quality, d.method, d.reason_code, d.reason, d.revision,
    d.updated_at, d.loaded_at, d.file_id,
    (select sum(q.quantity)::bigint from unnest(d.quantities) as q (quantity)) as total,
    d.quantities
from metering.register as g
inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
inner join intervals.current_day as d
    on d.portal_id = g.portal_id and d.register_id = g.register_id
left join lateral (
    select i.location_id
    from metering.installation as i
    where i.portal_id = g.portal_id and i.meter_id = g.meter_id
        and i.valid && tstzrange(
            d.day::timestamp at time zone 'UTC' - g.clock::interval,
            (d.day + 1)::timestamp at time zone 'UTC' - g.clock::interval
        )
    order by lower(i.valid) desc
    limit 1
) as i on true
left join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = i.location_id
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
where g.portal_id = :portal_id::int and g.metering_type = 'AM'
    and d.day >= :from_day::date and d.day <= :to_day::date
    and (:nmi::text is null or l.site_key = upper(:nmi::text))
    and (:building_code::text is null or b.building_key = upper(:building_code::text))
    and (:serial_number::text is null or m.serial_number = :serial_number::text)
    and (:datastream::text is null or g.datastream = :datastream::text)
order by nmi, m.serial_number, g.datastream, d.day
limit :how_many::bigint offset :beyond::bigint;

-- name: told_days
-- Register-days that count as a NEM12 tells them, of sites that have an NMI, in the order of data
-- streams.
-- not null: nmi configuration minutes day quantities quality method reason updated_at loaded_at
select
    l.site_identifier as nmi, (
        select string_agg(distinct n.datastream, '')
        from metering.register as n
        where n.portal_id = g.portal_id and n.meter_id = g.meter_id and n.metering_type = 'AM'
    ) as configuration,
    g.meter_code as register_name, g.datastream, m.serial_number, g.unit, d.minutes, d.day,
    d.quantities, d.quality, d.method, d.reason_code, d.reason, d.spans::text as spans,
    d.events::text as events, d.updated_at, d.loaded_at
from metering.register as g
inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
inner join intervals.current_day as d
    on d.portal_id = g.portal_id and d.register_id = g.register_id
inner join lateral (
    select i.location_id
    from metering.installation as i
    where i.portal_id = g.portal_id and i.meter_id = g.meter_id
        and i.valid && tstzrange(
            d.day::timestamp at time zone 'UTC' - g.clock::interval,
            (d.day + 1)::timestamp at time zone 'UTC' - g.clock::interval
        )
    order by lower(i.valid) desc
    limit 1
) as i on true
inner join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = i.location_id
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
where g.portal_id = :portal_id::int and g.metering_type = 'AM' and g.datastream <> ''
    and l.site_identifier is not null
    and d.day >= :from_day::date and d.day <= :to_day::date
    and (:nmi::text is null or l.site_key = upper(:nmi::text))
    and (:building_code::text is null or b.building_key = upper(:building_code::text))
order by nmi, m.serial_number, g.datastream, d.day;

-- name: gaps
-- What is missing of the registers that send intervals, while their meters hung at a site, and what
-- of theirs is not actual: spans of days of one kind.
-- not null: nmi kind from_day to_day days intervals
with expected as (
    select
        l.site_identifier, m.serial_number, g.register_id, g.register_no, g.datastream,
        n.day::date as day
    from metering.register as g
    inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
    inner join metering.installation as i
        on i.portal_id = g.portal_id and i.meter_id = g.meter_id
    inner join locations.location as l
        on l.portal_id = i.portal_id and l.location_id = i.location_id
    left join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    cross join lateral generate_series(
        greatest(
            :from_day::date,
            (lower(i.valid) at time zone 'UTC' + g.clock::interval - interval '1 microsecond')::date
            + 1
        )::timestamp,
        least(
            :to_day::date,
            (upper(i.valid) at time zone 'UTC' + g.clock::interval)::date - 1,
            (:now::timestamptz at time zone 'UTC' + g.clock::interval)::date - 1
        )::timestamp,
        interval '1 day'
    ) as n (day)
    where g.portal_id = :portal_id::int and g.metering_type = 'AM'
        and (:nmi::text is null or l.site_key = upper(:nmi::text))
        and (:building_code::text is null or b.building_key = upper(:building_code::text))
), flagged as (
    select
        e.site_identifier, e.serial_number, e.register_id, e.register_no, e.datastream, e.day,
        f.kind, f.intervals
    from expected as e
    left join intervals.current_day as d
        on d.portal_id = :portal_id::int and d.register_id = e.register_id and d.day = e.day
    cross join lateral (
        select
            v.kind, case
                when d.quality is null then 0
                when length(d.quality) = 1 then 1440 / d.minutes
                else length(d.quality) - length(translate(d.quality, v.flags, ''))
            end as intervals
        from (
            values ('MISSING', ''), ('NONE', 'N'), ('ESTIMATED', 'E'), ('SUBSTITUTED', 'SF')
        ) as v (kind, flags)
        where case
            when d.quality is null then v.flags = ''
            else v.flags <> '' and translate(d.quality, v.flags, '') <> d.quality
        end
    ) as f
    where d.quality is null or d.quality <> 'A'
), islands as (
    select
        f.site_identifier, f.serial_number, f.register_no, f.datastream, f.day, f.kind,
        f.intervals, f.day - row_number() over (
            partition by f.register_id, f.kind order by f.day
        )::int as island
    from flagged as f
)
select
    coalesce(s.site_identifier, '') as nmi, s.serial_number, s.register_no, s.datastream, s.kind,
    min(s.day) as from_day, max(s.day) as to_day, count(*) as days,
    sum(s.intervals)::bigint as intervals
from islands as s
group by s.site_identifier, s.serial_number, s.register_no, s.datastream, s.kind, s.island
order by nmi, s.serial_number, s.datastream, from_day, s.kind
limit :how_many::bigint offset :beyond::bigint;

-- name: account_days
-- The days of intervals of what an account is supplied through, as they were known at an instant.
-- not null: loc_id site_name meter_code serial_number register_no unit datastream clock day minutes
-- not null: quantities quality file_id
select
    l.site_identifier, l.loc_id, coalesce(nullif(l.site_name, ''), l.external_key) as site_name,
    r.meter_code, m.serial_number,
    r.register_no, r.unit, r.datastream, r.clock, d.day, d.minutes, d.quantities, d.quality,
    d.file_id
from customers.agreement as g
inner join locations.location as l
    on l.portal_id = g.portal_id and l.location_id = g.location_id
inner join metering.installation as i
    on i.portal_id = g.portal_id and i.location_id = g.location_id and i.valid && g.valid
inner join metering.meter as m
    on m.portal_id = i.portal_id and m.meter_id = i.meter_id and m.product_type = g.product_type
inner join metering.register as r
    on r.portal_id = m.portal_id and r.meter_id = m.meter_id and r.metering_type = 'AM'
inner join intervals.register_day as d
    on d.portal_id = r.portal_id and d.register_id = r.register_id
    and d.day between :from_day::date and :to_day::date
    and g.valid * i.valid && tstzrange(
        d.day::timestamp at time zone 'UTC' - r.clock::interval,
        (d.day + 1)::timestamp at time zone 'UTC' - r.clock::interval
    )
where g.portal_id = :portal_id::int and g.account_id = :account_id::bigint
    and (:site::text is null or upper(:site::text) in (l.site_key, upper(l.loc_id)))
    and (:meter::text is null or :meter::text in (m.serial_number, r.meter_code))
    and d.revision = (
        select max(n.revision) from intervals.register_day as n
        where n.portal_id = d.portal_id and n.register_id = d.register_id and n.day = d.day
            and n.revision >= 1 and n.loaded_at <= :as_of::timestamptz
    )
order by l.loc_id, m.serial_number, r.register_no, d.day
limit :how_many::bigint offset :beyond::bigint;
