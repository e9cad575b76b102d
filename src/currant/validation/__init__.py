"""Validation: what is checked of reads and intervals, what was found, and what was decided."""
