-- What is asked of meters through the systems that reach them.

create schema headends;
comment on schema headends is 'Requests to meters through their head-ends.';
grant usage on schema headends to currant_runtime, currant_reader;

create table headends.head_end (
    portal_id int not null references access.portal,
    source text not null constraint head_end_known references metering.source,
    url text not null constraint head_end_url check (
        url ~ '^https?://[^/?#@[:space:]]+([/?][^#[:space:]]*)?$' and length(url) <= 2000
    ),
    token text not null default '',
    callback_unit text not null default 'Wh' check (callback_unit in ('Wh', 'kWh')),
    timeout_minutes int not null default 15
    constraint head_end_timeout check (timeout_minutes between 1 and 10080),
    primary key (portal_id, source)
);
comment on table headends.head_end is
'Where the requests of a portal to a head-end are sent, with what token, how long an answer is '
'waited for, and in which unit it tells readings. Who reports does not read the token.';
call db.tenant_table('headends.head_end');
revoke all on headends.head_end from currant_reader;

create table headends.request (
    portal_id int not null references access.portal,
    request_id uuid not null default gen_random_uuid(),
    number bigint not null generated always as identity,
    meter_id bigint not null,
    command text not null check (command in ('READ', 'CONNECT', 'DISCONNECT', 'STATUS')),
    state text not null default 'PENDING' check (
        state in ('PENDING', 'SENT', 'DONE', 'FAILED', 'TIMED_OUT', 'WITHDRAWN')
    ),
    source text references metering.source,
    reason text not null,
    login text not null default 'auto',
    state_before text not null default '',
    requested_at timestamptz not null,
    tries int not null default 0,
    next_try_at timestamptz not null,
    held_until timestamptz,
    trouble text not null default '',
    sent_at timestamptz,
    due_at timestamptz,
    answered_at timestamptz,
    digest text,
    result text check (result in ('success', 'fail')),
    error_code bigint not null default 0,
    error_msg text not null default '',
    told_state text not null default '',
    read_at timestamptz,
    read_wh bigint,
    batch_id bigint,
    primary key (portal_id, request_id),
    foreign key (portal_id, meter_id) references metering.meter,
    foreign key (portal_id, batch_id) references reads.batch,
    check ((answered_at is null) = (digest is null)),
    check (state <> 'SENT' or (sent_at is not null and due_at is not null))
);
comment on table headends.request is
'One request to one meter through the head-end (source) that reaches it: PENDING waits to be sent, '
'SENT for its answer, then it is DONE, FAILED or TIMED_OUT; a newer relay command of the meter or '
'a vend has one that waits WITHDRAWN. A relay command knows the state that it found, before any '
'that it withdrew unsent. While a worker sends a request, it is held. What came back is kept with '
'the SHA-256 (digest) of it, and the batch that its reads were recorded in. A request changes '
'under the lock of its meter''s row.';
-- One relay command of a meter waits, and one each of its other commands.
create unique index one_pending_request on headends.request (
    portal_id, meter_id, (case when command in ('CONNECT', 'DISCONNECT') then '' else command end)
)
where state = 'PENDING';
create index request_to_send on headends.request (portal_id, source, next_try_at)
where state = 'PENDING';
create index request_unanswered on headends.request (portal_id, due_at) where state = 'SENT';
create index request_by_number on headends.request (portal_id, number);
create index request_by_meter on headends.request (portal_id, meter_id, number);
create index relay_command on headends.request (portal_id, meter_id, number)
where command in ('CONNECT', 'DISCONNECT');
call db.tenant_table('headends.request');

-- Where a relay command leads; nowhere for those that only ask.
create function headends.leads_to(command text)
returns text language sql immutable parallel safe
return case command when 'CONNECT' then 'CONNECTED' when 'DISCONNECT' then 'DISCONNECTED' end;

-- Ask meters, whose rows the caller has locked, and answer how many were asked. A relay command
-- withdraws an older one that waits, and the state becomes CONNECTING, or PENDING until the
-- head-end takes the disconnection. Whoever sends requests is told.
create function headends.ask(
    in_portal int, of_meters bigint[], of_command text, why text, by_login text, at timestamptz
)
returns bigint
language plpgsql set enable_seqscan = off
as $$
declare
    is_relay boolean := headends.leads_to(of_command) is not null;
    overtaken bigint[];
    befores text[];
begin
    if cardinality(of_meters) = 0 then
        return 0;
    end if;
    if is_relay then
        with withdrawn as (
            update headends.request as r set state = 'WITHDRAWN'
            where r.portal_id = in_portal and r.meter_id = any(of_meters) and r.state = 'PENDING'
                and r.command in ('CONNECT', 'DISCONNECT')
            returning r.meter_id, r.tries, r.state_before
        )
        select
            array_agg(w.meter_id),
            array_agg(case when w.tries = 0 then w.state_before else 'UNKNOWN' end)
        into overtaken, befores
        from withdrawn as w;
    end if;
    insert into headends.request (
        portal_id, meter_id, command, source, reason, login, state_before, requested_at,
        next_try_at
    )
    select
        in_portal, m.meter_id, of_command,
        (select min(s.source) from metering.source as s where s.com_type = m.com_type),
        why, by_login, case when is_relay then coalesce(o.before, m.meter_state) else '' end, at, at
    from metering.meter as m
    left join unnest(overtaken, befores) as o (meter_id, before) on o.meter_id = m.meter_id
    where m.portal_id = in_portal and m.meter_id = any(of_meters)
    order by m.meter_id;
    if is_relay then
        perform metering.set_states(
            in_portal, of_meters,
            array_fill(
                case of_command when 'CONNECT' then 'CONNECTING' else 'PENDING' end,
                array[cardinality(of_meters)]
            ),
            at
        );
    end if;
    perform pg_notify('currant_asked', in_portal::text);
    return cardinality(of_meters);
end
$$;

-- Ask meters to connect or disconnect, and answer how many were asked. Left alone are meters that
-- wait for the same command already, that are (or are on their way) where the command leads, and
-- that no relay command reaches: AMR only speaks, STS takes tokens.
create function headends.request_relay(
    in_portal int, of_meters bigint[], of_command text, why text, at timestamptz
)
returns bigint
language plpgsql set enable_seqscan = off
as $$
begin
    perform from metering.meter as m
    where m.portal_id = in_portal and m.meter_id = any(of_meters)
    order by m.meter_id
    for no key update;
    return headends.ask(
        in_portal,
        array(
            select m.meter_id from metering.meter as m
            where m.portal_id = in_portal and m.meter_id = any(of_meters)
                and m.com_type not in ('AMR', 'STS')
                and case of_command
                    when 'CONNECT' then m.meter_state not in ('CONNECTED', 'CONNECTING')
                    else m.meter_state not in ('DISCONNECTED', 'DISCONNECTING')
                end
                and of_command is distinct from (
                    select r.command from headends.request as r
                    where r.portal_id = m.portal_id and r.meter_id = m.meter_id
                        and r.state = 'PENDING' and r.command in ('CONNECT', 'DISCONNECT')
                )
            order by m.meter_id
        ),
        of_command, why, 'auto', at
    );
end
$$;

-- Ask meters by hand, and answer how many were asked: a relay command whatever their state is said
-- to be, for people ask where they doubt it; another where the same one does not wait already.
create function headends.ask_by_hand(
    in_portal int, of_meters bigint[], of_command text, why text, by_login text, at timestamptz
)
returns bigint
language plpgsql
as $$
begin
    perform from metering.meter as m
    where m.portal_id = in_portal and m.meter_id = any(of_meters)
    order by m.meter_id
    for no key update;
    return headends.ask(
        in_portal,
        array(
            select m.meter_id from metering.meter as m
            where m.portal_id = in_portal and m.meter_id = any(of_meters)
                and (
                    headends.leads_to(of_command) is not null
                    or not exists (
                        select from headends.request as r
                        where r.portal_id = m.portal_id and r.meter_id = m.meter_id
                            and r.state = 'PENDING' and r.command = of_command
                    )
                )
            order by m.meter_id
        ),
        of_command, why, by_login, at
    );
end
$$;

-- The meters through which accounts draw on their wallets of these kinds at an instant.
create function headends.meters_of_wallets(
    in_portal int, of_accounts bigint[], kinds text[], at timestamptz
)
returns setof bigint
language sql stable
as $$
    select m.meter_id
    from unnest(of_accounts, kinds) as w (account_id, kind)
    inner join customers.agreement as g
        on g.portal_id = in_portal and g.account_id = w.account_id
        and db.holds(g.valid, at)
    inner join metering.installation as i
        on i.portal_id = g.portal_id and i.location_id = g.location_id
        and db.holds(i.valid, at)
    inner join metering.meter as m
        on m.portal_id = i.portal_id and m.meter_id = i.meter_id
        and m.product_type = g.product_type and m.wallet_kind = w.kind
$$;

-- Cut off accounts whose wallets of these kinds are used up: the meters of those that are prepaid
-- are asked to disconnect. Answers how many were asked.
create function headends.cut_off(
    in_portal int, of_accounts bigint[], kinds text[], at timestamptz
)
returns bigint
language sql
as $$
    select headends.request_relay(
        in_portal,
        array(
            select m.meter_id
            from headends.meters_of_wallets(in_portal, p.account_ids, p.kinds, at) as m (meter_id)
        ),
        'DISCONNECT', 'wallet', at
    )
    from (
        select array_agg(w.account_id) as account_ids, array_agg(w.kind) as kinds
        from unnest(of_accounts, kinds) as w (account_id, kind)
        inner join customers.account as a
            on a.portal_id = in_portal and a.account_id = w.account_id
            and a.payment_mode = 'PREPAID'
    ) as p
$$;

-- Give back the supply of accounts whose wallets of these kinds hold something again. A
-- disconnection of their meters that waits is withdrawn, and a meter that it found connected and
-- has not reached counts as CONNECTED again. Any other is asked to connect: where the disconnection
-- may have reached the head-end, or happened, or found the meter off, and where nobody knows what
-- became of a relay command. Answers how many meters that concerned.
create function headends.settle_relays(
    in_portal int, of_accounts bigint[], kinds text[], at timestamptz
)
returns bigint
language plpgsql
-- Planned once: a vend calls it for one wallet, and planning takes ten times as long as looking.
set plan_cache_mode = 'force_generic_plan'
as $$
declare
    supplied bigint[];
    unknown bigint[];
    kept bigint[];
    off bigint[];
begin
    select
        array_agg(distinct m.meter_id) filter (where m.meter_state <> 'UNKNOWN'),
        array_agg(distinct m.meter_id) filter (where m.meter_state = 'UNKNOWN')
    into supplied, unknown
    from headends.meters_of_wallets(in_portal, of_accounts, kinds, at) as w (meter_id)
    inner join metering.meter as m on m.portal_id = in_portal and m.meter_id = w.meter_id
    where m.meter_state not in ('CONNECTED', 'CONNECTING');
    if unknown is not null then
        supplied := nullif(supplied || array(
            select distinct r.meter_id from headends.request as r
            where r.portal_id = in_portal and r.meter_id = any(unknown)
                and r.command in ('CONNECT', 'DISCONNECT')
        ), '{}');
    end if;
    if supplied is null then
        return 0;
    end if;
    perform from metering.meter as m
    where m.portal_id = in_portal and m.meter_id = any(supplied)
    order by m.meter_id
    for no key update;
    with withdrawn as (
        update headends.request as r set state = 'WITHDRAWN'
        where r.portal_id = in_portal and r.meter_id = any(supplied)
            and r.state = 'PENDING' and r.command = 'DISCONNECT'
        returning r.meter_id, r.tries = 0 and (
            r.state_before = 'CONNECTED' or (
                r.state_before = 'UNKNOWN' and not exists (
                    select from headends.request as o
                    where o.portal_id = in_portal and o.meter_id = r.meter_id
                        and o.command in ('CONNECT', 'DISCONNECT') and o.tries > 0
                )
            )
        ) as is_on
    )
    select
        coalesce(array_agg(w.meter_id) filter (where w.is_on), '{}'),
        coalesce(array_agg(w.meter_id) filter (where not w.is_on), '{}')
    into kept, off
    from withdrawn as w
    inner join metering.meter as m
        on m.portal_id = in_portal and m.meter_id = w.meter_id and m.meter_state = 'PENDING';
    perform metering.set_states(
        in_portal, kept, array_fill('CONNECTED'::text, array[cardinality(kept)]), at
    );
    return cardinality(kept) + headends.request_relay(
        in_portal,
        array(
            select m.meter_id from metering.meter as m
            where m.portal_id = in_portal and m.meter_id = any(supplied)
                and (
                    m.meter_state in ('DISCONNECTING', 'DISCONNECTED', 'UNKNOWN')
                    or m.meter_id = any(off)
                )
        ),
        'CONNECT', 'wallet', at
    );
end
$$;

-- Take up to so many requests that are due to be sent to a head-end and hold them until an instant,
-- by when their sending is told of. Meters that somebody else is busy with wait for the next time,
-- and so does a relay command while an older one of its meter is held: two never overtake each
-- other.
create function headends.take_requests(
    in_portal int, of_source text, how_many int, at timestamptz, hold_until timestamptz
)
returns table (
    request_id uuid, command text, serial_number text, device_id text, url text, token text,
    meter_state text, read_at timestamptz, read_wh bigint
)
language plpgsql
as $$
#variable_conflict use_column
declare
    meters bigint[];
begin
    select array_agg(w.meter_id) into meters
    from (
        select m.meter_id
        from headends.request as r
        inner join metering.meter as m
            on m.portal_id = r.portal_id and m.meter_id = r.meter_id
        where r.portal_id = in_portal and r.source = of_source and r.state = 'PENDING'
            and r.next_try_at <= at
        order by r.next_try_at, r.number
        limit how_many
        for no key update of m skip locked
    ) as w;
    return query
    with taken as (
        update headends.request as r
        set tries = r.tries + 1, held_until = hold_until
        from headends.head_end as h
        where r.portal_id = in_portal and r.meter_id = any(meters) and r.state = 'PENDING'
            and r.source = of_source and r.next_try_at <= at
            and coalesce(r.held_until <= at, true)
            and h.portal_id = in_portal and h.source = of_source
            and not (
                r.command in ('CONNECT', 'DISCONNECT') and exists (
                    select from headends.request as o
                    where o.portal_id = in_portal and o.meter_id = r.meter_id
                        and o.command in ('CONNECT', 'DISCONNECT') and o.held_until > at
                )
            )
        returning r.request_id, r.number, r.meter_id, r.command, h.url, h.token
    )
    select
        t.request_id, t.command, m.serial_number, m.device_id, t.url, t.token, m.meter_state,
        l.read_at, l.value
    from taken as t
    inner join metering.meter as m on m.portal_id = in_portal and m.meter_id = t.meter_id
    left join metering.register as g
        on g.portal_id = in_portal and g.meter_id = t.meter_id and g.register_no = 1
    left join lateral reads.before(in_portal, g.register_id, 'infinity') as l on true
    order by t.number;
end
$$;

-- Lock the meters of requests, in the order of everybody.
create function headends.hold_meters(in_portal int, requests uuid[])
returns void
language plpgsql
as $$
begin
    perform from metering.meter as m
    where m.portal_id = in_portal and m.meter_id in (
        select r.meter_id from headends.request as r
        where r.portal_id = in_portal and r.request_id = any(requests)
    )
    order by m.meter_id
    for no key update;
end
$$;

-- Tell how the sending of requests to a head-end went, each with why it failed or with nothing, and
-- answer how many wait no longer. One that the head-end took is SENT, and a disconnection is under
-- way; one that failed waits to be tried again, or is FAILED after so many tries, and what a relay
-- command left its meter in is not known. One that was withdrawn or answered meanwhile stays so.
create function headends.tell_sent(
    in_portal int, requests uuid[], troubles text[], most_tries int, at timestamptz
)
returns bigint
language plpgsql
as $$
declare
    disconnecting bigint[];
    unknown bigint[];
    over bigint;
begin
    perform headends.hold_meters(in_portal, requests);
    with told as (
        update headends.request as r
        set
            held_until = null, trouble = w.trouble,
            state = case
                when r.state <> 'PENDING' then r.state
                when w.trouble = '' then 'SENT'
                when r.tries >= most_tries then 'FAILED'
                else 'PENDING'
            end,
            sent_at = case when w.trouble = '' then at else r.sent_at end,
            due_at = at + h.timeout_minutes * interval '1 minute',
            next_try_at = at + least(5 * 3 ^ (r.tries - 1), 900) * interval '1 second'
        from unnest(requests, troubles) as w (request_id, trouble), headends.head_end as h
        where r.portal_id = in_portal and r.request_id = w.request_id
            and h.portal_id = in_portal and h.source = r.source
        returning r.meter_id, r.command, old.state as before, new.state as after
    )
    select
        array_agg(t.meter_id) filter (where t.after = 'SENT' and t.command = 'DISCONNECT'),
        array_agg(t.meter_id) filter (
            where t.after = 'FAILED' and headends.leads_to(t.command) is not null
        ),
        count(*) filter (where t.after <> 'PENDING')
    into disconnecting, unknown, over
    from told as t where t.before = 'PENDING';
    perform headends.move_states(in_portal, disconnecting, 'DISCONNECTING', at);
    perform headends.move_states(in_portal, unknown, 'UNKNOWN', at);
    return over;
end
$$;

-- Set the state of meters that are on their way somewhere; what was told of the others stands.
create function headends.move_states(
    in_portal int, of_meters bigint[], to_state text, at timestamptz
)
returns bigint
language sql
as $$
    select metering.set_states(
        in_portal, array_agg(m.meter_id), array_agg(to_state), at
    )
    from metering.meter as m
    where m.portal_id = in_portal and m.meter_id = any(of_meters)
        and m.meter_state in ('CONNECTING', 'PENDING', 'DISCONNECTING')
$$;

-- Give up waiting for the answers that are due, and answer how many those were; what a relay
-- command left its meter in is not known, save where a newer one was asked for since.
create function headends.time_out(in_portal int, at timestamptz)
returns bigint
language plpgsql
as $$
declare
    late uuid[];
    unknown bigint[];
begin
    late := array(
        select r.request_id from headends.request as r
        where r.portal_id = in_portal and r.state = 'SENT' and r.due_at <= at
    );
    perform headends.hold_meters(in_portal, late);
    with timed_out as (
        update headends.request as r set state = 'TIMED_OUT'
        where r.portal_id = in_portal and r.request_id = any(late) and r.state = 'SENT'
        returning r.meter_id, r.command, r.number
    )
    select
        array_agg(t.meter_id) filter (
            where headends.leads_to(t.command) is not null and not exists (
                select from headends.request as n
                where n.portal_id = in_portal and n.meter_id = t.meter_id
                    and n.command in ('CONNECT', 'DISCONNECT') and n.number > t.number
                    and n.state <> 'WITHDRAWN'
            )
        )
    into unknown
    from timed_out as t;
    perform headends.move_states(in_portal, unknown, 'UNKNOWN', at);
    return cardinality(late);
end
$$;

-- Close a request with its answer. The state that it tells (null: none) is believed, but what a
-- relay command that matters more leads to is not overruled: one that was asked for later, or, for
-- a request that only asked, one that is not answered yet. Where they differ, an answer to an older
-- relay command that comes after the newer one was closed is believed and the newer one asked for
-- again; otherwise the state stays what the newer one made of it.
create function headends.close_request(
    in_portal int, of_request uuid, to_state text, answer_digest text, answer_result text,
    code bigint, message text, word text, new_state text, of_batch bigint,
    of_read timestamptz, wh bigint, at timestamptz
)
returns void
language plpgsql
as $$
declare
    meter bigint;
    of_command text;
    of_number bigint;
    newer record;
begin
    perform headends.hold_meters(in_portal, array[of_request]);
    update headends.request as r
    set
        state = to_state, answered_at = at, digest = answer_digest, result = answer_result,
        error_code = code, error_msg = message, told_state = word, batch_id = of_batch,
        read_at = of_read, read_wh = wh
    where r.portal_id = in_portal and r.request_id = of_request
    returning r.meter_id, r.command, r.number into meter, of_command, of_number;
    if new_state is null then
        return;
    end if;
    select
        r.command, r.reason, r.login, r.state in ('PENDING', 'SENT') as outstanding,
        r.number > of_number as later
    into newer
    from headends.request as r
    where r.portal_id = in_portal and r.meter_id = meter
        and r.command in ('CONNECT', 'DISCONNECT') and r.state <> 'WITHDRAWN'
        and r.request_id <> of_request
    order by r.number desc limit 1;
    if newer.later or (newer.outstanding and headends.leads_to(of_command) is null) then
        if new_state <> headends.leads_to(newer.command) then
            if new_state <> 'UNKNOWN' and not newer.outstanding
                and headends.leads_to(of_command) is not null then
                perform headends.ask(
                    in_portal, array[meter], newer.command, newer.reason, newer.login, at
                );
            end if;
            return;
        end if;
    end if;
    perform metering.set_states(in_portal, array[meter], array[new_state], at);
end
$$;
