-- name: reversible
-- An entry as a reversal needs to know it; null is an entry of no account.
-- not null: told_kind reversed
select
    e.entry_id, e.kind, transactions.told_kind(e.portal_id, e.entry_id, e.kind) as told_kind,
    e.recorded_at, a.account, e.account_id, e.amount, e.arrears_amount,
    e.energy_wh, e.reverses,
    exists(
        select from ledger.entry as r where r.portal_id = e.portal_id and r.reverses = e.entry_id
    ) as reversed
from ledger.entry as e
left join customers.account as a on a.portal_id = e.portal_id and a.account_id = e.account_id
where e.portal_id = :portal_id::int and e.entry_id = :entry_id::bigint;

-- name: reverse
-- Reverse an entry with all that it moved.
-- not null: entry_id
select r.entry_id, r.balance, r.given_back
from transactions.reverse(
    :portal_id::int, :login::text, :vendor_number::text, :entry_id::bigint, :note::text,
    :at::timestamptz
) as r;

-- name: hold_account
-- Keep vends and other payments of an account waiting until this one is done.
-- not null: held
select true as held
from transactions.hold_account(:portal_id::int, :account_id::bigint);

-- name: owed
-- The arrears that an account owes, locked until the transaction ends in the order that all lock
-- items in.
select o.item_id, o.type_name, o.receivable_coa, o.outstanding, o.start_at
from receivables.open_item as o
where o.portal_id = :portal_id::int and o.account_id = :account_id::bigint and o.outstanding > 0
    and o.kind = 'ARREARS'
order by o.item_id
for no key update;

-- name: pay_arrears
-- Pay open items with a tender; answers the ledger entry.
-- not null: entry_id
select
    transactions.pay_arrears(
        :portal_id::int, :login::text, :vendor_number::text, :user_id::int, :account_id::bigint,
        :tender::text, :tender_number::bigint, :tender_name::text, :currency::text,
        :minor_unit::numeric, :item_ids::bigint[], :item_coas::text[], :item_paid::numeric[],
        :note::text, :at::timestamptz
    ) as entry_id;

-- name: payment
-- A payment of arrears alone, by the number of its receipt, which is that of its entry.
-- not null: reversed
select
    a.account, c.name as customer_name, e.kind as tender, e.arrears_amount as amount, e.login,
    e.recorded_at as paid_at,
    exists(
        select from ledger.entry as r where r.portal_id = e.portal_id and r.reverses = e.entry_id
    ) as reversed
from ledger.entry as e
inner join customers.account as a on a.portal_id = e.portal_id and a.account_id = e.account_id
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
where e.portal_id = :portal_id::int and e.entry_id = :entry_id::bigint
    and e.kind in ('cash', 'check', 'card', 'eft') and not exists (
        select from vending.vend as v
        where v.portal_id = e.portal_id and v.account_id = e.account_id
            and v.entry_id = e.entry_id
    );

-- name: items_paid
-- What of a payment went to which item, and what was outstanding on each right after it.
-- not null: arrears_type outstanding
select
    l.item_id as arrears_id, btrim(i.type_name) as arrears_type, l.amount,
    i.amount - (
        select sum(b.amount) from receivables.allocation as b
        where b.portal_id = l.portal_id and b.item_id = l.item_id
            and b.allocation_id <= l.allocation_id
    ) as outstanding
from receivables.allocation as l
inner join receivables.open_item as i on i.portal_id = l.portal_id and i.item_id = l.item_id
where l.portal_id = :portal_id::int and l.entry_id = :entry_id::bigint
order by l.allocation_id;

-- name: transactions
-- The entries that were recorded from one instant to before another, as J29 prints them, by id;
-- without those of accounts that are blocked for the caller (* is every one). A receipt is told by
-- the kind of its tender; what bills, moves between accounts of ours, refunds and bonds post has no
-- kind there and is left out, and so are its reversals.
-- not null: account contract customer_name serial_number kind
select
    e.vendor_number, e.login, coalesce(a.account, 'unassigned') as account,
    coalesce(a.contract, a.account, 'unassigned') as contract,
    coalesce(c.name, '') as customer_name,
    coalesce(m.serial_number, 'unassigned') as serial_number,
    e.entry_id,
    transactions.told_kind(e.portal_id, e.entry_id, e.kind) as kind,
    e.recorded_at, e.arrears_amount, e.amount, e.energy_wh, e.tender_number, e.tender_name
from ledger.entry as e
left join ledger.entry as o on o.portal_id = e.portal_id and o.entry_id = e.reverses
left join customers.account as a on a.portal_id = e.portal_id and a.account_id = e.account_id
left join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join metering.meter as m on m.portal_id = e.portal_id and m.meter_id = e.meter_id
where e.portal_id = :portal_id::int
    and e.recorded_at >= :first_at::timestamptz and e.recorded_at < :before::timestamptz
    and coalesce(o.kind, e.kind) not in ('invoice', 'transfer', 'refund', 'bond')
    and (
        a.account is null
        or (a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[]))
    )
order by e.entry_id
limit :how_many::bigint offset :beyond::bigint;
