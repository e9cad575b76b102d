-- Papers: the brand they bear, the documents as they were frozen, and their PDFs.

create schema documents;
comment on schema documents is 'Brands, frozen documents and their PDFs.';
grant usage on schema documents to currant_runtime, currant_reader;

create table documents.brand (
    portal_id int not null references access.portal,
    brand_version int not null,
    terms jsonb not null constraint brand_named check (btrim(terms ->> 'name') <> ''),
    logo_type text not null default '' check (logo_type in ('', 'image/png', 'image/svg+xml')),
    logo bytea not null default ''::bytea constraint logo_sized check (
        octet_length(logo) <= 262144
    ),
    changed_at timestamptz not null,
    login text not null,
    primary key (portal_id, brand_version),
    check ((logo_type = '') = (octet_length(logo) = 0))
);
comment on table documents.brand is
'What the papers of a portal bear: seller, contacts, ways to pay, texts, logo, colour, locale. The '
'highest version is in force; a document keeps the one that it was frozen with.';
call db.tenant_table('documents.brand');
call db.append_only('documents.brand');

create table documents.document (
    portal_id int not null,
    document_id bigint generated always as identity,
    kind text not null check (kind in ('INVOICE', 'CREDIT_NOTE', 'STATEMENT', 'RECEIPT')),
    number text not null check (btrim(number) <> ''),
    account_id bigint not null,
    template_version int not null,
    brand_version int not null,
    snapshot text not null,
    frozen_at timestamptz not null,
    primary key (portal_id, document_id),
    foreign key (portal_id, account_id) references customers.account,
    foreign key (portal_id, brand_version) references documents.brand
);
comment on table documents.document is
'A paper as it was issued: all that it prints as JSON (currant.documents.model.Paper), and the '
'versions of the template and the brand that it is rendered with.';
create unique index document_number_taken on documents.document (portal_id, number, kind);
call db.tenant_table('documents.document');
call db.append_only('documents.document');

create table documents.rendering (
    portal_id int not null,
    document_id bigint not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    pdf bytea not null,
    rendered_at timestamptz not null,
    primary key (portal_id, document_id),
    foreign key (portal_id, document_id) references documents.document
);
comment on table documents.rendering is
'The PDF of a document with its SHA-256: written once, never rendered anew.';
-- A PDF is compressed already.
alter table documents.rendering alter column pdf set storage external;
call db.tenant_table('documents.rendering');
call db.append_only('documents.rendering');

create table documents.due (
    portal_id int not null,
    document_id bigint not null,
    due_at timestamptz not null,
    tries int not null default 0,
    trouble text not null default '',
    primary key (portal_id, document_id),
    foreign key (portal_id, document_id) references documents.document
);
comment on table documents.due is
'Documents that wait to be rendered, from when on; trouble says why the last try failed.';
call db.tenant_table('documents.due');

-- Freeze papers with the brand in force, and answer the ids of the documents in the order given.
-- Whoever issues papers calls this in the statement that posts them; they are rendered later.
create function documents.freeze(
    in_portal int, kinds text[], numbers text[], accounts bigint[], snapshots text[],
    in_template int, at timestamptz
)
returns bigint[]
language sql
as $$
    with frozen as (
        insert into documents.document (
            portal_id, kind, number, account_id, template_version, brand_version, snapshot,
            frozen_at
        )
        select
            in_portal, p.kind, p.number, p.account_id, in_template,
            (select max(b.brand_version) from documents.brand as b where b.portal_id = in_portal),
            p.snapshot, at
        from unnest(kinds, numbers, accounts, snapshots) with ordinality
            as p (kind, number, account_id, snapshot, n)
        order by p.n
        returning document_id
    ), waits as (
        insert into documents.due (portal_id, document_id, due_at)
        select in_portal, f.document_id, at from frozen as f
    )
    select coalesce(array_agg(f.document_id order by f.document_id), '{}') from frozen as f
$$;

-- Store PDFs, and answer how many were not stored before. Who takes a document off those that wait
-- stores it, so that of several at once one stores and none holds what another needs.
create function documents.keep(
    in_portal int, ids bigint[], digests text[], pdfs bytea[], at timestamptz
)
returns bigint
language sql
as $$
    with taken as (
        delete from documents.due as d
        where d.portal_id = in_portal and d.document_id = any(ids)
        returning d.document_id
    ), stored as (
        insert into documents.rendering (portal_id, document_id, sha256, pdf, rendered_at)
        select in_portal, p.document_id, p.sha256, p.pdf, at
        from unnest(ids, digests, pdfs) as p (document_id, sha256, pdf)
        inner join taken as t on t.document_id = p.document_id
        returning 1
    )
    select count(*) from stored
$$;

-- A new portal's papers bear its name until somebody says more.
create function documents.open_brand() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into documents.brand (portal_id, brand_version, terms, changed_at, login)
    values (
        new.portal_id, 1,
        jsonb_build_object('name', coalesce(nullif(btrim(new.name), ''), new.key)), now(), ''
    );
    return null;
end
$$;

create trigger open_brand after insert on access.portal
for each row execute function documents.open_brand();
