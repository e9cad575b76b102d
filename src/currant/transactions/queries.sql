-- name: transactions
-- The entries that were recorded from one instant to before another, as J29 prints them, by id;
-- without those of accounts that are blocked for the caller (* is every one).
-- not null: account contract customer_name serial_number
select
    e.vendor_number, e.login, coalesce(a.account, 'unassigned') as account,
    coalesce(a.contract, a.account, 'unassigned') as contract,
    coalesce(c.name, '') as customer_name,
    coalesce(m.serial_number, 'unassigned') as serial_number,
    e.entry_id, e.kind, e.recorded_at, e.arrears_amount, e.amount, e.energy_wh, e.tender_number,
    e.tender_name
from ledger.entry as e
left join customers.account as a on a.portal_id = e.portal_id and a.account_id = e.account_id
left join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join metering.meter as m on m.portal_id = e.portal_id and m.meter_id = e.meter_id
where e.portal_id = :portal_id::int
    and e.recorded_at >= :first_at::timestamptz and e.recorded_at < :before::timestamptz
    and (
        a.account is null
        or (a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[]))
    )
order by e.entry_id;
