-- name: find_registers
-- The registers that basic reads are of: a site is known by its identifier, or else by our number;
-- a meter there by the code of a register or its serial number, if it hung there at some time of
-- the day of the read.
-- not null: record timezone lock
select
    w.record, l.location_id, m.meter_id, g.register_id, g.metering_type, m.factor, m.dials,
    coalesce(b.timezone, :timezone::text) as timezone, hashtext(m.serial_number) & 63 as lock
from unnest(
    :records::int[], :sites::text[], :meters::text[], :registers::int[], :days::date[]
) as w (record, site_identifier, meter_code, register_no, day)
left join locations.location as k
    on k.portal_id = :portal_id::int and k.site_key = upper(w.site_identifier)
left join locations.location as n
    on n.portal_id = :portal_id::int and n.loc_id = upper(w.site_identifier)
inner join locations.location as l
    on l.portal_id = :portal_id::int and l.location_id = coalesce(k.location_id, n.location_id)
left join locations.building as b on b.portal_id = l.portal_id and b.building_id = l.building_id
left join lateral (
    select distinct on (i.meter_id) i.portal_id, i.meter_id
    from metering.installation as i
    inner join metering.meter as s on s.portal_id = i.portal_id and s.meter_id = i.meter_id
    where i.portal_id = l.portal_id and i.location_id = l.location_id
        and i.valid && tstzrange(
            w.day::timestamp at time zone coalesce(b.timezone, :timezone::text),
            (w.day + 1)::timestamp at time zone coalesce(b.timezone, :timezone::text), '[]'
        )
        and (
            s.serial_number = w.meter_code or exists (
                select from metering.register as c
                where c.portal_id = s.portal_id and c.meter_id = s.meter_id
                    and c.meter_code = w.meter_code
            )
        )
    order by i.meter_id
) as h on true
left join metering.meter as m on m.portal_id = h.portal_id and m.meter_id = h.meter_id
left join metering.register as g
    on g.portal_id = m.portal_id and g.meter_id = m.meter_id and g.register_no = w.register_no
order by w.record asc, m.meter_id desc;

-- name: learn_dials
-- Let meters know the dials that their rollover was told with.
select metering.learn_dials(
    :portal_id::int, :meter_ids::bigint[], :dials::int[], :now::timestamptz
);

-- name: posted_reads
-- What became of the posted reads: the revision that each is, or has found standing, and the read
-- that stands before it.
select
    p.record, p.register_id, p.read_at, p.value, p.sub_type,
    coalesce(p.revision, s.revision) as revision, i.read_id, p.reason, p.quarantine_id,
    p.rolled, b.value as before_value,
    case
        when p.sub_type <> 'MISREAD'
            then round(reads.difference(b.value, p.value, p.dials) * p.multiplier)::bigint
    end as consumption
from pg_temp.posted_read as p
left join lateral (
    select r.revision from reads.counted as r
    where r.portal_id = :portal_id::int and r.register_id = p.register_id
        and r.read_at = p.read_at
    order by r.revision desc limit 1
) as s on true
left join reads.read as i
    on i.portal_id = :portal_id::int and i.register_id = p.register_id
    and i.read_at = p.read_at and i.revision = coalesce(p.revision, s.revision)
left join lateral reads.before(:portal_id::int, p.register_id, p.read_at) as b on true
order by p.record;

-- name: stage_basic
-- The reads of a NEM13 file, and which register each is of, for this transaction.
create temporary table if not exists incoming_basic (
    record int not null,
    line int not null,
    site_key text not null,
    other_key text not null,
    register_name text not null,
    datastream text not null,
    serial_number text not null,
    direction text not null,
    unit text not null,
    read_at timestamptz not null,
    value bigint not null,
    original text not null,
    sub_type text not null,
    notes text not null,
    next_scheduled_on date,
    dials int not null,
    meter_id bigint,
    register_id bigint,
    fault text
) on commit delete rows;

-- name: analyze_basic
-- Let the planner know what a NEM13 file tells.
analyze incoming_basic (serial_number, site_key);

-- name: locks_of_basic
-- Which locks the meters of a NEM13 file need, and how far ahead the last is that was read.
-- not null: locks
select
    coalesce(bit_or(1::bigint << (hashtext(i.serial_number) & 63)), 0) as locks,
    max(i.read_at) filter (where i.sub_type = 'ACTUAL') as latest
from pg_temp.incoming_basic as i;

-- name: find_basic
-- Note the meters of a NEM13 file: known by their serial numbers, and at the named site within a
-- day of the read.
update pg_temp.incoming_basic as i
set meter_id = f.meter_id, fault = f.fault
from (
    select
        n.record, m.meter_id,
        case
            when coalesce(l.location_id, o.location_id) is null then 'NOSITE'
            when not exists (
                select from metering.installation as h
                where h.portal_id = :portal_id::int and h.meter_id = m.meter_id
                    and h.location_id = coalesce(l.location_id, o.location_id)
                    and h.valid && tstzrange(
                        n.read_at - interval '1 day', n.read_at + interval '1 day', '[]'
                    )
            ) then 'NOMETER'
        end as fault
    from pg_temp.incoming_basic as n
    left join locations.location as l
        on l.portal_id = :portal_id::int and l.site_key = n.site_key
    left join locations.location as o
        on o.portal_id = :portal_id::int and o.site_key = n.other_key
    left join metering.meter as m
        on m.portal_id = :portal_id::int and m.serial_number = n.serial_number
) as f
where i.record = f.record;

-- name: give_basic
-- Give the meters of a NEM13 file the data streams that they lack, and answer how many.
-- not null: given
select coalesce(
    metering.give_streams(
        :portal_id::int, array_agg(w.meter_id), array_agg(w.datastream),
        array_agg(w.register_name), array_agg(w.unit), array_agg(w.direction),
        array_agg(null::int), 'BASIC', :clock::text
    ), 0
) as given
from (
    select distinct on (i.meter_id, i.datastream)
        i.meter_id, i.datastream, i.register_name, i.unit, i.direction
    from pg_temp.incoming_basic as i
    where i.fault is null and i.unit <> '' and not exists (
        select from metering.register as g
        where g.portal_id = :portal_id::int and g.meter_id = i.meter_id
            and g.datastream = i.datastream
    )
    order by i.meter_id, i.datastream, i.record
) as w;

-- name: place_basic
-- Note the registers of a NEM13 file: of their data stream, or the one that has it by itself.
update pg_temp.incoming_basic as i
set
    register_id = f.register_id,
    fault = case
        when f.register_id is null then 'NOMTRSCHED'
        when f.metering_type = 'AM' then 'INTERVALS'
        when lower(f.unit) <> lower(i.unit) then 'BADUNIT'
    end
from (
    select distinct on (n.record) n.record, g.register_id, g.metering_type, g.unit
    from pg_temp.incoming_basic as n
    left join metering.register as g
        on g.portal_id = :portal_id::int and g.meter_id = n.meter_id and (
            g.datastream = n.datastream
            or (g.datastream = '' and g.register_no = metering.own_number(n.datastream))
        )
    order by n.record asc, g.datastream desc nulls last
) as f
where i.record = f.record and i.fault is null;

-- name: learn_told_dials
-- Let meters know the dials that a NEM13 file tells their rollover with.
select metering.learn_dials(
    :portal_id::int, array_agg(i.meter_id), array_agg(i.dials), :now::timestamptz
)
from pg_temp.incoming_basic as i
where i.dials > 0 and i.fault is null;

-- name: post_basic
-- Post the reads of a NEM13 file whose registers are known.
insert into pg_temp.posted_read (
    record, register_id, dials, read_at, opens_at, value, original, multiplier, sub_type,
    estimated, rolled, next_scheduled_on, notes
)
select
    i.record, i.register_id, coalesce(nullif(m.dials, 0), i.dials), i.read_at,
    i.read_at as opens_at, i.value,
    i.original, m.factor, i.sub_type, i.sub_type = 'ESTIMATE', false, i.next_scheduled_on, i.notes
from pg_temp.incoming_basic as i
inner join metering.meter as m on m.portal_id = :portal_id::int and m.meter_id = i.meter_id
where i.fault is null;

-- name: loaded_basic
-- What became of the reads of a NEM13 file.
-- not null: reads stored duplicates quarantined faults
select
    (select count(*) from pg_temp.incoming_basic) as reads,
    count(*) filter (where p.reason is null) as stored,
    count(*) filter (where p.reason = 'DUPLICATE') as duplicates,
    count(*) filter (where p.quarantine_id is not null) as quarantined,
    (select count(*) from pg_temp.incoming_basic as i where i.fault is not null) as faults
from pg_temp.posted_read as p;

-- name: unplaced_basic
-- The first reads of a NEM13 file whose registers are not known, and why.
-- not null: fault
select i.line, i.fault
from pg_temp.incoming_basic as i
where i.fault is not null
order by i.record
limit :how_many::int;

-- name: told_basic
-- Pairs of reads of basic registers, one after the other, the later of them in a span of days, of
-- sites that have an identifier.
-- not null: nmi datastream before_value before_at before_type before_notes value read_at sub_type
-- not null: notes quantity recorded_at
select
    s.nmi, s.register_name, s.datastream, s.serial_number, s.direction, s.before_value,
    s.before_at, s.before_type, s.before_notes, s.value, s.read_at, s.sub_type, s.notes,
    round(
        reads.difference(s.before_value, s.value, s.dials) * s.multiplier
    )::bigint as quantity, s.unit, s.next_scheduled_on, s.recorded_at
from (
    select
        l.site_identifier as nmi, g.meter_code as register_name,
        coalesce(
            nullif(g.datastream, ''), case g.register_no when 1 then '11' when 2 then '12' end,
            lpad(g.register_no::text, 2, '1')
        ) as datastream, m.serial_number, g.direction, g.unit, m.dials, r.multiplier,
        r.value, r.read_at, coalesce(d.sub_type, 'ACTUAL') as sub_type,
        coalesce(d.notes, '') as notes, d.next_scheduled_on, b.recorded_at,
        lag(r.value) over register as before_value,
        lag(r.read_at) over register as before_at,
        lag(coalesce(d.sub_type, 'ACTUAL')) over register as before_type,
        lag(coalesce(d.notes, '')) over register as before_notes
    from metering.register as g
    inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
    inner join lateral (
        select distinct on (c.read_at)
            c.read_at, c.revision, c.value, c.multiplier, c.batch_id
        from reads.counted as c
        where c.portal_id = g.portal_id and c.register_id = g.register_id
            and c.read_at < :until::timestamptz
        order by c.read_at desc, c.revision desc
    ) as r on true
    inner join reads.batch as b on b.portal_id = g.portal_id and b.batch_id = r.batch_id
    left join reads.detail as d
        on d.portal_id = g.portal_id and d.register_id = g.register_id
        and d.read_at = r.read_at and d.revision = r.revision
    inner join lateral (
        select i.location_id from metering.installation as i
        where i.portal_id = g.portal_id and i.meter_id = g.meter_id
            and i.valid && tstzrange(
                r.read_at - interval '1 day', r.read_at + interval '1 day', '[]'
            )
        order by lower(i.valid) limit 1
    ) as i on true
    inner join locations.location as l
        on l.portal_id = g.portal_id and l.location_id = i.location_id
    left join locations.building as n
        on n.portal_id = l.portal_id and n.building_id = l.building_id
    where g.portal_id = :portal_id::int and g.metering_type = 'BASIC'
        and l.site_identifier is not null
        and (:nmi::text is null or l.site_key = upper(:nmi::text))
        and (:building_code::text is null or n.building_key = upper(:building_code::text))
    window register as (partition by g.register_id, l.location_id order by r.read_at)
) as s
where s.before_at is not null and s.read_at >= :since::timestamptz
order by s.nmi, s.serial_number, s.datastream, s.read_at;

-- name: account_reads
-- The basic reads of what an account is supplied through, of a span of days, as they were known at
-- an instant: those that count, those that were misread or contradicted, and those under review.
-- What closes one supply and opens the next is told on its own side of midnight.
-- not null: loc_id site_name timezone meter_code serial_number register_no unit dials read_id
-- not null: read_at value sub_type estimated multiplier notes status source
with supplied as materialized (
    select
        l.site_identifier, l.loc_id,
        coalesce(nullif(l.site_name, ''), l.external_key) as site_name, r.register_id, r.meter_code,
        m.serial_number, r.register_no, r.unit, m.dials,
        coalesce(b.timezone, :timezone::text) as timezone,
        greatest(lower(g.valid), lower(i.valid)) as from_at,
        coalesce(least(upper(g.valid), upper(i.valid)), 'infinity') as to_at
    from customers.agreement as g
    inner join locations.location as l
        on l.portal_id = g.portal_id and l.location_id = g.location_id
    left join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    inner join metering.installation as i
        on i.portal_id = g.portal_id and i.location_id = g.location_id and i.valid && g.valid
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = g.product_type
    inner join metering.register as r
        on r.portal_id = m.portal_id and r.meter_id = m.meter_id and r.metering_type = 'BASIC'
    where g.portal_id = :portal_id::int and g.account_id = :account_id::bigint
        and (:site::text is null or upper(:site::text) in (l.site_key, upper(l.loc_id)))
        and (:meter::text is null or :meter::text in (m.serial_number, r.meter_code))
), misread as materialized (
    select x.register_id, x.read_at, x.revision, x.reason
    from reads.misread as x
    inner join reads.batch as y
        on y.portal_id = x.portal_id and y.batch_id = x.batch_id
        and y.recorded_at <= :as_of::timestamptz
    where x.portal_id = :portal_id::int
        and x.register_id in (select s.register_id from supplied as s)
), told as materialized (
    select
        s.register_id, s.from_at, r.read_at, r.revision, r.read_id, r.value, r.multiplier,
        t.source,
        coalesce(d.sub_type, 'ACTUAL') as sub_type, d.next_scheduled_on, d.temp_factor,
        d.cv_factor, coalesce(d.notes, '') as notes, x.reason as misread,
        max(r.revision) over instant as top, r.revision <= coalesce(
            max(r.revision) filter (where x.reason is not null) over instant, 0
        ) as void
    from supplied as s
    inner join reads.read as r
        on r.portal_id = :portal_id::int and r.register_id = s.register_id
        and r.read_at <= s.to_at and r.read_at >= coalesce(
            (
                select n.read_at from reads.before(:portal_id::int, s.register_id, s.from_at) as n
            ), s.from_at
        )
    inner join reads.batch as t
        on t.portal_id = r.portal_id and t.batch_id = r.batch_id
        and t.recorded_at <= :as_of::timestamptz
    left join reads.detail as d
        on d.portal_id = r.portal_id and d.register_id = r.register_id
        and d.read_at = r.read_at and d.revision = r.revision
    left join misread as x
        on x.register_id = r.register_id and x.read_at = r.read_at and x.revision = r.revision
    window instant as (partition by s.register_id, s.from_at, r.read_at)
), stood as materialized (
    select
        t.register_id, t.from_at, t.read_at, t.value,
        lag(t.read_at) over register as before_at, lag(t.value) over register as before_value
    from told as t
    where t.revision = t.top and not t.void
    window register as (partition by t.register_id, t.from_at order by t.read_at)
), shown as (
    select distinct on (
        t.register_id, t.from_at, t.read_at, t.misread, t.sub_type = 'OPENING'
    )
        t.register_id, t.from_at, t.read_id, t.read_at, t.value, t.multiplier, t.source,
        t.sub_type, t.next_scheduled_on, t.temp_factor, t.cv_factor, t.notes, w.before_at,
        w.before_value,
        case coalesce(t.misread, '')
            when '' then 'ACCEPTED' when 'MISREAD' then 'MISREAD' else 'SUPERSEDED'
        end as status
    from told as t
    left join stood as w
        on w.register_id = t.register_id and w.from_at = t.from_at and w.read_at = t.read_at
        and not t.void
    where t.misread is not null or not t.void and t.value = w.value
    order by
        t.register_id asc, t.from_at asc, t.read_at asc, t.misread asc,
        t.sub_type = 'OPENING' asc, t.revision desc
), doubted as (
    select
        s.register_id, s.from_at, -q.quarantine_id as read_id, q.read_at, q.value,
        q.multiplier, t.source, coalesce(d.sub_type, 'ACTUAL') as sub_type, d.next_scheduled_on,
        d.temp_factor, d.cv_factor, coalesce(d.notes, '') as notes
    from supplied as s
    inner join reads.quarantine as q
        on q.portal_id = :portal_id::int and q.serial_number = s.serial_number
        and q.register_no = s.register_no
    inner join reads.batch as t
        on t.portal_id = q.portal_id and t.batch_id = q.batch_id
        and t.recorded_at <= :as_of::timestamptz
    left join reads.quarantine_detail as d
        on d.portal_id = q.portal_id and d.quarantine_id = q.quarantine_id
    where not exists (
        select from reads.release as a
        where a.portal_id = q.portal_id and a.quarantine_id = q.quarantine_id
    ) and not exists (
        select from reads.rejection as a
        where a.portal_id = q.portal_id and a.quarantine_id = q.quarantine_id
    )
), listed as (
    select
        h.register_id, h.from_at, h.read_id, h.read_at, h.value, h.multiplier, h.source,
        h.sub_type, h.next_scheduled_on, h.temp_factor, h.cv_factor, h.notes, h.before_at,
        h.before_value, h.status
    from shown as h
    union all
    select
        d.register_id, d.from_at, d.read_id, d.read_at, d.value, d.multiplier, d.source,
        d.sub_type, d.next_scheduled_on, d.temp_factor, d.cv_factor, d.notes, null, null,
        'IN_REVIEW'
    from doubted as d
)
select
    s.site_identifier, s.loc_id, s.site_name, s.timezone, s.meter_code, s.serial_number,
    s.register_no, s.unit, s.dials, n.read_id, n.read_at, n.value, n.sub_type,
    n.sub_type in ('ESTIMATE', 'INVOICE_EST') as estimated, n.multiplier, n.before_at,
    n.before_value,
    case
        when n.status = 'ACCEPTED'
            then round(reads.difference(n.before_value, n.value, s.dials) * n.multiplier)::bigint
    end as consumption,
    n.next_scheduled_on, n.temp_factor, n.cv_factor, n.notes, n.status, n.source
from listed as n
inner join supplied as s on s.register_id = n.register_id and s.from_at = n.from_at
where case
    when n.sub_type = 'OPENING' then
        n.read_at >= greatest(s.from_at, (:from_day::date)::timestamp at time zone s.timezone)
        and n.read_at < least(s.to_at, (:to_day::date + 1)::timestamp at time zone s.timezone)
    else
        n.read_at > greatest(s.from_at, (:from_day::date)::timestamp at time zone s.timezone)
        and n.read_at <= least(s.to_at, (:to_day::date + 1)::timestamp at time zone s.timezone)
end
order by s.loc_id, s.serial_number, s.register_no, n.read_at, n.read_id
limit :how_many::bigint offset :beyond::bigint;
