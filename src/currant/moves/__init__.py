"""Moving in and moving out, each with all that it takes.

A move is one transaction over the agreements, the plans, the reads, the work orders, the charges
and the activities that it touches; all of a list of moves is done, or none. A move-in of a day
begins when the day does where the site is; the day of a move-out is the last one supplied.
"""
