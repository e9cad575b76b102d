"""PostgreSQL: the connection pool, transactions, named SQL with typed rows, and the schema.

One dialect, used to the full. `statements.py` reads the `.sql` files that lie beside the verbs,
`tx.py` runs them, `embedded.py` keeps a server of our own, `migrate.py` installs the schema.
"""
