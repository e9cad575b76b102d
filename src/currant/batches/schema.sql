-- Cashier batches: what was taken, counted and approved.

create schema batches;
comment on schema batches is 'Cashier batches.';
grant usage on schema batches to currant_runtime, currant_reader;
