"""The HTTP entrances: one application per face behind one small dispatcher.

`juice/` speaks JuiceAPI v11.5.0 letter for letter, `v1/` is our own. `http.py` holds what every
face needs of HTTP: credentials, query strings, spooled bodies.
"""
