"""Acts on papers and the brand they bear, and the questions about them."""

import asyncio
import hashlib
import re
from collections.abc import Sequence

import msgspec
import structlog

from currant import wire
from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.documents.model import (
    LOGO_BYTES,
    Brand,
    BrandRow,
    BrandTerms,
    ColourUnknown,
    DocumentAmbiguous,
    DocumentKind,
    DocumentNamed,
    DocumentPdf,
    DocumentRow,
    DocumentUnrenderable,
    DueRow,
    FreezePapers,
    LogoUnfit,
    NoSuchDocument,
    RenderingDone,
    SetLogo,
    ShownBrand,
)
from currant.documents.papers import (
    TEMPLATE_VERSION,
    kind_of,
    logo_type_of,
    paper_of,
    render,
    snapshot_of,
    try_logo,
)
from currant.documents.wording import locale_of

sql = Statements(__package__)
_BRAND_IN_FORCE = sql.rows("brand_in_force", BrandRow)
_BRAND_OF_VERSION = sql.rows("brand_of_version", BrandRow)
_HOLD_BRAND = sql.command("hold_brand")
_CHANGE_BRAND = sql.rows("change_brand", int)
_FREEZE = sql.rows("freeze", list[int])
_DOCUMENTS_NAMED = sql.rows("documents_named", DocumentRow)
_PORTALS_WAITING = sql.rows("portals_waiting", str)
_TAKE_DUE = sql.rows("take_due", DueRow)
_KEEP = sql.rows("keep", int)
_PUT_OFF = sql.command("put_off")

log = structlog.get_logger()

AT_ONCE = 16

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


@needs(Permission.BILLING_VIEW)
async def show_brand(tx: Tx, _question: Nothing) -> ShownBrand:
    """Show the brand that the portal's papers bear from now on."""
    return _shown(await tx.one(_BRAND_IN_FORCE, portal_id=tx.portal.portal_id))


@needs(Permission.BILLING_APPROVE)
async def set_brand(tx: Tx, command: BrandTerms) -> ShownBrand:
    """Say what the portal's papers bear from now on, all but the logo; it is said as a whole.

    Raises `BrandUnnamed`, `ColourUnknown`, `LocaleUnknown`.
    """
    if not _COLOUR.fullmatch(command.colour):
        raise ColourUnknown(f"It is {command.colour[:20]!r}.", field="colour")
    locale_of(command.locale)
    await tx.run(_HOLD_BRAND, portal_id=tx.portal.portal_id)
    held = await tx.one(_BRAND_IN_FORCE, portal_id=tx.portal.portal_id)
    return await _change(tx, Brand(command, held.logo_type, held.logo))


@needs(Permission.BILLING_APPROVE)
async def set_logo(tx: Tx, command: SetLogo) -> ShownBrand:
    """Put a PNG or SVG image on the portal's papers from now on, or take it away.

    It is tried on a paper before. Raises `LogoUnfit`.
    """
    logo, logo_type = b"", ""
    if command.upload is not None:
        if command.upload.size > LOGO_BYTES:
            raise LogoUnfit(f"It has {command.upload.size} bytes.", field="logo")
        logo = b"".join([chunk async for chunk in command.upload.chunks()])
        logo_type = logo_type_of(logo)
    await tx.run(_HOLD_BRAND, portal_id=tx.portal.portal_id)
    held = await tx.one(_BRAND_IN_FORCE, portal_id=tx.portal.portal_id)
    brand = Brand(_brand_of(held).terms, logo_type, logo)
    if logo:
        await asyncio.to_thread(try_logo, brand)
    return await _change(tx, brand)


@needs(Permission.BILLING_RUN)
async def freeze_papers(tx: Tx, command: FreezePapers) -> list[int]:
    """Freeze papers with the brand in force; return their documents in the order given.

    They are rendered by a job, or when somebody asks for one. Raises `PaperUnsound`,
    `DocumentTaken`.
    """
    return await tx.one(
        _FREEZE,
        portal_id=tx.portal.portal_id,
        kinds=[kind_of(paper).value for paper in command.papers],
        numbers=[paper.number for paper in command.papers],
        account_ids=command.account_ids,
        snapshots=[snapshot_of(paper) for paper in command.papers],
        template_version=TEMPLATE_VERSION,
        now=tx.now,
    )


@needs(Permission.BILLING_VIEW)
async def document_pdf(tx: Tx, command: DocumentNamed) -> DocumentPdf:
    """Hand out a document as PDF: as it is stored, or rendered now and stored.

    Raises `NoSuchDocument`, `DocumentAmbiguous`, `DocumentUnrenderable`, and `Forbidden` where its
    account is blocked for the caller.
    """
    row = await _named(tx, command)
    if row.pdf is None:
        held = await tx.one(
            _BRAND_OF_VERSION, portal_id=tx.portal.portal_id, brand_version=row.brand_version
        )
        paper = paper_of(row.snapshot)
        pdf = await asyncio.to_thread(render, paper, _brand_of(held), row.template_version)
        await _keep(tx, [row.document_id], [pdf])
        row = await _named(tx, command)  # As it is stored, whoever was first.
    kind = DocumentKind(row.kind)
    return DocumentPdf(kind, row.number, row.account, row.sha256 or "", row.pdf or b"")


@needs(Permission.JOBS_RUN)
async def portals_waiting(tx: Tx, _question: Nothing) -> list[str]:
    """List the portals with documents that wait to be rendered."""
    return await tx.all(_PORTALS_WAITING, now=tx.now)


@needs(Permission.JOBS_RUN)
async def render_pending(tx: Tx, how_many: int) -> RenderingDone:
    """Render so many of the portal's documents that wait, and store their PDFs.

    Each is rendered in a thread, while others are answered. What another job has taken is left to
    it; what cannot be rendered is put off, with the reason.
    """
    portal_id = tx.portal.portal_id
    due = await tx.all(_TAKE_DUE, portal_id=portal_id, now=tx.now, how_many=how_many)
    brands: dict[int, Brand] = {}
    done, pdfs, failed, troubles = [], [], [], []
    for row in due:
        version = row.brand_version
        if version not in brands:
            held = await tx.one(_BRAND_OF_VERSION, portal_id=portal_id, brand_version=version)
            brands[version] = _brand_of(held)
        try:
            pdf = await asyncio.to_thread(_rendered, row, brands[version])
        except (DocumentUnrenderable, msgspec.MsgspecError, LookupError, ArithmeticError) as error:
            told = str(error)[:500]
            log.warning("a document cannot be rendered", document=row.document_id, reason=told)
            failed.append(row.document_id)
            troubles.append(told)
        else:
            done.append(row.document_id)
            pdfs.append(pdf)
    if done:
        await _keep(tx, done, pdfs)
    if failed:
        await tx.run(
            _PUT_OFF, portal_id=portal_id, document_ids=failed, troubles=troubles, now=tx.now
        )
    return RenderingDone(len(done), len(failed))


async def _named(tx: Tx, named: DocumentNamed) -> DocumentRow:
    """Return a document that the caller may see."""
    rows = await tx.all(
        _DOCUMENTS_NAMED,
        portal_id=tx.portal.portal_id,
        number=named.number,
        kind=None if named.kind is None else named.kind.value,
    )
    if not rows:
        raise NoSuchDocument(f"{named.number[:40]!r}.", field="number")
    if len(rows) > 1:
        kinds = ", ".join(row.kind for row in rows)
        raise DocumentAmbiguous(f"They are {kinds}.", field="kind")
    tx.user.refuse_blocked(rows[0].account)
    return rows[0]


def _rendered(row: DueRow, brand: Brand) -> bytes:
    return render(paper_of(row.snapshot), brand, row.template_version)


async def _keep(tx: Tx, document_ids: Sequence[int], pdfs: Sequence[bytes]) -> None:
    await tx.one(
        _KEEP,
        portal_id=tx.portal.portal_id,
        document_ids=document_ids,
        digests=[_hash(pdf) for pdf in pdfs],
        pdfs=pdfs,
        now=tx.now,
    )


async def _change(tx: Tx, brand: Brand) -> ShownBrand:
    """Add a version of the portal's brand."""
    terms = wire.encode(brand.terms).decode()
    version = await tx.one(
        _CHANGE_BRAND,
        portal_id=tx.portal.portal_id,
        terms=terms,
        logo_type=brand.logo_type,
        logo=brand.logo,
        now=tx.now,
        login=tx.user.login,
    )
    return _shown(BrandRow(version, terms, brand.logo_type, brand.logo))


def _shown(row: BrandRow) -> ShownBrand:
    return ShownBrand(row.brand_version, _brand_of(row).terms, row.logo_type, len(row.logo))


def _brand_of(row: BrandRow) -> Brand:
    return Brand(msgspec.json.decode(row.terms, type=BrandTerms), row.logo_type, row.logo)


def _hash(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()
