"""`currant report`, as processes."""

import csv
import io
import json

from tests.cli.conftest import Run
from tests.ledger.conftest import Post, post, transfer

from currant.access.model import OPERATOR
from currant.door import Door
from currant.reports.catalogue import REPORTS


async def test_reports_are_listed_and_run(run: Run, door: Door, portal: str) -> None:
    lines = [transfer("1234.5"), transfer(2)]
    await door.act(post, Post(lines, note="=1+1"), OPERATOR.at(portal))
    listed = run("report", "list").stdout
    assert "905  Gate-meter reconciliation" in listed
    assert "START_DATE* END_DATE* NETWORK_NODE" in listed
    told = json.loads(run("report", "list", "--json").stdout)
    assert [row["report_id"] for row in told] == list(REPORTS)
    table = run("report", "run", "906")
    assert ("1,236.50" in table.stdout, "1236.50" in table.stdout) == (False, True)
    assert "2 rows." in table.stderr
    first = ("report", "run", "906", "--limit", "1")
    assert "1 of 2 rows." in run(*first).stderr
    (row,) = json.loads(run(*first, "--json").stdout)
    assert (row["GL Code"], row["Closing Balance"]) == ("1000", 1236.5)
    begins = ("--filter", "start_date=2999-01-01")
    head, cash, _ = csv.reader(io.StringIO(run("report", "run", "906", "--csv", *begins).stdout))
    assert dict(zip(head, cash, strict=True))["Opening Balance"] == "1236.50"
    none = run("report", "run", "115", "--filter", "PARTY=nobody", "--filter", "END_DATE=")
    assert "0 rows." in none.stderr
    assert none.stdout.split() == " ".join(REPORTS[115].columns()).split()
    for wrong, code, words in (
        (("113",), 4, "no such report"),
        (("905",), 4, "START_DATE and END_DATE are missing"),
        (("115", "--filter", "ACOUNT=1"), 4, "did you mean ACCOUNT?"),
        (("115", "--filter", "ACCOUNT"), 2, "NAME=VALUE"),
        (("115", "--filter", "PARTY=a", "--filter", "party=b"), 2, "stands twice"),
        (("115", "--filter", "ACCOUNT=7", "--csv"), 4, "7"),
    ):
        assert words in run("report", "run", *wrong, code=code).stderr
