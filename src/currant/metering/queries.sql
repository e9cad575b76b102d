-- name: com_types
-- Every communication type in the printed order, each with its head-end where it has one.
-- not null: com_type listed
select t.com_type, t.listed, s.source, s.pull_reads
from metering.com_type as t
left join metering.source as s on s.com_type = t.com_type
order by t.position, s.source;

-- name: meters
-- The serial numbers of a portal with their communication types, one type or all.
select serial_number, com_type
from metering.meter
where portal_id = :portal_id::int and (:com_type::text is null or com_type = :com_type::text)
order by serial_number
limit :how_many::bigint offset :beyond::bigint;

-- name: stage_meters
-- The records of a file of meters, for this transaction; null is a column that it lacks.
create temporary table incoming_meter (
    record int not null,
    contract text,
    locname text,
    serialnum text,
    deviceid text,
    comtype text,
    tariff int,
    sgc text,
    ti text,
    keyrev text,
    keyexp int,
    basedate int,
    sts_version int,
    maxpower text,
    addactiveread bigint,
    server text,
    wallet text,
    id bigint not null default nextval('metering.meter_meter_id_seq')
) on commit drop;

-- name: create_meters
-- Create the staged meters.
insert into metering.meter (
    portal_id, meter_id, serial_number, device_id, com_type, server, wallet_kind, sgc, ti,
    key_rev, key_exp, base_date, sts_version, max_power, created_at, last_mod
)
select
    :portal_id::int, i.id, i.serialnum, coalesce(nullif(i.deviceid, ''), i.serialnum), i.comtype,
    coalesce(i.server, ''), i.wallet, coalesce(i.sgc, ''), coalesce(i.ti, ''),
    coalesce(i.keyrev, ''), coalesce(i.keyexp, 255), coalesce(i.basedate, 0),
    coalesce(i.sts_version, 0), coalesce(i.maxpower, ''), :now::timestamptz, :now::timestamptz
from pg_temp.incoming_meter as i
order by i.record;

-- name: update_meters
-- Change the staged meters where the file says something.
update metering.meter as m
set
    device_id = case
        when i.deviceid is null then m.device_id
        when i.deviceid = '' then m.serial_number
        else i.deviceid
    end,
    com_type = coalesce(i.comtype, m.com_type),
    server = coalesce(i.server, m.server),
    wallet_kind = coalesce(i.wallet, m.wallet_kind),
    sgc = coalesce(i.sgc, m.sgc),
    ti = coalesce(i.ti, m.ti),
    key_rev = coalesce(i.keyrev, m.key_rev),
    key_exp = coalesce(i.keyexp, m.key_exp),
    base_date = coalesce(i.basedate, m.base_date),
    sts_version = coalesce(i.sts_version, m.sts_version),
    max_power = coalesce(i.maxpower, m.max_power),
    last_mod = :now::timestamptz
from pg_temp.incoming_meter as i
where m.portal_id = :portal_id::int and m.serial_number = i.serialnum;

-- name: add_meters
-- Create meters of a list, in its order. A meter without a device id is known by its serial number.
insert into metering.meter (
    portal_id, serial_number, device_id, com_type, product_type, units, wallet_kind, factor,
    phases, dials, manufacturer, model, location_of_meter, hazards, created_at, last_mod
)
select
    :portal_id::int, t.serial_number, coalesce(nullif(t.device_id, ''), t.serial_number),
    t.com_type, t.product_type, t.units, t.wallet_kind, t.factor, t.phases, t.dials,
    t.manufacturer, t.model, t.location_of_meter, t.hazards, :now::timestamptz, :now::timestamptz
from jsonb_array_elements(:told::jsonb) with ordinality as r (record, n)
cross join lateral jsonb_to_record(r.record) as t (
    serial_number text, device_id text, com_type text, product_type text, units text,
    wallet_kind text, factor numeric, phases int, dials int, manufacturer text, model text,
    location_of_meter text, hazards text
)
order by r.n
returning meter_id, serial_number;

-- name: add_registers
-- Give meters the registers of a list; the one that they were born with is one of these, or goes.
with told as materialized (
    select
        t.meter_id, t.register_no, t.meter_code, t.metering_type, t.datastream,
        t.meter_type_code, t.unit, t.direction, t.interval_minutes, t.clock, t.controlled_load,
        t.meter_timing
    from jsonb_to_recordset(:told::jsonb) as t (
        meter_id bigint, register_no int, meter_code text, metering_type text, datastream text,
        meter_type_code text, unit text, direction text, interval_minutes int, clock text,
        controlled_load boolean, meter_timing text
    )
), unborn as (
    delete from metering.register as g
    where g.portal_id = :portal_id::int and g.meter_id in (select t.meter_id from told as t)
        and (g.meter_id, g.register_no) not in (select t.meter_id, t.register_no from told as t)
)
insert into metering.register (
    portal_id, meter_id, register_no, meter_code, metering_type, datastream, meter_type_code,
    unit, direction, interval_minutes, clock, controlled_load, meter_timing
)
select
    :portal_id::int, t.meter_id, t.register_no, t.meter_code, t.metering_type, t.datastream,
    t.meter_type_code, t.unit, t.direction, t.interval_minutes, t.clock, t.controlled_load,
    t.meter_timing
from told as t
order by t.meter_id, t.register_no
on conflict on constraint register_once do update
set
    meter_code = excluded.meter_code, metering_type = excluded.metering_type,
    datastream = excluded.datastream, meter_type_code = excluded.meter_type_code,
    unit = excluded.unit, direction = excluded.direction,
    interval_minutes = excluded.interval_minutes, clock = excluded.clock,
    controlled_load = excluded.controlled_load, meter_timing = excluded.meter_timing;

-- name: install
-- Hang meters at sites from an instant each, or take them down where the site is null.
-- not null: hung
select
    sum(
        metering.install(
            :portal_id::int, array[w.meter_id], array[w.location_id],
            array[null::timestamptz], w.at
        )
    )::bigint as hung
from unnest(:meter_ids::bigint[], :location_ids::bigint[], :ats::timestamptz[])
    as w (meter_id, location_id, at);

-- name: registers_at
-- The registers in use that hang at sites at an instant each, in the order of the meters.
-- not null: location_id meter_code unit factor since
select
    w.location_id, m.meter_id, m.serial_number, m.product_type, g.register_id, g.register_no,
    coalesce(nullif(g.meter_code, ''), m.serial_number) as meter_code, g.metering_type,
    coalesce(nullif(g.unit, ''), m.units) as unit, trim_scale(m.factor) as factor,
    lower(i.valid) as since
from unnest(:location_ids::bigint[], :ats::timestamptz[]) as w (location_id, at)
inner join metering.installation as i
    on i.portal_id = :portal_id::int and i.location_id = w.location_id
    and db.holds(i.valid, w.at)
inner join metering.meter as m on m.portal_id = i.portal_id and m.meter_id = i.meter_id
inner join metering.register as g
    on g.portal_id = m.portal_id and g.meter_id = m.meter_id
order by w.location_id, m.serial_number, g.register_no;

-- name: registers_of
-- The registers in use of a meter, as a new one of its kind would be told.
select
    g.register_no, g.meter_code, g.metering_type, g.datastream, g.meter_type_code, g.unit,
    g.direction, g.interval_minutes, g.clock, g.controlled_load, g.meter_timing
from metering.register as g
where g.portal_id = :portal_id::int and g.meter_id = :meter_id::bigint
order by g.register_no;

-- name: meter_hanging
-- A meter by its serial number, and where it hangs at an instant and since when.
select
    m.meter_id, m.serial_number, m.product_type, m.wallet_kind, i.location_id,
    lower(i.valid) as since, upper(i.valid) as until
from metering.meter as m
left join metering.installation as i
    on i.portal_id = m.portal_id and i.meter_id = m.meter_id and db.holds(i.valid, :at::timestamptz)
where m.portal_id = :portal_id::int and m.serial_number = :serial_number::text;
