-- Drawdown: what each meter's month was priced at so far, its fixed charges, what was drawn.

create schema drawdown;
comment on schema drawdown is 'Drawdown of wallets by usage and monthly charges.';
grant usage on schema drawdown to currant_runtime, currant_reader;

create table drawdown.run (
    portal_id int not null,
    meter_id bigint not null,
    month date not null check (extract(day from month) = 1),
    from_at timestamptz not null,
    account_id bigint not null,
    tariff_id int not null,
    wallet_kind text not null check (wallet_kind in ('currency', 'units')),
    energy_wh bigint[] not null,
    estimated_wh bigint not null,
    coas text[] not null,
    nets bigint[] not null,
    tax bigint not null,
    primary key (portal_id, meter_id, month, from_at, account_id, tariff_id, wallet_kind)
) with (fillfactor = 75);
comment on table drawdown.run is
'A stretch of a meter''s calendar month under one account, one set of rates and one kind of '
'wallet: its energy by time-of-use bucket (bucket 1 first), how much of it is estimated, as a part '
'of a segment that was split at an edge, and what was charged for it so far, in minor units, net '
'by chart account and tax. The next drawdown prices the whole again and posts the difference.';
call db.tenant_table('drawdown.run');

create table drawdown.sold (
    portal_id int not null,
    meter_id bigint not null,
    month date not null check (extract(day from month) = 1),
    energy_wh bigint not null,
    primary key (portal_id, meter_id, month)
);
comment on table drawdown.sold is
'The units sold to a meter in a calendar month: the block counter of unit wallets.';
call db.tenant_table('drawdown.sold');

create table drawdown.unpriced (
    portal_id int not null,
    unpriced_id bigint generated always as identity,
    meter_id bigint not null,
    from_at timestamptz not null,
    to_at timestamptz not null,
    energy_wh bigint not null,
    recorded_at timestamptz not null,
    primary key (portal_id, unpriced_id)
);
comment on table drawdown.unpriced is
'Usage of a meter while it supplied no account or had no tariff; a later correction of it is '
'negative. Nobody was charged for it.';
create index unpriced_by_meter on drawdown.unpriced (portal_id, meter_id);
call db.tenant_table('drawdown.unpriced');
call db.append_only('drawdown.unpriced');

create table drawdown.fixed_due (
    portal_id int not null,
    meter_id bigint not null,
    month date not null check (extract(day from month) = 1),
    fixed_id int not null,
    account_id bigint not null,
    description text not null,
    net db.amount not null,
    tax db.amount not null,
    net_paid db.amount not null default 0,
    tax_paid db.amount not null default 0,
    coa text not null,
    primary key (portal_id, meter_id, month, fixed_id, account_id),
    constraint fixed_paid_within_due check (
        net_paid between 0 and net and tax_paid between 0 and tax
    ),
    foreign key (portal_id, meter_id) references metering.meter
);
comment on table drawdown.fixed_due is
'The fixed charges of prepaid supplies, once a month and charge. That of a currency wallet is paid '
'as it is made; that of a unit wallet stays open until a vend pays it (posting rule L19).';
create index fixed_due_open on drawdown.fixed_due (portal_id, account_id)
where net_paid + tax_paid < net + tax;
call db.tenant_table('drawdown.fixed_due');

create table drawdown.fixed_payment (
    portal_id int not null,
    entry_id bigint not null,
    meter_id bigint not null,
    month date not null,
    fixed_id int not null,
    account_id bigint not null,
    net db.amount not null check (net >= 0),
    tax db.amount not null check (tax >= 0),
    primary key (portal_id, entry_id, meter_id, month, fixed_id),
    foreign key (portal_id, meter_id, month, fixed_id, account_id) references drawdown.fixed_due
);
comment on table drawdown.fixed_payment is
'What of a vend went to which fixed charge, so that its reversal opens the charge again.';
call db.tenant_table('drawdown.fixed_payment');
call db.append_only('drawdown.fixed_payment');

-- Where a meter's block counters stand in its latest two months: units sold for a unit wallet,
-- consumption for a currency wallet.
create function drawdown.counters(
    in_portal int, of_meter bigint, of_kind text, out months date[], out counters bigint[]
)
language plpgsql stable
as $$
begin
    if of_kind = 'units' then
        select array_agg(s.month), array_agg(s.energy_wh) into months, counters
        from (
            select s.month, s.energy_wh from drawdown.sold as s
            where s.portal_id = in_portal and s.meter_id = of_meter
            order by s.month desc
            limit 2
        ) as s;
    else
        select array_agg(r.month), array_agg(r.energy_wh) into months, counters
        from (
            select r.month, sum(e.energy_wh)::bigint as energy_wh
            from drawdown.run as r cross join lateral unnest(r.energy_wh) as e (energy_wh)
            where r.portal_id = in_portal and r.meter_id = of_meter
            group by r.month
            order by r.month desc
            limit 2
        ) as r;
    end if;
    months := coalesce(months, '{}');
    counters := coalesce(counters, '{}');
end
$$;

-- Count units that were sold on the meter's month, and settle the fixed charges that were paid.
create function drawdown.count_sale(
    in_portal int, of_entry bigint, of_account bigint, of_meter bigint, in_month date,
    sold_wh bigint,
    due_meters bigint[], due_months date[], due_fixed int[],
    due_nets numeric[], due_taxes numeric[]
)
returns void
language plpgsql
as $$
begin
    if sold_wh > 0 then
        insert into drawdown.sold as s (portal_id, meter_id, month, energy_wh)
        values (in_portal, of_meter, in_month, sold_wh)
        on conflict (portal_id, meter_id, month) do update
        set energy_wh = s.energy_wh + excluded.energy_wh;
    end if;
    if due_meters <> '{}' then
        update drawdown.fixed_due as f
        set net_paid = f.net_paid + p.net, tax_paid = f.tax_paid + p.tax
        from unnest(due_meters, due_months, due_fixed, due_nets, due_taxes)
            as p (meter_id, month, fixed_id, net, tax)
        where f.portal_id = in_portal and f.meter_id = p.meter_id and f.month = p.month
            and f.fixed_id = p.fixed_id and f.account_id = of_account;
        insert into drawdown.fixed_payment (
            portal_id, entry_id, meter_id, month, fixed_id, account_id, net, tax
        )
        select in_portal, of_entry, p.meter_id, p.month, p.fixed_id, of_account, p.net, p.tax
        from unnest(due_meters, due_months, due_fixed, due_nets, due_taxes)
            as p (meter_id, month, fixed_id, net, tax);
    end if;
end
$$;

-- Take a sale back that is reversed: the units leave the meter's month, and the fixed charges that
-- it paid are open again.
create function drawdown.uncount_sale(
    in_portal int, of_entry bigint, of_meter bigint, in_month date, sold_wh bigint
)
returns void
language plpgsql
as $$
begin
    update drawdown.sold as s set energy_wh = s.energy_wh - sold_wh
    where s.portal_id = in_portal and s.meter_id = of_meter and s.month = in_month;
    update drawdown.fixed_due as f
    set net_paid = f.net_paid - p.net, tax_paid = f.tax_paid - p.tax
    from drawdown.fixed_payment as p
    where p.portal_id = in_portal and p.entry_id = of_entry
        and f.portal_id = p.portal_id and f.meter_id = p.meter_id and f.month = p.month
        and f.fixed_id = p.fixed_id and f.account_id = p.account_id;
end
$$;
