"""Supply: who is supplied where, through which meter, on which plan.

The Trinity importer writes customers, locations and meters and the links between them; a meter or a
location is shown with all that is linked to it.
"""
