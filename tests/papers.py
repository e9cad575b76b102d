"""Papers with made-up data: what the tests render, and what is looked at.

`python tests/documents/samples.py FOLDER` writes each as a PDF there.
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from currant.documents.model import (
    Applied,
    Brand,
    BrandTerms,
    ChargeGroup,
    ChargeLine,
    Detail,
    InvoicePaper,
    InvoiceType,
    Movement,
    Note,
    Paper,
    PaperRead,
    PaperSize,
    Party,
    PaymentMethod,
    ReadKind,
    ReceiptPaper,
    RegisterReads,
    StatementPaper,
    TaxTotal,
    UsageChart,
    UsageMonth,
)
from currant.documents.papers import render

D = Decimal

LOGO = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 60">
<circle cx="30" cy="30" r="26" fill="#8a1c4a"/>
<path d="M34 8 L18 34 H29 L25 52 L43 25 H32 Z" fill="#ffffff"/>
<path d="M72 18 h60 M72 30 h150 M72 42 h110" stroke="#8a1c4a" stroke-width="7"/></svg>"""

TERMS = BrandTerms(
    name="Harbour View Energy Pty Ltd",
    tax_label="ABN",
    tax_number="51 824 753 556",
    tax_name="GST",
    address=["Level 3, 18 Wharf Lane", "Newcastle NSW 2300"],
    contacts=[
        Detail("Enquiries", "1300 555 014, Mon–Fri 8–18"),
        Detail("Faults and emergencies", "1800 555 099, day and night"),
        Detail("E-mail", "bills@harbourview.example"),
    ],
    colour="#8a1c4a",
    locale="en_AU",
    payment_methods=[
        PaymentMethod(
            "BPAY",
            [Detail("Biller code", "123455"), Detail("Ref", "{reference}")],
            "Contact your bank to pay from your cheque, savings or card account.",
        ),
        PaymentMethod(
            "Bank transfer",
            [
                Detail("BSB", "062-000"),
                Detail("Account", "1234 5678"),
                Detail("Reference", "{reference}"),
            ],
        ),
        PaymentMethod(
            "Card", [Detail("Online", "pay.harbourview.example")], "Keep {number} ready."
        ),
    ],
    texts=[
        Note(
            "Having trouble paying?",
            "Call us before the due date on 1300 555 014. We can agree on a payment plan, extend"
            " the time to pay and tell you about rebates that you may be entitled to.",
        ),
        Note(
            "Complaints",
            "Tell us first: complaints@harbourview.example. If we cannot settle it, the energy"
            " ombudsman of your state is free of charge and independent.",
        ),
        Note(
            "Life support equipment",
            "If somebody at your home depends on it, register with us on 1300 555 014. We must not"
            " switch off your supply then.",
        ),
        Note("Interpreter", "131 450, free of charge."),
    ],
)
BRAND = Brand(TERMS, "image/svg+xml", LOGO)
GERMAN = Brand(
    replace(
        TERMS,
        name="Stadtwerke Musterau GmbH",
        tax_label="USt-IdNr.",
        tax_number="DE 999 999 999",
        tax_name="USt.",
        address=["Am Alten Wehr 4", "99999 Musterau"],
        contacts=[Detail("Kundendienst", "0800 555 01"), Detail("Störungen", "0800 555 99")],
        colour="#f4c20d",
        locale="de_DE",
        payment_methods=[
            PaymentMethod(
                "Überweisung",
                [
                    Detail("IBAN", "DE02 1203 0000 0000 2020 51"),
                    Detail("Verwendungszweck", "{reference}"),
                ],
            )
        ],
        texts=[Note("Schlichtung", "Die Schlichtungsstelle Energie hilft kostenlos.")],
    )
)
ADDRESS = ["Unit 12, 48 Harbour Street", "Newcastle NSW 2300"]
BUYER = Party("Ms Josephine O'Connell-Fitzgerald", ADDRESS)


def months(
    last: date, quantities: list[int], growth: str = "1.09", wave: int = 7
) -> list[UsageMonth]:
    """Months up to the last, each beside a year before."""
    first = last.year * 12 + last.month - len(quantities)
    return [
        UsageMonth(
            date((first + n) // 12, (first + n) % 12 + 1, 1),
            D(quantity),
            (D(quantity) * D(growth)).quantize(D(1)) + D(n % 4 * wave),
        )
        for n, quantity in enumerate(quantities)
    ]


USED = [402, 371, 344, 318, 356, 441, 498, 512, 468, 377, 335, 351, 310]
ELECTRICITY = UsageChart(
    "Electricity", "kWh", months(date(2026, 2, 28), USED), D("11.07"), D("4.81")
)
WATER = UsageChart(
    "Water", "kL", months(date(2026, 2, 28), [9, 8, 7, 7, 8, 8, 9, 8, 8, 9, 10, 11, 9], "0.9", 1),
    D("0.32"), D("1.12"),
)  # fmt: skip


def short(**more: object) -> InvoicePaper:
    """The ordinary bill: one meter, two blocks, GST of the whole."""
    begins, ends = date(2026, 2, 1), date(2026, 2, 28)
    peak = ChargeLine(
        "Energy, first block", D("70.00"), begins, ends, D(200), "kWh", D("0.35"),
        block_to=D(200), loss_factor=D("1.0524"),
    )  # fmt: skip
    rest = ChargeLine(
        "Energy, second block", D("29.70"), begins, ends, D(110), "kWh", D("0.27"),
        block_from=D(200), loss_factor=D("1.0524"),
    )  # fmt: skip
    supply = ChargeLine("Daily supply", D("22.75"), begins, ends, D(28), "day", D("0.8125"))
    reads = RegisterReads(
        "EX4411982", "E1", PaperRead(date(2026, 1, 31), D("48211.4")),
        PaperRead(date(2026, 2, 28), D("48521.4")), D(310), "kWh",
    )  # fmt: skip
    told = {
        "type": InvoiceType.TAX_INVOICE,
        "number": "100234",
        "currency": "AUD",
        "account": "700118",
        "buyer": BUYER,
        "issued_on": date(2026, 3, 2),
        "due_on": date(2026, 3, 20),
        "period_from": begins,
        "period_to": ends,
        "customer_number": "C-20417",
        "site_id": "NMI 41020000123",
        "supply_address": "Unit 12, 48 Harbour Street, Newcastle NSW 2300",
        "previous_balance": D("118.20"),
        "payments_amount": D("118.20"),
        "adjustments_amount": D(0),
        "opening_balance": D("0.00"),
        "invoice_amount": D("134.70"),
        "tax_amount": D("12.25"),
        "total_due": D("134.70"),
        "groups": [ChargeGroup("Electricity", [peak, rest, supply], [reads])],
        "taxes": [TaxTotal(D("0.1"), D("122.45"), D("12.25"))],
        "charts": [ELECTRICITY],
        "payment_reference": "7001 1842 6",
        "notes": [
            Note("Low income household rebate", "A rebate of $23.10 was credited on 12 February.")
        ],
    }
    return InvoicePaper(**(told | more))  # type: ignore[arg-type]


def long() -> InvoicePaper:
    """A bill of some pages: many meters, GST by line, an estimated read, rounding."""
    groups, begins = [], date(2025, 12, 1)
    buckets = (("Peak", "0.4125"), ("Shoulder", "0.2871"), ("Off-peak", "0.184333"))
    for meter in range(6):
        registers, lines = [], []
        for number, (bucket, rate) in enumerate(buckets, start=1):
            used = D(1875 + 331 * meter + 97 * number) / 4
            began = D(20000 + 7103 * meter + 1009 * number)
            kind = ReadKind.ESTIMATED if meter == 4 else ReadKind.ACTUAL
            registers.append(
                RegisterReads(
                    f"EX77{meter}10{number}", f"E{number} {bucket.lower()}",
                    PaperRead(begins - timedelta(1), began),
                    PaperRead(date(2026, 2, 28), began + used / 20, kind), used, "kWh", D(20),
                )
            )  # fmt: skip
            for from_, to, days in ((date(2025, 12, 1), date(2025, 12, 31), 31),
                                    (date(2026, 1, 1), date(2026, 2, 28), 59)):  # fmt: skip
                part = (used * days / 90).quantize(D("0.01"))
                amount = (part * D(rate)).quantize(D("0.01"))
                lines.append(
                    ChargeLine(
                        f"{bucket} energy", amount, from_, to, part, "kWh", D(rate),
                        (amount / 10).quantize(D("0.01")), loss_factor=D("1.0312"),
                    )
                )  # fmt: skip
        lines.append(
            ChargeLine(
                "Capacity", D("148.20"), begins, date(2026, 2, 28), D("57.0"), "kVA", D("2.6"),
                D("14.82"), note="The highest demand of twelve months, on 14 January 17:30.",
            )
        )  # fmt: skip
        groups.append(ChargeGroup(f"Shop {meter + 1}, ground floor", lines, registers))
    lines_ = [line for group in groups for line in group.lines]
    tax = sum((line.tax_amount or D(0) for line in lines_), D(0))
    total = sum((line.amount for line in lines_), D(0)) + tax - D("0.02")
    return short(
        number="100235",
        buyer=Party("The Proprietors of Strata Plan 88214", ADDRESS),
        period_from=begins,
        groups=groups,
        taxes=[],
        tax_amount=tax,
        invoice_amount=total,
        adjustments_amount=D("-15.40"),
        opening_balance=D("-15.40"),
        total_due=total - D("15.40"),
        charts=[ELECTRICITY, WATER],
    )


def credit_note() -> InvoicePaper:
    """A credit note of a bill's second block."""
    back = ChargeLine(
        "Energy, second block, taken back", D("-29.70"), date(2026, 2, 1), date(2026, 2, 28),
        D(-110), "kWh", D("0.27"),
    )  # fmt: skip
    return short(
        type=InvoiceType.CREDIT_NOTE, number="C100031", credits_number="100234",
        previous_balance=D("134.70"), payments_amount=D(0), opening_balance=D("134.70"),
        invoice_amount=D("-32.67"), tax_amount=D("-2.97"), total_due=D("102.03"),
        groups=[ChargeGroup("Electricity", [back])],
        taxes=[TaxTotal(D("0.1"), D("-29.70"), D("-2.97"))], charts=[], due_on=None, notes=[],
    )  # fmt: skip


def services() -> InvoicePaper:
    """A bill by intervals, with services for parts of a month and what is charged once."""
    begins, ends = date(2026, 1, 10), date(2026, 2, 27)
    measured = [
        RegisterReads("EX5500017", "E1", None, None, D("479.84"), "kWh"),
        RegisterReads("EX5500018", "E1", None, None, D("31.5"), "kWh", estimated=True),
    ]
    energy = ChargeLine(
        "Anytime", D("153.40"), date(2026, 2, 1), ends, D("511.34"), "kWh", D("0.3"), D("15.34")
    )
    supply = ChargeLine(
        "Daily supply", D("35.64"), date(2026, 2, 1), ends, D(27), "day", D("1.32"), D("3.56")
    )
    phone = ChargeLine(
        "Phone", D("16.36"), date(2026, 2, 10), ends, D(1), "", D(30), D("1.64"),
        share_days=18, share_of=30, rate_with_tax=True,
    )  # fmt: skip
    whole = ChargeLine(
        "Phone", D("27.27"), begins, date(2026, 2, 9), D(1), "", D(30), D("2.73"),
        share_days=31, share_of=31, rate_with_tax=True,
    )  # fmt: skip
    once = ChargeLine(
        "Connection", D(90), begins, begins, D(1), "", D(99), D(9), rate_with_tax=True
    )
    fee = ChargeLine("Lost key", D(20), ends, ends, D(1), "", D(20), D(2))
    day = ChargeLine("Supply", D("1.32"), ends, ends, D(1), "day", D("1.32"), D("0.13"))
    groups = [
        ChargeGroup("Electricity", [energy, supply, day], measured),
        ChargeGroup("Telephone", [whole, phone, once]), ChargeGroup("Other charges", [fee]),
    ]  # fmt: skip
    lines = [line for group in groups for line in group.lines]
    tax = sum((line.tax_amount or D(0) for line in lines), D(0))
    total = sum((line.amount for line in lines), D(0)) + tax
    return short(
        number="100240", previous_balance=D("268.40"), opening_balance=D("150.20"),
        site_id="4102000012", site_label="NMI", replaces_numbers=["100221", "100230"],
        overdue_amount=D("150.06"), period_from=begins, period_to=ends, groups=groups, taxes=[],
        tax_amount=tax, invoice_amount=total, total_due=total + D("150.20"), notes=[],
    )  # fmt: skip


def zero() -> InvoicePaper:
    """A bill that comes to nothing: an empty flat."""
    nothing = [UsageMonth(one.month, D(0)) for one in ELECTRICITY.months]
    return short(
        number="100236", previous_balance=D(0), payments_amount=D(0), invoice_amount=D(0),
        tax_amount=D(0), total_due=D(0), taxes=[], notes=[],
        groups=[ChargeGroup("Electricity", [
            ChargeLine("Energy", D(0), date(2026, 2, 1), date(2026, 2, 28), D(0), "kWh", D("0.35"))
        ])],
        charts=[UsageChart("Electricity", "kWh", nothing, D(0), D(0))],
    )  # fmt: skip


def debited() -> InvoicePaper:
    """A bill that is debited, of two products."""
    return short(
        number="100237", direct_debit_on=date(2026, 3, 18), charts=[ELECTRICITY, WATER], notes=[]
    )


def in_credit() -> InvoicePaper:
    """A bill that leaves a credit."""
    return short(
        number="100238", payments_amount=D("300.00"), opening_balance=D("-181.80"),
        total_due=D("-47.10"),
    )  # fmt: skip


def strange() -> InvoicePaper:
    """Names that are long, from right to left, or would like to be markup."""
    hostile = '#panic() $x$ `raw` \\ "quoted" <label> @ref *bold* _under_ // /* {} []'
    group = ChargeGroup(
        hostile,
        [ChargeLine("W" * 90, D("122.45"), quantity=D("1234567.891"), unit="kWh", note=hostile)],
    )
    return short(
        number="100239", buyer=Party("شركة الميناء للطاقة المحدودة", ["x" * 120, hostile, "Ωμέγα"]),
        supply_address="Unit 12 " + "Very Long Street Name " * 6, groups=[group],
    )  # fmt: skip


def german() -> InvoicePaper:
    """A bill of a portal that speaks German."""
    return short(
        currency="EUR", number="R-2026-0417",
        buyer=Party("Jörg Weißgerber", ["Uferweg 9", "99999 Musterau"]),
        site_id="DE0001234567890000000000001234567", supply_address="Uferweg 9, 99999 Musterau",
        taxes=[TaxTotal(D("0.19"), D("122.45"), D("12.25"))],
        charts=[replace(ELECTRICITY, product="Strom")],
    )  # fmt: skip


def statement() -> StatementPaper:
    """A statement of some months."""
    moves, balance = [], D(0)
    for n in range(14):
        on = date(2025, 9, 3) + timedelta(12 * n)
        amount = D("134.70") + n if n % 2 == 0 else -(D("130.00") + n)
        reference = f"1002{n:02}" if n % 2 == 0 else "BPAY 7001 1842 6"
        moves.append(Movement(on, "Invoice" if n % 2 == 0 else "Payment", amount, reference))
        balance += amount
    return StatementPaper(
        "S-4410", "AUD", "700118", BUYER, date(2026, 3, 2), date(2025, 9, 1), date(2026, 2, 28),
        D("20.00"), D("20.00") + balance, moves, "C-20417", date(2026, 3, 20), "7001 1842 6",
        overdue_amount=D("12.50"),
    )  # fmt: skip


def receipt() -> ReceiptPaper:
    """A receipt of a payment of two invoices."""
    applied = [Applied("Invoice 100211", D("84.30")), Applied("Invoice 100234", D("65.70"))]
    return ReceiptPaper(
        "R-90021", "AUD", "700118", BUYER, date(2026, 3, 6), date(2026, 3, 5), D("150.00"), "BPAY",
        applied, D("69.00"), "C-20417", "7001 1842 6",
    )  # fmt: skip


def samples() -> Iterator[tuple[str, Paper, Brand]]:
    """Every sample, with a name and its brand."""
    letter = Brand(replace(TERMS, paper_size=PaperSize.US_LETTER, locale="en_US"))
    yield "short", short(), BRAND
    yield "long", long(), BRAND
    yield "credit_note", credit_note(), BRAND
    yield "services", services(), BRAND
    yield "zero", zero(), BRAND
    yield "debited", debited(), BRAND
    yield "in_credit", in_credit(), BRAND
    yield "strange", strange(), BRAND
    yield "german", german(), GERMAN
    yield "letter", short(), letter
    yield "plain", short(), Brand(BrandTerms("Riverside Village"))
    yield "statement", statement(), BRAND
    yield "receipt", receipt(), BRAND


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, paper, brand in samples():
        (folder / f"{name}.pdf").write_bytes(render(paper, brand))
