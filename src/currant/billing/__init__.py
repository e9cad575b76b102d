"""Bill runs and invoices: what was used is priced, told line by line, and posted.

A *run* takes the days of its accounts' agreements that no invoice covers yet and drafts an invoice
for each account. Somebody else approves the run; posting numbers the drafts, books them (L13) and
pays them from what the account has to its credit. A posted invoice is never changed: a credit note
cancels it and gives its days free, to be billed again.
"""
