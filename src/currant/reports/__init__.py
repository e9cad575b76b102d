"""What is asked across the domains: the month's journals, and the catalogue of reports."""
