-- Vends: what was tendered, and how it was shared out.

create schema vending;
comment on schema vending is 'Vends.';
grant usage on schema vending to currant_runtime, currant_reader;

create table vending.vend (
    portal_id int not null,
    vend_id uuid not null,
    entry_id bigint not null,
    account_id bigint not null,
    meter_id bigint not null,
    wallet_kind text not null check (wallet_kind in ('currency', 'units')),
    tender text not null check (tender in ('cash', 'check', 'card', 'eft')),
    tendered_amount db.amount not null constraint tender_positive check (tendered_amount > 0),
    arrears_amount db.amount not null check (arrears_amount >= 0),
    fixed_amount db.amount not null check (fixed_amount >= 0),
    energy_amount db.amount not null check (energy_amount >= 0),
    tax_amount db.amount not null check (tax_amount >= 0),
    energy_wh bigint not null check (energy_wh >= 0),
    balance db.amount not null,
    split jsonb not null,
    vended_at timestamptz not null,
    month date not null check (extract(day from month) = 1),
    primary key (portal_id, vend_id),
    constraint vend_adds_up check (tendered_amount = arrears_amount + fixed_amount + energy_amount)
);
comment on table vending.vend is
'A sale: what was tendered, and the split of it, line by line, as data. month is the one its units '
'count in, by the clock of the tariff.';
create index vend_by_account on vending.vend (portal_id, account_id, entry_id);
call db.tenant_table('vending.vend');
call db.append_only('vending.vend');

-- The facts of a vend. Where `locking`, the account's wallets are locked first and the facts are
-- read after, so that a vend that waited for another sees what it left. Without a serial number
-- the account's only meter is meant; meter_count says how many there are.
create function vending.open_vend(
    in_portal int, of_account text, of_serial text, at timestamptz, locking boolean,
    out account_id bigint, out account text, out customer_name text,
    out meter_count int, out meter_id bigint,
    out serial_number text, out com_type text, out wallet_kind text, out balance numeric,
    out tariff_id int, out revision int, out months date[], out counters bigint[],
    out item_ids bigint[], out type_names text[], out outstandings numeric[],
    out pay_plans numeric[], out receivable_coas text[],
    out due_months date[], out due_fixed_ids int[], out due_meter_ids bigint[],
    out due_descriptions text[], out due_nets numeric[], out due_taxes numeric[],
    out due_coas text[]
)
language plpgsql volatile
as $$
begin
    select
        a.account_id, min(a.account), min(c.name), count(m.meter_id), min(m.meter_id),
        min(m.serial_number), min(m.com_type), min(m.wallet_kind), min(s.tariff_id),
        min(t.revision)
    into
        open_vend.account_id, open_vend.account, open_vend.customer_name, open_vend.meter_count,
        open_vend.meter_id, open_vend.serial_number, open_vend.com_type, open_vend.wallet_kind,
        open_vend.tariff_id, open_vend.revision
    from customers.account as a
    inner join customers.customer as c
        on c.portal_id = a.portal_id and c.customer_id = a.customer_id
    left join customers.agreement as g
        on g.portal_id = a.portal_id and g.account_id = a.account_id and g.valid @> at
    left join metering.installation as i
        on i.portal_id = g.portal_id and i.location_id = g.location_id and i.valid @> at
    left join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = g.product_type
        and m.serial_number = coalesce(of_serial, m.serial_number)
    left join tariffs.assignment as s
        on s.portal_id = m.portal_id and s.meter_id = m.meter_id and s.valid @> at
    left join tariffs.tariff as t
        on t.portal_id = s.portal_id and t.tariff_id = s.tariff_id
    where a.portal_id = in_portal and a.account = of_account
    group by a.account_id;
    if open_vend.meter_count is distinct from 1 then
        return;
    end if;
    if locking then
        perform from prepayment.wallet as w
        where w.portal_id = in_portal and w.account_id = open_vend.account_id
        order by w.kind
        for update;
    end if;
    select w.balance into open_vend.balance from prepayment.wallet as w
    where w.portal_id = in_portal and w.account_id = open_vend.account_id
        and w.kind = open_vend.wallet_kind;
    select c.months, c.counters into open_vend.months, open_vend.counters
    from drawdown.counters(in_portal, open_vend.meter_id, open_vend.wallet_kind) as c;
    select
        array_agg(o.item_id), array_agg(o.type_name), array_agg(o.outstanding),
        array_agg(o.pay_plan), array_agg(o.receivable_coa)
    into
        open_vend.item_ids, open_vend.type_names, open_vend.outstandings,
        open_vend.pay_plans, open_vend.receivable_coas
    from (
        select i.* from receivables.open_item as i
        where i.portal_id = in_portal and i.account_id = open_vend.account_id
            and i.kind = 'ARREARS' and i.outstanding > 0
            and (i.start_at is null or i.start_at <= at)
        order by i.start_at nulls first, i.item_id
    ) as o;
    select
        array_agg(f.month), array_agg(f.fixed_id), array_agg(f.meter_id),
        array_agg(f.description), array_agg(f.net), array_agg(f.tax), array_agg(f.coa)
    into
        open_vend.due_months, open_vend.due_fixed_ids, open_vend.due_meter_ids,
        open_vend.due_descriptions, open_vend.due_nets, open_vend.due_taxes,
        open_vend.due_coas
    from (
        select
            d.month, d.fixed_id, d.meter_id, d.description, d.coa,
            d.net - d.net_paid as net, d.tax - d.tax_paid as tax
        from drawdown.fixed_due as d
        where d.portal_id = in_portal and d.account_id = open_vend.account_id
            and d.net_paid + d.tax_paid < d.net + d.tax
        order by d.month, d.fixed_id
    ) as f;
end
$$;

-- Post a vend, move its wallet, count what was sold, take the tender into the cashier's batch, and
-- record it; `sale` is told without its entry and balance, which are answered. Its statements keep
-- their plans from one vend to the next.
create function vending.close_vend(
    by_login text, by_vendor text, by_user int, tender_number bigint, tender_name text,
    sale vending.vend, postings ledger.new_posting[], minor_unit numeric,
    items bigint[], item_paid numeric[],
    due_meters bigint[], due_months date[], due_fixed int[],
    due_nets numeric[], due_taxes numeric[],
    out entry_id bigint, out balance numeric
)
language plpgsql
as $$
declare
    in_portal int := sale.portal_id;
    at timestamptz := sale.vended_at;
    in_units boolean := sale.wallet_kind = 'units';
    used numeric := sale.fixed_amount + sale.energy_amount;
begin
    entry_id := (ledger.post(
        in_portal, by_login, by_vendor, at,
        array[row(
            1, sale.tender, at, sale.account_id, sale.meter_id, used, sale.arrears_amount,
            sale.energy_wh, tender_number, tender_name, '', null, '', null
        )::ledger.new_entry],
        postings
    ))[1];
    balance := prepayment.credit(
        in_portal, sale.account_id, sale.wallet_kind,
        case when in_units then sale.energy_wh else used end
    );
    if balance > 0 then
        perform headends.settle_relays(
            in_portal, array[sale.account_id], array[sale.wallet_kind], at
        );
    end if;
    perform drawdown.count_sale(
        in_portal, entry_id, sale.account_id, sale.meter_id, sale.month,
        case when in_units then sale.energy_wh else 0 end,
        due_meters, due_months, due_fixed, due_nets, due_taxes
    );
    perform receivables.allocate(in_portal, entry_id, 'payment', at, items, item_paid);
    perform batches.take(
        in_portal, by_user, entry_id, sale.tender, sale.tendered_amount, minor_unit, at
    );
    insert into vending.vend (
        portal_id, vend_id, entry_id, account_id, meter_id, wallet_kind, tender, tendered_amount,
        arrears_amount, fixed_amount, energy_amount, tax_amount, energy_wh, balance, split,
        vended_at, month
    )
    values (
        in_portal, sale.vend_id, close_vend.entry_id, sale.account_id, sale.meter_id,
        sale.wallet_kind, sale.tender, sale.tendered_amount, sale.arrears_amount,
        sale.fixed_amount, sale.energy_amount, sale.tax_amount, sale.energy_wh,
        close_vend.balance, sale.split, at, sale.month
    );
end
$$;
