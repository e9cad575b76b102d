import json
import os
import pty
import signal
import subprocess
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.cli.conftest import COMMAND, environment
from tests.conftest import make_user
from tests.houses import customer, location, meter, small_house, text_of
from tests.shared import superuser

from currant.access.model import OPERATOR, SetPassword
from currant.access.passwords import hash_password
from currant.access.verbs import set_password
from currant.clock import SystemClock
from currant.db.database import Urls

PIPE_BYTES = 65536
PASSWORD = "a long enough secret"


@pytest.fixture
async def house(door, boss):
    return await small_house(door, boss, homes=2, wallet="units", rate="0.25")


async def give_password(door, login):
    command = SetPassword(login, hash_password(PASSWORD))
    await door.act(set_password, command, OPERATOR.at("example"))


def test_a_portal_and_its_users_are_made_and_listed(run) -> None:
    made = run(
        "portal", "create", "green", "--name", "Green Power", "--timezone", "Europe/Berlin",
        "--currency", "EUR", "--json",
    )  # fmt: skip
    assert json.loads(made.stdout)["key"] == "green"
    assert made.stderr == ""
    run("user", "create", "ann", "--name", "Ann", "--role", "SysAdmin")
    run("user", "passwd", "ann", stdin=PASSWORD + "\n")
    listed = run("user", "list", "--as", "ann", "--json", stdin=PASSWORD + "\n")
    assert [(row["login"], row["role"]) for row in json.loads(listed.stdout)] == [
        ("ann", "SysAdmin")
    ]
    token = run("token", "issue", "ann").stdout.strip()
    assert len(token) == 36
    run("portal", "alias", "verde")
    assert "ann" in run("user", "list", "--portal", "verde").stdout


def test_one_portal_is_meant_without_its_name_and_two_are_not(run, portal) -> None:
    assert run("user", "list", "--json").stdout == "[]\n"
    run(
        "portal", "create", "other", "--name", "O", "--timezone", "UTC", "--currency", "USD",
    )  # fmt: skip
    refused = run("user", "list", code=2)
    assert "example, other" in refused.stderr
    assert refused.stdout == ""
    assert run("user", "list", "--json", CURRANT_PORTAL="other").stdout == "[]\n"


def test_outcomes_have_their_exit_codes(run, portal) -> None:
    twice = run(
        "portal", "create", "example", "--name", "E", "--timezone", "UTC", "--currency", "USD",
        code=5,
    )  # fmt: skip
    assert twice.stderr == "currant: A portal with this key exists. Nothing was done.\n"
    assert "03280" in run("vend", "03280", "10", code=4).stderr
    assert "'1,5'" in run("vend", "03280", "1,5", code=4).stderr
    assert run("vend", code=2).stdout == ""
    assert (
        "no_such_file" in run("reads", "import", "no_such_file", "--source", "mas", code=2).stderr
    )
    assert run("user", "list", "--portal", "nowhere", code=6).stdout == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "99999"),
        ("CURRANT_WORKERS", "0"),
        ("CURRANT_POOL_SIZE", "many"),
        ("CURRANT_PUBLIC_METER_LIST", "perhaps"),
        ("CURRANT_PUBLIC_URL", "head.example"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_done(run, tmp_path, name, value) -> None:
    refused = run("demo", code=2, **{name: value})
    assert refused.stderr.startswith(f"currant: {name} is '{value}': ")
    assert refused.stderr.endswith(". Nothing was done.\n")
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""
    assert not (tmp_path / "home").exists()


def test_a_negative_tender_is_refused_for_what_it_is(run, house) -> None:
    for amount in ("-5", "-0.50", "0"):
        refused = run("vend", house.accounts[0], amount, code=4)
        assert "above 0" in refused.stderr
        assert "othing was" in refused.stderr
    assert "--dryrun" in run("vend", house.accounts[0], "5", "--dryrun", code=2).stderr
    assert run("vends", house.accounts[0], "--json").stdout == "[]\n"


def test_what_was_sold_is_readable_in_80_columns(house, urls, tmp_path, run) -> None:
    account = house.accounts[0]
    run("vend", account, "1234.50", "--tender", "check", "--number", "12")
    run("vend", account, "10")
    for command, lines in ((("vends", account), 3), (("ledger", "entries", account), 9)):
        told = on_a_screen(tmp_path, urls, 80, *command).splitlines()
        assert len(told) == lines, told
        assert max(map(len, told)) <= 80
        assert "at (EDT" in told[0] or "at (EST" in told[0]
        assert "1,234.50" in "\n".join(told)
    narrow = on_a_screen(tmp_path, urls, 80, "vends", account)
    assert "arrears" not in narrow
    assert "note" not in narrow


def on_a_screen(folder: Path, urls: Urls, columns: int, *args: str) -> str:
    """What a command shows on a terminal so many columns wide."""
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, *args],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        timeout=60,
        check=True,
        env=environment(
            folder / "home",
            CURRANT_DATABASE_URL=urls.runtime,
            COLUMNS=str(columns),
            NO_COLOR="1",
            TERM="dumb",
        ),
    )
    os.close(theirs)
    assert done.returncode == 0
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    return shown


def test_a_failure_is_one_json_object_where_json_was_asked_for(run, house, urls, tmp_path) -> None:
    def error(*args: str, **more: object) -> dict[str, object]:
        failed = run(*args, "--json", **more)
        assert failed.stdout == ""
        return json.loads(failed.stderr)["error"]

    assert error("vend", "99998", "10", code=4) == {
        "kind": "not_found",
        "message": "There is no such account in this portal. It was asked for as '99998'."
        " Nothing was done.",
        "field": "account",
        "faults": [],
    }
    places = tmp_path / "places.csv"
    places.write_text(text_of(location("H1"), location("H1")))
    named = run("import", str(places), "--table", "locations", code=4).stderr.splitlines()
    assert len(named) > 2
    assert all(line.startswith("  record ") for line in named[1:])
    twice = error("import", str(places), "--table", "locations", code=4)
    assert {"record", "column", "reason"} == twice["faults"][0].keys()
    assert {fault["column"] for fault in twice["faults"]} == {"locname"}
    assert "Nothing was" in twice["message"]
    usage = error("import", "no_such_file", "--table", "meters", code=2)
    assert (usage["kind"], usage["field"], usage["faults"]) == ("usage", None, [])
    assert "no_such_file" in usage["message"]
    away = error("user", "list", "--portal", "nowhere", code=6)
    assert (away["kind"], away["field"]) == ("forbidden", "portal")
    assert error("portal", "list", code=1, CURRANT_DATABASE_URL=urls.owner)["kind"] == "failure"
    unsound = run("doctor", "--json", code=3, CURRANT_DATABASE_URL=urls.owner)
    assert json.loads(unsound.stderr)["error"]["kind"] == "check_failed"


def test_an_argument_that_is_not_utf_8_is_named(run, house) -> None:
    refused = run("vend", os.fsdecode(b"0\xff"), "10", code=4)
    assert refused.stderr == "currant: account: character 2 is not UTF-8. Nothing was done.\n"
    assert "portal: character 1" in run("user", "list", "-p", os.fsdecode(b"\xff"), code=4).stderr


async def test_who_lacks_a_permission_is_told_by_code_6(run, door, house) -> None:
    await make_user(door, "example", "clerk", "VENDOR")
    await give_password(door, "clerk")
    vend = ("vend", house.accounts[0], "10", "--as", "clerk")
    assert "vendcash" in run(*vend, stdin=PASSWORD, code=6).stderr
    assert "credentials" in run(*vend, stdin="wrong", code=6).stderr
    assert "no-input" not in run(*vend, "--no-input", stdin=PASSWORD, code=6).stderr


async def test_a_vend_is_by_whoever_proves_it(run, door, house, tmp_path) -> None:
    await make_user(door, "example", "till", "VENDORADM")
    await give_password(door, "till")
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    sold = run(
        "vend", house.accounts[0], "10", "--as", "till", "--password-file", str(secret), "--json"
    )
    vended = json.loads(sold.stdout)
    assert (vended["login"], vended["vendor_number"]) == ("till", "CEC")
    assert (vended["amount"], vended["energy_kwh"], vended["balance"]) == (10, 40, 40)


def test_a_receipt_is_44_columns_wide_and_prints_again(run, house) -> None:
    account = house.accounts[0]
    printed = run("vend", account, "12.50", "--tender", "card").stdout
    assert {len(line) for line in printed.splitlines()} <= set(range(45))
    assert max(len(line) for line in printed.splitlines()) == 44
    assert printed.splitlines()[0].strip() == "Example Power"
    for told in ("Tendered, card", "$12.50", "50 kWh × 0.25", "50.000 kWh", "operator"):
        assert told in printed
    vend_id = next(line.strip() for line in printed.splitlines() if line.count("-") == 4)
    assert run("receipt", vend_id).stdout == printed
    (sold,) = json.loads(run("vends", account, "--json").stdout)
    assert run("receipt", str(sold["transaction_id"])).stdout == printed
    listed = run("vends", account).stdout.splitlines()
    assert len(listed) == 2
    for told in (str(sold["transaction_id"]), "card", "$12.50", "50.000", "operator"):
        assert told in listed[1]
    assert run("vends", house.accounts[1], "--json").stdout == "[]\n"
    for unknown in ("999999", str(uuid4()), "today"):
        assert unknown in run("receipt", unknown, code=4).stderr


def test_a_large_sale_is_asked_about_at_a_terminal(run, house, urls, tmp_path) -> None:
    account = house.accounts[0]
    told = at_a_terminal(tmp_path, urls, "n\n", "vend", account, "500.01")
    assert "Sell $500.01 to account" in told
    assert "QUOTE" in told
    assert "Nothing was sold" in told
    assert run("vends", account, "--json").stdout == "[]\n"
    assert "RECEIPT" in at_a_terminal(tmp_path, urls, "y\n", "vend", account, "500.01")
    assert "Sell" not in at_a_terminal(tmp_path, urls, "", "vend", account, "500")
    assert "Sell" not in at_a_terminal(tmp_path, urls, "", "vend", account, "900", "--yes")
    assert "Sell" not in at_a_terminal(tmp_path, urls, "", "vend", account, "900", "--no-input")
    run("vend", account, "900")
    assert len(json.loads(run("vends", account, "--json").stdout)) == 5


def at_a_terminal(folder: Path, urls: Urls, typed: str, *args: str) -> str:
    """What a command says whose stdin is a terminal where somebody types."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    done = subprocess.run(
        [*COMMAND, *args],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        env=environment(folder / "home", CURRANT_DATABASE_URL=urls.runtime),
    )
    os.close(ours)
    os.close(theirs)
    return done.stdout


def test_a_quote_sells_nothing_and_a_key_sells_once(run, house) -> None:
    account = house.accounts[0]
    quoted = run("vend", account, "10", "--dry-run", "--json")
    assert json.loads(quoted.stdout)["energy_kwh"] == 40
    assert "nothing was sold" in run("vend", account, "10", "--dry-run").stdout
    assert run("ledger", "entries", account, "--json").stdout == "[]\n"
    first = run("vend", account, "10", "--key", "k1", "--json").stdout
    assert run("vend", account, "10", "--key", "k1", "--json").stdout == first
    assert run("vend", account, "11", "--key", "k1", code=5).stdout == ""
    entries = json.loads(run("ledger", "entries", account, "--json").stdout)
    assert len(entries) == 1
    balances = json.loads(run("ledger", "balance", account, "--json").stdout)
    assert {row["coa"]: row["credit"] for row in balances}["U100"] == 40_000
    books = [line.split() for line in run("ledger", "balance").stdout.splitlines()]
    assert ["1000", "Tender", "clearing", "USD", "10.00"] in books
    assert ["Total", "USD", "10.00", "10.00"] in books
    assert ["U100", "Energy", "in", "wallets", "kWh", "40.000"] in books
    assert ["Total", "kWh", "40.000", "40.000"] in books
    listed = run("ledger", "entries", account).stdout
    assert "10.00" in listed
    assert "-40.000" in listed


async def test_files_are_imported_whole_or_not_at_all(run, door, boss, tmp_path) -> None:
    places = tmp_path / "places.csv"
    places.write_text(text_of(location("H1"), location("H2")))
    told = run("import", str(places), "--table", "locations", "--dry-run").stdout
    assert told == "2 records of locations would be created.\n"
    done = json.loads(run("import", str(places), "--table", "locations", "--json").stdout)
    assert done["records"] == 2
    assert [keys["external_key"] for keys in done["keys"]] == ["H1", "H2"]
    again = run("import", str(places), "--table", "locations", code=4)
    assert "record 1, locname" in again.stderr
    assert again.stdout == ""
    changed = text_of({"locname": "H1", "loccity": "Wells"})
    told = run("import", "-", "--table", "locations", "--update", stdin=changed).stdout
    assert told == "1 record of locations was updated.\n"
    people = text_of(customer("C1", locname="nowhere"))
    assert (
        "record 1, locname"
        in run("import", "-", "--table", "customers", stdin=people, code=4).stderr
    )
    assert run("import", "-", "--table", "people", stdin="", code=2).stdout == ""
    meters = text_of(meter("M1", locname="H1", tariff=""))
    assert run("import", "-", "--table", "meters", stdin=meters).stdout.startswith(
        "1 record of meters"
    )


def test_reads_are_recorded_and_the_bad_ones_named(run, house) -> None:
    at = SystemClock().now().isoformat(timespec="seconds")
    text = f"serialnumber,datetime,sumforwardactive\nM1,{at},0\nM9,{at},5\n"
    worse = f"{text}M1,yesterday,6\n"
    refused = run("reads", "import", "-", "--source", "mas", stdin=worse, code=4)
    assert "record 3, datetime" in refused.stderr
    rehearsed = run("reads", "import", "-", "--source", "mas", "--dry-run", "--json", stdin=text)
    taken = run("reads", "import", "-", "--source", "mas", "--json", stdin=text)
    for told in (json.loads(rehearsed.stdout), json.loads(taken.stdout)):
        assert (told["stored"], told["quarantined"], told["duplicates"]) == (1, 1, 0)
    again = run(
        "reads",
        "import",
        "-",
        "--source",
        "mas",
        "--on-error",
        "continue",
        "--format",
        "csv",
        stdin=worse,
    )
    assert "0 register values stored, 1 known already" in again.stdout
    assert "NOSITE" in again.stderr
    assert "yesterday" in again.stderr


async def test_a_read_in_quarantine_is_listed_and_released(run, house, owner) -> None:
    assert run("reads", "quarantine").stdout == "Nothing is in quarantine.\n"
    at = SystemClock().now().isoformat(timespec="seconds")
    text = f"serialnumber,datetime,sumforwardactive\nM9,{at},5\n"
    run("reads", "import", "-", "--source", "mas", stdin=text)
    (suspect,) = json.loads(run("reads", "quarantine", "--json").stdout)
    number = str(suspect["quarantine_id"])
    assert (suspect["reason"], suspect["value"]) == ("NOSITE", 5000)
    assert "5.000" in run("reads", "quarantine", "--serial", "M9").stdout
    assert "M9" not in run("reads", "quarantine", "--serial", "M1").stdout
    assert "import it first" in run("reads", "release", number, code=5).stderr
    run("import", "-", "--table", "meters", stdin=text_of(meter("M9", tariff="")))
    assert "Nothing was released" in run("reads", "release", number, "--dry-run").stderr
    released = json.loads(run("reads", "release", number, "--json").stdout)
    assert [read["serial_number"] for read in released] == ["M9"]
    assert "already" in run("reads", "release", number, code=5).stderr
    assert run("reads", "quarantine", "--json").stdout == "[]\n"
    assert await owner.fetchval("select count(*) from reads.read where value = 5000") == 1


async def test_a_read_in_quarantine_is_rejected_for_a_reason(run, house, owner) -> None:
    at = SystemClock().now().isoformat(timespec="seconds")
    text = f"serialnumber,datetime,sumforwardactive\nM8,{at},5\nM9,{at},6\n"
    run("reads", "import", "-", "--source", "mas", stdin=text)
    ids = [
        str(read["quarantine_id"])
        for read in json.loads(run("reads", "quarantine", "--json").stdout)
    ]
    why = ("--reason", "no such meter")
    rehearsed = run("reads", "reject", *ids, *why, "--dry-run")
    assert "Nothing was rejected" in rehearsed.stderr
    told = run("reads", "reject", ids[0], *why).stdout
    assert [word in told for word in ("M9", "6.000", "kWh", "M8", "used")] == [True] * 3 + [
        False
    ] * 2
    assert "already" in run("reads", "reject", *ids, code=5).stderr
    assert "send it again" in run("reads", "release", ids[0], code=5).stderr
    run("reads", "reject", ids[1], "--json")
    assert run("reads", "quarantine").stdout == "Nothing is in quarantine.\n"
    reasons = await owner.fetch("select reason from reads.rejection order by quarantine_id")
    assert [row["reason"] for row in reasons] == ["", "no such meter"]


async def test_verify_names_the_fault_and_exits_3(run, house, server, urls) -> None:
    run("vend", house.accounts[0], "10")
    assert json.loads(run("ledger", "verify", "--json").stdout) == {"sound": True, "faults": []}
    planted = await asyncpg.connect(superuser(server, urls))
    await planted.execute(
        "set session_replication_role = replica;"
        "update ledger.posting set amount = amount + 1 where coa = '1000'"
    )
    told = run("ledger", "verify", "--json", code=3)
    faults = json.loads(told.stdout)["faults"]
    assert {"entry does not balance", "trial balance is off"} <= {fault["what"] for fault in faults}
    assert {fault["portal"] for fault in faults} == {"example"}
    assert "entry does not balance" in run("ledger", "verify", code=3).stdout
    await planted.execute(
        "update ledger.posting set amount = amount - 1 where coa = '1000';"
        "update prepayment.wallet set balance = balance + 1"
    )
    await planted.close()
    assert f"wallet of {house.accounts[0]}" in run("ledger", "verify", code=3).stdout
    assert "books" in run("doctor", code=3).stderr


def test_the_doctor_finds_what_is_sound_and_what_is_not(run, urls, portal) -> None:
    findings = json.loads(run("doctor", "--json", code=3).stdout)
    # The tests' own server is not one to keep books in.
    assert [finding["check"] for finding in findings if not finding["sound"]] == ["fsync"]
    assert {
        "version", "fsync", "data checksums", "role", "row-level security", "schema", "clock",
        "disk", "books",
    } <= {finding["check"] for finding in findings}  # fmt: skip
    owner = run("doctor", "--json", code=3, CURRANT_DATABASE_URL=urls.owner)
    unsound = [finding for finding in json.loads(owner.stdout) if not finding["sound"]]
    assert [finding["check"] for finding in unsound] == ["fsync", "role"]
    nowhere = "postgresql://currant_runtime@127.0.0.1:1/nowhere"
    away = json.loads(run("doctor", "--json", code=3, CURRANT_DATABASE_URL=nowhere).stdout)
    assert [f["check"] for f in away if not f["sound"]] == ["reachable"]
    assert "cannot be reached" in run("portal", "list", code=1, CURRANT_DATABASE_URL=nowhere).stderr
    assert "superuser" in run("portal", "list", code=1, CURRANT_DATABASE_URL=urls.owner).stderr


async def test_the_doctor_sees_a_table_without_its_guard(run, owner) -> None:
    await owner.execute("alter table vending.vend disable row level security")
    found = run("doctor", code=3)
    await owner.execute("alter table vending.vend enable row level security")
    assert "vending.vend" in found.stdout
    assert found.stderr == "currant: Not sound: fsync, row-level security.\n"


def test_only_the_owner_migrates(run, urls) -> None:
    assert "CURRANT_OWNER_URL" in run("migrate", code=2).stderr
    assert run("migrate", "--json", CURRANT_OWNER_URL=urls.owner).stdout == '{"taken":[]}\n'


async def test_the_schema_is_installed_where_the_owner_says(run, server, urls) -> None:
    name = f"test_{uuid4().hex[:16]}"
    admin = await asyncpg.connect(server.admin_url)
    await admin.execute(f'create database "{name}" owner currant_owner')
    owner = {"CURRANT_OWNER_URL": server.url("currant_owner", name)}
    serving = {"CURRANT_DATABASE_URL": server.url("currant_runtime", name)}
    try:
        assert "currant migrate" in run("portal", "list", code=1, **serving).stderr
        assert run("migrate", **owner, **serving).stdout == "Taken: baseline.\n"
        assert run("migrate", **owner, **serving).stdout == "The schema is up to date.\n"
        assert run("portal", "list", "--json", **serving).stdout == "[]\n"
    finally:
        await admin.execute(f'drop database "{name}" with (force)')
        await admin.close()


def test_an_interrupted_import_leaves_nothing(run, urls, portal, tmp_path) -> None:
    places = text_of(*(location(f"H{n}") for n in range(2000)))
    assert len(places) > PIPE_BYTES  # So that the last of it is written when the first was read.
    waiting = subprocess.Popen(
        [*COMMAND, "import", "-", "--table", "locations"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path / "home", CURRANT_DATABASE_URL=urls.runtime),
    )
    assert waiting.stdin is not None
    waiting.stdin.write(places.encode())
    waiting.stdin.flush()
    waiting.send_signal(signal.SIGINT)
    _, told = waiting.communicate(timeout=30)
    assert told == b"currant: Interrupted. What was not finished was not done.\n"
    assert waiting.returncode == 130
    assert run("import", "-", "--table", "locations", stdin=places).stderr == ""


def test_help_and_version_need_no_database(run) -> None:
    assert run("version", CURRANT_DATABASE_URL="postgresql://nowhere").stdout.count(".") == 2
    told = run("--help").stdout
    for command in ("serve", "demo", "migrate", "doctor", "import", "reads", "vend", "ledger"):
        assert command in told
