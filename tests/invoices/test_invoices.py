"""Posted invoices: what they open with, how they are paid, listed, delivered, and printed."""

import io
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec.structs import replace
from pypdf import PdfReader
from tests.conftest import make_user
from tests.postpaid import Credit, post_credits
from tests.towers import (
    BEGINS,
    SYDNEY,
    Tower,
    at,
    billed,
    drafted,
    intervals,
    invoices_of,
    plan,
    posted,
    put_on,
    read,
    register,
    sound,
    standing,
    tower,
)

from currant.access.model import AUTO
from currant.charges.model import AddCharges, NewCharge, NewLineItem, Provision
from currant.charges.verbs import add_approved_charges, provision
from currant.clock import FrozenClock
from currant.debtors.model import StatementWanted
from currant.debtors.verbs import account_statement, issue_statement
from currant.documents.model import DocumentNamed
from currant.documents.verbs import document_pdf
from currant.door import Door
from currant.errors import NotFound
from currant.invoices.model import CancelInvoice, InvoiceNamed, InvoicesWanted
from currant.invoices.verbs import cancel_invoice, invoices, show_invoice
from currant.plans.model import GivenCharge, GivenRate
from currant.runs.model import DraftsWanted
from currant.runs.verbs import to_print

D = Decimal
FIRST, LAST, NEXT = date(2024, 7, 1), date(2024, 8, 1), date(2024, 9, 1)
JULY, AUGUST = date(2024, 7, 31), date(2024, 8, 31)


@pytest.fixture
async def told(door: Door, owner, clock: FrozenClock) -> Tower:
    """Two units, 310 kWh in July and in August."""
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    made = await tower(door, owner, units=2)
    await owner.execute("update customers.agreement set valid = tstzrange($1, null)", at(FIRST))
    for unit in made.units:
        await standing(owner, made, unit, {BEGINS: "12000", FIRST: "12100", LAST: "12410"})
    return made


async def august(door: Door, owner, clock: FrozenClock, told: Tower) -> None:
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    for unit in told.units:
        await read(owner, told, unit, NEXT, "12720")
    await billed(door, told, AUGUST)


async def test_credit_that_is_there_pays_the_next_invoice(door, owner, told, clock) -> None:
    account = told.units[0].account
    await door.act(post_credits, Credit([account], [D("100.00")]), told.manager)
    clock.set(datetime(2024, 8, 1, 10, tzinfo=SYDNEY))
    await billed(door, told, JULY)
    (invoice,) = await invoices_of(door, told, account)
    assert (invoice.head.total, invoice.head.amount_paid) == (D("134.70"), D("100.00"))
    assert invoice.head.status == "PART_PAID"
    assert (invoice.head.previous_balance, invoice.head.adjustment_total) == (D(0), D("-100.00"))
    clock.set(datetime(2024, 8, 2, 9, tzinfo=SYDNEY))
    await door.act(post_credits, Credit([account], [D("50.00")]), told.manager)
    (invoice,) = await invoices_of(door, told, account)
    assert (invoice.head.status, invoice.head.amount_paid) == ("PAID", D("134.70"))
    await august(door, owner, clock, told)
    *_, second = await invoices_of(door, told, account)
    assert (second.head.previous_balance, second.head.adjustment_total) == (D("34.70"), D("-50.00"))
    assert second.head.amount_paid == D("15.30")
    await sound(door, owner)


async def test_each_invoice_opens_where_the_one_before_left_off(door, owner, told, clock) -> None:
    await billed(door, told, JULY)
    (first,) = await invoices_of(door, told, "03281")
    clock.set(datetime(2024, 8, 20, 9, tzinfo=SYDNEY))
    await door.act(cancel_invoice, CancelInvoice(first.head.number, "A mistake"), told.manager)
    clock.set(datetime(2024, 8, 21, 9, tzinfo=SYDNEY))
    await billed(door, told, JULY)
    await august(door, owner, clock, told)
    heads = [invoice.head for invoice in await invoices_of(door, told, "03281")]
    assert [head.kind for head in heads] == ["NORMAL", "CREDIT", "NORMAL", "NORMAL"]
    for before, after in pairwise(heads):
        due = sum(
            (
                before.previous_balance, before.adjustment_total, before.receipt_total,
                before.total,
            )
        )  # fmt: skip
        assert after.previous_balance == due
    assert [head.previous_balance for head in heads] == [
        D(0), D("134.70"), D(0), D("134.70"),
    ]  # fmt: skip
    assert [head.status for head in heads][:1] == ["REVERSED"]


async def test_what_was_paid_on_a_cancelled_invoice_pays_the_next(door, owner, told, clock) -> None:
    await billed(door, told, JULY)
    (first,) = await invoices_of(door, told, "03280")
    clock.set(datetime(2024, 8, 2, 9, tzinfo=SYDNEY))
    await door.act(post_credits, Credit(["03280"], [D("134.70")]), told.manager)
    clock.set(datetime(2024, 8, 3, 9, tzinfo=SYDNEY))
    await door.act(cancel_invoice, CancelInvoice(first.head.number, "x"), told.manager)
    await sound(door, owner)
    clock.set(datetime(2024, 8, 4, 9, tzinfo=SYDNEY))
    await billed(door, told, JULY)
    *_, last = await invoices_of(door, told, "03280")
    assert (last.head.status, last.head.amount_paid) == ("PAID", D("134.70"))
    await sound(door, owner)


async def test_invoices_are_listed_by_what_is_asked_and_none_of_a_blocked_account(
    door, owner, told, clock
) -> None:
    await billed(door, told, JULY)
    await august(door, owner, clock, told)

    async def numbers(actor=told.clerk, **wanted: object) -> list[str]:
        async with door.asking(invoices, actor) as tx:
            found = [told async for told in invoices(tx, InvoicesWanted(**wanted))]
        return [told.head.number[-1] for told in found]

    assert await numbers() == ["1", "2", "3", "4"]
    assert await numbers(account="03281") == ["2", "4"]
    assert await numbers(building_code="twr01", start_on=NEXT) == ["3", "4"]
    assert await numbers(end_on=LAST, by_posting=True) == ["1", "2"]
    assert await numbers(status="PAID") == []
    assert await numbers(how_many=2, skip=1) == ["2", "3"]
    barred = await make_user(door, "tower", "barred", "SysAdmin", blocked_accounts="03280")
    assert await numbers(barred) == ["2", "4"]
    with pytest.raises(NotFound):
        await door.ask(show_invoice, InvoiceNamed("00001"), barred)
    every = await make_user(door, "tower", "nobody", "SysAdmin", blocked_accounts="*")
    assert await numbers(every) == []


async def test_invoices_go_by_e_mail_to_those_who_have_them_so_and_the_rest_is_printed(
    door, owner, told
) -> None:
    await owner.execute(
        "update customers.account set invoice_delivery_class = 'EMAIL' where account = '03280'"
    )
    run = await posted(door, told, (await drafted(door, told, JULY)).run_id)
    (message,) = await owner.fetch("select * from notices.message")
    assert (message["recipient"], message["status"]) == ("ringo@example.com", "QUEUED")
    assert (message["document_number"], message["document_kind"]) == ("00001", "INVOICE")
    assert message["file_name"] == "invoice-00001.pdf"
    assert message["subject"] == "Tax invoice 00001 – Tower One Energy"
    assert "Total due: A$134.70" in message["body"]
    assert "Please pay by: August 15, 2024" in message["body"]
    paper = await door.ask(document_pdf, DocumentNamed("00001"), AUTO.at("tower"))
    assert paper.pdf.startswith(b"%PDF-")
    wanted = DraftsWanted(run.run_id)
    assert [one.account for one in await door.ask(to_print, wanted, told.clerk)] == ["03281"]
    await owner.execute("update notices.message set status = 'FAILED', trouble = 'no such user'")
    told_to_print = await door.ask(to_print, wanted, told.clerk)
    assert [(one.account, one.trouble) for one in told_to_print] == [
        ("03280", "no such user"), ("03281", ""),
    ]  # fmt: skip


async def paper(door: Door, told: Tower, number: str) -> list[str]:
    """The pages of an invoice as text."""
    shown = await door.act(document_pdf, DocumentNamed(number), told.clerk)
    return [page.extract_text() for page in PdfReader(io.BytesIO(shown.pdf)).pages]


async def test_the_paper_says_what_the_invoice_does(door, owner, told, clock) -> None:
    (unit, _) = told.units
    await plan(
        door, told, "BLOCKS", GivenRate("B1", D("0.285"), description="First block"),
        GivenRate("B2", D("0.345"), step_from=D(200), description="Above"),
        GivenRate("X", D("0.05"), description="Fed in", taxable=False),
        charges=[GivenCharge("Daily supply", D("1.10"))],
    )  # fmt: skip
    await put_on(owner, told, unit, "BLOCKS", LAST)
    await billed(door, told, JULY)
    await register(owner, told, unit, 2, direction="I")
    await read(owner, told, unit, LAST, "100", register=2)
    await read(owner, told, unit, NEXT, "112", register=2)
    await august(door, owner, clock, told)
    *_, invoice = await invoices_of(door, told, unit.account)
    text = "\n".join(await paper(door, told, invoice.head.number)).replace("\xa0", " ")
    for line in invoice.lines:
        assert line.description in text
        assert f"{abs(line.net):.2f}" in text
    for figure in (invoice.head.tax, invoice.head.total):
        assert f"{figure:.2f}" in text
    due = invoice.head.previous_balance + invoice.head.total
    assert f"{due:.2f}" in text
    for value in ("12,410", "12,720", "block of the first 200 kWh", "block above 200 kWh"):
        assert value in text, text
    # 310 kWh: 200 at 0.285 and 110 at 0.345; 12 kWh fed in; 31 days.
    assert [line.net for line in invoice.lines] == [
        D("57.00"), D("37.95"), D("-0.60"), D("34.10"),
    ]  # fmt: skip
    await sound(door, owner)


async def test_averages_are_of_the_days_of_their_own_supply(door, owner, told, clock) -> None:
    line = [NewLineItem("ADMIN", D("31.00"), "Telephone")]
    await door.act(
        provision, Provision("TELCO", "0298", date(2024, 6, 1), line, account="03280"), told.manager
    )
    fee = NewCharge("03280", "ADMIN", FIRST, D("22.00"), approve=True)
    await door.act(add_approved_charges, AddCharges([fee]), told.manager)
    await billed(door, told, JULY)
    (first, _) = await paper(door, told, "00001")
    # 310 kWh and 134.70 of electricity over the 31 days of July, of 61 billed.
    assert "10 kWh" in first, first
    assert "A$4.35" in first, first


async def test_papers_go_where_the_customer_has_letters_sent(door, owner, told, clock) -> None:
    await owner.execute(
        "insert into customers.postal_address (portal_id, customer_id, line_1, suburb, state,"
        " postcode) select portal_id, customer_id, '1 New St', 'Newtown', 'NSW', '2042'"
        " from customers.account where account = '03280'"
    )
    await owner.execute(
        "update customers.customer as c set address_1 = '', city = '', state = '',"
        " postal_code = '' from customers.account as a"
        " where a.customer_id = c.customer_id and a.account = '03281'"
    )
    run = await billed(door, told, JULY)
    (first, _), (second, _) = [await paper(door, told, number) for number in ("00001", "00002")]
    assert "Ringo Starr\n1 New St\nNewtown NSW 2042" in first, first
    assert "Ringo Starr\n1 Tower St\nSydney NSW 2000" in second, second
    printed = await door.ask(to_print, DraftsWanted(run.run_id), told.clerk)
    assert [(one.address_1, one.city) for one in printed] == [
        ("1 New St", "Newtown"), ("1 Tower St", "Sydney"),
    ]  # fmt: skip
    window = StatementWanted("03280", FIRST, JULY)
    stated = await door.ask(account_statement, window, told.manager)
    assert (stated.debtor.address_1, stated.debtor.city) == ("1 New St", "Newtown")


async def test_what_was_due_before_is_told_of_the_total(door, owner, told, clock) -> None:
    await billed(door, told, JULY)
    (first, _) = await paper(door, told, "00001")
    assert "overdue" not in first
    await door.act(post_credits, Credit(["03281"], [D("34.70")]), told.manager)
    await august(door, owner, clock, told)
    for number, late in (("00003", "134.70"), ("00004", "100.00")):
        (first, _) = await paper(door, told, number)
        assert first.count(f"of which A${late} is overdue") == 2, first
    assert "NMI" in first
    clock.set(datetime(2024, 10, 1, 9, tzinfo=SYDNEY))
    window = StatementWanted("03281", FIRST, date(2024, 10, 1))
    stated = await door.act(issue_statement, window, told.manager)
    (page,) = await paper(door, told, stated.number)
    assert "of which A$234.70 is overdue" in page, page


async def test_a_statement_tells_what_was_undone_as_customers_know_it(
    door, owner, told, clock
) -> None:
    await billed(door, told, JULY)
    await door.act(cancel_invoice, CancelInvoice("00001", "Misread"), told.manager)
    window = StatementWanted("03280", FIRST, LAST)
    stated = await door.act(issue_statement, window, told.manager)
    (page,) = await paper(door, told, stated.number)
    assert "Credit note 00003" in page
    assert "Reversal" not in page


async def test_the_paper_of_a_credit_note_says_why(door, owner, told, clock) -> None:
    await billed(door, told, JULY)
    (first,) = await invoices_of(door, told, "03280")
    clock.set(datetime(2024, 8, 2, 9, tzinfo=SYDNEY))
    done = await door.act(
        cancel_invoice, CancelInvoice(first.head.number, "The meter was misread."), told.manager
    )
    text = "\n".join(await paper(door, told, done.credit_note))
    for said in ("Credit note", first.head.number, "134.70", "The meter was misread."):
        assert said in text
    assert (await paper(door, told, done.credit_note)) == (
        await paper(door, told, done.credit_note)
    )
    note = await door.ask(show_invoice, InvoiceNamed(done.credit_note), told.clerk)
    for line, back in zip(first.lines, note.lines, strict=True):
        assert (back.quantity, back.net) == (-line.quantity, -line.net)
        assert back.why == replace(line.why, unrounded=-line.why.unrounded)


async def test_the_paper_names_the_meters_of_intervals(door, owner, told) -> None:
    unit = told.units[0]
    number = await register(
        owner, told, unit, 1, metering_type="AM", datastream="E1", interval_minutes=30
    )
    await intervals(owner, told, number, FIRST, 31, [208] * 48)
    await billed(door, told, JULY, account=unit.account)
    (_, second) = await paper(door, told, "00001")
    text = " ".join(second.replace("\xa0", " ").split())
    assert f"{unit.serial_number} 1 measured in intervals × 1 309.504 kWh" in text, text
