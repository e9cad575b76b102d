-- Who is supplied where and through which meter, put together from what lower domains keep.

create schema supply;
comment on schema supply is 'The joined view of customers, locations and meters.';
grant usage on schema supply to currant_runtime, currant_reader;

create view supply.supplied with (security_invoker = true) as
select
    g.portal_id, g.account_id, g.location_id, i.meter_id, g.product_type, m.wallet_kind,
    g.valid * i.valid as valid
from customers.agreement as g
inner join metering.installation as i
    on i.portal_id = g.portal_id and i.location_id = g.location_id and i.valid && g.valid
inner join metering.meter as m
    on m.portal_id = i.portal_id and m.meter_id = i.meter_id
    and m.product_type = g.product_type;
comment on view supply.supplied is
'Which account was supplied where and through which meter, from when to when.';
