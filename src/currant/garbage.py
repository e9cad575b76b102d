"""The garbage collector of a process that serves."""

import gc

# A block of meters or a page of answers makes some ten thousand objects, and nearly all of them are
# freed as they are let go, without it.
_NEW_OBJECTS = 50_000


def collect_rarely() -> None:
    """Leave what is loaded by now alone, and look for cycles only after many new objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
