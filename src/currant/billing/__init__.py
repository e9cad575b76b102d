"""Bill runs and invoices: what was used is priced, told line by line, and posted."""
