"""Locations (sites): the places that are supplied."""
