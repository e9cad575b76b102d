-- What is checked of measured data, what was found, and what somebody decided about it.

create schema validation;
comment on schema validation is 'Checks of reads and intervals: their rules, runs and findings.';
grant usage on schema validation to currant_runtime, currant_reader;

create table validation.rule (
    portal_id int not null references access.portal,
    rule text not null constraint validation_rule_known check (
        rule in (
            'SPIKE', 'ZERO', 'NEGATIVE', 'GAP', 'NULL', 'HIGH', 'LOW', 'ROLLOVER', 'SUM'
        )
    ),
    active boolean not null,
    factor numeric(9, 3) not null
    constraint validation_factor_positive check (factor > 0 and factor < 100000),
    days int not null constraint validation_days_counted check (days between 1 and 400),
    severity text not null
    constraint validation_severity_known check (severity in ('WARNING', 'ERROR')),
    login text not null,
    set_at timestamptz not null,
    primary key (portal_id, rule)
);
comment on table validation.rule is
'What a portal checks otherwise than is usual: whether at all, how many times the usual (or which '
'part of it) is remarkable, how many days, and how grave that is.';
call db.tenant_table('validation.rule');

create table validation.run (
    portal_id int not null references access.portal,
    run_id bigint generated always as identity,
    from_day date not null,
    to_day date not null,
    building_code text not null default '',
    account text not null default '',
    login text not null,
    ran_at timestamptz not null,
    registers int not null,
    found int not null,
    added int not null,
    gone int not null,
    primary key (portal_id, run_id)
);
comment on table validation.run is
'A check of a span of days, of a building, an account or everything: how many registers were '
'looked at, what was found, and of that what was new; what was open and is not found any more is '
'gone.';
call db.tenant_table('validation.run');
call db.append_only('validation.run');

create table validation.finding (
    portal_id int not null references access.portal,
    finding_id bigint generated always as identity,
    register_id bigint not null,
    day date not null,
    rule text not null,
    measured bigint not null,
    expected bigint,
    severity text not null,
    run_id bigint not null,
    found_at timestamptz not null,
    primary key (portal_id, finding_id),
    constraint finding_once unique (portal_id, register_id, day, rule, measured),
    foreign key (portal_id, register_id) references metering.register,
    foreign key (portal_id, run_id) references validation.run
);
comment on table validation.finding is
'What a check found of a register: the day (of a read the one it is dated, of a stretch its '
'first), what was measured and what was expected, in thousandths of the register''s unit, of NULL '
'in intervals. It is found once; other data is another finding.';
call db.tenant_table('validation.finding');
call db.append_only('validation.finding');

create table validation.decision (
    portal_id int not null,
    finding_id bigint not null,
    decision_no int not null,
    status text not null
    constraint finding_status_known check (status in ('OPEN', 'ACCEPTED', 'FIXED')),
    login text not null,
    reason text not null,
    decided_at timestamptz not null,
    constraint finding_decided_at_once primary key (portal_id, finding_id, decision_no),
    foreign key (portal_id, finding_id) references validation.finding
);
comment on table validation.decision is
'What was decided about a finding, by whom, when and why; the last counts, and without one it is '
'open. A run decides that what it does not find any more is fixed, and opens it where it does.';
call db.tenant_table('validation.decision');
call db.append_only('validation.decision');

create view validation.current_finding with (security_invoker) as
select
    f.portal_id, f.finding_id, f.register_id, f.day, f.rule, f.measured, f.expected, f.severity,
    f.run_id, f.found_at, coalesce(d.status, 'OPEN') as status, d.login, d.reason, d.decided_at,
    coalesce(d.decision_no, 0) as decisions
from validation.finding as f
left join lateral (
    select n.status, n.login, n.reason, n.decided_at, n.decision_no
    from validation.decision as n
    where n.portal_id = f.portal_id and n.finding_id = f.finding_id
    order by n.decision_no desc limit 1
) as d on true;
comment on view validation.current_finding is 'Findings with what was decided about them last.';
