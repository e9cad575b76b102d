-- Transactions keep nothing of their own: they are entries of the ledger, with all that they move.

create schema transactions;
comment on schema transactions is 'Payments, adjustments and reversals of accounts.';
grant usage on schema transactions to currant_runtime, currant_reader;

-- Lock an account and its wallets, these as a vend does before it looks at anything else of it.
create function transactions.hold_account(in_portal int, of_account bigint)
returns void
language sql
as $$
    select receivables.hold_accounts(in_portal, array[of_account]);
    select from prepayment.wallet as w
    where w.portal_id = in_portal and w.account_id = of_account
    order by w.kind
    for update
$$;

-- Pay arrears with a tender (posting rule L11): post it, lower the items, and count it into the
-- cashier's batch; answers the entry.
create function transactions.pay_arrears(
    in_portal int, by_login text, by_vendor text, by_user int, of_account bigint,
    of_tender text, tender_number bigint, tender_name text, in_currency text, minor_unit numeric,
    items bigint[], item_coas text[], item_paid numeric[], note text, at timestamptz
)
returns bigint
language plpgsql
as $$
declare
    paid numeric := (select sum(p.amount) from unnest(item_paid) as p (amount));
    of_entry bigint;
begin
    of_entry := (ledger.post(
        in_portal, by_login, by_vendor, at,
        array[row(
            1, of_tender, at, of_account, null, 0, paid, 0, tender_number, tender_name, note, null,
            '', null
        )::ledger.new_entry],
        array[row(1, '1000', in_currency, paid, null, null)::ledger.new_posting] || array(
            select row(1, p.coa, in_currency, -p.amount, of_account, null)::ledger.new_posting
            from unnest(item_coas, item_paid) as p (coa, amount)
        )
    ))[1];
    perform receivables.allocate(in_portal, of_entry, 'payment', at, items, item_paid);
    perform batches.take(in_portal, by_user, of_entry, of_tender, paid, minor_unit, at);
    return of_entry;
end
$$;

-- The kind of transaction that clients know an entry as: a receipt by the kind of its tender.
create function transactions.told_kind(in_portal int, of_entry bigint, of_kind text)
returns text
language sql stable
return case of_kind
    when 'receipt' then (
        select receipts.tender(b.batch_type)
        from receipts.receipt as r
        inner join receipts.batch as b on b.portal_id = r.portal_id and b.batch_no = r.batch_no
        where r.portal_id = in_portal and r.entry_id = of_entry
    )
    when 'adjustment' then 'adjust'
    else of_kind
end;

-- Reverse an entry with all that it moved: the wallet, the items it paid or issued, the credit it
-- gave, the units it sold and the fixed charges it paid, and the tender in a batch that is still
-- open (posting rule L17). What is then left of other credits settles what is owed again. The unit
-- lines of the original say how much of it was sold. `given_back` says whether the tender left the
-- batch that it was taken in; it is null where there was none.
create function transactions.reverse(
    in_portal int, by_login text, by_vendor text, of_entry bigint, why text, at timestamptz,
    out entry_id bigint, out balance numeric, out given_back boolean
)
language plpgsql
as $$
declare
    original ledger.entry;
    sale record;
begin
    select e.* into original from ledger.entry as e
    where e.portal_id = in_portal and e.entry_id = of_entry;
    perform transactions.hold_account(in_portal, original.account_id);
    select r.entry_id into reverse.entry_id
    from ledger.reverse(in_portal, by_login, by_vendor, at, array[of_entry], why) as r;
    reverse.balance := prepayment.take_back(in_portal, of_entry, original.account_id, at);
    select v.meter_id, v.month, v.wallet_kind, v.energy_wh into sale
    from vending.vend as v
    where v.portal_id = in_portal and v.account_id = original.account_id and v.entry_id = of_entry;
    if found then
        perform drawdown.uncount_sale(
            in_portal, of_entry, sale.meter_id, sale.month,
            case sale.wallet_kind when 'units' then sale.energy_wh else 0 end
        );
    end if;
    perform receivables.unallocate(in_portal, of_entry, reverse.entry_id, at);
    perform receivables.take_back(in_portal, of_entry, reverse.entry_id, at);
    perform receivables.settle(in_portal, by_login, by_vendor, at, array[original.account_id]);
    perform receipts.guard_bond(in_portal, original.account_id);
    if original.kind in ('cash', 'check', 'card', 'eft') then
        given_back := batches.give_back(in_portal, of_entry, reverse.entry_id, at);
    end if;
end
$$;
