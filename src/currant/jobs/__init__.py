"""The jobs: what happens without being asked for.

They draw down, send requests to head-ends, deliver messages, charge by the month, seal and sign the
audit log, and forget old keys. `worker.py` runs them beside the web workers, one process for an
installation or several: the rows they work on are locked, so two never do the same work twice.
"""
