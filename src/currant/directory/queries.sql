-- name: buildings
-- Buildings by code, each with its sites counted, its gate meters, and what is measured in it.
-- not null: zone product_types site_count vacant_site_count gate_meters
select
    b.building_code, b.name as building_name, b.display_name, b.network, b.address_1, b.address_2,
    b.suburb, b.state, b.postcode, b.country, coalesce(b.timezone, :timezone::text) as zone,
    b.bill_cycle_code, b.billing_day, b.tax_number, b.apply_move_in_charge,
    b.apply_move_out_charge, b.move_workorders_disabled, b.active, b.attributes,
    coalesce(m.product_types, '{}') as product_types, s.site_count, s.vacant_site_count,
    coalesce(m.gate_meters, '[]') as gate_meters
from locations.building as b
cross join lateral (
    select
        count(*) as site_count,
        count(*) filter (
            where l.site_type in ('RESIDENTIAL', 'BUSINESS') and l.site_status <> 'EXTINCT'
                and not exists (
                    select from customers.agreement as g
                    where g.portal_id = l.portal_id and g.location_id = l.location_id
                        and db.holds(g.valid, :now::timestamptz)
                        and g.product_type not in ('TELCO', 'ISP', 'SUNDRY')
                )
        ) as vacant_site_count
    from locations.location as l
    where l.portal_id = b.portal_id and l.building_id = b.building_id
) as s
cross join lateral (
    select
        array_agg(distinct k.product_type) as product_types,
        jsonb_agg(
            jsonb_build_object(
                'site_identifier', coalesce(l.site_identifier, l.loc_id),
                'serial_number', k.serial_number, 'product_type', k.product_type
            ) order by k.serial_number
        ) filter (where l.site_type = 'GATE') as gate_meters
    from locations.location as l
    inner join metering.installation as i
        on i.portal_id = l.portal_id and i.location_id = l.location_id
        and db.holds(i.valid, :now::timestamptz)
    inner join metering.meter as k on k.portal_id = i.portal_id and k.meter_id = i.meter_id
    where l.portal_id = b.portal_id and l.building_id = b.building_id
) as m
where b.portal_id = :portal_id::int
    and (:building_code::text is null or b.building_key = upper(:building_code::text))
    and (:network::text is null or b.network = :network::text)
    and (:active::boolean is null or b.active = :active::boolean)
    and (:updated_since::timestamptz is null or b.last_mod >= :updated_since::timestamptz)
order by b.building_key
limit :how_many::bigint offset :beyond::bigint;

-- name: sites
-- Sites in the order of their unit numbers, a row for each product that is measured or supplied
-- there: with its meter's plan, and whom it supplies now. A site without any has one row.
-- not null: site_name building_code building_name country occupancy metering_type zone
with place as materialized (
    select
        l.portal_id, l.location_id, l.loc_id, l.site_identifier, l.building_id,
        coalesce(nullif(l.site_name, ''), l.external_key) as site_name, l.site_type, l.unit_no,
        l.floor, l.address_1, l.address_2, l.city, l.state, l.zip, l.site_status, l.life_support,
        coalesce(b.building_code, '') as building_code, coalesce(b.name, '') as building_name,
        coalesce(b.country, '') as country, coalesce(b.timezone, :timezone::text) as zone
    from locations.location as l
    left join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    where l.portal_id = :portal_id::int
        and (:building_id::bigint is null or l.building_id = :building_id::bigint)
        and (:location_id::bigint is null or l.location_id = :location_id::bigint)
        and (:site_status::text is null or l.site_status = :site_status::text)
)
select
    p.building_code, p.building_name, p.site_identifier, p.site_name, p.loc_id, s.product_type,
    p.site_type, p.unit_no, p.floor, p.address_1, p.address_2, p.city as suburb, p.state,
    p.zip as postcode, p.country, p.site_status,
    case when g.account_id is null then 'VACANT' else 'OCCUPIED' end as occupancy,
    a.account as account_number, c.name as account_name,
    coalesce(m.metering_type, '') as metering_type, p.life_support, m.plan as price_plan_code,
    p.zone
from place as p
left join lateral (
    select k.product_type
    from metering.installation as i
    inner join metering.meter as k on k.portal_id = i.portal_id and k.meter_id = i.meter_id
    where i.portal_id = p.portal_id and i.location_id = p.location_id
        and db.holds(i.valid, :now::timestamptz)
    union
    select h.product_type
    from customers.agreement as h
    where h.portal_id = p.portal_id and h.location_id = p.location_id
        and db.holds(h.valid, :now::timestamptz)
) as s on true
left join customers.agreement as g
    on g.portal_id = p.portal_id and g.location_id = p.location_id
    and g.product_type = s.product_type and db.holds(g.valid, :now::timestamptz)
left join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
left join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join lateral (
    select
        case when bool_or(r.metering_type = 'AM') then 'AM' else 'BASIC' end as metering_type,
        min(t.name) as plan
    from metering.installation as i
    inner join metering.meter as k
        on k.portal_id = i.portal_id and k.meter_id = i.meter_id
        and k.product_type = s.product_type
    inner join metering.register as r
        on r.portal_id = k.portal_id and r.meter_id = k.meter_id
    left join tariffs.assignment as n
        on n.portal_id = k.portal_id and n.meter_id = k.meter_id and n.valid @> :now::timestamptz
    left join tariffs.tariff as t on t.portal_id = n.portal_id and t.tariff_id = n.tariff_id
    where i.portal_id = p.portal_id and i.location_id = p.location_id
        and db.holds(i.valid, :now::timestamptz)
    having count(*) > 0
) as m on true
where (:product_type::text is null or s.product_type = :product_type::text)
    and (
        :occupancy::text is null
        or (:occupancy::text = 'VACANT') = (g.account_id is null)
    )
    and coalesce(a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[]), true)
order by p.building_code, length(p.unit_no), p.unit_no, p.loc_id, s.product_type
limit :how_many::bigint offset :beyond::bigint;

-- name: site
-- What is known of a site beyond its row: how it is connected, who is supplied there now and next.
-- not null: network dlf_code tni current_kva phases agreements
select
    coalesce(b.network, '') as network, coalesce(f.dlf_code, '') as dlf_code,
    coalesce(f.tni, '') as tni, l.latitude as lat, l.longitude as long, l.substation,
    l.transformer, l.feeder, l.module, l.socket, l.voltage, trim_scale(l.kva) as current_kva,
    coalesce((
        select max(k.phases)
        from metering.installation as i
        inner join metering.meter as k on k.portal_id = i.portal_id and k.meter_id = i.meter_id
        where i.portal_id = l.portal_id and i.location_id = l.location_id
            and db.holds(i.valid, :now::timestamptz)
    ), 0) as phases,
    l.site_status_on as site_status_date, p.site_identifier as parent_site_identifier, l.notes,
    l.created_at as created, l.last_mod,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'cust_account_id', g.agreement_id, 'product_type', g.product_type,
            'account_number', a.account, 'account_name', c.name,
            'start_date', locations.day_of(lower(g.valid), z.zone),
            'end_date', locations.day_of(upper(g.valid) - interval '1 microsecond', z.zone),
            'status', customers.agreement_status(g.valid, :now::timestamptz)
        ) order by lower(g.valid), g.product_type), '[]')
        from customers.agreement as g
        inner join customers.account as a
            on a.portal_id = g.portal_id and a.account_id = g.account_id
        inner join customers.customer as c
            on c.portal_id = a.portal_id and c.customer_id = a.customer_id
        where g.portal_id = l.portal_id and g.location_id = l.location_id
            and coalesce(upper(g.valid) > :now::timestamptz, true)
            and coalesce(a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[]), true)
    ) as agreements
from locations.location as l
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
cross join lateral (select coalesce(b.timezone, :timezone::text) as zone) as z
left join locations.location as p
    on p.portal_id = l.portal_id and p.location_id = l.parent_location_id
left join lateral (
    select f.dlf_code, f.tni
    from locations.loss_factor as f
    where f.portal_id = l.portal_id and f.product_type = 'ELECTRICITY'
        and f.valid @> locations.day_of(:now::timestamptz, z.zone)
        and (f.location_id = l.location_id or f.building_id = l.building_id)
    order by f.location_id is null
    limit 1
) as f on true
where l.portal_id = :portal_id::int and l.location_id = :location_id::bigint;

-- name: site_registers
-- The registers at a site at an instant, or whatever hung there, each with its last read that
-- counts until then. A read without details is an actual one; one that opens is dated the day that
-- begins with it, any other the day that ends.
-- not null: site_identifier site_name building_code building_name meter_code unit multiplier
-- not null: install_date meter_status_code
select
    coalesce(l.site_identifier, l.loc_id) as site_identifier,
    coalesce(nullif(l.site_name, ''), l.external_key) as site_name,
    coalesce(b.building_code, '') as building_code, coalesce(b.name, '') as building_name,
    coalesce(nullif(g.meter_code, ''), m.serial_number) as meter_code, m.serial_number,
    m.device_id, g.register_no as meter_register, g.metering_type, m.product_type,
    g.meter_type_code, coalesce(nullif(g.unit, ''), m.units) as unit,
    trim_scale(m.factor) as multiplier, m.dials as dial_format,
    g.direction as direction_indicator, g.controlled_load, g.meter_timing, m.manufacturer,
    m.model, m.location_of_meter, m.hazards as meter_hazards,
    locations.day_of(lower(i.valid), z.zone) as install_date,
    locations.day_of(upper(i.valid), z.zone) as removed_date,
    case when db.holds(i.valid, z.at) then 'ACTIVE' else 'INACTIVE' end
        as meter_status_code,
    m.com_type as com, m.meter_state, p.site_identifier as parent_site_identifier,
    trim_scale(r.value / 1000.0) as last_read,
    case
        when r.sub_type = 'OPENING' then locations.day_of(r.read_at, z.zone)
        else locations.day_of(r.read_at - interval '1 microsecond', z.zone)
    end as last_read_date,
    r.sub_type as last_read_type, r.next_scheduled_on as next_scheduled_read_date
from locations.location as l
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
left join locations.location as p
    on p.portal_id = l.portal_id and p.location_id = l.parent_location_id
cross join lateral (
    select
        coalesce(b.timezone, :timezone::text) as zone,
        coalesce(
            locations.midnight(:as_at::date + 1, coalesce(b.timezone, :timezone::text))
            - interval '1 microsecond',
            :now::timestamptz
        ) as at
) as z
inner join metering.installation as i
    on i.portal_id = l.portal_id and i.location_id = l.location_id and lower(i.valid) <= z.at
    and (:include_inactive::boolean or db.holds(i.valid, z.at))
inner join metering.meter as m on m.portal_id = i.portal_id and m.meter_id = i.meter_id
inner join metering.register as g
    on g.portal_id = m.portal_id and g.meter_id = m.meter_id
left join lateral (
    select e.value, e.read_at, coalesce(d.sub_type, 'ACTUAL') as sub_type, d.next_scheduled_on
    from reads.before(
        l.portal_id, g.register_id,
        least(z.at, upper(i.valid)) + interval '1 microsecond'
    ) as e
    left join lateral (
        select k.sub_type, k.next_scheduled_on
        from reads.detail as k
        where k.portal_id = l.portal_id and k.register_id = g.register_id
            and k.read_at = e.read_at
        order by k.revision desc
        limit 1
    ) as d on true
    where g.metering_type = 'BASIC' and e.read_at >= lower(i.valid)
) as r on true
where l.portal_id = :portal_id::int and l.location_id = :location_id::bigint
order by lower(i.valid) desc, m.serial_number asc, g.register_no asc;

-- name: customer_details
-- All that is known of the customer of an account, lists as JSON.
-- not null: sales_cust_number account_status bond_amount balance arrears_outstanding wallets
-- not null: contacts addresses concessions life_support agreements
select
    a.account as account_number, coalesce(a.contract, a.account) as sales_cust_number,
    c.name as account_name, c.type_code as customer_type_code,
    c.sub_type_code as customer_sub_type_code,
    customers.account_status(a.portal_id, a.account_id, :now::timestamptz) as account_status,
    c.account_manager, a.district_code, a.bill_cycle_code, a.payment_mode, a.payment_method_type,
    a.invoice_delivery_class, a.promo_allowed,
    (
        select coalesce(-sum(e.amount), 0) from ledger.posting as e
        where e.portal_id = a.portal_id and e.account_id = a.account_id and e.coa = '2300'
    ) as bond_amount,
    (
        select coalesce(sum(o.outstanding), 0) from receivables.open_item as o
        where o.portal_id = a.portal_id and o.account_id = a.account_id
    ) - (
        select coalesce(sum(r.unallocated), 0) from receivables.credit as r
        where r.portal_id = a.portal_id and r.account_id = a.account_id
    ) as balance,
    (
        select coalesce(sum(o.outstanding), 0) from receivables.open_item as o
        where o.portal_id = a.portal_id and o.account_id = a.account_id and o.kind = 'ARREARS'
    ) as arrears_outstanding,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'kind', w.kind,
            'balance', trim_scale(w.balance / case w.kind when 'units' then 1000 else 1 end),
            'unit', case w.kind when 'units' then 'kWh' else :currency::text end
        ) order by w.kind), '[]')
        from prepayment.wallet as w
        where w.portal_id = a.portal_id and w.account_id = a.account_id
    ) as wallets,
    jsonb_build_array(jsonb_build_object(
        'contact_no', 1, 'first_name', c.first_name, 'last_name', c.last_name,
        'date_of_birth', c.date_of_birth, 'phone_std', c.phone_std, 'phone_no', c.phone_1,
        'mobile_std', c.mobile_std, 'mobile_no', c.sms_1, 'email', c.email_1, 'primary', true
    )) || (
        select coalesce(jsonb_agg(jsonb_build_object(
            'contact_no', k.contact_no, 'first_name', k.first_name, 'last_name', k.last_name,
            'date_of_birth', k.date_of_birth, 'phone_std', k.phone_std, 'phone_no', k.phone_no,
            'mobile_std', k.mobile_std, 'mobile_no', k.mobile_no, 'email', k.email,
            'primary', false
        ) order by k.contact_no), '[]')
        from customers.contact as k
        where k.portal_id = a.portal_id and k.customer_id = a.customer_id
    ) as contacts,
    jsonb_build_array(jsonb_build_object(
        'type', 'BILLING', 'line_1', c.address_1, 'line_2', c.address_2, 'suburb', c.city,
        'state', c.state, 'postcode', c.postal_code, 'country', c.country
    )) || (
        select coalesce(jsonb_agg(jsonb_build_object(
            'type', 'POSTAL', 'line_1', p.line_1, 'line_2', p.line_2, 'suburb', p.suburb,
            'state', p.state, 'postcode', p.postcode, 'country', p.country
        )), '[]')
        from customers.postal_address as p
        where p.portal_id = a.portal_id and p.customer_id = a.customer_id
    ) || (
        select coalesce(jsonb_agg(jsonb_build_object(
            'type', 'SUPPLY', 'line_1', l.address_1, 'line_2', l.address_2, 'suburb', l.city,
            'state', l.state, 'postcode', l.zip, 'country', coalesce(b.country, '')
        ) order by l.loc_id), '[]')
        from locations.location as l
        left join locations.building as b
            on b.portal_id = l.portal_id and b.building_id = l.building_id
        where l.portal_id = a.portal_id and l.location_id in (
            select g.location_id from customers.agreement as g
            where g.portal_id = a.portal_id and g.account_id = a.account_id
                and coalesce(upper(g.valid) > :now::timestamptz, true)
        )
    ) as addresses,
    (
        select jsonb_build_object(
            'type', d.type, 'account_name', d.account_name, 'masked_number', d.masked_number,
            'expiry', d.expiry
        )
        from customers.direct_debit as d
        where d.portal_id = a.portal_id and d.account_id = a.account_id
    ) as direct_debit,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'card_type', k.card_type, 'number', k.number, 'from', lower(k.valid),
            'to', upper(k.valid) - 1
        ) order by k.card_type, k.number), '[]')
        from customers.concession as k
        where k.portal_id = a.portal_id and k.customer_id = a.customer_id
    ) as concessions,
    exists(
        select from customers.agreement as g
        inner join locations.location as l
            on l.portal_id = g.portal_id and l.location_id = g.location_id and l.life_support
        where g.portal_id = a.portal_id and g.account_id = a.account_id
            and coalesce(upper(g.valid) > :now::timestamptz, true)
    ) as life_support,
    c.notify_days, c.email_notify, c.sms_notify, c.phone_notify,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'cust_account_id', g.agreement_id, 'product_type', g.product_type,
            'building_code', coalesce(b.building_code, ''),
            'building_name', coalesce(b.name, ''),
            'site_identifier', coalesce(l.site_identifier, l.loc_id, ''),
            'site_name', coalesce(nullif(l.site_name, ''), l.external_key, ''),
            'service_number', g.service_number,
            'start_date', locations.day_of(lower(g.valid), z.zone),
            'end_date', locations.day_of(upper(g.valid) - interval '1 microsecond', z.zone),
            'status', customers.agreement_status(g.valid, :now::timestamptz),
            'price_plan_code', coalesce(m.name, t.name), 'offering_code', o.code,
            'billed_to_date', (
                select max(upper(v.days)) - 1 from invoices.covered as v
                where v.portal_id = g.portal_id and v.agreement_id = g.agreement_id
                    and v.released_by is null
            )
        ) order by lower(g.valid), g.agreement_id), '[]')
        from customers.agreement as g
        left join locations.location as l
            on l.portal_id = g.portal_id and l.location_id = g.location_id
        left join locations.building as b
            on b.portal_id = l.portal_id and b.building_id = l.building_id
        cross join lateral (
            select
                coalesce(b.timezone, :timezone::text) as zone,
                -- What holds now, or held last, or will hold first.
                greatest(
                    least(:now::timestamptz, upper(g.valid) - interval '1 microsecond'),
                    lower(g.valid)
                ) as at
        ) as z
        left join plans.agreement_assignment as s
            on s.portal_id = g.portal_id and s.agreement_id = g.agreement_id and s.valid @> z.at
        left join tariffs.tariff as t on t.portal_id = s.portal_id and t.tariff_id = s.tariff_id
        left join plans.offering as o
            on o.portal_id = s.portal_id and o.offering_id = s.offering_id
        left join lateral (
            select min(x.name) as name
            from metering.installation as i
            inner join metering.meter as k
                on k.portal_id = i.portal_id and k.meter_id = i.meter_id
                and k.product_type = g.product_type
            inner join tariffs.assignment as n
                on n.portal_id = k.portal_id and n.meter_id = k.meter_id and n.valid @> z.at
            inner join tariffs.tariff as x
                on x.portal_id = n.portal_id and x.tariff_id = n.tariff_id
            where i.portal_id = g.portal_id and i.location_id = g.location_id
                and db.holds(i.valid, z.at)
        ) as m on true
        where g.portal_id = a.portal_id and g.account_id = a.account_id
    ) as agreements,
    a.notes, a.created_at as created, a.last_mod
from customers.account as a
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
where a.portal_id = :portal_id::int and a.account_id = :account_id::bigint;

-- name: account_line
-- An account as lists of what concerns it begin: with its customer.
-- not null: sales_cust_number
select
    a.account as account_number, coalesce(a.contract, a.account) as sales_cust_number,
    c.name as account_name, c.type_code as customer_type_code
from customers.account as a
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
where a.portal_id = :portal_id::int and a.account = :account::text;

-- name: accounts_of_contracts
-- The accounts of customers that keys with the utility name.
-- not null: external_key
select a.account as juice_key, k.key as external_key
from unnest(:keys::text[]) as k (key)
inner join customers.account as a
    on a.portal_id = :portal_id::int
    and a.account_id = customers.known_as(:portal_id::int, k.key);

-- name: site_lines
-- Sites as lists of what concerns them tell them: with their label in the building.
-- not null: site_identifier site_name building_code building_name
select
    l.location_id, coalesce(l.site_identifier, '') as site_identifier,
    coalesce(nullif(l.site_name, ''), l.unit_no) as site_name,
    coalesce(b.building_code, '') as building_code, coalesce(b.name, '') as building_name
from locations.location as l
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
where l.portal_id = :portal_id::int and l.location_id = any(:location_ids::bigint[]);
