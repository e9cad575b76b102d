-- name: hold_wallets
-- What accounts hold in their wallets of a kind, locked in order until the transaction ends.
select w.account_id, w.balance
from prepayment.wallet as w
where w.portal_id = :portal_id::int and w.kind = :kind::text
    and w.account_id = any(:account_ids::bigint[])
order by w.account_id
for update;

-- name: unit_meters
-- The meters that are supplied from the unit wallets of accounts and have a tariff, with it.
select g.account_id, m.meter_id, s.tariff_id, t.revision
from customers.agreement as g
inner join metering.installation as i
    on i.portal_id = g.portal_id and i.location_id = g.location_id and i.valid @> :at::timestamptz
inner join metering.meter as m
    on m.portal_id = i.portal_id and m.meter_id = i.meter_id and m.product_type = g.product_type
inner join tariffs.assignment as s
    on s.portal_id = m.portal_id and s.meter_id = m.meter_id and s.valid @> :at::timestamptz
inner join tariffs.tariff as t on t.portal_id = s.portal_id and t.tariff_id = s.tariff_id
where g.portal_id = :portal_id::int and g.account_id = any(:account_ids::bigint[])
    and g.valid @> :at::timestamptz and m.wallet_kind = 'units';

-- name: sold_since
-- The units sold to meters since an instant each, by the books; a reversal counts with its
-- original.
-- not null: meter_id energy_wh
select w.meter_id, sum(p.amount)::bigint as energy_wh
from unnest(:account_ids::bigint[], :meter_ids::bigint[], :from_ats::timestamptz[])
    as w (account_id, meter_id, from_at)
inner join ledger.posting as p
    on p.portal_id = :portal_id::int and p.account_id = w.account_id and p.coa = 'U300'
inner join ledger.entry as e
    on e.portal_id = p.portal_id and e.entry_id = p.entry_id and e.meter_id = w.meter_id
left join ledger.entry as o on o.portal_id = e.portal_id and o.entry_id = e.reverses
where coalesce(o.event_at, e.event_at) >= w.from_at
group by w.meter_id;

-- name: adjust_wallets
-- Post adjustments of wallets, each an entry of its own (posting rules L3 to L6), and move the
-- wallets. Meters whose wallet holds something again are given back their supply; those of prepaid
-- accounts whose wallet holds nothing more are asked to disconnect.
-- not null: entries wallets meters
with line as materialized (
    select l.account_id, l.amount, l.n::int as n
    from unnest(:account_ids::bigint[], :amounts::numeric[])
        with ordinality as l (account_id, amount, n)
), posted as materialized (
    select p.entry_id from unnest(ledger.post(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        (
            select array_agg((
                line.n, :entry_kind::text, :at::timestamptz, line.account_id, null,
                case :kind::text when 'units' then 0 else line.amount end, 0,
                case :kind::text when 'units' then line.amount::bigint else 0 end,
                0, '', '', null, '', null
            )::ledger.new_entry) from line
        ),
        (
            select array_agg((
                line.n, side.coa, :commodity::text, side.amount,
                case when side.coa <> '5100' then line.account_id end, null
            )::ledger.new_posting order by line.n, side.place)
            from line
            cross join lateral (
                values
                (1, :debit::text, line.amount),
                (2, :credit::text, -line.amount)
            ) as side (place, coa, amount)
        )
    )) as p (entry_id)
), moved as materialized (
    select c.account_id, c.balance from prepayment.credit_many(
        :portal_id::int, :account_ids::bigint[],
        array_fill(:kind::text, array[cardinality(:account_ids::bigint[])]),
        array(
            select case :way::text when 'fund' then line.amount else -line.amount end
            from line order by line.n
        )
    ) as c
), given_back as materialized (
    select headends.settle_relays(
        :portal_id::int, f.account_ids, array_fill(:kind::text, array[cardinality(f.account_ids)]),
        :at::timestamptz
    ) as meters
    from (select array_agg(moved.account_id) as account_ids from moved where moved.balance > 0) as f
    where :way::text = 'fund' and f.account_ids is not null
), cut_off as materialized (
    select headends.cut_off(
        :portal_id::int, f.account_ids, array_fill(:kind::text, array[cardinality(f.account_ids)]),
        :at::timestamptz
    ) as meters
    from (
        select array_agg(moved.account_id) as account_ids from moved where moved.balance <= 0
    ) as f
    where :way::text = 'debit' and f.account_ids is not null
)
select
    (select count(*) from posted) as entries,
    (select count(*) from moved) as wallets,
    coalesce((select given_back.meters from given_back), (select cut_off.meters from cut_off), 0)
        as meters;

-- name: spare_supplied
-- Give back the supply of wallets that hold something, or that are no longer drawn on in advance,
-- and are about to be cut off through a head-end; answers how many meters that concerned.
-- not null: spared
select
    headends.settle_relays(
        :portal_id::int, array_agg(u.account_id), array_agg(u.kind), :now::timestamptz
    ) as spared
from (
    select distinct w.account_id, w.kind
    from headends.request as r
    inner join metering.meter as m on m.portal_id = r.portal_id and m.meter_id = r.meter_id
    inner join metering.installation as i
        on i.portal_id = r.portal_id and i.meter_id = r.meter_id
        and db.holds(i.valid, :now::timestamptz)
    inner join customers.agreement as g
        on g.portal_id = i.portal_id and g.location_id = i.location_id
        and g.product_type = m.product_type and db.holds(g.valid, :now::timestamptz)
    inner join customers.account as a
        on a.portal_id = g.portal_id and a.account_id = g.account_id
    inner join prepayment.wallet as w
        on w.portal_id = g.portal_id and w.account_id = g.account_id and w.kind = m.wallet_kind
    where r.portal_id = :portal_id::int and r.source = :source::text and r.state = 'PENDING'
        and r.next_try_at <= :now::timestamptz and r.command = 'DISCONNECT' and r.login = 'auto'
        and (w.balance > 0 or a.payment_mode <> 'PREPAID')
) as u;

-- name: faults
-- The wallets of this installation that do not hold what the books say.
-- not null: portal account detail
select portal, account, detail from prepayment.faults() order by portal, account, detail;
