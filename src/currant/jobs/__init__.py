"""The jobs: what happens without being asked for. Drawdown, monthly charges, sealing the audit log.

`worker.py` runs them beside the web workers, one process for an installation or several: the rows
they work on are locked, so two never do the same work twice.
"""
