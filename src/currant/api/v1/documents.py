"""Papers: the brand they bear, and each as PDF."""

import re
from typing import Annotated, Any

from litestar import Response, delete, get, put
from litestar.params import FromPath, QueryParameter

from currant.access.verbs import Nothing
from currant.api.http import AnyRequest, Ready, door_of, json_of, signed_in, spooled
from currant.api.v1.frame import answer
from currant.api.v1.openapi import documented
from currant.documents import verbs
from currant.documents.model import (
    LOGO_BYTES,
    BrandTerms,
    Detail,
    DocumentKind,
    DocumentNamed,
    DocumentPdf,
    Note,
    PaymentMethod,
    SetLogo,
    ShownBrand,
)
from currant.errors import Invalid

_KINDS = ", ".join(DocumentKind)
OfKind = Annotated[
    str | None,
    QueryParameter(
        name="kind",
        description="Of this kind, where numbers of several kinds meet.",
        schema_extra={"enum": [kind.value for kind in DocumentKind]},
    ),
]
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9._-]+")

# What the document shows as an example.
_TERMS = BrandTerms(
    name="Harbour View Energy Pty Ltd",
    tax_label="ABN",
    tax_number="51 824 753 556",
    tax_name="GST",
    address=["Level 3, 18 Wharf Lane", "Newcastle NSW 2300"],
    contacts=[Detail("Enquiries", "1300 555 014")],
    locale="en_AU",
    payment_methods=[
        PaymentMethod("BPAY", [Detail("Biller code", "123455"), Detail("Ref", "{reference}")])
    ],
    texts=[Note("Having trouble paying?", "Call us before the due date.")],
)


@get("/v1/{portal:str}/brand", operation_class=documented(ShownBrand))
async def get_brand(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Show what the portal's papers bear from now on."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(verbs.show_brand, Nothing(), actor))


@put("/v1/{portal:str}/brand", operation_class=documented(ShownBrand, takes=_TERMS))
async def put_brand(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Say as a whole what the portal's papers bear from now on; the logo stays."""
    actor = await signed_in(request, portal)
    terms = await json_of(request, BrandTerms)
    return answer(await door_of(request).act(verbs.set_brand, terms, actor))


@put(
    "/v1/{portal:str}/brand/logo",
    operation_class=documented(ShownBrand, takes_file=("image/png", "image/svg+xml")),
)
async def put_logo(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Put a PNG or SVG image of at most 256 KiB on the portal's papers from now on."""
    actor = await signed_in(request, portal)
    upload = await spooled(request, LOGO_BYTES)
    with upload.file:
        return answer(await door_of(request).act(verbs.set_logo, SetLogo(upload), actor))


@delete(
    "/v1/{portal:str}/brand/logo",
    status_code=200,
    operation_class=documented(ShownBrand, changes=True),
)
async def delete_logo(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Take the logo off the portal's papers from now on."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).act(verbs.set_logo, SetLogo(None), actor))


@get(
    "/v1/{portal:str}/documents/{number:str}/pdf",
    operation_class=documented(DocumentPdf, changes=True, sends_file="application/pdf"),
)
async def get_pdf(
    request: AnyRequest, portal: FromPath[str], number: FromPath[str], of_kind: OfKind = None
) -> Response[Any]:
    """Hand out an invoice, credit note, statement or receipt as PDF; the same bytes each time."""
    actor = await signed_in(request, portal)
    named = DocumentNamed(number, None if of_kind is None else _kind(of_kind))
    told = await door_of(request).act(verbs.document_pdf, named, actor)
    name = _UNNAMEABLE.sub("-", f"{told.kind.lower()}-{told.number}")
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "ETag": f'"{told.sha256}"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Ready(told.pdf, media_type="application/pdf", headers=headers)


def _kind(text: str) -> DocumentKind:
    """Read a kind. Raises `Invalid`."""
    try:
        return DocumentKind(text)
    except ValueError:
        raise Invalid(f"kind is one of {_KINDS}.", field="kind") from None


ROUTES = [get_brand, put_brand, put_logo, delete_logo, get_pdf]
