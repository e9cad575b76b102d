-- name: queue_messages
-- Queue messages that come as columns, and answer their ids in order.
-- not null: message_id
select q.message_id
from unnest(
    notices.queue(
        :portal_id::int, :login::text, :at::timestamptz,
        (
            select array_agg(
                (
                    m.channel, m.recipient, m.subject, m.body, m.document_number, m.file_name,
                    m.account_id, m.amount, m.document_kind
                )::notices.new_message
                order by m.n
            )
            from unnest(
                :channels::text[], :recipients::text[], :subjects::text[], :bodies::text[],
                :document_numbers::text[], :file_names::text[], :account_ids::bigint[],
                :amounts::numeric[], :document_kinds::text[]
            ) with ordinality as m (
                channel, recipient, subject, body, document_number, file_name, account_id,
                amount, document_kind, n
            )
        )
    )
) with ordinality as q (message_id, n)
order by q.n;

-- name: deliveries_due
-- The portals in which messages are due, by channel.
-- not null: channel
select p.key as portal, c.channel
from access.portal as p
cross join unnest(:channels::text[]) as c (channel)
where exists (
    select from notices.message as m
    where m.portal_id = p.portal_id and m.channel = c.channel and m.status = 'QUEUED'
        and m.next_try_at <= :now::timestamptz
)
order by c.channel, p.key;

-- name: take_messages
-- Take messages that are due, oldest first, and hold them until an instant; nobody waits for what
-- others take.
with due as (
    select m.message_id from notices.message as m
    where m.portal_id = :portal_id::int and m.channel = :channel::text and m.status = 'QUEUED'
        and m.next_try_at <= :now::timestamptz
    order by m.next_try_at, m.message_id
    limit :how_many::int
    for update skip locked
)
update notices.message as m set next_try_at = :hold_until::timestamptz
from due as d, access.portal as p
where m.portal_id = :portal_id::int and m.message_id = d.message_id and p.portal_id = m.portal_id
returning
    m.message_id, m.message_key, p.name as portal_name, m.recipient, m.subject, m.body,
    m.document_number, m.document_kind, m.file_name;

-- name: tell_delivered
-- Tell how attempts went: what was tried in vain is tried again after a time that doubles with
-- each try, until there were enough; what nobody came to is due at once.
with told as (
    select t.message_id, t.outcome, t.trouble
    from unnest(:message_ids::bigint[], :outcomes::text[], :troubles::text[])
        as t (message_id, outcome, trouble)
), moved as (
    update notices.message as m
    set
        status = case
            when t.outcome = 'SENT' then 'SENT'
            when t.outcome = 'REFUSED' then 'FAILED'
            when t.outcome = 'TRIED' and m.tries + 1 >= :most_tries::int then 'FAILED'
            else 'QUEUED'
        end,
        tries = m.tries + (t.outcome <> 'LEFT')::int,
        next_try_at = case
            when t.outcome = 'LEFT' then :now::timestamptz
            else :now::timestamptz + least(2 ^ least(m.tries, 20), 240) * interval '1 minute'
        end,
        sender = case when t.outcome = 'SENT' then :sender::text else m.sender end,
        sent_at = case when t.outcome = 'SENT' then :now::timestamptz end,
        trouble = case when t.outcome = 'LEFT' then m.trouble else t.trouble end
    from told as t
    where m.portal_id = :portal_id::int and m.message_id = t.message_id and m.status = 'QUEUED'
    returning m.message_id
)
insert into notices.attempt (portal_id, message_id, tried_at, outcome, trouble)
select :portal_id::int, t.message_id, :now::timestamptz, t.outcome, t.trouble
from told as t
inner join moved as m on m.message_id = t.message_id
where t.outcome <> 'LEFT'
order by t.message_id;

-- name: retry_messages
-- Let messages be sent at once that wait or failed, some of them or all; wake who delivers.
-- not null: how_many
with again as (
    update notices.message as m
    set status = 'QUEUED', tries = 0, next_try_at = :now::timestamptz
    where m.portal_id = :portal_id::int and m.status <> 'SENT'
        and notices.reachable(m.channel, m.recipient)
        and (:message_ids::bigint[] is null or m.message_id = any(:message_ids::bigint[]))
        and (:message_ids::bigint[] is not null or m.status = 'FAILED' or m.trouble <> '')
    returning m.message_id
)
select count(*) as how_many
from again as a
cross join (select pg_notify('currant_notices', (:portal_id::int)::text)) as woken;

-- name: outbox
-- How many messages of all portals wait or failed, by channel, and since when the oldest waits.
-- not null: waiting failed
select
    m.channel, count(*) filter (where m.status = 'QUEUED') as waiting,
    min(m.queued_at) filter (where m.status = 'QUEUED') as waits_since,
    count(*) filter (where m.status = 'FAILED') as failed
from notices.message as m
where m.status <> 'SENT'
group by m.channel
order by m.channel;

-- name: attempts
-- The attempts to deliver a message, in their order.
select a.tried_at, a.outcome, a.trouble
from notices.attempt as a
where a.portal_id = :portal_id::int and a.message_id = :message_id::bigint
order by a.attempt_id;
