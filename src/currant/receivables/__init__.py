"""What customers owe as open items, what they have to their credit, and what went to which.

Arrears are issued with the type, plan and receivable account they have then, and keep them. Other
items, such as invoices, have a day on which they are due. What is still owed on an item is its
amount less its allocations: payments, credits and write-offs. For the domains that bill, take
money and reverse entries, schema.sql offers `issue` and `credit_accounts`, `settle`, which pays
what is due first from the oldest credit, `allocate`, `unallocate`, which gives back what an entry
paid, and `take_back`, which takes back the items that an entry issued.
"""
