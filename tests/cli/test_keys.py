"""`currant key`: access keys as a manager of programs gives and takes them."""

import json
import re

from tests.cli.conftest import Run

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n")


def test_a_key_is_told_once_listed_and_revoked(run: Run, portal: str, boss) -> None:
    told = run("key", "create", "Data warehouse", "--user", "boss", "--method", "getcust",
               "--read-only").stdout  # fmt: skip
    assert GUID.fullmatch(told)
    other = json.loads(run("key", "create", "Portal", "--user", "boss", "--json").stdout)
    assert set(other) == {"key_id", "name", "key"}
    listed = run("key", "list")
    assert "Data warehouse  boss  GETCUST, reading" in listed.stdout
    assert "Portal          boss  all" in listed.stdout
    assert told.strip() not in listed.stdout
    done = run("key", "revoke", str(other["key_id"]))
    assert done.stdout == f"Access key {other['key_id']}, Portal, is revoked.\n"
    (kept, gone) = json.loads(run("key", "list", "--json").stdout)
    assert (kept["name"], kept["methods"], kept["revoked_at"]) == (
        "Data warehouse",
        ["GETCUST"],
        None,
    )
    assert gone["revoked_at"] is not None


def test_a_key_that_means_nothing_is_refused(run: Run, portal: str, boss) -> None:
    wrong = run("key", "create", "x", "--user", "boss", "--method", "GETCUSTS", code=4)
    assert "There is no method 'GETCUSTS'; did you mean GETCUST" in wrong.stderr
    assert "nobody" in run("key", "create", "x", "--user", "nobody", code=4).stderr
    assert "no access key 7" in run("key", "revoke", "7", code=4).stderr
