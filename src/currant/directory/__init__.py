"""The directory: buildings, sites, registers and customers, with all that is stored of them.

It is what somebody looks up before they act. What other lists say of an account or a site, a line
each, is told here too.
"""
