-- The double-entry ledger. Entries balance per commodity, arrive whole, and are never edited.

create schema ledger;
comment on schema ledger is 'Chart of accounts, entries, postings and periods.';
grant usage on schema ledger to currant_runtime, currant_reader;

create table ledger.chart_account (
    portal_id int not null references access.portal,
    coa text not null constraint coa_shape check (coa ~ '^[A-Z]?[0-9]{3,6}$'),
    name text not null constraint chart_account_named check (
        name ~ '\S' and name !~ '[[:cntrl:]]' and length(name) <= 100
    ),
    class text not null constraint chart_class_known check (
        class in ('asset', 'liability', 'income', 'expense', 'equity', 'energy')
    ),
    constraint energy_counted_apart check ((class = 'energy') = (coa ~ '^U')),
    constraint chart_account_taken primary key (portal_id, coa)
);
comment on table ledger.chart_account is
'The chart of accounts of a portal; accounts U… count energy in Wh, all others money.';
call db.tenant_table('ledger.chart_account');

create table ledger.period (
    portal_id int not null references access.portal,
    month date not null check (extract(day from month) = 1),
    closed_at timestamptz not null,
    closed_by text not null,
    primary key (portal_id, month)
);
comment on table ledger.period is 'The months that are closed; a month without a row is open.';
call db.tenant_table('ledger.period');

create sequence ledger.entry_id;

create table ledger.entry (
    portal_id int not null,
    entry_id bigint not null,
    kind text not null check (
        kind in (
            'cash', 'check', 'card', 'eft', 'wallet', 'fund', 'debit', 'adjust', 'arrears',
            'fixed', 'reversal', 'invoice', 'receipt', 'adjustment', 'transfer', 'refund', 'bond'
        )
    ),
    event_at timestamptz not null,
    recorded_at timestamptz not null,
    month date not null,
    login text not null,
    vendor_number text not null,
    account_id bigint,
    meter_id bigint,
    amount db.amount not null,
    arrears_amount db.amount not null,
    energy_wh bigint not null,
    tender_number bigint not null,
    tender_name text not null,
    note text not null,
    reverses bigint,
    document_ref text not null default '',
    building_id bigint,
    xid xid8 not null default pg_current_xact_id(),
    primary key (portal_id, entry_id)
);
comment on table ledger.entry is
'One event in the books: its kind, actor and instant, and the sums that statements print of it. '
'event_at is in the world, recorded_at in the database, month where it is posted. document_ref is '
'the number of the invoice, receipt or adjustment that it posts, building_id where it is of one.';
comment on column ledger.entry.amount is
'Printed, not posted: the part of a tender beyond arrears, or the value of usage.';
create unique index entry_reversed_once on ledger.entry (portal_id, reverses)
where reverses is not null;
-- The time comes first, so that no plan can take this index for the primary key.
create index entry_by_time on ledger.entry (recorded_at, portal_id);
-- A month's journals, in the order of their numbers; the month comes first for the same reason.
create index entry_by_month on ledger.entry (month, portal_id, entry_id);
call db.tenant_table('ledger.entry');
call db.append_only('ledger.entry');

create table ledger.posting (
    portal_id int not null,
    entry_id bigint not null,
    line int not null,
    coa text not null,
    commodity text not null,
    amount db.amount not null,
    account_id bigint,
    tax_code text check (tax_code in ('GST', 'FREE')),
    primary key (portal_id, entry_id, line)
);
comment on table ledger.posting is
'A line of an entry: debit positive, credit negative, tagged with the customer account it '
'concerns where the chart account is one that customers have a balance on. tax_code says of a '
'revenue line whether it was taxed; null is not told.';
create index posting_by_account on ledger.posting (portal_id, account_id, coa) include (amount)
where account_id is not null;
call db.tenant_table('ledger.posting');
call db.append_only('ledger.posting');

-- The books as a whole refuse an entry that does not balance, one that is added to later, and a
-- chart account that does not exist. It sees every row, whoever the session is. Each entry is
-- looked up by its key, one by one and never by a scan: the plan is made when the table is young
-- and kept while it grows.
create function ledger.guard_postings() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    fault record;
begin
    select l.entry_id, l.commodity, sum(l.amount) as off into fault
    from lines as l
    group by l.portal_id, l.entry_id, l.commodity
    having sum(l.amount) <> 0 or pg_current_xact_id() is distinct from (
        select e.xid from ledger.entry as e
        where e.portal_id = l.portal_id and e.entry_id = l.entry_id
    )
    limit 1;
    if fault.off <> 0 then
        raise exception 'Entry % is off by % %.', fault.entry_id, fault.off, fault.commodity
            using errcode = 'check_violation', constraint = 'entry_balances';
    elsif found then
        raise exception 'Entry % is not of this transaction.', fault.entry_id
            using errcode = 'check_violation', constraint = 'entry_arrives_whole';
    end if;
    select l.coa into fault
    from (select distinct lines.portal_id, lines.coa, lines.commodity from lines) as l
    left join ledger.chart_account as c on c.portal_id = l.portal_id and c.coa = l.coa
    where c.coa is null or (c.class = 'energy') <> (l.commodity = 'Wh') limit 1;
    if found then
        raise exception 'Chart account % does not exist, or not for this commodity.', fault.coa
            using errcode = 'foreign_key_violation', constraint = 'chart_account_exists';
    end if;
    return null;
end
$$;

create trigger guard_postings after insert on ledger.posting
referencing new table as lines
for each statement execute function ledger.guard_postings();

-- Have a month for oneself until the transaction ends: what is being posted in it ends before.
create function ledger.hold_month(in_portal int, in_month date) returns void
language sql
return pg_advisory_xact_lock(hashtext('ledger'), hashtext(in_portal || ' ' || in_month));

-- A closed month takes no entries. Who posts in a month shares it until the end with others who
-- do, and not with who closes it.
create function ledger.guard_entries() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    fault record;
begin
    perform pg_advisory_xact_lock_shared(
        hashtext('ledger'), hashtext(n.portal_id || ' ' || n.month)
    )
    from (select distinct entries.portal_id, entries.month from entries) as n;
    select n.month into fault
    from (select distinct entries.portal_id, entries.month from entries) as n
    inner join ledger.period as p on p.portal_id = n.portal_id and p.month = n.month limit 1;
    if found then
        raise exception 'The month % is closed.', fault.month
            using errcode = 'check_violation', constraint = 'month_is_open';
    end if;
    return null;
end
$$;

create trigger guard_entries after insert on ledger.entry
referencing new table as entries
for each statement execute function ledger.guard_entries();

-- The month an instant is posted in: its own by the portal's clock, or the first one after it
-- that is open.
create function ledger.open_month(in_portal int, at timestamptz)
returns date language plpgsql stable
as $$
declare
    own date := (
        select date_trunc('month', at at time zone p.timezone)
        from access.portal as p where p.portal_id = in_portal
    );
begin
    if not exists (
        select from ledger.period as c where c.portal_id = in_portal and c.month = own
    ) then
        return own;
    end if;
    return (
        select min(c.month + interval '1 month') from ledger.period as c
        where c.portal_id = in_portal and c.month >= own and not exists (
            select from ledger.period as n
            where n.portal_id = in_portal and n.month = c.month + interval '1 month'
        )
    );
end
$$;

create type ledger.new_entry as (
    n int,
    kind text,
    event_at timestamptz,
    account_id bigint,
    meter_id bigint,
    amount numeric,
    arrears_amount numeric,
    energy_wh bigint,
    tender_number bigint,
    tender_name text,
    note text,
    reverses bigint,
    document_ref text,
    building_id bigint
);

create type ledger.new_posting as (
    n int,
    coa text,
    commodity text,
    amount numeric,
    account_id bigint,
    tax_code text
);

-- Post a set of entries with their lines, and answer the ids of the entries in their order. `n`
-- counts the entries from 1 and ties a line to its entry. Lines of amount zero are dropped.
create function ledger.post(
    in_portal int, by_login text, by_vendor text, at timestamptz,
    entries ledger.new_entry[], postings ledger.new_posting[]
)
returns bigint[]
language plpgsql
as $$
declare
    ids bigint[] := '{}';
    posted_in date := ledger.open_month(in_portal, at);
begin
    for n in 1 .. coalesce(cardinality(entries), 0) loop
        ids[n] := nextval('ledger.entry_id');
    end loop;
    insert into ledger.entry (
        portal_id, entry_id, kind, event_at, recorded_at, month, login, vendor_number,
        account_id, meter_id, amount, arrears_amount, energy_wh,
        tender_number, tender_name, note, reverses, document_ref, building_id
    )
    select
        in_portal, ids[e.n], e.kind, e.event_at, at, posted_in, by_login, by_vendor,
        e.account_id, e.meter_id, e.amount, e.arrears_amount, e.energy_wh,
        e.tender_number, e.tender_name, e.note, e.reverses, e.document_ref, e.building_id
    from unnest(entries) as e;
    insert into ledger.posting (
        portal_id, entry_id, line, coa, commodity, amount, account_id, tax_code
    )
    select
        in_portal, ids[p.n], row_number() over (partition by p.n order by p.line), p.coa,
        p.commodity, p.amount, p.account_id, p.tax_code
    from unnest(postings) with ordinality
        as p (n, coa, commodity, amount, account_id, tax_code, line)
    where p.amount <> 0;
    return ids;
end
$$;

-- Post the exact mirror of entries, each with its reason, and answer the ids of the reversals.
create function ledger.reverse(
    in_portal int, by_login text, by_vendor text, at timestamptz, entry_ids bigint[], why text
)
returns table (reverses bigint, entry_id bigint)
language sql
as $$
    with originals as materialized (
        select row_number() over (order by e.entry_id)::int as n, e.*
        from ledger.entry as e
        where e.portal_id = in_portal and e.entry_id = any(entry_ids)
    ), reversed as (
        select p.n, p.entry_id from unnest(ledger.post(
            in_portal, by_login, by_vendor, at,
            (
                select array_agg((
                    o.n, 'reversal', at, o.account_id, o.meter_id, -o.amount,
                    -o.arrears_amount, -o.energy_wh, o.tender_number, o.tender_name, why,
                    o.entry_id, o.document_ref, o.building_id
                )::ledger.new_entry) from originals as o
            ),
            (
                select array_agg((
                    o.n, l.coa, l.commodity, -l.amount, l.account_id, l.tax_code
                )::ledger.new_posting order by l.line)
                from ledger.posting as l
                inner join originals as o
                    on o.portal_id = l.portal_id and o.entry_id = l.entry_id
            )
        )) with ordinality as p (entry_id, n)
    )
    select o.entry_id, r.entry_id from reversed as r inner join originals as o on o.n = r.n
$$;

-- What gave rise to an entry, as journals name it: by its kind.
create function ledger.source_of(kind text)
returns text language sql immutable parallel safe
return case
    when kind in ('cash', 'check', 'card', 'eft') then 'VEND'
    when kind in ('wallet', 'fund', 'debit', 'fixed') then 'WALLET'
    when kind in ('receipt', 'transfer', 'refund', 'bond') then 'RECEIPT'
    when kind in ('adjust', 'adjustment') then 'ADJUSTMENT'
    else upper(kind)
end;

-- What every portal's chart begins with (conformance.md 10.1).
create table ledger.standard_account (
    coa text primary key,
    name text not null,
    class text not null
);
comment on table ledger.standard_account is 'The chart that a new portal starts from.';
revoke insert, update, delete on ledger.standard_account from currant_runtime;

insert into ledger.standard_account (coa, name, class)
values
('1000', 'Tender clearing', 'asset'),
('1010', 'Bank', 'asset'),
('1100', 'Arrears receivable', 'asset'),
('1101', 'Initial meter recovery', 'asset'),
('1102', 'Post-paid receivable', 'asset'),
('1190', 'Suspense debtor', 'asset'),
('2100', 'Currency wallets', 'liability'),
('2200', 'Sales tax payable', 'liability'),
('2300', 'Bonds', 'liability'),
('4000', 'Fuel charge', 'income'),
('4005', 'Energy sales', 'income'),
('4900', 'Fixed charges', 'income'),
('4910', 'Other charges', 'income'),
('4950', 'Bad funds fee', 'income'),
('4955', 'Installation', 'income'),
('4959', 'Tamper fine', 'income'),
('5100', 'Free issue and goodwill', 'expense'),
('5200', 'Write-offs', 'expense'),
('5300', 'Cashier over and short', 'expense'),
('9100', 'Transfer from legacy system', 'equity'),
('9110', 'Bad funds recovery', 'equity'),
('U100', 'Energy in wallets', 'energy'),
('U200', 'Energy issued free', 'energy'),
('U300', 'Energy sold', 'energy'),
('U400', 'Energy consumed', 'energy'),
('U500', 'Energy debited', 'energy');

-- A new portal gets the standard chart.
create function ledger.open_books() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ledger.chart_account (portal_id, coa, name, class)
    select new.portal_id, s.coa, s.name, s.class from ledger.standard_account as s;
    return null;
end
$$;

create trigger open_books after insert on access.portal
for each row execute function ledger.open_books();

-- Every way in which the books could be wrong, with what is at fault; empty when all is well.
create function ledger.faults()
returns table (portal text, what text, entry_id bigint, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select p.key, 'entry does not balance', l.entry_id, sum(l.amount) || ' ' || l.commodity
    from ledger.posting as l inner join access.portal as p on p.portal_id = l.portal_id
    group by p.key, l.portal_id, l.entry_id, l.commodity having sum(l.amount) <> 0
    union all
    select p.key, 'trial balance is off', null, sum(l.amount) || ' ' || l.commodity
    from ledger.posting as l inner join access.portal as p on p.portal_id = l.portal_id
    group by p.key, l.commodity having sum(l.amount) <> 0
    union all
    select coalesce(p.key, '?'), 'posting without an entry', l.entry_id, l.coa
    from ledger.posting as l left join access.portal as p on p.portal_id = l.portal_id
    where not exists (
        select from ledger.entry as e
        where e.portal_id = l.portal_id and e.entry_id = l.entry_id
    )
    union all
    select p.key, 'posting on no chart account', l.entry_id, l.coa
    from ledger.posting as l inner join access.portal as p on p.portal_id = l.portal_id
    where not exists (
        select from ledger.chart_account as c
        where c.portal_id = l.portal_id and c.coa = l.coa
    )
    union all
    select p.key, 'reversal does not mirror its original', r.entry_id, l.coa || ' ' || sum(l.amount)
    from ledger.entry as r
    inner join access.portal as p on p.portal_id = r.portal_id
    inner join ledger.posting as l
        on l.portal_id = r.portal_id and l.entry_id in (r.entry_id, r.reverses)
    where r.reverses is not null
    group by p.key, r.entry_id, l.coa, l.commodity, l.account_id having sum(l.amount) <> 0
$$;
