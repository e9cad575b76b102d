-- What was done, or is to be done, about accounts, sites and buildings.

create schema activities;
comment on schema activities is 'Activities and their notes.';
grant usage on schema activities to currant_runtime, currant_reader;

create table activities.activity (
    portal_id int not null references access.portal,
    activity_id bigint generated always as identity,
    account_id bigint,
    location_id bigint,
    building_id bigint,
    type_code text not null constraint activity_typed check (
        type_code ~ '^[A-Z0-9][A-Z0-9_.-]{0,29}$'
    ),
    class text not null constraint activity_class_known check (
        class in ('ACTIVITY', 'SYSTEM', 'NOTE')
    ),
    subject text not null constraint activity_named check (subject ~ '\S'),
    priority text not null default 'NORMAL' constraint activity_priority_known check (
        priority in ('LOW', 'NORMAL', 'HIGH', 'URGENT')
    ),
    due_date date,
    assigned_to text not null default '',
    channel text not null default '',
    status text not null constraint activity_status_known check (
        status in ('OPEN', 'IN_PROGRESS', 'CLOSED', 'CANCELLED')
    ),
    created_at timestamptz not null,
    created_by text not null,
    last_mod timestamptz not null,
    primary key (portal_id, activity_id),
    constraint activity_about_something check (
        num_nonnulls(account_id, location_id, building_id) > 0
    ),
    constraint activity_noted_closed check (class = 'ACTIVITY' or status = 'CLOSED'),
    foreign key (portal_id, account_id) references customers.account,
    foreign key (portal_id, location_id) references locations.location,
    foreign key (portal_id, building_id) references locations.building
);
comment on table activities.activity is
'What was done or is to be done about an account, a site or a building. ACTIVITY is somebody''s '
'task, SYSTEM what the product did, NOTE what somebody wrote down; these two are CLOSED at once.';
create index activity_by_account on activities.activity (portal_id, account_id, activity_id)
where account_id is not null;
create index activity_by_location on activities.activity (portal_id, location_id, activity_id)
where location_id is not null;
create index activity_by_building on activities.activity (portal_id, building_id, activity_id)
where building_id is not null;
call db.tenant_table('activities.activity');

-- What is closed or cancelled stays so: only notes are added to it.
create function activities.guard_status() returns trigger language plpgsql as $$
begin
    raise exception '% cannot become %', old.status, new.status using
        errcode = 'check_violation', constraint = 'activity_closed_stays';
end
$$;
create trigger guard_status before update of status on activities.activity
for each row when (old.status in ('CLOSED', 'CANCELLED') and new.status <> old.status)
execute function activities.guard_status();

create table activities.note (
    portal_id int not null references access.portal,
    note_id bigint generated always as identity,
    activity_id bigint not null,
    text text not null,
    written_at timestamptz not null,
    written_by text not null,
    primary key (portal_id, note_id),
    foreign key (portal_id, activity_id) references activities.activity
);
comment on table activities.note is 'What was written about an activity, by whom and when.';
create index note_by_activity on activities.note (portal_id, activity_id, note_id);
call db.tenant_table('activities.note');
call db.append_only('activities.note');
