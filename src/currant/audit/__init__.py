"""The proof of the audit log: that no event of it was changed, put in or left out.

The door leaves an event of every act in `access.audit_event`. A job numbers and hashes what was
committed into a chain of seals, one chain a portal, and signs the last seal of each day with the
key of the installation, which lies outside the database. Whoever walks a chain finds what is off.
"""
