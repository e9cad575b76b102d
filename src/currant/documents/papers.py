"""Papers as PDF: tagged by PDF/UA-1, and the same bytes whenever the same paper is rendered.

Pure: no clock, no fonts of the machine, no file but the templates of this folder. Whatever a paper
says reaches its template as data. Typst is a compiler of its own thread, so `render` may be called
from several at once.
"""

import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any, cast

import msgspec
import typst

from currant.documents.model import (
    Brand,
    BrandTerms,
    DocumentKind,
    DocumentUnrenderable,
    InvoicePaper,
    InvoiceType,
    LogoUnfit,
    Paper,
    PaperUnsound,
    Party,
    ReceiptPaper,
    StatementPaper,
)
from currant.documents.views import charged, rounding, view_of
from currant.documents.wording import cleaned
from currant.money import from_minor, minor_units

TEMPLATE_VERSION = 1

_STANDARDS: "tuple[typst.PDFStandard, ...]" = ("ua-1",)
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS = 4_000_000
_PACKAGE = "font_source_sans_pro"
_FACES = ("Regular", "Semibold", "Bold")
_PREPARING = Lock()
_DECODER = msgspec.json.Decoder(Paper)


def render(paper: Paper, brand: Brand, version: int = TEMPLATE_VERSION) -> bytes:
    """Return a paper as PDF. Raises `DocumentUnrenderable`.

    A paper with a character that no font has is rendered without the claim to PDF/UA-1, which
    forbids that; it is tagged all the same.
    """
    try:
        return press(paper, brand, version)
    except DocumentUnrenderable:
        return press(paper, brand, version, ())


def press(
    paper: Paper, brand: Brand, version: int, standards: "Sequence[typst.PDFStandard]" = _STANDARDS
) -> bytes:
    """Return a paper as PDF that keeps to standards. Raises `DocumentUnrenderable`."""
    fonts, templates = _fonts(), _templates(version)
    files = templates | {"main.typ": templates[f"{_template_of(paper)}.typ"]}
    if brand.logo:
        svg = (
            brand.logo_type == "image/svg+xml"
        )  # A file of typst's is text; a PNG goes as numbers.
        files["logo"] = brand.logo if svg else msgspec.json.encode(list(brand.logo))
    view = cleaned(view_of(paper, brand, version))
    compiler = typst.Compiler(
        cast("Any", files), root=fonts.folder, font_paths=fonts.all, ignore_system_fonts=True
    )
    try:
        pdf = compiler.compile(
            format="pdf",
            sys_inputs={"paper": msgspec.json.encode(view).decode()},
            pdf_standards=list(standards),
            timestamp=datetime.combine(paper.issued_on, time(), UTC),
        )
    except typst.TypstError as error:
        raise DocumentUnrenderable(f"{str(error).strip().removesuffix('.')}.") from error
    return cast("bytes", pdf)


def logo_type_of(logo: bytes) -> str:
    """Return the media type of an image for a logo. Raises `LogoUnfit`.

    A PNG has at most 4 million pixels, so that it does not fill the memory when it is unpacked.
    """
    if logo.startswith(_PNG):
        width, height = (int.from_bytes(logo[n : n + 4]) for n in (16, 20))
        if not 0 < width * height <= _MOST_PIXELS:
            raise LogoUnfit(f"It is {width} by {height} pixels.", field="logo")
        return "image/png"
    if logo.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in logo:
        return "image/svg+xml"
    raise LogoUnfit("It is neither.", field="logo")


def try_logo(brand: Brand) -> None:
    """Set a logo on a paper. Raises `LogoUnfit` where that cannot be done by PDF/UA-1."""
    day = date(2000, 1, 1)
    nobody, nothing = Party("–"), Decimal(0)
    trial = ReceiptPaper("–", "EUR", "–", nobody, day, day, nothing, "–", [], nothing)
    plain = Brand(BrandTerms("–"), brand.logo_type, brand.logo)
    try:
        press(trial, plain, TEMPLATE_VERSION)
    except DocumentUnrenderable as error:
        raise LogoUnfit(error.detail, field="logo") from error


def snapshot_of(paper: Paper) -> str:
    """Write a paper as it is frozen, its numbers as text, so that none loses a digit.

    Raises `PaperUnsound` where what it prints does not add up.
    """
    refuse_unsound(paper)
    return msgspec.json.encode(paper).decode()


def paper_of(snapshot: str) -> Paper:
    """Read a paper that was frozen."""
    paper: Paper = _DECODER.decode(snapshot)
    return paper


def kind_of(paper: Paper) -> DocumentKind:
    """Return what kind of document a paper is."""
    if isinstance(paper, InvoicePaper):
        credit = paper.type is InvoiceType.CREDIT_NOTE
        return DocumentKind.CREDIT_NOTE if credit else DocumentKind.INVOICE
    return DocumentKind.STATEMENT if isinstance(paper, StatementPaper) else DocumentKind.RECEIPT


def refuse_unsound(paper: Paper) -> None:
    """Refuse a paper whose sums are not those of its parts. Raises `PaperUnsound`.

    Rounding leaves at most a minor unit for each line and tax.
    """
    if isinstance(paper, InvoicePaper):
        moved = paper.adjustments_amount - paper.payments_amount
        _hold(paper, "opening_balance", paper.opening_balance, paper.previous_balance + moved)
        due = paper.opening_balance + paper.invoice_amount
        _hold(paper, "total_due", paper.total_due, due)
        places = minor_units(paper.currency)
        lines = sum(len(group.lines) for group in paper.groups)
        bound = from_minor(2 * (lines + len(paper.taxes) + 1), paper.currency)
        if paper.groups and abs(rounding(paper, places)) > bound:
            told = charged(paper, places) + paper.tax_amount
            _hold(paper, "invoice_amount", paper.invoice_amount, told)
    elif isinstance(paper, StatementPaper):
        moved = sum((one.amount for one in paper.movements), Decimal(0))
        closing = paper.opening_balance + moved
        _hold(paper, "closing_balance", paper.closing_balance, closing)
    else:
        applied = sum((one.amount for one in paper.applied), Decimal(0))
        _hold(paper, "amount", paper.amount, applied)


def _hold(paper: Paper, member: str, told: Decimal, reckoned: Decimal) -> None:
    if told != reckoned:
        raise PaperUnsound(
            f"{member} of {paper.number} is {told}, its parts make {reckoned}.", field=member
        )


def _template_of(paper: Paper) -> str:
    if isinstance(paper, InvoicePaper):
        return "invoice"
    return "statement" if isinstance(paper, StatementPaper) else "receipt"


@lru_cache(maxsize=20)
def _templates(version: int) -> dict[str, bytes]:
    """Return the files of a version of the templates."""
    folder = resources.files(__package__).joinpath("templates", str(version))
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name[-4:] == ".typ"}


class _Fonts:
    """The fonts of papers: a sans of three alphabets, and those within typst for the others.

    The package has each face in two formats, and which of them is found first depends on the disk:
    the faces in use are copied to a folder of their own, for as long as this process lives.
    """

    def __init__(self) -> None:
        self._held = tempfile.TemporaryDirectory(prefix="currant-fonts-")
        self.folder = self._held.name
        for face in _FACES:
            name = f"SourceSansPro-{face}.ttf"
            face_file = resources.files(_PACKAGE).joinpath("files", name)
            Path(self.folder, name).write_bytes(face_file.read_bytes())
        self.all = typst.Fonts(include_system_fonts=False, font_paths=[self.folder])


@lru_cache(maxsize=1)
def _prepared() -> _Fonts:
    return _Fonts()


def _fonts() -> _Fonts:
    """Return the fonts, prepared once whatever the number of threads."""
    with _PREPARING:
        return _prepared()
