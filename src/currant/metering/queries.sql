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
