"""Papers as PDF: what they say, that they can be read aloud, and that nothing in them is markup."""

import hashlib
import io
import subprocess
import sys
import zlib
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pypdf import PdfReader
from tests.papers import BRAND, GERMAN, TERMS, credit_note, long, receipt, samples, short, statement

from currant import wire
from currant.documents.model import (
    Brand,
    ChargeGroup,
    ChargeLine,
    DocumentUnrenderable,
    InvoicePaper,
    LogoUnfit,
    Paper,
    PaperSize,
    PaperUnsound,
    Party,
)
from currant.documents.papers import (
    TEMPLATE_VERSION,
    logo_type_of,
    paper_of,
    press,
    render,
    snapshot_of,
    try_logo,
)
from currant.documents.views import charged, rounding, view_of
from currant.documents.wording import wording

D = Decimal
ALL = {name: (paper, brand) for name, paper, brand in samples()}


def text_of(pdf: bytes) -> str:
    """The text of all pages, with its blanks made one."""
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\u200b", "").replace("\xa0", " ").split())


def tags(pdf: bytes) -> list[tuple[str, Any]]:
    """The structure elements of a PDF in reading order: the role and the element of each."""
    root = PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/StructTreeRoot"]
    found = []

    def walk(node: Any) -> None:
        node = node.get_object()
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif hasattr(node, "get"):
            if "/S" in node:
                found.append((str(node["/S"]), node))
            if "/K" in node:
                walk(node["/K"])

    walk(root["/K"])
    return found


@pytest.mark.parametrize("name", ALL)
def test_every_paper_keeps_to_pdf_ua_and_is_tagged(name: str) -> None:
    paper, brand = ALL[name]
    pdf = press(paper, brand, TEMPLATE_VERSION)
    reader = PdfReader(io.BytesIO(pdf))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712  # a PDF's own boolean
    assert root["/Lang"].split("-")[0] == brand.terms.locale.split("_")[0]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert paper.number in reader.metadata.title
    assert brand.terms.name in reader.metadata.title
    roles = [role for role, _ in tags(pdf)]
    assert "/H1" in roles
    for role, element in tags(pdf):
        if role == "/Figure":
            assert str(element["/Alt"]).strip()
    levels = [int(role[2]) for role in roles if role[:2] == "/H" and role[2:].isdigit()]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_chart_is_told_in_words_and_tables_have_heads() -> None:
    found = tags(render(short(), BRAND))
    alts = [str(element["/Alt"]) for role, element in found if role == "/Figure"]
    assert "Harbour View Energy Pty Ltd" in alts
    (chart,) = [alt for alt in alts if alt.startswith("Bar chart: Electricity by month in kWh.")]
    assert "February 2026: 310, a year before 338." in chart
    assert chart.count("a year before") == 13
    assert sum(role == "/TH" for role, _ in found) == 10


@pytest.mark.parametrize("name", ["short", "strange", "statement"])
def test_the_same_paper_is_the_same_bytes_in_another_process(name: str) -> None:
    paper, brand = ALL[name]
    mine = render(paper, brand)
    assert render(paper, brand) == mine
    told = (
        "import hashlib; from currant.documents.papers import render; "
        "from tests.papers import samples; "
        "print(*(hashlib.sha256(render(p, b)).hexdigest() for n, p, b in samples() "
        f"if n == {name!r}))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == hashlib.sha256(mine).hexdigest()


def test_page_one_says_what_matters() -> None:
    first = PdfReader(io.BytesIO(render(short(), BRAND))).pages[0].extract_text()
    for said in (
        "Tax invoice", "100234", "$134.70", "20 March 2026", "ABN 51 824 753 556", "7001 1842 6",
        "Previous balance", "includes GST of $12.25", "11.07 kWh", "1800 555 099",
    ):  # fmt: skip
        assert said in first, said


def test_page_two_explains_every_line() -> None:
    second = text_of(render(short(), BRAND))
    for said in (
        "48,211.4", "31 Jan 2026, actual", "EX4411982", "200 kWh × $0.35 / kWh 70.00",
        "block of the first 200 kWh · loss factor 1.0524", "28 days", "GST 10% on $122.45 $12.25",
        "Total of this invoice $134.70", "Having trouble paying?", "Low income household rebate",
    ):  # fmt: skip
        assert said in second, said


def test_lines_multiply_out_as_they_are_read() -> None:
    told = text_of(render(ALL["services"][0], BRAND))
    for said in (
        "Phone 10 Feb 2026 – 27 Feb 2026, 18 of 30 days 1 × $30.00 incl. GST 1.64 16.36",
        "Phone 10 Jan 2026 – 9 Feb 2026, 31 days 1 × $30.00 incl. GST 2.73 27.27",
        "Connection 10 Jan 2026 1 × $99.00 incl. GST 9.00 90.00",
        "Lost key 27 Feb 2026 1 × $20.00 2.00 20.00",
        "1 Feb 2026 – 27 Feb 2026, 27 days 27 days × $1.32 / day",
        "Supply 27 Feb 2026 1 day × $1.32 / day", "GST Amount ($) without GST",
    ):  # fmt: skip
        assert said in told, told


def test_page_one_says_what_is_overdue_and_what_it_replaces() -> None:
    told = text_of(render(ALL["services"][0], BRAND))
    assert told.count("of which $150.06 is overdue") == 2
    assert "Replaces invoice 100221, 100230" in told
    assert "NMI 4102000012" in told
    assert "of which $12.50 is overdue" in text_of(render(statement(), BRAND))


def test_what_intervals_measured_names_its_meters() -> None:
    told = text_of(render(ALL["services"][0], BRAND))
    assert "EX5500017 E1 measured in intervals × 1 479.84 kWh" in told
    assert "EX5500018 E1 measured in intervals, some estimated × 1 31.5 kWh" in told


def test_the_totals_of_a_paper_never_stand_alone() -> None:
    lines = [ChargeLine(f"Line {n}", D(-1)) for n in range(9)]
    for many in range(0, 24, 2):
        group = ChargeGroup("Water", [*lines[:1], *(lines[:1] * many)])
        amount = D(-10 - many)
        note = replace(
            credit_note(), groups=[group, ChargeGroup("Other", lines)], invoice_amount=amount,
            tax_amount=D(0), taxes=[], total_due=D("134.70") + amount,
        )  # fmt: skip
        pages = PdfReader(io.BytesIO(render(note, BRAND))).pages[1:]
        texts = [page.extract_text() for page in pages]
        assert all("Total Other" in text for text in texts if "This credit note" in text)


def test_what_rounding_leaves_is_a_line() -> None:
    paper = long()
    assert rounding(paper, 2) == D("-0.02")
    told = text_of(render(paper, BRAND))
    assert "Rounding −$0.02" in told
    assert "Estimated read" in told
    assert len(PdfReader(io.BytesIO(render(paper, BRAND))).pages) >= 4


@given(
    st.lists(
        st.tuples(st.decimals(-999, 9999, places=4), st.decimals(-9, 99, places=4)), min_size=1
    )
)
def test_what_is_shown_adds_up(lines: list[tuple[Decimal, Decimal]]) -> None:
    tax = sum((t for _, t in lines), D(0))
    total = sum((a for a, _ in lines), D(0)) + tax
    total, tax = total.quantize(D("0.01")), tax.quantize(D("0.01"))
    charges = [ChargeLine("x", amount, tax_amount=tax_amount) for amount, tax_amount in lines]
    paper = short(
        groups=[ChargeGroup("g", charges)], taxes=[], invoice_amount=total, tax_amount=tax,
        total_due=total,
    )  # fmt: skip
    assert charged(paper, 2) + tax + rounding(paper, 2) == total
    say = wording(TEMPLATE_VERSION, "en_AU", "AUD")
    *parts, whole = [row["value"] for row in view_of(paper, BRAND, TEMPLATE_VERSION)["totals"]]
    read = [D(part.replace("$", "").replace(",", "").replace("−", "-")) for part in parts]
    assert not parts or say.money(sum(read, D(0))) == whole
    assert paper_of(snapshot_of(paper)) == paper


@pytest.mark.parametrize(
    ("member", "paper"),
    [
        ("opening_balance", lambda: short(opening_balance=D(1))),
        ("total_due", lambda: short(total_due=D("134.71"))),
        ("invoice_amount", lambda: short(invoice_amount=D(150), total_due=D(150))),
        ("closing_balance", lambda: replace(statement(), closing_balance=D(0))),
        ("amount", lambda: replace(receipt(), amount=D("150.01"))),
    ],
)
def test_a_paper_that_does_not_add_up_is_not_frozen(member: str, paper: Any) -> None:
    with pytest.raises(PaperUnsound) as refused:
        snapshot_of(paper())
    assert refused.value.field == member
    assert "Nothing was issued" in refused.value.message


@pytest.mark.parametrize("name", ALL)
def test_a_snapshot_is_the_whole_paper(name: str) -> None:
    paper, brand = ALL[name]
    again = paper_of(snapshot_of(paper))
    assert again == paper
    assert render(again, brand) == render(paper, brand)


HOSTILE = [
    '#panic("no")', '#import "/etc/passwd"', "\\", '"', "$x^2$", "`raw`", "<label>", "@ref",
    "= heading", "*bold* _under_", "/* comment", "// comment", "#{", "]", "]]", "\\u{41}", "'; --",
    "{reference}", "{0}", "%s", "&amp;<b>",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_never_markup(text: str) -> None:
    told = "".join(text_of(render(named(text), BRAND)).split())
    assert told.count("".join(text.split())) >= 3


def named(text: str) -> InvoicePaper:
    """A bill with a text in every place that a customer or an operator fills."""
    line = ChargeLine(text, D("122.45"), quantity=D(1), unit="kWh", rate=D("122.45"), note=text)
    return short(
        buyer=Party(text, [text]), groups=[ChargeGroup(text, [line])], supply_address=text,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "مرحبا بالعالم", "שלום", "你好，世界", "नमस्ते", "😀👨‍👩‍👧",
        "\x00\x07\x1b[31m", "\u202e134.70\u202c",
        "\ud800", "x" * 5000, "\U0001193f", "\ufeff\u200d", "a\nb\r\nc", "Z̸͓̈́a̶l̷g̵o̶" * 40,
    ],
)  # fmt: skip
def test_no_text_keeps_a_paper_from_being_rendered(text: str) -> None:
    pdf = render(named(text), BRAND)
    assert text_of(pdf)
    assert render(named(text), BRAND) == pdf
    assert "/H1" in [role for role, _ in tags(pdf)]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_no_text_at_all_does(text: str) -> None:
    assert render(named(text), BRAND).startswith(b"%PDF-1.7")


def test_text_that_is_turned_around_is_set_straight() -> None:
    told = text_of(render(short(buyer=Party("owes \u202e07.431$\u202c now")), BRAND))
    assert "owes 07.431$ now" in told


def test_a_portal_speaks_its_language() -> None:
    told = text_of(render(ALL["german"][0], GERMAN))
    for said in (
        "Rechnung",
        "134,70 €",
        "20. März 2026",
        "USt. 19 % auf 122,45 €",
        "Seite 1 von 2",
    ):
        assert said in told, said


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es", "pt", "af", "sv", "ar_EG", "ja"])
def test_every_locale_is_rendered(locale: str) -> None:
    brand = Brand(replace(TERMS, locale=locale))
    for paper in (short(), credit_note(), statement(), receipt()):
        assert text_of(render(paper, brand))


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "ZAR", "EUR"])
def test_every_currency_has_its_decimals(currency: str) -> None:
    paper = short(currency=currency)
    assert text_of(render(paper, BRAND))


def test_the_sheet_is_the_portals() -> None:
    def size(paper_size: PaperSize) -> tuple[int, int]:
        brand = Brand(replace(TERMS, paper_size=paper_size))
        box = PdfReader(io.BytesIO(render(short(), brand))).pages[0].mediabox
        return round(box.width), round(box.height)

    assert size(PaperSize.A4) == (595, 842)
    assert size(PaperSize.US_LETTER) == (612, 792)


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#ffe600", "#1f4e79", "#00ff00"])
def test_what_is_set_on_a_colour_can_be_read(colour: str) -> None:
    view = view_of(short(), Brand(replace(TERMS, colour=colour)), TEMPLATE_VERSION)
    assert contrast(view["on-colour"], colour) >= 4.5
    assert contrast(view["ink"], "#ffffff") >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG 2, in floats: the oracle of ours in Decimals."""

    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def png(rows: bytes) -> bytes:
    """A picture of one grey pixel."""

    def chunk(kind: bytes, told: bytes) -> bytes:
        return len(told).to_bytes(4) + kind + told + zlib.crc32(kind + told).to_bytes(4)

    head = chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">%s</svg>'


@pytest.mark.parametrize(
    "logo",
    [
        b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<html></html>", SVG[:40], b"%PDF-1.7",
        SVG % b'<image href="/etc/passwd" width="9" height="9"/>',
        SVG % b'<image href="../../x.png" width="9" height="9"/>',
        b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG % b"<text>&x;</text>",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\6\0\0\0",
        png(b"\0\0")[:-20],
    ],
)  # fmt: skip
def test_what_is_no_logo_is_refused(logo: bytes) -> None:
    with pytest.raises(LogoUnfit):
        try_logo(Brand(TERMS, logo_type_of(logo), logo))


def test_a_png_is_set_on_a_paper() -> None:
    logo = png(b"\0\x7f")
    brand = Brand(TERMS, logo_type_of(logo), logo)
    try_logo(brand)
    page = PdfReader(io.BytesIO(render(short(), brand))).pages[0]
    (drawn,) = page["/Resources"]["/XObject"].values()
    assert (drawn["/Subtype"], drawn["/Width"], drawn["/Height"]) == ("/Image", 1, 1)


def test_a_broken_brand_is_told() -> None:
    with pytest.raises(DocumentUnrenderable):
        render(short(), Brand(TERMS, "image/png", b"not an image"))


@pytest.mark.parametrize("paper", [short(), statement(), receipt()])
def test_old_snapshots_may_lack_what_is_new_and_have_what_is_gone(paper: Paper) -> None:
    told = wire.decode(snapshot_of(paper).encode(), dict)
    assert paper_of(wire.encode(told | {"unheard_of": 1}).decode()) == paper
