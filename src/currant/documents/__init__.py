"""Papers: invoices, credit notes, statements and receipts, as PDF and kept as they were issued.

What is frozen when a paper is issued is its snapshot, all that it prints as data, with the version
of the template and of the portal's brand. The PDF is rendered from that once, by a job or at first
demand, and stored. Templates stay by their version, in `templates/`. For the domains that issue
papers, schema.sql offers `freeze`, and `papers.snapshot_of` writes what it takes.
"""
