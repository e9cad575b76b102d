-- Work orders: what somebody is to do at a site, and what became of it.

create schema fieldwork;
comment on schema fieldwork is 'Work orders, their history and the reads taken on them.';
grant usage on schema fieldwork to currant_runtime, currant_reader;

create table fieldwork.work_order (
    portal_id int not null references access.portal,
    work_order_id bigint generated always as identity,
    type text not null constraint work_order_type_known check (
        type in (
            'CONNECT', 'DISCONNECT', 'SPECIAL_READ', 'FINAL_READ', 'METER_INVESTIGATION',
            'METER_EXCHANGE', 'OTHER'
        )
    ),
    status text not null default 'NEW' constraint work_order_status_known check (
        status in ('NEW', 'SCHEDULED', 'SENT', 'IN_PROGRESS', 'COMPLETE', 'CANCELLED')
    ),
    reason text not null default '',
    account_id bigint,
    location_id bigint not null,
    meter_id bigint,
    preferred_date date,
    scheduled_date date,
    completed_date date,
    assigned_to text not null default '',
    provider text not null default '',
    provider_reference text not null default '',
    priority text not null default 'NORMAL' constraint work_order_priority_known check (
        priority in ('LOW', 'NORMAL', 'HIGH', 'URGENT')
    ),
    instructions text not null default '',
    completion_notes text not null default '',
    charge_item_code text,
    charge_amount db.amount,
    created_at timestamptz not null,
    created_by text not null,
    last_mod timestamptz not null,
    primary key (portal_id, work_order_id),
    constraint work_order_complete_dated check (
        (status = 'COMPLETE') = (completed_date is not null)
    ),
    constraint work_order_charge_whole check (
        (charge_item_code is null) = (charge_amount is null)
    ),
    foreign key (portal_id, account_id) references customers.account,
    foreign key (portal_id, location_id) references locations.location,
    foreign key (portal_id, meter_id) references metering.meter
);
comment on table fieldwork.work_order is
'What somebody is to do at a site: for which account, at which meter where it is one, by when, and '
'what is charged for it (GST included).';
create index work_order_by_location on fieldwork.work_order (portal_id, location_id, type)
include (status);
create index work_order_by_account on fieldwork.work_order (portal_id, account_id)
where account_id is not null;
call db.tenant_table('fieldwork.work_order');

-- An order goes from NEW over SCHEDULED, SENT and IN_PROGRESS to COMPLETE, from NEW also at once;
-- until then it can be CANCELLED (conformance.md 11.2).
create function fieldwork.guard_status() returns trigger language plpgsql as $$
begin
    if old.status || ' ' || new.status not in (
        'NEW SCHEDULED', 'SCHEDULED SENT', 'SENT IN_PROGRESS', 'IN_PROGRESS COMPLETE',
        'NEW COMPLETE', 'NEW CANCELLED', 'SCHEDULED CANCELLED', 'SENT CANCELLED',
        'IN_PROGRESS CANCELLED'
    ) then
        raise exception '% cannot become %', old.status, new.status using
            errcode = 'check_violation', constraint = 'work_order_status_follows';
    end if;
    return new;
end
$$;
create trigger guard_status before update of status on fieldwork.work_order
for each row when (old.status <> new.status)
execute function fieldwork.guard_status();

create table fieldwork.step (
    portal_id int not null references access.portal,
    step_id bigint generated always as identity,
    work_order_id bigint not null,
    stepped_at timestamptz not null,
    login text not null,
    from_status text,
    to_status text not null,
    note text not null default '',
    primary key (portal_id, step_id),
    foreign key (portal_id, work_order_id) references fieldwork.work_order
);
comment on table fieldwork.step is
'The history of a work order: who brought it from which status to which, and why; from none where '
'it was created.';
create index step_by_order on fieldwork.step (portal_id, work_order_id, step_id);
call db.tenant_table('fieldwork.step');
call db.append_only('fieldwork.step');

create table fieldwork.order_read (
    portal_id int not null references access.portal,
    work_order_id bigint not null,
    register_id bigint not null,
    read_date date not null,
    read_type text not null constraint order_read_type_known check (
        read_type in ('OPENING', 'ACTUAL', 'CLOSING')
    ),
    value numeric(18, 3) not null constraint order_read_not_negative check (
        value >= 0 and value <> 'NaN'
    ),
    primary key (portal_id, work_order_id, register_id, read_date),
    foreign key (portal_id, work_order_id) references fieldwork.work_order,
    foreign key (portal_id, register_id) references metering.register
);
comment on table fieldwork.order_read is
'A read that was taken on a work order, before the multiplier, in the unit of its register.';
call db.tenant_table('fieldwork.order_read');
call db.append_only('fieldwork.order_read');
