-- What accounts pay: the plans of agreements, offerings, what buildings put their customers on.

create schema plans;
comment on schema plans is 'Plans of service agreements, offerings, default plans of buildings.';
grant usage on schema plans to currant_runtime, currant_reader;

create table plans.offering (
    portal_id int not null references access.portal,
    offering_id int generated always as identity,
    code text not null constraint offering_coded check (code ~ '^\S(.{0,38}\S)?$'),
    description text not null,
    active boolean not null default true,
    primary key (portal_id, offering_id),
    constraint offering_code_taken unique (portal_id, code)
);
comment on table plans.offering is
'What a customer is offered beside a plan: a set of inducements by a code.';
call db.tenant_table('plans.offering');

create table plans.inducement (
    portal_id int not null references access.portal,
    offering_id int not null,
    position int not null,
    kind text not null check (
        kind in ('PERCENT_OF_USAGE', 'PERCENT_OF_BILL', 'AMOUNT', 'PROMPT_PAYMENT')
    ),
    value db.rate not null constraint inducement_plausible check (
        kind = 'AMOUNT' or value <= 100
    ),
    description text not null,
    condition text not null,
    taxable boolean not null,
    coa text not null,
    ar_coa text not null,
    primary key (portal_id, offering_id, position),
    foreign key (portal_id, offering_id) references plans.offering,
    constraint inducement_coa_known foreign key (portal_id, coa) references ledger.chart_account,
    constraint inducement_ar_coa_known
    foreign key (portal_id, ar_coa) references ledger.chart_account
);
comment on table plans.inducement is
'A discount of an offering: a percentage of usage or of the bill, an amount a month, or a '
'percentage for prompt payment, and the condition in words.';
call db.tenant_table('plans.inducement');

create table plans.agreement_assignment ( -- noqa: PRS
    portal_id int not null references access.portal,
    agreement_id bigint not null,
    tariff_id int,
    offering_id int,
    valid tstzrange not null constraint agreement_assignment_not_empty check (not isempty(valid)),
    assignment_id bigint not null default nextval('tariffs.assignment_number'),
    assigned_by text not null,
    constraint agreement_assignment_in_time check (
        isfinite(lower(valid)) is not false and isfinite(upper(valid)) is not false
    ),
    constraint one_plan_an_agreement primary key (portal_id, agreement_id, valid without overlaps),
    foreign key (portal_id, agreement_id) references customers.agreement,
    foreign key (portal_id, tariff_id) references tariffs.tariff,
    foreign key (portal_id, offering_id) references plans.offering
);
comment on table plans.agreement_assignment is
'Which tariff prices a service agreement, where that is not for its meters to say, and with which '
'offering, from when to when.';
create index agreement_assignment_by_tariff
on plans.agreement_assignment (portal_id, tariff_id);
call db.tenant_table('plans.agreement_assignment');

-- Put agreements on tariffs and offerings, each at most once a call, and answer how many changed:
-- as `tariffs.assign` does for meters. A null leaves the tariff or the offering as it is then.
create function plans.assign_agreements(
    in_portal int, agreements bigint[], tariffs int[], offerings int[], from_at timestamptz[],
    by text
)
returns bigint
language sql
as $$
    with asked as (
        select w.agreement_id, w.tariff_id, w.offering_id, w.at
        from unnest(
            assign_agreements.agreements, assign_agreements.tariffs, assign_agreements.offerings,
            assign_agreements.from_at
        ) as w (agreement_id, tariff_id, offering_id, at)
    ), wanted as materialized (
        select
            w.agreement_id, coalesce(w.tariff_id, a.tariff_id) as tariff_id,
            coalesce(w.offering_id, a.offering_id) as offering_id, w.at
        from asked as w
        left join plans.agreement_assignment as a
            on a.portal_id = in_portal and a.agreement_id = w.agreement_id and a.valid @> w.at
        where (a.agreement_id is null and coalesce(w.tariff_id, w.offering_id) is not null)
            or a.tariff_id is distinct from coalesce(w.tariff_id, a.tariff_id)
            or a.offering_id is distinct from coalesce(w.offering_id, a.offering_id)
    ), replaced as (
        update plans.agreement_assignment as a
        set tariff_id = w.tariff_id, offering_id = w.offering_id, assigned_by = by
        from wanted as w
        where a.portal_id = in_portal and a.agreement_id = w.agreement_id
            and lower(a.valid) = w.at
        returning a.agreement_id
    ), ended as (
        update plans.agreement_assignment as a set valid = tstzrange(lower(a.valid), w.at)
        from wanted as w
        where a.portal_id = in_portal and a.agreement_id = w.agreement_id and a.valid @> w.at
            and lower(a.valid) < w.at
        returning a.agreement_id, upper(old.valid) as until
    ), begun as (
        insert into plans.agreement_assignment (
            portal_id, agreement_id, tariff_id, offering_id, valid, assigned_by
        )
        select
            in_portal, w.agreement_id, w.tariff_id, w.offering_id,
            tstzrange(w.at, coalesce(e.until, (
                select min(lower(n.valid)) from plans.agreement_assignment as n
                where n.portal_id = in_portal and n.agreement_id = w.agreement_id
                    and lower(n.valid) > w.at
            ))),
            by
        from wanted as w
        left join ended as e on e.agreement_id = w.agreement_id
        where w.agreement_id not in (select r.agreement_id from replaced as r)
        order by w.agreement_id
        returning 1
    )
    select (select count(*) from replaced) + (select count(*) from begun)
$$;

create table plans.building_default (
    portal_id int not null references access.portal,
    building_id bigint not null,
    product_type text not null,
    customer_type text not null,
    direct_debit boolean not null,
    tariff_id int not null,
    offering_id int,
    primary key (portal_id, building_id, product_type, customer_type, direct_debit),
    foreign key (portal_id, building_id) references locations.building,
    foreign key (portal_id, tariff_id) references tariffs.tariff,
    foreign key (portal_id, offering_id) references plans.offering
);
comment on table plans.building_default is
'The tariff and offering of whoever moves into a building and names none, by product, type of '
'customer (blank: any) and whether they pay by direct debit.';
call db.tenant_table('plans.building_default');
