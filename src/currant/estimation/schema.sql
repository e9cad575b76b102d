-- Estimation: what registers will have stood at where nobody read them.

create schema estimation;
comment on schema estimation is 'What is estimated of measured data and put right.';
grant usage on schema estimation to currant_runtime, currant_reader;

-- What a register stood at at an instant, on a straight line between the reads around it: the usage
-- since the read before it is added to that, also where the register rolls over.
create function estimation.stood(
    in_portal int, of_register bigint, asked_at timestamptz, dials int
)
returns table (at timestamptz, value bigint)
language sql stable rows 1
as $$
    select
        asked_at, b.value + coalesce(
            reads.difference(b.value, a.value, dials)::numeric
            * extract(epoch from asked_at - b.read_at)
            / nullif(extract(epoch from a.read_at - b.read_at), 0), 0
        )::bigint
    from (
        select r.read_at, r.value
        from reads.counted as r
        where r.portal_id = in_portal and r.register_id = of_register and r.read_at <= asked_at
        order by r.read_at desc, r.revision desc limit 1
    ) as b
    cross join lateral (
        select r.read_at, r.value
        from reads.counted as r
        where r.portal_id = in_portal and r.register_id = of_register and r.read_at >= asked_at
        order by r.read_at asc, r.revision desc limit 1
    ) as a
$$;
