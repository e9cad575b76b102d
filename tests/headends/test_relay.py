"""What an answer says of a relay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currant.headends.model import Command
from currant.headends.relay import outcome, state_told

RELAY = {"CONNECT": "CONNECTED", "DISCONNECT": "DISCONNECTED"}
COMMANDS = st.sampled_from([command.value for command in Command])


@pytest.mark.parametrize("command", ["READ", "STATUS"])
@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("connected", "CONNECTED"),
        (" Disconnected ", "DISCONNECTED"),
        ("armed", "UNKNOWN"),
        ("", None),
        ("  ", None),
    ],
)
def test_a_question_tells_what_is(command: str, told: str, state: str | None) -> None:
    assert state_told(command, told, succeeded=True) == state
    assert state_told(command, told, succeeded=False) is None
    assert outcome(command, state, succeeded=True) == "DONE"


@given(COMMANDS, st.text(), st.booleans())
def test_a_relay_is_where_its_command_leads_or_nobody_knows(command, told, succeeded) -> None:
    state = state_told(command, told, succeeded=succeeded)
    if command in RELAY:
        assert state in (RELAY[command], "UNKNOWN")
        done = state == RELAY[command]
        assert outcome(command, state, succeeded=succeeded) == ("DONE" if done else "FAILED")
        assert done == (succeeded and told.strip().lower() in ("", RELAY[command].lower()))
    else:
        assert outcome(command, state, succeeded=succeeded) == ("DONE" if succeeded else "FAILED")
