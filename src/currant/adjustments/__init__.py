"""Adjustments of accounts by reason codes, with approval."""
