-- Messages to people: queued with what gives rise to them, delivered by a job, at least once.

create schema notices;
comment on schema notices is 'The outbox: e-mail and SMS to people.';
grant usage on schema notices to currant_runtime, currant_reader;

-- Whether a message could be delivered to somebody who is named so.
create function notices.reachable(channel text, recipient text)
returns boolean language sql immutable parallel safe
return case channel
    when 'EMAIL' then
        length(recipient) <= 254
        and recipient ~ '^[^@\s<>()\[\],;:"\\]+@[^@\s<>()\[\],;:"\\]+\.[^@\s<>()\[\],;:"\\.]+$'
        and recipient !~ '[[:cntrl:]]'
    when 'SMS' then recipient ~ '^\+?[0-9][0-9 ().-]{3,24}$'
end;

create table notices.message (
    portal_id int not null references access.portal,
    message_id bigint not null generated always as identity,
    message_key uuid not null default gen_random_uuid(),
    channel text not null check (channel in ('EMAIL', 'SMS')),
    recipient text not null,
    subject text not null default '' check (subject !~ '[[:cntrl:]]'),
    body text not null,
    document_number text,
    document_kind text,
    file_name text not null default '' check (file_name !~ '[[:cntrl:]]'),
    account_id bigint,
    amount db.amount,
    queued_at timestamptz not null,
    queued_by text not null,
    status text not null check (status in ('QUEUED', 'SENT', 'FAILED')),
    tries int not null default 0,
    next_try_at timestamptz not null,
    sender text not null default '',
    sent_at timestamptz,
    trouble text not null default '',
    primary key (portal_id, message_id),
    check (status = 'FAILED' or notices.reachable(channel, recipient)),
    check ((status = 'SENT') = (sent_at is not null))
);
comment on table notices.message is
'A message to a person, of an account where it concerns one, and what became of it. An e-mail may '
'bring a document, by its number and kind; amount is what that is about. message_key is the same '
'at every try, so that who gets it twice can tell. While a worker delivers it, next_try_at lies '
'ahead.';
create index message_due on notices.message (portal_id, channel, next_try_at)
where status = 'QUEUED';
create index message_by_account on notices.message (portal_id, account_id, message_id)
where account_id is not null;
call db.tenant_table('notices.message');
revoke delete on notices.message from currant_runtime;

create table notices.attempt (
    portal_id int not null,
    message_id bigint not null,
    attempt_id bigint not null generated always as identity,
    tried_at timestamptz not null,
    outcome text not null check (outcome in ('SENT', 'TRIED', 'REFUSED')),
    trouble text not null,
    primary key (portal_id, message_id, attempt_id),
    foreign key (portal_id, message_id) references notices.message
);
comment on table notices.attempt is
'One attempt to deliver a message: SENT, TRIED in vain, or REFUSED for good.';
call db.tenant_table('notices.attempt');
call db.append_only('notices.attempt');

create type notices.new_message as (
    channel text,
    recipient text,
    subject text,
    body text,
    document_number text,
    file_name text,
    account_id bigint,
    amount numeric,
    document_kind text
);

-- Queue messages, and answer their ids in the order given. None is refused, for a wrong address
-- must not hold up what gives rise to it: a message that cannot be delivered is there as FAILED.
-- What would break a header becomes a blank. Who delivers is told.
create function notices.queue(
    in_portal int, by_login text, at timestamptz, messages notices.new_message[]
)
returns bigint[]
language plpgsql
as $$
declare
    ids bigint[];
begin
    with queued as (
        insert into notices.message (
            portal_id, channel, recipient, subject, body, document_number, file_name, account_id,
            amount, document_kind, queued_at, queued_by, status, next_try_at, trouble
        )
        select
            in_portal, m.channel, coalesce(trim(m.recipient), ''),
            trim(left(regexp_replace(coalesce(m.subject, ''), '[[:cntrl:]]+', ' ', 'g'), 500)),
            coalesce(m.body, ''), m.document_number,
            trim(left(regexp_replace(coalesce(m.file_name, ''), '[[:cntrl:]/\\]+', ' ', 'g'), 200)),
            m.account_id, m.amount, m.document_kind, at, by_login,
            case when r.reachable then 'QUEUED' else 'FAILED' end, at,
            case when r.reachable then '' else 'This is no address that can be written to.' end
        from unnest(messages) with ordinality as m (
            channel, recipient, subject, body, document_number, file_name, account_id, amount,
            document_kind, n
        )
        cross join lateral (
            select notices.reachable(m.channel, coalesce(trim(m.recipient), '')) as reachable
        ) as r
        order by m.n
        returning message_id
    )
    select array_agg(q.message_id order by q.message_id) into ids from queued as q;
    perform pg_notify('currant_notices', in_portal::text);
    return coalesce(ids, '{}');
end
$$;
