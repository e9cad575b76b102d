"""Validation, estimation and editing of meter data: what was doubted, filled in, and put right."""
