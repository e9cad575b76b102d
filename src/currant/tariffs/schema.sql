-- What energy costs: tariffs, their rates in time, fixed charges, taxes, calendars, assignments.

create schema tariffs;
comment on schema tariffs is 'Tariffs (price plans), rates, fixed charges, taxes and calendars.';
grant usage on schema tariffs to currant_runtime, currant_reader;

create sequence tariffs.revision as int;

-- A tariff gets a new revision with every change of its row. A sequence gives no number twice, not
-- even where the change is rolled back, so a revision names one content for ever.
create function tariffs.revise() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.revision := nextval('tariffs.revision');
    return new;
end
$$;

-- Revise the tariffs that changed rows belong to, found by the column that the trigger names.
create function tariffs.revise_owners() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    execute format(
        'update tariffs.tariff as t set revision = t.revision from (%s) as c '
        'where t.portal_id = c.portal_id and t.%I = c.owner',
        format(
            case tg_op
                when 'INSERT' then 'select portal_id, %1$I as owner from now_rows'
                when 'DELETE' then 'select portal_id, %1$I as owner from old_rows'
                else
                    'select portal_id, %1$I as owner from old_rows '
                    'union select portal_id, %1$I from now_rows'
            end,
            tg_argv[0]
        ),
        tg_argv[0]
    );
    return null;
end
$$;

-- Let every change of a table revise the tariffs it bears on: whose `key` its rows name.
create procedure tariffs.revised_by(named regclass, key text) language plpgsql as $$
begin
    execute format(
        'create trigger revise_inserted after insert on %1$s referencing new table as now_rows '
        'for each statement execute function tariffs.revise_owners(%2$L); '
        'create trigger revise_updated after update on %1$s '
        'referencing old table as old_rows new table as now_rows '
        'for each statement execute function tariffs.revise_owners(%2$L); '
        'create trigger revise_deleted after delete on %1$s referencing old table as old_rows '
        'for each statement execute function tariffs.revise_owners(%2$L)',
        named, key
    );
end
$$;

create table tariffs.tax ( -- noqa: PRS
    portal_id int not null references access.portal,
    valid tstzrange not null,
    rate numeric(9, 6) not null constraint tax_rate_plausible check (rate >= 0 and rate < 1),
    constraint tax_in_time check (
        isfinite(lower(valid)) is not false and isfinite(upper(valid)) is not false
    ),
    constraint one_tax_at_a_time primary key (portal_id, valid without overlaps)
);
comment on table tariffs.tax is 'The tax on taxable lines, as a fraction, from when to when.';
call db.tenant_table('tariffs.tax');
call tariffs.revised_by('tariffs.tax', 'portal_id');

create table tariffs.calendar (
    portal_id int not null references access.portal,
    calendar_id int generated always as identity,
    name text not null constraint calendar_named check (length(name) between 1 and 100),
    clock text not null,
    primary key (portal_id, calendar_id),
    constraint calendar_name_taken unique (portal_id, name)
);
comment on table tariffs.calendar is
'A time-of-use calendar with its own clock: a zone (Australia/Sydney) or a fixed offset (+10:00).';
call db.tenant_table('tariffs.calendar');
call tariffs.revised_by('tariffs.calendar', 'calendar_id');

create table tariffs.calendar_switch (
    portal_id int not null references access.portal,
    calendar_id int not null,
    day_type text not null check (day_type in ('WEEKDAY', 'WEEKEND', 'HOLIDAY')),
    minute int not null check (minute between 0 and 1439),
    bucket int not null check (bucket between 1 and 9),
    month int not null default 1 check (month between 1 and 12),
    primary key (portal_id, calendar_id, month, day_type, minute),
    foreign key (portal_id, calendar_id) references tariffs.calendar
);
comment on table tariffs.calendar_switch is
'From which minute of a day of this type which bucket is in force, in the season that begins with '
'this month and lasts, around the year, until the next month of the calendar that begins one.';
call db.tenant_table('tariffs.calendar_switch');
call tariffs.revised_by('tariffs.calendar_switch', 'calendar_id');

create table tariffs.calendar_holiday (
    portal_id int not null references access.portal,
    calendar_id int not null,
    day date not null,
    primary key (portal_id, calendar_id, day),
    foreign key (portal_id, calendar_id) references tariffs.calendar
);
comment on table tariffs.calendar_holiday is 'The days that a calendar treats as holidays.';
call db.tenant_table('tariffs.calendar_holiday');
call tariffs.revised_by('tariffs.calendar_holiday', 'calendar_id');

create table tariffs.tariff (
    portal_id int not null references access.portal,
    tariff_id int generated by default as identity,
    name text not null constraint tariff_named check (length(name) between 1 and 100),
    description text not null,
    municipality text not null default '',
    type int not null constraint tariff_type_known check (type between 0 and 9),
    units text not null,
    service text not null,
    calendar_id int,
    revision int not null,
    block_period text not null default 'MONTH' check (block_period in ('DAY', 'MONTH', 'YEAR')),
    blocks_over text not null default 'BUCKET' check (blocks_over in ('BUCKET', 'TOTAL')),
    whole_blocks boolean not null default false,
    demand_period text not null default 'MONTH' check (demand_period in ('DAY', 'MONTH')),
    ratchet_share numeric(9, 6) not null default 0 constraint ratchet_share_plausible check (
        ratchet_share >= 0 and ratchet_share <= 1
    ),
    ratchet_months int not null default 0 constraint ratchet_months_plausible check (
        ratchet_months between 0 and 60 and (ratchet_months > 0) = (ratchet_share > 0)
    ),
    round_per text not null default 'BLOCK' check (round_per in ('BLOCK', 'LINE', 'BILL')),
    with_losses boolean not null default false,
    primary key (portal_id, tariff_id),
    constraint tariff_name_taken unique (portal_id, name),
    foreign key (portal_id, calendar_id) references tariffs.calendar
);
comment on table tariffs.tariff is
'A tariff: type 0 is time of use, 1 linear, 2 to 9 that many blocks. revision is a new number after '
'every change of the tariff, its rates and charges, the portal''s taxes or its calendar, so that a '
'copy in memory knows when it is stale. Bills are reckoned by its terms: what its blocks are told '
'for and filled by, in whole units or not; what its demand is told for, and the share of the highest '
'of so many months that is billed at least; what is rounded '
'once; and whether energy is priced with the losses of its site.';
call db.tenant_table('tariffs.tariff');
create trigger revise before insert or update on tariffs.tariff
for each row execute function tariffs.revise();

create table tariffs.rate (
    portal_id int not null references access.portal,
    rate_id int generated by default as identity,
    tariff_id int not null,
    tier text not null constraint tier_known check (
        tier ~ '^(A|L[23]?|B[1-9]|T[1-9](B[2-9])?|[DX][1-9]?(B[2-9])?|C(B[2-9])?)$'
    ),
    valid tstzrange not null constraint rate_runs_forward check (
        not isempty(valid) and not lower_inf(valid)
    ),
    rate db.rate not null,
    usage_base_start numeric(15, 3) not null constraint usage_base_not_negative check (
        usage_base_start >= 0 and usage_base_start <> 'NaN'
    ),
    units text not null,
    service text not null,
    coa text not null,
    ar_coa text not null,
    taxable boolean not null,
    description text not null,
    last_mod timestamptz not null,
    buckets int [] not null default '{}' constraint buckets_known check (
        buckets <@ array[1, 2, 3, 4, 5, 6, 7, 8, 9]
    ),
    rounding text not null default 'HALF_UP' check (
        rounding in ('HALF_UP', 'HALF_EVEN', 'UP', 'TRUNCATE')
    ),
    meter_type_code text not null default '',
    primary key (portal_id, rate_id),
    constraint rate_in_time check (
        isfinite(lower(valid)) is not false and isfinite(upper(valid)) is not false
    ),
    constraint one_rate_a_tier unique (portal_id, tariff_id, tier, valid without overlaps),
    foreign key (portal_id, tariff_id) references tariffs.tariff,
    constraint rate_coa_known foreign key (portal_id, coa) references ledger.chart_account,
    constraint rate_ar_coa_known foreign key (portal_id, ar_coa) references ledger.chart_account
);
comment on table tariffs.rate is
'A rate line: the price of a unit, or of a kW of demand, in one tier while it is valid. Both faces '
'price by it: prepaid supplies by the tiers A, L, B and T, bills by all. usage_base_start is where '
'its block begins, in units. buckets are those that it prices where it is not the one of its tier; '
'meter_type_code names the registers whose usage is its bucket''s.';
call db.tenant_table('tariffs.rate');

-- What a rate is told for, as a column of it would say: the demand or the usage.
create function tariffs.basis(line tariffs.rate) returns text language sql immutable parallel safe
return case when line.tier like 'D%' then 'DEMAND' else 'USAGE' end;
call tariffs.revised_by('tariffs.rate', 'tariff_id');

create table tariffs.fixed_charge ( -- noqa: PRS
    portal_id int not null references access.portal,
    fixed_id int generated by default as identity,
    tariff_id int not null,
    description text not null constraint fixed_described check (
        length(description) <= 100
    ),
    amount db.rate not null constraint fixed_not_negative check (amount >= 0),
    basis text not null check (
        basis in ('MONTHLY', 'KVA', 'DAILY', 'MINIMUM', 'MINIMUM_DAILY')
    ),
    coa text not null,
    ar_coa text not null,
    taxable boolean not null,
    valid tstzrange not null default tstzrange(null, null) constraint fixed_runs_forward check (
        not isempty(valid)
    ),
    rounding text not null default 'HALF_UP' check (
        rounding in ('HALF_UP', 'HALF_EVEN', 'UP', 'TRUNCATE')
    ),
    primary key (portal_id, fixed_id),
    constraint one_charge_at_a_time unique (
        portal_id, tariff_id, description, valid without overlaps
    ),
    foreign key (portal_id, tariff_id) references tariffs.tariff,
    constraint fixed_coa_known foreign key (portal_id, coa) references ledger.chart_account,
    constraint fixed_ar_coa_known foreign key (portal_id, ar_coa) references ledger.chart_account
);
comment on table tariffs.fixed_charge is
'What a supply costs a calendar month, a month and kVA, or a day, whatever it uses, while it is '
'valid; or what all its charges come to at least in a month or a day.';
call db.tenant_table('tariffs.fixed_charge');
call tariffs.revised_by('tariffs.fixed_charge', 'tariff_id');

-- Assignments of meters and, above, of agreements take their numbers from one series.
create sequence tariffs.assignment_number;

create table tariffs.assignment (
    portal_id int not null references access.portal,
    meter_id bigint not null,
    tariff_id int not null,
    valid tstzrange not null constraint assignment_not_empty check (not isempty(valid)),
    assignment_id bigint not null default nextval('tariffs.assignment_number'),
    assigned_by text not null default 'import',
    constraint assignment_in_time check (
        isfinite(lower(valid)) is not false and isfinite(upper(valid)) is not false
    ),
    constraint one_tariff_a_meter primary key (portal_id, meter_id, valid without overlaps),
    foreign key (portal_id, meter_id) references metering.meter,
    foreign key (portal_id, tariff_id) references tariffs.tariff
);
comment on table tariffs.assignment is
'Which tariff prices which meter, from when to when; assigned_by is a login, or import for a file.';
create index assignment_by_tariff on tariffs.assignment (portal_id, tariff_id);
create index assignment_by_meter on tariffs.assignment (portal_id, meter_id)
include (tariff_id, valid);
call db.tenant_table('tariffs.assignment');

-- Put meters on tariffs, each meter at most once a call, and answer how many changed. A meter's
-- running assignment ends where the new one begins; one that begins at that very instant is
-- replaced. The new one lasts as long as the one it ends would have, or until the next one that
-- is scheduled. A tariff of null leaves the meter as it is, and so does the tariff it is on.
create function tariffs.assign(
    in_portal int, meters bigint[], tariffs int[], from_at timestamptz[],
    by text default 'import'
)
returns bigint
language sql
as $$
    with wanted as materialized (
        select w.meter_id, w.tariff_id, w.at
        from unnest(assign.meters, assign.tariffs, assign.from_at) as w (meter_id, tariff_id, at)
        where w.tariff_id is not null and not exists (
            select from tariffs.assignment as a
            where a.portal_id = in_portal and a.meter_id = w.meter_id and a.valid @> w.at
                and a.tariff_id = w.tariff_id
        )
    ), replaced as (
        update tariffs.assignment as a set tariff_id = w.tariff_id, assigned_by = assign.by
        from wanted as w
        where a.portal_id = in_portal and a.meter_id = w.meter_id and lower(a.valid) = w.at
        returning a.meter_id
    ), ended as (
        update tariffs.assignment as a set valid = tstzrange(lower(a.valid), w.at)
        from wanted as w
        where a.portal_id = in_portal and a.meter_id = w.meter_id and a.valid @> w.at
            and lower(a.valid) < w.at
        returning a.meter_id, upper(old.valid) as until
    ), begun as (
        insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid, assigned_by)
        select
            in_portal, w.meter_id, w.tariff_id,
            tstzrange(w.at, coalesce(e.until, (
                select min(lower(n.valid)) from tariffs.assignment as n
                where n.portal_id = in_portal and n.meter_id = w.meter_id and lower(n.valid) > w.at
            ))),
            assign.by
        from wanted as w
        left join ended as e on e.meter_id = w.meter_id
        where w.meter_id not in (select r.meter_id from replaced as r)
        order by w.meter_id
        returning 1
    )
    select (select count(*) from replaced) + (select count(*) from begun)
$$;

-- Take meters off their tariffs from an instant on, and answer how many were on one.
create function tariffs.unassign(in_portal int, meters bigint[], at timestamptz)
returns bigint
language sql
as $$
    with undone as (
        delete from tariffs.assignment as a
        where a.portal_id = in_portal and a.meter_id = any(meters) and lower(a.valid) >= at
        returning 1
    ), ended as (
        update tariffs.assignment as a set valid = tstzrange(lower(a.valid), at)
        where a.portal_id = in_portal and a.meter_id = any(meters) and a.valid @> at
            and lower(a.valid) < at
        returning 1
    )
    select (select count(*) from undone) + (select count(*) from ended)
$$;
