-- name: source_known
-- Whether reads may come from this source: a head-end, or by hand and named for who types them.
-- not null: known
select :source::text = :login::text or exists (
    select from metering.source as s where s.source = :source::text
) as known;

-- name: portals_of_serials
-- The portals, of those granted, that have meters of these serial numbers, and of how many.
-- not null: serials
select p.key, count(m.meter_id) as serials
from access.portal as p
left join metering.meter as m
    on m.portal_id = p.portal_id and m.serial_number = any(:serial_numbers::text[])
group by p.portal_id, p.key
order by p.key;

-- name: give_memory
-- Let a file of a million records be sorted in memory, in this transaction.
set local work_mem = '128MB';

-- name: stage_reads
-- The records of a delivery as they were sent, for this transaction.
create temporary table if not exists incoming_read (
    record int not null,
    meter_name text not null,
    serial_number text not null,
    device_id text not null,
    read_at timestamptz not null,
    multiplier text not null,
    forward_active text not null,
    reverse_active text not null,
    forward_reactive text not null,
    reverse_reactive text not null,
    meter_state text not null
) on commit delete rows;

-- name: analyze_reads
-- Let the planner know what was delivered.
analyze incoming_read (serial_number, read_at);

-- name: survey_reads
-- Which locks the meters need, how many records are too far ahead in time, and whether any reads
-- something on another register than the active import.
-- not null: locks ahead other
select
    coalesce(bit_or(1::bigint << (hashtext(i.serial_number) & 63)), 0) as locks,
    count(*) filter (where i.read_at > :latest::timestamptz) as ahead,
    coalesce(bool_or(
        i.reverse_active not in ('', '0') or i.forward_reactive not in ('', '0')
        or i.reverse_reactive not in ('', '0')
    ), false) as other
from pg_temp.incoming_read as i;

-- name: reads_ahead
-- The first records that tell of a time which is too far ahead.
select i.record
from pg_temp.incoming_read as i
where i.read_at > :latest::timestamptz
order by i.record
limit :how_many::int;

-- name: lock_meters
-- Keep other deliveries to the same meters waiting until this one is done: a portal has 64 locks,
-- taken in their order, and a serial number says which one is a meter's.
-- not null: locked
select count(*) as locked
from (
    select pg_advisory_xact_lock(hashtext('reads'), (:portal_id::int << 6) + n.lock)
    from generate_series(0, 63) as n (lock)
    where (:locks::bigint >> n.lock) & 1 = 1
    order by n.lock
) as taken;

-- name: give_registers
-- Give meters the registers that they read something other than nothing on.
-- not null: given
select metering.give_registers(
    :portal_id::int, array_agg(lacking.meter_id), array_agg(lacking.register_no)
) as given
from (
    select distinct m.meter_id, v.register_no
    from pg_temp.incoming_read as i
    inner join metering.meter as m
        on m.portal_id = :portal_id::int and m.serial_number = i.serial_number
    cross join lateral (
        values (2, i.reverse_active), (3, i.forward_reactive), (4, i.reverse_reactive)
    ) as v (register_no, original)
    where nullif(v.original, '')::numeric <> 0 and i.read_at <= :latest::timestamptz
        and not exists (
            select from metering.register as g
            where g.portal_id = m.portal_id and g.meter_id = m.meter_id
                and g.register_no = v.register_no
        )
) as lacking;

-- name: record_reads
-- Judge what was delivered, store what is believed, and keep the rest in quarantine (10.6).
-- A record is compared with the one before it in time, of this delivery or stored. A register of
-- which any record does not simply follow (it is late, a correction, or in doubt) is gone through
-- one by one, by reads.follow; an estimate that it then contradicts counts no longer. Where `wary`,
-- what is over 100 times the stored read before it (the one after, where it is the first), or under
-- a 100th of it, is not believed either.
-- not null: changed
with measured as (
    select
        g.register_id, i.read_at,
        (
            v.original::numeric
            * case when v.register_no > 2 then :reactive::int else :active::int end
        )::bigint as value,
        i.record, v.register_no, m.dials, v.original,
        coalesce(nullif(i.multiplier, '')::numeric, m.factor, 1) as multiplier,
        nullif(
            nullif(
                case upper(i.meter_state)
                    when 'CONNECT' then 'CONNECTING'
                    when 'DISCONNECT' then 'DISCONNECTING'
                    else upper(i.meter_state)
                end, ''
            ), m.meter_state
        ) as new_state
    from pg_temp.incoming_read as i
    left join (
        metering.meter as m
        inner join metering.register as g
            on g.portal_id = m.portal_id and g.meter_id = m.meter_id and g.register_no <= 4
    ) on m.portal_id = :portal_id::int and m.serial_number = i.serial_number
    cross join lateral (
        select case g.register_no
            when 1 then i.forward_active
            when 2 then i.reverse_active
            when 3 then i.forward_reactive
            when 4 then i.reverse_reactive
            else coalesce(
                nullif(i.forward_active, ''), nullif(i.reverse_active, ''),
                nullif(i.forward_reactive, ''), i.reverse_reactive
            )
        end as original,
        coalesce(
            g.register_no,
            case
                when i.forward_active <> '' then 1
                when i.reverse_active <> '' then 2
                when i.forward_reactive <> '' then 3
                else 4
            end
        ) as register_no
    ) as v
    where i.read_at <= :latest::timestamptz and v.original <> ''
    offset 0 -- noqa: AM09
), ordered as (
    select
        n.register_id, n.read_at, n.value, n.record, n.register_no, n.dials, n.original,
        n.multiplier, n.new_state,
        lag(n.read_at) over register as lag_at,
        lag(n.value) over register as lag_value,
        lag(n.multiplier) over register as lag_multiplier,
        lead(n.record) over register is null as newest
    from measured as n
    window register as (partition by n.register_id order by n.read_at, n.record)
), begun as (
    select
        o.register_id, o.read_at, o.value, o.record, o.register_no, o.dials, o.original,
        o.multiplier, o.new_state, o.lag_at, o.lag_value, o.lag_multiplier, o.newest,
        case
            when o.lag_at is null then coalesce(
                (
                    select
                        (
                            coalesce(f.read_at, l.read_at), coalesce(f.value, l.value),
                            l.read_at, l.value, l.multiplier
                        )::reads.history
                    from (
                        select r.read_at, r.value, r.multiplier
                        from reads.counted as r
                        where r.portal_id = :portal_id::int and r.register_id = o.register_id
                        order by r.read_at desc, r.revision desc
                        limit 1
                    ) as l
                    left join lateral (
                        select r.read_at, r.value
                        from reads.counted as r
                        where (
                            not o.newest
                            or o.value - l.value > reads.minutes(l.read_at, o.read_at) * 1000 / 60
                        )
                        and r.portal_id = :portal_id::int and r.register_id = o.register_id
                        and r.read_at >= o.read_at - interval '1 year'
                        and r.read_at < o.read_at
                        order by r.read_at asc, r.revision desc
                        limit 1
                    ) as f on true
                ), (o.read_at, o.value, null, null, null)::reads.history
            )
        end as history
    from ordered as o
    order by o.register_id, o.read_at, o.record
), placed as (
    select
        b.register_id, b.read_at, b.value, b.record, b.register_no, b.dials, b.original,
        b.multiplier, b.new_state, b.lag_at, b.lag_value, b.lag_multiplier, b.newest,
        first_value(b.history) over register as history
    from begun as b
    window register as (partition by b.register_id order by b.read_at, b.record)
), compared as (
    select
        p.register_id, p.read_at, p.value, p.record, p.register_no, p.dials, p.original,
        p.multiplier, p.new_state, p.lag_at, p.lag_value, p.lag_multiplier, p.newest,
        (p.history).first_at, (p.history).first_value, (p.history).last_at,
        (p.history).last_value, (p.history).last_multiplier
    from placed as p
), weighed as materialized (
    select
        c.register_id, c.read_at, c.value, c.record, c.register_no, c.dials, c.original,
        c.multiplier, c.new_state,
        c.newest and c.read_at > coalesce(c.last_at, '-infinity') as newest,
        case
            when c.register_id is null then 'NOSITE'
            when c.read_at = c.lag_at then
                case
                    when c.value = c.lag_value and c.multiplier = c.lag_multiplier
                        then 'DUPLICATE'
                    else 'DOUBT'
                end
            when c.read_at = c.last_at then
                case
                    when c.value = c.last_value and c.multiplier = c.last_multiplier
                        and not exists (
                            select from reads.detail as e
                            where e.portal_id = :portal_id::int
                                and e.register_id = c.register_id and e.read_at = c.read_at
                                and e.estimated
                        ) then 'DUPLICATE'
                    else 'DOUBT'
                end
            when c.read_at < c.last_at then
                case
                    when (
                        select
                            r.value = c.value and r.multiplier = c.multiplier and not exists (
                                select from reads.detail as e
                                where e.portal_id = r.portal_id
                                    and e.register_id = r.register_id
                                    and e.read_at = r.read_at and e.estimated
                            )
                        from reads.counted as r
                        where r.portal_id = :portal_id::int and r.register_id = c.register_id
                            and r.read_at = c.read_at
                        order by r.revision desc
                        limit 1
                    ) then 'DUPLICATE'
                    else 'DOUBT'
                end
            when c.lag_at >= c.last_at or c.last_at is null then
                case
                    when reads.doubt(
                        c.first_at, c.first_value, c.lag_at, c.lag_value, c.lag_multiplier,
                        c.read_at, c.value, c.multiplier, c.dials
                    ) is not null then 'DOUBT'
                end
            when reads.doubt(
                c.first_at, c.first_value, c.last_at, c.last_value, c.last_multiplier,
                c.read_at, c.value, c.multiplier, c.dials
            ) is not null then 'DOUBT'
        end as verdict
    from compared as c
), doubtful as materialized (
    select
        w.register_id, w.dials, min(w.read_at) as since, max(w.read_at) as until,
        array_agg((w.record, w.read_at, w.value, w.multiplier, null)::reads.step) as sent
    from weighed as w
    where w.register_id in (
        select d.register_id from weighed as d where d.verdict = 'DOUBT'
    )
    group by w.register_id, w.dials
), followed as materialized (
    select d.register_id, t.record, t.revision, t.reason
    from doubtful as d
    left join lateral (
        select r.read_at, r.value
        from reads.counted as r
        where r.portal_id = :portal_id::int and r.register_id = d.register_id
            and r.read_at >= d.since - interval '1 year' and r.read_at < d.since
        order by r.read_at asc, r.revision desc
        limit 1
    ) as f on true
    cross join lateral (
        select array_agg(s.step order by s.read_at, s.record nulls first) as steps
        from (
            select u.read_at, u.record, u as step from unnest(d.sent) as u
            union all
            select
                a.read_at, null,
                (null, a.read_at, a.value, a.multiplier, a.revision)::reads.step
            from reads.held(:portal_id::int, d.register_id, d.since, d.until, false) as a
        ) as s
    ) as s
    cross join lateral reads.follow(s.steps, f.read_at, f.value, d.dials) as t
), believed as not materialized (
    select
        w.register_id, w.read_at, w.value, w.record, w.register_no, w.original, w.multiplier,
        w.new_state, w.newest, 1 as revision, w.verdict as reason
    from weighed as w
    where w.register_id is null
        or w.register_id not in (select d.register_id from doubtful as d)
    union all
    select
        w.register_id, w.read_at, w.value, w.record, w.register_no, w.original, w.multiplier,
        w.new_state, w.newest, f.revision, f.reason
    from followed as f
    inner join weighed as w on w.register_id = f.register_id and w.record = f.record
), judged as not materialized (
    select
        b.register_id, b.read_at, b.value, b.record, b.register_no, b.original, b.multiplier,
        b.new_state, b.newest, b.revision,
        case
            when b.reason is null and :wary::boolean and reads.jumps(b.value, coalesce(
                (
                    select r.value from reads.counted as r
                    where r.portal_id = :portal_id::int and r.register_id = b.register_id
                        and r.read_at <= b.read_at
                    order by r.read_at desc, r.revision desc
                    limit 1
                ),
                (
                    select r.value from reads.counted as r
                    where r.portal_id = :portal_id::int and r.register_id = b.register_id
                        and r.read_at > b.read_at
                    order by r.read_at asc, r.revision desc
                    limit 1
                )
            )) then 'HIGH'
            else b.reason
        end as reason
    from believed as b
), counted as (
    select
        count(*) filter (where j.reason is null) as stored,
        count(*) filter (where j.reason = 'DUPLICATE') as duplicates,
        count(*) filter (where j.reason <> 'DUPLICATE') as quarantined
    from judged as j
), batch as (
    insert into reads.batch (
        portal_id, source, login, recorded_at, sha256, records, stored, duplicates, quarantined,
        queued
    )
    select
        :portal_id::int, :source::text, :login::text, :now::timestamptz, :sha256::text,
        :records::int, c.stored, c.duplicates, c.quarantined, c.stored = 0
    from counted as c
    returning batch_id, stored, duplicates, quarantined
), kept as (
    insert into reads.read (
        portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
    )
    select
        :portal_id::int, j.register_id, j.read_at, j.revision, j.value, j.original, j.multiplier,
        (select b.batch_id from batch as b)
    from judged as j
    where j.reason is null
), yielded as (
    insert into reads.misread (portal_id, register_id, read_at, revision, batch_id, reason)
    select distinct
        :portal_id::int, j.register_id, e.read_at, e.revision,
        (select b.batch_id from batch as b), 'CONTRADICTED'
    from judged as j
    inner join doubtful as d on d.register_id = j.register_id
    cross join lateral reads.contradicted(
        :portal_id::int, j.register_id, j.read_at, j.value, d.dials
    ) as e
    where j.reason is null
), quarantined as (
    insert into reads.quarantine (
        portal_id, batch_id, record, serial_number, register_no, read_at, value, original,
        multiplier, reason
    )
    select
        :portal_id::int, b.batch_id, j.record, i.serial_number, j.register_no, j.read_at, j.value,
        j.original, j.multiplier, j.reason
    from judged as j
    inner join pg_temp.incoming_read as i on i.record = j.record
    cross join batch as b
    where j.reason <> 'DUPLICATE'
    order by j.record, j.register_no
), told as (
    select array_agg(t.meter_id) as meters, array_agg(t.new_state) as states
    from (
        select distinct on (g.meter_id) g.meter_id, j.new_state
        from judged as j
        inner join metering.register as g
            on g.portal_id = :portal_id::int and g.register_id = j.register_id
        where j.newest and j.reason is null and j.new_state is not null
        order by g.meter_id asc, j.read_at desc
    ) as t
)
select
    b.batch_id, b.stored, b.duplicates, b.quarantined,
    metering.set_states(:portal_id::int, t.meters, t.states, :now::timestamptz) as changed
from batch as b
cross join told as t
left join lateral pg_notify('currant_due', (:portal_id::int)::text) as n on b.stored > 0;

-- name: rejected_reads
-- What a batch left in quarantine, by record.
select record, register_no, reason
from reads.quarantine
where portal_id = :portal_id::int and batch_id = :batch_id::bigint
order by record, register_no
limit :how_many::int;

-- name: quarantine
-- What is in quarantine, the newest first, below an id: each with the read that stands before it.
-- One that was sent again and believed, or released, or rejected, is there no longer; one that was
-- sent again and not believed again is there once.
select
    q.quarantine_id, q.serial_number, q.register_no, q.read_at, q.value, q.multiplier, q.reason,
    b.source, b.recorded_at, n.read_at as before_at, n.value as before_value
from reads.quarantine as q
inner join reads.batch as b on b.portal_id = q.portal_id and b.batch_id = q.batch_id
left join (
    metering.meter as m
    inner join metering.register as g on g.portal_id = m.portal_id and g.meter_id = m.meter_id
) on m.portal_id = q.portal_id and m.serial_number = q.serial_number
    and g.register_no = q.register_no
left join lateral reads.before(q.portal_id, g.register_id, q.read_at) as n on true
left join lateral reads.standing(q.portal_id, g.register_id, q.read_at) as s on true
where q.portal_id = :portal_id::int and q.quarantine_id < :before::bigint
    and (:serial_number::text is null or q.serial_number = :serial_number::text)
    and (s.value, s.multiplier) is distinct from (q.value, q.multiplier)
    and not exists (
        select from reads.release as a
        where a.portal_id = q.portal_id and a.quarantine_id = q.quarantine_id
    )
    and not exists (
        select from reads.rejection as a
        where a.portal_id = q.portal_id and a.quarantine_id = q.quarantine_id
    )
    and not exists (
        select from reads.quarantine as a
        where a.portal_id = q.portal_id and a.serial_number = q.serial_number
            and a.read_at = q.read_at and a.register_no = q.register_no
            and (a.value, a.multiplier) = (q.value, q.multiplier)
            and a.quarantine_id > q.quarantine_id
    )
order by q.quarantine_id desc
limit :how_many::int;

-- name: suspects
-- Reads in quarantine, decided or not, with the lock of each meter; no meter has a null one.
-- not null: lock
select
    q.quarantine_id, q.serial_number, m.meter_id, hashtext(q.serial_number) & 63 as lock
from reads.quarantine as q
left join metering.meter as m
    on m.portal_id = q.portal_id and m.serial_number = q.serial_number
where q.portal_id = :portal_id::int and q.quarantine_id = any(:quarantine_ids::bigint[])
order by q.quarantine_id;

-- name: decided
-- The first of some reads in quarantine that was released or rejected before, if any was.
-- not null: quarantine_id released
select a.quarantine_id, true as released
from reads.release as a
where a.portal_id = :portal_id::int and a.quarantine_id = any(:quarantine_ids::bigint[])
union all
select a.quarantine_id, false as released
from reads.rejection as a
where a.portal_id = :portal_id::int and a.quarantine_id = any(:quarantine_ids::bigint[])
order by quarantine_id
limit 1;

-- name: give_released
-- Give meters the registers that are about to have a read.
-- not null: given
select metering.give_registers(
    :portal_id::int, array_agg(lacking.meter_id), array_agg(lacking.register_no)
) as given
from (
    select distinct m.meter_id, q.register_no
    from reads.quarantine as q
    inner join metering.meter as m
        on m.portal_id = q.portal_id and m.serial_number = q.serial_number
    where q.portal_id = :portal_id::int and q.quarantine_id = any(:quarantine_ids::bigint[])
) as lacking;

-- name: release_reads
-- Store reads that were in quarantine, as a batch of the source that each came from; one whose
-- meter was not known then takes the meter's factor where the file named none. What was said of a
-- basic read is kept, and an estimate that an actual read contradicts counts no longer.
with asked as (
    select
        q.quarantine_id, g.register_id, q.read_at, q.value, q.original, b.source, m.dials,
        case
            when q.reason = 'NOSITE' and q.multiplier = 1 then m.factor else q.multiplier
        end as multiplier
    from reads.quarantine as q
    inner join reads.batch as b on b.portal_id = q.portal_id and b.batch_id = q.batch_id
    inner join metering.meter as m
        on m.portal_id = q.portal_id and m.serial_number = q.serial_number
    inner join metering.register as g
        on g.portal_id = m.portal_id and g.meter_id = m.meter_id and g.register_no = q.register_no
    where q.portal_id = :portal_id::int and q.quarantine_id = any(:quarantine_ids::bigint[])
), batch as (
    insert into reads.batch (portal_id, source, login, recorded_at, records, stored)
    select :portal_id::int, a.source, :login::text, :now::timestamptz, count(*), count(*)
    from asked as a
    group by a.source
    returning batch_id, source
), numbered as materialized (
    select
        a.quarantine_id, a.register_id, a.read_at, a.value, a.original, a.multiplier, a.dials,
        b.batch_id, coalesce(
            (
                select max(r.revision) from reads.read as r
                where r.portal_id = :portal_id::int and r.register_id = a.register_id
                    and r.read_at = a.read_at
            ), 0
        ) + row_number() over (
            partition by a.register_id, a.read_at order by a.quarantine_id
        ) as revision,
        d.sub_type, d.next_scheduled_on, d.temp_factor, d.cv_factor, d.notes
    from asked as a
    inner join batch as b on b.source = a.source
    left join reads.quarantine_detail as d
        on d.portal_id = :portal_id::int and d.quarantine_id = a.quarantine_id
), kept as (
    insert into reads.read (
        portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
    )
    select
        :portal_id::int, n.register_id, n.read_at, n.revision, n.value, n.original, n.multiplier,
        n.batch_id
    from numbered as n
    order by n.register_id, n.read_at
), described as (
    insert into reads.detail (
        portal_id, register_id, read_at, revision, sub_type, next_scheduled_on, temp_factor,
        cv_factor, notes
    )
    select
        :portal_id::int, n.register_id, n.read_at, n.revision, n.sub_type, n.next_scheduled_on,
        n.temp_factor, n.cv_factor, n.notes
    from numbered as n
    where n.sub_type is not null
    order by n.register_id, n.read_at
), yielded as (
    insert into reads.misread (portal_id, register_id, read_at, revision, batch_id, reason)
    select distinct on (n.register_id, e.read_at)
        :portal_id::int, n.register_id, e.read_at, e.revision, n.batch_id, 'CONTRADICTED'
    from numbered as n
    cross join lateral reads.contradicted(
        :portal_id::int, n.register_id, n.read_at, n.value, n.dials
    ) as e
    where coalesce(n.sub_type, 'ACTUAL') not in ('ESTIMATE', 'INVOICE_EST')
    order by n.register_id, e.read_at, n.batch_id
), told as (
    select pg_notify('currant_due', (:portal_id::int)::text)
)
insert into reads.release (portal_id, quarantine_id, batch_id)
select :portal_id::int, a.quarantine_id, b.batch_id
from asked as a
inner join batch as b on b.source = a.source
cross join told
order by a.quarantine_id;

-- name: released_reads
-- Reads that were released, and what passed on their registers since the read before each and
-- until the one after it.
select
    q.quarantine_id, q.serial_number, q.register_no, q.read_at, q.value, q.reason,
    round(reads.difference(n.value, s.value, m.dials) * s.multiplier)::bigint as usage_wh,
    round(reads.difference(s.value, f.value, m.dials) * f.multiplier)::bigint as next_wh
from reads.quarantine as q
inner join metering.meter as m
    on m.portal_id = q.portal_id and m.serial_number = q.serial_number
inner join metering.register as g
    on g.portal_id = m.portal_id and g.meter_id = m.meter_id and g.register_no = q.register_no
cross join lateral reads.standing(q.portal_id, g.register_id, q.read_at) as s
left join lateral reads.before(q.portal_id, g.register_id, q.read_at) as n on true
left join lateral (
    select r.value, r.multiplier
    from reads.counted as r
    where r.portal_id = q.portal_id and r.register_id = g.register_id and r.read_at > q.read_at
    order by r.read_at asc, r.revision desc
    limit 1
) as f on true
where q.portal_id = :portal_id::int and q.quarantine_id = any(:quarantine_ids::bigint[])
order by q.quarantine_id;

-- name: reject_reads
-- Dismiss reads in quarantine, and with each the same read sent before it that nobody decided on.
with asked as (
    select q.quarantine_id, q.serial_number, q.register_no, q.read_at, q.value, q.multiplier
    from reads.quarantine as q
    where q.portal_id = :portal_id::int and q.quarantine_id = any(:quarantine_ids::bigint[])
), rejected as (
    insert into reads.rejection (portal_id, quarantine_id, login, reason, rejected_at)
    select distinct
        :portal_id::int, q.quarantine_id, :login::text, :reason::text, :now::timestamptz
    from asked as a
    inner join reads.quarantine as q
        on q.portal_id = :portal_id::int and q.serial_number = a.serial_number
        and q.read_at = a.read_at and q.register_no = a.register_no
        and (q.value, q.multiplier) = (a.value, a.multiplier)
        and q.quarantine_id <= a.quarantine_id
    where q.quarantine_id = any(:quarantine_ids::bigint[])
        or not exists (
            select from reads.release as r
            where r.portal_id = q.portal_id and r.quarantine_id = q.quarantine_id
            union all
            select from reads.rejection as r
            where r.portal_id = q.portal_id and r.quarantine_id = q.quarantine_id
        )
)
select a.quarantine_id, a.serial_number, a.register_no, a.read_at, a.value
from asked as a
order by a.quarantine_id;

-- name: stage_posted
-- Basic reads as they were posted, and what became of each, for this transaction.
create temporary table if not exists posted_read (
    record int not null,
    register_id bigint not null,
    dials int not null,
    read_at timestamptz not null,
    opens_at timestamptz not null,
    value bigint not null,
    original text not null,
    multiplier numeric not null,
    sub_type text not null,
    estimated boolean not null,
    rolled boolean not null,
    next_scheduled_on date,
    temp_factor numeric,
    cv_factor numeric,
    notes text not null,
    revision smallint,
    reason text,
    quarantine_id bigint
) on commit delete rows;

-- name: empty_posted
-- Nothing is left of what was posted earlier in this transaction.
truncate pg_temp.posted_read;

-- name: open_batch
-- Begin a delivery of basic reads.
insert into reads.batch (portal_id, source, login, recorded_at, records)
values (:portal_id::int, :source::text, :login::text, :now::timestamptz, :records::int)
returning batch_id;

-- name: misread_posted
-- Let the reads that are named as misread count no longer: those of their date, or what opens it.
with misread as (
    insert into reads.misread (
        portal_id, register_id, read_at, revision, batch_id, reason, notes
    )
    select distinct on (p.register_id, r.read_at)
        :portal_id::int, p.register_id, r.read_at, r.revision, :batch_id::bigint, 'MISREAD',
        p.notes
    from pg_temp.posted_read as p
    cross join lateral (
        select c.read_at, c.revision
        from reads.counted as c
        where c.portal_id = :portal_id::int and c.register_id = p.register_id
            and c.value = p.value and (
                c.read_at = p.read_at or c.read_at = p.opens_at and exists (
                    select from reads.detail as d
                    where d.portal_id = c.portal_id and d.register_id = c.register_id
                        and d.read_at = c.read_at and d.sub_type = 'OPENING'
                )
            )
        order by c.read_at desc, c.revision desc limit 1
    ) as r
    where p.sub_type = 'MISREAD'
    order by p.register_id, r.read_at, p.record
    returning register_id, read_at, revision
)
update pg_temp.posted_read as p set revision = m.revision, read_at = m.read_at
from misread as m
where p.sub_type = 'MISREAD' and p.register_id = m.register_id
    and m.read_at in (p.read_at, p.opens_at);

-- name: judge_posted
-- Judge the posted reads that are estimates, or those that are not, and store what is believed:
-- each against the reads that stand before and after it. What was read is not held against
-- estimates, which count no longer where it contradicts them. Another value where one was read is
-- under review like what is in doubt; the same value once more is a duplicate, unless it closes
-- what the one opens.
with posted as materialized (
    select
        p.record, p.register_id, p.dials, p.read_at, p.value, p.original, p.multiplier,
        p.sub_type, p.rolled, p.next_scheduled_on, p.temp_factor, p.cv_factor, p.notes,
        first_value(p.record) over instant as leader,
        first_value(p.value) over instant as leading_value,
        row_number() over (
            partition by p.register_id, p.read_at, p.sub_type = 'OPENING' order by p.record
        ) as nth,
        s.value as standing_value, s.multiplier as standing_multiplier, s.estimated, s.opens,
        s.closes
    from pg_temp.posted_read as p
    left join lateral (
        select
            (array_agg(r.value order by r.revision desc))[1] as value,
            (array_agg(r.multiplier order by r.revision desc))[1] as multiplier,
            (array_agg(coalesce(d.estimated, false) order by r.revision desc))[1] as estimated,
            bool_or(coalesce(d.sub_type = 'OPENING', false) and r.value = p.value) as opens,
            bool_or(coalesce(d.sub_type <> 'OPENING', true) and r.value = p.value) as closes
        from reads.counted as r
        left join reads.detail as d
            on d.portal_id = r.portal_id and d.register_id = r.register_id
            and d.read_at = r.read_at and d.revision = r.revision
        where r.portal_id = :portal_id::int and r.register_id = p.register_id
            and r.read_at = p.read_at
    ) as s on true
    where p.sub_type <> 'MISREAD' and p.estimated = :estimated::boolean
    window instant as (partition by p.register_id, p.read_at order by p.record)
), weighed as materialized (
    select
        p.record, p.register_id, p.dials, p.read_at, p.value, p.original, p.multiplier,
        p.sub_type, p.rolled, p.next_scheduled_on, p.temp_factor, p.cv_factor, p.notes,
        p.leader,
        case
            when p.value <> p.leading_value then 'REPEATED'
            when p.nth > 1 then 'DUPLICATE'
            when p.record <> p.leader then 'BESIDE'
            when p.standing_value is null or p.estimated and not :estimated::boolean then null
            when p.standing_value <> p.value or p.standing_multiplier <> p.multiplier then
                case when not p.estimated then 'REPEATED' end
            when p.estimated <> :estimated::boolean
                or case when p.sub_type = 'OPENING' then p.opens else p.closes end
                then 'DUPLICATE'
            else 'BESIDE'
        end as verdict
    from posted as p
), sent as (
    select
        w.register_id, w.dials, min(w.read_at) as since, max(w.read_at) as until,
        array_agg((w.record, w.read_at, w.value, w.multiplier, null)::reads.step) as steps
    from weighed as w
    where w.verdict is null
    group by w.register_id, w.dials
), followed as materialized (
    select t.record, t.reason
    from sent as d
    left join lateral (
        select r.read_at, r.value
        from reads.counted as r
        where r.portal_id = :portal_id::int and r.register_id = d.register_id
            and r.read_at >= d.since - interval '1 year' and r.read_at < d.since
        order by r.read_at asc, r.revision desc
        limit 1
    ) as f on true
    cross join lateral (
        select array_agg(s.step order by s.read_at, s.record nulls first) as steps
        from (
            select u.read_at, u.record, u as step from unnest(d.steps) as u
            union all
            select
                a.read_at, null,
                (null, a.read_at, a.value, a.multiplier, a.revision)::reads.step
            from reads.held(
                :portal_id::int, d.register_id, d.since, d.until, :estimated::boolean
            ) as a
        ) as s
    ) as s
    cross join lateral reads.follow(s.steps, f.read_at, f.value, d.dials) as t
), rolled as (
    select
        w.record,
        case
            when f.reason = 'BACKWARDS' and w.rolled and a.read_at is null then
                case
                    when reads.difference(b.value, w.value, w.dials) > reads.bound(
                        h.read_at, h.value, b.read_at, b.value, w.read_at, w.dials
                    ) then 'HIGH'
                end
            when f.reason = 'DUPLICATE' and :estimated::boolean then null
            else f.reason
        end as reason
    from followed as f
    inner join weighed as w on w.record = f.record
    left join lateral reads.before(:portal_id::int, w.register_id, w.read_at) as b on true
    left join lateral (
        select r.read_at from reads.counted as r
        where r.portal_id = :portal_id::int and r.register_id = w.register_id
            and r.read_at > w.read_at
        order by r.read_at asc limit 1
    ) as a on true
    left join lateral (
        select r.read_at, r.value from reads.counted as r
        where r.portal_id = :portal_id::int and r.register_id = w.register_id
            and r.read_at >= w.read_at - interval '1 year' and r.read_at < w.read_at
        order by r.read_at asc, r.revision desc
        limit 1
    ) as h on true
), judged as materialized (
    select
        w.record, w.register_id, w.dials, w.read_at, w.value, w.original, w.multiplier,
        w.sub_type, w.next_scheduled_on, w.temp_factor, w.cv_factor, w.notes,
        case
            when w.verdict = 'BESIDE' then nullif(l.reason, 'DUPLICATE')
            when w.verdict is null then l.reason
            else w.verdict
        end as reason
    from weighed as w
    left join rolled as l on l.record = w.leader
), believed as materialized (
    select
        j.record, j.register_id, j.dials, j.read_at, j.value, j.original, j.multiplier,
        j.sub_type, j.next_scheduled_on, j.temp_factor, j.cv_factor, j.notes,
        coalesce(
            (
                select max(r.revision) from reads.read as r
                where r.portal_id = :portal_id::int and r.register_id = j.register_id
                    and r.read_at = j.read_at
            ), 0
        ) + row_number() over (
            partition by j.register_id, j.read_at order by j.record
        ) as revision
    from judged as j
    where j.reason is null
), kept as (
    insert into reads.read (
        portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
    )
    select
        :portal_id::int, b.register_id, b.read_at, b.revision, b.value, b.original, b.multiplier,
        :batch_id::bigint
    from believed as b
    order by b.register_id, b.read_at
), described as (
    insert into reads.detail (
        portal_id, register_id, read_at, revision, sub_type, next_scheduled_on, temp_factor,
        cv_factor, notes
    )
    select
        :portal_id::int, b.register_id, b.read_at, b.revision, b.sub_type, b.next_scheduled_on,
        b.temp_factor, b.cv_factor, b.notes
    from believed as b
    order by b.register_id, b.read_at
), yielded as (
    insert into reads.misread (portal_id, register_id, read_at, revision, batch_id, reason)
    select distinct
        :portal_id::int, b.register_id, e.read_at, e.revision, :batch_id::bigint, 'CONTRADICTED'
    from believed as b
    cross join lateral reads.contradicted(
        :portal_id::int, b.register_id, b.read_at, b.value, b.dials
    ) as e
    where not :estimated::boolean
), parked as (
    insert into reads.quarantine (
        portal_id, batch_id, record, serial_number, register_no, read_at, value, original,
        multiplier, reason
    )
    select
        :portal_id::int, :batch_id::bigint, j.record, m.serial_number, g.register_no, j.read_at,
        j.value, j.original, j.multiplier, j.reason
    from judged as j
    inner join metering.register as g
        on g.portal_id = :portal_id::int and g.register_id = j.register_id
    inner join metering.meter as m
        on m.portal_id = g.portal_id and m.meter_id = g.meter_id
    where j.reason <> 'DUPLICATE'
    order by j.record
    returning quarantine_id, record
), parked_details as (
    insert into reads.quarantine_detail (
        portal_id, quarantine_id, sub_type, next_scheduled_on, temp_factor, cv_factor, notes
    )
    select
        :portal_id::int, q.quarantine_id, j.sub_type, j.next_scheduled_on, j.temp_factor,
        j.cv_factor, j.notes
    from parked as q
    inner join judged as j on j.record = q.record
)
update pg_temp.posted_read as p
set revision = b.revision, reason = j.reason, quarantine_id = q.quarantine_id
from judged as j
left join believed as b on b.record = j.record
left join parked as q on q.record = j.record
where p.record = j.record;

-- name: close_batch
-- Count what became of a delivery of basic reads, and have what is stored drawn down.
-- not null: told
with counted as (
    update reads.batch as b
    set
        stored = c.stored, duplicates = c.duplicates, quarantined = c.quarantined,
        queued = c.stored + c.misread = 0
    from (
        select
            count(*) filter (where p.reason is null and p.sub_type <> 'MISREAD') as stored,
            count(*) filter (where p.reason = 'DUPLICATE') as duplicates,
            count(*) filter (where p.quarantine_id is not null) as quarantined,
            count(*) filter (where p.sub_type = 'MISREAD') as misread
        from pg_temp.posted_read as p
    ) as c
    where b.portal_id = :portal_id::int and b.batch_id = :batch_id::bigint
)
select pg_notify('currant_due', (:portal_id::int)::text) is not null as told;

-- name: meters_named
-- The meters of a serial number in the portals granted, with what their reads are shown with.
-- not null: account loc_id
select
    p.portal_id, p.key as portal, p.timezone, p.tz_index, m.meter_id, m.serial_number,
    m.device_id,
    coalesce(a.account, 'unassigned') as account, coalesce(l.loc_id, 'unassigned') as loc_id
from metering.meter as m
inner join access.portal as p on p.portal_id = m.portal_id
left join metering.installation as i
    on i.portal_id = m.portal_id and i.meter_id = m.meter_id and i.valid @> :now::timestamptz
left join locations.location as l
    on l.portal_id = i.portal_id and l.location_id = i.location_id
left join customers.agreement as s
    on s.portal_id = i.portal_id and s.location_id = i.location_id
    and s.product_type = m.product_type and s.valid @> :now::timestamptz
left join customers.account as a
    on a.portal_id = s.portal_id and a.account_id = s.account_id
where m.serial_number = :serial_number::text
order by p.key;

-- name: reads_of_meter
-- What a meter read between two instants (half-open), the believed and the suspect, in time
-- order. The difference to the read before is told of the active import register.
-- not null: read_at multiplier source status last_mod
with counted as (
    select
        g.register_no, g.register_id, r.read_at, r.value, r.multiplier, r.batch_id, m.dials,
        lag(r.value) over (partition by g.register_no order by r.read_at) as before
    from metering.register as g
    inner join metering.meter as m on m.portal_id = g.portal_id and m.meter_id = g.meter_id
    cross join lateral (
        select distinct on (n.read_at) n.read_at, n.value, n.multiplier, n.batch_id
        from reads.counted as n
        where n.portal_id = g.portal_id and n.register_id = g.register_id
            and n.read_at < :until::timestamptz
            and n.read_at >= coalesce(
                (
                    select max(b.read_at) from reads.counted as b
                    where b.portal_id = g.portal_id and b.register_id = g.register_id
                        and b.read_at < :since::timestamptz
                ), :since::timestamptz
            )
        order by n.read_at desc, n.revision desc
    ) as r
    where g.portal_id = :portal_id::int and g.meter_id = :meter_id::bigint
), shown as (
    select
        c.read_at, min(c.multiplier) as multiplier,
        (array_agg(b.source order by c.register_no))[1] as source,
        coalesce('U:' || min(u.usage_id), 'N') as status,
        max(b.recorded_at) as last_mod,
        min(c.value) filter (where c.register_no = 1) as forward_active,
        min(c.value) filter (where c.register_no = 2) as reverse_active,
        min(c.value) filter (where c.register_no = 3) as forward_reactive,
        min(c.value) filter (where c.register_no = 4) as reverse_reactive,
        min(round(reads.difference(c.before, c.value, c.dials) * c.multiplier)::bigint)
            filter (where c.register_no = 1) as usage_wh
    from counted as c
    inner join reads.batch as b
        on b.portal_id = :portal_id::int and b.batch_id = c.batch_id
    left join reads.usage as u
        on u.portal_id = :portal_id::int and u.register_id = c.register_id
        and u.to_at = c.read_at and u.retired_at = 'infinity' and c.register_no = 1
    where c.read_at >= :since::timestamptz
    group by c.read_at
    union all
    select
        q.read_at, min(q.multiplier), min(b.source), 'S', max(b.recorded_at),
        min(q.value) filter (where q.register_no = 1),
        min(q.value) filter (where q.register_no = 2),
        min(q.value) filter (where q.register_no = 3),
        min(q.value) filter (where q.register_no = 4),
        null
    from reads.quarantine as q
    inner join reads.batch as b on b.portal_id = q.portal_id and b.batch_id = q.batch_id
    where q.portal_id = :portal_id::int and q.serial_number = :serial_number::text
        and q.read_at >= :since::timestamptz and q.read_at < :until::timestamptz
        and not exists (
            select from reads.release as a
            where a.portal_id = q.portal_id and a.quarantine_id = q.quarantine_id
        )
        and not exists (
            select from reads.rejection as a
            where a.portal_id = q.portal_id and a.quarantine_id = q.quarantine_id
        )
    group by q.batch_id, q.record, q.read_at
)
select
    s.read_at, s.multiplier, s.source, s.status, s.last_mod, s.forward_active, s.reverse_active,
    s.forward_reactive, s.reverse_reactive, s.usage_wh
from shown as s
order by s.read_at, s.last_mod, s.status
limit :how_many::bigint offset :beyond::bigint;

-- name: due_blocks
-- Queue what deliveries brought, and list the blocks of meters that are due.
-- not null: block
select q.block from reads.queue_batches(:portal_id::int) as q (block);

-- name: make_usage
-- Make usage of the reads of a block of meters that are due; what changed, retired before added,
-- and what is drawn again.
-- not null: meter_id register_id from_at to_at energy_wh sign
select
    u.meter_id, u.register_id, u.from_at, u.to_at, u.energy_wh, u.sign
from reads.make_usage(:portal_id::int, :block::bigint, :now::timestamptz) as u
order by u.register_id, u.to_at, u.sign;
