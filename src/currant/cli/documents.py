"""`currant document`: invoices, credit notes, statements and receipts as PDF."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from currant.cli.frame import Session, command
from currant.documents.model import DocumentKind, DocumentNamed, DocumentPdf
from currant.documents.verbs import document_pdf

app = typer.Typer(no_args_is_help=True)


class Saved(msgspec.Struct, frozen=True):
    """A document that was written to a file."""

    kind: str
    number: str
    account: str
    file: str
    size: int
    sha256: str


@app.callback()
def documents() -> None:
    """Invoices, statements and receipts as PDF."""


@command(app, "show")
async def show(
    session: Session,
    number: Annotated[str, typer.Argument(help="The number of the document.")],
    *,
    out: Annotated[Path, typer.Option(help="The file to write; - for stdout.")],
    kind: Annotated[
        DocumentKind | None,
        typer.Option(case_sensitive=False, help="Its kind, where numbers of several kinds meet."),
    ] = None,
) -> None:
    """Write a document as PDF, the same bytes each time."""
    await save(session, DocumentNamed(number, kind), out)


def _saved(told: DocumentPdf, out: Path) -> Saved:
    out.write_bytes(told.pdf)
    return Saved(told.kind, told.number, told.account, str(out), len(told.pdf), told.sha256)


async def save(session: Session, named: DocumentNamed, out: Path) -> None:
    """Write a document to a file, or to stdout, and say where it is."""
    told = await session.act(document_pdf, named)
    if str(out) == "-":
        sys.stdout.buffer.write(told.pdf)
        return
    saved = _saved(told, out)
    session.teller.tell(saved, lambda: f"{told.kind} {told.number} is in {out}.")
