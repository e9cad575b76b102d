-- name: brand_in_force
-- The brand of a portal that is in force.
select b.brand_version, b.terms, b.logo_type, b.logo
from documents.brand as b
where b.portal_id = :portal_id::int
order by b.brand_version desc
limit 1;

-- name: brand_of_version
-- A version of the brand of a portal.
select b.brand_version, b.terms, b.logo_type, b.logo
from documents.brand as b
where b.portal_id = :portal_id::int and b.brand_version = :brand_version::int;

-- name: hold_brand
-- Let one change of a portal's brand follow another, until the transaction ends.
select pg_advisory_xact_lock(
    'documents.brand'::regclass::int, :portal_id::int
);

-- name: change_brand
-- Add a version of a portal's brand, and answer its number.
insert into documents.brand (
    portal_id, brand_version, terms, logo_type, logo, changed_at, login
)
select
    :portal_id::int, max(b.brand_version) + 1, :terms::jsonb, :logo_type::text, :logo::bytea,
    :now::timestamptz, :login::text
from documents.brand as b
where b.portal_id = :portal_id::int
returning brand_version;

-- name: freeze
-- Freeze papers, and answer the ids of the documents in the order given.
-- not null: document_ids
select documents.freeze(
    :portal_id::int, :kinds::text[], :numbers::text[], :account_ids::bigint[], :snapshots::text[],
    :template_version::int, :now::timestamptz
) as document_ids;

-- name: documents_named
-- The documents of a number, of any kind or of one, each with its PDF where it was rendered.
select
    d.document_id, d.kind, d.number, a.account, d.template_version, d.brand_version, d.snapshot,
    r.sha256, r.pdf
from documents.document as d
inner join customers.account as a on a.portal_id = d.portal_id and a.account_id = d.account_id
left join documents.rendering as r
    on r.portal_id = d.portal_id and r.document_id = d.document_id
where d.portal_id = :portal_id::int and d.number = :number::text
    and d.kind = coalesce(:kind::text, d.kind)
order by d.kind
limit 4;

-- name: portals_waiting
-- The portals with documents that wait to be rendered.
select p.key
from access.portal as p
where exists (
    select from documents.due as w
    where w.portal_id = p.portal_id and w.due_at <= :now::timestamptz
)
order by p.key;

-- name: take_due
-- Documents that wait to be rendered, the oldest first, locked until the transaction ends; those
-- that another has taken are left to it.
select d.document_id, d.template_version, d.brand_version, d.snapshot
from documents.due as w
inner join documents.document as d
    on d.portal_id = w.portal_id and d.document_id = w.document_id
where w.portal_id = :portal_id::int and w.due_at <= :now::timestamptz
order by w.document_id
limit :how_many::bigint
for update of w skip locked;

-- name: keep
-- Store PDFs with their hashes, and answer how many were not stored before.
-- not null: kept
select documents.keep(
    :portal_id::int, :document_ids::bigint[], :digests::text[], :pdfs::bytea[], :now::timestamptz
) as kept;

-- name: put_off
-- Say why documents could not be rendered, and try them again later, each time later still.
update documents.due as w
set
    tries = w.tries + 1,
    trouble = p.trouble,
    due_at = :now::timestamptz + least(60 * 4 ^ least(w.tries, 10), 86400) * interval '1 second'
from unnest(:document_ids::bigint[], :troubles::text[]) as p (document_id, trouble)
where w.portal_id = :portal_id::int and w.document_id = p.document_id;
