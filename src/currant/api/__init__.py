"""The HTTP entrances: one application per face behind one small dispatcher.

`juice/` speaks JuiceAPI v11.5.0 letter for letter, `utilmate/` the 37 methods of the Utilmate API
library, `v1/` is our own. `http.py` holds what every face needs of HTTP: credentials, query
strings, spooled bodies; `envelope.py` what the two compatible ones have in common.
"""
