-- What registers read, and the usage between reads.

create schema reads;
comment on schema reads is 'Reads, quarantine and usage.';
grant usage on schema reads to currant_runtime, currant_reader;

create table reads.batch (
    portal_id int not null references access.portal,
    batch_id bigint generated always as identity,
    source text not null,
    login text not null,
    recorded_at timestamptz not null,
    sha256 text not null default '',
    records int not null default 0,
    stored int not null default 0,
    duplicates int not null default 0,
    quarantined int not null default 0,
    queued boolean not null default false,
    primary key (portal_id, batch_id)
);
comment on table reads.batch is
'One delivery of reads: where from, by whom, how many. The drawdown has queued its registers '
'(reads.due) when queued is true.';
create index batch_to_queue on reads.batch (portal_id, batch_id) where not queued;
call db.tenant_table('reads.batch');
call db.delivery_table('reads.batch');

create table reads.read (
    portal_id int not null,
    register_id bigint not null,
    read_at timestamptz not null,
    read_id bigint generated always as identity,
    revision smallint not null,
    value bigint not null check (value >= 0),
    original text not null,
    multiplier numeric(12, 6) not null check (multiplier >= 0 and multiplier < 1000000),
    batch_id bigint not null,
    primary key (portal_id, register_id, read_at, revision)
);
comment on table reads.read is
'What a register stood at, in whole Wh or varh, with the text it was sent as. '
'A corrected value is a new revision of the same instant; the highest counts. Its number is what a '
'read is called by to others; nothing is looked up by it.';
-- Reads are only ever appended, so those of a batch lie side by side.
create index read_by_batch on reads.read using brin (batch_id)
with (pages_per_range = 64, autosummarize = on);
call db.tenant_table('reads.read');
call db.append_only('reads.read');

create table reads.detail (
    portal_id int not null,
    register_id bigint not null,
    read_at timestamptz not null,
    revision smallint not null,
    sub_type text not null constraint read_sub_type_known check (
        sub_type in ('ACTUAL', 'ACTUALC', 'ESTIMATE', 'INVOICE_EST', 'OPENING', 'CLOSING')
    ),
    estimated boolean not null generated always as (
        sub_type in ('ESTIMATE', 'INVOICE_EST')
    ) stored,
    next_scheduled_on date,
    temp_factor numeric(9, 6) check (temp_factor > 0 and temp_factor < 100),
    cv_factor numeric(9, 6) check (cv_factor > 0 and cv_factor < 100),
    notes text not null default '',
    primary key (portal_id, register_id, read_at, revision),
    foreign key (portal_id, register_id, read_at, revision) references reads.read
);
comment on table reads.detail is
'What is said of a basic read beside its value: what kind of read it is, when the next is due, the '
'factors of a gas read, and what was noted. A read without is an actual one.';
call db.tenant_table('reads.detail');
call db.append_only('reads.detail');
-- Few reads are estimates, and those that an actual one may contradict are found among them.
create index detail_estimated on reads.detail (portal_id, register_id, read_at) where estimated;

create table reads.misread (
    portal_id int not null,
    register_id bigint not null,
    read_at timestamptz not null,
    revision smallint not null,
    batch_id bigint not null,
    reason text not null check (reason in ('MISREAD', 'CONTRADICTED')),
    notes text not null default '',
    constraint read_misread_once primary key (portal_id, register_id, read_at, revision),
    foreign key (portal_id, register_id, read_at, revision) references reads.read,
    foreign key (portal_id, batch_id) references reads.batch
);
comment on table reads.misread is
'Reads that do not count, nor what they superseded: misread, as somebody said, or an estimate that '
'an actual read contradicts. The batch says who and when. What is read later at the same instant '
'is a new revision, and counts.';
create index misread_by_batch on reads.misread (portal_id, batch_id);
call db.tenant_table('reads.misread');
call db.append_only('reads.misread');

-- Looked up read by read, never joined: nearly no read is among those that do not count.
create view reads.counted with (security_invoker) as
select
    r.portal_id, r.register_id, r.read_at, r.revision, r.value, r.original, r.multiplier,
    r.batch_id
from reads.read as r
where coalesce(
    (
        select m.revision from reads.misread as m
        where m.portal_id = r.portal_id and m.register_id = r.register_id
            and m.read_at = r.read_at
        order by m.revision desc limit 1
    ), 0
) < r.revision;
comment on view reads.counted is
'The reads that count: at an instant the highest of these revisions does. Whoever asks what a '
'register stood at asks here, or one of the functions below.';

create table reads.quarantine (
    portal_id int not null references access.portal,
    quarantine_id bigint generated always as identity,
    batch_id bigint not null,
    record int not null,
    serial_number text not null,
    register_no int not null,
    read_at timestamptz not null,
    value bigint not null,
    original text not null,
    multiplier numeric(12, 6) not null check (multiplier >= 0 and multiplier < 1000000),
    reason text not null check (
        reason in ('NOSITE', 'BACKWARDS', 'MULTIPLIER', 'HIGH', 'REPEATED')
    ),
    primary key (portal_id, quarantine_id),
    foreign key (portal_id, batch_id) references reads.batch
);
comment on table reads.quarantine is
'Reads that were sound to the letter and not believed, with the reason (conformance.md 10.6).';
create index quarantine_by_meter on reads.quarantine (portal_id, serial_number, read_at);
create index quarantine_by_batch on reads.quarantine (portal_id, batch_id, record);
call db.tenant_table('reads.quarantine');
call db.append_only('reads.quarantine');

create table reads.quarantine_detail (
    portal_id int not null,
    quarantine_id bigint not null,
    sub_type text not null,
    next_scheduled_on date,
    temp_factor numeric(9, 6) check (temp_factor > 0 and temp_factor < 100),
    cv_factor numeric(9, 6) check (cv_factor > 0 and cv_factor < 100),
    notes text not null default '',
    primary key (portal_id, quarantine_id),
    foreign key (portal_id, quarantine_id) references reads.quarantine
);
comment on table reads.quarantine_detail is
'What was said of a basic read that is under review, to be the detail of the read if it is '
'believed.';
call db.tenant_table('reads.quarantine_detail');
call db.append_only('reads.quarantine_detail');

create table reads.release (
    portal_id int not null references access.portal,
    quarantine_id bigint not null,
    batch_id bigint not null,
    constraint read_released_once primary key (portal_id, quarantine_id),
    foreign key (portal_id, quarantine_id) references reads.quarantine,
    foreign key (portal_id, batch_id) references reads.batch
);
comment on table reads.release is
'Reads in quarantine that somebody believed after all. The batch says who and when, and its reads '
'are what was stored.';
call db.tenant_table('reads.release');
call db.append_only('reads.release');

create table reads.rejection (
    portal_id int not null references access.portal,
    quarantine_id bigint not null,
    login text not null,
    reason text not null,
    rejected_at timestamptz not null,
    constraint read_rejected_once primary key (portal_id, quarantine_id),
    foreign key (portal_id, quarantine_id) references reads.quarantine
);
comment on table reads.rejection is
'Reads in quarantine that somebody dismissed as wrong, with those that said the same before: by '
'whom, when and why.';
call db.tenant_table('reads.rejection');
call db.append_only('reads.rejection');

create table reads.due (
    portal_id int not null,
    block bigint not null,
    registers bigint[] not null,
    sinces timestamptz[] not null,
    again boolean[] not null,
    primary key (portal_id, block),
    check (
        cardinality(registers) = cardinality(sinces)
        and cardinality(registers) = cardinality(again)
    )
);
comment on table reads.due is
'Registers with reads that no usage was made of yet, each beside the earliest instant of them: the '
'queue of the drawdown, filled from the batches that are not queued yet; or those whose usage is '
'drawn again, because whom it supplied or at what rate was changed for the past. A row holds those '
'of a block of 2048 meters, which are drawn together and by one hand at a time.';
call db.tenant_table('reads.due');

create sequence reads.usage_id;

create table reads.usage (
    portal_id int not null,
    register_id bigint not null,
    from_at timestamptz not null,
    to_at timestamptz not null,
    energy_wh bigint not null,
    usage_id bigint not null default nextval('reads.usage_id'),
    made_at timestamptz not null,
    retired_at timestamptz not null default 'infinity',
    constraint read_used_once primary key (portal_id, register_id, to_at, retired_at),
    check (from_at <= to_at)
);
comment on table reads.usage is
'A usage segment: what passed between two successive reads, in Wh. The first read of a register '
'closes a segment of nothing. A late or corrected read retires its neighbours; what stands is '
'retired at infinity. A ledger entry was made of the segments of its meter that were made or '
'retired at the instant it was recorded; where there are none, all was drawn again.';
call db.tenant_table('reads.usage');

-- How far a register advanced; one that now shows less has rolled over, if it has dials to do so.
create function reads.difference(before bigint, after bigint, dials int)
returns bigint language sql immutable parallel safe
return after - before + case
    when after < before and dials > 0 then 1000 * (10 ^ dials::numeric)::bigint else 0
end;

-- Elapsed minutes, at least an hour's: no register is judged by less.
create function reads.minutes(since timestamptz, until timestamptz)
returns bigint language sql immutable parallel safe
return greatest(60, extract(epoch from until - since)::bigint / 60);

-- A hundred times what the register usually advances in the time between two reads, in Wh; null
-- while it has no history. The usual is its mean from its first read known to the read before,
-- and at least 10 Wh an hour, lest a house that stood empty never be believed again.
create function reads.bound(
    first_at timestamptz, first_value bigint, before_at timestamptz, before_value bigint,
    at timestamptz, dials int
)
returns bigint language sql immutable parallel safe
return case
    when first_at < before_at then reads.minutes(before_at, at) * 100 / 60 * least(
        greatest(
            60 * reads.difference(first_value, before_value, dials)
            / reads.minutes(first_at, before_at),
            10
        ),
        100000000
    )
end;

-- Why a read is not believed after the one before it (conformance.md 10.6); null when it is.
-- A rollover is plausible within the bound, and without history within a tenth of the dials. No
-- meter passes 100 GWh between two reads, whatever its history.
create function reads.doubt(
    first_at timestamptz, first_value bigint,
    before_at timestamptz, before_value bigint, before_multiplier numeric,
    at timestamptz, value bigint, multiplier numeric, dials int
)
returns text language sql immutable parallel safe
return case
    when before_at is null then null
    when multiplier <> before_multiplier then 'MULTIPLIER'
    when value < before_value and not coalesce(
        dials > 0 and reads.difference(before_value, value, dials) between 0 and coalesce(
            reads.bound(first_at, first_value, before_at, before_value, at, dials),
            100 * (10 ^ dials::numeric)::bigint
        ), false
    ) then 'BACKWARDS'
    when reads.difference(before_value, value, dials) * multiplier > 100000000000
        or reads.difference(before_value, value, dials)
        > reads.bound(first_at, first_value, before_at, before_value, at, dials) then 'HIGH'
end;

-- Whether a value is over 100 times another, or under a 100th of it: as if told in another unit.
create function reads.jumps(value bigint, before_value bigint)
returns boolean language sql immutable parallel safe
return value::numeric > 100 * before_value::numeric and before_value > 0
    or before_value::numeric > 100 * value::numeric;

-- Whether a revision of a read is an estimate.
create function reads.is_estimate(
    in_portal int, of_register bigint, at timestamptz, of_revision smallint
)
returns boolean
language sql stable
as $$
    select exists (
        select from reads.detail as d
        where d.portal_id = in_portal and d.register_id = of_register and d.read_at = at
            and d.revision = of_revision and d.estimated
    )
$$;

-- The reads of a register that count, from the last one before a span to the first one after it.
create function reads.around(
    in_portal int, of_register bigint, since timestamptz, until timestamptz
)
returns table (read_at timestamptz, revision smallint, value bigint, multiplier numeric)
language sql stable
as $$
    select distinct on (r.read_at) r.read_at, r.revision, r.value, r.multiplier
    from reads.counted as r
    where r.portal_id = in_portal and r.register_id = of_register
        and r.read_at >= coalesce(
            (
                select max(b.read_at) from reads.counted as b
                where b.portal_id = in_portal and b.register_id = of_register
                    and b.read_at < since
            ), since
        )
        and r.read_at <= coalesce(
            (
                select min(a.read_at) from reads.counted as a
                where a.portal_id = in_portal and a.register_id = of_register
                    and a.read_at > until
            ), until
        )
    order by r.read_at desc, r.revision desc
$$;

-- The reads of a register that counted when the deliveries up to one were known.
create function reads.known(in_portal int, of_register bigint, known bigint)
returns table (read_at timestamptz)
language sql stable
as $$
    select r.read_at
    from reads.read as r
    where r.portal_id = in_portal and r.register_id = of_register and r.batch_id <= known
        and coalesce(
            (
                select m.revision from reads.misread as m
                where m.portal_id = r.portal_id and m.register_id = r.register_id
                    and m.read_at = r.read_at and m.batch_id <= known
                order by m.revision desc limit 1
            ), 0
        ) < r.revision
$$;

-- The instants between which reads tell what a register used from one day to another, by the reads
-- that counted when the deliveries up to one were known: from the last read that stands at the
-- beginning of the first day or before to the last of the day, after them, whose reads tell what
-- it stood at at their end; the days' own bounds where no read is beyond them.
create function reads.known_around(
    in_portal int, of_register bigint, from_on date, to_on date, zone text, known bigint
)
returns table (first_at timestamptz, last_at timestamptz)
language sql stable rows 1
as $$
    select
        coalesce(b.read_at, s.start_at),
        coalesce(
            case
                when e.read_at is null or e.read_at > s.last_at then s.end_at
                else (
                    ((a.read_at - interval '1 microsecond') at time zone zone)::date + 1
                )::timestamp at time zone zone
            end, s.end_at
        )
    from (
        select
            from_on::timestamp at time zone zone as start_at,
            to_on::timestamp at time zone zone as last_at,
            (to_on + 1)::timestamp at time zone zone as end_at
    ) as s
    left join lateral (
        select r.read_at from reads.known(in_portal, of_register, known) as r
        where r.read_at <= s.start_at
        order by r.read_at desc limit 1
    ) as b on true
    left join lateral (
        select r.read_at from reads.known(in_portal, of_register, known) as r
        where r.read_at <= s.end_at
        order by r.read_at desc limit 1
    ) as e on true
    left join lateral (
        select r.read_at from reads.known(in_portal, of_register, known) as r
        where r.read_at > s.end_at
        order by r.read_at limit 1
    ) as a on true
$$;

-- The read of a register that counts at an instant.
create function reads.standing(in_portal int, of_register bigint, at timestamptz)
returns table (value bigint, multiplier numeric)
language sql stable rows 1
as $$
    select r.value, r.multiplier
    from reads.counted as r
    where r.portal_id = in_portal and r.register_id = of_register and r.read_at = at
    order by r.revision desc limit 1
$$;

-- The last read of a register that counts before an instant.
create function reads.before(in_portal int, of_register bigint, at timestamptz)
returns table (read_at timestamptz, value bigint, multiplier numeric)
language sql stable rows 1
as $$
    select r.read_at, r.value, r.multiplier
    from reads.counted as r
    where r.portal_id = in_portal and r.register_id = of_register and r.read_at < at
    order by r.read_at desc, r.revision desc limit 1
$$;

-- The reads of a register that count from an instant on, and the last one before it.
create function reads.since(in_portal int, of_register bigint, since timestamptz)
returns table (read_at timestamptz, value bigint, multiplier numeric)
language sql stable rows 2
as $$
    select b.read_at, b.value, b.multiplier
    from reads.before(in_portal, of_register, since) as b
    union all
    (
        select distinct on (r.read_at) r.read_at, r.value, r.multiplier
        from reads.counted as r
        where r.portal_id = in_portal and r.register_id = of_register and r.read_at >= since
        order by r.read_at desc, r.revision desc
    )
$$;

-- What a delivery to a register is judged among, from the last read before a span to the first one
-- after it. Estimates are left out, because they give way to what was read, unless the delivery is
-- of `estimates` itself. Where nothing counts at an instant that has revisions, the value is null.
create function reads.held(
    in_portal int, of_register bigint, since timestamptz, until timestamptz, estimates boolean
)
returns table (read_at timestamptz, revision smallint, value bigint, multiplier numeric)
language sql stable
as $$
    with within as (
        select
            coalesce(
                (
                    select b.read_at from reads.counted as b
                    where b.portal_id = in_portal and b.register_id = of_register
                        and b.read_at < since and (
                            estimates or not reads.is_estimate(
                                b.portal_id, b.register_id, b.read_at, b.revision
                            )
                        )
                    order by b.read_at desc limit 1
                ), since
            ) as first_at,
            coalesce(
                (
                    select a.read_at from reads.counted as a
                    where a.portal_id = in_portal and a.register_id = of_register
                        and a.read_at > until and (
                            estimates or not reads.is_estimate(
                                a.portal_id, a.register_id, a.read_at, a.revision
                            )
                        )
                    order by a.read_at asc limit 1
                ), until
            ) as last_at
    )
    select
        h.read_at, h.revision,
        (
            select c.value from reads.counted as c
            where c.portal_id = in_portal and c.register_id = of_register
                and c.read_at = h.read_at and c.revision = h.revision and (
                    estimates or not reads.is_estimate(
                        c.portal_id, c.register_id, c.read_at, c.revision
                    )
                )
        ) as value,
        h.multiplier
    from (
        select distinct on (r.read_at) r.read_at, r.revision, r.multiplier
        from reads.read as r
        where r.portal_id = in_portal and r.register_id = of_register
            and r.read_at between (select w.first_at from within as w)
            and (select w.last_at from within as w)
        order by r.read_at desc, r.revision desc
    ) as h
$$;

-- The estimates that an actual read of a register contradicts: between the actual read before it
-- and the one after it, those before it that show more, and those after it that show less.
create function reads.contradicted(
    in_portal int, of_register bigint, at timestamptz, value bigint, dials int
)
returns table (read_at timestamptz, revision smallint)
language sql stable
as $$
    select e.read_at, c.revision
    from reads.detail as e
    cross join lateral (
        select r.revision, r.value
        from reads.counted as r
        where r.portal_id = e.portal_id and r.register_id = e.register_id
            and r.read_at = e.read_at
        order by r.revision desc limit 1
    ) as c
    left join lateral (
        select r.read_at, r.value
        from reads.counted as r
        where r.portal_id = in_portal and r.register_id = of_register and r.read_at < at
            and not reads.is_estimate(r.portal_id, r.register_id, r.read_at, r.revision)
        order by r.read_at desc, r.revision desc limit 1
    ) as p on true
    left join lateral (
        select r.read_at
        from reads.counted as r
        where r.portal_id = in_portal and r.register_id = of_register and r.read_at > at
            and not reads.is_estimate(r.portal_id, r.register_id, r.read_at, r.revision)
        order by r.read_at asc limit 1
    ) as n on true
    where e.portal_id = in_portal and e.register_id = of_register and e.estimated
        and e.revision = c.revision and e.read_at <> at
        and e.read_at > coalesce(p.read_at, '-infinity')
        and e.read_at < coalesce(n.read_at, 'infinity')
        and case when e.read_at < at then 1 else -1 end * (
            reads.difference(coalesce(p.value, 0), c.value, dials)
            - reads.difference(coalesce(p.value, 0), contradicted.value, dials)
        ) > 0
$$;

-- What is known of a register before a delivery: its first read within a year, and its last.
create type reads.history as (
    first_at timestamptz,
    first_value bigint,
    last_at timestamptz,
    last_value bigint,
    last_multiplier numeric
);

create type reads.step as (
    record int,
    read_at timestamptz,
    value bigint,
    multiplier numeric,
    revision int
);

-- Judge the records of one register one by one in time order, among the reads that are stored
-- (their `record` is null; without a value, only their revision is taken): each against the read
-- that stands before it and the stored one that stands after it. A record is answered with the
-- revision it gets, or with why it is not stored.
-- A correction that is not believed leaves the stored read standing, so what was accepted since
-- the stored read before is held against it once more, from the last backwards: one that falls
-- lets the read it would have corrected stand again, for those before it to be held against.
create function reads.follow(
    steps reads.step[], first_at timestamptz, first_value bigint, dials int
)
returns table (record int, revision int, reason text)
language plpgsql immutable rows 10
as $$
declare
    step reads.step;
    before reads.step;
    standing reads.step;
    after reads.step;
    afters int[];
    upcoming int;
    reasons text[];
    revisions int[];
    accepted int[] := '{}';
    place int;
    taken int;
begin
    for i in reverse cardinality(steps) .. 1 loop
        afters[i] := upcoming;
        if steps[i].record is null and steps[i].value is not null
            and steps[i + 1].read_at is distinct from steps[i].read_at then
            upcoming := i;
        end if;
    end loop;
    for i in 1 .. cardinality(steps) loop
        step := steps[i];
        if step.record is null then
            taken := step.revision;
            if step.value is not null then
                standing := step;
            end if;
        elsif standing.value = step.value and standing.multiplier = step.multiplier then
            reasons[i] := 'DUPLICATE';
        else
            after := steps[afters[i]];
            reasons[i] := coalesce(
                reads.doubt(
                    first_at, first_value, before.read_at, before.value, before.multiplier,
                    step.read_at, step.value, step.multiplier, dials
                ),
                reads.doubt(
                    first_at, first_value, step.read_at, step.value, step.multiplier,
                    after.read_at, after.value, after.multiplier, dials
                )
            );
            if reasons[i] is null then
                taken := coalesce(taken, 0) + 1;
                step.revision := taken;
                revisions[i] := taken;
                standing := step;
                accepted := accepted || i;
            end if;
        end if;
        if steps[i + 1].read_at is distinct from step.read_at and standing.read_at is not null then
            if standing.record is null then
                after := standing;
                for back in reverse cardinality(accepted) .. 1 loop
                    place := accepted[back];
                    reasons[place] := reads.doubt(
                        first_at, first_value, steps[place].read_at, steps[place].value,
                        steps[place].multiplier, after.read_at, after.value,
                        after.multiplier, dials
                    );
                    exit when reasons[place] is null;
                    if steps[place - 1].read_at = steps[place].read_at
                        and steps[place - 1].record is null
                        and steps[place - 1].value is not null then
                        after := steps[place - 1];
                    end if;
                end loop;
                accepted := '{}';
            end if;
            before := standing;
            standing := null;
            if first_at is null then
                first_at := before.read_at;
                first_value := before.value;
            end if;
        end if;
        if steps[i + 1].read_at is distinct from step.read_at then
            taken := null;
        end if;
    end loop;
    for i in 1 .. cardinality(steps) loop
        if steps[i].record is not null then
            record := steps[i].record;
            revision := revisions[i];
            reason := reasons[i];
            return next;
        end if;
    end loop;
end
$$;

-- Store the values that active import registers open with, as delivered by the import.
create function reads.open_registers(
    in_portal int, meters bigint[], values_wh bigint[], at timestamptz
)
returns void
language sql
as $$
    with batch as (
        insert into reads.batch (portal_id, source, login, recorded_at, records, stored)
        select in_portal, 'import', '', at, cardinality(meters), cardinality(meters)
        where cardinality(meters) > 0
        returning batch_id
    ), stored as (
        insert into reads.read (
            portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
        )
        select
            in_portal, g.register_id, at, 1, v.value_wh, trim_scale(v.value_wh / 1000.0)::text,
            m.factor, batch.batch_id
        from unnest(meters, values_wh) as v (meter_id, value_wh)
        inner join metering.meter as m
            on m.portal_id = in_portal and m.meter_id = v.meter_id
        inner join metering.register as g
            on g.portal_id = in_portal and g.meter_id = v.meter_id and g.register_no = 1
        cross join batch
        order by g.register_id
    )
    select pg_notify('currant_due', in_portal::text) from batch
$$;

-- Queue the active import registers of the batches that were recorded since, each from the
-- earliest read on that no usage was made of or that counts no longer, and answer every block that
-- is due.
create function reads.queue_batches(in_portal int)
returns setof bigint
language sql
set enable_seqscan = off
set enable_nestloop = off
as $$
    with taken as (
        update reads.batch as b set queued = true
        from (
            select n.batch_id from reads.batch as n
            where n.portal_id = in_portal and not n.queued
            order by n.batch_id for update skip locked
        ) as fresh
        where b.portal_id = in_portal and b.batch_id = fresh.batch_id
        returning b.batch_id
    )
    insert into reads.due as d (portal_id, block, registers, sinces, again)
    select
        in_portal, f.meter_id / 2048, array_agg(f.register_id order by f.register_id),
        array_agg(f.since order by f.register_id), array_agg(false)
    from (
        select g.meter_id, g.register_id, min(r.read_at) as since
        from (
            select n.register_id, n.read_at
            from taken
            inner join reads.read as n on n.portal_id = in_portal and n.batch_id = taken.batch_id
            union all
            select n.register_id, n.read_at
            from taken
            inner join reads.misread as n
                on n.portal_id = in_portal and n.batch_id = taken.batch_id
        ) as r
        inner join metering.register as g
            on g.portal_id = in_portal and g.register_id = r.register_id and g.register_no = 1
        group by g.meter_id, g.register_id
    ) as f
    group by f.meter_id / 2048
    order by f.meter_id / 2048
    on conflict (portal_id, block) do update
    set
        registers = d.registers || excluded.registers, sinces = d.sinces || excluded.sinces,
        again = d.again || excluded.again;

    select d.block from reads.due as d where d.portal_id = in_portal order by d.block
$$;

-- Wait until nobody draws a block of meters down, and keep others from it until this transaction
-- ends; or answer false at once where somebody does, and `waiting` is false.
create function reads.hold_block(in_portal int, of_block bigint, waiting boolean)
returns boolean
language plpgsql
as $$
begin
    if not waiting then
        return pg_try_advisory_xact_lock(in_portal, hashint8(of_block));
    end if;
    perform pg_advisory_xact_lock(in_portal, hashint8(of_block));
    return true;
end
$$;

-- Have the usage of meters that passed since an instant each drawn again, where there is any. Who
-- changes the past calls it last: it waits for a drawdown that still reads it as it was, and lets
-- none begin before the change is committed.
create function reads.draw_again(in_portal int, meters bigint[], sinces timestamptz[])
returns void
language plpgsql
as $$
begin
    perform reads.hold_block(in_portal, b.block, true)
    from (
        select distinct m.meter_id / 2048 as block
        from unnest(meters) as m (meter_id)
        order by m.meter_id / 2048
    ) as b;
    insert into reads.due as d (portal_id, block, registers, sinces, again)
    select
        in_portal, f.meter_id / 2048, array_agg(f.register_id), array_agg(f.since),
        array_agg(true)
    from (
        select g.meter_id, g.register_id, m.since
        from unnest(meters, sinces) as m (meter_id, since)
        inner join metering.register as g
            on g.portal_id = in_portal and g.meter_id = m.meter_id and g.register_no = 1
        where exists (
            select from reads.usage as u
            where u.portal_id = in_portal and u.register_id = g.register_id
                and u.to_at > m.since and u.retired_at = 'infinity'
        )
    ) as f
    group by f.meter_id / 2048
    order by f.meter_id / 2048
    on conflict (portal_id, block) do update
    set
        registers = d.registers || excluded.registers, sinces = d.sinces || excluded.sinces,
        again = d.again || excluded.again;
    perform pg_notify('currant_due', in_portal::text);
end
$$;

-- Make usage of the reads of a block of meters that are due, and answer what changed: a segment
-- that is new has sign 1, one that a late or corrected read retired has sign -1. Of meters that are
-- drawn again also what stood until now is answered, with sign 0. A block that another transaction
-- is busy with is left to it.
create function reads.make_usage(in_portal int, of_block bigint, at timestamptz)
returns table (
    meter_id bigint, register_id bigint, from_at timestamptz, to_at timestamptz,
    energy_wh bigint, sign int
)
language plpgsql
-- Planned for the registers at hand: each table is walked along its key and joined by hashes,
-- whatever the statistics of new tables say.
set plan_cache_mode = 'force_custom_plan'
set enable_seqscan = off
set enable_mergejoin = off
set enable_nestloop = off
as $$
#variable_conflict use_column
declare
    registers bigint[];
    sinces timestamptz[];
    again boolean[];
begin
    if not reads.hold_block(in_portal, of_block, false) then
        return;
    end if;
    -- Take the block first and look in the next statement, which sees every read due by then.
    delete from reads.due as d
    where d.portal_id = in_portal and d.block = (
        select q.block from reads.due as q
        where q.portal_id = in_portal and q.block = of_block for update skip locked
    )
    returning d.registers, d.sinces, d.again into registers, sinces, again;
    if registers is null then
        return;
    end if;
    return query
    with register as materialized (
        select g.register_id, g.meter_id
        from metering.register as g
        where g.portal_id = in_portal and g.register_id = any(registers)
    ), due as materialized (
        select g.register_id, g.meter_id, m.dials, e.since, e.again
        from register as g
        inner join metering.meter as m
            on m.portal_id = in_portal and m.meter_id = g.meter_id
            and m.meter_id = any(array(select r.meter_id from register as r))
        inner join (
            select u.register_id, min(u.since) as since, bool_or(u.again) as again
            from unnest(registers, sinces, again) as u (register_id, since, again)
            group by u.register_id
        ) as e on e.register_id = g.register_id
    ), stood as (
        select
            d.meter_id, d.register_id, d.since, a.read_at, a.multiplier,
            lag(a.read_at) over by_register as before_at,
            reads.difference(
                lag(a.value) over by_register, a.value, d.dials
            ) as difference
        from due as d
        cross join lateral reads.since(in_portal, d.register_id, d.since) as a
        window by_register as (partition by d.register_id order by a.read_at)
    ), wanted as (
        select
            s.meter_id, s.register_id, coalesce(s.before_at, s.read_at) as from_at,
            s.read_at as to_at,
            coalesce(round(s.difference * s.multiplier)::bigint, 0) as energy_wh
        from stood as s where s.read_at >= s.since
    ), live as (
        select d.meter_id, d.again, u.register_id, u.from_at, u.to_at, u.energy_wh
        from reads.usage as u
        inner join due as d on d.register_id = u.register_id and d.since <= u.to_at
        where u.portal_id = in_portal and u.register_id = any(registers)
            and u.to_at >= (select min(e.since) from due as e)
            and u.retired_at = 'infinity'
    ), changed as materialized (
        -- A full join is hashed or merged, never looped, however few rows are expected.
        select
            w.meter_id, w.register_id, w.from_at, w.to_at, w.energy_wh,
            l.meter_id as old_meter, l.register_id as old_register, l.from_at as old_from,
            l.to_at as old_to, l.energy_wh as old_energy
        from wanted as w
        full join live as l on l.register_id = w.register_id and l.to_at = w.to_at
        where w.register_id is null or l.register_id is null
            or (l.from_at, l.energy_wh) <> (w.from_at, w.energy_wh)
    ), retired as (
        update reads.usage as u set retired_at = at
        from changed as c
        where u.portal_id = in_portal and u.register_id = any(registers)
            and c.old_register = u.register_id and c.old_to = u.to_at
            and u.retired_at = 'infinity'
        returning 1
    ), added as (
        insert into reads.usage (portal_id, register_id, from_at, to_at, energy_wh, made_at)
        select in_portal, c.register_id, c.from_at, c.to_at, c.energy_wh, at
        from changed as c
        where c.register_id is not null and (select count(*) from retired) >= 0
        order by c.register_id, c.to_at
    )
    select c.old_meter, c.old_register, c.old_from, c.old_to, c.old_energy, -1
    from changed as c where c.old_register is not null
    union all
    select c.meter_id, c.register_id, c.from_at, c.to_at, c.energy_wh, 1
    from changed as c where c.register_id is not null
    union all
    select l.meter_id, l.register_id, l.from_at, l.to_at, l.energy_wh, 0
    from live as l where l.again
    order by 2, 4, 6;
end
$$;
