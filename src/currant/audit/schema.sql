-- The log of what was done, made fast: each event sealed to the one before, each day signed.

create schema audit;
comment on schema audit is 'The seals of the audit log, and the signed heads of its days.';
grant usage on schema audit to currant_runtime, currant_reader;

create table audit.seal (
    portal_id int not null,
    number bigint not null,
    event_id bigint not null unique,
    hash bytea not null,
    primary key (portal_id, number)
);
comment on table audit.seal is
'The hash chain over committed audit events, one chain a portal; portal 0 holds those of none.';
alter table audit.seal enable row level security;
create policy tenant on audit.seal for select
using (portal_id = any((select db.portals())::int[]));
call db.append_only('audit.seal');

create table audit.head (
    portal_id int not null,
    day date not null,
    number bigint not null,
    hash bytea not null,
    signature bytea not null,
    primary key (portal_id, day)
);
comment on table audit.head is
'The last seal of each day, signed with the key of the installation.';
alter table audit.head enable row level security;
create policy tenant on audit.head for select
using (portal_id = any((select db.portals())::int[]));
call db.append_only('audit.head');

-- The hash of a seal: it covers the seal before it and the event, written the same way whatever
-- the session's settings are, and whatever columns the table is given later.
create function audit.seal_hash(before bytea, event access.audit_event)
returns bytea
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select sha256(before || convert_to(
        jsonb_build_array(
            event.portal_id, event.event_id, extract(epoch from event.at), event.login,
            event.act, event.outcome, event.command, event.detail
        )::text,
        'UTF8'
    ))
$$;

-- Extend each portal's hash chain over the events committed since; answers how many were sealed.
-- An event may be committed after one with a later number, but none an hour after: it looks behind
-- the last sealed one that old.
create function audit.extend(at timestamptz)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    event access.audit_event;
    settled bigint;
    chain int;
    last_number bigint;
    last_hash bytea;
    sealed bigint := 0;
    current_chain int;
begin
    perform pg_advisory_xact_lock(hashtext('audit.extend'));
    select s.event_id into settled
    from audit.seal as s
    inner join access.audit_event as e
        on e.event_id = s.event_id and e.at < extend.at - interval '1 hour'
    order by s.event_id desc limit 1;
    for event in
        select e.* from access.audit_event as e
        where e.event_id > coalesce(settled, 0)
            and not exists (select from audit.seal as s where s.event_id = e.event_id)
        order by coalesce(e.portal_id, 0), e.event_id
    loop
        chain := coalesce(event.portal_id, 0);
        if chain is distinct from current_chain then
            current_chain := chain;
            last_number := 0;
            last_hash := ''::bytea;
            select s.number, s.hash into last_number, last_hash from audit.seal as s
            where s.portal_id = chain order by s.number desc limit 1;
            last_number := coalesce(last_number, 0);
            last_hash := coalesce(last_hash, ''::bytea);
        end if;
        last_number := last_number + 1;
        last_hash := audit.seal_hash(last_hash, event);
        insert into audit.seal (portal_id, number, event_id, hash)
        values (chain, last_number, event.event_id, last_hash);
        sealed := sealed + 1;
    end loop;
    return sealed;
end
$$;

-- The head of each chain on each finished day of UTC that has none signed yet: the last seal then.
create function audit.unsigned_heads(today date)
returns table (portal_id int, day date, number bigint, hash bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select distinct on (s.portal_id, e.day) s.portal_id, e.day, s.number, s.hash
    from audit.seal as s
    inner join (
        select a.event_id, (a.at at time zone 'UTC')::date as day from access.audit_event as a
    ) as e on e.event_id = s.event_id
    where e.day < today and not exists (
        select from audit.head as h where h.portal_id = s.portal_id and h.day = e.day
    )
    order by s.portal_id, e.day, s.number desc
$$;

-- Keep the signatures of heads; answers how many are new.
create function audit.sign_heads(
    portals int[], days date[], numbers bigint[], hashes bytea[], signatures bytea[]
)
returns bigint
language sql security definer set search_path = pg_catalog, pg_temp
as $$
    with signed as (
        insert into audit.head (portal_id, day, number, hash, signature)
        select h.portal_id, h.day, h.number, h.hash, h.signature
        from unnest(portals, days, numbers, hashes, signatures)
            as h (portal_id, day, number, hash, signature)
        on conflict do nothing
        returning 1
    )
    select count(*) from signed
$$;

-- Every signed head, with what its seal says now: null where that seal is gone.
create function audit.heads()
returns table (
    portal_id int, day date, number bigint, hash bytea, signature bytea, event_id bigint,
    sealed bytea
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select h.portal_id, h.day, h.number, h.hash, h.signature, s.event_id, s.hash
    from audit.head as h
    left join audit.seal as s on s.portal_id = h.portal_id and s.number = h.number
    order by h.portal_id, h.day
$$;

-- Walk every chain again and answer the first fault of each, or nothing.
create function audit.faults()
returns table (portal_id int, number bigint, event_id bigint, fault text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    link record;
    before bytea := ''::bytea;
    expected bigint := 1;
    chain int;
    broken boolean := false;
begin
    for link in
        select s.portal_id, s.number, s.event_id, s.hash, e as event, e.event_id as found
        from audit.seal as s
        left join access.audit_event as e on e.event_id = s.event_id
        order by s.portal_id, s.number
    loop
        if link.portal_id is distinct from chain then
            chain := link.portal_id;
            before := ''::bytea;
            expected := 1;
            broken := false;
        end if;
        if not broken then
            if link.number <> expected then
                broken := true;
                fault := 'seal ' || expected || ' is missing';
            elsif link.found is null then
                broken := true;
                fault := 'the sealed event is missing';
            elsif link.hash <> audit.seal_hash(before, link.event) then
                broken := true;
                fault := 'the event or its seal was altered';
            end if;
            if broken then
                portal_id := link.portal_id;
                number := link.number;
                event_id := link.event_id;
                return next;
            end if;
        end if;
        before := link.hash;
        expected := link.number + 1;
    end loop;
end
$$;
