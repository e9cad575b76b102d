-- name: reasons
-- The reasons of a portal that are in use, by code.
select r.code, r.description, r.debit_credit, r.taxed, r.coa, r.last_mod
from adjustments.reason as r
where r.portal_id = :portal_id::int and r.active
order by r.code;

-- name: class_of
-- The class of a COA; no row where the chart does not have it.
select c.class from ledger.chart_account as c
where c.portal_id = :portal_id::int and c.coa = :coa::text;

-- name: create_reason
-- A new reason of a portal.
insert into adjustments.reason (
    portal_id, code, description, debit_credit, taxed, coa, last_mod
)
values (
    :portal_id::int, :code::text, :description::text, :debit_credit::text, :taxed::boolean,
    :coa::text, :at::timestamptz
)
returning code, description, debit_credit, taxed, coa, last_mod;

-- name: retire_reason
-- Retire a reason; no row where there is none of the code.
update adjustments.reason as r set active = false, last_mod = :at::timestamptz
where r.portal_id = :portal_id::int and r.active and r.code = :code::text
returning r.code, r.description, r.debit_credit, r.taxed, r.coa, r.last_mod;

-- name: adjustment_facts
-- What new adjustments are judged by, in their order: account, reason, the portal's tax on the day,
-- whether the agreement and the open item that they name are the account's.
-- not null: n tax_rate agreement_known item_known
select
    l.n::int as n, a.account_id, r.reason_id, r.debit_credit, r.taxed,
    coalesce(
        (
            select x.rate from tariffs.tax as x
            where x.portal_id = :portal_id::int
                and x.valid @> l.adjusted_on::timestamp at time zone p.timezone
        ),
        0
    ) as tax_rate,
    l.agreement_id is null or exists (
        select from customers.agreement as g
        where g.portal_id = :portal_id::int and g.agreement_id = l.agreement_id
            and g.account_id = a.account_id
    ) as agreement_known,
    l.item_id is null or exists (
        select from receivables.open_item as o
        where o.portal_id = :portal_id::int and o.item_id = l.item_id
            and o.account_id = a.account_id and o.outstanding > 0
    ) as item_known
from unnest(
    :accounts::text[], :reasons::text[], :days::date[], :agreement_ids::bigint[],
    :item_ids::bigint[]
) with ordinality as l (account, reason, adjusted_on, agreement_id, item_id, n)
inner join access.portal as p on p.portal_id = :portal_id::int
left join customers.account as a on a.portal_id = p.portal_id and a.account = l.account
left join adjustments.reason as r
    on r.portal_id = p.portal_id and r.active and r.code = upper(l.reason)
order by l.n;

-- name: enter
-- Enter adjustments that are pending, and answer their ids in the order given.
with line as (
    select l.account_id, l.agreement_id, l.item_id, l.reason_id, l.amount, l.tax, l.adjusted_on,
        l.notes, l.n
    from unnest(
        :account_ids::bigint[], :agreement_ids::bigint[], :item_ids::bigint[],
        :reason_ids::bigint[], :amounts::numeric[], :taxes::numeric[], :days::date[],
        :notes::text[]
    ) with ordinality
        as l (account_id, agreement_id, item_id, reason_id, amount, tax, adjusted_on, notes, n)
), entered as (
    insert into adjustments.adjustment (
        portal_id, account_id, agreement_id, item_id, reason_id, amount, tax, adjusted_on, notes,
        status, direct, entered_at, entered_by
    )
    select
        :portal_id::int, line.account_id, line.agreement_id, line.item_id, line.reason_id,
        line.amount, line.tax, line.adjusted_on, line.notes, 'PENDING', :direct::boolean,
        :at::timestamptz, :login::text
    from line
    order by line.n
    returning adjustment_id
)
select entered.adjustment_id from entered order by entered.adjustment_id;

-- name: hold_adjustments
-- Adjustments by their ids, locked in order until the transaction ends.
select a.adjustment_id, c.account, a.amount, a.status, a.entered_by
from adjustments.adjustment as a
inner join customers.account as c on c.portal_id = a.portal_id and c.account_id = a.account_id
where a.portal_id = :portal_id::int and a.adjustment_id = any(:adjustment_ids::bigint[])
order by a.adjustment_id
for update of a;

-- name: post
-- Post adjustments that are pending.
select
    adjustments.post(
        :portal_id::int, :login::text, :vendor_number::text, :at::timestamptz,
        :adjustment_ids::bigint[], :note::text
    );

-- name: reject
-- Reject adjustments that are pending.
update adjustments.adjustment as a
set
    status = 'REJECTED', decided_at = :at::timestamptz, decided_by = :login::text,
    decision_note = :note::text
where a.portal_id = :portal_id::int and a.adjustment_id = any(:adjustment_ids::bigint[]);

-- name: adjustments_by_id
-- Adjustments as they stand, by their ids.
-- not null: adjustment_id account contract name type_code building_code building_name
-- not null: site_identifier site_name reason description debit_credit amount tax adjusted_on notes
-- not null: status entered_at entered_by decision_note balance
select
    a.adjustment_id, a.account, a.contract, a.name, a.type_code, a.building_code,
    a.building_name, a.site_identifier, a.site_name, a.agreement_id, a.product_type, a.item_id,
    a.reason, a.description, a.debit_credit, a.amount, a.tax, a.adjusted_on, a.notes, a.status,
    a.entered_at, a.entered_by, a.decided_at, a.decided_by, a.decision_note, a.transaction_id,
    a.posted_on, a.month, b.balance
from adjustments.listed as a
inner join receivables.balances(
    :portal_id::int,
    array(
        select n.account_id from adjustments.adjustment as n
        where n.portal_id = :portal_id::int and n.adjustment_id = any(:adjustment_ids::bigint[])
    )
) as b on b.account_id = a.account_id
where a.portal_id = :portal_id::int and a.adjustment_id = any(:adjustment_ids::bigint[])
order by a.adjustment_id;

-- name: adjustments
-- Adjustments by their ids: of the days of their own dates or else of those of posting, of a
-- building, an account, in a status; without those of accounts that are blocked for the caller.
-- not null: adjustment_id account contract name type_code building_code building_name
-- not null: site_identifier site_name reason description debit_credit amount tax adjusted_on notes
-- not null: status entered_at entered_by decision_note balance
select
    a.adjustment_id, a.account, a.contract, a.name, a.type_code, a.building_code,
    a.building_name, a.site_identifier, a.site_name, a.agreement_id, a.product_type, a.item_id,
    a.reason, a.description, a.debit_credit, a.amount, a.tax, a.adjusted_on, a.notes, a.status,
    a.entered_at, a.entered_by, a.decided_at, a.decided_by, a.decision_note, a.transaction_id,
    a.posted_on, a.month, b.balance
from adjustments.listed as a
cross join lateral receivables.balances(a.portal_id, array[a.account_id]) as b
where a.portal_id = :portal_id::int
    and (
        case when :by_own_date::boolean then a.adjusted_on else a.posted_on end
        between coalesce(:first::date, '-infinity') and coalesce(:last::date, 'infinity')
        or (:first::date is null and :last::date is null)
    )
    and (:start_at::timestamptz is null or a.posted_at >= :start_at::timestamptz)
    and (:end_at::timestamptz is null or a.posted_at < :end_at::timestamptz)
    and (
        :building_code::text is null or lower(a.building_code) = lower(:building_code::text)
    )
    and (:account::text is null or a.account = :account::text)
    and (:status::text is null or a.status = :status::text)
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by a.adjustment_id
limit :how_many::bigint offset :skip::bigint;

-- name: count_adjustments
-- How many adjustments that would list, whatever the page.
-- not null: how_many
select count(*) as how_many
from adjustments.listed as a
where a.portal_id = :portal_id::int
    and (
        case when :by_own_date::boolean then a.adjusted_on else a.posted_on end
        between coalesce(:first::date, '-infinity') and coalesce(:last::date, 'infinity')
        or (:first::date is null and :last::date is null)
    )
    and (:start_at::timestamptz is null or a.posted_at >= :start_at::timestamptz)
    and (:end_at::timestamptz is null or a.posted_at < :end_at::timestamptz)
    and (
        :building_code::text is null or lower(a.building_code) = lower(:building_code::text)
    )
    and (:account::text is null or a.account = :account::text)
    and (:status::text is null or a.status = :status::text)
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[]);
