-- name: enter
-- The gate: prove, resolve the portal, ask whether the user may, claim the key, set the tenant.
-- not null: none
select
    refusal, user_id, login, vendor_number, blocked_accounts, special_limit,
    portal_id, portal_key, timezone, currency, replay
from access.enter(
    :login::text, :kind::text, :proof::text, :portal::text, :permission::text,
    :key::text, :request::text
);

-- name: close_act
-- Leave the audit event of an act, and keep its answer where the request carried a key.
with audited as (
    insert into access.audit_event (portal_id, at, login, act, outcome, command, detail)
    values (
        :portal_id::int, :now::timestamptz, :login::text, :act::text, :outcome::text,
        :command::text, :detail::text
    )
)
update access.idempotency set answer = :answer::text
where portal_id = :portal_id::int and user_id = :user_id::int and key = :key::text;

-- name: password_of
-- The stored hash of a user's password; no row for a user that has none.
-- not null: secret
select secret from access.password_of(:login::text) as p (secret) where secret is not null;

-- name: create_portal
-- A new tenant with its own vendor, seen by this transaction from now on.
-- not null: portal_id key
select
    access.create_portal(
        :key::text, :name::text, :timezone::text, :currency::text, :tz_index::int,
        :vendor_number::text, :now::timestamptz
    ) as portal_id,
    :key::text as key;

-- name: create_alias
-- Another spelling of the portal's key.
insert into access.portal_alias (alias, portal_id) values (:alias::text, :portal_id::int);

-- name: create_user
-- A new system user of a portal, who may act in it.
with created as (
    insert into access.system_user (
        portal_id, login, name, role, vendor_number, email, vending_limit, special_limit,
        created_at
    )
    values (
        :portal_id::int, :login::text, :name::text, :role::text, :vendor_number::text,
        :email::text, :vending_limit::bigint, :special_limit::bigint, :now::timestamptz
    )
    returning user_id, login
), granted as (
    insert into access.user_portal (portal_id, user_id)
    select :portal_id::int, created.user_id from created
)
select created.login from created;

-- name: users
-- The system users of a portal, by login.
select login, name, role, vendor_number, active
from access.system_user
where portal_id = :portal_id::int
order by login;

-- name: portals
-- The portals that the actor sees, by key.
select portal_id, key from access.portal order by key;

-- name: portal_shown
-- One portal as people are told of it.
select key, name, timezone, currency from access.portal where portal_id = :portal_id::int;

-- name: beyond_role
-- What a role may do that a user may not.
select rp.permission from access.role_permission as rp
where rp.role = :role::text and rp.permission not in (
    select own.permission from access.permissions_of(:user_id::int) as own
)
order by rp.permission;

-- name: set_credential
-- Replace a user's live credential of one kind; only its hash is kept. No row where there is no
-- such user; where that user may do what the actor may not, it is listed and nothing is replaced.
-- not null: beyond
select c.beyond
from access.set_credential(
    :portal_id::int, :user_id::int, :login::text, :kind::text, :secret::text, :now::timestamptz
) as c;

-- name: forget_keys
-- Forget the idempotency keys that were kept for a week.
-- not null: forgotten
select access.forget_keys() as forgotten;
