-- name: make_tariff
-- A tariff with its terms, rates and standing charges.
with made as (
    insert into tariffs.tariff (
        portal_id, name, description, municipality, type, units, service, calendar_id,
        block_period, blocks_over, whole_blocks, demand_period, ratchet_share, ratchet_months,
        round_per, with_losses
    )
    values (
        :portal_id::int, :name::text, :description::text, :municipality::text, :type::int,
        :units::text, :service::text, :calendar_id::int, :block_period::text,
        :blocks_over::text, :whole_blocks::boolean, :demand_period::text,
        :ratchet_share::numeric, :ratchet_months::int, :round_per::text, :with_losses::boolean
    )
    returning tariff_id, name
), rated as (
    insert into tariffs.rate (
        portal_id, tariff_id, tier, valid, rate, usage_base_start, units, service, coa, ar_coa,
        taxable, description, last_mod, buckets, rounding, meter_type_code
    )
    select
        :portal_id::int, made.tariff_id, r.tier,
        tstzrange(:from_at::timestamptz, :until::timestamptz), r.rate, r.step_from,
        :units::text, :service::text, r.coa, r.ar_coa, r.taxable, r.description,
        :at::timestamptz, r.buckets, r.rounding, r.meter_type_code
    from made
    cross join jsonb_array_elements(:rates::jsonb) with ordinality as line (told, n)
    cross join lateral jsonb_to_record(line.told) as r (
        tier text, rate numeric, coa text, ar_coa text, step_from numeric, buckets int[],
        taxable boolean, description text, rounding text, meter_type_code text
    )
    order by line.n
), charged as (
    insert into tariffs.fixed_charge (
        portal_id, tariff_id, description, amount, basis, coa, ar_coa, taxable, valid, rounding
    )
    select
        :portal_id::int, made.tariff_id, c.description, c.amount, c.basis, c.coa, c.ar_coa,
        c.taxable, tstzrange(:charged_from::timestamptz, :charged_until::timestamptz), c.rounding
    from made
    cross join jsonb_array_elements(:charges::jsonb) with ordinality as line (told, n)
    cross join lateral jsonb_to_record(line.told) as c (
        description text, amount numeric, basis text, coa text, ar_coa text, taxable boolean,
        rounding text
    )
    order by line.n
)
select made.tariff_id, made.name from made;

-- name: lock_tariff
-- A tariff by its name, locked against others who change it.
select t.tariff_id, t.units from tariffs.tariff as t
where t.portal_id = :portal_id::int and t.name = :name::text
for no key update;

-- name: schedule_rate
-- End the line of a tier that is in force now where the new one begins, and insert that one: what
-- is not said of it (null) is as with the line of its tier before it. A new tier is taxable where
-- an energy line is, unless it is a levy. No row where block and time-of-use rates would be in
-- force at once.
-- not null: start_at basis
with before as materialized (
    select r.taxable, r.description, r.buckets, r.rounding, r.meter_type_code
    from tariffs.rate as r
    where r.portal_id = :portal_id::int and r.tariff_id = :tariff_id::int
        and r.tier = :tier::text and lower(r.valid) < :start_at::timestamptz
    order by r.valid desc
    limit 1
), ended as (
    update tariffs.rate as r
    set valid = tstzrange(lower(r.valid), :start_at::timestamptz), last_mod = :at::timestamptz
    where r.portal_id = :portal_id::int and r.tariff_id = :tariff_id::int
        and r.tier = :tier::text and r.valid @> :at::timestamptz
        and r.valid @> :start_at::timestamptz
    returning r.rate_id
)
insert into tariffs.rate as n (
    portal_id, tariff_id, tier, valid, rate, usage_base_start, units, service, coa, ar_coa,
    taxable, description, last_mod, buckets, rounding, meter_type_code
)
select
    :portal_id::int, :tariff_id::int, :tier::text,
    tstzrange(:start_at::timestamptz, :end_at::timestamptz), :rate::numeric,
    :usage_base_start::numeric, :units::text, :service::text, :coa::text, :ar_coa::text,
    coalesce(:taxable::boolean, before.taxable, left(:tier::text, 1) <> 'L' and exists (
        select from tariffs.rate as r
        where r.portal_id = :portal_id::int and r.tariff_id = :tariff_id::int
            and r.tier ~ '^[BT]' and r.taxable and r.valid @> :at::timestamptz
    )),
    coalesce(:described::text, before.description, :description::text), :at::timestamptz,
    coalesce(:buckets::int[], before.buckets, '{}'),
    coalesce(:rounding::text, before.rounding, 'HALF_UP'),
    coalesce(:meter_type_code::text, before.meter_type_code, '')
from (select count(*) as lines from ended) as freed
left join before on true
where not exists (
    select from tariffs.rate as r
    where r.portal_id = :portal_id::int and r.tariff_id = :tariff_id::int
        and left(r.tier, 1) || left(:tier::text, 1) in ('BT', 'TB')
        and r.valid && tstzrange(:start_at::timestamptz, :end_at::timestamptz)
)
returning
    n.rate_id, n.tariff_id, n.service, n.tier, n.rate, lower(n.valid) as start_at,
    upper(n.valid) as end_at, n.last_mod, n.usage_base_start, n.units, n.coa, n.ar_coa,
    n.description, n.taxable, tariffs.basis(n) as basis, n.buckets, n.rounding,
    n.meter_type_code;

-- name: tariffs
-- Tariffs by their ids' order, with the meters that are on each now.
-- not null: meter_count
select
    t.tariff_id, t.name, t.description, t.municipality,
    (
        select count(*) from tariffs.assignment as a
        where a.portal_id = t.portal_id and a.tariff_id = t.tariff_id
            and a.valid @> :at::timestamptz
    ) as meter_count,
    t.type, t.units, c.name as calendar, t.block_period, t.blocks_over, t.whole_blocks,
    t.demand_period, t.ratchet_share, t.ratchet_months, t.round_per
from tariffs.tariff as t
left join tariffs.calendar as c on c.portal_id = t.portal_id and c.calendar_id = t.calendar_id
where t.portal_id = :portal_id::int
    and (:name::text is null or t.name = :name::text)
    and (:search::text is null or position(lower(:search::text) in lower(t.name)) > 0)
    and (:municipality::text is null or t.municipality = :municipality::text)
order by t.tariff_id
limit :how_many::bigint offset :skip::bigint;

-- name: tariffs_named
-- The tariffs that names mean.
select t.name, t.tariff_id
from tariffs.tariff as t
where t.portal_id = :portal_id::int and t.name = any(:names::text[]);

-- name: rates
-- The past, present or future rates of some tariffs, by tier (levies last) and time.
-- not null: start_at basis
select
    r.rate_id, r.tariff_id, r.service, r.tier, r.rate, lower(r.valid) as start_at,
    upper(r.valid) as end_at, r.last_mod, r.usage_base_start, r.units, r.coa, r.ar_coa,
    r.description, r.taxable, tariffs.basis(r) as basis, r.buckets, r.rounding, r.meter_type_code
from tariffs.rate as r
where r.portal_id = :portal_id::int and r.tariff_id = any(:tariff_ids::int[])
    and case :period::text
        when 'historical' then upper(r.valid) <= :at::timestamptz
        when 'current' then r.valid @> :at::timestamptz
        when 'future' then lower(r.valid) > :at::timestamptz
    end
order by r.tariff_id, left(r.tier, 1) = 'L', r.tier collate "C", r.valid;

-- name: fixed_charges
-- The fixed charges of some tariffs that are in force; also those that were, or will be, where the
-- past or the future is asked for.
select
    f.fixed_id, f.tariff_id, f.description, f.amount, f.basis, f.coa, f.ar_coa, f.taxable,
    lower(f.valid) as start_at, upper(f.valid) as end_at, f.rounding
from tariffs.fixed_charge as f
where f.portal_id = :portal_id::int and f.tariff_id = any(:tariff_ids::int[])
    and case :period::text
        when 'historical' then coalesce(lower(f.valid) <= :at::timestamptz, true)
        when 'current' then f.valid @> :at::timestamptz
        when 'future' then coalesce(upper(f.valid) > :at::timestamptz, true)
    end
order by f.tariff_id, f.fixed_id;

-- name: schedule_charge
-- End the charge of a description that runs where the new one begins, and insert that one: what is
-- not said of it (null) is as with the one before it. No row where none is before it and its basis
-- is not said.
with before as materialized (
    select f.basis, f.coa, f.ar_coa, f.taxable, f.rounding
    from tariffs.fixed_charge as f
    where f.portal_id = :portal_id::int and f.tariff_id = :tariff_id::int
        and f.description = :description::text
        and lower(f.valid) is distinct from :start_at::timestamptz
        and coalesce(lower(f.valid) < :start_at::timestamptz, true)
    order by f.valid desc
    limit 1
), ended as (
    update tariffs.fixed_charge as f
    set valid = tstzrange(lower(f.valid), :start_at::timestamptz)
    where f.portal_id = :portal_id::int and f.tariff_id = :tariff_id::int
        and f.description = :description::text and f.valid @> :start_at::timestamptz
        and lower(f.valid) is distinct from :start_at::timestamptz
    returning f.fixed_id
)
insert into tariffs.fixed_charge (
    portal_id, tariff_id, description, amount, basis, coa, ar_coa, taxable, valid, rounding
)
select
    :portal_id::int, :tariff_id::int, :description::text, :amount::numeric,
    coalesce(:basis::text, before.basis), coalesce(:coa::text, before.coa, '4900'),
    coalesce(:ar_coa::text, before.ar_coa, '1102'),
    coalesce(:taxable::boolean, before.taxable, exists (
        select from tariffs.rate as r
        where r.portal_id = :portal_id::int and r.tariff_id = :tariff_id::int and r.taxable
            and r.valid @> :start_at::timestamptz
    )),
    tstzrange(:start_at::timestamptz, :end_at::timestamptz),
    coalesce(:rounding::text, before.rounding, 'HALF_UP')
from (select count(*) as lines from ended) as freed
left join before on true
where coalesce(:basis::text, before.basis) is not null
returning
    fixed_id, tariff_id, description, amount, basis, coa, ar_coa, taxable,
    lower(valid) as start_at, upper(valid) as end_at, rounding;

-- name: set_tax
-- End the portal's tax where the new one begins, or replace the one that begins there; the new one
-- lasts as long as the one it ends would have, or until the next that is scheduled.
with replaced as (
    update tariffs.tax as x set rate = :rate::numeric
    where x.portal_id = :portal_id::int and lower(x.valid) = :from_at::timestamptz
    returning x.portal_id
), ended as (
    update tariffs.tax as x set valid = tstzrange(lower(x.valid), :from_at::timestamptz)
    where x.portal_id = :portal_id::int and x.valid @> :from_at::timestamptz
        and lower(x.valid) is distinct from :from_at::timestamptz
    returning x.portal_id, upper(old.valid) as until
)
insert into tariffs.tax (portal_id, valid, rate)
select
    :portal_id::int,
    tstzrange(:from_at::timestamptz, coalesce(ended.until, (
        select min(lower(n.valid)) from tariffs.tax as n
        where n.portal_id = :portal_id::int and lower(n.valid) > :from_at::timestamptz
    ))),
    :rate::numeric
from (select count(*) as lines from replaced) as there
left join ended on true
where there.lines = 0;

-- name: create_calendar
-- A calendar with its switches and holidays.
with made as (
    insert into tariffs.calendar (portal_id, name, clock)
    values (:portal_id::int, :name::text, :clock::text)
    returning calendar_id
), switched as (
    insert into tariffs.calendar_switch (
        portal_id, calendar_id, day_type, minute, bucket, month
    )
    select :portal_id::int, made.calendar_id, s.day_type, s.minute, s.bucket, s.month
    from made
    cross join unnest(:day_types::text[], :minutes::int[], :buckets::int[], :months::int[])
        as s (day_type, minute, bucket, month)
), celebrated as (
    insert into tariffs.calendar_holiday (portal_id, calendar_id, day)
    select :portal_id::int, made.calendar_id, h.day
    from made cross join unnest(:holidays::date[]) as h (day)
)
select made.calendar_id from made;

-- name: calendar_named
-- A calendar by its name.
select c.calendar_id from tariffs.calendar as c
where c.portal_id = :portal_id::int and c.name = :name::text;

-- name: attach_calendar
-- Let a tariff follow a calendar, or none.
update tariffs.tariff as t set calendar_id = :calendar_id::int
where t.portal_id = :portal_id::int and t.name = :name::text;

-- name: set_fixed_charge
-- The amount of a fixed charge from now on.
update tariffs.fixed_charge as f set amount = :amount::numeric
where f.portal_id = :portal_id::int and f.fixed_id = :fixed_id::int
returning
    f.fixed_id, f.tariff_id, f.description, f.amount, f.basis, f.coa, f.ar_coa, f.taxable,
    lower(f.valid) as start_at, upper(f.valid) as end_at, f.rounding;

-- name: meter_and_tariff
-- A meter and a tariff by what they are called, and the accounts that the meter supplies from an
-- instant on.
-- not null: accounts
select
    (
        select m.meter_id from metering.meter as m
        where m.portal_id = :portal_id::int and m.serial_number = :serial_number::text
    ) as meter_id,
    (
        select t.tariff_id from tariffs.tariff as t
        where t.portal_id = :portal_id::int and t.name = :tariff::text
    ) as tariff_id,
    array(
        select distinct a.account
        from metering.meter as m
        inner join metering.installation as i
            on i.portal_id = m.portal_id and i.meter_id = m.meter_id
        inner join customers.agreement as g
            on g.portal_id = i.portal_id and g.location_id = i.location_id
            and g.product_type = m.product_type and g.valid && i.valid
        inner join customers.account as a
            on a.portal_id = g.portal_id and a.account_id = g.account_id
        where m.portal_id = :portal_id::int and m.serial_number = :serial_number::text
            and g.valid * i.valid && tstzrange(:from_at::timestamptz, null)
    ) as accounts;

-- name: assign
-- Put meters on tariffs from an instant each; answers how many changed.
-- not null: changed
select tariffs.assign(
    :portal_id::int, :meter_ids::bigint[], :tariff_ids::int[], :from_at::timestamptz[],
    :login::text
) as changed;

-- name: draw_again
-- Have what a meter used since an instant drawn again.
select
    reads.draw_again(:portal_id::int, array[:meter_id::bigint], array[:since::timestamptz]) as done;

-- name: used_since
-- Whether any meter used anything after an instant; where a tariff is named, while on it.
-- not null: used
select
    exists(
        select from metering.register as g
        left join tariffs.assignment as a
            on a.portal_id = g.portal_id and a.meter_id = g.meter_id
            and a.tariff_id = (
                select t.tariff_id from tariffs.tariff as t
                where t.portal_id = :portal_id::int and t.name = :tariff::text
            )
        where g.portal_id = :portal_id::int and g.register_no = 1
            and (:tariff::text is null or a.meter_id is not null)
            and exists (
                select from reads.usage as u
                where u.portal_id = g.portal_id and u.register_id = g.register_id
                    and u.to_at > coalesce(lower(a.valid), :since::timestamptz)
                    and u.from_at < coalesce(upper(a.valid), 'infinity')
                    and u.retired_at = 'infinity' and u.energy_wh <> 0
            )
    ) as used;

-- name: assignments
-- The tariffs of a meter in time.
-- not null: start_at
select
    a.assignment_id, t.name as tariff, lower(a.valid) as start_at, upper(a.valid) as end_at,
    a.assigned_by
from tariffs.assignment as a
inner join tariffs.tariff as t on t.portal_id = a.portal_id and t.tariff_id = a.tariff_id
where a.portal_id = :portal_id::int and a.meter_id = :meter_id::bigint
order by a.valid;

-- name: book_tariff
-- The tariff that a price book is about, with its calendar's clock.
select
    t.tariff_id, t.name, p.timezone as zone, t.units, c.clock, t.revision, t.block_period,
    t.blocks_over, t.whole_blocks, t.demand_period, t.ratchet_share, t.ratchet_months, t.round_per,
    t.with_losses
from tariffs.tariff as t
inner join access.portal as p on p.portal_id = t.portal_id
left join tariffs.calendar as c on c.portal_id = t.portal_id and c.calendar_id = t.calendar_id
where t.portal_id = :portal_id::int and t.tariff_id = :tariff_id::int;

-- name: book_rates
-- All rates of a tariff, past, present and future.
-- not null: start_at
select
    lower(r.valid) as start_at, upper(r.valid) as end_at, r.tier, r.rate, r.coa,
    r.usage_base_start, r.taxable, r.description, r.ar_coa, r.buckets, r.rounding,
    r.meter_type_code
from tariffs.rate as r
where r.portal_id = :portal_id::int and r.tariff_id = :tariff_id::int
order by r.tier, r.valid;

-- name: book_charges
-- All standing charges of a tariff, past, present and future.
select
    lower(f.valid) as start_at, upper(f.valid) as end_at, f.description, f.amount, f.basis, f.coa,
    f.ar_coa, f.taxable, f.rounding
from tariffs.fixed_charge as f
where f.portal_id = :portal_id::int and f.tariff_id = :tariff_id::int
order by f.fixed_id;

-- name: book_taxes
-- All tax rates of a portal.
select lower(valid) as start_at, upper(valid) as end_at, rate
from tariffs.tax
where portal_id = :portal_id::int
order by valid;

-- name: book_switches
-- When the buckets of a tariff's calendar change, by type of day.
select s.month, s.day_type, s.minute, s.bucket
from tariffs.tariff as t
inner join tariffs.calendar_switch as s
    on s.portal_id = t.portal_id and s.calendar_id = t.calendar_id
where t.portal_id = :portal_id::int and t.tariff_id = :tariff_id::int
order by s.month, s.day_type, s.minute;

-- name: book_holidays
-- The holidays of a tariff's calendar.
select h.day
from tariffs.tariff as t
inner join tariffs.calendar_holiday as h
    on h.portal_id = t.portal_id and h.calendar_id = t.calendar_id
where t.portal_id = :portal_id::int and t.tariff_id = :tariff_id::int
order by h.day;
