-- Portals, the people who act in them, what they may do, and what they did.

create schema access;
comment on schema access is 'Portals, system users, permissions, credentials and the audit log.';
grant usage on schema access to currant_runtime, currant_reader;

create table access.portal (
    portal_id int primary key generated always as identity,
    key text not null constraint portal_key_taken unique
    constraint portal_key_shape check (key ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    name text not null,
    timezone text not null constraint portal_zone_known check (db.knows_zone(timezone)),
    currency text not null constraint currency_code check (currency ~ '^[A-Z]{3}$'),
    tz_index int not null default 0,
    created_at timestamptz not null
);
comment on table access.portal is 'A tenant: one utility, with its civil time and currency.';
alter table access.portal enable row level security;
create policy tenant on access.portal using (portal_id = any((select db.portals())::int[]));

create table access.portal_alias (
    alias text primary key constraint portal_alias_shape check (alias ~ '^[a-z0-9_-]{1,40}$'),
    portal_id int not null references access.portal
);
comment on table access.portal_alias is 'Other spellings under which clients name a portal.';
call db.tenant_table('access.portal_alias');

create table access.vendor (
    portal_id int not null references access.portal,
    vendor_number text not null constraint vendor_number_shape
    check (vendor_number ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$'),
    name text not null constraint vendor_name_shape check (name ~ '\S'),
    external boolean not null default false,
    constraint vendor_taken primary key (portal_id, vendor_number)
);
comment on table access.vendor is 'Who sells: the utility itself, or a shop that vends for it.';
call db.tenant_table('access.vendor');

create table access.permission (
    permission text primary key,
    position int not null unique,
    category text not null,
    description text not null,
    long_description text not null default ''
);
comment on table access.permission is 'The catalogue of permissions, in its printed order.';
revoke insert, update, delete on access.permission from currant_runtime;

create table access.role (
    role text primary key,
    sec_level int not null
);
comment on table access.role is 'The ten roles a system user may have, with their level.';
revoke insert, update, delete on access.role from currant_runtime;

create table access.role_permission (
    role text not null references access.role,
    permission text not null references access.permission,
    primary key (role, permission)
);
comment on table access.role_permission is 'What each role may do unless the user says otherwise.';
revoke insert, update, delete on access.role_permission from currant_runtime;

create table access.system_user (
    user_id int primary key generated always as identity,
    portal_id int references access.portal,
    login text not null constraint login_taken unique
    constraint login_shape check (login ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,19}$'),
    name text not null constraint user_name_shape
    check (length(name) <= 30 and name ~ '\S' and name !~ '[[:cntrl:]]'),
    role text not null constraint role_known references access.role,
    vendor_number text,
    external_vendor boolean not null default false,
    phone_1 text not null default '',
    phone_2 text not null default '',
    sms_1 text not null default '',
    sms_2 text not null default '',
    email text not null default '' constraint user_email_shape check (db.email_or_blank(email)),
    vending_limit bigint constraint vending_limit_positive check (
        vending_limit between 0 and 1000000000000000
    ),
    special_limit bigint constraint special_limit_positive check (
        special_limit between 0 and 1000000000000000
    ),
    blocked_accounts text not null default '' constraint blocked_accounts_shape
    check (blocked_accounts ~ '^(\*|[0-9]{5,}(,[0-9]{5,})*)?$'),
    everywhere boolean not null default false,
    active boolean not null default true,
    created_at timestamptz not null,
    check (everywhere = (portal_id is null)),
    constraint user_phone_digits
    check ((phone_1 || phone_2 || sms_1 || sms_2) ~ '^[0-9]*$'),
    constraint vendor_known
    foreign key (portal_id, vendor_number) references access.vendor
);
comment on table access.system_user is
'Who acts. Limits are in minor units of the portal''s currency; null is no limit, or no vendor.';
call db.tenant_table('access.system_user');
-- Functions of the owner write users, after a look at what their writer may give away.
revoke insert, update, delete on access.system_user from currant_runtime;

create table access.user_portal (
    portal_id int not null references access.portal,
    user_id int not null references access.system_user,
    primary key (portal_id, user_id)
);
comment on table access.user_portal is 'The portals granted to a system user.';
call db.tenant_table('access.user_portal');
revoke insert, update, delete on access.user_portal from currant_runtime;

create table access.user_permission (
    user_id int not null references access.system_user,
    permission text not null references access.permission,
    granted boolean not null,
    primary key (user_id, permission)
);
comment on table access.user_permission is
'What a user may do beyond the role (granted), or may not do in spite of it (not granted).';
revoke all on access.user_permission from currant_runtime;

create table access.credential (
    credential_id int primary key generated always as identity,
    user_id int not null references access.system_user,
    kind text not null check (kind in ('PASSWORD', 'TOKEN')),
    secret text not null,
    created_at timestamptz not null,
    revoked_at timestamptz
);
comment on table access.credential is
'Proofs of who somebody is: an argon2id hash of a password, the SHA-256 of a token.';
create unique index one_live_credential on access.credential (user_id, kind)
where revoked_at is null;
revoke all on access.credential from currant_runtime, currant_reader;

create table access.access_key (
    portal_id int not null references access.portal,
    key_id int generated always as identity,
    user_id int not null references access.system_user,
    name text not null constraint access_key_name_shape
    check (length(name) <= 60 and name ~ '\S' and name !~ '[[:cntrl:]]'),
    secret text not null,
    methods text[], -- noqa: LT01
    read_only boolean not null,
    created_at timestamptz not null,
    created_by text not null,
    revoked_at timestamptz,
    primary key (portal_id, key_id)
);
comment on table access.access_key is
'Keys of programs that use the Utilmate API as a system user of one portal. Of the key its SHA-256 '
'is kept. methods are those it is certified for, null for all; a read-only one changes nothing.';
create unique index access_key_name_taken on access.access_key (portal_id, lower(name))
where revoked_at is null;
create index access_key_by_secret on access.access_key (secret);
call db.tenant_table('access.access_key');
-- Functions of the owner write keys and compare them; nobody else sees what proves one.
revoke all on access.access_key from currant_runtime, currant_reader;
grant select (
    portal_id, key_id, user_id, name, methods, read_only, created_at, created_by, revoked_at
) on access.access_key to currant_runtime, currant_reader;

-- What every act writes has no foreign key to its portal, whose row each of them would lock: the
-- policy lets nothing be written but in portals of the transaction, and no portal is ever deleted.
create table access.idempotency (
    portal_id int not null,
    user_id int not null,
    key text not null constraint idempotency_key_length check (length(key) between 1 and 255),
    request text not null,
    answer text,
    kept_since timestamptz not null default now(),
    primary key (portal_id, user_id, key)
);
comment on table access.idempotency is
'What was answered to a request that carried a key; it is kept for a week of the server''s clock.';
create index idempotency_by_age on access.idempotency using brin (kept_since);
call db.tenant_table('access.idempotency');

create table access.audit_event (
    portal_id int,
    event_id bigint primary key generated always as identity,
    at timestamptz not null,
    login text not null,
    act text not null,
    outcome text not null check (outcome in ('done', 'refused')),
    command text not null,
    detail text not null default ''
);
comment on table access.audit_event is 'Who did what, or tried to; the command less its secrets.';
alter table access.audit_event enable row level security;
create policy tenant on access.audit_event
using (portal_id = any((select db.portals())::int[]))
with check (portal_id is null or portal_id = any((select db.portals())::int[]));
call db.append_only('access.audit_event');

create table access.counter (
    portal_id int not null references access.portal,
    name text not null,
    last bigint not null,
    primary key (portal_id, name)
);
comment on table access.counter is 'The last number given out of each numbered series of a portal.';
call db.tenant_table('access.counter');

-- Take the next numbers of a series; the first of them is answered. 999999 is never given
-- (it is the suspense debtor, conformance.md 8.4).
create function access.take_numbers(in_portal int, series text, how_many int)
returns bigint language sql as $$
    insert into access.counter as c (portal_id, name, last)
    values (in_portal, series, how_many + case when how_many >= 999999 then 999999 else 0 end)
    on conflict (portal_id, name) do update
    set last = case
        when c.last < 999999 and c.last + how_many >= 999999 then 999999 + how_many
        else c.last + how_many
    end
    returning last - how_many + 1
$$;

-- Write a number of a series as it is printed: five digits, more when they are needed.
create function access.padded(number bigint) returns text language sql immutable
return lpad(number::text, greatest(length(number::text), 5), '0');

-- In which portals a user holds a permission, and if not, why not. The check at the door, the
-- filter of a list and the answer to "why not?" are these same rows.
-- The empty permission is one that every signed-in user has, and so is what is public. It is for
-- functions of the owner, into whose statements it is planned.
create function access.may(of_user int, wanted text)
returns table (portal_id int, allowed boolean, reason text)
language sql stable
as $$
    with held as materialized (
        select
            u.user_id, u.everywhere,
            wanted in ('', 'public') or coalesce(
                (
                    select up.granted from access.user_permission as up
                    where up.user_id = u.user_id and up.permission = wanted
                ),
                (
                    select true from access.role_permission as rp
                    where rp.role = u.role and rp.permission = wanted
                ),
                false
            ) as holds
        from access.system_user as u
        where u.user_id = of_user and u.active
    )
    select p.portal_id, h.holds, case when h.holds then '' else 'lacks ' || wanted end
    from held as h
    inner join access.portal as p
        on h.everywhere or (
            select true from access.user_portal as g
            where g.portal_id = p.portal_id and g.user_id = h.user_id
        )
$$;
revoke execute on function access.may(int, text) from currant_runtime;

-- What a role may do with what a user was given beyond it, and less what was taken away.
create function access.permissions_with(of_role text, of_user int)
returns table (permission text)
language sql stable
as $$
    select p.permission
    from access.permission as p
    left join access.role_permission as rp on rp.role = of_role and rp.permission = p.permission
    left join access.user_permission as up
        on up.user_id = of_user and up.permission = p.permission
    where coalesce(up.granted, rp.permission is not null)
$$;
revoke execute on function access.permissions_with(text, int) from currant_runtime;

-- What a user may do, active or not.
create function access.permissions_of(of_user int)
returns table (permission text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select p.permission
    from access.system_user as u
    cross join access.permissions_with(u.role, u.user_id) as p
    where u.user_id = of_user
$$;

-- The stored hash of a user's password, for the one comparison that must happen outside.
create function access.password_of(of_login text)
returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select c.secret from access.credential as c
    inner join access.system_user as u on u.user_id = c.user_id
    where u.login = of_login and u.active and c.kind = 'PASSWORD' and c.revoked_at is null
$$;

-- Found a tenant with its own vendor; from now on this transaction sees it.
create function access.create_portal(
    new_key text, new_name text, of_timezone text, of_currency text, of_tz_index int,
    of_vendor text, at timestamptz
)
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    made int;
begin
    insert into access.portal (key, name, timezone, currency, tz_index, created_at)
    values (new_key, new_name, of_timezone, of_currency, of_tz_index, at)
    returning portal_id into made;
    insert into access.vendor (portal_id, vendor_number, name)
    values (made, of_vendor, new_name);
    perform set_config('currant.portals', array[made]::text, true);
    return made;
end
$$;

-- How far somebody reaches: the permissions; the limits in minor units, null is none; the accounts
-- barred, `*` is all; the portals, null is all; the vendor that an external user keeps to, null for
-- who is not external.
create type access.reach as (
    permissions text[], -- noqa: LT01
    vending_limit bigint,
    special_limit bigint,
    barred text[], -- noqa: LT01
    portals int[], -- noqa: LT01
    vendor_number text
);

-- How far a user reaches, active or not; also one who is not stored yet.
create function access.reach_of(u access.system_user)
returns access.reach
language sql stable
as $$
    select
        array(
            select p.permission from access.permissions_with(u.role, u.user_id) as p
            order by p.permission
        ),
        u.vending_limit,
        u.special_limit,
        coalesce(string_to_array(nullif(u.blocked_accounts, ''), ','), '{}'),
        case when not u.everywhere then
            array(
                select g.portal_id from access.user_portal as g where g.user_id = u.user_id
                union
                select u.portal_id
            )
        end,
        case when u.external_vendor then coalesce(u.vendor_number, '') end
$$;
revoke execute on function access.reach_of(access.system_user) from currant_runtime;

-- What the one lacks of what the other may do, and the member of a user that tells it.
create function access.beyond(mine access.reach, theirs access.reach)
returns table (lacking text, member text)
language sql immutable
as $$
    select p, 'role' from unnest(theirs.permissions) as p
    where p <> all(mine.permissions)
    union all
    select 'a vending limit as high', 'vending_limit'
    where coalesce(theirs.vending_limit > mine.vending_limit, mine.vending_limit is not null)
    union all
    select 'a special limit as high', 'special_limit'
    where coalesce(theirs.special_limit > mine.special_limit, mine.special_limit is not null)
    union all
    select case a when '*' then 'access to any account' else 'access to account ' || a end,
        'blocked_accounts'
    from unnest(mine.barred) as a
    where a <> all(theirs.barred) and '*' <> all(theirs.barred)
    union all
    select 'users beyond vendor ' || mine.vendor_number, 'vendor_number'
    where mine.vendor_number is distinct from theirs.vendor_number and mine.vendor_number is not null
    union all
    select 'a portal of theirs', 'user'
    where mine.portals is not null and not coalesce(theirs.portals <@ mine.portals, false)
$$;

-- Lock who changes a user, and the user, in one order and before a look at either: what is found
-- from then on still holds at the commit. Who may no longer manage users is refused, and so is who
-- came in by a credential that was replaced meanwhile: a stolen token must not outlive that.
create function access.hold_users(in_portal int, by_user int, of_login text)
returns void
language plpgsql
as $$
declare
    proved int := nullif(current_setting('currant.credential', true), '')::int;
begin
    perform from access.system_user as u
    where u.user_id = by_user or (u.login = of_login and u.portal_id = in_portal)
    order by u.user_id
    for no key update;
    if not exists (
        select from access.system_user as u
        where u.user_id = by_user and u.active and (
            u.login = of_login
            or 'users.manage' in (
                select p.permission from access.permissions_with(u.role, u.user_id) as p
            )
        )
    ) then
        raise exception 'user % may no longer manage users', by_user
            using errcode = 'restrict_violation', constraint = 'manager_still_may';
    end if;
    if proved is not null and not exists (
        select from access.credential as c
        where c.credential_id = proved and c.revoked_at is null
    ) then
        raise exception 'credential % was replaced', proved
            using errcode = 'restrict_violation', constraint = 'credential_still_live';
    end if;
end
$$;
revoke execute on function access.hold_users(int, int, text) from currant_runtime;

-- What a user of a portal may do that another may not: nobody changes such a user, or could become
-- anybody. No row where the portal has no such user.
create function access.beyond_user(in_portal int, by_user int, of_login text)
returns table (user_id int, beyond text[])
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select
        u.user_id,
        array(select b.lacking from access.beyond(access.reach_of(a), access.reach_of(u)) as b)
    from access.system_user as u
    inner join access.system_user as a on a.user_id = by_user
    where u.login = of_login and u.portal_id = in_portal and in_portal = any(db.portals())
$$;

-- Store a user of a portal, a new one or one that is there in all its facts, and answer one row;
-- none where there is no such user. Where the user reaches further than who stores it, before or
-- after, `beyond` lists what is lacking, `member` says by which fact, and nothing was stored.
create function access.put_user(
    in_portal int, by_user int, is_new boolean, of_login text, new_name text, new_role text,
    new_vendor text, is_external boolean, new_phone_1 text, new_phone_2 text, new_sms_1 text,
    new_sms_2 text, new_email text, new_vending_limit bigint, new_special_limit bigint,
    new_blocked text, at timestamptz
)
returns table (beyond text[], member text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    mine access.reach;
    wanted access.system_user;
begin
    perform access.hold_users(in_portal, by_user, of_login);
    mine := (select access.reach_of(u) from access.system_user as u where u.user_id = by_user);
    if (in_portal = any(db.portals())) is not true then
        return;
    end if;
    if is_new then
        wanted.portal_id := in_portal;
        wanted.everywhere := false;
    else
        select u.* into wanted from access.system_user as u
        where u.login = of_login and u.portal_id = in_portal;
        if not found then
            return;
        end if;
        beyond := array(
            select b.lacking from access.beyond(mine, access.reach_of(wanted)) as b
        );
        if beyond <> '{}' then
            member := 'user';
            return next;
            return;
        end if;
    end if;
    wanted.role := new_role;
    wanted.vendor_number := nullif(new_vendor, '');
    wanted.external_vendor := is_external;
    wanted.vending_limit := new_vending_limit;
    wanted.special_limit := new_special_limit;
    wanted.blocked_accounts := new_blocked;
    select coalesce(array_agg(b.lacking), '{}'), coalesce((array_agg(b.member))[1], '')
    into beyond, member
    from access.beyond(mine, access.reach_of(wanted)) as b;
    if beyond = '{}' and is_new then
        insert into access.system_user (
            portal_id, login, name, role, vendor_number, external_vendor, phone_1, phone_2,
            sms_1, sms_2, email, vending_limit, special_limit, blocked_accounts, created_at
        )
        values (
            in_portal, of_login, new_name, new_role, wanted.vendor_number, is_external,
            new_phone_1, new_phone_2, new_sms_1, new_sms_2, new_email, new_vending_limit,
            new_special_limit, new_blocked, at
        )
        returning user_id into wanted.user_id;
        insert into access.user_portal (portal_id, user_id) values (in_portal, wanted.user_id);
    elsif beyond = '{}' then
        update access.system_user as u set
            name = new_name, role = new_role, vendor_number = wanted.vendor_number,
            external_vendor = is_external, phone_1 = new_phone_1, phone_2 = new_phone_2,
            sms_1 = new_sms_1, sms_2 = new_sms_2, email = new_email,
            vending_limit = new_vending_limit, special_limit = new_special_limit,
            blocked_accounts = new_blocked
        where u.user_id = wanted.user_id;
        -- What the new role says by itself is not said of the user too.
        delete from access.user_permission as up
        where up.user_id = wanted.user_id and up.granted = exists (
            select from access.role_permission as rp
            where rp.role = new_role and rp.permission = up.permission
        );
    end if;
    return next;
end
$$;

-- Give a user of a portal permissions and take others away; only what differs from the role is
-- kept. One row, none where there is no such user; where the user may do, or would be given, what
-- the giver may not, it is listed and nothing was changed.
create function access.change_permissions(
    in_portal int, by_user int, of_login text, added text[], removed text[]
)
returns table (beyond text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    known access.system_user;
    mine access.reach;
begin
    perform access.hold_users(in_portal, by_user, of_login);
    select u.* into known from access.system_user as u
    where u.login = of_login and u.portal_id = in_portal and in_portal = any(db.portals());
    if not found then
        return;
    end if;
    mine := (select access.reach_of(u) from access.system_user as u where u.user_id = by_user);
    beyond := array(
        select b.lacking from access.beyond(mine, access.reach_of(known)) as b
        union
        select p from unnest(added) as p where p <> all(mine.permissions)
        order by 1
    );
    if beyond = '{}' then
        delete from access.user_permission as up
        where up.user_id = known.user_id and up.permission = any(added || removed);
        insert into access.user_permission (user_id, permission, granted)
        select known.user_id, c.permission, c.granted
        from (
            select p, true from unnest(added) as p
            union
            select p, false from unnest(removed) as p
        ) as c (permission, granted)
        where c.granted <> exists (
            select from access.role_permission as rp
            where rp.role = known.role and rp.permission = c.permission
        );
    end if;
    return next;
end
$$;

-- Let a user of a portal in or keep them out, and answer one row; none where there is no such user.
-- `beyond` lists what the user may do and the other may not; then nothing was changed.
create function access.set_active(
    in_portal int, by_user int, of_login text, is_active boolean
)
returns table (beyond text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    known record;
begin
    perform access.hold_users(in_portal, by_user, of_login);
    for known in
        select b.user_id, b.beyond from access.beyond_user(in_portal, by_user, of_login) as b
    loop
        update access.system_user as u set active = is_active
        where u.user_id = known.user_id and known.beyond = '{}';
        beyond := known.beyond;
        return next;
    end loop;
end
$$;

-- Replace a user's live credential of one kind, within one portal, and answer one row; none where
-- there is no such user. `beyond` lists what the user may do and the other may not; then nothing
-- was replaced.
create function access.set_credential(
    in_portal int, by_user int, of_login text, of_kind text, new_secret text, at timestamptz
)
returns table (beyond text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    known record;
begin
    perform access.hold_users(in_portal, by_user, of_login);
    for known in
        select b.user_id, b.beyond from access.beyond_user(in_portal, by_user, of_login) as b
    loop
        if known.beyond = '{}' then
            update access.credential as c set revoked_at = at
            where c.user_id = known.user_id and c.kind = of_kind and c.revoked_at is null;
            insert into access.credential (user_id, kind, secret, created_at)
            values (known.user_id, of_kind, new_secret, at);
        end if;
        beyond := known.beyond;
        return next;
    end loop;
end
$$;

-- Give a user of a portal an access key and answer one row; none where there is no such user.
-- `beyond` lists what the user may do and the giver may not; then there is no key.
create function access.create_key(
    in_portal int, by_user int, of_login text, new_name text, for_methods text[],
    only_reads boolean, new_secret text, by_login text, at timestamptz
)
returns table (beyond text[], key_id int)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    known record;
begin
    perform access.hold_users(in_portal, by_user, of_login);
    for known in
        select b.user_id, b.beyond from access.beyond_user(in_portal, by_user, of_login) as b
    loop
        beyond := known.beyond;
        if beyond = '{}' then
            insert into access.access_key as k (
                portal_id, user_id, name, secret, methods, read_only, created_at, created_by
            )
            values (
                in_portal, known.user_id, new_name, new_secret, for_methods, only_reads, at,
                by_login
            )
            returning k.key_id into key_id;
        end if;
        return next;
    end loop;
end
$$;

-- Revoke an access key of a portal, and answer one row; none where there is no such key. `beyond`
-- lists what its user may do and the other may not; then nothing was revoked. One that is revoked
-- stays as it is.
create function access.revoke_key(in_portal int, by_user int, of_key int, at timestamptz)
returns table (beyond text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    of_login text := (
        select u.login from access.access_key as k
        inner join access.system_user as u on u.user_id = k.user_id
        where k.portal_id = in_portal and k.key_id = of_key
    );
    known record;
begin
    perform access.hold_users(in_portal, by_user, of_login);
    for known in
        select b.beyond from access.beyond_user(in_portal, by_user, of_login) as b
    loop
        update access.access_key as k set revoked_at = at
        where k.portal_id = in_portal and k.key_id = of_key and k.revoked_at is null
            and known.beyond = '{}';
        beyond := known.beyond;
        return next;
    end loop;
end
$$;

-- The gate. Proves the credential, resolves the portal, asks whether the user may, claims the
-- idempotency key, and sets the tenant of this transaction. `proof_kind` is 'TOKEN' (the proof is
-- the token's SHA-256), 'PASSWORD' (the proof is the stored hash that was just verified), 'KEY'
-- (the proof is an access key's SHA-256), 'LOCAL' (this machine's own operator or a job) or 'NONE'
-- (what the document leaves public).
-- `asked_method` is the method of the Utilmate API that is called. A key is let in for nothing
-- else, and for what it is certified for; a user needs its permission. Without a portal it is the
-- one of the key or the user.
create function access.enter(
    asked_login text, proof_kind text, proof text, asked_portal text, wanted text,
    asked_key text, request text, asked_method text default null,
    out refusal text, out user_id int, out login text, out vendor_number text,
    out blocked_accounts text, out special_limit bigint,
    out portal_id int, out portal_key text, out timezone text, out currency text,
    out replay text
)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    proved int;
    held access.access_key;
    known access.system_user;
    tenant access.portal;
    allowed int[];
    denial text;
    claimed access.idempotency;
begin
    if proof_kind = 'NONE' then
        if wanted <> 'public' then
            refusal := 'credentials';
            return;
        end if;
    elsif proof_kind = 'KEY' then
        select k.* into held from access.access_key as k
        where k.secret = proof and k.revoked_at is null;
        select u.* into known from access.system_user as u
        where u.user_id = held.user_id and u.active;
        if known.user_id is null or (asked_method is null and wanted <> '') then
            refusal := 'credentials';
            return;
        end if;
    else
        select u.* into known from access.system_user as u
        where u.login = asked_login and u.active;
        select c.credential_id into proved from access.credential as c
        where c.user_id = known.user_id and c.kind = proof_kind
            and c.secret = proof and c.revoked_at is null;
        if proved is null and (proof_kind = 'LOCAL' and known.everywhere) is not true then
            refusal := 'credentials';
            return;
        end if;
    end if;
    user_id := coalesce(known.user_id, 0);
    login := coalesce(known.login, '');
    vendor_number := coalesce(known.vendor_number, '');
    blocked_accounts := coalesce(known.blocked_accounts, '');
    special_limit := known.special_limit;
    if asked_portal is not null then
        select p.* into tenant from access.portal as p where p.key = asked_portal;
        if tenant.portal_id is null then
            select p.* into tenant from access.portal_alias as a
            inner join access.portal as p on p.portal_id = a.portal_id
            where a.alias = asked_portal;
        end if;
        if held.portal_id <> tenant.portal_id then
            tenant := null;
        end if;
    elsif held.portal_id is not null or asked_method is not null then
        select p.* into tenant from access.portal as p
        where p.portal_id = coalesce(held.portal_id, known.portal_id);
    end if;
    if asked_portal is not null or tenant.portal_id is not null then
        if proof_kind = 'NONE' then
            allowed := array[tenant.portal_id];
        else
            select array_agg(m.portal_id) filter (where m.allowed), min(m.reason)
            into allowed, denial
            from access.may(known.user_id, wanted) as m where m.portal_id = tenant.portal_id;
        end if;
        if tenant.portal_id is null or allowed is null then
            refusal := coalesce(denial, 'portal');
            return;
        end if;
        refusal := case
            when asked_method is null then null
            when held.key_id is not null and asked_method <> all(held.methods)
                then 'is not certified for ' || asked_method
            when held.read_only and asked_method !~ '^GET' then 'may only read'
            when held.key_id is null and not exists (
                select from access.may(known.user_id, 'utilmate.api') as m
                where m.portal_id = tenant.portal_id and m.allowed
            ) then 'lacks utilmate.api'
        end;
        if refusal is not null then
            return;
        end if;
        portal_id := tenant.portal_id;
        portal_key := tenant.key;
        timezone := tenant.timezone;
        currency := tenant.currency;
    else
        select array_agg(m.portal_id) filter (where m.allowed), min(m.reason)
        into allowed, denial from access.may(known.user_id, wanted) as m;
        if allowed is null and not coalesce(known.everywhere, false) then
            refusal := coalesce(denial, 'portal');
            return;
        end if;
    end if;
    perform set_config('currant.portals', coalesce(allowed, '{}')::text, true);
    perform set_config('currant.credential', coalesce(proved::text, ''), true);
    if asked_key is not null and portal_id is not null then
        insert into access.idempotency (portal_id, user_id, key, request)
        values (tenant.portal_id, enter.user_id, asked_key, enter.request)
        on conflict do nothing;
        if not found then
            select i.* into claimed from access.idempotency as i
            where i.portal_id = tenant.portal_id and i.user_id = enter.user_id
                and i.key = asked_key;
            if claimed.request <> enter.request then
                refusal := 'key';
            end if;
            replay := claimed.answer;
        end if;
    end if;
end
$$;

-- Forget the keys that were kept for a week; answers how many.
create function access.forget_keys()
returns bigint
language sql security definer set search_path = pg_catalog, pg_temp
as $$
    with forgotten as (
        delete from access.idempotency as i where i.kept_since < now() - interval '7 days'
        returning 1
    )
    select count(*) from forgotten
$$;

insert into access.permission (position, permission, category, description, long_description)
values
(1, 'passwd', 'Account', 'Change Password', ''),
(2, 'balance', 'Account', 'Drawer Balance and Batch', ''),
(
    3, 'tabcoms', 'Account Screen', 'Coms: SMS/Email/IVR/Issues',
    'Allows access to Com tab showing all Juice generated customer communications.'
),
(
    4, 'tabcontrol', 'Account Screen', 'Control Tab',
    'Allows access to manage tariff, location, meter, vending, and more. '
    'Commercial services agents and customer service managers should have access '
    'and review training documents before using.'
),
(5, 'vendcash', 'Vending', 'Vend Cash', 'Allows user to vend power with cash payment.'),
(6, 'vend.view', 'Vending', 'View vends and receipts', ''),
(7, 'customer.view', 'Customers', 'View customers', ''),
(8, 'location.view', 'Customers', 'View locations', ''),
(9, 'wallet.view', 'Customers', 'View wallets', ''),
(10, 'arrears.view', 'Customers', 'View arrears', ''),
(11, 'meter.view', 'Metering', 'View meters', ''),
(12, 'reads.view', 'Metering', 'View reads', ''),
(13, 'reads.write', 'Metering', 'Record reads', ''),
(14, 'ami.callback', 'Metering', 'Answer head-end requests', ''),
(15, 'ami.command', 'Metering', 'Command meters', ''),
(16, 'import.trinity', 'Imports', 'Import customers, locations and meters', ''),
(17, 'import.view', 'Imports', 'View imported keys', ''),
(18, 'adjust.arrears', 'Adjustments', 'Import arrears', ''),
(19, 'adjust.wallet', 'Adjustments', 'Fund and debit wallets', ''),
(20, 'tariffs.view', 'Tariffs', 'View tariffs', ''),
(21, 'tariffs.manage', 'Tariffs', 'Create and schedule tariffs', ''),
(22, 'transactions.view', 'Transactions', 'View transactions', ''),
(23, 'transactions.adjust', 'Transactions', 'Adjust accounts', ''),
(24, 'transactions.reverse', 'Transactions', 'Reverse transactions', ''),
(25, 'billing.view', 'Billing', 'View bills', ''),
(26, 'billing.run', 'Billing', 'Run bills', ''),
(27, 'billing.approve', 'Billing', 'Approve bills', ''),
(28, 'fieldwork', 'Fieldwork', 'Work orders', ''),
(29, 'reports.run', 'Finance', 'Run reports', ''),
(30, 'ledger.view', 'Finance', 'View the ledger', ''),
(31, 'ledger.close', 'Finance', 'Close periods', ''),
(32, 'users.manage', 'Administration', 'Manage system users', ''),
(33, 'utilmate.api', 'Administration', 'Use the Utilmate API', ''),
(34, 'portals.manage', 'Administration', 'Manage portals', ''),
(35, 'jobs.run', 'Administration', 'Run scheduled work', '');

insert into access.role (role, sec_level)
values
('CSR', 60), ('CSR2', 60), ('CSR3', 65), ('ComMGR', 70), ('VENDOR', 60), ('VENDORADM', 65),
('Engineer', 60), ('Accounting', 65), ('SysAdmin', 70), ('Operator', 99);

-- The default sets of conformance.md 8.6; each line builds on the sets named before it.
insert into access.role_permission (role, permission)
select 'VENDOR', permission from access.permission
where
    permission in (
        'passwd', 'balance', 'tabcoms', 'tabcontrol', 'customer.view', 'wallet.view', 'vend.view'
    );
insert into access.role_permission (role, permission)
select 'VENDORADM', permission from access.role_permission where role = 'VENDOR'
union
values ('VENDORADM', 'vendcash');
insert into access.role_permission (role, permission)
select 'CSR', permission from access.role_permission where role = 'VENDORADM'
union
select 'CSR', permission from access.permission
where
    permission in ('meter.view', 'reads.view', 'location.view', 'arrears.view', 'tariffs.view');
insert into access.role_permission (role, permission)
select 'CSR2', permission from access.role_permission where role = 'CSR'
union
values ('CSR2', 'transactions.view'), ('CSR2', 'adjust.wallet');
insert into access.role_permission (role, permission)
select 'CSR3', permission from access.role_permission where role = 'CSR2'
union
values
('CSR3', 'transactions.adjust'), ('CSR3', 'transactions.reverse'), ('CSR3', 'adjust.arrears');
insert into access.role_permission (role, permission)
select 'ComMGR', permission from access.role_permission where role = 'CSR3'
union
select 'ComMGR', permission from access.permission
where
    permission in ('tariffs.manage', 'users.manage', 'reports.run') or permission like 'billing.%';
insert into access.role_permission (role, permission)
select 'Engineer', permission from access.permission
where
    permission in ('meter.view', 'location.view', 'fieldwork')
    or permission like any(array['reads.%', 'import.%', 'ami.%']);
insert into access.role_permission (role, permission)
select 'Accounting', permission from access.permission
where
    permission = 'reports.run'
    or permission like any(array['%.view', 'ledger.%', 'transactions.%']);
insert into access.role_permission (role, permission)
select 'SysAdmin', permission from access.permission
where permission not in ('portals.manage', 'jobs.run');
insert into access.role_permission (role, permission)
select 'Operator', permission from access.permission;

-- The operator at this machine's own command line, and the jobs.
insert into access.system_user (login, name, role, everywhere, created_at)
values
('operator', 'Operator of this installation', 'Operator', true, now()),
('auto', 'Scheduled work', 'Operator', true, now());
