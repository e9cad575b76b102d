"""Papers for people: invoices, statements and receipts as PDF, frozen when they are made."""
