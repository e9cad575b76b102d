-- What every schema leans on: the extension for temporal keys, exact number domains,
-- and the two ways a table is guarded.

create extension if not exists btree_gist;

create schema db;
comment on schema db is 'Domains of exact numbers, table guards and the record of migrations.';
grant usage on schema db to currant_runtime, currant_reader;

alter default privileges grant select on tables to currant_reader;
alter default privileges grant select, insert, update, delete on tables to currant_runtime;
alter default privileges grant usage on sequences to currant_runtime;
-- What a function of the owner does is the runtime's to ask for, not everybody's.
alter default privileges revoke execute on functions from public;
alter default privileges grant execute on functions to currant_runtime;

-- Money in its currency's minor unit or coarser, or whole Wh: three places serve every currency.
create domain db.amount as numeric(18, 3) check (value <> 'NaN'); -- noqa: PRS

-- A rate per unit: exact, at least six places.
create domain db.rate as numeric(18, 9) check (value <> 'NaN' and value >= 0); -- noqa: PRS

-- Whether a name is a time zone here too; names without a region may be abbreviations, which know
-- no summer time. To try it is a thousand times cheaper than to look in pg_timezone_names.
create function db.knows_zone(zone text) returns boolean language plpgsql immutable as $$
begin
    perform timestamp '2000-01-01' at time zone zone;
    return zone = 'UTC' or zone ~ '^[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+$';
exception
    when invalid_parameter_value then return false;
end
$$;

-- Whether a text is one e-mail address, or blank.
create function db.email_or_blank(told text) returns boolean language sql immutable parallel safe
return length(told) <= 254 and told ~ '^([^@,[:space:][:cntrl:]]+@[^@,[:space:][:cntrl:]]+)?$';

create table db.migration (
    number int primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);
comment on table db.migration is 'Which migrations this database has, and what each one said.';
revoke insert, update, delete on db.migration from currant_runtime;

-- The portals of this transaction; the door sets them and nothing else does.
create function db.portals() returns int[] language sql stable parallel safe
return nullif(current_setting('currant.portals', true), '')::int[];
grant execute on function db.portals() to currant_reader;

-- Whether a range holds an instant, for joins of many rows: under row-level security the planner
-- takes no look at the statistics of `@>`, and believes that hardly any row does.
create function db.holds(valid tstzrange, at timestamptz) returns boolean
language sql immutable parallel safe
return lower(valid) <= at and coalesce(upper(valid) > at, true);

-- Tell the planner about tables that were just written, before they are joined: after many rows,
-- and where they were never looked at or have doubled since. Without it every tenant looks as if
-- it had a single row, and a join of two of its tables reads one of them once for each row of the
-- other. A table that somebody else is just looking at is left to them.
create function db.analyze_written(tables regclass[], written bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    named regclass;
begin
    for named in
        select c.oid::regclass from pg_class as c
        where c.oid = any(tables) and (
            written >= 500 or c.reltuples < 0
            or pg_relation_size(c.oid) > (2 * c.relpages + 8) * current_setting('block_size')::bigint
        )
        order by c.oid
    loop
        execute format('analyze (skip_locked) %s', named);
    end loop;
end
$$;

-- Whoever delivers facts that bills are made of holds a lock of its own from before its delivery
-- has a number until it is committed: one for each portal of the transaction, which nobody but
-- `db.await_deliveries` ever waits for.
create function db.hold_delivery() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(hashtext('deliveries ' || p.portal_id), pg_backend_pid())
    from unnest(db.portals()) as p (portal_id)
    order by p.portal_id;
    return null;
end
$$;

-- Make a table one of deliveries, which are numbered in their order and waited for.
create procedure db.delivery_table(named regclass) language plpgsql as $$
begin
    execute format(
        'create trigger hold_delivery before insert on %s '
        'for each statement execute function db.hold_delivery()', named
    );
end
$$;

-- Wait until the deliveries to a portal that are under way are committed or taken back. It keeps
-- none waiting that begins meanwhile: each lock is its session's own, and given back at once.
create function db.await_deliveries(in_portal int) returns void language plpgsql as $$
declare
    of_portal constant int := hashtext('deliveries ' || in_portal);
    session int;
begin
    for session in
        select distinct l.objid::bigint::int
        from pg_locks as l
        where l.locktype = 'advisory' and l.classid = (of_portal::bigint & 4294967295)::oid
            and l.objsubid = 2 and l.pid <> pg_backend_pid()
            and l.database = (select d.oid from pg_database as d where d.datname = current_database())
    loop
        perform pg_advisory_lock(of_portal, session);
        perform pg_advisory_unlock(of_portal, session);
    end loop;
end
$$;

-- A row that is history: nobody edits it.
create function db.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is history: it is corrected by adding, never edited.', tg_table_name
        using errcode = 'restrict_violation', constraint = 'append_only';
end
$$;

-- Make a table tenant data: only rows of the transaction's portals are seen or written.
create procedure db.tenant_table(named regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', named);
    execute format(
        'create policy tenant on %s using (portal_id = any((select db.portals())::int[]))', named
    );
end
$$;

-- Make a table history: UPDATE, DELETE and TRUNCATE are refused, to the runtime and in psql alike.
create procedure db.append_only(named regclass) language plpgsql as $$
begin
    execute format('revoke update, delete on %s from currant_runtime', named);
    execute format(
        'create trigger append_only before update or delete or truncate on %s '
        'for each statement execute function db.refuse_change()', named
    );
end
$$;
