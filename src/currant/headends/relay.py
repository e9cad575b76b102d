"""What an answer to a command says of a meter's relay (conformance.md 11.3)."""

_LEADS_TO = {"CONNECT": "CONNECTED", "DISCONNECT": "DISCONNECTED"}
_KNOWN = {"connected": "CONNECTED", "disconnected": "DISCONNECTED"}
_UNKNOWN = "UNKNOWN"


def state_told(command: str, told: str, *, succeeded: bool) -> str | None:
    """Return the state that an answer leaves a meter in; None where it tells of none.

    `told` is the head-end's own word, blank for none. `connected` and `disconnected` are understood
    in any case; any other word is of a state that we do not know. A relay command that succeeded
    leads where it leads unless another state is told with it. One that failed, or whose meter is
    elsewhere, leaves it UNKNOWN. A failure to read tells nothing.
    """
    word = told.strip().lower()
    state = _KNOWN.get(word, _UNKNOWN) if word else None
    target = _LEADS_TO.get(command)
    if target is None:
        return state if succeeded else None
    return target if succeeded and state in (None, target) else _UNKNOWN


def outcome(command: str, state: str | None, *, succeeded: bool) -> str:
    """Return what became of a request: DONE, or FAILED also where the relay is elsewhere."""
    arrived = state == _LEADS_TO.get(command, state)
    return "DONE" if succeeded and arrived else "FAILED"
