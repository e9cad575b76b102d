"""Papers in the database: frozen with the brand of the day, rendered once, handed out."""

import asyncio
import hashlib
import io
from datetime import timedelta

import asyncpg
import pytest
from httpx import AsyncClient
from msgspec.structs import replace
from pypdf import PdfReader
from tests.conftest import make_user, token_header
from tests.houses import small_house
from tests.papers import LOGO, TERMS, credit_note, receipt, short, statement

from currant import wire
from currant.access.model import AUTO, OPERATOR, Actor, CreatePortal
from currant.access.verbs import Nothing, create_portal
from currant.clock import FrozenClock
from currant.documents.model import (
    BrandTerms,
    BrandUnnamed,
    ColourUnknown,
    DocumentAmbiguous,
    DocumentKind,
    DocumentNamed,
    DocumentTaken,
    FreezePapers,
    LocaleUnknown,
    LogoUnfit,
    NoSuchDocument,
    Paper,
    SetLogo,
)
from currant.documents.verbs import (
    AT_ONCE,
    document_pdf,
    freeze_papers,
    portals_waiting,
    render_pending,
    set_brand,
    set_logo,
    show_brand,
)
from currant.door import Door
from currant.errors import Forbidden
from currant.jobs.worker import render_all
from currant.upload import Upload

JOB = AUTO.at("example")


def upload(raw: bytes) -> SetLogo:
    return SetLogo(Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw)))


@pytest.fixture
async def account_id(door: Door, boss: Actor, owner: asyncpg.Connection) -> int:
    await small_house(door, boss)
    return await owner.fetchval("select account_id from customers.account")


async def freeze(door: Door, account_id: int, *papers: Paper) -> list[int]:
    command = FreezePapers([account_id] * len(papers), list(papers))
    return await door.act(freeze_papers, command, OPERATOR.at("example"))


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def test_a_portal_begins_with_its_name_and_says_more(door: Door, boss: Actor) -> None:
    begun = await door.ask(show_brand, Nothing(), boss)
    assert (begun.brand_version, begun.terms) == (1, BrandTerms("Example Power"))
    said = await door.act(set_brand, TERMS, boss)
    assert (said.brand_version, said.terms, said.logo_type) == (2, TERMS, "")
    said = await door.act(set_logo, upload(LOGO), boss)
    assert (said.logo_type, said.logo_bytes, said.terms) == ("image/svg+xml", len(LOGO), TERMS)
    said = await door.act(set_brand, replace(TERMS, name="Other"), boss)
    assert (said.brand_version, said.logo_bytes) == (4, len(LOGO))
    assert (await door.act(set_logo, SetLogo(None), boss)).logo_type == ""
    assert (await door.ask(show_brand, Nothing(), boss)).brand_version == 5


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        (replace(TERMS, name="  "), BrandUnnamed),
        (replace(TERMS, colour="red"), ColourUnknown),
        (replace(TERMS, colour="#12345g"), ColourUnknown),
        (replace(TERMS, locale="xx_YY"), LocaleUnknown),
        (replace(TERMS, locale="../../etc"), LocaleUnknown),
        (replace(TERMS, locale=""), LocaleUnknown),
    ],
)
async def test_a_brand_that_cannot_be_is_refused(
    door: Door, boss: Actor, terms: BrandTerms, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await door.act(set_brand, terms, boss)
    assert (await door.ask(show_brand, Nothing(), boss)).brand_version == 1


async def test_a_logo_that_cannot_be_is_refused(door: Door, boss: Actor) -> None:
    for raw in (b"", b"not an image", LOGO + b" " * 262144):
        with pytest.raises(LogoUnfit):
            await door.act(set_logo, upload(raw), boss)
    assert (await door.ask(show_brand, Nothing(), boss)).brand_version == 1


async def test_only_who_approves_bills_says_what_they_bear(
    door: Door, boss: Actor, cashier: Actor
) -> None:
    with pytest.raises(Forbidden):
        await door.act(set_brand, TERMS, cashier)


async def test_changes_at_once_are_versions_one_after_another(door: Door, boss: Actor) -> None:
    terms = [replace(TERMS, name=f"Name {n}") for n in range(8)]
    said = await asyncio.gather(*(door.act(set_brand, one, boss) for one in terms))
    assert sorted(one.brand_version for one in said) == list(range(2, 10))


async def test_a_document_is_rendered_once_and_stays(
    door: Door, boss: Actor, owner: asyncpg.Connection, account_id: int
) -> None:
    await door.act(set_brand, TERMS, boss)
    await freeze(door, account_id, short(), receipt())
    await door.act(set_brand, replace(TERMS, name="Another Name"), boss)
    first = await door.act(document_pdf, DocumentNamed("100234"), boss)
    assert "Harbour View Energy" in text_of(first.pdf)
    assert first.sha256 == hashlib.sha256(first.pdf).hexdigest()
    assert (first.kind, first.account) == (DocumentKind.INVOICE, "00001")
    assert await render_all(door) == 1
    assert await render_all(door) == 0
    assert await owner.fetchval("select count(*) from documents.rendering") == 2
    assert await door.act(document_pdf, DocumentNamed("100234"), boss) == first
    for change in ("update documents.rendering set pdf = ''", "delete from documents.document"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(change)


async def test_documents_are_frozen_in_the_order_given(
    door: Door, owner: asyncpg.Connection, account_id: int
) -> None:
    papers = [short(number=str(n)) for n in (9, 3, 7)]
    ids = await freeze(door, account_id, *papers)
    rows = await owner.fetch("select document_id, number, kind from documents.document")
    numbers = {row["document_id"]: row["number"] for row in rows}
    assert [numbers[one] for one in ids] == ["9", "3", "7"]
    assert await freeze(door, account_id) == []
    with pytest.raises(DocumentTaken):
        await freeze(door, account_id, short(number="1"), short(number="3"))
    assert await owner.fetchval("select count(*) from documents.due") == 3


async def test_two_jobs_share_what_waits(
    door: Door, owner: asyncpg.Connection, account_id: int
) -> None:
    await freeze(door, account_id, *(short(number=str(n)) for n in range(12)))
    done = await asyncio.gather(*(door.act(render_pending, 6, JOB) for _ in range(2)))
    assert [(one.rendered, one.failed) for one in done] == [(6, 0), (6, 0)]
    assert await owner.fetchval("select count(*) from documents.due") == 0
    assert await owner.fetchval("select count(*) from documents.rendering") == 12


async def test_a_job_and_those_who_ask_get_one_rendering(
    door: Door, boss: Actor, owner: asyncpg.Connection, account_id: int
) -> None:
    await freeze(door, account_id, *(short(number=str(n)) for n in range(4)))
    asked = [door.act(document_pdf, DocumentNamed(str(n % 4)), boss) for n in range(12)]
    _, *told = await asyncio.gather(door.act(render_pending, 4, JOB), *asked)
    assert len({one.sha256 for one in told}) == 4
    assert await owner.fetchval("select count(*) from documents.rendering") == 4
    assert await owner.fetchval("select count(*) from documents.due") == 0


async def test_what_cannot_be_rendered_is_put_off_and_holds_nobody_up(
    door: Door, owner: asyncpg.Connection, account_id: int, clock: FrozenClock
) -> None:
    await owner.execute(
        "insert into documents.document (portal_id, kind, number, account_id, template_version,"
        " brand_version, snapshot, frozen_at)"
        " select portal_id, 'INVOICE', 'broken', account_id, 1, 1, '{}', now()"
        " from customers.account"
    )
    await owner.execute(
        "insert into documents.due select portal_id, document_id, frozen_at - interval '9 years'"
        " from documents.document"
    )
    await freeze(door, account_id, *(short(number=str(n)) for n in range(AT_ONCE + 2)))
    assert await render_all(door) == AT_ONCE + 2
    row = await owner.fetchrow("select tries, trouble, due_at from documents.due")
    assert (row["tries"], row["due_at"]) == (1, clock.now() + timedelta(seconds=60))
    assert "paper" in row["trouble"]
    assert await door.ask(portals_waiting, Nothing(), AUTO) == []


async def test_numbers_of_several_kinds_are_told_apart(
    door: Door, boss: Actor, account_id: int
) -> None:
    await freeze(door, account_id, short(number="7"), receipt_of("7"), statement(), credit_note())
    with pytest.raises(DocumentAmbiguous) as refused:
        await door.act(document_pdf, DocumentNamed("7"), boss)
    assert "INVOICE, RECEIPT" in refused.value.message
    told = await door.act(document_pdf, DocumentNamed("7", DocumentKind.RECEIPT), boss)
    assert "Amount received" in text_of(told.pdf)
    told = await door.act(document_pdf, DocumentNamed("C100031"), boss)
    assert told.kind is DocumentKind.CREDIT_NOTE
    with pytest.raises(NoSuchDocument):
        await door.act(document_pdf, DocumentNamed("8"), boss)


def receipt_of(number: str) -> Paper:
    return replace(receipt(), number=number)


async def test_who_is_barred_from_an_account_gets_no_paper_of_it(
    door: Door, boss: Actor, account_id: int
) -> None:
    await freeze(door, account_id, short())
    barred = await make_user(door, "example", "barred", "SysAdmin", blocked_accounts="00001")
    with pytest.raises(Forbidden):
        await door.act(document_pdf, DocumentNamed("100234"), barred)


async def test_papers_are_their_portals(door: Door, boss: Actor, account_id: int) -> None:
    other = CreatePortal("other", "Other", "America/New_York", "USD", "CEC", tz_index=11)
    await door.act(create_portal, other, OPERATOR)
    stranger = await make_user(door, "other", "stranger", "SysAdmin")
    await freeze(door, account_id, short())
    with pytest.raises(NoSuchDocument):
        await door.act(document_pdf, DocumentNamed("100234"), stranger)
    assert (await door.ask(show_brand, Nothing(), stranger)).terms.name == "Other"


# The native face


async def test_the_brand_by_http(http: AsyncClient, boss: Actor, cashier: Actor) -> None:
    head, path = token_header(boss), "/v1/example/brand"
    begun = await http.get(path, headers=head)
    assert begun.json()["terms"]["name"] == "Example Power"
    terms = wire.encode(TERMS)
    said = await http.put(path, content=terms, headers=head)
    assert (said.status_code, said.json()["brand_version"]) == (200, 2)
    logo = await http.put(f"{path}/logo", content=LOGO, headers=head)
    assert (logo.status_code, logo.json()["logo_type"]) == (200, "image/svg+xml")
    large = await http.put(f"{path}/logo", content=b"x" * 262145, headers=head)
    assert large.status_code == 413
    wrong = await http.put(f"{path}/logo", content=b"x", headers=head)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "logo")
    assert (await http.delete(f"{path}/logo", headers=head)).json()["logo_bytes"] == 0
    for body, field in (
        ({"name": "x", "color": "#000000"}, "color"),
        ({}, "name"),
        ({"name": "x", "locale": "nowhere"}, "locale"),
        ({"name": "x", "texts": [{"title": "t", "text": "y", "kind": "z"}]}, "texts[0].kind"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x\0"}, "name"),
    ):
        refused = await http.put(path, json=body, headers=head)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await http.put(path, content=terms, headers=token_header(cashier))).status_code == 403
    assert (await http.get(path)).status_code == 401


async def test_a_pdf_by_http(http: AsyncClient, door: Door, boss: Actor, account_id: int) -> None:
    await freeze(door, account_id, short(), short(number='7" \r\nX: y'), receipt_of("100234"))
    head, path = token_header(boss), "/v1/example/documents/100234/pdf"
    told = await http.get(f"{path}?kind=INVOICE", headers=head)
    assert (told.status_code, told.headers["content-type"]) == (200, "application/pdf")
    assert told.headers["content-disposition"] == 'inline; filename="invoice-100234.pdf"'
    assert told.headers["etag"] == f'"{hashlib.sha256(told.content).hexdigest()}"'
    assert (await http.get(f"{path}?kind=INVOICE", headers=head)).content == told.content
    assert (await http.get(path, headers=head)).status_code == 409
    assert (await http.get(f"{path}?kind=LETTER", headers=head)).json()["field"] == "kind"
    strange = await http.get("/v1/example/documents/7%22%20%0D%0AX:%20y/pdf", headers=head)
    assert strange.headers["content-disposition"] == 'inline; filename="invoice-7-X-y.pdf"'
    assert (await http.get("/v1/example/documents/8/pdf", headers=head)).status_code == 404
    assert (await http.get(path)).status_code == 401
