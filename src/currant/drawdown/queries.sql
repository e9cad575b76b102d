-- name: supplies
-- For each meter the stretches of time in which it supplied an account on a tariff: where its
-- installation, the agreement of that place and its tariff overlap, from an instant on. Each table
-- is walked once along its key, and the few rows joined by hashes.
-- not null: prepaid start_at
with metered as materialized (
    select m.meter_id, m.wallet_kind, m.product_type
    from metering.meter as m
    where m.portal_id = :portal_id::int and m.meter_id = any(:meter_ids::bigint[])
), placed as materialized (
    select i.meter_id, i.location_id, i.valid
    from metering.installation as i
    where i.portal_id = :portal_id::int and i.meter_id = any(:meter_ids::bigint[])
        and i.valid && tstzrange(:from_at::timestamptz, null)
), agreed as materialized (
    select g.location_id, g.product_type, g.account_id, g.valid
    from customers.agreement as g
    where g.portal_id = :portal_id::int
        and g.location_id = any(array(select p.location_id from placed as p))
        and g.valid && tstzrange(:from_at::timestamptz, null)
), rated as materialized (
    select s.meter_id, s.tariff_id, s.valid
    from tariffs.assignment as s
    where s.portal_id = :portal_id::int and s.meter_id = any(:meter_ids::bigint[])
        and s.valid && tstzrange(:from_at::timestamptz, null)
)
select
    m.meter_id, m.wallet_kind, g.account_id, a.payment_mode = 'PREPAID' as prepaid, s.tariff_id,
    t.revision, lower(p.valid * g.valid * s.valid) as start_at,
    upper(p.valid * g.valid * s.valid) as end_at
from metered as m
inner join placed as p on p.meter_id = m.meter_id
inner join agreed as g on g.location_id = p.location_id and g.product_type = m.product_type
inner join customers.account as a
    on a.portal_id = :portal_id::int and a.account_id = g.account_id
    and a.account_id = any(array(select d.account_id from agreed as d))
inner join rated as s on s.meter_id = m.meter_id
inner join tariffs.tariff as t on t.portal_id = :portal_id::int and t.tariff_id = s.tariff_id
where p.valid * g.valid * s.valid && tstzrange(:from_at::timestamptz, null)
order by m.meter_id, start_at;

-- name: analyze_grown
-- Let the planner look again at what has doubled since it last looked, before it is joined.
select
    db.analyze_written(
        array[
            'reads.read', 'reads.usage', 'drawdown.run', 'ledger.entry', 'ledger.posting',
            'prepayment.wallet'
        ]::regclass[], 0
    );

-- name: look_up_by_key
-- Plan this transaction's statements for the sets they are given: look rows up by key, whatever the
-- statistics of freshly written tables say. Its commit need not wait for the disk: what a crash
-- takes back is due again.
-- not null: told
select
    set_config('synchronous_commit', 'off', true)
    || set_config('plan_cache_mode', 'force_custom_plan', true)
    || set_config('enable_seqscan', 'off', true)
    || set_config('enable_mergejoin', 'off', true) as told;

-- name: join_by_hash
-- Join what the next statement reads of a whole portal by hashes, or again as the planner likes:
-- from statistics of tables that were empty it takes nested loops, whose work grows with the third
-- power of the supplies.
-- not null: told
select
    set_config('plan_cache_mode', 'force_custom_plan', true)
    || set_config('enable_nestloop', (not :alone::boolean)::text, true) as told;

-- name: runs
-- What some meters' months were priced at so far, in the order of time. A month by any tariff's
-- clock is at most a day away from the same one in UTC.
select
    r.meter_id, r.month, r.from_at, r.account_id, r.tariff_id, t.revision, r.wallet_kind,
    r.energy_wh, r.estimated_wh, r.coas, r.nets, r.tax
from drawdown.run as r
inner join tariffs.tariff as t on t.portal_id = :portal_id::int and t.tariff_id = r.tariff_id
where r.portal_id = :portal_id::int and r.meter_id = any(:meter_ids::bigint[])
    and r.month >= date_trunc('month', :since::timestamptz - interval '1 day')::date
    and r.month <= (:until::timestamptz + interval '1 day')::date
order by r.meter_id, r.month, r.from_at;

-- name: standing_usage
-- The usage that stands of some meters since an instant, in the order of time.
-- not null: sign
select g.meter_id, g.register_id, u.from_at, u.to_at, u.energy_wh, 1 as sign
from metering.register as g
inner join reads.usage as u
    on u.portal_id = :portal_id::int and u.register_id = g.register_id
    and u.to_at > :since::timestamptz and u.retired_at = 'infinity'
    and u.register_id = any(
        array(
            select n.register_id from metering.register as n
            where n.portal_id = :portal_id::int and n.meter_id = any(:meter_ids::bigint[])
                and n.register_no = 1
        )
    )
where g.portal_id = :portal_id::int and g.register_no = 1
    and g.meter_id = any(:meter_ids::bigint[])
order by g.meter_id, u.to_at;

-- name: unpriced
-- The usage since an instant that nobody was charged for, of some meters, less its corrections.
-- not null: energy_wh
select u.meter_id, u.from_at, u.to_at, sum(u.energy_wh)::bigint as energy_wh
from drawdown.unpriced as u
where u.portal_id = :portal_id::int and u.meter_id = any(:meter_ids::bigint[])
    and u.from_at >= :since::timestamptz
group by u.meter_id, u.from_at, u.to_at
having sum(u.energy_wh) <> 0;

-- name: post
-- Keep the newly priced runs, post an entry per meter and account with its lines, and take the
-- money or energy from the wallets: one statement for a whole block of meters. Amounts of money
-- come in minor units. Answers the wallets that are used up, and those that rose.
-- not null: account_id kind balance
with kept as (
    merge into drawdown.run as r -- noqa: PRS
    using (
        select
            u.meter_id, u.month, u.from_at, u.account_id, u.tariff_id, u.wallet_kind,
            u.estimated_wh, u.tax,
            string_to_array(u.energy_wh, ' ')::bigint[] as energy_wh,
            string_to_array(u.coas, ' ') as coas,
            string_to_array(u.nets, ' ')::bigint[] as nets
        from unnest(
            :run_meter_ids::bigint[], :run_months::date[], :run_from_ats::timestamptz[],
            :run_account_ids::bigint[], :run_tariff_ids::int[], :run_kinds::text[],
            :run_energies::text[], :run_estimates::bigint[], :run_coas::text[], :run_nets::text[],
            :run_taxes::bigint[]
        ) as u (
            meter_id, month, from_at, account_id, tariff_id, wallet_kind, energy_wh, estimated_wh,
            coas, nets, tax
        )
    ) as s
        on r.portal_id = :portal_id::int and r.meter_id = s.meter_id and r.month = s.month
        and r.from_at = s.from_at and r.account_id = s.account_id
        and r.tariff_id = s.tariff_id and r.wallet_kind = s.wallet_kind
        and r.meter_id = any(:run_meter_ids::bigint[])
    when matched then
        update set
            energy_wh = s.energy_wh, estimated_wh = s.estimated_wh, coas = s.coas, nets = s.nets,
            tax = s.tax
    when not matched then
        insert (
            portal_id, meter_id, month, from_at, account_id, tariff_id, wallet_kind, energy_wh,
            estimated_wh, coas, nets, tax
        )
        values (
            :portal_id::int, s.meter_id, s.month, s.from_at, s.account_id, s.tariff_id,
            s.wallet_kind, s.energy_wh, s.estimated_wh, s.coas, s.nets, s.tax
        )
), drawn as materialized (
    select
        e.n::int as n, e.event_at, e.account_id, e.meter_id, e.kind, e.energy_wh,
        e.amount * :minor_unit::numeric as amount,
        case e.kind when 'units' then e.energy_wh else e.amount * :minor_unit::numeric end as taken
    from unnest(
        :event_ats::timestamptz[], :account_ids::bigint[], :meter_ids::bigint[], :kinds::text[],
        :amounts::bigint[], :energies::bigint[]
    ) with ordinality as e (event_at, account_id, meter_id, kind, amount, energy_wh, n)
), posted as materialized (
    select cardinality(ledger.post(
        :portal_id::int, :login::text, '', :now::timestamptz,
        (
            select array_agg((
                d.n, 'wallet', d.event_at, d.account_id, d.meter_id, d.amount, 0, d.energy_wh, 0,
                '', '', null, '', null
            )::ledger.new_entry)
            from drawn as d
        ),
        (
            select array_agg((
                l.n, l.coa, l.commodity, l.amount, l.account_id, null
            )::ledger.new_posting)
            from (
                select
                    d.n, case d.kind when 'units' then 'U100' else '2100' end as coa,
                    case d.kind when 'units' then 'Wh' else :currency::text end as commodity,
                    d.taken as amount, d.account_id
                from drawn as d
                union all
                select d.n, 'U400', 'Wh', -d.taken, d.account_id
                from drawn as d where d.kind = 'units'
                union all
                select l.n, l.coa, :currency::text, l.amount * :minor_unit::numeric, null
                from unnest(:line_ns::int[], :line_coas::text[], :line_amounts::bigint[])
                    as l (n, coa, amount)
            ) as l
        )
    )) as entries
), left_over as (
    insert into drawdown.unpriced (portal_id, meter_id, from_at, to_at, energy_wh, recorded_at)
    select :portal_id::int, u.meter_id, u.from_at, u.to_at, u.energy_wh, :now::timestamptz
    from unnest(
        :unpriced_meter_ids::bigint[], :unpriced_from_ats::timestamptz[],
        :unpriced_to_ats::timestamptz[], :unpriced_energies::bigint[]
    ) as u (meter_id, from_at, to_at, energy_wh)
), taken as materialized (
    select
        array_agg(d.account_id) as account_ids, array_agg(d.kind) as kinds,
        array_agg(-d.taken) as amounts
    from drawn as d cross join posted
    where posted.entries > 0
)
select m.account_id, m.kind, m.balance
from taken as t
cross join lateral prepayment.credit_many(
    :portal_id::int, t.account_ids, t.kinds, t.amounts
) as m
where m.balance <= 0 or (m.account_id, m.kind) in (
    select d.account_id, d.kind from drawn as d where d.taken < 0
);

-- name: cut_off
-- Ask the head-ends to disconnect the meters of wallets that are used up; answers how many.
-- not null: meters
select
    headends.cut_off(
        :portal_id::int, :account_ids::bigint[], :kinds::text[], :now::timestamptz
    ) as meters;

-- name: give_back
-- Give back the supply of wallets that hold something again; answers how many meters.
-- not null: meters
select
    headends.settle_relays(
        :portal_id::int, :account_ids::bigint[], :kinds::text[], :now::timestamptz
    ) as meters;

-- name: portals_due
-- The portals with reads that no usage was made of yet, or with usage to be drawn again.
select p.key
from access.portal as p
where exists (select from reads.due as d where d.portal_id = p.portal_id)
    or exists (select from reads.batch as b where b.portal_id = p.portal_id and not b.queued)
order by p.key;

-- name: fixed_charges
-- The fixed charges of supplies in months that are over, or that ended with their agreement, that
-- were not charged yet: for each the days it was supplied of the days the month has. It looks back
-- three months, for what a stopped job missed. A meter that was charged for a month is not charged
-- for it by another tariff, which it was put on for the past.
-- not null: month start_at days days_of_month
with months as (
    select
        (date_trunc('month', :now::timestamptz at time zone p.timezone) - n.n * interval '1 month')
        ::date as month,
        p.timezone
    from access.portal as p cross join generate_series(0, 3) as n (n)
    where p.portal_id = :portal_id::int
), spans as (
    select
        m.month,
        tstzrange(
            m.month::timestamp at time zone m.timezone,
            (m.month + interval '1 month') at time zone m.timezone
        ) as span,
        m.timezone,
        (m.month + interval '1 month')::date - m.month as days_of_month
    from months as m
)
select
    r.meter_id, r.wallet_kind, g.account_id, f.fixed_id, f.description, f.amount, f.basis, f.coa,
    f.taxable, r.kva_demand_rating, a.tariff_id, t.revision, s.month,
    lower(s.span) as start_at,
    sum(
        (upper(i.valid * g.valid * a.valid * f.valid * s.span) at time zone s.timezone)::date
        - (lower(i.valid * g.valid * a.valid * f.valid * s.span) at time zone s.timezone)::date
    )::int as days,
    s.days_of_month
from spans as s
inner join customers.agreement as g on g.portal_id = :portal_id::int and g.valid && s.span
inner join customers.account as c
    on c.portal_id = g.portal_id and c.account_id = g.account_id and c.payment_mode = 'PREPAID'
inner join metering.installation as i
    on i.portal_id = g.portal_id and i.location_id = g.location_id and i.valid && g.valid
inner join metering.meter as r
    on r.portal_id = i.portal_id and r.meter_id = i.meter_id
    and r.product_type = g.product_type
inner join tariffs.assignment as a
    on a.portal_id = i.portal_id and a.meter_id = i.meter_id and a.valid && i.valid
inner join tariffs.tariff as t on t.portal_id = a.portal_id and t.tariff_id = a.tariff_id
inner join tariffs.fixed_charge as f
    on f.portal_id = a.portal_id and f.tariff_id = a.tariff_id and f.amount > 0
    and f.basis in ('MONTHLY', 'KVA', 'DAILY')
where not isempty(i.valid * g.valid * a.valid * f.valid * s.span)
    and (upper(s.span) <= :now::timestamptz or upper(g.valid) <= :now::timestamptz)
    and not exists (
        select from drawdown.fixed_due as d
        where d.portal_id = g.portal_id and d.meter_id = i.meter_id and d.month = s.month
            and d.account_id = g.account_id
    )
group by
    r.meter_id, r.wallet_kind, g.account_id, f.fixed_id, f.description, f.amount, f.basis, f.coa,
    f.taxable, r.kva_demand_rating, a.tariff_id, t.revision, s.month, s.span, s.days_of_month
order by s.month, r.meter_id, f.fixed_id;

-- name: charge
-- Keep monthly charges once each, whoever else charges them at this moment; those of currency
-- wallets are posted and paid at once, those of units wallets stay open. Amounts of money come in
-- minor units. Answers the accounts whose wallets are now used up.
-- not null: account_id
with due as (
    insert into drawdown.fixed_due (
        portal_id, meter_id, month, fixed_id, account_id, description, net, tax, net_paid,
        tax_paid, coa
    )
    select
        :portal_id::int, d.meter_id, d.month, d.fixed_id, d.account_id, d.description,
        d.net * :minor_unit::numeric, d.tax * :minor_unit::numeric,
        case d.kind when 'currency' then d.net * :minor_unit::numeric else 0 end,
        case d.kind when 'currency' then d.tax * :minor_unit::numeric else 0 end,
        d.coa
    from unnest(
        :meter_ids::bigint[], :months::date[], :fixed_ids::int[], :account_ids::bigint[],
        :descriptions::text[], :nets::bigint[], :taxes::bigint[], :coas::text[], :kinds::text[]
    ) as d (
        meter_id, month, fixed_id, account_id, description, net, tax, coa, kind
    )
    order by d.meter_id, d.month, d.fixed_id
    on conflict do nothing
    returning meter_id, month, fixed_id, account_id, description, net, tax, coa, net_paid, tax_paid
), paid as (
    select
        row_number() over (order by d.meter_id, d.month, d.fixed_id, d.account_id)::int as n,
        d.meter_id, d.account_id, d.description, d.net, d.tax, d.coa
    from due as d
    where d.net_paid + d.tax_paid > 0
), posted as materialized (
    select cardinality(ledger.post(
        :portal_id::int, :login::text, '', :now::timestamptz,
        (
            select array_agg((
                p.n, 'fixed', :now::timestamptz, p.account_id, p.meter_id, p.net + p.tax, 0, 0, 0,
                '', p.description, null, '', null
            )::ledger.new_entry)
            from paid as p
        ),
        (
            select array_agg((
                l.n, l.coa, :currency::text, l.amount, l.account_id, null
            )::ledger.new_posting)
            from (
                select p.n, '2100' as coa, p.net + p.tax as amount, p.account_id from paid as p
                union all
                select p.n, p.coa, -p.net, null::bigint from paid as p
                union all
                select p.n, '2200', -p.tax, null::bigint from paid as p
            ) as l
        )
    )) as entries
)
select m.account_id
from posted
cross join lateral prepayment.credit_many(
    :portal_id::int,
    (select array_agg(p.account_id order by p.n) from paid as p where posted.entries >= 0),
    (select array_agg('currency'::text order by p.n) from paid as p),
    (select array_agg(-p.net - p.tax order by p.n) from paid as p)
) as m
where m.balance <= 0;
