-- name: hold_wallets
-- The accounts that keys mean, by contract first where these are foreign keys, else by number, with
-- what their wallets of a kind hold. The wallets are locked in order until the transaction ends.
-- not null: key account_id account
with named as materialized (
    select
        k.key, coalesce(f.account_id, a.account_id) as account_id,
        coalesce(f.account, a.account) as account
    from unnest(:keys::text[]) as k (key)
    left join customers.account as f
        on f.portal_id = :portal_id::int and :foreign_keys::boolean and f.contract = k.key
    left join customers.account as a on a.portal_id = :portal_id::int and a.account = k.key
    where coalesce(f.account_id, a.account_id) is not null
), held as materialized (
    select w.account_id, w.balance
    from prepayment.wallet as w
    where w.portal_id = :portal_id::int and w.kind = :kind::text
        and w.account_id in (select named.account_id from named)
    order by w.account_id
    for update
)
select named.key, named.account_id, named.account, held.balance
from named
left join held on held.account_id = named.account_id;

-- name: unit_meters
-- The meters that are supplied from the unit wallets of accounts, and their tariffs.
select g.account_id, m.meter_id, s.tariff_id, t.revision
from customers.agreement as g
inner join metering.installation as i
    on i.portal_id = g.portal_id and i.location_id = g.location_id and i.valid @> :at::timestamptz
inner join metering.meter as m
    on m.portal_id = i.portal_id and m.meter_id = i.meter_id and m.product_type = g.product_type
left join tariffs.assignment as s
    on s.portal_id = m.portal_id and s.meter_id = m.meter_id and s.valid @> :at::timestamptz
left join tariffs.tariff as t on t.portal_id = s.portal_id and t.tariff_id = s.tariff_id
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
    select p.entry_id from ledger.post(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        (
            select array_agg((
                line.n, :way::text, :at::timestamptz, line.account_id, null,
                case :kind::text when 'units' then 0 else line.amount end, 0,
                case :kind::text when 'units' then line.amount::bigint else 0 end,
                0, '', '', null
            )::ledger.new_entry) from line
        ),
        (
            select array_agg((
                line.n, side.coa, :commodity::text, side.amount,
                case when side.coa <> '5100' then line.account_id end
            )::ledger.new_posting order by line.n, side.place)
            from line
            cross join lateral (
                values
                (1, :debit::text, line.amount),
                (2, :credit::text, -line.amount)
            ) as side (place, coa, amount)
        )
    ) as p
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
), run_out as materialized (
    select headends.request_relay(
        :portal_id::int, d.meter_ids, 'DISCONNECT', 'wallet', :at::timestamptz
    ) as meters
    from (
        select array_agg(distinct m.meter_id) as meter_ids
        from moved
        inner join customers.account as a
            on a.portal_id = :portal_id::int and a.account_id = moved.account_id
            and a.payment_mode = 'PREPAID'
        inner join customers.agreement as g
            on g.portal_id = a.portal_id and g.account_id = a.account_id
            and g.valid @> :at::timestamptz
        inner join metering.installation as i
            on i.portal_id = g.portal_id and i.location_id = g.location_id
            and i.valid @> :at::timestamptz
        inner join metering.meter as m
            on m.portal_id = i.portal_id and m.meter_id = i.meter_id
            and m.product_type = g.product_type and m.wallet_kind = :kind::text
        where moved.balance <= 0
    ) as d
    where :way::text = 'debit' and d.meter_ids is not null
)
select
    (select count(*) from posted) as entries,
    (select count(*) from moved) as wallets,
    coalesce((select given_back.meters from given_back), (select run_out.meters from run_out), 0)
        as meters;

-- name: faults
-- The wallets of this installation that do not hold what the books say.
-- not null: portal account detail
select portal, account, detail from prepayment.faults();
