"""Reads: what registers stood at, and the usage between two of them.

A read is recorded first and judged on the way in; what is not believed goes to quarantine with its
reason. Usage is made of reads later, by the drawdown: the registers with reads that no usage was
made of yet are its queue.
"""
