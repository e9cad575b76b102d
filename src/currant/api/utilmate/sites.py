"""Buildings, sites and their meters."""
