-- name: account_named
-- The internal id of a customer account.
select a.account_id from customers.account as a
where a.portal_id = :portal_id::int and a.account = :account::text;

-- name: account_of_contract
-- The internal id of the account that the utility knows by a key.
-- not null: account_id
select k.account_id
from customers.known_as(:portal_id::int, :contract::text) as k (account_id)
where k.account_id is not null;

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
-- not null: contract phone_1 sms_1
select
    a.account, coalesce(a.contract, a.account) as contract, c.name, c.first_name, c.last_name,
    c.phone_std || c.phone_1 as phone_1, c.phone_2, c.mobile_std || c.sms_1 as sms_1, c.sms_2,
    c.email_1, c.email_2, c.address_1, c.address_2,
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
        phone_std = case when i.phone1 is null then c.phone_std else '' end,
        phone_1 = coalesce(i.phone1, c.phone_1),
        phone_2 = coalesce(i.phone2, c.phone_2),
        mobile_std = case when i.sms1 is null then c.mobile_std else '' end,
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

-- name: save_customers
-- Create the customers of a list that name no account, each with one, numbered in its order, and
-- change what is told of the others.
-- not null: n customer_id account_id account contract created
with told as materialized (
    select
        r.n, r.record ->> 'account' as account, r.record -> 'customer' as customer,
        r.record -> 'terms' as terms,
        case when r.record ->> 'account' is null
            then nextval('customers.customer_customer_id_seq') end as customer_id,
        case when r.record ->> 'account' is null
            then nextval('customers.account_account_id_seq') end as account_id
    from jsonb_array_elements(:told::jsonb) with ordinality as r (record, n)
), first as materialized (
    select
        case when count(*) > 0
            then access.take_numbers(:portal_id::int, 'account', count(*)::int) end as number
    from told as t where t.account is null
), people as (
    insert into customers.customer (
        portal_id, customer_id, name, first_name, last_name, phone_std, phone_1, phone_2,
        mobile_std, sms_1, sms_2, email_1, email_2, address_1, address_2, city, state,
        postal_code, country, notify_days, email_notify, sms_notify, phone_notify, type_code,
        sub_type_code, date_of_birth, account_manager
    )
    select
        :portal_id::int, t.customer_id, p.name, p.first_name, p.last_name, p.phone_std, p.phone_1,
        p.phone_2, p.mobile_std, p.sms_1, p.sms_2, p.email_1, p.email_2, p.address_1, p.address_2,
        p.city, p.state, p.postal_code, p.country, p.notify_days, p.email_notify, p.sms_notify,
        p.phone_notify, p.type_code, p.sub_type_code, p.date_of_birth, p.account_manager
    from told as t
    cross join lateral jsonb_populate_record(null::customers.customer, t.customer) as p
    where t.account is null
    order by t.n
), created as (
    insert into customers.account (
        portal_id, account_id, account, contract, customer_id, payment_mode, bill_cycle_code,
        payment_method_type, invoice_delivery_class, district_code, promo_allowed, bond_asked,
        notes, created_at, last_mod
    )
    select
        :portal_id::int, t.account_id,
        access.padded(first.number + row_number() over (order by t.n) - 1), p.contract,
        t.customer_id, p.payment_mode, p.bill_cycle_code, p.payment_method_type,
        p.invoice_delivery_class, p.district_code, p.promo_allowed, p.bond_asked, p.notes,
        :now::timestamptz, :now::timestamptz
    from told as t
    cross join lateral jsonb_populate_record(null::customers.account, t.terms) as p
    cross join first
    where t.account is null
    returning account_id, account, contract
), updated as (
    update customers.account as a
    set (
        contract, payment_mode, bill_cycle_code, payment_method_type, invoice_delivery_class,
        district_code, promo_allowed, bond_asked, notes, last_mod
    ) = (
        select
            p.contract, p.payment_mode, p.bill_cycle_code, p.payment_method_type,
            p.invoice_delivery_class, p.district_code, p.promo_allowed, p.bond_asked, p.notes,
            :now::timestamptz
        from jsonb_populate_record(a, t.terms) as p
    )
    from told as t
    where a.portal_id = :portal_id::int and a.account = t.account
    returning t.n, t.customer, a.customer_id, a.account_id, a.account, a.contract
), changed as (
    update customers.customer as c
    set (
        name, first_name, last_name, phone_std, phone_1, phone_2, mobile_std, sms_1, sms_2,
        email_1, email_2, address_1, address_2, city, state, postal_code, country, notify_days,
        email_notify, sms_notify, phone_notify, type_code, sub_type_code, date_of_birth,
        account_manager
    ) = (
        select
            p.name, p.first_name, p.last_name, p.phone_std, p.phone_1, p.phone_2, p.mobile_std,
            p.sms_1, p.sms_2, p.email_1, p.email_2, p.address_1, p.address_2, p.city, p.state,
            p.postal_code, p.country, p.notify_days, p.email_notify, p.sms_notify,
            p.phone_notify, p.type_code, p.sub_type_code, p.date_of_birth, p.account_manager
        from jsonb_populate_record(c, u.customer) as p
    )
    from updated as u
    where c.portal_id = :portal_id::int and c.customer_id = u.customer_id
)
select
    t.n, coalesce(t.customer_id, u.customer_id) as customer_id,
    coalesce(t.account_id, u.account_id) as account_id, coalesce(c.account, u.account) as account,
    coalesce(c.contract, u.contract, c.account, u.account) as contract,
    c.account_id is not null as created
from told as t
left join created as c on c.account_id = t.account_id
left join updated as u on u.n = t.n
where c.account_id is not null or u.account_id is not null
order by t.n;

-- name: save_contacts
-- Keep the further contacts of customers: what is told of each, the rest as it was.
insert into customers.contact as c (
    portal_id, customer_id, contact_no, first_name, last_name, date_of_birth, phone_std, phone_no,
    mobile_std, mobile_no, email
)
select
    :portal_id::int, t.customer_id, t.contact_no, coalesce(p.first_name, ''),
    coalesce(p.last_name, ''), p.date_of_birth, coalesce(p.phone_std, ''),
    coalesce(p.phone_no, ''), coalesce(p.mobile_std, ''), coalesce(p.mobile_no, ''),
    coalesce(p.email, '')
from jsonb_to_recordset(:told::jsonb) as t (customer_id bigint, contact_no int, contact jsonb)
left join customers.contact as o
    on o.portal_id = :portal_id::int and o.customer_id = t.customer_id
    and o.contact_no = t.contact_no
cross join lateral jsonb_populate_record(o, t.contact) as p
order by t.customer_id, t.contact_no
on conflict (portal_id, customer_id, contact_no) do update
set
    first_name = excluded.first_name, last_name = excluded.last_name,
    date_of_birth = excluded.date_of_birth, phone_std = excluded.phone_std,
    phone_no = excluded.phone_no, mobile_std = excluded.mobile_std,
    mobile_no = excluded.mobile_no, email = excluded.email;

-- name: save_postal_addresses
-- Keep where letters to customers go; without a first line it is where bills go, as before.
with told as materialized (
    select t.customer_id, t.line_1, t.line_2, t.suburb, t.state, t.postcode, t.country
    from jsonb_to_recordset(:told::jsonb) as t (
        customer_id bigint, line_1 text, line_2 text, suburb text, state text, postcode text,
        country text
    )
), gone as (
    delete from customers.postal_address as a
    using told as t
    where a.portal_id = :portal_id::int and a.customer_id = t.customer_id and t.line_1 is null
)
insert into customers.postal_address (
    portal_id, customer_id, line_1, line_2, suburb, state, postcode, country
)
select
    :portal_id::int, t.customer_id, t.line_1, t.line_2, t.suburb, t.state, t.postcode, t.country
from told as t
where t.line_1 is not null
order by t.customer_id
on conflict (portal_id, customer_id) do update
set
    line_1 = excluded.line_1, line_2 = excluded.line_2, suburb = excluded.suburb,
    state = excluded.state, postcode = excluded.postcode, country = excluded.country;

-- name: save_direct_debits
-- Keep how accounts are debited; without a token they are not any more.
with told as materialized (
    select t.account_id, t.type, t.token, t.account_name, t.masked_number, t.expiry
    from jsonb_to_recordset(:told::jsonb) as t (
        account_id bigint, type text, token text, account_name text, masked_number text,
        expiry text
    )
), gone as (
    delete from customers.direct_debit as d
    using told as t
    where d.portal_id = :portal_id::int and d.account_id = t.account_id and t.token is null
)
insert into customers.direct_debit (
    portal_id, account_id, type, token, account_name, masked_number, expiry
)
select
    :portal_id::int, t.account_id, t.type, t.token, t.account_name, t.masked_number, t.expiry
from told as t
where t.token is not null
order by t.account_id
on conflict (portal_id, account_id) do update
set
    type = excluded.type, token = excluded.token, account_name = excluded.account_name,
    masked_number = excluded.masked_number, expiry = excluded.expiry;

-- name: save_concessions
-- Keep the concession cards of customers as they are told now; those not told any more are gone.
with told as materialized (
    select t.customer_id, t.card_type, t.number, t.start_date, t.end_date
    from jsonb_to_recordset(:told::jsonb) as t (
        customer_id bigint, card_type text, number text, start_date date, end_date date
    )
), gone as (
    delete from customers.concession as c
    where c.portal_id = :portal_id::int and c.customer_id = any(:customer_ids::bigint[])
        and (c.customer_id, c.card_type, c.number) not in (
            select t.customer_id, t.card_type, t.number from told as t
        )
)
insert into customers.concession (portal_id, customer_id, card_type, number, valid)
select
    :portal_id::int, t.customer_id, t.card_type, t.number,
    daterange(t.start_date, t.end_date, '[]')
from told as t
order by t.customer_id, t.card_type, t.number
on conflict (portal_id, customer_id, card_type, number) do update
set valid = excluded.valid;

-- name: accounts_by_number
-- Accounts by their numbers, with what decides how they move in and out.
-- not null: direct_debit
select
    a.account, a.account_id, a.customer_id, c.name, c.type_code, c.sub_type_code, a.payment_mode,
    a.invoice_delivery_class,
    exists(
        select from customers.direct_debit as d
        where d.portal_id = a.portal_id and d.account_id = a.account_id
    ) as direct_debit
from customers.account as a
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
where a.portal_id = :portal_id::int and a.account = any(:accounts::text[]);

-- name: accounts_claimed
-- The accounts that all of the told names mean, locked in order, so that claims are counted one
-- after another.
-- not null: account_id
with named as materialized (
    select 1 as way, a.account_id
    from customers.account as a
    where a.portal_id = :portal_id::int and a.account = :account::text
    union all
    select 2 as way, a.account_id
    from customers.account as a
    where a.portal_id = :portal_id::int
        and a.account_id = customers.known_as(:portal_id::int, :contract::text)
    union all
    select w.way, a.account_id
    from (
        select 3 as way, c.customer_id from customers.customer as c
        where c.portal_id = :portal_id::int and c.email_key = :email::text
        union
        select 3 as way, c.customer_id from customers.contact as c
        where c.portal_id = :portal_id::int and c.email_key = :email::text
        union
        select 4 as way, c.customer_id from customers.customer as c
        where c.portal_id = :portal_id::int and c.mobile_key = :mobile::text
        union
        select 4 as way, c.customer_id from customers.contact as c
        where c.portal_id = :portal_id::int and c.mobile_key = :mobile::text
    ) as w
    inner join customers.account as a
        on a.portal_id = :portal_id::int and a.customer_id = w.customer_id
    union all
    select 5 as way, g.account_id
    from locations.location as l
    inner join customers.agreement as g
        on g.portal_id = l.portal_id and g.location_id = l.location_id
        and db.holds(g.valid, :now::timestamptz)
    where l.portal_id = :portal_id::int and l.site_key = upper(:site_identifier::text)
), met as materialized (
    select n.account_id from named as n
    group by n.account_id
    having count(distinct n.way) = :ways::int
)
select a.account_id
from customers.account as a
where a.portal_id = :portal_id::int and a.account_id in (select m.account_id from met as m)
order by a.account_id
limit 50
for no key update;

-- name: claimed
-- What is known of the customers of accounts: to be told masked, and to hold claims against. Where
-- several sites are supplied it is the newest agreement's.
-- not null: contract site_identifier building_code suburb postcode has_concession life_support
-- not null: account_status births last_names postcodes mobiles failures
select
    a.account_id, a.account, coalesce(a.contract, a.account) as contract, c.name, c.type_code,
    c.first_name, c.last_name,
    customers.account_status(a.portal_id, a.account_id, :now::timestamptz) as account_status,
    coalesce(s.site_identifier, '') as site_identifier,
    coalesce(s.building_code, '') as building_code, coalesce(s.city, c.city) as suburb,
    coalesce(s.zip, c.postal_code) as postcode, c.email_key as email, c.mobile_key as mobile,
    exists(
        select from customers.concession as k
        where k.portal_id = a.portal_id and k.customer_id = a.customer_id
            and k.valid @> locations.day_of(:now::timestamptz, :timezone::text)
    ) as has_concession,
    coalesce(s.life_support, false) as life_support,
    array_remove(c.date_of_birth || o.births, null) as births, c.last_name || o.names as last_names,
    array_remove(array[c.postal_code, s.zip, p.postcode], null) as postcodes,
    c.mobile_key || o.mobiles as mobiles, f.failures
from customers.account as a
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
left join customers.postal_address as p
    on p.portal_id = a.portal_id and p.customer_id = a.customer_id
cross join lateral (
    select
        coalesce(array_agg(k.date_of_birth), '{}') as births,
        coalesce(array_agg(k.last_name), '{}') as names,
        coalesce(array_agg(k.mobile_key), '{}') as mobiles
    from customers.contact as k
    where k.portal_id = a.portal_id and k.customer_id = a.customer_id
) as o
cross join lateral (
    select coalesce(array_agg(f.failed_at order by f.failed_at desc), '{}') as failures
    from customers.failed_claim as f
    where f.portal_id = a.portal_id and f.account_id = a.account_id
        and f.failed_at > :since::timestamptz
) as f
left join lateral (
    select l.site_identifier, b.building_code, l.city, l.zip, l.life_support
    from customers.agreement as g
    inner join locations.location as l
        on l.portal_id = g.portal_id and l.location_id = g.location_id
    left join locations.building as b
        on b.portal_id = l.portal_id and b.building_id = l.building_id
    where g.portal_id = a.portal_id and g.account_id = a.account_id
        and coalesce(upper(g.valid) > :now::timestamptz, true)
    order by db.holds(g.valid, :now::timestamptz) desc, lower(g.valid) desc, g.agreement_id desc
    limit 1
) as s on true
where a.portal_id = :portal_id::int and a.account_id = any(:account_ids::bigint[])
order by length(a.account), a.account;

-- name: keep_failed_claims
-- Keep the claims that were wrong.
insert into customers.failed_claim (portal_id, account_id, claim, login, failed_at)
select :portal_id::int, f.account_id, f.claim, :login::text, :now::timestamptz
from unnest(:account_ids::bigint[], :claims::text[]) as f (account_id, claim);

-- name: sitting
-- The agreements of sites that hold at an instant each or later, in the order of their time.
-- not null: location_id since
select
    g.location_id, g.agreement_id, g.product_type, g.account_id, a.account, c.type_code,
    lower(g.valid) as since, upper(g.valid) as until
from unnest(:location_ids::bigint[], :ats::timestamptz[]) as w (location_id, at)
inner join customers.agreement as g
    on g.portal_id = :portal_id::int and g.location_id = w.location_id
    and coalesce(upper(g.valid) > w.at, true)
inner join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
inner join customers.customer as c
    on c.portal_id = a.portal_id and c.customer_id = a.customer_id
order by g.location_id, lower(g.valid), g.agreement_id;

-- name: agreements_of
-- The agreements of accounts at sites that are not closed at an instant.
-- not null: location_id since
select
    g.account_id, g.location_id, g.agreement_id, g.product_type, lower(g.valid) as since,
    upper(g.valid) as until
from customers.agreement as g
where g.portal_id = :portal_id::int and g.account_id = any(:account_ids::bigint[])
    and g.location_id is not null and coalesce(upper(g.valid) > :at::timestamptz, true)
order by g.account_id, g.location_id, g.product_type, lower(g.valid);

-- name: begin_agreements
-- Begin agreements of a list, in its order: which account is supplied where with what, from when.
-- not null: status
insert into customers.agreement (portal_id, account_id, location_id, product_type, valid)
select :portal_id::int, w.account_id, w.location_id, w.product_type, tstzrange(w.since, null)
from unnest(
    :account_ids::bigint[], :location_ids::bigint[], :products::text[], :sinces::timestamptz[]
) with ordinality as w (account_id, location_id, product_type, since, n)
order by w.n
returning agreement_id, customers.agreement_status(valid, :now::timestamptz) as status;

-- name: end_agreements
-- End agreements at an instant each, or let them run on where it is null; answers them by id.
-- not null: status
update customers.agreement as g set valid = tstzrange(lower(g.valid), w.at)
from unnest(:agreement_ids::bigint[], :ats::timestamptz[]) as w (agreement_id, at)
where g.portal_id = :portal_id::int and g.agreement_id = w.agreement_id
returning g.agreement_id, customers.agreement_status(g.valid, :now::timestamptz) as status;
