-- name: create_orders
-- Create the work orders of a list, in its order, each with the first step of its history.
-- not null: n work_order_id status
with told as materialized (
    select
        r.n, nextval('fieldwork.work_order_work_order_id_seq') as id, t.type, t.reason,
        t.account_id, t.location_id, t.meter_id, t.preferred_date, t.assigned_to, t.provider,
        t.priority, t.instructions, t.charge_item_code, t.charge_amount
    from jsonb_array_elements(:told::jsonb) with ordinality as r (record, n)
    cross join lateral jsonb_to_record(r.record) as t (
        type text, reason text, account_id bigint, location_id bigint, meter_id bigint,
        preferred_date date, assigned_to text, provider text, priority text, instructions text,
        charge_item_code text, charge_amount numeric
    )
), created as (
    insert into fieldwork.work_order (
        portal_id, work_order_id, type, reason, account_id, location_id, meter_id,
        preferred_date, assigned_to, provider, priority, instructions, charge_item_code,
        charge_amount, created_at, created_by, last_mod
    )
    overriding system value
    select
        :portal_id::int, t.id, t.type, t.reason, t.account_id, t.location_id, t.meter_id,
        t.preferred_date, t.assigned_to, t.provider, t.priority, t.instructions,
        t.charge_item_code, t.charge_amount, :now::timestamptz, :login::text, :now::timestamptz
    from told as t
    order by t.n
    returning work_order_id, status
), stepped as (
    insert into fieldwork.step (
        portal_id, work_order_id, stepped_at, login, from_status, to_status, note
    )
    select :portal_id::int, t.id, :now::timestamptz, :login::text, null, 'NEW', t.reason
    from told as t
    order by t.n
)
select t.n, c.work_order_id, c.status
from told as t
inner join created as c on c.work_order_id = t.id
order by t.n;

-- name: hold_orders
-- Work orders by their ids, locked in order, with what they are about.
-- not null: account zone meter_ids
select
    o.work_order_id, o.type, o.status, o.account_id, coalesce(a.account, '') as account,
    o.location_id, l.site_identifier, l.loc_id, o.meter_id,
    coalesce(b.timezone, :timezone::text) as zone, o.charge_item_code, o.charge_amount,
    array(
        select i.meter_id from metering.installation as i
        where i.portal_id = o.portal_id and i.location_id = o.location_id
            and db.holds(i.valid, :now::timestamptz)
            and i.meter_id = coalesce(o.meter_id, i.meter_id)
        order by i.meter_id
    ) as meter_ids
from fieldwork.work_order as o
inner join locations.location as l
    on l.portal_id = o.portal_id and l.location_id = o.location_id
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
left join customers.account as a on a.portal_id = o.portal_id and a.account_id = o.account_id
where o.portal_id = :portal_id::int and o.work_order_id = any(:work_order_ids::bigint[])
order by o.work_order_id
for no key update of o;

-- name: open_orders
-- The work orders of a type at sites that are neither complete nor cancelled, locked in order.
select o.work_order_id
from fieldwork.work_order as o
where o.portal_id = :portal_id::int and o.location_id = any(:location_ids::bigint[])
    and o.type = :type::text and o.status not in ('COMPLETE', 'CANCELLED')
order by o.work_order_id
for no key update of o;

-- name: update_orders
-- Change what is told of work orders; a change of status is a step of their history.
with told as materialized (
    select
        (r.record ->> 'work_order_id')::bigint as work_order_id, r.record -> 'change' as change,
        coalesce(r.record ->> 'note', '') as note
    from jsonb_array_elements(:told::jsonb) as r (record)
), changed as (
    update fieldwork.work_order as o
    set (
        status, preferred_date, scheduled_date, completed_date, assigned_to, provider,
        provider_reference, priority, instructions, completion_notes, last_mod
    ) = (
        select
            p.status, p.preferred_date, p.scheduled_date, p.completed_date, p.assigned_to,
            p.provider, p.provider_reference, p.priority, p.instructions, p.completion_notes,
            :now::timestamptz
        from jsonb_populate_record(o, t.change) as p
    )
    from told as t
    where o.portal_id = :portal_id::int and o.work_order_id = t.work_order_id
    returning o.work_order_id, old.status as before, new.status as after, t.note
), stepped as (
    insert into fieldwork.step (
        portal_id, work_order_id, stepped_at, login, from_status, to_status, note
    )
    select
        :portal_id::int, c.work_order_id, :now::timestamptz, :login::text, c.before, c.after,
        c.note
    from changed as c
    where c.before <> c.after or c.note <> ''
    order by c.work_order_id
)
select c.work_order_id, c.after as status from changed as c order by c.work_order_id;

-- name: set_energised
-- Have sites and the meters of a list stand as completed orders leave them.
-- not null: done
select
    locations.set_status(
        :portal_id::int, :location_ids::bigint[], :statuses::text[], :days::date[],
        :now::timestamptz
    ) + metering.set_states(
        :portal_id::int, :meter_ids::bigint[], :states::text[], :now::timestamptz
    ) as done;

-- name: keep_order_reads
-- Keep the reads that were taken on work orders.
insert into fieldwork.order_read (
    portal_id, work_order_id, register_id, read_date, read_type, value
)
select :portal_id::int, r.work_order_id, r.register_id, r.read_date, r.read_type, r.value
from unnest(
    :work_order_ids::bigint[], :register_ids::bigint[], :read_dates::date[], :read_types::text[],
    :values::numeric[]
) as r (work_order_id, register_id, read_date, read_type, value);

-- name: agreed_after
-- The sites of a list that are supplied at an instant each or later.
-- not null: location_id
select distinct g.location_id
from unnest(:location_ids::bigint[], :ats::timestamptz[]) as w (location_id, at)
inner join customers.agreement as g
    on g.portal_id = :portal_id::int and g.location_id = w.location_id
    and coalesce(upper(g.valid) > w.at, true)
where g.location_id is not null;

-- name: orders
-- Work orders in the order of their ids, each with its reads and its history: one, or those of an
-- account, a site or a building, in a status, created between two days.
-- not null: account_number sales_cust_number account_name customer_type_code building_code
-- not null: building_name site_identifier site_name zone reads history
select
    o.work_order_id, o.type as work_order_type, o.status, o.reason,
    coalesce(a.account, '') as account_number,
    coalesce(a.contract, a.account, '') as sales_cust_number, coalesce(c.name, '') as account_name,
    coalesce(c.type_code, '') as customer_type_code,
    coalesce(b.building_code, '') as building_code, coalesce(b.name, '') as building_name,
    coalesce(l.site_identifier, l.loc_id) as site_identifier,
    coalesce(nullif(l.site_name, ''), l.external_key) as site_name, m.serial_number,
    o.created_at as created, o.created_by, coalesce(b.timezone, :timezone::text) as zone,
    o.preferred_date, o.scheduled_date, o.completed_date, o.assigned_to, o.provider,
    o.provider_reference, o.priority, o.instructions, l.notes as site_notes, o.completion_notes,
    o.charge_item_code, o.charge_amount,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'serial_number', k.serial_number,
            'meter_code', coalesce(nullif(g.meter_code, ''), k.serial_number),
            'meter_register', g.register_no, 'read_date', r.read_date, 'read_type', r.read_type,
            'meter_read', trim_scale(r.value)
        ) order by k.serial_number, g.register_no, r.read_date), '[]')
        from fieldwork.order_read as r
        inner join metering.register as g
            on g.portal_id = r.portal_id and g.register_id = r.register_id
        inner join metering.meter as k on k.portal_id = g.portal_id and k.meter_id = g.meter_id
        where r.portal_id = o.portal_id and r.work_order_id = o.work_order_id
    ) as reads,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'at', s.stepped_at, 'by', s.login, 'from', s.from_status, 'to', s.to_status,
            'note', s.note
        ) order by s.step_id), '[]')
        from fieldwork.step as s
        where s.portal_id = o.portal_id and s.work_order_id = o.work_order_id
    ) as history
from fieldwork.work_order as o
inner join locations.location as l
    on l.portal_id = o.portal_id and l.location_id = o.location_id
left join locations.building as b
    on b.portal_id = l.portal_id and b.building_id = l.building_id
left join customers.account as a on a.portal_id = o.portal_id and a.account_id = o.account_id
left join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join metering.meter as m on m.portal_id = o.portal_id and m.meter_id = o.meter_id
where o.portal_id = :portal_id::int and o.work_order_id > :after::bigint
    and (:work_order_id::bigint is null or o.work_order_id = :work_order_id::bigint)
    and (:account_id::bigint is null or o.account_id = :account_id::bigint)
    and (:location_id::bigint is null or o.location_id = :location_id::bigint)
    and (:building_id::bigint is null or l.building_id = :building_id::bigint)
    and (:status::text is null or o.status = :status::text)
    and (
        :start_date::date is null
        or locations.day_of(o.created_at, coalesce(b.timezone, :timezone::text))
        >= :start_date::date
    )
    and (
        :end_date::date is null
        or locations.day_of(o.created_at, coalesce(b.timezone, :timezone::text))
        <= :end_date::date
    )
    and ('*' <> all(:blocked::text[]) or a.account is null)
    and coalesce(a.account <> all(:blocked::text[]), true)
order by o.work_order_id
limit :how_many::bigint offset :beyond::bigint;
