"""JuiceAPI v11.5.0, letter for letter: thin functions from its parameters to our verbs.

`frame.py` is its envelope, headers and error codes (conformance.md 1.1-1.5); each other module is
a section of its document.
"""
