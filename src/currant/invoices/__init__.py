"""Invoices: drafts and posted ones, their lines, and the days of agreements that they cover.

A draft is changed freely. Posting gives it a number, books it (posting rule L13) and pays it from
what the account has to its credit; after that the database refuses any change. A credit note
mirrors an invoice, cancels it and sets its days free. No day of an agreement is covered twice.
"""
