-- How portals bill.

create schema billing;
comment on schema billing is 'How a portal bills.';
grant usage on schema billing to currant_runtime, currant_reader;

create table billing.policy (
    portal_id int primary key references access.portal,
    tax_rounding text not null default 'LINE'
    constraint tax_rounding_known check (tax_rounding in ('LINE', 'INVOICE')),
    due_days int not null default 14
    constraint due_days_plausible check (due_days between 0 and 90),
    reopen_months int not null default 9
    constraint reopen_months_plausible check (reopen_months between 0 and 24),
    outlier_percent int not null default 300
    constraint outlier_plausible check (outlier_percent between 101 and 10000),
    read_tolerance_days int not null default 10
    constraint read_tolerance_plausible check (read_tolerance_days between 0 and 90)
);
comment on table billing.policy is
'How a portal bills: tax rounded for each line or once an invoice, days until an invoice is due, '
'months back that late reads may reopen, the share of the usual from which a bill is an outlier, '
'and how many days before the end of a run the last read of a register may be.';
call db.tenant_table('billing.policy');

-- The last deliveries of reads and of intervals to a portal, once those under way before them are
-- committed or taken back: whatever is asked next knows each of them.
create function billing.known_deliveries(in_portal int)
returns table (reads_known bigint, intervals_known bigint)
language plpgsql rows 1
as $$
begin
    perform db.await_deliveries(in_portal);
    reads_known := coalesce(
        (select max(b.batch_id) from reads.batch as b where b.portal_id = in_portal), 0
    );
    intervals_known := coalesce(
        (select max(f.file_id) from intervals.file as f where f.portal_id = in_portal), 0
    );
    perform db.await_deliveries(in_portal);
    return next;
end
$$;

-- A new portal bills as most do.
create function billing.open_policy() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into billing.policy (portal_id) values (new.portal_id);
    return null;
end
$$;

create trigger open_policy after insert on access.portal
for each row execute function billing.open_policy();
