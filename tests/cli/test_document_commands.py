"""`currant brand` and `currant document`: as a billing manager uses them."""

import json
from pathlib import Path

import asyncpg
from tests.cli.conftest import Run
from tests.houses import small_house

from currant.access.model import OPERATOR, Actor
from currant.documents.model import FreezePapers, ReceiptPaper
from currant.documents.verbs import freeze_papers
from currant.door import Door
from currant.wire import decode

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>'
)
RECEIPT = """{
    "number": "R1", "currency": "USD", "account": "C1", "buyer": {"name": "Ann"}, "balance": 0,
    "issued_on": "2026-03-02", "received_on": "2026-03-01", "amount": 12.5, "method": "Card",
    "applied": [{"description": "Invoice 7", "amount": 12.5}], "paper": "RECEIPT"
}"""


def test_a_brand_is_said_piece_by_piece(run: Run, portal: str, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text(LOGO)
    done = run(
        "brand", "set", "--name", "Hill Water", "--tax-number", "7", "--address", "1 Hill Road",
        "--address", "Hilltown", "--contact", "Faults=555 01", "--locale", "de",
        "--logo", str(logo),
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "Hill Water", "7", "1 Hill Road", "Hilltown", "Faults: 555 01",
        f"A4, de, #1f4e79, image/svg+xml, {len(LOGO)} bytes",
        "Version 3, for papers issued from now on.",
    ]  # fmt: skip
    shown = json.loads(run("brand", "show", "--json").stdout)
    terms = tmp_path / "terms.json"
    way = {"label": "Cash", "details": [], "note": "At the office."}
    terms.write_text(json.dumps(shown["terms"] | {"payment_methods": [way]}))
    done = run("brand", "set", str(terms), "--colour", "#abcdef", "--no-logo")
    assert "Paid by Cash\n" in done.stdout
    assert "A4, de, #abcdef, no logo" in done.stdout


def test_a_brand_that_cannot_be_is_refused(run: Run, portal: str, tmp_path: Path) -> None:
    wrong = run("brand", "set", "--colour", "red", code=4)
    assert "A colour is written #rrggbb. Nothing was changed." in wrong.stderr
    assert run("brand", "set", "--contact", "555", code=2).stderr
    assert run("brand", "set", "--logo", "/no/such/file", code=2).stderr
    assert run("brand", "set", "--logo", "x", "--no-logo", code=2).stderr
    terms = tmp_path / "terms.json"
    terms.write_text('{"nam": "x"}')
    assert "nam is not known here" in run("brand", "set", str(terms), code=4).stderr
    assert "Version 1," in run("brand", "show").stdout


async def test_a_document_is_written(
    run: Run, door: Door, boss: Actor, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await small_house(door, boss)
    account_id = await owner.fetchval("select account_id from customers.account")
    paper = decode(RECEIPT.encode(), ReceiptPaper)
    await door.act(freeze_papers, FreezePapers([account_id], [paper]), OPERATOR.at("example"))
    out = tmp_path / "r.pdf"
    assert run("document", "show", "R1", "--out", str(out)).stdout == f"RECEIPT R1 is in {out}.\n"
    assert out.read_bytes().startswith(b"%PDF-")
    told = json.loads(run("document", "show", "R1", "--out", str(out), "--json").stdout)
    assert (told["account"], told["size"]) == ("00001", out.stat().st_size)
    assert run("document", "show", "R2", "--out", str(out), code=4).stderr
    assert run("document", "show", "R1", "--kind", "invoice", "--out", str(out), code=4).stderr
    assert run("document", "show", "R1", "--out", "/no/such/folder/r.pdf", code=1).stderr
