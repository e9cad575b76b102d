"""Serve an application for a benchmark: `serve.py APP PORT WORKERS`."""

import sys

from granian import Granian
from granian.constants import Interfaces, Loops

if __name__ == "__main__":
    app, port, workers = sys.argv[1:]
    Granian(
        app,
        port=int(port),
        workers=int(workers),
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        factory=True,
        log_enabled=False,
    ).serve()
