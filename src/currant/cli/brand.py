"""`currant brand`: what the papers of a portal bear."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from currant import wire
from currant.access.verbs import Nothing
from currant.cli.frame import Exit, Session, Stopped, command
from currant.documents.model import BrandTerms, Detail, PaperSize, SetLogo, ShownBrand
from currant.documents.verbs import set_brand, set_logo, show_brand

app = typer.Typer(no_args_is_help=True)

Text = str | None


@command(app, "show")
async def show(session: Session) -> None:
    """Show the brand that the portal's papers bear from now on."""
    brand = await session.ask(show_brand, Nothing())
    session.teller.tell(brand, lambda: "\n".join(_lines(brand)))


@command(app, "set")
async def set_terms(
    session: Session,
    terms: Annotated[
        Path | None,
        typer.Argument(
            help="A JSON file of terms, as `brand show --json` tells them; - for stdin."
        ),
    ] = None,
    *,
    name: Annotated[Text, typer.Option(help="Who sells.")] = None,
    tax_label: Annotated[Text, typer.Option(help="What the tax number is called: ABN.")] = None,
    tax_number: Annotated[Text, typer.Option(help="The tax number.")] = None,
    tax_name: Annotated[Text, typer.Option(help="What the tax is called: GST.")] = None,
    address: Annotated[
        list[str] | None, typer.Option(help="A line of the address; once for each.")
    ] = None,
    contact: Annotated[
        list[str] | None, typer.Option(help="LABEL=VALUE, such as Faults=1800 555 099.")
    ] = None,
    colour: Annotated[Text, typer.Option(help="#rrggbb.")] = None,
    locale: Annotated[Text, typer.Option(help="Language and formats: en_AU, de, fr_CA.")] = None,
    paper_size: Annotated[
        PaperSize | None, typer.Option(case_sensitive=False, help="The sheets of its papers.")
    ] = None,
    logo: Annotated[Path | None, typer.Option(help="A PNG or SVG image, at most 256 KiB.")] = None,
    no_logo: Annotated[bool, typer.Option("--no-logo", help="Take the logo away.")] = False,
) -> None:
    """Say what the portal's papers bear from now on; what is left out stays as it is.

    Ways to pay and texts are said by a file. Papers that were issued stay as they are.
    """
    if logo is not None and no_logo:
        raise Stopped(Exit.USAGE, "Give --logo or --no-logo. Nothing was changed.")
    brand = await session.ask(show_brand, Nothing())
    held = brand.terms
    if terms is not None:
        with session.teller.upload(terms) as upload:
            held = wire.decode(upload.file.read(), BrandTerms)
    said = {
        "name": name,
        "tax_label": tax_label,
        "tax_number": tax_number,
        "tax_name": tax_name,
        "address": address or None,
        "contacts": [_contact(told) for told in contact] if contact else None,
        "colour": colour,
        "locale": locale,
        "paper_size": paper_size,
    }
    changes = {member: value for member, value in said.items() if value is not None}
    if terms is not None or changes:
        brand = await session.act(set_brand, msgspec.structs.replace(held, **changes))
    if logo is not None:
        with session.teller.upload(logo) as upload:
            brand = await session.act(set_logo, SetLogo(upload))
    elif no_logo:
        brand = await session.act(set_logo, SetLogo(None))
    session.teller.tell(brand, lambda: "\n".join(_lines(brand)))


def _contact(told: str) -> Detail:
    label, equals, value = told.partition("=")
    if not equals:
        raise Stopped(Exit.USAGE, f"{told!r} is not LABEL=VALUE. Nothing was changed.")
    return Detail(label.strip(), value.strip())


def _lines(brand: ShownBrand) -> Iterator[str]:
    """Tell a brand line by line."""
    terms = brand.terms
    yield terms.name
    yield from filter(None, [f"{terms.tax_label} {terms.tax_number}".strip(), *terms.address])
    yield from (f"{one.label}: {one.value}" for one in terms.contacts)
    for way in terms.payment_methods:
        details = ", ".join(f"{one.label} {one.value}" for one in way.details)
        yield f"Paid by {way.label}: {details}".rstrip(": ")
    yield from (f"{note.title} {note.text}" for note in terms.texts)
    logo = f"{brand.logo_type}, {brand.logo_bytes} bytes" if brand.logo_type else "no logo"
    yield f"{terms.paper_size}, {terms.locale}, {terms.colour}, {logo}"
    yield f"Version {brand.brand_version}, for papers issued from now on."
