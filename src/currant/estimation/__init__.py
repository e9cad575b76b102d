"""Estimation and editing: gaps of intervals filled, reads estimated, and what is put right.

`estimates.py` says how, pure: by the line between two reads, by like days, by the season before.
Whatever is estimated or put right is stored as a new revision where measured data is.
"""
