"""Activities: what was done or is to be done about an account, a site or a building.

Their notes are added to, never edited, and one that is closed stays closed.
"""
