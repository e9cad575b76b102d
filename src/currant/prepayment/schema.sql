-- Wallets: what accounts have paid for and not used.

create schema prepayment;
comment on schema prepayment is 'Wallets.';
grant usage on schema prepayment to currant_runtime, currant_reader;

create table prepayment.wallet (
    portal_id int not null references access.portal,
    account_id bigint not null,
    kind text not null check (kind in ('currency', 'units')),
    balance db.amount not null default 0,
    primary key (portal_id, account_id, kind),
    foreign key (portal_id, account_id) references customers.account
) with (fillfactor = 75);
comment on table prepayment.wallet is
'What an account has paid for and not used: money, or energy in Wh. Wallets belong to the '
'account, not the meter. The balance repeats the ledger''s (2100, U100) because debits are '
'bounded by it.';
call db.tenant_table('prepayment.wallet');

-- Give accounts the wallets they lack, and answer how many were opened.
create function prepayment.open_wallets(in_portal int, of_accounts bigint[], kinds text[])
returns bigint
language sql
as $$
    with opened as (
        insert into prepayment.wallet (portal_id, account_id, kind)
        select in_portal, w.account_id, w.kind
        from unnest(of_accounts, kinds) as w (account_id, kind)
        order by w.account_id, w.kind
        on conflict do nothing
        returning 1
    )
    select count(*) from opened
$$;

-- Move a wallet by an amount, up or down, and answer what it then holds.
create function prepayment.credit(in_portal int, of_account bigint, of_kind text, credit numeric)
returns numeric
language plpgsql
as $$
declare
    held numeric;
begin
    update prepayment.wallet set balance = balance + credit
    where portal_id = in_portal and account_id = of_account and kind = of_kind
    returning balance into held;
    return held;
end
$$;

-- Move many wallets, up or down, and answer what each then holds. Several amounts for one wallet
-- are summed; an amount for a wallet that is not there is dropped, so callers open it before. The
-- only plan left walks the wallets in the order of their key, so that two of these never wait for
-- each other.
create function prepayment.credit_many(
    in_portal int, of_accounts bigint[], kinds text[], amounts numeric[]
)
returns table (account_id bigint, kind text, balance numeric)
language sql
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
    with moving as materialized (
        select u.account_id, u.kind, sum(u.amount) as amount
        from unnest(of_accounts, kinds, amounts) as u (account_id, kind, amount)
        group by u.account_id, u.kind
        order by u.account_id, u.kind
    )
    update prepayment.wallet as w set balance = w.balance + c.amount
    from moving as c
    where w.portal_id = in_portal and w.account_id = c.account_id and w.kind = c.kind
    returning w.account_id, w.kind, w.balance;
$$;

-- Take back from the wallets of an account what an entry put there, because another reverses it,
-- and answer what one then holds; null where the entry moved none. A wallet may go below zero.
-- Meters of a wallet that holds nothing more are asked to disconnect, those of one that holds
-- something again are given back their supply.
create function prepayment.take_back(
    in_portal int, of_entry bigint, of_account bigint, at timestamptz
)
returns numeric
language plpgsql
as $$
declare
    held numeric;
    moved record;
begin
    for moved in
        select w.kind, c.balance
        from (
            select
                case p.coa when '2100' then 'currency' else 'units' end as kind,
                sum(p.amount) as amount
            from ledger.posting as p
            where p.portal_id = in_portal and p.entry_id = of_entry
                and p.coa in ('2100', 'U100') and p.account_id = of_account
            group by p.coa
        ) as w
        cross join lateral prepayment.credit_many(
            in_portal, array[of_account], array[w.kind], array[w.amount]
        ) as c
    loop
        held := moved.balance;
        if held > 0 then
            perform headends.settle_relays(in_portal, array[of_account], array[moved.kind], at);
        else
            perform headends.cut_off(in_portal, array[of_account], array[moved.kind], at);
        end if;
    end loop;
    return held;
end
$$;

-- Every wallet whose balance is not what the books say (2100, U100); empty when all is well.
create function prepayment.faults()
returns table (portal text, account text, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    with booked as (
        select
            l.portal_id, l.account_id, -sum(l.amount) as balance,
            case l.coa when '2100' then 'currency' else 'units' end as kind
        from ledger.posting as l
        where l.coa in ('2100', 'U100') and l.account_id is not null
        group by l.portal_id, l.account_id, l.coa
    )
    select
        p.key, coalesce(a.account, '?'),
        coalesce(w.kind, b.kind) || ' wallet ' || coalesce(w.balance::text, 'missing')
        || ', books ' || coalesce(b.balance, 0)
    from prepayment.wallet as w
    full join booked as b
        on b.portal_id = w.portal_id and b.account_id = w.account_id and b.kind = w.kind
    inner join access.portal as p on p.portal_id = coalesce(w.portal_id, b.portal_id)
    left join customers.account as a
        on a.portal_id = p.portal_id and a.account_id = coalesce(w.account_id, b.account_id)
    where coalesce(w.balance, 0) <> coalesce(b.balance, 0)
$$;
