-- name: create_activities
-- Create the activities of a list, in its order, each with its note where it has one.
-- not null: n activity_id status
with told as materialized (
    select
        r.n, nextval('activities.activity_activity_id_seq') as id, t.account_id, t.location_id,
        t.building_id, t.type_code, t.class, t.subject, t.notes, t.priority, t.due_date,
        t.assigned_to, t.channel, t.status
    from jsonb_array_elements(:told::jsonb) with ordinality as r (record, n)
    cross join lateral jsonb_to_record(r.record) as t (
        account_id bigint, location_id bigint, building_id bigint, type_code text, class text,
        subject text, notes text, priority text, due_date date, assigned_to text, channel text,
        status text
    )
), created as (
    insert into activities.activity (
        portal_id, activity_id, account_id, location_id, building_id, type_code, class, subject,
        priority, due_date, assigned_to, channel, status, created_at, created_by, last_mod
    )
    overriding system value
    select
        :portal_id::int, t.id, t.account_id, t.location_id, t.building_id, t.type_code, t.class,
        t.subject, t.priority, t.due_date, t.assigned_to, t.channel, t.status,
        :now::timestamptz, :login::text, :now::timestamptz
    from told as t
    order by t.n
    returning activity_id, status
), noted as (
    insert into activities.note (portal_id, activity_id, text, written_at, written_by)
    select :portal_id::int, t.id, t.notes, :now::timestamptz, :login::text
    from told as t
    where t.notes <> ''
    order by t.n
)
select t.n, c.activity_id, c.status
from told as t
inner join created as c on c.activity_id = t.id
order by t.n;

-- name: activities_known
-- The activities of some ids, locked in order, with the accounts that they are about.
-- not null: account
select
    y.activity_id, y.status,
    coalesce(
        (
            select a.account from customers.account as a
            where a.portal_id = y.portal_id and a.account_id = y.account_id
        ), ''
    ) as account
from activities.activity as y
where y.portal_id = :portal_id::int and y.activity_id = any(:activity_ids::bigint[])
order by y.activity_id
for no key update of y;

-- name: update_activities
-- Change what is told of activities, and add the notes.
-- not null: n
with told as materialized (
    select
        r.n, (r.record ->> 'activity_id')::bigint as activity_id, r.record ->> 'notes' as notes,
        r.record -> 'change' as change
    from jsonb_array_elements(:told::jsonb) with ordinality as r (record, n)
), changed as (
    update activities.activity as y
    set (type_code, subject, priority, due_date, assigned_to, channel, status, last_mod) = (
        select
            p.type_code, p.subject, p.priority, p.due_date, p.assigned_to, p.channel, p.status,
            :now::timestamptz
        from jsonb_populate_record(y, t.change) as p
    )
    from told as t
    where y.portal_id = :portal_id::int and y.activity_id = t.activity_id
    returning t.n, y.activity_id, y.status
), noted as (
    insert into activities.note (portal_id, activity_id, text, written_at, written_by)
    select :portal_id::int, t.activity_id, t.notes, :now::timestamptz, :login::text
    from told as t
    inner join changed as c on c.n = t.n
    where t.notes <> ''
    order by t.n
)
select c.n, c.activity_id, c.status from changed as c order by c.n;

-- name: activities
-- Activities, the newest first, with their notes; of an account, a site, a building, or all.
-- not null: account_number site_identifier building_code notes
select
    y.activity_id, coalesce(a.account, '') as account_number,
    coalesce(l.site_identifier, l.loc_id, '') as site_identifier,
    coalesce(b.building_code, '') as building_code, y.type_code as activity_type_code,
    y.class as activity_class, y.subject, y.priority, y.due_date, y.assigned_to, y.channel,
    y.status, y.created_at, y.created_by, y.last_mod, n.notes
from activities.activity as y
left join customers.account as a on a.portal_id = y.portal_id and a.account_id = y.account_id
left join locations.location as l
    on l.portal_id = y.portal_id and l.location_id = y.location_id
left join locations.building as b
    on b.portal_id = y.portal_id and b.building_id = coalesce(y.building_id, l.building_id)
cross join lateral (
    select
        coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'text', t.text, 'written_at', t.written_at, 'written_by', t.written_by
                ) order by t.note_id
            ), '[]'
        ) as notes
    from activities.note as t
    where t.portal_id = y.portal_id and t.activity_id = y.activity_id
) as n
where y.portal_id = :portal_id::int and y.activity_id < :before::bigint
    and (:account_id::bigint is null or y.account_id = :account_id::bigint)
    and (:location_id::bigint is null or y.location_id = :location_id::bigint)
    and (:building_id::bigint is null or b.building_id = :building_id::bigint)
    and (:status::text is null or y.status = :status::text)
    and ('*' <> all(:blocked::text[]) or a.account is null)
    and coalesce(a.account <> all(:blocked::text[]), true)
order by y.activity_id desc
limit :how_many::int;
