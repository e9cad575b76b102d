-- name: items
-- The items that may be charged, by group.
select
    i.group_code, i.item_code, i.description, i.tax_code, i.credit, i.coa, i.ar_coa
from charges.item as i
where i.portal_id = :portal_id::int and i.retired_at is null
order by i.group_code, i.item_code;

-- name: set_item
-- Make an item, change it, or take a retired one back.
insert into charges.item as i (
    portal_id, group_code, item_code, description, tax_code, credit, coa, ar_coa
)
values (
    :portal_id::int, :group_code::text, :item_code::text, :description::text, :tax_code::text,
    :credit::boolean, :coa::text, :ar_coa::text
)
on conflict on constraint charge_item_taken do update
set
    description = excluded.description, tax_code = excluded.tax_code, credit = excluded.credit,
    coa = excluded.coa, ar_coa = excluded.ar_coa, retired_at = null
returning
    i.group_code, i.item_code, i.description, i.tax_code, i.credit, i.coa, i.ar_coa;

-- name: retire_item
-- Retire an item: what was charged stays as it is.
update charges.item as i set retired_at = :at::timestamptz
where i.portal_id = :portal_id::int and i.group_code = :group_code::text
    and i.item_code = :item_code::text and i.retired_at is null;

-- name: resolve_charges
-- What each record of charges means, in their order: its account, the agreement or site it is for,
-- its item, and the tax rate of its day; null is what does not exist.
-- not null: record
with wanted as materialized (
    select
        w.record::int as record, w.account, w.agreement_id, upper(w.site_identifier) as site_key,
        w.group_code, w.item_code, w.charge_on
    from unnest(
        :accounts::text[], :agreement_ids::bigint[], :site_identifiers::text[], :groups::text[],
        :items::text[], :charge_ons::date[]
    ) with ordinality
    as w (account, agreement_id, site_identifier, group_code, item_code, charge_on, record)
)
select
    w.record, a.account_id, g.agreement_id, l.location_id,
    case when i.tax_code = 'GST' then coalesce(t.rate, 0) when i.tax_code = 'FREE' then 0 end
    as tax_rate
from wanted as w
left join customers.account as a on a.portal_id = :portal_id::int and a.account = w.account
left join customers.agreement as g
    on g.portal_id = a.portal_id and g.account_id = a.account_id
    and g.agreement_id = w.agreement_id
left join locations.location as l
    on l.portal_id = :portal_id::int and l.site_key = w.site_key
left join charges.item as i
    on i.portal_id = :portal_id::int and i.group_code = w.group_code
    and i.item_code = w.item_code and i.retired_at is null
left join tariffs.tax as t
    on t.portal_id = :portal_id::int
    and t.valid @> (w.charge_on::timestamp at time zone :timezone::text)
order by w.record;

-- name: add_charges
-- Write charges down, in the order of their records; those that may be are approved at once.
-- not null: net
insert into charges.charge (
    portal_id, account_id, agreement_id, location_id, group_code, item_code, charge_on, amount,
    tax, credit, tax_code, tax_rate, coa, ar_coa, description, notes, login, created_at,
    approved_at, approved_by
)
select
    :portal_id::int, w.account_id, w.agreement_id, w.location_id, w.group_code, w.item_code,
    w.charge_on, w.amount, w.tax, i.credit, i.tax_code, w.tax_rate, i.coa, i.ar_coa,
    coalesce(nullif(w.description, ''), i.description), w.notes, :login::text, :at::timestamptz,
    case when w.approved then :at::timestamptz end, case when w.approved then :login::text end
from unnest(
    :account_ids::bigint[], :agreement_ids::bigint[], :location_ids::bigint[], :groups::text[],
    :items::text[], :charge_ons::date[], :amounts::numeric[], :taxes::numeric[],
    :tax_rates::numeric[], :descriptions::text[], :notes::text[], :approved::boolean[]
) with ordinality as w (
    account_id, agreement_id, location_id, group_code, item_code, charge_on, amount, tax, tax_rate,
    description, notes, approved, record
)
inner join charges.item as i
    on i.portal_id = :portal_id::int and i.group_code = w.group_code and i.item_code = w.item_code
order by w.record
returning charge_id, status, amount - tax as net, tax;

-- name: charge_facts
-- What is to be known of charges before they are approved or cancelled, locked in their order.
select c.charge_id, a.account, c.amount, c.login, c.status
from charges.charge as c
inner join customers.account as a on a.portal_id = c.portal_id and a.account_id = c.account_id
where c.portal_id = :portal_id::int and c.charge_id = any(:charge_ids::bigint[])
order by c.charge_id
for update of c;

-- name: approve_charges
-- Approve charges.
update charges.charge as c set approved_at = :at::timestamptz, approved_by = :login::text
where c.portal_id = :portal_id::int and c.charge_id = any(:charge_ids::bigint[]);

-- name: cancel_charges
-- Cancel charges, with the reason.
update charges.charge as c
set
    cancelled_at = :at::timestamptz, cancelled_by = :login::text, cancelled_for = :reason::text
where c.portal_id = :portal_id::int and c.charge_id = any(:charge_ids::bigint[]);

-- name: charges
-- Charges by id, of one account or status, or of all; those of blocked accounts are left out.
select
    c.charge_id, a.account, c.agreement_id, l.site_identifier, c.group_code, c.item_code,
    c.charge_on, c.amount, c.tax, c.description, c.notes, c.status, c.login, c.created_at,
    c.approved_at, c.approved_by, c.cancelled_for, c.invoice_id
from charges.charge as c
inner join customers.account as a on a.portal_id = c.portal_id and a.account_id = c.account_id
left join locations.location as l
    on l.portal_id = c.portal_id and l.location_id = c.location_id
where c.portal_id = :portal_id::int
    and (:account::text is null or a.account = :account::text)
    and (:status::text is null or c.status = :status::text)
    and c.charge_id > :after::bigint
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by c.charge_id
limit :how_many::int;

-- name: sitting_account
-- Whose account is supplied at a site at an instant.
select a.account, a.account_id
from customers.agreement as g
inner join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
where g.portal_id = :portal_id::int and g.location_id = :location_id::bigint
    and g.valid @> :at::timestamptz
order by g.agreement_id
limit 1;

-- name: open_service
-- Begin a service without a meter, with its line items, and answer the ids of these.
-- not null: agreement_id line_item_ids
with opened as (
    select customers.open_agreement(
        :portal_id::int, :account_id::bigint, :location_id::bigint, :product_type::text,
        :service_number::text, tstzrange(:start_at::timestamptz, :end_at::timestamptz)
    ) as agreement_id
), service as (
    insert into charges.service (portal_id, agreement_id, provider, contract_months, plan_code)
    select
        :portal_id::int, opened.agreement_id, :provider::text, :contract_months::int,
        :plan_code::text
    from opened
), line as (
    insert into charges.line_item (
        portal_id, agreement_id, position, group_code, item_code, description, quantity,
        unit_price, price_includes_tax, frequency
    )
    select
        :portal_id::int, opened.agreement_id, w.position, 'STANDARD', w.item_code, w.description,
        w.quantity, w.unit_price, w.includes_tax, w.frequency
    from opened
    cross join unnest(
        :items::text[], :descriptions::text[], :quantities::numeric[], :prices::numeric[],
        :includes_tax::boolean[], :frequencies::text[]
    ) with ordinality
    as w (item_code, description, quantity, unit_price, includes_tax, frequency, position)
    order by w.position
    returning line_item_id
)
select
    opened.agreement_id,
    array(select line.line_item_id from line order by line.line_item_id) as line_item_ids
from opened;
