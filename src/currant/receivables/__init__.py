"""What customers owe: arrears as open items, and what was allocated to each.

An item is issued with the type, plan and receivable account it has then, and keeps them. What is
still owed on it is its amount less its allocations: payments and write-offs. For the domains that
take payments and reverse entries, schema.sql offers `allocate`, `unallocate`, which gives back what
an entry paid, and `take_back`, which takes back the items that an entry issued.
"""
