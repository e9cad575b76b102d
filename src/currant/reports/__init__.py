"""The catalogue of reports."""
