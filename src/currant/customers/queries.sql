-- name: account_named
-- The internal id of a customer account.
select a.account_id from customers.account as a
where a.portal_id = :portal_id::int and a.account = :account::text;

-- name: accounts_named
-- The accounts that keys mean: by contract first where these are foreign keys, else by number.
-- not null: key account_id account
select
    k.key, coalesce(f.account_id, a.account_id) as account_id,
    coalesce(f.account, a.account) as account
from unnest(:keys::text[]) as k (key)
left join customers.account as f
    on f.portal_id = :portal_id::int and :foreign_keys::boolean and f.contract = k.key
left join customers.account as a on a.portal_id = :portal_id::int and a.account = k.key
where coalesce(f.account_id, a.account_id) is not null;

-- name: customer
-- One customer as J15 prints it.
-- not null: contract
select
    a.account, coalesce(a.contract, a.account) as contract, c.name, c.first_name, c.last_name,
    c.phone_1, c.phone_2, c.sms_1, c.sms_2, c.email_1, c.email_2, c.address_1, c.address_2,
    c.city, c.state, c.postal_code, a.created_at, a.last_mod, c.notify_days, c.email_notify,
    c.sms_notify, c.phone_notify
from customers.account as a
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
where a.portal_id = :portal_id::int and a.account = :account::text;

-- name: account_keys
-- Both keys of every account, by ours; one without a key of the utility's shows ours as both.
-- not null: external_key
select account as juice_key, coalesce(contract, account) as external_key
from customers.account
where portal_id = :portal_id::int
order by length(account), account
limit :how_many::bigint offset :beyond::bigint;

-- name: stage_customers
-- The records of a file of customers, for this transaction; null is a column that it lacks.
create temporary table incoming_customer (
    record int not null,
    contract text,
    locname text,
    serialnum text,
    name text,
    phone1 text,
    phone2 text,
    sms1 text,
    sms2 text,
    email text,
    address1 text,
    address2 text,
    city text,
    state text,
    postalcode text,
    id bigint not null default nextval('customers.account_account_id_seq'),
    customer_id bigint not null default nextval('customers.customer_customer_id_seq')
) on commit drop;

-- name: create_customers
-- Create the staged customers, each with an account, numbered in the order of the file.
-- not null: juice_key external_key
with first as materialized (
    select access.take_numbers(:portal_id::int, 'account', count(*)::int) as number
    from pg_temp.incoming_customer
), people as (
    insert into customers.customer (
        portal_id, customer_id, name, first_name, last_name, phone_1, phone_2, sms_1, sms_2,
        email_1, address_1, address_2, city, state, postal_code
    )
    select
        :portal_id::int, i.customer_id, i.name, n.first_name, n.last_name, i.phone1,
        coalesce(i.phone2, ''), i.sms1, coalesce(i.sms2, ''), i.email, coalesce(i.address1, ''),
        coalesce(i.address2, ''), coalesce(i.city, ''), coalesce(i.state, ''),
        coalesce(i.postalcode, '')
    from pg_temp.incoming_customer as i
    cross join lateral customers.split_name(i.name) as n
), created as (
    insert into customers.account (
        portal_id, account_id, account, contract, customer_id, created_at, last_mod
    )
    select
        :portal_id::int, i.id,
        access.padded(first.number + row_number() over (order by i.record) - 1),
        i.contract, i.customer_id, :now::timestamptz, :now::timestamptz
    from pg_temp.incoming_customer as i cross join first
    returning account_id, account, contract
)
select created.account as juice_key, created.contract as external_key
from created
inner join pg_temp.incoming_customer as i on i.id = created.account_id
order by i.record;

-- name: update_customers
-- Change the staged customers where the file says something; it may name them by either key.
-- not null: juice_key external_key
with updated as (
    update customers.account as a set last_mod = :now::timestamptz
    from pg_temp.incoming_customer as i
    left join customers.account as named
        on named.portal_id = :portal_id::int and named.contract = i.contract
    left join customers.account as numbered
        on numbered.portal_id = :portal_id::int and numbered.account = i.contract
    where a.portal_id = :portal_id::int
        and a.account_id = coalesce(named.account_id, numbered.account_id)
    returning i.record, a.customer_id, a.account, coalesce(a.contract, a.account) as contract
), people as (
    update customers.customer as c
    set
        name = coalesce(i.name, c.name),
        first_name = case when i.name is null then c.first_name else n.first_name end,
        last_name = case when i.name is null then c.last_name else n.last_name end,
        phone_1 = coalesce(i.phone1, c.phone_1),
        phone_2 = coalesce(i.phone2, c.phone_2),
        sms_1 = coalesce(i.sms1, c.sms_1),
        sms_2 = coalesce(i.sms2, c.sms_2),
        email_1 = coalesce(i.email, c.email_1),
        address_1 = coalesce(i.address1, c.address_1),
        address_2 = coalesce(i.address2, c.address_2),
        city = coalesce(i.city, c.city),
        state = coalesce(i.state, c.state),
        postal_code = coalesce(i.postalcode, c.postal_code)
    from updated as u
    inner join pg_temp.incoming_customer as i on i.record = u.record
    cross join lateral customers.split_name(i.name) as n
    where c.portal_id = :portal_id::int and c.customer_id = u.customer_id
)
select account as juice_key, contract as external_key from updated order by record;
