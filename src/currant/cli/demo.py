"""`currant demo`: utilities to look at, loaded once and served beside a simulated head-end.

One sells energy in advance, the other bills a building afterwards.

The head-end is threads of this process, so nothing of it is left when the demo ends, however it
does. What it and the platform know each other by is made anew at each start and kept nowhere.
"""

import os
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from currant import wire
from currant.access.model import (
    OPERATOR,
    Actor,
    CreateKey,
    IssueToken,
    RevokeKey,
    SetPassword,
)
from currant.access.passwords import hash_password
from currant.access.verbs import (
    Nothing,
    access_keys,
    create_key,
    hash_token,
    issue_token,
    new_token,
    revoke_key,
    set_password,
    who_am_i,
)
from currant.cli import tower_loading as tower
from currant.cli.database import bring_forward
from currant.cli.example import DAYS, HOMES
from currant.cli.frame import AsJson, Options, Quiet, Teller, read_settings, run
from currant.cli.loading import AT_ONCE, BOSS, HEADEND, PORTAL, is_loaded, load
from currant.cli.serve import (
    Replace,
    WithParent,
    address_of,
    port_held,
    public_url_of,
    serve_until_stopped,
)
from currant.cli.simulator import Simulator, simulated
from currant.cli.tower import BUILDING, MONTHS, UNITS
from currant.clock import FrozenClock, SystemClock
from currant.customers.verbs import account_keys
from currant.db.database import Urls, database, refuse_unfit
from currant.db.health import refuse_unreachable
from currant.db.tx import open_pool
from currant.documents.model import DocumentKind, DocumentNamed
from currant.documents.verbs import document_pdf
from currant.door import Door
from currant.errors import Invalid, Unauthenticated, Unparsable
from currant.headends.model import SetHeadEnd
from currant.headends.verbs import set_head_end
from currant.invoices.model import InvoicesWanted
from currant.invoices.verbs import invoices
from currant.locations.model import KeysWanted
from currant.settings import Settings

app = typer.Typer()

_HERE = "127.0.0.1"
_SOURCE = "multispeak"


class Credentials(msgspec.Struct, frozen=True):
    """What the demo's users prove themselves with, as a home keeps it; the password is of both."""

    password: str
    token: str
    key: str


class Building(msgspec.Struct, frozen=True):
    """How to get at the building that is billed, a call that answers, and an invoice of it."""

    portal: str
    login: str
    key: str
    curl: str
    invoice: str


class Access(msgspec.Struct, frozen=True):
    """How to get into the demo, and calls that answer."""

    url: str
    portal: str
    login: str
    password: str
    token: str
    curl: str
    building: Building


@app.command("demo")
def demo(
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Load it and end.")] = False,
    replace: Replace = False,
    with_parent: WithParent = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Load the demo utilities once, serve them, and print how to get in.

    Portal `example` sells energy in advance; portal `tower` bills a building. Their users keep what
    they had at the first start, in `demo.json` of the home.
    """
    teller = Teller(Options(as_json=as_json, quiet=quiet))
    work = _load(teller) if no_serve else _serve(teller, replace=replace, with_parent=with_parent)
    run(work, as_json=as_json)


async def _serve(teller: Teller, *, replace: bool, with_parent: bool) -> None:
    config = read_settings()
    with port_held(config, teller, replace=replace):
        await _forward(config)
        async with database(config) as urls:
            access = await _loaded(teller, config, urls)
            token, hashed = new_token()
            expected, _ = new_token()
            simulator = Simulator(
                SystemClock(), public_url_of(config), f"token {HEADEND}:{token}", token=expected
            )
            with simulated(simulator, _HERE, 0) as url:
                await _attach(urls, SetHeadEnd(_SOURCE, url, expected), hashed)
                serve_until_stopped(
                    config, urls, lambda: _tell(teller, access), with_parent=with_parent
                )


async def _load(teller: Teller) -> None:
    config = read_settings()
    await _forward(config)
    async with database(config) as urls:
        _tell(teller, await _loaded(teller, config, urls))


async def _forward(config: Settings) -> None:
    """Bring a database of the user's own forward, where its owner is named."""
    if config.database_url is not None and config.owner_url is not None:
        await bring_forward(config)


async def _loaded(teller: Teller, config: Settings, urls: Urls) -> Access:
    """Load what is not there yet, and see that the demo's user can get in."""
    await refuse_unreachable(urls.runtime)
    await refuse_unfit(urls.runtime)
    async with await open_pool(urls.runtime, size=AT_ONCE, name="currant demo") as pool:
        clock = FrozenClock(SystemClock().now())
        door = Door(pool, clock)
        if not await is_loaded(door):
            teller.note(f"Loading a utility of {HOMES} accounts with {DAYS} days of reads, once.")
            with teller.progress() as progress:
                await load(door, clock, progress)
        if not await tower.is_loaded(door):
            teller.note(f"Loading a building of {len(UNITS)} units with {MONTHS} months, once.")
            with teller.progress() as progress:
                await tower.load(door, clock, progress)
        return await enter(Door(pool, SystemClock()), config)


async def _attach(urls: Urls, head_end: SetHeadEnd, token_hash: str) -> None:
    """Let the demo's portal send its requests to a head-end, and that one answer."""
    async with await open_pool(urls.runtime, size=1, name="currant demo") as pool:
        door, operator = Door(pool, SystemClock()), OPERATOR.at(PORTAL)
        await door.act(issue_token, IssueToken(HEADEND, token_hash), operator)
        await door.act(set_head_end, head_end, operator)


async def enter(door: Door, config: Settings) -> Access:
    """Return how to get in: as at the start before, unless that is refused by now."""
    operator = OPERATOR.at(PORTAL)
    kept = config.home / "demo.json"
    credentials = _read(kept)
    if credentials is None or not await _good(door, credentials):
        credentials = await _issued(door, operator)
        _keep(kept, credentials)
    async with door.asking(account_keys, operator) as tx:
        (first,) = [keys async for keys in account_keys(tx, KeysWanted(1))]
    url, key = address_of(config), credentials.key
    invoice = config.home / "invoice.pdf"
    invoice.write_bytes(await _invoice(door))
    return Access(
        url=url,
        portal=PORTAL,
        login=BOSS,
        password=credentials.password,
        token=credentials.token,
        curl=f"curl -H 'Authorization: token {BOSS}:{credentials.token}' "
        f"'{url}/customers/wallet/get-values?portal={PORTAL}&account={first.juice_key}'",
        building=Building(
            portal=tower.PORTAL,
            login=tower.MANAGER,
            key=key,
            curl=f"curl -H 'Authorization: Bearer {key}' "
            f"'{url}/utilmate/GETSITELIST?companycode={tower.PORTAL}&building_code={BUILDING}'",
            invoice=str(invoice),
        ),
    )


async def _invoice(door: Door) -> bytes:
    """Return an invoice of the building's first bill run as PDF: that of who uses most."""
    actor = OPERATOR.at(tower.PORTAL)
    async with door.asking(invoices, actor) as tx:
        wanted = InvoicesWanted(how_many=len(UNITS))
        heads = [invoice.head async for invoice in invoices(tx, wanted)]
    shown = max(heads, key=lambda head: head.total)
    named = DocumentNamed(shown.number, DocumentKind.INVOICE)
    return (await door.act(document_pdf, named, actor)).pdf


def _read(path: Path) -> Credentials | None:
    """Return the credentials that a file keeps, if it is there and whole."""
    try:
        return wire.decode(path.read_bytes(), Credentials)
    except (FileNotFoundError, Unparsable, Invalid):
        return None


def _keep(path: Path, credentials: Credentials) -> None:
    """Put the credentials into a file that only the home's owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(wire.encode(credentials))
    new.replace(path)


async def _good(door: Door, credentials: Credentials) -> bool:
    """Tell whether the password, the token and the key still prove the demo's users."""
    token = Actor(BOSS, "TOKEN", hash_token(credentials.token), PORTAL)
    key = Actor("", "KEY", hash_token(credentials.key), tower.PORTAL)
    try:
        for login in (BOSS, tower.MANAGER):
            await door.prove_password(login, credentials.password)
        for actor in (token, key):
            await door.ask(who_am_i, Nothing(), actor)
    except Unauthenticated:
        return False
    return True


async def _issued(door: Door, operator: Actor) -> Credentials:
    """Give the demo's users a new password, a new token and a new key."""
    password, _ = new_token()
    token, hashed = new_token()
    key, secret = new_token()
    manages = operator.at(tower.PORTAL)
    for login, actor in ((BOSS, operator), (tower.MANAGER, manages)):
        await door.act(set_password, SetPassword(login, hash_password(password)), actor)
    await door.act(issue_token, IssueToken(BOSS, hashed), operator)
    for held in await door.ask(access_keys, Nothing(), manages):
        if held.name == BOSS and held.revoked_at is None:
            await door.act(revoke_key, RevokeKey(held.key_id), manages)
    await door.act(create_key, CreateKey(BOSS, tower.MANAGER, secret), manages)
    return Credentials(password, token, key)


def _tell(teller: Teller, access: Access) -> None:
    teller.tell(access, lambda: "\n".join(_told(access)))


def _told(access: Access) -> Iterator[str]:
    """Yield how to get in, a line each; 80 columns hold them."""
    billed = access.building
    yield f"The demo is at {access.url}, what it answers at {access.url}/docs."
    yield "\nA utility that sells in advance, by JuiceAPI:\n"
    for member in ("portal", "login", "password", "token"):
        yield f"  {member:<8}  {getattr(access, member)}"
    yield _broken(access.curl)
    yield "\nA building that is billed, by the Utilmate API; the password is the same:\n"
    for member in ("portal", "login", "key", "invoice"):
        yield f"  {member:<8}  {getattr(billed, member)}"
    yield _broken(billed.curl)


def _broken(curl: str) -> str:
    """Return a call on three lines, as a shell takes it."""
    _, _, header, url = shlex.split(curl)
    path, _, query = url.partition("?")
    asked = " ".join(f"-d {told}" for told in query.split("&"))
    return f"\n  curl -H '{header}' \\\n    -G {asked} \\\n    {path}"
