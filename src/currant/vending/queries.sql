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
-- Post a vend, move its wallet, and record it; what arrears and fixed charges got of the tender is
-- told item by item.
-- not null: entry_id balance
select entry_id, balance
from vending.close_vend(
    :login::text, :vendor_number::text, :user_id::int, :tender_number::bigint, :tender_name::text,
    row(
        :portal_id::int, :vend_id::uuid, null, :account_id::bigint, :meter_id::bigint,
        :wallet_kind::text, :tender::text, :tendered_amount::numeric, :arrears_amount::numeric,
        :fixed_amount::numeric, :energy_amount::numeric, :tax_amount::numeric,
        :energy_wh::bigint, null, :split::jsonb, :at::timestamptz, :month::date
    )::vending.vend,
    :postings::ledger.new_posting[], :minor_unit::numeric,
    :item_ids::bigint[], :item_paid::numeric[],
    :due_meter_ids::bigint[], :due_months::date[], :due_fixed_ids::int[],
    :due_nets::numeric[], :due_taxes::numeric[]
);

-- name: vends
-- One vend, by its id or by its receipt's number, which is that of its entry; or the vends of an
-- account below an entry id, newest first.
-- not null: split reversed
with asked as (
    select :vend_id::uuid as vend_id
    union all
    select v.vend_id
    from ledger.entry as e
    inner join vending.vend as v
        on v.portal_id = e.portal_id and v.account_id = e.account_id and v.entry_id = e.entry_id
    where e.portal_id = :portal_id::int and e.entry_id = :number::bigint
    union all
    (
        select v.vend_id
        from customers.account as a
        inner join vending.vend as v
            on v.portal_id = a.portal_id and v.account_id = a.account_id
            and v.entry_id < :before::bigint
        where a.portal_id = :portal_id::int and a.account = :account::text
        order by v.entry_id desc
        limit :how_many::int
    )
)
select
    v.vend_id, v.entry_id, a.account, m.serial_number, v.wallet_kind, v.tender,
    v.tendered_amount, v.arrears_amount, v.fixed_amount, v.energy_amount, v.tax_amount,
    v.energy_wh, v.balance, v.split::text as split, v.vended_at, e.login, e.vendor_number,
    c.name as customer_name,
    exists(
        select from ledger.entry as r where r.portal_id = v.portal_id and r.reverses = v.entry_id
    ) as reversed
from asked
inner join vending.vend as v on v.portal_id = :portal_id::int and v.vend_id = asked.vend_id
inner join ledger.entry as e on e.portal_id = v.portal_id and e.entry_id = v.entry_id
inner join customers.account as a on a.portal_id = v.portal_id and a.account_id = v.account_id
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
inner join metering.meter as m on m.portal_id = v.portal_id and m.meter_id = v.meter_id
order by v.entry_id desc;

-- name: wallet_values
-- What the wallets of accounts hold, by each meter that draws on them now, and where its units are
-- valued; without an instant as they stand, with one by what was recorded before it. Accounts that
-- are not there are missing, those without meters have one row without a serial number.
-- not null: account balance months counters
with asked as materialized (
    select a.portal_id, a.account_id, a.account
    from customers.account as a
    where a.portal_id = :portal_id::int and a.account = any(:accounts::text[])
)
select
    a.account, m.serial_number, m.wallet_kind,
    case
        when :before::timestamptz is null then coalesce(
            (
                select w.balance from prepayment.wallet as w
                where w.portal_id = a.portal_id and w.account_id = a.account_id
                    and w.kind = m.wallet_kind
            ),
            0
        )
        else coalesce(
            (
                select -sum(p.amount)
                from ledger.posting as p
                inner join ledger.entry as e
                    on e.portal_id = p.portal_id and e.entry_id = p.entry_id
                where p.portal_id = a.portal_id and p.account_id = a.account_id
                    and p.coa = case m.wallet_kind when 'units' then 'U100' else '2100' end
                    and e.recorded_at < :before::timestamptz
            ),
            0
        )
    end as balance,
    s.tariff_id, t.revision, c.months, c.counters
from asked as a
left join customers.agreement as g
    on g.portal_id = a.portal_id and g.account_id = a.account_id
    and db.holds(g.valid, :at::timestamptz)
left join metering.installation as i
    on i.portal_id = g.portal_id and i.location_id = g.location_id
    and db.holds(i.valid, :at::timestamptz)
left join metering.meter as m
    on m.portal_id = i.portal_id and m.meter_id = i.meter_id and m.product_type = g.product_type
left join tariffs.assignment as s
    on s.portal_id = m.portal_id and s.meter_id = m.meter_id
    and db.holds(s.valid, :at::timestamptz)
left join tariffs.tariff as t on t.portal_id = s.portal_id and t.tariff_id = s.tariff_id
cross join lateral drawdown.counters(a.portal_id, m.meter_id, m.wallet_kind) as c
order by a.account, m.serial_number;
