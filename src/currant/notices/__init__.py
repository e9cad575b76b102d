"""Messages to people: e-mail and SMS, queued in the transaction that gives rise to them.

What was to be said, to whom, and what became of it. Higher domains queue by one SQL function,
`notices.queue`; a job delivers what is queued, at least once, and tells each attempt.
"""
