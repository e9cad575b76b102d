"""Who may do what, where: portals, vendors, system users, roles, permissions, credentials.

A portal is a tenant. A system user acts in the portals granted to it, with the permissions of its
role, plus those added and less those taken away, up to limits, and not on blocked accounts. Nobody
gives away more than they hold, or changes a user who reaches further.

A program that uses the Utilmate API has an access key: it acts as a system user of one portal, in
the methods that the key is certified for.

`access.enter` is the one gate: it proves the credential, resolves the portal, asks `access.may`,
claims the idempotency key and sets the tenant of the transaction. Every act leaves an audit event.
"""
