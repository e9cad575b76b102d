-- What is asked of meters through the systems that reach them.

create schema headends;
comment on schema headends is 'Requests to meters through their head-ends.';
grant usage on schema headends to currant_runtime, currant_reader;

create table headends.request (
    portal_id int not null references access.portal,
    request_id uuid not null default gen_random_uuid(),
    meter_id bigint not null,
    command text not null check (command in ('CONNECT', 'DISCONNECT')),
    state text not null default 'PENDING' check (state in ('PENDING', 'WITHDRAWN')),
    reason text not null,
    requested_at timestamptz not null,
    primary key (portal_id, request_id),
    foreign key (portal_id, meter_id) references metering.meter
);
comment on table headends.request is
'A relay command that waits for the head-end; a newer one of the meter withdraws the older.';
create unique index one_pending_request on headends.request (portal_id, meter_id)
where state = 'PENDING';
call db.tenant_table('headends.request');

-- Ask meters to connect or disconnect, and answer how many were asked; their state becomes
-- CONNECTING, or PENDING until the head-end takes the disconnection. An older request that waits is
-- withdrawn. Left alone are meters that wait for the same command already, that are (or are on
-- their way) where the command leads, and that no relay command reaches: AMR only speaks, STS
-- takes tokens.
create function headends.request_relay(
    in_portal int, of_meters bigint[], of_command text, why text, at timestamptz
)
returns bigint
language plpgsql set enable_seqscan = off
as $$
declare
    chosen bigint[];
begin
    perform from metering.meter as m
    where m.portal_id = in_portal and m.meter_id = any(of_meters)
    order by m.meter_id
    for no key update;
    select coalesce(array_agg(m.meter_id order by m.meter_id), '{}') into chosen
    from metering.meter as m
    where m.portal_id = in_portal and m.meter_id = any(of_meters)
        and m.com_type not in ('AMR', 'STS')
        and case of_command
            when 'CONNECT' then m.meter_state not in ('CONNECTED', 'CONNECTING')
            else m.meter_state not in ('DISCONNECTED', 'DISCONNECTING')
        end
        and of_command is distinct from (
            select r.command from headends.request as r
            where r.portal_id = m.portal_id and r.meter_id = m.meter_id and r.state = 'PENDING'
        );
    update headends.request as r set state = 'WITHDRAWN'
    where r.portal_id = in_portal and r.meter_id = any(chosen) and r.state = 'PENDING';
    insert into headends.request (portal_id, meter_id, command, reason, requested_at)
    select in_portal, c.meter_id, of_command, why, at from unnest(chosen) as c (meter_id);
    perform metering.set_states(
        in_portal, chosen,
        array_fill(
            case of_command when 'CONNECT' then 'CONNECTING' else 'PENDING' end,
            array[cardinality(chosen)]
        ),
        at
    );
    return cardinality(chosen);
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

-- Give back the supply of accounts whose wallets of these kinds hold something again: a
-- disconnection of their meters that waits is withdrawn and the meter counts as CONNECTED, one that
-- happened is answered by a request to connect. Answers how many meters that concerned.
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
    kept bigint[];
begin
    select array_agg(distinct m.meter_id) into supplied
    from headends.meters_of_wallets(in_portal, of_accounts, kinds, at) as w (meter_id)
    inner join metering.meter as m on m.portal_id = in_portal and m.meter_id = w.meter_id
    where m.meter_state in ('PENDING', 'DISCONNECTING', 'DISCONNECTED');
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
        returning r.meter_id
    )
    select coalesce(array_agg(w.meter_id), '{}') into kept
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
                and m.meter_state in ('DISCONNECTING', 'DISCONNECTED')
        ),
        'CONNECT', 'wallet', at
    );
end
$$;
