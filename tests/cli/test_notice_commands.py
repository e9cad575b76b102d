"""`currant notice` and what doctor says of messages, as processes."""

import json
from typing import Any, cast

from tests.cli.conftest import Run
from tests.jobs.test_notices import mail, queue

from currant.access.model import Actor
from currant.door import Door
from currant.notices.model import Channel, Message


def messages(run: Run, **variables: str) -> dict[str, Any]:
    """What the doctor says of messages. The tests' own server is not durable, so never all well."""
    found = json.loads(run("doctor", "--json", code=3, **variables).stdout)
    (told,) = (row for row in found if row["check"] == "messages")
    return cast("dict[str, Any]", told)


def test_nothing_to_say_is_sound(run: Run, portal: str) -> None:
    assert json.loads(run("notice", "list", "--json").stdout) == []
    assert run("notice", "retry").stdout == "0 messages are sent as soon as the jobs run.\n"
    told = messages(run)
    assert told["sound"] is True
    assert "0 EMAIL wait until CURRANT_SMTP_URL is set" in told["detail"]


async def test_messages_are_listed_and_sent_again(run: Run, door: Door, boss: Actor) -> None:
    text = Message(Channel.SMS, "+61400000000", "Your power\nis back. " + "Thank you. " * 9)
    _, wrong, _ = await door.act(queue, [mail(), mail("nowhere"), text], boss)
    listed = run("notice", "list").stdout.splitlines()
    assert len(listed) == 4
    assert "Your power is back." in listed[1]
    assert ("FAILED" in listed[2], "no address" in listed[2]) == (True, True)
    failed = json.loads(run("notice", "list", "--failed", "--json").stdout)
    assert [row["message_id"] for row in failed] == [wrong]
    queued = json.loads(run("notice", "list", "--queued", "--channel", "SMS", "--json").stdout)
    assert [row["recipient"] for row in queued] == ["+61400000000"]
    assert run("notice", "retry", str(wrong)).stdout.startswith("0 messages")
    told = messages(run)
    assert told["sound"] is False
    assert "1 EMAIL wait until CURRANT_SMTP_URL is set; 1 EMAIL failed" in told["detail"]
    set_up = {
        "CURRANT_SMTP_URL": "smtp://127.0.0.1", "CURRANT_MAIL_FROM": "a@example.com",
        "CURRANT_SMS_URL": "https://sms.example/?to={to}",
    }  # fmt: skip
    assert messages(run, **set_up)["sound"] is True
    broken = messages(run, **set_up | {"CURRANT_SMTP_URL": "mail:s3cret"})
    assert broken["sound"] is False
    assert "CURRANT_SMTP_URL is not as" in broken["detail"]
    assert "s3cret" not in broken["detail"]
