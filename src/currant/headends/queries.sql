-- name: set_head_end
-- Say where the requests of a portal to a head-end are sent, or say it anew.
insert into headends.head_end as h (
    portal_id, source, url, token, callback_unit, timeout_minutes
)
values (
    :portal_id::int, :source::text, :url::text, :token::text, :callback_unit::text,
    :timeout_minutes::int
)
on conflict (portal_id, source) do update
set
    url = excluded.url, token = excluded.token, callback_unit = excluded.callback_unit,
    timeout_minutes = excluded.timeout_minutes;

-- name: try_again
-- Let what waits for a head-end be sent at once, and wake whoever sends.
with due as (
    update headends.request set next_try_at = :now::timestamptz
    where portal_id = :portal_id::int and source = :source::text and state = 'PENDING'
)
select pg_notify('currant_asked', (:portal_id::int)::text);

-- name: head_ends
-- Every head-end as a portal reaches it or could, and how much waits for each.
-- not null: url has_token callback_unit timeout_minutes waiting unanswered
select
    s.source, s.com_type, coalesce(h.url, '') as url, coalesce(h.token <> '', false) as has_token,
    coalesce(h.callback_unit, 'Wh') as callback_unit,
    coalesce(h.timeout_minutes, 15) as timeout_minutes,
    (
        select count(*) from headends.request as r
        where r.portal_id = :portal_id::int and r.source = s.source and r.state = 'PENDING'
    ) as waiting,
    (
        select count(*) from headends.request as r
        where r.portal_id = :portal_id::int and r.source = s.source and r.state = 'SENT'
    ) as unanswered
from metering.source as s
left join headends.head_end as h on h.portal_id = :portal_id::int and h.source = s.source
order by s.source;

-- name: asked_meters
-- The meters of some serial numbers, with the head-end that reaches each and whom it supplies.
select
    m.serial_number, m.meter_id, m.com_type,
    (select min(s.source) from metering.source as s where s.com_type = m.com_type) as source,
    a.account
from metering.meter as m
left join metering.installation as i
    on i.portal_id = m.portal_id and i.meter_id = m.meter_id
    and db.holds(i.valid, :now::timestamptz)
left join customers.agreement as g
    on g.portal_id = i.portal_id and g.location_id = i.location_id
    and g.product_type = m.product_type and db.holds(g.valid, :now::timestamptz)
left join customers.account as a
    on a.portal_id = g.portal_id and a.account_id = g.account_id
where m.portal_id = :portal_id::int and m.serial_number = any(:serial_numbers::text[]);

-- name: ask_by_hand
-- Ask meters, each by a request of its own; answers how many were asked anew.
-- not null: asked
select
    headends.ask_by_hand(
        :portal_id::int, :meter_ids::bigint[], :command::text, :reason::text, :login::text,
        :now::timestamptz
    ) as asked;

-- name: requests
-- Requests below a number, the newest first: of some meters, of a command, in a state, by name, or
-- all.
-- not null: quarantined note
select
    r.number, r.request_id, m.serial_number, r.command, r.state, r.source, r.reason, r.login,
    r.requested_at, r.tries, r.sent_at, r.answered_at, r.result, r.error_code, r.error_msg,
    r.told_state as meter_state, r.read_at, r.read_wh,
    coalesce(b.quarantined > 0, false) as quarantined,
    case
        when r.state <> 'PENDING' then r.trouble
        when r.source is null then 'no head-end reaches meters of ' || m.com_type
        when h.source is null then 'no head-end is set for ' || r.source
        else r.trouble
    end as note
from headends.request as r
inner join metering.meter as m on m.portal_id = r.portal_id and m.meter_id = r.meter_id
left join headends.head_end as h on h.portal_id = r.portal_id and h.source = r.source
left join reads.batch as b on b.portal_id = r.portal_id and b.batch_id = r.batch_id
where r.portal_id = :portal_id::int and r.number < :before::bigint
    and (:meter_ids::bigint[] is null or r.meter_id = any(:meter_ids::bigint[]))
    and (:command::text is null or r.command = :command::text)
    and (:state::text is null or r.state = :state::text)
    and (:request_ids::uuid[] is null or r.request_id = any(:request_ids::uuid[]))
order by r.number desc
limit :how_many::int;

-- name: head_end_known
-- Whether there is a head-end of this name.
-- not null: known
select count(*) > 0 as known from metering.source as s where s.source = :source::text;

-- name: hold_answer
-- Keep other answers to a request waiting until this one is done.
select pg_advisory_xact_lock(hashtext('headends'), hashtext((:request_id::uuid)::text));

-- name: open_request
-- A request as its answer is held against it.
-- not null: callback_unit
select
    r.command, r.source, m.serial_number, r.digest,
    coalesce(h.callback_unit, 'Wh') as callback_unit
from headends.request as r
inner join metering.meter as m on m.portal_id = r.portal_id and m.meter_id = r.meter_id
left join headends.head_end as h on h.portal_id = r.portal_id and h.source = r.source
where r.portal_id = :portal_id::int and r.request_id = :request_id::uuid;

-- name: close_request
-- Close a request with its answer, and let the meter's state follow.
select
    headends.close_request(
        :portal_id::int, :request_id::uuid, :state::text, :digest::text, :result::text,
        :error_code::bigint, :error_msg::text, :told_state::text, :new_state::text,
        :batch_id::bigint, :read_at::timestamptz, :read_wh::bigint, :now::timestamptz
    );

-- name: head_ends_waited
-- The head-ends that requests are due to be sent to, by portal.
select p.key as portal, h.source
from headends.head_end as h
inner join access.portal as p on p.portal_id = h.portal_id
where exists (
    select from headends.request as r
    where r.portal_id = h.portal_id and r.source = h.source and r.state = 'PENDING'
        and r.next_try_at <= :now::timestamptz
)
order by p.key, h.source;

-- name: take_requests
-- Take requests that are due to be sent to a head-end, and hold them until an instant.
-- not null: request_id command serial_number device_id url token meter_state
select
    t.request_id, t.command, t.serial_number, t.device_id, t.url, t.token, t.meter_state,
    t.read_at, t.read_wh
from headends.take_requests(
    :portal_id::int, :source::text, :how_many::int, :now::timestamptz, :hold_until::timestamptz
) as t;

-- name: tell_sent
-- Tell how the sending of requests went; answers how many wait no longer.
-- not null: told
select
    headends.tell_sent(
        :portal_id::int, :request_ids::uuid[], :troubles::text[], :most_tries::int,
        :now::timestamptz
    ) as told;

-- name: portals_overdue
-- The portals with requests that were not answered in time.
select p.key
from access.portal as p
where exists (
    select from headends.request as r
    where r.portal_id = p.portal_id and r.state = 'SENT' and r.due_at <= :now::timestamptz
)
order by p.key;

-- name: time_out
-- Give up waiting for the answers that are overdue; answers how many.
-- not null: timed_out
select headends.time_out(:portal_id::int, :now::timestamptz) as timed_out;
