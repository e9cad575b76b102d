"""What accounts owe, as it came about and as it stands: history, balances, ageing, statements.

Nothing is kept here: all of it is told from the books, the open items and what was allocated, so
that the history of an account ends at what its lines on receivable accounts sum to.
"""
