-- name: enter
-- The gate: prove, resolve the portal, ask whether the user may, claim the key, set the tenant.
-- not null: none
select
    refusal, user_id, login, vendor_number, blocked_accounts, special_limit,
    portal_id, portal_key, timezone, currency, replay
from access.enter(
    :login::text, :kind::text, :proof::text, :portal::text, :permission::text,
    :key::text, :request::text, :method::text
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

-- name: put_user
-- Store a user in all their facts, a new one or one that is there; no row where there is none.
-- Where the user reaches further than the actor, it is listed, and nothing is stored.
-- not null: lacking member
select p.beyond as lacking, p.member
from access.put_user(
    in_portal => :portal_id::int, by_user => :user_id::int, is_new => :is_new::boolean,
    of_login => :login::text, new_name => :name::text, new_role => :role::text,
    new_vendor => :vendor_number::text, is_external => :external_vendor::boolean,
    new_phone_1 => :phone_1::text, new_phone_2 => :phone_2::text, new_sms_1 => :sms_1::text,
    new_sms_2 => :sms_2::text, new_email => :email::text,
    new_vending_limit => :vending_limit::bigint, new_special_limit => :special_limit::bigint,
    new_blocked => :blocked_accounts::text, at => :now::timestamptz
) as p;

-- name: user_shown
-- A user of a portal in all their facts.
-- not null: vendor_number
select
    p.key as portal, u.login, u.name, u.role, r.sec_level,
    coalesce(u.vendor_number, '') as vendor_number, u.external_vendor,
    u.phone_1, u.phone_2, u.sms_1, u.sms_2, u.email,
    u.vending_limit, u.special_limit, p.currency, u.blocked_accounts, u.active
from access.system_user as u
inner join access.role as r on r.role = u.role
inner join access.portal as p on p.portal_id = u.portal_id
where u.portal_id = :portal_id::int and u.login = :login::text;

-- name: role_of
-- The role of a user of the portals in view.
select role from access.system_user where login = :login::text;

-- name: permissions_of
-- What a user of the portals in view may do, in the order of the catalogue.
select p.category, p.permission as name, p.description, p.long_description
from access.system_user as u
cross join access.permissions_of(u.user_id) as own
inner join access.permission as p on p.permission = own.permission
where u.login = :login::text
order by p.position;

-- name: change_permissions
-- Give a user permissions and take others away; no row where there is no such user. What the actor
-- may not is listed, and then nothing is changed.
-- not null: lacking member
select c.beyond as lacking, 'perms' as member
from access.change_permissions(
    :portal_id::int, :user_id::int, :login::text, :added::text[], :removed::text[]
) as c;

-- name: set_active
-- Let a user in or keep them out; no row where there is no such user. What the actor may not is
-- listed, and then nothing is changed.
-- not null: lacking member
select a.beyond as lacking, 'user' as member
from access.set_active(
    :portal_id::int, :user_id::int, :login::text, :active::boolean
) as a;

-- name: beyond_user
-- What a user of a portal may do that the actor may not; no row where there is no such user.
-- not null: lacking member
select b.beyond as lacking, 'user' as member
from access.beyond_user(:portal_id::int, :user_id::int, :login::text) as b;

-- name: create_vendor
-- A new vendor of a portal.
insert into access.vendor (portal_id, vendor_number, name, external)
values (:portal_id::int, :vendor_number::text, :name::text, :external::boolean);

-- name: vendors
-- The vendors of a portal, by number.
select vendor_number, name, external
from access.vendor
where portal_id = :portal_id::int
order by vendor_number;

-- name: vendor_is_known
-- Whether a portal has a vendor.
-- not null: known
select count(*) > 0 as known
from access.vendor
where portal_id = :portal_id::int and vendor_number = :vendor_number::text;

-- name: users
-- The system users of a portal, by login.
-- not null: vendor_number
select login, name, role, coalesce(vendor_number, '') as vendor_number, active
from access.system_user
where portal_id = :portal_id::int
order by login;

-- name: portals
-- The portals that the actor sees, by key.
select portal_id, key from access.portal order by key;

-- name: portal_shown
-- One portal as people are told of it.
select key, name, timezone, currency from access.portal where portal_id = :portal_id::int;

-- name: set_credential
-- Replace a user's live credential of one kind; only its hash is kept. No row where there is no
-- such user; where that user may do what the actor may not, it is listed and nothing is replaced.
-- not null: lacking member
select c.beyond as lacking, 'user' as member
from access.set_credential(
    :portal_id::int, :user_id::int, :login::text, :kind::text, :secret::text, :now::timestamptz
) as c;

-- name: create_key
-- Give a user an access key, of which only its hash is kept; no row where there is no such user.
-- Where that user may do what the actor may not, it is listed, and there is no key.
-- not null: lacking
select c.beyond as lacking, c.key_id
from access.create_key(
    in_portal => :portal_id::int, by_user => :user_id::int, of_login => :login::text,
    new_name => :name::text, for_methods => :methods::text[], only_reads => :read_only::boolean,
    new_secret => :secret::text, by_login => :created_by::text, at => :now::timestamptz
) as c;

-- name: revoke_key
-- Revoke an access key; no row where there is no such key. Where its user may do what the actor
-- may not, it is listed and nothing is revoked.
-- not null: lacking member
select r.beyond as lacking, 'key_id' as member
from access.revoke_key(
    :portal_id::int, :user_id::int, :key_id::int, :now::timestamptz
) as r;

-- name: access_keys
-- The access keys of a portal, or one of them, those in use first, by name.
select
    k.key_id, k.name, u.login, k.methods, k.read_only, k.created_at, k.created_by, k.revoked_at
from access.access_key as k
inner join access.system_user as u on u.user_id = k.user_id
where k.portal_id = :portal_id::int and (:key_id::int is null or k.key_id = :key_id::int)
order by k.revoked_at is not null, lower(k.name), k.key_id;

-- name: forget_keys
-- Forget the idempotency keys that were kept for a week.
-- not null: forgotten
select access.forget_keys() as forgotten;
