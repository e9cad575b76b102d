"""Who may do what, where: portals, vendors, system users, roles, permissions, credentials.

A portal is a tenant. A system user acts in the portals granted to it, with the permissions of its
role, plus those added and less those taken away, up to limits, and not on blocked accounts. Nobody
gives away more than they hold, or changes a user who reaches further.

`access.enter` is the one gate: it proves the credential, resolves the portal, asks `access.may`,
claims the idempotency key and sets the tenant of the transaction. Every act leaves an audit event.
"""
