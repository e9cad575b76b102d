"""Buildings, the sites (locations) in them that are supplied, and what is lost on the way there."""
