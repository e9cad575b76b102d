-- name: known_accounts
-- The accounts of the numbers that are told, without those that are not there.
-- not null: has_wallet
select
    a.account, a.account_id,
    exists(
        select from prepayment.wallet as w
        where w.portal_id = a.portal_id and w.account_id = a.account_id and w.kind = 'currency'
    ) as has_wallet
from customers.account as a
where a.portal_id = :portal_id::int and a.account = any(:accounts::text[]);

-- name: post_receipts
-- Post receipts and answer their ids in the order given.
-- not null: receipt_id
select r.receipt_id
from unnest(receipts.post(
    :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
    :received::receipts.new_receipt[]
)) with ordinality as r (receipt_id, n)
order by r.n;

-- name: receipts_by_id
-- Receipts as they stand with what they paid, by their ids.
-- not null: receipt_id batch_no batch_type batch_name building_code building_name received_on
-- not null: posted_on posted_at month login amount wallet_amount allocated unallocated reference
-- not null: status dishonour_type suspense told transaction_id
select
    r.receipt_id, r.batch_no, r.batch_type, r.batch_name, r.account, r.contract, r.name,
    r.type_code, r.building_code, r.building_name, r.received_on, r.posted_on, r.posted_at,
    r.month, r.login, r.amount, r.wallet_amount, r.allocated, r.unallocated, r.reference,
    r.status, r.dishonour_type, r.adjustment_id, r.suspense, r.told, r.transaction_id,
    r.transfer_id, p.entry_ids as paid_entries, p.amounts as paid_amounts, b.balance
from receipts.listed as r
left join lateral receivables.paid_by(
    r.portal_id, coalesce(r.transfer_id, r.transaction_id)
) as p on true
left join lateral receivables.balances(r.portal_id, array[r.account_id]) as b
    on b.account_id is not null
where r.portal_id = :portal_id::int and r.receipt_id = any(:receipt_ids::bigint[])
order by r.receipt_id;

-- name: receipts
-- Receipts with what they paid, by their ids: of the days on which the money came or else of those
-- of posting, of a building, an account, a type, waiting in suspense or not; without those of
-- accounts that are blocked for the caller.
-- not null: receipt_id batch_no batch_type batch_name building_code building_name received_on
-- not null: posted_on posted_at month login amount wallet_amount allocated unallocated reference
-- not null: status dishonour_type suspense told transaction_id
select
    r.receipt_id, r.batch_no, r.batch_type, r.batch_name, r.account, r.contract, r.name,
    r.type_code, r.building_code, r.building_name, r.received_on, r.posted_on, r.posted_at,
    r.month, r.login, r.amount, r.wallet_amount, r.allocated, r.unallocated, r.reference,
    r.status, r.dishonour_type, r.adjustment_id, r.suspense, r.told, r.transaction_id,
    r.transfer_id, p.entry_ids as paid_entries, p.amounts as paid_amounts, b.balance
from receipts.listed as r
left join lateral receivables.paid_by(
    r.portal_id, coalesce(r.transfer_id, r.transaction_id)
) as p on true
left join lateral receivables.balances(r.portal_id, array[r.account_id]) as b
    on b.account_id is not null
where r.portal_id = :portal_id::int
    and case when :by_own_date::boolean then r.received_on else r.posted_on end
    between coalesce(:first::date, '-infinity') and coalesce(:last::date, 'infinity')
    and r.posted_at >= coalesce(:start_at::timestamptz, '-infinity')
    and r.posted_at < coalesce(:end_at::timestamptz, 'infinity')
    and (
        :building_code::text is null or lower(r.building_code) = lower(:building_code::text)
    )
    and (:account::text is null or r.account = :account::text)
    and (:batch_type::text is null or r.batch_type = :batch_type::text)
    and (
        :suspense::boolean is null
        or (r.suspense and r.status = 'POSTED') = :suspense::boolean
    )
    and coalesce(r.account <> all(:blocked::text[]), true) and '*' <> all(:blocked::text[])
order by r.receipt_id
limit :how_many::bigint offset :skip::bigint;

-- name: count_receipts
-- How many receipts that would list, whatever the page.
-- not null: how_many
select count(*) as how_many
from receipts.listed as r
where r.portal_id = :portal_id::int
    and case when :by_own_date::boolean then r.received_on else r.posted_on end
    between coalesce(:first::date, '-infinity') and coalesce(:last::date, 'infinity')
    and r.posted_at >= coalesce(:start_at::timestamptz, '-infinity')
    and r.posted_at < coalesce(:end_at::timestamptz, 'infinity')
    and (
        :building_code::text is null or lower(r.building_code) = lower(:building_code::text)
    )
    and (:account::text is null or r.account = :account::text)
    and (:batch_type::text is null or r.batch_type = :batch_type::text)
    and (
        :suspense::boolean is null
        or (r.suspense and r.status = 'POSTED') = :suspense::boolean
    )
    and coalesce(r.account <> all(:blocked::text[]), true) and '*' <> all(:blocked::text[]);

-- name: hold_suspense
-- Lock receipts that came into suspense, in order, until the transaction ends.
select s.receipt_id
from receipts.suspense as s
where s.portal_id = :portal_id::int and s.receipt_id = any(:receipt_ids::bigint[])
order by s.receipt_id
for update;

-- name: held_in_suspense
-- Receipts that came into suspense by their ids, as they stand once they are locked: that statement
-- may have waited for who reversed one.
-- not null: status transferred
select
    s.receipt_id,
    case when exists (
        select from ledger.entry as v where v.portal_id = r.portal_id and v.reverses = r.entry_id
    ) then 'REVERSED' else 'POSTED' end as status,
    s.entry_id is not null as transferred
from receipts.suspense as s
inner join receipts.receipt as r on r.portal_id = s.portal_id and r.receipt_id = s.receipt_id
where s.portal_id = :portal_id::int and s.receipt_id = any(:receipt_ids::bigint[])
order by s.receipt_id;

-- name: transfer
-- Transfer receipts from suspense to accounts.
select
    receipts.transfer(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        :receipt_ids::bigint[], :account_ids::bigint[]
    );

-- name: put_back
-- Put a receipt that was transferred back into suspense.
select
    receipts.put_back(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        :receipt_id::bigint, :note::text
    );

-- name: undo
-- Reverse a receipt with all that it moved, and answer the entry that does.
-- not null: entry_id
select
    receipts.undo(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        :receipt_id::bigint, :note::text
    ) as entry_id;

-- name: dishonour
-- Note that a receipt was dishonoured, by which entry and with which fee.
insert into receipts.dishonour (portal_id, receipt_id, entry_id, dishonour_type, adjustment_id)
values (
    :portal_id::int, :receipt_id::bigint, :entry_id::bigint, :dishonour_type::text,
    :adjustment_id::bigint
);

-- name: refund
-- Refund what an account has to its credit.
-- not null: entry_id amount
select f.entry_id, f.amount
from receipts.refund(
    :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz, :account_id::bigint,
    :amount::numeric, receipts.tender_coa(:batch_type::text), :note::text
) as f;

-- name: take_bond
-- Post a bond that is taken (posting rule L7), and answer its entry.
-- not null: entry_id
select
    receipts.book(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz, 'bond',
        :account_id::bigint, :amount::numeric, receipts.tender_coa(:batch_type::text), '2300',
        :note::text
    ) as entry_id;

-- name: release_bond
-- Release a bond to what the account owes, and the rest to the customer where it is refunded.
-- not null: applied refunded
select b.applied, b.applied_entry, b.refunded, b.refunded_entry
from receipts.release_bond(
    :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz, :account_id::bigint,
    :amount::numeric, :refund::boolean, receipts.tender_coa(:batch_type::text), :note::text
) as b;

-- name: bond
-- What is held of an account as a bond, and what the account owes.
-- not null: account held balance
select
    a.account, receipts.bond_held(a.portal_id, a.account_id) as held, b.balance
from customers.account as a
cross join lateral receivables.balances(a.portal_id, array[a.account_id]) as b
where a.portal_id = :portal_id::int and a.account_id = :account_id::bigint;
