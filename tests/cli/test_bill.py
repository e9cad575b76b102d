"""`currant bill`, `invoice`, `charge`, `service`: a month is billed by the command line."""

import json
import re
from datetime import date

import pytest
from tests.cli.conftest import Done, Run
from tests.towers import BEGINS, Tower, at, standing, tower

from currant.access.model import OPERATOR, SetPassword
from currant.access.passwords import hash_password
from currant.access.verbs import set_password

FIRST, LAST = date(2024, 7, 1), date(2024, 8, 1)
MONTH = ("bill", "run", "--through", "2024-07-31")


@pytest.fixture
async def told(door, owner) -> Tower:
    """Two units with 310 kWh in July 2024, and one whose meter was never read again."""
    made = await tower(door, owner, units=3)
    await owner.execute("update customers.agreement set valid = tstzrange($1, null)", at(FIRST))
    for unit in made.units[:2]:
        await standing(owner, made, unit, {BEGINS: "12000", FIRST: "12100", LAST: "12410"})
    await standing(owner, made, made.units[2], {BEGINS: "12000", FIRST: "12100"})
    hashed = hash_password("correct horse")
    await door.act(set_password, SetPassword("boss", hashed), OPERATOR.at("tower"))
    return made


def number_of(done: Done) -> str:
    """The number of the run that a command began."""
    return re.fullmatch(r"Run (\d+) is begun\.\n", done.stderr)[1]


def test_a_dry_run_tells_all_and_keeps_nothing(told: Tower, run: Run) -> None:
    done = run(*MONTH, "--dry-run")
    assert "Nothing was kept" in done.stderr
    assert "A$269.40" in done.stdout
    assert "MISSING_READ: Record or estimate the read" in done.stdout
    assert "no runs yet" in run("bill", "runs").stdout
    told_json = json.loads(run(*MONTH, "--dry-run", "--json").stdout)
    assert [draft["account"] for draft in told_json["drafts"]] == ["03280", "03281"]
    assert told_json["exceptions"][0]["account"] == "03282"
    assert told_json["run"]["run_id"] == 0
    assert done.stdout.splitlines()[1].split()[:2] == ["DRAFTED", "2024-07-31"]


def test_a_month_is_run_approved_and_posted_in_one_command(told: Tower, run: Run) -> None:
    done = run(
        *MONTH, "--building", "twr01", "--approve", "boss", "--post", stdin="correct horse\n"
    )
    assert "POSTED" in done.stdout
    number = number_of(done)
    listed = run("invoice", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == ["00001", "00002"]
    shown = run("invoice", "show", "00001").stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    for said in (
        "310 kWh × 0.285 = 88.35", "tax 10 % = 8.84", "A$134.70", "RES-FLAT B1",
        "12,100 (2024-06-30) to 12,410 (2024-07-31) = 310 kWh",
    ):  # fmt: skip
        assert said in " ".join(shown.split()), shown
    printed = run("bill", "print", number).stdout
    assert "03280" in printed
    assert "03281" in printed


def test_a_run_step_by_step(told: Tower, run: Run) -> None:
    one = number_of(run(*MONTH))
    assert run("bill", "hold", one, "03281", "--reason", "A dispute").stdout == "1 draft is held.\n"
    assert "A dispute" in run("bill", "drafts", one).stdout
    draft = run("bill", "show", one, "03281").stdout
    for said in (
        "DRAFT, INVOICE", "held: A dispute", "310 kWh × 0.285 = 88.35", "A$134.70",
        "12,100 (2024-06-30) to 12,410 (2024-07-31) = 310 kWh",
    ):  # fmt: skip
        assert said in " ".join(draft.split()), draft
    assert "no invoice in this bill run" in run("bill", "show", one, "9", code=4).stderr
    refused = run("bill", "approve", one, code=5)
    assert "somebody else" in refused.stderr
    approved = run("bill", "approve", one, "--as", "boss", stdin="correct horse\n")
    assert approved.stdout == f"Run {one} is approved by boss.\n"
    assert "POSTED" in run("bill", "post", one).stdout
    assert run("bill", "release", one, "03281").stdout == "1 draft is released.\n"
    assert run("bill", "discard", one).stdout == "1 draft is discarded.\n"
    assert "POSTED" in run("bill", "show", one).stdout
    assert "no draft" in run("bill", "discard", one, "03281", code=4).stderr
    assert "There is no such bill run" in run("bill", "show", "0", code=4).stderr


def test_an_invoice_is_cancelled_and_written_as_pdf(told: Tower, run: Run, tmp_path) -> None:
    number = number_of(run(*MONTH, "--approve", "boss", "--post", stdin="correct horse\n"))
    trial = run("invoice", "cancel", "00001", "--reason", "Misread", "--dry-run")
    assert "Credit note 00003 of A$134.70 cancels invoice 00001." in trial.stdout
    assert "POSTED" in run("invoice", "show", "00001").stdout
    done = run("invoice", "cancel", "00001", "--reason", "Misread")
    assert "currant invoice pdf 00003" in done.stderr
    assert "currant invoice pdf" not in trial.stderr
    assert "REVERSED" in run("invoice", "show", "00001").stdout
    note = run("invoice", "show", "00003").stdout
    assert "Cancels invoice 00001: Misread" in note
    assert "-31 days × 1.1 = -34.10" in note
    run("invoice", "cancel", "00001", "--reason", "Misread", code=5)
    assert "no such invoice" in run("invoice", "pdf", "9", "--out", str(tmp_path), code=4).stderr
    for name in ("00002", "00003"):
        path = tmp_path / f"{name}.pdf"
        run("invoice", "pdf", name, "--out", str(path))
        assert path.read_bytes().startswith(b"%PDF-")
    folder = tmp_path / "papers"
    run("bill", "print", number, "--out", str(folder))
    # What is cancelled is not printed.
    assert [path.name for path in folder.iterdir()] == ["invoice-00002.pdf"]


def test_charges_and_services(told: Tower, run: Run) -> None:
    added = run("charge", "add", "03280", "ADMIN", "55", "--on", "2024-07-03").stdout
    assert "of A$55.00, with tax of A$5.00, is pending" in added
    one = added.split()[1]
    assert "somebody else" in run("charge", "approve", one, code=5).stderr
    run("charge", "approve", one, "--as", "boss", stdin="correct horse\n")
    trial = run("charge", "add", "03281", "ADMIN", "11", "--dry-run")
    assert "Nothing was charged" in trial.stderr
    assert len(run("charge", "list").stdout.splitlines()) == 2
    assert "CUSTDISC" in run("charge", "items").stdout
    service = ("service", "add", "isp", "0298", "--account", "03280", "--start", "2024-07-01")
    lines = ("--line", "ADMIN=62 Fast internet", "--line", "CONN=49.50*2:ONCE Set up")
    assert "There are none." in run("service", "list", "03280").stdout
    assert "ACTIVE" in run(*service, *lines).stdout
    assert re.search(r"ISP +0298 .*2024-07-01 .*ACTIVE", run("service", "list", "03280").stdout)
    assert "not a line" in run(*service, "--line", "62", code=4).stderr
    told_json = json.loads(run(*MONTH, "--account", "03280", "--dry-run", "--json").stdout)
    # 134.70, a fee of 55.00, a month of internet, two times 49.50.
    assert told_json["run"]["total"] == 134.70 + 55 + 62 + 99
    run("charge", "cancel", one, "--reason", "Waived")
    assert "CANCELLED" in run("charge", "list", "--status", "cancelled").stdout


def test_the_policy_is_shown_and_changed(told: Tower, run: Run) -> None:
    assert "LINE" in run("bill", "policy", "show").stdout
    assert "INVOICE" in run("bill", "policy", "set", "--tax-rounding", "INVOICE").stdout
    assert "0 to 90 days" in run("bill", "policy", "set", "--due-days", "99", code=4).stderr
