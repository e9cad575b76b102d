-- What registers measured interval by interval, a row for a register and day.

create schema intervals;
comment on schema intervals is 'Interval data: register-days, the files they came in, faults.';
grant usage on schema intervals to currant_runtime, currant_reader;

create table intervals.file (
    portal_id int not null references access.portal,
    file_id bigint generated always as identity,
    source text not null
    constraint interval_source_known check (source in ('NEM12', 'ESTIMATE', 'EDIT')),
    name text not null default '',
    sha256 text not null default '',
    from_participant text not null default '',
    to_participant text not null default '',
    created_at timestamptz,
    login text not null,
    loaded_at timestamptz not null,
    days int not null default 0,
    stored int not null default 0,
    duplicates int not null default 0,
    late int not null default 0,
    faults int not null default 0,
    primary key (portal_id, file_id)
);
comment on table intervals.file is
'A delivery of interval data: a meter data file, or a set of estimates or edits of our own; by '
'whom and when. Of its days some were stored (late ones among them, which never counted), some '
'were known already, and some could not be placed (faults). created_at is what its header says.';
call db.tenant_table('intervals.file');
call db.delivery_table('intervals.file');
call db.append_only('intervals.file');

create table intervals.register_day (
    portal_id int not null,
    register_id bigint not null,
    day date not null,
    revision smallint not null,
    minutes smallint not null
    constraint interval_length_known check (minutes in (5, 10, 15, 30, 60)),
    quantities int[] not null,
    quality text not null,
    method text not null default '',
    reason_code smallint,
    reason text not null default '',
    spans jsonb,
    events jsonb,
    updated_at timestamptz not null,
    loaded_at timestamptz not null,
    file_id bigint not null,
    primary key (portal_id, register_id, day, revision),
    constraint intervals_fill_the_day check (
        minutes * array_length(quantities, 1) = 1440 and array_position(quantities, null) is null
    ),
    constraint quality_of_intervals check (
        quality ~ '^[ASFEN]+$' and length(quality) in (1, array_length(quantities, 1))
        and (length(quality) = 1) = (spans is null)
    )
);
comment on table intervals.register_day is
'What a register measured in the intervals of a day of its own clock (metering.register.clock), '
'the first of which begins at 00:00: whole thousandths of the register''s unit (Wh, varh). quality '
'is one flag for the whole day, or one for each interval: A actual, S substituted, F finally '
'substituted, E estimated, N none (nothing is known of its quantity). method and reason are those '
'of a day of one quality; spans has them otherwise, and events what a NEM12 tells beside. '
'The highest revision counts. updated_at says when the provider last changed the day: one that is '
'newer, or as new and received later, has a higher revision, the first is 1. One that comes late, '
'with an older updated_at than what counts, never counts and is numbered from 0 down.';
-- Nobody looks for a day by a quantity that is in it.
alter table intervals.register_day alter column quantities set statistics 0;
-- Few days are ever corrected, so what was superseded is found in next to nothing.
create index register_day_corrected
on intervals.register_day (portal_id, register_id, day, revision)
where revision > 1;
call db.tenant_table('intervals.register_day');
call db.append_only('intervals.register_day');

create view intervals.current_day with (security_invoker) as
select
    d.portal_id, d.register_id, d.day, d.revision, d.minutes, d.quantities, d.quality, d.method,
    d.reason_code, d.reason, d.spans, d.events, d.updated_at, d.loaded_at, d.file_id
from intervals.register_day as d
where d.revision >= 1 and not exists (
    select from intervals.register_day as n
    where n.portal_id = d.portal_id and n.register_id = d.register_id and n.day = d.day
        and n.revision > d.revision and n.revision > 1
);
comment on view intervals.current_day is
'The revision of each register-day that counts. Name portal_id and, where it is known, register_id '
'and a span of days.';

create table intervals.fault (
    portal_id int not null references access.portal,
    fault_id bigint generated always as identity,
    file_id bigint not null,
    line int not null,
    reason text not null check (
        reason in (
            'NOSITE', 'NOMETER', 'NOTOUSITE', 'NOOPENACC', 'NOMTRSCHED', 'TMOPENACC', 'DUPLICATE',
            'BADUNIT'
        )
    ),
    nmi text not null,
    serial_number text not null,
    datastream text not null,
    unit text not null,
    from_day date not null,
    to_day date not null,
    days int not null,
    primary key (portal_id, fault_id),
    foreign key (portal_id, file_id) references intervals.file
);
comment on table intervals.fault is
'Days of a file that were sound to the letter and not stored, a row for a data stream and reason '
'(conformance.md 8.3), with the line of the first: no site has the NMI (NOSITE), the meter is not '
'at the site (NOMETER), it is no interval meter (NOTOUSITE), the meter lacks the data stream '
'(NOMTRSCHED), the unit is not the register''s (BADUNIT), or the day stands twice in the file with '
'the same time and other values (DUPLICATE). What a vacant site used is stored.';
create index interval_fault_by_file on intervals.fault (portal_id, file_id, line);
call db.tenant_table('intervals.fault');
call db.append_only('intervals.fault');
