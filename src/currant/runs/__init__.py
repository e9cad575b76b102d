"""Bill runs: accounts billed together, looked at, approved by another, and posted.

A run drafts an invoice for each of its accounts, in chunks. What looks wrong is held. Somebody else
approves the run; it is posted in chunks too, so that a crash loses a chunk at most, and nothing is
billed twice.
"""
