"""The methods that are not there yet. At the end of the work the list is empty."""

PENDING: tuple[str, ...] = ("GETREADS",)
