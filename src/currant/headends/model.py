"""What is refused of head-ends."""

from currant.errors import Conflict


class RelayRequestWaits(Conflict, constraint="one_pending_request"):
    """A relay command waits for this meter already. Nothing was requested."""
