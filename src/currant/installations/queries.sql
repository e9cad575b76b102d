-- name: put_on_plans
-- Put meters on price plans from an instant each.
-- not null: assigned
select
    tariffs.assign(
        :portal_id::int, :meter_ids::bigint[], :tariff_ids::int[], :ats::timestamptz[],
        :login::text
    ) as assigned;

-- name: open_wallets
-- Open the wallets that prepaid accounts lack for the meters that hang at sites now.
-- not null: opened
select
    prepayment.open_wallets(
        :portal_id::int, array_agg(w.account_id), array_agg(w.wallet_kind)
    ) as opened
from (
    select distinct g.account_id, m.wallet_kind
    from metering.installation as i
    inner join metering.meter as m on m.portal_id = i.portal_id and m.meter_id = i.meter_id
    inner join customers.agreement as g
        on g.portal_id = i.portal_id and g.location_id = i.location_id
        and g.product_type = m.product_type and coalesce(upper(g.valid) > :now::timestamptz, true)
    inner join customers.account as a
        on a.portal_id = g.portal_id and a.account_id = g.account_id
        and a.payment_mode = 'PREPAID'
    where i.portal_id = :portal_id::int and i.location_id = any(:location_ids::bigint[])
        and db.holds(i.valid, :now::timestamptz)
) as w;

-- name: hand_over_plan
-- Put a meter on the price plan that another was on at an instant, and that other one off it.
-- not null: changed
select
    coalesce((
        select tariffs.assign(
            :portal_id::int, array[:new_meter_id::bigint], array[a.tariff_id],
            array[:at::timestamptz], :login::text
        )
        from tariffs.assignment as a
        where a.portal_id = :portal_id::int and a.meter_id = :meter_id::bigint
            and db.holds(a.valid, :at::timestamptz)
    ), 0) + tariffs.unassign(
        :portal_id::int, array[:meter_id::bigint], :at::timestamptz
    ) as changed;

-- name: draw_again
-- Have what meters used since an instant each drawn again.
select reads.draw_again(:portal_id::int, :meter_ids::bigint[], :sinces::timestamptz[]) as done;
