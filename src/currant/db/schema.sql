-- What every schema leans on: the extension for temporal keys, exact number domains,
-- and the two ways a table is guarded.

create extension if not exists btree_gist;

create schema db;
comment on schema db is 'Domains of exact numbers, table guards and the record of migrations.';
grant usage on schema db to currant_runtime, currant_reader;

alter default privileges grant select on tables to currant_reader;
alter default privileges grant select, insert, update, delete on tables to currant_runtime;
alter default privileges grant usage on sequences to currant_runtime;

-- Money in its currency's minor unit or coarser, or whole Wh: three places serve every currency.
create domain db.amount as numeric(18, 3) check (value <> 'NaN'); -- noqa: PRS

-- A rate per unit: exact, at least six places.
create domain db.rate as numeric(18, 9) check (value <> 'NaN' and value >= 0); -- noqa: PRS

create table db.migration (
    number int primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);
comment on table db.migration is 'Which migrations this database has, and what each one said.';

-- The portals of this transaction; the door sets them and nothing else does.
create function db.portals() returns int[] language sql stable parallel safe
return nullif(current_setting('currant.portals', true), '')::int[];

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
