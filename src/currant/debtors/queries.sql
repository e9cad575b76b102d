-- name: history
-- What moved the receivable of an account from one day to another, with what is told of each entry:
-- the item it issued or the credit it gave, the receipt or adjustment that it posts, what it paid
-- or was paid by.
-- not null: entry_id kind moved_on posted_on debit credit balance number reference batch_type
-- not null: reason reason_description type_name
with moved as materialized (
    select
        v.entry_id, v.kind, v.moved_on, v.posted_on, v.debit, v.credit, v.balance, v.reverses,
        v.reversed_by, e.note, e.tender_number, e.tender_name, e.document_ref,
        case when v.kind = 'transfer' then nullif(e.document_ref, '')::bigint end as receipt_id
    from debtors.movements(:portal_id::int, :account_id::bigint, :reversed::boolean) as v
    inner join ledger.entry as e on e.portal_id = :portal_id::int and e.entry_id = v.entry_id
    where v.moved_on between coalesce(:first::date, '-infinity')
        and coalesce(:last::date, 'infinity')
)
select
    m.entry_id, m.kind, m.moved_on, m.posted_on, m.debit, m.credit, m.balance, m.reverses,
    m.reversed_by, m.note, m.tender_number, m.tender_name,
    coalesce(i.number, m.document_ref) as number, i.due_on, i.amount as issued,
    i.outstanding, c.amount as credited, c.unallocated, coalesce(r.reference, '') as reference,
    coalesce(b.batch_type, '') as batch_type, coalesce(n.code, '') as reason,
    coalesce(n.description, '') as reason_description, coalesce(i.type_name, '') as type_name,
    a.entry_ids, a.amounts, i.item_id
from moved as m
left join lateral (
    select
        max(o.number) as number, max(o.due_on) as due_on, sum(o.amount) as amount,
        sum(o.outstanding) as outstanding, max(btrim(o.type_name)) as type_name,
        min(o.item_id) filter (where o.outstanding > 0) as item_id
    from receivables.open_item as o
    where o.portal_id = :portal_id::int and o.entry_id = m.entry_id
) as i on true
left join lateral (
    select sum(d.amount) as amount, sum(d.unallocated) as unallocated
    from receivables.credit as d
    where d.portal_id = :portal_id::int and d.entry_id = m.entry_id
) as c on true
left join receipts.suspense as s
    on s.portal_id = :portal_id::int and s.receipt_id = m.receipt_id
left join receipts.receipt as r
    on m.kind in ('receipt', 'transfer') and r.portal_id = :portal_id::int
    and (r.entry_id = m.entry_id or r.receipt_id = s.receipt_id)
left join receipts.batch as b on b.portal_id = r.portal_id and b.batch_no = r.batch_no
left join adjustments.adjustment as j
    on m.kind = 'adjustment' and j.portal_id = :portal_id::int and j.entry_id = m.entry_id
left join adjustments.reason as n on n.portal_id = j.portal_id and n.reason_id = j.reason_id
left join lateral debtors.allocated(:portal_id::int, m.entry_id) as a on true
order by m.moved_on, m.entry_id;

-- name: history_sums
-- What an account owed before a day, and what moved it from then to another day.
-- not null: opening debit credit
select
    coalesce(sum(m.debit - m.credit) filter (where m.moved_on < :first::date), 0) as opening,
    coalesce(
        sum(m.debit) filter (where m.moved_on >= coalesce(:first::date, '-infinity')), 0
    ) as debit,
    coalesce(
        sum(m.credit) filter (where m.moved_on >= coalesce(:first::date, '-infinity')), 0
    ) as credit
from debtors.movements(:portal_id::int, :account_id::bigint, :reversed::boolean) as m
where m.moved_on <= coalesce(:last::date, 'infinity');

-- name: debtor
-- An account with its customer and where the papers for it go.
-- not null: account contract name type_code building_code building_name site_identifier site_name
-- not null: address_1 address_2 city state postal_code
select
    d.account, d.contract, d.name, d.type_code, d.building_code, d.building_name,
    d.site_identifier, d.site_name, t.address_1, t.address_2, t.city, t.state, t.postal_code,
    c.email_1 as email
from receivables.debtor as d
inner join customers.account as a on a.portal_id = d.portal_id and a.account_id = d.account_id
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
inner join customers.addressee as t
    on t.portal_id = a.portal_id and t.account_id = a.account_id
where d.portal_id = :portal_id::int and d.account_id = :account_id::bigint;

-- name: balances
-- What accounts owe and have, as it stands: those named, or every one, by account; without those
-- that are blocked for the caller (* is every one).
-- not null: outstanding arrears overdue credit balance bond
select
    a.account, c.name, coalesce(o.outstanding, 0) as outstanding,
    coalesce(o.arrears, 0) as arrears, coalesce(o.overdue, 0) as overdue,
    coalesce(h.credit, 0) as credit, coalesce(o.outstanding, 0) - coalesce(h.credit, 0) as balance,
    receipts.bond_held(a.portal_id, a.account_id) as bond
from customers.account as a
inner join customers.customer as c on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join lateral (
    select
        sum(i.outstanding) as outstanding,
        sum(i.outstanding) filter (where i.kind = 'ARREARS') as arrears,
        sum(i.outstanding) filter (where i.due_on < :today::date) as overdue
    from receivables.open_item as i
    where i.portal_id = a.portal_id and i.account_id = a.account_id and i.outstanding > 0
) as o on true
left join lateral (
    select sum(d.unallocated) as credit from receivables.credit as d
    where d.portal_id = a.portal_id and d.account_id = a.account_id and d.unallocated > 0
) as h on true
where a.portal_id = :portal_id::int
    and (:accounts::text[] is null or a.account = any(:accounts::text[]))
    and a.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
order by length(a.account), a.account
limit :how_many::bigint offset :skip::bigint;

-- name: aged
-- What accounts owed at the end of a day by how long it was due, by account: those of a building or
-- of all; without those that are blocked for the caller (* is every one).
-- not null: account contract name type_code building_code building_name not_due days_30 days_60
-- not null: days_90 older credit balance
select
    d.account, d.contract, d.name, d.type_code, d.building_code, d.building_name, g.not_due,
    g.days_30, g.days_60, g.days_90, g.older, g.credit,
    g.not_due + g.days_30 + g.days_60 + g.days_90 + g.older - g.credit as balance
from debtors.aged(:portal_id::int, :as_of::date, :account_ids::bigint[]) as g
inner join receivables.debtor as d
    on d.portal_id = :portal_id::int and d.account_id = g.account_id
where d.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
    and (
        :building_code::text is null or lower(d.building_code) = lower(:building_code::text)
    )
order by length(d.account), d.account
limit :how_many::bigint offset :skip::bigint;

-- name: portfolio
-- What all accounts owed at the end of a day by how long it was due, and how many owed or had
-- anything; without those that are blocked for the caller (* is every one).
-- not null: debtors creditors not_due days_30 days_60 days_90 older credit balance
select
    count(*) filter (where g.credit = 0) as debtors,
    count(*) filter (where g.credit > 0) as creditors,
    coalesce(sum(g.not_due), 0) as not_due, coalesce(sum(g.days_30), 0) as days_30,
    coalesce(sum(g.days_60), 0) as days_60, coalesce(sum(g.days_90), 0) as days_90,
    coalesce(sum(g.older), 0) as older, coalesce(sum(g.credit), 0) as credit,
    coalesce(
        sum(g.not_due + g.days_30 + g.days_60 + g.days_90 + g.older - g.credit), 0
    ) as balance
from debtors.aged(:portal_id::int, :as_of::date, null) as g
inner join receivables.debtor as d
    on d.portal_id = :portal_id::int and d.account_id = g.account_id
where d.account <> all(:blocked::text[]) and '*' <> all(:blocked::text[])
    and (
        :building_code::text is null or lower(d.building_code) = lower(:building_code::text)
    );

-- name: next_statement
-- The number of the next statement of a portal.
-- not null: number
select 'S' || access.padded(access.take_numbers(:portal_id::int, 'statement', 1)) as number;

-- name: receipt_issued
-- Whether the paper of a receipt is issued already.
-- not null: issued
select exists(
    select from documents.document as d
    where d.portal_id = :portal_id::int and d.kind = 'RECEIPT' and d.number = :number::text
) as issued;

-- name: paid_items
-- What transactions that were paid are called: the kind, the number, and the type of what they
-- issued.
-- not null: kind number type_name
select
    e.entry_id, coalesce(i.kind, e.kind) as kind, coalesce(i.number, e.document_ref) as number,
    coalesce(i.type_name, '') as type_name
from ledger.entry as e
left join lateral (
    select
        max(o.kind) as kind, max(o.number) as number, max(btrim(o.type_name)) as type_name
    from receivables.open_item as o
    where o.portal_id = e.portal_id and o.entry_id = e.entry_id
) as i on true
where e.portal_id = :portal_id::int and e.entry_id = any(:entry_ids::bigint[]);

-- name: undone
-- What entries of an account undid that reversed others: the kind of the other, whether it was a
-- receipt that was dishonoured, the number of the credit note, the words of an adjustment.
-- not null: dishonoured credit_note words
select
    e.entry_id, o.kind, d.receipt_id is not null as dishonoured,
    coalesce(i.number, '') as credit_note, coalesce(n.description, '') as words
from ledger.entry as e
inner join ledger.entry as o on o.portal_id = e.portal_id and o.entry_id = e.reverses
left join receipts.receipt as r on r.portal_id = o.portal_id and r.entry_id = o.entry_id
left join receipts.dishonour as d on d.portal_id = r.portal_id and d.receipt_id = r.receipt_id
left join invoices.invoice as i
    on i.portal_id = e.portal_id and i.account_id = o.account_id and i.entry_id = e.entry_id
left join adjustments.adjustment as j on j.portal_id = o.portal_id and j.entry_id = o.entry_id
left join adjustments.reason as n on n.portal_id = j.portal_id and n.reason_id = j.reason_id
where e.portal_id = :portal_id::int and e.entry_id = any(:entry_ids::bigint[]);
