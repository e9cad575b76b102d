-- Receipts: what came in, in which batch, for which account, and what became of it.

create schema receipts;
comment on schema receipts is 'Receipts, their batches, suspense and dishonour.';
grant usage on schema receipts to currant_runtime, currant_reader;

create table receipts.batch (
    portal_id int not null references access.portal,
    batch_no bigint generated always as identity,
    batch_type text not null check (
        batch_type in ('CHEQUE', 'DIRECT', 'CASH', 'EFT', 'CRDCARD', 'WEB', 'DRECTDEBIT')
    ),
    name text not null,
    opened_on date not null,
    opened_at timestamptz not null,
    login text not null,
    primary key (portal_id, batch_no)
);
comment on table receipts.batch is
'Receipts of one type that came together: those of one command, or of one name and day.';
create unique index receipt_batch_named on receipts.batch (portal_id, batch_type, name, opened_on)
where name <> '';
call db.tenant_table('receipts.batch');
call db.append_only('receipts.batch');

create sequence receipts.receipt_id;

create table receipts.receipt (
    portal_id int not null references access.portal,
    receipt_id bigint not null,
    batch_no bigint not null,
    entry_id bigint not null,
    account_id bigint,
    received_on date not null,
    amount db.amount not null constraint receipt_positive check (amount > 0),
    wallet_amount db.amount not null check (wallet_amount between 0 and amount),
    reference text not null,
    primary key (portal_id, receipt_id),
    unique (portal_id, entry_id),
    foreign key (portal_id, batch_no) references receipts.batch,
    foreign key (portal_id, account_id) references customers.account
);
comment on table receipts.receipt is
'Money received, posted by its entry; without an account it came into suspense. wallet_amount is '
'what of it went to the account''s wallet.';
create index receipt_by_account on receipts.receipt (portal_id, account_id)
where account_id is not null;
create index receipt_by_day on receipts.receipt (portal_id, received_on);
call db.tenant_table('receipts.receipt');
call db.append_only('receipts.receipt');

create table receipts.suspense (
    portal_id int not null,
    receipt_id bigint not null,
    told text not null,
    account_id bigint,
    entry_id bigint,
    primary key (portal_id, receipt_id),
    check ((account_id is null) = (entry_id is null)),
    foreign key (portal_id, receipt_id) references receipts.receipt,
    foreign key (portal_id, account_id) references customers.account
);
comment on table receipts.suspense is
'A receipt that came for an account that nobody knew, as it was told; and the account that it was '
'transferred to since, by which entry.';
create index suspense_by_account on receipts.suspense (portal_id, account_id)
where account_id is not null;
call db.tenant_table('receipts.suspense');
revoke delete on receipts.suspense from currant_runtime;

create table receipts.dishonour (
    portal_id int not null,
    receipt_id bigint not null,
    entry_id bigint not null,
    dishonour_type text not null,
    adjustment_id bigint,
    primary key (portal_id, receipt_id),
    foreign key (portal_id, receipt_id) references receipts.receipt,
    foreign key (portal_id, adjustment_id) references adjustments.adjustment
);
comment on table receipts.dishonour is
'A receipt whose money did not come after all: the entry that reverses it, what the bank calls it, '
'and the adjustment that charges a fee.';
call db.tenant_table('receipts.dishonour');
call db.append_only('receipts.dishonour');

-- The chart account that the money of a batch type comes to (posting rule L14).
create function receipts.tender_coa(batch_type text) returns text language sql immutable
return case when batch_type in ('DIRECT', 'EFT', 'DRECTDEBIT') then '1010' else '1000' end;

-- What a batch type is at the counter: the kind of tender that J29 prints.
create function receipts.tender(batch_type text) returns text language sql immutable
return case batch_type
    when 'CASH' then 'cash' when 'CHEQUE' then 'check' when 'CRDCARD' then 'card'
    when 'WEB' then 'card' else 'eft'
end;

create type receipts.new_receipt as (
    batch_type text,
    batch_name text,
    account_id bigint,
    told text,
    received_on date,
    amount numeric,
    reference text,
    to_wallet boolean
);

-- Post receipts (posting rule L14), each an entry of its own, settle their accounts, and answer
-- their ids in the order given. Where `to_wallet`, what an account does not owe goes to its
-- currency wallet; otherwise it stays to its credit. Without an account they come into suspense.
create function receipts.post(
    in_portal int, by_login text, by_vendor text, at timestamptz, received receipts.new_receipt[]
)
returns bigint[]
language plpgsql
as $$
declare
    accounts bigint[] := array(
        select distinct r.account_id from unnest(received) as r where r.account_id is not null
    );
    parts numeric[];
    ids bigint[] := array(select nextval('receipts.receipt_id') from unnest(received));
    batch_nos bigint[] := receipts.open_batches(in_portal, by_login, at, received);
    entries bigint[];
    filled bigint[];
begin
    perform receivables.hold_accounts(in_portal, accounts);
    perform 1 from prepayment.wallet as w
    where w.portal_id = in_portal and w.kind = 'currency' and w.account_id = any(array(
        select r.account_id from unnest(received) as r where r.to_wallet
    ))
    order by w.account_id
    for update;
    perform receivables.hold_owed(in_portal, accounts);
    parts := receipts.wallet_parts(in_portal, at, received);
    entries := receipts.entries(in_portal, by_login, by_vendor, at, received, parts, ids);
    insert into receipts.receipt (
        portal_id, receipt_id, batch_no, entry_id, account_id, received_on, amount, wallet_amount,
        reference
    )
    select
        in_portal, ids[r.n], batch_nos[r.n], entries[r.n], r.account_id, r.received_on, r.amount,
        parts[r.n], r.reference
    from unnest(received) with ordinality as r (
        batch_type, batch_name, account_id, told, received_on, amount, reference, to_wallet, n
    );
    insert into receipts.suspense (portal_id, receipt_id, told)
    select in_portal, ids[r.n], r.told
    from unnest(received) with ordinality as r (
        batch_type, batch_name, account_id, told, received_on, amount, reference, to_wallet, n
    )
    where r.account_id is null;
    perform receivables.credit_accounts(
        in_portal, at, array_agg('RECEIPT'::text), array_agg(c.account_id), array_agg(c.entry_id),
        array_agg(c.amount), array_agg('1102'::text)
    )
    from (
        select r.account_id, entries[r.n] as entry_id, r.amount - parts[r.n] as amount
        from unnest(received) with ordinality as r (
            batch_type, batch_name, account_id, told, received_on, amount, reference, to_wallet, n
        )
        where r.account_id is not null and r.amount > parts[r.n]
        order by r.received_on, r.n
    ) as c;
    select array_agg(w.account_id order by w.account_id) into filled
    from (
        select array_agg(r.account_id) as ids, array_agg('currency'::text) as kinds,
            array_agg(parts[r.n]) as amounts
        from unnest(received) with ordinality as r (
            batch_type, batch_name, account_id, told, received_on, amount, reference, to_wallet, n
        )
        where parts[r.n] > 0
    ) as m
    cross join lateral prepayment.credit_many(in_portal, m.ids, m.kinds, m.amounts) as w
    where w.balance > 0;
    if filled <> '{}' then
        perform headends.settle_relays(
            in_portal, filled, array_fill('currency'::text, array[cardinality(filled)]), at
        );
    end if;
    perform receivables.settle(in_portal, by_login, by_vendor, at, accounts);
    if cardinality(ids) >= 100 then
        perform db.analyze_written(
            array['receipts.batch', 'receipts.receipt', 'receipts.suspense']::regclass[],
            cardinality(ids)
        );
    end if;
    return ids;
end
$$;

-- Open the batches of receipts, and answer in the order of these in which each is: a name has one
-- of its type a day, and those without a name are one of their type.
create function receipts.open_batches(
    in_portal int, by_login text, at timestamptz, received receipts.new_receipt[]
)
returns bigint[]
language plpgsql
as $$
declare
    today date := (
        select (at at time zone p.timezone)::date from access.portal as p
        where p.portal_id = in_portal
    );
    opened bigint[];
begin
    with made as (
        insert into receipts.batch (portal_id, batch_type, name, opened_on, opened_at, login)
        select distinct in_portal, r.batch_type, r.batch_name, today, at, by_login
        from unnest(received) as r
        order by 2, 3
        on conflict (portal_id, batch_type, name, opened_on) where name <> '' do nothing
        returning batch_no
    )
    select array_agg(made.batch_no) into opened from made;
    return (
        select array_agg(b.batch_no order by r.n)
        from unnest(received) with ordinality as r (
            batch_type, batch_name, account_id, told, received_on, amount, reference, to_wallet, n
        )
        inner join receipts.batch as b
            on b.portal_id = in_portal and b.batch_type = r.batch_type and b.name = r.batch_name
            and b.opened_on = today and (b.name <> '' or b.batch_no = any(opened))
    );
end
$$;

-- What of receipts goes to wallets, in their order: of those that may, what is beyond what their
-- account owes, the receipts before it counted first.
create function receipts.wallet_parts(
    in_portal int, at timestamptz, received receipts.new_receipt[]
)
returns numeric[]
language sql stable
as $$
    select array_agg(s.part order by s.n)
    from (
        select
            r.n,
            case when r.to_wallet then r.amount - least(r.amount, greatest(
                d.amount - coalesce(sum(r.amount) over (
                    partition by r.account_id order by r.n
                    rows between unbounded preceding and 1 preceding
                ), 0), 0
            )) else 0 end as part
        from unnest(received) with ordinality as r (
            batch_type, batch_name, account_id, told, received_on, amount, reference, to_wallet, n
        )
        left join receivables.due(
            in_portal, array(select distinct a.account_id from unnest(received) as a), at
        ) as d on d.account_id = r.account_id
    ) as s
$$;

-- The entries of receipts in their order.
create function receipts.entries(
    in_portal int, by_login text, by_vendor text, at timestamptz,
    received receipts.new_receipt[], parts numeric[], ids bigint[]
)
returns bigint[]
language sql
as $$
    with line as materialized (
        select
            r.n::int as n, r.account_id, r.amount, r.reference, parts[r.n] as part, ids[r.n] as id,
            receipts.tender_coa(r.batch_type) as coa, p.currency,
            r.received_on::timestamp at time zone p.timezone as event_at
        from unnest(received) with ordinality as r (
            batch_type, batch_name, account_id, told, received_on, amount, reference, to_wallet, n
        )
        inner join access.portal as p on p.portal_id = in_portal
    )
    select ledger.post(
        in_portal, by_login, by_vendor, at,
        (
            select array_agg((
                line.n, 'receipt', line.event_at, line.account_id, null, line.amount, 0, 0, 0,
                line.reference, '', null, line.id::text, null
            )::ledger.new_entry) from line
        ),
        (
            select array_agg((
                line.n, side.coa, line.currency, side.amount, side.account_id, null
            )::ledger.new_posting order by line.n, side.place)
            from line
            cross join lateral (
                values
                (1, line.coa, line.amount, null),
                (
                    2, case when line.account_id is null then '1190' else '1102' end,
                    line.part - line.amount, line.account_id
                ),
                (3, '2100', -line.part, line.account_id)
            ) as side (place, coa, amount, account_id)
        )
    )
$$;

-- Transfer receipts from suspense to the accounts that they were meant for (posting rule L18), and
-- settle these. The lists run in step; who transfers holds the receipts' rows in suspense.
create function receipts.transfer(
    in_portal int, by_login text, by_vendor text, at timestamptz, ids bigint[], accounts bigint[]
)
returns void
language plpgsql
as $$
declare
    entries bigint[];
begin
    perform receivables.hold_accounts(in_portal, accounts);
    with line as materialized (
        select
            t.n::int as n, t.account_id, r.amount, r.reference, r.receipt_id, p.currency,
            r.received_on::timestamp at time zone p.timezone as event_at
        from unnest(ids, accounts) with ordinality as t (receipt_id, account_id, n)
        inner join receipts.receipt as r
            on r.portal_id = in_portal and r.receipt_id = t.receipt_id
        inner join access.portal as p on p.portal_id = in_portal
    )
    select ledger.post(
        in_portal, by_login, by_vendor, at,
        (
            select array_agg((
                line.n, 'transfer', line.event_at, line.account_id, null, line.amount, 0, 0, 0,
                line.reference, '', null, line.receipt_id::text, null
            )::ledger.new_entry) from line
        ),
        (
            select array_agg((
                line.n, side.coa, line.currency, side.amount, side.account_id, null
            )::ledger.new_posting order by line.n, side.place)
            from line
            cross join lateral (
                values (1, '1190', line.amount, null), (2, '1102', -line.amount, line.account_id)
            ) as side (place, coa, amount, account_id)
        )
    ) into entries;
    update receipts.suspense as s set account_id = t.account_id, entry_id = t.entry_id
    from unnest(ids, accounts, entries) as t (receipt_id, account_id, entry_id)
    where s.portal_id = in_portal and s.receipt_id = t.receipt_id;
    perform receivables.credit_accounts(
        in_portal, at, array_agg('RECEIPT'::text), array_agg(c.account_id), array_agg(c.entry_id),
        array_agg(c.amount), array_agg('1102'::text)
    )
    from (
        select t.account_id, t.entry_id, r.amount::numeric as amount
        from unnest(ids, accounts, entries) as t (receipt_id, account_id, entry_id)
        inner join receipts.receipt as r
            on r.portal_id = in_portal and r.receipt_id = t.receipt_id
        order by r.received_on, r.receipt_id
    ) as c;
    perform receivables.settle(in_portal, by_login, by_vendor, at, accounts);
end
$$;

-- Reverse the transfer of a receipt from suspense, where there was one; what it paid is owed again.
-- A transfer that is under way is waited for.
create function receipts.undo_transfer(
    in_portal int, by_login text, by_vendor text, at timestamptz, of_receipt bigint, why text
)
returns void
language plpgsql
as $$
declare
    held receipts.suspense;
    reversal bigint;
begin
    select s.* into held from receipts.suspense as s
    where s.portal_id = in_portal and s.receipt_id = of_receipt
    for update;
    if held.entry_id is null then
        return;
    end if;
    perform receivables.hold_accounts(in_portal, array[held.account_id]);
    select r.entry_id into reversal
    from ledger.reverse(in_portal, by_login, by_vendor, at, array[held.entry_id], why) as r;
    perform receivables.unallocate(in_portal, held.entry_id, reversal, at);
    perform receivables.settle(in_portal, by_login, by_vendor, at, array[held.account_id]);
end
$$;

-- Put a receipt that was transferred back into suspense.
create function receipts.put_back(
    in_portal int, by_login text, by_vendor text, at timestamptz, of_receipt bigint, why text
)
returns void
language plpgsql
as $$
begin
    perform receipts.undo_transfer(in_portal, by_login, by_vendor, at, of_receipt, why);
    update receipts.suspense as s set account_id = null, entry_id = null
    where s.portal_id = in_portal and s.receipt_id = of_receipt;
end
$$;

-- Reverse a receipt with all that it moved (posting rule L17), and answer the entry that does: what
-- it paid is owed again, what it put into a wallet is taken out, also below zero. One that was
-- transferred from suspense stays the receipt of that account.
create function receipts.undo(
    in_portal int, by_login text, by_vendor text, at timestamptz, of_receipt bigint, why text
)
returns bigint
language plpgsql
as $$
declare
    original receipts.receipt;
    reversal bigint;
begin
    select r.* into original from receipts.receipt as r
    where r.portal_id = in_portal and r.receipt_id = of_receipt;
    perform receipts.undo_transfer(in_portal, by_login, by_vendor, at, of_receipt, why);
    perform receivables.hold_accounts(in_portal, array[original.account_id]);
    select r.entry_id into reversal
    from ledger.reverse(in_portal, by_login, by_vendor, at, array[original.entry_id], why) as r;
    perform prepayment.take_back(in_portal, original.entry_id, original.account_id, at);
    perform receivables.unallocate(in_portal, original.entry_id, reversal, at);
    perform receivables.settle(in_portal, by_login, by_vendor, at, array[original.account_id]);
    return reversal;
end
$$;

-- Post an entry of two lines for an account: `debit` and `credit` with the amount, each tagged with
-- the account where customers have a balance on it.
create function receipts.book(
    in_portal int, by_login text, by_vendor text, at timestamptz, of_kind text, of_account bigint,
    amount numeric, debit text, credit text, told text
)
returns bigint
language sql
as $$
    select (ledger.post(
        in_portal, by_login, by_vendor, at,
        array[row(
            1, of_kind, at, of_account, null, book.amount, 0, 0, 0, '', told, null, '', null
        )::ledger.new_entry],
        array(
            select row(
                1, side.coa, p.currency, side.amount,
                case when side.coa in ('1102', '2300') then of_account end, null
            )::ledger.new_posting
            from access.portal as p
            cross join lateral (
                values (debit, book.amount), (credit, -book.amount)
            ) as side (coa, amount)
            where p.portal_id = in_portal
        )
    ))[1]
$$;

-- Refund what an account has to its credit: as much as is told, or all of it where that is null;
-- never more. It is an open item that the account's credits pay. Answers the entry and the amount.
create function receipts.refund(
    in_portal int, by_login text, by_vendor text, at timestamptz, of_account bigint,
    wanted numeric, from_coa text, told text, out entry_id bigint, out amount numeric
)
language plpgsql
as $$
declare
    credit numeric;
begin
    perform receivables.hold_accounts(in_portal, array[of_account]);
    perform receivables.hold_owed(in_portal, array[of_account]);
    select -b.balance into credit from receivables.balances(in_portal, array[of_account]) as b;
    amount := coalesce(wanted, credit);
    if amount > credit or credit <= 0 then
        raise exception 'Account % has % to its credit.', of_account, credit
            using errcode = 'check_violation', constraint = 'refund_within_credit';
    end if;
    entry_id := receipts.book(
        in_portal, by_login, by_vendor, at, 'refund', of_account, amount, '1102', from_coa, told
    );
    perform receivables.issue(
        in_portal, at, array['REFUND'], array[of_account], array[entry_id], array[''],
        array[amount], array['1102'],
        array[(
            select (at at time zone p.timezone)::date from access.portal as p
            where p.portal_id = in_portal
        )]
    );
    perform receivables.settle(in_portal, by_login, by_vendor, at, array[of_account]);
end
$$;

-- What is held of an account as a bond.
create function receipts.bond_held(in_portal int, of_account bigint)
returns numeric
language sql stable
as $$
    select coalesce(-sum(p.amount), 0) from ledger.posting as p
    where p.portal_id = in_portal and p.account_id = of_account and p.coa = '2300'
$$;

-- Refuse that less than nothing is held of an account as a bond; the account is held.
create function receipts.guard_bond(in_portal int, of_account bigint)
returns void
language plpgsql
as $$
begin
    if receipts.bond_held(in_portal, of_account) < 0 then
        raise exception 'Less is held of account % as a bond.', of_account
            using errcode = 'check_violation', constraint = 'bond_held';
    end if;
end
$$;

-- Release a bond, as much as is told or all that is held where that is null: to what the account
-- owes first, and the rest, where it `refunds`, to the customer (posting rule L7). Answers both
-- amounts with their entries, null where there is none.
create function receipts.release_bond(
    in_portal int, by_login text, by_vendor text, at timestamptz, of_account bigint,
    wanted numeric, refunds boolean, from_coa text, told text,
    out applied numeric, out applied_entry bigint, out refunded numeric, out refunded_entry bigint
)
language plpgsql
as $$
declare
    held numeric;
begin
    perform receivables.hold_accounts(in_portal, array[of_account]);
    perform receivables.hold_owed(in_portal, array[of_account]);
    held := receipts.bond_held(in_portal, of_account);
    if coalesce(wanted, held) > held then
        raise exception 'Account % has a bond of %.', of_account, held
            using errcode = 'check_violation', constraint = 'bond_held';
    end if;
    select least(d.amount, coalesce(wanted, held)) into applied
    from receivables.due(in_portal, array[of_account], at) as d;
    refunded := case when refunds then coalesce(wanted, held) - applied else 0 end;
    if applied > 0 then
        applied_entry := receipts.book(
            in_portal, by_login, by_vendor, at, 'bond', of_account, applied, '2300', '1102', told
        );
        perform receivables.credit_accounts(
            in_portal, at, array['BOND'], array[of_account], array[applied_entry],
            array[applied], array['1102']
        );
        perform receivables.settle(in_portal, by_login, by_vendor, at, array[of_account]);
    end if;
    if refunded > 0 then
        refunded_entry := receipts.book(
            in_portal, by_login, by_vendor, at, 'bond', of_account, refunded, '2300', from_coa,
            told
        );
    end if;
end
$$;

-- Receipts as they are listed: with their batch, the account that has them now, and what became of
-- them. allocated and unallocated are of what stands: a receipt that was reversed has neither.
create view receipts.listed with (security_invoker) as
select
    r.portal_id, r.receipt_id, r.batch_no, b.batch_type, b.name as batch_name,
    coalesce(r.account_id, s.account_id) as account_id, d.account, d.contract, d.name, d.type_code,
    coalesce(d.building_code, '') as building_code, coalesce(d.building_name, '') as building_name,
    r.received_on, (e.recorded_at at time zone coalesce(d.timezone, p.timezone))::date as posted_on,
    e.recorded_at as posted_at, e.month, e.login, r.amount, r.wallet_amount,
    (
        case
            when v.entry_id is not null then 0
            else r.amount - r.wallet_amount - coalesce(c.unallocated, r.amount - r.wallet_amount)
        end
    )::db.amount as allocated,
    (
        case
            when v.entry_id is not null then 0
            else coalesce(c.unallocated, r.amount - r.wallet_amount)
        end
    )::db.amount as unallocated,
    r.reference,
    case
        when h.receipt_id is not null then 'DISHONOURED'
        when v.entry_id is not null then 'REVERSED'
        else 'POSTED'
    end as status,
    coalesce(h.dishonour_type, '') as dishonour_type, h.adjustment_id,
    s.receipt_id is not null and s.entry_id is null as suspense, coalesce(s.told, '') as told,
    r.entry_id as transaction_id, s.entry_id as transfer_id
from receipts.receipt as r
inner join access.portal as p on p.portal_id = r.portal_id
inner join receipts.batch as b on b.portal_id = r.portal_id and b.batch_no = r.batch_no
inner join ledger.entry as e on e.portal_id = r.portal_id and e.entry_id = r.entry_id
left join receipts.suspense as s on s.portal_id = r.portal_id and s.receipt_id = r.receipt_id
left join receipts.dishonour as h on h.portal_id = r.portal_id and h.receipt_id = r.receipt_id
left join ledger.entry as v on v.portal_id = r.portal_id and v.reverses = r.entry_id
left join receivables.credit as c
    on c.portal_id = r.portal_id and c.entry_id = coalesce(s.entry_id, r.entry_id)
left join receivables.debtor as d
    on d.portal_id = r.portal_id and d.account_id = coalesce(r.account_id, s.account_id);
comment on view receipts.listed is
'Receipts with their batch and the account that has them; posted_on is by the building''s clock.';
