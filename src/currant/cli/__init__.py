"""The command line: the same verbs as the APIs, for whoever sits at the machine.

Data goes to stdout, everything else to stderr. `frame.py` is how it speaks: options, exit codes,
tables, files, secrets; each other module is a group of commands.
"""
