-- Transactions keep nothing of their own: they are entries of the ledger.

create schema transactions;
comment on schema transactions is 'Payments, adjustments and reversals of accounts.';
grant usage on schema transactions to currant_runtime, currant_reader;
