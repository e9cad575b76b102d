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

-- name: create_buildings
-- Create buildings of a list, in its order; what a record lacks has its default.
insert into locations.building (
    portal_id, building_code, name, display_name, network, address_1, address_2, suburb, state,
    postcode, country, timezone, bill_cycle_code, billing_day, tax_number, apply_move_in_charge,
    apply_move_out_charge, move_workorders_disabled, attributes, created_at, last_mod
)
select
    :portal_id::int, t.building_code, t.name, t.display_name, t.network, t.address_1, t.address_2,
    t.suburb, t.state, t.postcode, t.country, t.timezone, t.bill_cycle_code, t.billing_day,
    t.tax_number, t.apply_move_in_charge, t.apply_move_out_charge, t.move_workorders_disabled,
    t.attributes, :now::timestamptz, :now::timestamptz
from jsonb_array_elements(:told::jsonb) with ordinality as r (record, n)
cross join lateral jsonb_to_record(r.record) as t (
    building_code text, name text, display_name text, network text, address_1 text,
    address_2 text, suburb text, state text, postcode text, country text, timezone text,
    bill_cycle_code text, billing_day int, tax_number text, apply_move_in_charge boolean,
    apply_move_out_charge boolean, move_workorders_disabled boolean, attributes jsonb
)
order by r.n
returning building_id, building_code;

-- name: change_building
-- Change what is told of a building; attributes replace those that it had.
update locations.building as b
set (
    name, display_name, network, address_1, address_2, suburb, state, postcode, country, timezone,
    bill_cycle_code, billing_day, tax_number, apply_move_in_charge, apply_move_out_charge,
    move_workorders_disabled, active, attributes, last_mod
) = (
    select
        p.name, p.display_name, p.network, p.address_1, p.address_2, p.suburb, p.state, p.postcode,
        p.country, p.timezone, p.bill_cycle_code, p.billing_day, p.tax_number,
        p.apply_move_in_charge, p.apply_move_out_charge, p.move_workorders_disabled, p.active,
        p.attributes, :now::timestamptz
    from jsonb_populate_record(b, :told::jsonb) as p
)
where b.portal_id = :portal_id::int and b.building_key = upper(:building_code::text)
returning b.building_id, b.building_code;

-- name: buildings_named
-- The buildings that codes mean.
-- not null: key
select k.key, b.building_id, b.building_code
from unnest(:keys::text[]) as k (key)
inner join locations.building as b
    on b.portal_id = :portal_id::int and b.building_key = upper(k.key);

-- name: sites_named
-- The sites that keys mean, by market identifier first, else by our number, or that have some ids,
-- with what their building says of them.
-- not null: key zone building_code building_name country state move_workorders_disabled
-- not null: apply_move_in_charge apply_move_out_charge
with named as materialized (
    select k.key, coalesce(i.location_id, n.location_id) as location_id
    from unnest(:keys::text[]) as k (key)
    left join locations.location as i
        on i.portal_id = :portal_id::int and i.site_key = upper(k.key)
    left join locations.location as n
        on n.portal_id = :portal_id::int and n.loc_id = upper(k.key)
    union all
    select '', i.id from unnest(:location_ids::bigint[]) as i (id)
)
select
    n.key, l.location_id, l.loc_id, l.site_identifier, l.building_id,
    coalesce(b.building_code, '') as building_code, coalesce(b.name, '') as building_name,
    coalesce(b.timezone, :timezone::text) as zone, coalesce(b.country, '') as country,
    coalesce(b.state, '') as state, l.site_status, l.life_support,
    coalesce(b.move_workorders_disabled, false) as move_workorders_disabled,
    coalesce(b.apply_move_in_charge, false) as apply_move_in_charge,
    coalesce(b.apply_move_out_charge, false) as apply_move_out_charge
from named as n
inner join locations.location as l
    on l.portal_id = :portal_id::int and l.location_id = n.location_id
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id;

-- name: hold_sites
-- Lock sites in order until the transaction ends, and answer the status that each has.
select l.location_id, l.site_status, l.life_support
from locations.location as l
where l.portal_id = :portal_id::int and l.location_id = any(:location_ids::bigint[])
order by l.location_id
for no key update;

-- name: create_sites
-- Create sites of a list, numbered in its order. A parent is a site that is there or another of
-- the list; an address that is not told is the building's.
with told as materialized (
    select
        r.n, nextval('locations.location_location_id_seq') as id, t.building_id, t.parent_id,
        t.parent_site_identifier, t.site_identifier, t.loc_name, t.site_name, t.site_type,
        t.unit_no, t.floor, t.address_1, t.address_2, t.suburb, t.state, t.postcode, t.latitude,
        t.longitude, t.site_status, t.life_support, t.notes
    from jsonb_array_elements(:told::jsonb) with ordinality as r (record, n)
    cross join lateral jsonb_to_record(r.record) as t (
        building_id bigint, parent_id bigint, parent_site_identifier text, site_identifier text,
        loc_name text, site_name text, site_type text, unit_no text, floor text, address_1 text,
        address_2 text, suburb text, state text, postcode text, latitude text, longitude text,
        site_status text, life_support boolean, notes text
    )
), first as materialized (
    select access.take_numbers(:portal_id::int, 'location', count(*)::int) as number from told
), numbered as materialized (
    select t.n, t.id, 'L' || access.padded(first.number + t.n - 1) as loc_id
    from told as t cross join first
)
insert into locations.location (
    portal_id, location_id, loc_id, external_key, address_1, address_2, city, state, zip,
    latitude, longitude, building_id, parent_location_id, site_identifier, site_name, site_type,
    unit_no, floor, site_status, site_status_on, life_support, notes, created_at, last_mod
)
select
    :portal_id::int, t.id, m.loc_id, coalesce(t.loc_name, t.site_identifier, m.loc_id),
    coalesce(t.address_1, b.address_1, ''), coalesce(t.address_2, b.address_2, ''),
    coalesce(t.suburb, b.suburb, ''), coalesce(t.state, b.state, ''),
    coalesce(t.postcode, b.postcode, ''), t.latitude, t.longitude, t.building_id,
    coalesce(p.id, t.parent_id), t.site_identifier, t.site_name, t.site_type, t.unit_no, t.floor,
    t.site_status, locations.day_of(:now::timestamptz, coalesce(b.timezone, :timezone::text)),
    t.life_support, t.notes, :now::timestamptz, :now::timestamptz
from told as t
inner join numbered as m on m.n = t.n
left join told as p on upper(p.site_identifier) = upper(t.parent_site_identifier)
left join locations.building as b
    on b.portal_id = :portal_id::int and b.building_id = t.building_id
order by t.n
returning location_id, loc_id, site_identifier, site_name;

-- name: set_loss_factors
-- Set loss factors from a day each: what runs then ends the day before, one that begins that very
-- day is replaced. A factor lasts to its end, or until the next one of the same begins.
-- not null: factors
with told as materialized (
    select
        t.building_id, t.location_id, t.product_type, t.dlf_code, t.dlf, t.tni, t.mlf, t.internal,
        t.start_date, t.end_date, t.source
    from jsonb_to_recordset(:told::jsonb) as t (
        building_id bigint, location_id bigint, product_type text, dlf_code text, dlf numeric,
        tni text, mlf numeric, internal numeric, start_date date, end_date date, source text
    )
), standing as materialized (
    select f.loss_factor_id, lower(f.valid) as began, t.start_date
    from told as t
    inner join locations.loss_factor as f
        on f.portal_id = :portal_id::int and f.product_type = t.product_type
        and f.building_id is not distinct from t.building_id
        and f.location_id is not distinct from t.location_id and f.valid @> t.start_date
), replaced as (
    delete from locations.loss_factor as f
    where f.portal_id = :portal_id::int
        and f.loss_factor_id = any(
            array(select s.loss_factor_id from standing as s where s.began = s.start_date)
        )
    returning 1
), ended as (
    update locations.loss_factor as f set valid = daterange(lower(f.valid), s.day)
    from (
        select s.loss_factor_id, min(s.start_date) as day from standing as s
        where s.began < s.start_date
        group by s.loss_factor_id
    ) as s
    where f.portal_id = :portal_id::int and f.loss_factor_id = s.loss_factor_id
    returning 1
), begun as (
    insert into locations.loss_factor (
        portal_id, building_id, location_id, product_type, dlf_code, dlf, tni, mlf, internal,
        valid, source
    )
    select
        :portal_id::int, t.building_id, t.location_id, t.product_type, t.dlf_code, t.dlf, t.tni,
        t.mlf, t.internal, daterange(t.start_date, coalesce(t.end_date + 1, (
            select min(n.day) from (
                select lower(f.valid) as day from locations.loss_factor as f
                where f.portal_id = :portal_id::int and f.product_type = t.product_type
                    and f.building_id is not distinct from t.building_id
                    and f.location_id is not distinct from t.location_id
                union all
                select o.start_date from told as o
                where o.product_type = t.product_type
                    and o.building_id is not distinct from t.building_id
                    and o.location_id is not distinct from t.location_id
            ) as n
            where n.day > t.start_date
        ))), t.source
    from told as t
    where (select count(*) from replaced) + (select count(*) from ended) >= 0
    order by t.building_id, t.location_id, t.product_type, t.start_date
    returning 1
)
select count(*) as factors from begun;

-- name: loss_factors
-- The loss factors of a site on a day, or of a building, one of each product: a site's own before
-- its building's. The total is their product to six decimals.
-- not null: building_code building_name network dlf mlf internal_loss_factor total_loss_factor
-- not null: start_date
with place as materialized (
    select
        l.location_id, l.site_identifier, b.building_id, b.building_code, b.name, b.network,
        coalesce(
            :day::date,
            locations.day_of(:now::timestamptz, coalesce(b.timezone, :timezone::text))
        ) as day
    from (values (:location_id::bigint, :building_id::bigint)) as w (location_id, building_id)
    left join locations.location as l
        on l.portal_id = :portal_id::int and l.location_id = w.location_id
    left join locations.building as b
        on b.portal_id = :portal_id::int
        and b.building_id = coalesce(l.building_id, w.building_id)
)
select distinct on (f.product_type)
    coalesce(p.building_code, '') as building_code, coalesce(p.name, '') as building_name,
    p.site_identifier, coalesce(p.network, '') as network, f.dlf_code,
    trim_scale(f.dlf) as dlf, f.tni, trim_scale(f.mlf) as mlf,
    trim_scale(f.internal) as internal_loss_factor,
    round(f.dlf * f.mlf * f.internal, 6) as total_loss_factor, f.product_type,
    lower(f.valid) as start_date, upper(f.valid) - 1 as end_date, f.source
from place as p
inner join locations.loss_factor as f
    on f.portal_id = :portal_id::int and f.valid @> p.day
    and (f.location_id = p.location_id or f.building_id = p.building_id)
where :product_type::text is null or f.product_type = :product_type::text
order by f.product_type asc, f.location_id is null asc;
