-- name: stage_locations
-- The records of a file of locations, for this transaction; null is a column that it lacks.
create temporary table incoming_location (
    record int not null,
    contract text,
    locname text,
    serialnum text,
    locaddr1 text,
    locaddr2 text,
    loccity text,
    locstate text,
    loczip text,
    loclat text,
    loclong text,
    meterinstalldate timestamptz,
    id bigint not null default nextval('locations.location_location_id_seq')
) on commit drop;

-- name: create_locations
-- Create the staged locations, numbered in the order of the file.
-- not null: juice_key external_key
with first as materialized (
    select access.take_numbers(:portal_id::int, 'location', count(*)::int) as number
    from pg_temp.incoming_location
), created as (
    insert into locations.location (
        portal_id, location_id, loc_id, external_key, address_1, address_2, city, state, zip,
        latitude, longitude, meter_installed_at, created_at, last_mod
    )
    select
        :portal_id::int, i.id,
        'L' || access.padded(first.number + row_number() over (order by i.record) - 1),
        i.locname, i.locaddr1, coalesce(i.locaddr2, ''), i.loccity, i.locstate, i.loczip,
        coalesce(i.loclat, ''), coalesce(i.loclong, ''), i.meterinstalldate,
        :now::timestamptz, :now::timestamptz
    from pg_temp.incoming_location as i cross join first
    returning location_id, loc_id, external_key
)
select created.loc_id as juice_key, created.external_key
from created
inner join pg_temp.incoming_location as i on i.id = created.location_id
order by i.record;

-- name: update_locations
-- Change the staged locations where the file says something; it may name them by either key.
-- not null: juice_key external_key
with updated as (
    update locations.location as l
    set
        address_1 = coalesce(i.locaddr1, l.address_1),
        address_2 = coalesce(i.locaddr2, l.address_2),
        city = coalesce(i.loccity, l.city),
        state = coalesce(i.locstate, l.state),
        zip = coalesce(i.loczip, l.zip),
        latitude = coalesce(i.loclat, l.latitude),
        longitude = coalesce(i.loclong, l.longitude),
        meter_installed_at
        = case when :dated::boolean then i.meterinstalldate else l.meter_installed_at end,
        last_mod = :now::timestamptz
    from pg_temp.incoming_location as i
    left join locations.location as named
        on named.portal_id = :portal_id::int and named.external_key = i.locname
    left join locations.location as numbered
        on numbered.portal_id = :portal_id::int and numbered.loc_id = i.locname
    where l.portal_id = :portal_id::int
        and l.location_id = coalesce(named.location_id, numbered.location_id)
    returning i.record, l.loc_id, l.external_key
)
select loc_id as juice_key, external_key from updated order by record;

-- name: describe_location
-- Change what is said of a location's connection, but for what is null.
update locations.location as l
set
    substation = coalesce(:substation::text, l.substation),
    feeder = coalesce(:feeder::text, l.feeder),
    transformer = coalesce(:transformer::text, l.transformer),
    module = coalesce(:module::text, l.module),
    socket = coalesce(:socket::int, l.socket),
    unit = coalesce(:unit::text, l.unit),
    type = coalesce(:type::text, l.type),
    form_factor = coalesce(:form_factor::text, l.form_factor),
    wiring = coalesce(:wiring::text, l.wiring),
    voltage = coalesce(:voltage::text, l.voltage),
    current_per_phase = coalesce(:current_per_phase::numeric, l.current_per_phase),
    kva = coalesce(:kva::numeric, l.kva),
    last_mod = :now::timestamptz
where l.portal_id = :portal_id::int and l.loc_id = :loc_id::text;

-- name: location_keys
-- Both keys of every location, by ours.
select loc_id as juice_key, external_key
from locations.location
where portal_id = :portal_id::int
order by length(loc_id), loc_id
limit :how_many::bigint offset :beyond::bigint;
