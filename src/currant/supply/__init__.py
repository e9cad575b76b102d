"""Supply: who is supplied where, through which meter, on which plan.

The Trinity importer writes customers, locations and meters and the links between them; the joined
views tell a meter, a location or an account at a glance.
"""
