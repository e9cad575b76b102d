"""Validation, estimation and editing: what is checked, found, filled and put right."""
