"""Currant, the open utility platform: one core from the read to the journal."""

__version__ = "0.1.0"
