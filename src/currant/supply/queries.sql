-- name: one_file_at_a_time
-- Let the portal's files in one after the other, so that each is judged by what the last one left.
select pg_advisory_xact_lock(hashtext('supply.trinity'), :portal_id::int);

-- name: tariff_ids
-- The portal's tariffs by name.
select name, tariff_id from tariffs.tariff where portal_id = :portal_id::int;

-- name: stage_trinity
-- Whom, where and what each record of a file names; null is a column that the file lacks.
create temporary table trinity (
    record int not null,
    id bigint not null,
    contract text,
    locname text,
    serialnum text
) on commit drop;

-- name: stage_links
-- What those names mean, where that is now, and at which location each record brings it together.
create temporary table link (
    record int not null,
    first_record int not null,
    key text,
    contract text,
    locname text,
    serialnum text,
    known_id bigint,
    account_id bigint,
    location_id bigint,
    meter_id bigint,
    account_clashes boolean,
    location_clashes boolean,
    product_type text not null,
    hangs_at bigint,
    hangs_for bigint,
    homes bigint not null,
    target_id bigint,
    supplied_to bigint,
    leaves boolean not null,
    detaches boolean not null,
    torn boolean,
    contested boolean
) on commit drop;

-- name: names_of_locations
-- Take the names out of a file of locations.
insert into pg_temp.trinity (record, id, contract, locname, serialnum)
select record, id, contract, locname, serialnum from pg_temp.incoming_location;

-- name: names_of_meters
-- Take the names out of a file of meters.
insert into pg_temp.trinity (record, id, contract, locname, serialnum)
select record, id, contract, locname, serialnum from pg_temp.incoming_meter;

-- name: names_of_customers
-- Take the names out of a file of customers.
insert into pg_temp.trinity (record, id, contract, locname, serialnum)
select record, id, contract, locname, serialnum from pg_temp.incoming_customer;

-- name: analyze_trinity
-- Tell the planner about the records just staged.
analyze pg_temp.trinity;

-- name: resolve
-- Resolve the names of each record by both keys, and find where its account, location and meter
-- are to meet: at the location it names, else where its meter hangs or its account lives. `key`
-- is the file's own key column: contract, locname or serialnum. What was found is materialized,
-- because row-level security lets plain columns into an index, but no expressions.
insert into pg_temp.link (
    record, first_record, key, contract, locname, serialnum, known_id, account_id, location_id,
    meter_id, account_clashes, location_clashes, product_type, hangs_at, hangs_for, homes,
    target_id, supplied_to, leaves, detaches, torn, contested
)
with known as materialized (
    select
        n.record, n.contract, n.locname, n.serialnum,
        ac.account_id <> an.account_id as account_clashes,
        le.location_id <> ln.location_id as location_clashes,
        coalesce(m.product_type, 'ELECTRICITY') as product_type,
        case :key::text
            when 'contract' then n.contract when 'locname' then n.locname else n.serialnum
        end as key,
        case :key::text
            when 'contract' then coalesce(ac.account_id, an.account_id)
            when 'locname' then coalesce(le.location_id, ln.location_id)
            else m.meter_id
        end as known_id,
        case when :creating::boolean and :key::text = 'contract' then n.id
            else coalesce(ac.account_id, an.account_id) end as account_id,
        case when :creating::boolean and :key::text = 'locname' then n.id
            else coalesce(le.location_id, ln.location_id) end as location_id,
        case when :creating::boolean and :key::text = 'serialnum' then n.id
            else m.meter_id end as meter_id
    from pg_temp.trinity as n
    left join customers.account as ac
        on ac.portal_id = :portal_id::int and ac.contract = n.contract
    left join customers.account as an
        on an.portal_id = :portal_id::int and an.account = n.contract
    left join locations.location as le
        on le.portal_id = :portal_id::int and le.external_key = n.locname
    left join locations.location as ln
        on ln.portal_id = :portal_id::int and ln.loc_id = n.locname
    left join metering.meter as m
        on m.portal_id = :portal_id::int and m.serial_number = n.serialnum
), placed as materialized (
    select
        k.record, k.key, k.contract, k.locname, k.serialnum, k.product_type, k.account_clashes,
        k.location_clashes, k.known_id, k.account_id, k.location_id, k.meter_id,
        i.location_id as hangs_at, g.account_id as hangs_for, h.homes,
        case
            when k.location_id is not null then k.location_id
            when k.account_id is null or k.meter_id is null then null
            when g.account_id = k.account_id then i.location_id
            when :key::text = 'contract' and k.locname is null and h.homes > 0 then h.home
            when :key::text = 'contract' then i.location_id
            when k.locname is null then coalesce(i.location_id, h.home)
            else h.home
        end as target_id
    from known as k
    left join metering.installation as i
        on i.portal_id = :portal_id::int and i.meter_id = k.meter_id
        and db.holds(i.valid, :now::timestamptz)
    left join customers.agreement as g
        on g.portal_id = :portal_id::int and g.location_id = i.location_id
        and g.product_type = k.product_type and db.holds(g.valid, :now::timestamptz)
    cross join lateral (
        select count(*) as homes, case when count(*) = 1 then min(a.location_id) end as home
        from customers.agreement as a
        where a.portal_id = :portal_id::int and a.account_id = k.account_id
            and a.product_type = k.product_type and db.holds(a.valid, :now::timestamptz)
    ) as h
), aimed as materialized (
    select
        p.record, p.key, p.contract, p.locname, p.serialnum, p.product_type, p.account_clashes,
        p.location_clashes, p.known_id, p.account_id, p.location_id, p.meter_id, p.hangs_at,
        p.hangs_for, p.homes, p.target_id, d.detaches,
        case when p.target_id is not null then p.target_id when d.detaches then p.hangs_at end
            as place_id,
        case when d.detaches then 0 else p.account_id end as taker_id
    from placed as p
    cross join lateral (
        select coalesce(
            not :creating::boolean and :key::text = 'serialnum' and p.contract = 'unassigned'
            and p.locname is distinct from 'unassigned'
            and coalesce(p.target_id, p.hangs_at) = p.hangs_at, false
        ) as detaches
    ) as d
)
select
    p.record,
    min(p.record) over (
        partition by coalesce(case when not :creating::boolean then p.known_id end::text, p.key)
    ) as first_record,
    p.key, p.contract, p.locname, p.serialnum, p.known_id, p.account_id, p.location_id,
    p.meter_id, p.account_clashes, p.location_clashes, p.product_type, p.hangs_at, p.hangs_for,
    p.homes, p.target_id, g.account_id as supplied_to,
    case
        when :key::text <> 'contract' or p.homes = 0 then false
        when p.target_id is null then coalesce(p.locname = 'unassigned', false)
        else coalesce(g.account_id <> p.account_id, true)
    end as leaves,
    p.detaches,
    p.meter_id is not null
    and min(p.target_id) over (partition by p.meter_id)
    <> max(p.target_id) over (partition by p.meter_id) as torn,
    p.place_id is not null
    and min(p.taker_id) over (partition by p.place_id, p.product_type)
    <> max(p.taker_id) over (partition by p.place_id, p.product_type) as contested
from aimed as p
left join customers.agreement as g
    on g.portal_id = :portal_id::int and g.location_id = p.target_id
    and g.product_type = p.product_type and db.holds(g.valid, :now::timestamptz);

-- name: analyze_links
-- Tell the planner about the links just found.
analyze pg_temp.link;

-- name: judge
-- What is wrong with the keys and links of a file: the first faults in order, and how many of
-- each kind there are. No link takes away what another record or another account has.
-- not null: name kind reason faults missing
select
    k.record, f.name, f.kind, f.reason,
    count(*) over () as faults,
    count(*) filter (where f.kind = 'missing') over () as missing
from pg_temp.link as k
left join (
    select distinct l.account_id from pg_temp.link as l where l.leaves
) as leaver on leaver.account_id = k.supplied_to
cross join lateral (
    values
    (
        :key::text, 'invalid',
        case when k.key is not null and k.first_record < k.record
            then 'is the key of record ' || k.first_record || ' already' end
    ),
    (
        :key::text, 'invalid',
        case when :creating::boolean and k.known_id is not null
            then 'exists already: change it by an update' end
    ),
    (
        :key::text, 'missing',
        case when not :creating::boolean and k.key is not null and k.known_id is null
            then 'names nothing that is here' end
    ),
    (
        'contract', 'missing',
        case when :key::text <> 'contract' and k.contract <> 'unassigned'
            and k.account_id is null then
                'names no account: bring it in first, or write unassigned' end
    ),
    (
        'locname', 'missing',
        case when :key::text <> 'locname' and k.locname <> 'unassigned'
            and k.location_id is null then
                'names no location: bring it in first, or write unassigned' end
    ),
    (
        'serialnum', 'missing',
        case when :key::text <> 'serialnum' and k.serialnum <> 'unassigned'
            and k.meter_id is null then 'names no meter: bring it in first, or write unassigned' end
    ),
    (
        'contract', 'invalid',
        case when k.account_clashes
            then 'is one account''s contract and another''s number: use its other key' end
    ),
    (
        'locname', 'invalid',
        case when k.location_clashes
            then 'is one location''s name and another''s number: use its other key' end
    ),
    (
        'contract', 'blocked',
        case when cardinality(:blocked::text[]) > 0 then (
            select 'concerns account ' || min(a.account) || ', which is blocked for you'
            from customers.account as a
            where a.portal_id = :portal_id::int and a.account = any(:blocked::text[])
                and a.account_id in (k.account_id, k.hangs_for, k.supplied_to)
        ) end
    ),
    (
        'locname', 'invalid',
        case
            when k.target_id is not null or k.account_id is null or k.meter_id is null
                or k.locname <> 'unassigned' then null
            when k.homes > 1 and (:key::text = 'serialnum' or k.locname is null)
                then 'must be named: the account is supplied at ' || k.homes || ' locations'
            when :key::text = 'contract' then 'must be named: the meter hangs nowhere'
            else 'must be named: the account is supplied nowhere'
        end
    ),
    (
        'locname', 'invalid',
        case when :key::text = 'contract' and k.location_id is not null and k.homes > 1
            and k.supplied_to is distinct from k.account_id
            then 'is not one of the ' || k.homes || ' locations that the account is supplied at: '
                'attach it by a file of locations' end
    ),
    (
        case :key::text when 'contract' then 'locname' else 'contract' end, 'invalid',
        case when :key::text <> 'locname' and k.supplied_to <> k.account_id
            and leaver.account_id is null then (
            select 'location ' || l.loc_id || ' is supplied to account ' || a.account
                || ': detach that first'
            from locations.location as l cross join customers.account as a
            where l.portal_id = :portal_id::int and l.location_id = k.target_id
                and a.portal_id = :portal_id::int and a.account_id = k.supplied_to
        ) end
    ),
    (
        'serialnum', 'invalid',
        case when :key::text <> 'serialnum' and k.hangs_at <> k.target_id
            and k.hangs_for <> case when k.contract is null then coalesce(k.supplied_to, 0)
                else coalesce(k.account_id, 0) end then (
            select 'hangs at location ' || l.loc_id || ', which is supplied to account '
                || a.account || ': detach it there first'
            from locations.location as l cross join customers.account as a
            where l.portal_id = :portal_id::int and l.location_id = k.hangs_at
                and a.portal_id = :portal_id::int and a.account_id = k.hangs_for
        ) end
    ),
    (
        'serialnum', 'invalid',
        case when :key::text <> 'serialnum' and k.torn
            then 'another record puts it elsewhere' end
    ),
    (
        case :key::text when 'contract' then 'locname' else 'contract' end, 'invalid',
        case when :key::text <> 'locname' and k.contested
            then 'another record says otherwise of who is supplied there' end
    )
) as f (name, kind, reason)
where f.reason is not null
order by k.record, f.name
limit 50;

-- name: connect
-- Hang the meters and begin the agreements that a file asks for, and end those it detaches.
-- What is new at a location dates from its meterinstalldate, unless a meter came since then; a
-- customer also not where anything was used there since, unless the file tells the date itself.
-- not null: linked
with dated as (
    select
        k.account_id, k.meter_id, k.product_type, k.hangs_at, k.target_id, k.supplied_to,
        k.leaves, l.meter_installed_at as since,
        (
            select max(lower(i.valid)) from metering.installation as i
            where i.portal_id = l.portal_id and i.location_id = l.location_id
        ) as newest,
        :dated::boolean or not exists (
            select from metering.installation as i
            inner join metering.register as g
                on g.portal_id = i.portal_id and g.meter_id = i.meter_id and g.register_no = 1
            inner join reads.usage as u
                on u.portal_id = g.portal_id and u.register_id = g.register_id
                and u.to_at > l.meter_installed_at and u.energy_wh <> 0
            where i.portal_id = l.portal_id and i.location_id = l.location_id
        ) as unused
    from pg_temp.link as k
    inner join locations.location as l
        on l.portal_id = :portal_id::int and l.location_id = k.target_id
), moved as (
    select
        d.meter_id, d.target_id as location_id,
        case when d.newest is null or d.newest < d.since then d.since end as since
    from dated as d
    where d.meter_id is not null and d.hangs_at is distinct from d.target_id
    union
    select k.meter_id, null, null
    from pg_temp.link as k
    where not :creating::boolean and :key::text = 'serialnum' and k.locname = 'unassigned'
        and k.target_id is null and k.hangs_at is not null
    union
    select i.meter_id, null, null
    from pg_temp.link as k
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.location_id = k.location_id
        and db.holds(i.valid, :now::timestamptz)
    where not :creating::boolean and :key::text = 'locname' and k.serialnum = 'unassigned'
    union
    select i.meter_id, null, null
    from pg_temp.link as k
    inner join customers.agreement as g
        on g.portal_id = :portal_id::int and g.account_id = k.account_id
        and db.holds(g.valid, :now::timestamptz)
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.location_id = g.location_id
        and db.holds(i.valid, :now::timestamptz)
    where not :creating::boolean and :key::text = 'contract' and k.serialnum = 'unassigned'
        and not k.leaves
), agreed as (
    select
        d.target_id as location_id, d.product_type, d.account_id,
        case when not d.leaves and d.unused then d.since end as since
    from dated as d
    where d.account_id is not null and d.supplied_to is distinct from d.account_id
    union
    select g.location_id, g.product_type, null, null
    from pg_temp.link as k
    inner join customers.agreement as g
        on g.portal_id = :portal_id::int and g.location_id = k.location_id
        and db.holds(g.valid, :now::timestamptz)
    where not :creating::boolean and :key::text = 'locname' and k.contract = 'unassigned'
    union
    select g.location_id, g.product_type, null, null
    from pg_temp.link as k
    inner join customers.agreement as g
        on g.portal_id = :portal_id::int and g.account_id = k.account_id
        and db.holds(g.valid, :now::timestamptz)
        and (k.target_id is null or g.product_type = k.product_type)
    where k.leaves
    union
    select k.hangs_at, k.product_type, null, null
    from pg_temp.link as k
    where k.detaches
)
select
    (
        select metering.install(
            :portal_id::int, array_agg(m.meter_id), array_agg(m.location_id),
            array_agg(m.since), :now::timestamptz
        )
        from moved as m
    ) + (
        select customers.agree(
            :portal_id::int, array_agg(a.location_id), array_agg(a.product_type),
            array_agg(a.account_id), array_agg(a.since), :now::timestamptz
        )
        from agreed as a
    ) as linked;

-- name: analyze_written
-- Tell the planner about tables that this file wrote to, before they are joined.
select db.analyze_written(:tables::text[]::regclass[], :written::bigint);

-- name: open_wallets
-- Open the wallets that accounts lack for the meters at the locations of a file.
-- not null: opened
select
    prepayment.open_wallets(
        :portal_id::int, array_agg(w.account_id), array_agg(w.wallet_kind)
    ) as opened
from (
    select distinct g.account_id, m.wallet_kind
    from pg_temp.link as k
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and db.holds(i.valid, :now::timestamptz)
        and i.location_id = coalesce(k.target_id, k.hangs_at)
    inner join metering.meter as m on m.portal_id = :portal_id::int and m.meter_id = i.meter_id
    inner join customers.agreement as g
        on g.portal_id = :portal_id::int and g.location_id = i.location_id
        and g.product_type = m.product_type and db.holds(g.valid, :now::timestamptz)
) as w;

-- name: judge_opening_reads
-- Meters of an update that opened at another value than the file says.
-- not null: record
select i.record
from pg_temp.incoming_meter as i
inner join metering.meter as m
    on m.portal_id = :portal_id::int and m.serial_number = i.serialnum
inner join metering.register as g
    on g.portal_id = :portal_id::int and g.meter_id = m.meter_id and g.register_no = 1
cross join lateral (
    select r.value from reads.read as r
    where r.portal_id = :portal_id::int and r.register_id = g.register_id
    order by r.read_at asc, r.revision desc limit 1
) as opening
where opening.value <> i.addactiveread
order by i.record;

-- name: equip
-- Put the meters of a file on their tariffs, or off them, and give the ones that have no read
-- theirs. A new meter is on its tariff since its installation. Its read is what it shows now, but
-- one that was hung on an earlier day showed its 0 then.
-- not null: equipped
with meter as (
    select
        m.meter_id, i.tariff, i.addactiveread,
        case when :creating::boolean then coalesce(lower(h.valid), :now::timestamptz)
            else :now::timestamptz end as since,
        not exists (
            select from metering.register as g
            inner join reads.read as r
                on r.portal_id = g.portal_id and r.register_id = g.register_id
            where g.portal_id = m.portal_id and g.meter_id = m.meter_id and g.register_no = 1
        ) as unread
    from pg_temp.incoming_meter as i
    inner join metering.meter as m
        on m.portal_id = :portal_id::int and m.serial_number = i.serialnum
    left join metering.installation as h
        on h.portal_id = :portal_id::int and h.meter_id = m.meter_id
        and db.holds(h.valid, :now::timestamptz)
), opened as (
    select
        at.opening,
        reads.open_registers(
            :portal_id::int, array_agg(t.meter_id), array_agg(t.addactiveread), at.opening
        ) as done
    from meter as t
    cross join lateral (
        select
            case when t.addactiveread = 0 and t.since < :now::timestamptz - interval '1 day'
                then t.since else :now::timestamptz end as opening
    ) as at
    where t.addactiveread is not null and t.unread
    group by at.opening
)
select
    tariffs.assign(
        :portal_id::int, array_agg(t.meter_id), array_agg(nullif(t.tariff, 0)), array_agg(t.since)
    ) + tariffs.unassign(
        :portal_id::int, array_agg(t.meter_id) filter (where t.tariff = 0), :now::timestamptz
    ) + (select count(*) from opened) as equipped
from meter as t;

-- name: draw_again
-- Have what meters used drawn again since whom they supply, or at what, was changed by this
-- transaction: where it hung them, began an agreement of their location or put them on a tariff,
-- or ended one of these before now (no savepoint stands between, so what it wrote carries its
-- id); and from now on, where reads ran ahead.
with touched as (
    select k.meter_id from pg_temp.link as k
    where k.meter_id is not null
    union
    select i.meter_id from pg_temp.link as k
    inner join metering.installation as i
        on i.portal_id = :portal_id::int
        and i.location_id in (k.location_id, k.target_id, k.hangs_at)
), changed as (
    select t.meter_id, coalesce(upper(i.valid), lower(i.valid)) as since
    from touched as t
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.meter_id = t.meter_id
    where i.xmin = pg_current_xact_id()::xid
    union all
    select t.meter_id, coalesce(upper(g.valid), lower(g.valid))
    from touched as t
    inner join metering.installation as i
        on i.portal_id = :portal_id::int and i.meter_id = t.meter_id
    inner join customers.agreement as g
        on g.portal_id = :portal_id::int and g.location_id = i.location_id
    where g.xmin = pg_current_xact_id()::xid
    union all
    select t.meter_id, coalesce(upper(a.valid), lower(a.valid))
    from touched as t
    inner join tariffs.assignment as a
        on a.portal_id = :portal_id::int and a.meter_id = t.meter_id
    where a.xmin = pg_current_xact_id()::xid
    union all
    select t.meter_id, :now::timestamptz from touched as t
)
select reads.draw_again(:portal_id::int, array_agg(c.meter_id), array_agg(c.since)) as done
from (
    select c.meter_id, min(c.since) as since from changed as c
    group by c.meter_id
) as c;

-- name: meter
-- One meter as J05 prints it: what it is, where it hangs, whom it supplies, what it is priced by.
-- not null: kva_demand_rating factor
select
    l.loc_id, a.account, m.device_id, m.serial_number, m.name, m.com_type, t.name as tariff,
    a.payment_mode, m.sgc, trim_scale(m.kva_demand_rating) as kva_demand_rating, m.vendable,
    m.meter_state, m.units, trim_scale(m.factor) as factor, m.phases, m.ti, m.key_rev, m.key_exp,
    m.base_date, m.sts_version, m.disco_profile, m.created_at, m.last_mod, m.type, m.wallet_kind
from metering.meter as m
left join metering.installation as i
    on i.portal_id = m.portal_id and i.meter_id = m.meter_id and i.valid @> :now::timestamptz
left join locations.location as l
    on l.portal_id = i.portal_id and l.location_id = i.location_id
left join customers.agreement as g
    on g.portal_id = i.portal_id and g.location_id = i.location_id
    and g.product_type = m.product_type and g.valid @> :now::timestamptz
left join customers.account as a
    on a.portal_id = g.portal_id and a.account_id = g.account_id
left join tariffs.assignment as s
    on s.portal_id = m.portal_id and s.meter_id = m.meter_id and s.valid @> :now::timestamptz
left join tariffs.tariff as t
    on t.portal_id = s.portal_id and t.tariff_id = s.tariff_id
where m.portal_id = :portal_id::int and m.serial_number = :serial_number::text;

-- name: location
-- One location as J22 prints it: what it is, the meter that was hung there last of those that do
-- now, whom that supplies (without one, who is supplied there last), what it is priced by.
-- not null: current_per_phase kva
select
    l.loc_id, m.serial_number, a.account, l.external_key as loc_name, l.address_1, l.address_2,
    l.city, l.state, l.zip, l.latitude, l.longitude, l.substation, l.feeder, l.transformer,
    l.module, l.socket, l.unit, l.type, l.form_factor, l.wiring, l.voltage,
    trim_scale(l.current_per_phase) as current_per_phase, trim_scale(l.kva) as kva,
    case
        when l.meter_installed_at is not null then greatest(l.meter_installed_at, lower(i.valid))
    end as meter_installed_at,
    t.name as tariff, a.payment_mode, l.created_at, l.last_mod
from locations.location as l
left join lateral (
    select h.meter_id, h.valid from metering.installation as h
    where h.portal_id = l.portal_id and h.location_id = l.location_id
        and h.valid @> :now::timestamptz
    order by lower(h.valid) desc, h.meter_id desc
    limit 1
) as i on true
left join metering.meter as m on m.portal_id = l.portal_id and m.meter_id = i.meter_id
left join lateral (
    select s.account_id from customers.agreement as s
    where s.portal_id = l.portal_id and s.location_id = l.location_id
        and s.valid @> :now::timestamptz
        and s.product_type = coalesce(m.product_type, s.product_type)
    order by lower(s.valid) desc, s.agreement_id desc
    limit 1
) as g on true
left join customers.account as a on a.portal_id = l.portal_id and a.account_id = g.account_id
left join tariffs.assignment as p
    on p.portal_id = m.portal_id and p.meter_id = m.meter_id and p.valid @> :now::timestamptz
left join tariffs.tariff as t on t.portal_id = p.portal_id and t.tariff_id = p.tariff_id
where l.portal_id = :portal_id::int and l.loc_id = :loc_id::text;
