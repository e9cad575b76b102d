"""`currant receipts`, `currant adjustment` and `currant debtors`, as processes."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.test_commands import on_a_screen
from tests.houses import House
from tests.postpaid import bill, postpaid_house, sound

from currant.access.model import Actor
from currant.db.database import Urls
from currant.door import Door


@pytest.fixture
async def house(door: Door, boss: Actor, owner) -> House:
    return await postpaid_house(door, boss, owner, homes=2, rate="0.25", wallet="currency")


async def test_receipts_from_the_office(
    run: Run, door, boss, house: House, tmp_path: Path, urls: Urls
) -> None:
    account, other = house.accounts
    await bill(door, boss, account, "134.70", due="2020-01-15")
    dry = run("receipts", "take", account, "100", "--dry-run")
    assert "would be" in dry.stderr
    told = run("receipts", "take", account, "100", "--reference", "BPAY 881").stdout
    assert "$100.00 paid on transaction" in told
    assert "The account owes $34.70." in told
    file = tmp_path / "bank.csv"
    file.write_text(f"account,date,amount,reference\n{other},2020-01-02,5,\n9,2020-01-02,7,?\n")
    told = run("receipts", "import", str(file), "--batch", "Bank").stdout
    assert "2 receipts of $12.00 were posted." in told
    (lost,) = json.loads(run("receipts", "list", "--suspense", "--json").stdout)
    assert (lost["told"], lost["batch_name"]) == ("9", "Bank")
    number = str(lost["receipt_id"])
    run("receipts", "transfer", number, account)
    assert "suspense" in run("receipts", "suspend", number, "--note", "Another's").stdout
    run("receipts", "transfer", number, other)
    assert "The account has $12.00 to its credit." in run("receipts", "show", number).stdout
    gone = run("receipts", "dishonour", number, "STOPPED", "--fee", "11").stdout
    assert f"for account {other}" in gone
    assert "It is dishonoured." in gone
    assert "its fee is adjustment" in gone
    refused = run("receipts", "pdf", number, "--out", str(tmp_path / "r.pdf"), code=5)
    assert "was dishonoured or reversed. Nothing was issued." in refused.stderr
    assert "dishonoured" in run("receipts", "reverse", number, "--note", "n", code=5).stderr.lower()
    screen = on_a_screen(tmp_path, urls, 100, "receipts", "list").splitlines()
    assert max(map(len, screen)) <= 100
    file.write_text("account,date,amount\n1,2020-13-01,5\n")
    refused = run("receipts", "import", str(file), code=4)
    assert "record 1" in refused.stderr
    await sound(door)


async def test_refunds_and_bonds_from_the_office(run: Run, door, house: House) -> None:
    account = house.accounts[0]
    run("receipts", "take", account, "50")
    assert (
        "less to its credit"
        in run("receipts", "refund", account, "51", "--note", "n", code=5).stderr
    )
    assert "$50.00 is refunded" in run("receipts", "refund", account, "--note", "Asked").stdout
    run("receipts", "take-bond", account, "80", "--type", "CASH")
    assert "a bond of $80.00" in run("receipts", "bond", account).stdout
    assert "$80.00 is refunded" in run("receipts", "release-bond", account, "--note", "n").stdout
    await sound(door)


async def test_adjustments_from_the_office(run: Run, door, house: House) -> None:
    account = house.accounts[0]
    assert "GOODWILL" in run("adjustment", "reasons").stdout
    (told,) = json.loads(run("adjustment", "enter", account, "GOODWILL", "11", "--json").stdout)
    number = str(told["adjustment_id"])
    own = run("adjustment", "approve", number, code=6)
    assert "Somebody else approves" in own.stderr
    run("adjustment", "reject", number, "--note", "Twice")
    posted = run("adjustment", "enter", account, "DISHONFEE", "5", "--post").stdout
    assert "POSTED" in posted
    assert "REJECTED" in run("adjustment", "show", number).stdout
    listed = json.loads(run("adjustment", "list", "--status", "POSTED", "--json").stdout)
    assert [row["reason"] for row in listed] == ["DISHONFEE"]
    run("adjustment", "create-reason", "LATEFEE", "--way", "D", "--coa", "4910",
        "--description", "Late fee")  # fmt: skip
    run("adjustment", "retire-reason", "LATEFEE")
    assert "LATEFEE" not in run("adjustment", "reasons").stdout
    await sound(door)


async def test_what_accounts_owe(
    run: Run, door, boss, house: House, tmp_path: Path, urls: Urls
) -> None:
    account = house.accounts[0]
    assert "Nobody owes anything." in run("debtors", "aged").stdout
    await bill(door, boss, account, "1134.70", due="2020-01-15")
    told = run("debtors", "history", account)
    assert "Invoice 900123" in told.stdout
    assert "$1,134.70 after" in told.stderr
    item = told.stdout.splitlines()[-1].split()[-1]
    less = ("adjustment", "enter", account, "GOODWILL", "4.70", "--item", item, "--dry-run")
    assert "PENDING" in run(*less).stdout
    refused = run(*less[:-2], "77777", code=4).stderr
    assert "owes nothing on 77777" in refused
    aged = run("debtors", "aged").stdout
    assert [line.split()[-1] for line in aged.splitlines()] == ["balance", "1,134.70", "1,134.70"]
    assert "longer" in aged.splitlines()[0]
    assert "Accounts that owe: 1;" in run("debtors", "portfolio").stdout
    assert run("debtors", "portfolio", "--as-of", "2019-01-01").stdout.startswith(
        "Accounts that owe: 0;"
    )
    assert "1,134.70" in run("debtors", "balances", account).stdout
    for command in (("debtors", "aged"), ("debtors", "history", account)):
        screen = on_a_screen(tmp_path, urls, 100, *command).splitlines()
        assert max(map(len, screen)) <= 100
    assert "77777" in run("debtors", "history", "77777", code=4).stderr
