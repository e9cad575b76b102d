"""The Utilmate API library: 37 methods by their codes, behind one RPC path and an alias each.

A module a kind of thing: `accounts`, `customers`, `invoices`, `moves`, `prices`, `readings`,
`reports`, `sites`, `usage`, `work`. A method reads its parameters as a shape, calls a verb or a
view, and tells rows.
`methods` is their register, `parameters` reads what is sent, `frame` is how the face speaks.
"""
