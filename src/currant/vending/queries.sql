-- name: open_vend
-- The facts of a vend; where `locking`, the wallet is first locked against other vends.
-- not null: none
select
    account_id, account, customer_name, meter_count, meter_id, serial_number, com_type,
    wallet_kind, balance,
    tariff_id, revision, months, counters,
    item_ids, type_names, outstandings, pay_plans, receivable_coas,
    due_months, due_fixed_ids, due_meter_ids, due_descriptions, due_nets, due_taxes, due_coas
from vending.open_vend(
    :portal_id::int, :account::text, :serial_number::text, :at::timestamptz, :locking::boolean
);

-- name: close_vend
-- Post a vend, move its wallet, and record it: one statement, so that none of it can be missing.
-- not null: entry_id balance allocated settled
with posted as (
    select p.entry_id from ledger.post(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        :entries::ledger.new_entry[], :postings::ledger.new_posting[]
    ) as p
), moved as (
    select prepayment.credit(
        :portal_id::int, :account_id::bigint, :wallet_kind::text, :credit::numeric
    ) as balance
), counted as (
    select drawdown.count_sale(
        :portal_id::int, :meter_id::bigint, :month::date, :sold_wh::bigint,
        :due_meter_ids::bigint[], :due_months::date[], :due_fixed_ids::int[],
        :due_nets::numeric[], :due_taxes::numeric[]
    ) as settled
), taken as (
    insert into vending.drawer as d(portal_id, user_id, taken, bound)
    select
        :portal_id::int, u.user_id, :tendered_amount::numeric,
        u.vending_limit * :minor_unit::numeric
    from access.system_user as u
    where u.user_id = :user_id::int and u.vending_limit is not null
    on conflict (portal_id, user_id) do update
    set taken = d.taken + excluded.taken, bound = excluded.bound
), allocated as (
    select receivables.allocate(
        :portal_id::int, posted.entry_id, 'payment', :at::timestamptz,
        :item_ids::bigint[], :item_paid::numeric[]
    ) as items
    from posted
), recorded as (
    insert into vending.vend (
        portal_id, vend_id, entry_id, account_id, meter_id, wallet_kind, tender, tendered_amount,
        arrears_amount, fixed_amount, energy_amount, tax_amount, energy_wh, balance, split,
        vended_at
    )
    select
        :portal_id::int, :vend_id::uuid, posted.entry_id, :account_id::bigint, :meter_id::bigint,
        :wallet_kind::text, :tender::text, :tendered_amount::numeric, :arrears_amount::numeric,
        :fixed_amount::numeric, :energy_amount::numeric, :tax_amount::numeric,
        :energy_wh::bigint, moved.balance, :split::jsonb, :at::timestamptz
    from posted cross join moved
)
select posted.entry_id, moved.balance, allocated.items as allocated, counted.settled
from posted cross join moved cross join allocated cross join counted;

-- name: vend
-- One vend by its id.
select
    v.vend_id, v.entry_id, a.account, m.serial_number, v.wallet_kind, v.tender,
    v.tendered_amount, v.arrears_amount, v.fixed_amount, v.energy_amount, v.tax_amount,
    v.energy_wh, v.balance, v.split::text as split, v.vended_at, e.login, e.vendor_number,
    c.name as customer_name,
    exists (
        select from ledger.entry as r where r.portal_id = v.portal_id and r.reverses = v.entry_id
    ) as reversed
from vending.vend as v
inner join ledger.entry as e on e.portal_id = v.portal_id and e.entry_id = v.entry_id
inner join customers.account as a on a.portal_id = v.portal_id and a.account_id = v.account_id
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
inner join metering.meter as m on m.portal_id = v.portal_id and m.meter_id = v.meter_id
where v.portal_id = :portal_id::int and v.vend_id = :vend_id::uuid;

-- name: vends
-- The vends of an account, newest first, below an entry id.
select
    v.vend_id, v.entry_id, a.account, m.serial_number, v.wallet_kind, v.tender,
    v.tendered_amount, v.arrears_amount, v.fixed_amount, v.energy_amount, v.tax_amount,
    v.energy_wh, v.balance, v.split::text as split, v.vended_at, e.login, e.vendor_number,
    c.name as customer_name,
    exists (
        select from ledger.entry as r where r.portal_id = v.portal_id and r.reverses = v.entry_id
    ) as reversed
from vending.vend as v
inner join ledger.entry as e on e.portal_id = v.portal_id and e.entry_id = v.entry_id
inner join customers.account as a on a.portal_id = v.portal_id and a.account_id = v.account_id
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
inner join metering.meter as m on m.portal_id = v.portal_id and m.meter_id = v.meter_id
where v.portal_id = :portal_id::int and a.account = :account::text
    and v.entry_id < :before::bigint
order by v.entry_id desc
limit :how_many::int;
