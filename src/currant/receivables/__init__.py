"""What customers owe: arrears as open items, and what was allocated to each.

An item is issued with the type, plan and receivable account it has then, and keeps them. What is
still owed on it is its amount less its allocations; `allocate` in schema.sql lowers it for the
domains that take payments.
"""
