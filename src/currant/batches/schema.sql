-- Cashier batches: what was taken, counted and approved.

create schema batches;
comment on schema batches is 'Cashier batches.';
grant usage on schema batches to currant_runtime, currant_reader;

create table batches.batch (
    portal_id int not null references access.portal,
    batch_id bigint generated always as identity,
    user_id int not null references access.system_user,
    login text not null,
    opened_at timestamptz not null,
    taken db.amount not null default 0 check (taken >= 0),
    bound db.amount check (bound >= 0),
    closed_at timestamptz,
    closed_by text,
    note text not null default '',
    entry_id bigint,
    approved_at timestamptz,
    approved_by text,
    approval_note text not null default '',
    primary key (portal_id, batch_id),
    constraint vending_limit_kept check (taken <= bound),
    constraint batch_approved_by_another check (
        approved_by <> login and approved_by <> closed_by
    ),
    check (bound is not null or taken = 0),
    check ((closed_at is null) = (closed_by is null)),
    check ((approved_at is null) = (approved_by is null)),
    check (approved_at is null or closed_at is not null)
) with (fillfactor = 75);
comment on table batches.batch is
'What a cashier takes from the first tender until it is counted. bound is the vending limit as it '
'was at the last tender, null is none; taken repeats the sum of the takings where there is a '
'bound. entry_id posted what was over or short.';
create unique index one_open_batch on batches.batch (portal_id, user_id) where closed_at is null;
call db.tenant_table('batches.batch');
revoke delete on batches.batch from currant_runtime;

-- A taking has no foreign key to its batch: who adds it holds the batch, and none is ever deleted.
create table batches.taking (
    portal_id int not null,
    batch_id bigint not null,
    entry_id bigint not null,
    tender text not null check (tender in ('cash', 'check', 'card', 'eft')),
    amount db.amount not null check (amount <> 0),
    taken_at timestamptz not null,
    primary key (portal_id, batch_id, entry_id)
);
comment on table batches.taking is
'A tender of a ledger entry that came into a batch, or (negative) was given back from it.';
call db.tenant_table('batches.taking');
call db.append_only('batches.taking');

create table batches.count (
    portal_id int not null,
    batch_id bigint not null,
    tender text not null check (tender in ('cash', 'check', 'card', 'eft')),
    tenders int not null check (tenders >= 0),
    given_back int not null check (given_back >= 0),
    expected db.amount not null,
    counted db.amount not null check (counted >= 0),
    primary key (portal_id, batch_id, tender),
    foreign key (portal_id, batch_id) references batches.batch
);
comment on table batches.count is
'What was counted of a kind of tender when a batch was closed, beside what was expected and how '
'many tenders that was.';
call db.tenant_table('batches.count');
call db.append_only('batches.count');

-- Take the tender of an entry into the open batch of a user, opening one where there is none, and
-- answer the batch. The vending limit bounds what a batch takes in all. Who closes a batch has its
-- user for itself; a tender without a limit shares the user with others, so that a login that
-- sells from many places does not wait for itself, and with one they follow each other. (Locks of
-- the batch's row would let tenders that overlap keep one who closes it waiting for ever.) It acts
-- as the owner, who sees the limit of a user whose own portal is another.
create function batches.take(
    in_portal int, by_user int, of_entry bigint, of_tender text, amount numeric,
    minor_unit numeric, at timestamptz
)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    shared boolean;
    most numeric;
    held batches.batch;
begin
    if (in_portal = any(db.portals())) is not true then
        raise exception 'Portal % is not of this transaction.', in_portal
            using errcode = 'insufficient_privilege';
    end if;
    select u.vending_limit is null and exists (
        select from batches.batch as b
        where b.portal_id = in_portal and b.user_id = u.user_id and b.closed_at is null
    ) into shared
    from access.system_user as u where u.user_id = by_user;
    if shared then
        perform pg_advisory_xact_lock_shared(hashtext('batches'), by_user);
        insert into batches.taking (portal_id, batch_id, entry_id, tender, amount, taken_at)
        select in_portal, b.batch_id, of_entry, of_tender, take.amount, at
        from batches.batch as b
        where b.portal_id = in_portal and b.user_id = by_user and b.closed_at is null
            and b.bound is null
        returning taking.batch_id into held.batch_id;
        if found then
            return held.batch_id;
        end if;
    else
        perform pg_advisory_xact_lock(hashtext('batches'), by_user);
        select u.vending_limit * minor_unit into most
        from access.system_user as u where u.user_id = by_user;
    end if;
    loop
        select b.* into held from batches.batch as b
        where b.portal_id = in_portal and b.user_id = by_user and b.closed_at is null;
        exit when found;
        insert into batches.batch (portal_id, user_id, login, opened_at)
        values (
            in_portal, by_user,
            (select u.login from access.system_user as u where u.user_id = by_user), at
        )
        on conflict (portal_id, user_id) where closed_at is null do nothing;
    end loop;
    if most is not null or held.bound is not null then
        if held.bound is null then
            select coalesce(sum(t.amount), 0) into held.taken from batches.taking as t
            where t.portal_id = in_portal and t.batch_id = held.batch_id;
        end if;
        update batches.batch as b
        set bound = most, taken = case when most is null then 0 else held.taken + take.amount end
        where b.portal_id = in_portal and b.batch_id = held.batch_id;
    end if;
    insert into batches.taking (portal_id, batch_id, entry_id, tender, amount, taken_at)
    values (in_portal, held.batch_id, of_entry, of_tender, take.amount, at);
    return held.batch_id;
end
$$;

-- Give back the tender of an entry from the batch that took it, by the entry that reverses it;
-- answers whether it did. From a batch that is closed nothing is given back.
create function batches.give_back(
    in_portal int, of_entry bigint, by_entry bigint, at timestamptz
)
returns boolean
language plpgsql
as $$
declare
    took batches.taking;
    taker int;
begin
    select t.batch_id, t.tender, t.amount, b.user_id
    into took.batch_id, took.tender, took.amount, taker
    from batches.batch as b
    inner join batches.taking as t on t.portal_id = b.portal_id and t.batch_id = b.batch_id
    where b.portal_id = in_portal and b.closed_at is null and t.entry_id = of_entry;
    if not found then
        return false;
    end if;
    perform pg_advisory_xact_lock_shared(hashtext('batches'), taker);
    insert into batches.taking (portal_id, batch_id, entry_id, tender, amount, taken_at)
    select in_portal, b.batch_id, by_entry, took.tender, -took.amount, at
    from batches.batch as b
    where b.portal_id = in_portal and b.batch_id = took.batch_id and b.closed_at is null;
    if not found then
        return false;
    end if;
    update batches.batch as b set taken = b.taken - took.amount
    where b.portal_id = in_portal and b.batch_id = took.batch_id and b.bound is not null;
    return true;
end
$$;

-- Hold a batch, so that nobody else closes or approves it until the transaction ends: the tenders
-- under way are in, and later ones wait.
create function batches.hold(in_portal int, of_batch bigint)
returns setof batches.batch
language plpgsql
as $$
begin
    perform pg_advisory_xact_lock(hashtext('batches'), b.user_id)
    from batches.batch as b
    where b.portal_id = in_portal and b.batch_id = of_batch;
    return query
    select b.* from batches.batch as b
    where b.portal_id = in_portal and b.batch_id = of_batch;
end
$$;

-- The vending limit of a user who may act in a portal of the transaction, in minor units; null is
-- none. It also tells that of a user whose own portal is another.
create function batches.limit_of(of_user int)
returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select u.vending_limit from access.system_user as u
    where u.user_id = of_user and (
        u.everywhere or exists (
            select from access.user_portal as g
            where g.user_id = u.user_id and g.portal_id = any(db.portals())
        )
    )
$$;

-- Every batch that is at odds with itself or with the books (1000); empty when all is well.
create function batches.faults()
returns table (portal text, batch_id bigint, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    with taken as (
        select t.portal_id, t.batch_id, t.tender, sum(t.amount) as amount
        from batches.taking as t group by t.portal_id, t.batch_id, t.tender
    ), taken_in_all as (
        select t.portal_id, t.batch_id, sum(t.amount) as amount
        from taken as t group by t.portal_id, t.batch_id
    ), booked as (
        select t.portal_id, t.batch_id, sum(l.amount) as amount
        from batches.taking as t
        inner join ledger.posting as l
            on l.portal_id = t.portal_id and l.entry_id = t.entry_id and l.coa = '1000'
        group by t.portal_id, t.batch_id
    ), counted as (
        select c.portal_id, c.batch_id, sum(c.counted - c.expected) as over
        from batches.count as c group by c.portal_id, c.batch_id
    ), posted as (
        select b.portal_id, b.batch_id, sum(l.amount) as amount
        from batches.batch as b
        inner join ledger.posting as l
            on l.portal_id = b.portal_id and l.entry_id = b.entry_id and l.coa = '1000'
        group by b.portal_id, b.batch_id
    ), held as (
        select
            b.portal_id, b.batch_id, b.bound, b.taken as kept,
            coalesce(t.amount, 0) as taken, coalesce(k.amount, 0) as booked,
            coalesce(c.over, 0) as over, coalesce(l.amount, 0) as posted
        from batches.batch as b
        left join taken_in_all as t on t.portal_id = b.portal_id and t.batch_id = b.batch_id
        left join booked as k on k.portal_id = b.portal_id and k.batch_id = b.batch_id
        left join counted as c on c.portal_id = b.portal_id and c.batch_id = b.batch_id
        left join posted as l on l.portal_id = b.portal_id and l.batch_id = b.batch_id
    ), fault as (
        select h.portal_id, h.batch_id, 'tenders of ' || h.taken || ', books ' || h.booked as detail
        from held as h where h.taken <> h.booked
        union all
        select h.portal_id, h.batch_id, 'tenders of ' || h.taken || ', of the limit ' || h.kept
        from held as h where h.bound is not null and h.taken <> h.kept
        union all
        select h.portal_id, h.batch_id, 'over or short ' || h.over || ', books ' || h.posted
        from held as h where h.over <> h.posted
        union all
        select
            b.portal_id, b.batch_id,
            coalesce(t.tender, c.tender) || ' of ' || coalesce(t.amount, 0) || ', expected '
            || coalesce(c.expected, 0)
        from taken as t
        full join batches.count as c
            on c.portal_id = t.portal_id and c.batch_id = t.batch_id and c.tender = t.tender
        inner join batches.batch as b
            on b.portal_id = coalesce(t.portal_id, c.portal_id)
            and b.batch_id = coalesce(t.batch_id, c.batch_id)
        where b.closed_at is not null and coalesce(t.amount, 0) <> coalesce(c.expected, 0)
    )
    select p.key, f.batch_id, f.detail
    from fault as f inner join access.portal as p on p.portal_id = f.portal_id
$$;
