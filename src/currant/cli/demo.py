"""`currant demo`: a utility to look at, loaded once and served beside a simulated head-end.

The head-end is threads of this process, so nothing of it is left when the demo ends, however it
does. What it and the platform know each other by is made anew at each start and kept nowhere.
"""

import os
import secrets
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from currant import wire
from currant.access.model import OPERATOR, Actor, IssueToken, SetPassword
from currant.access.passwords import hash_password
from currant.access.verbs import (
    Nothing,
    hash_token,
    issue_token,
    new_token,
    set_password,
    who_am_i,
)
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
from currant.clock import FrozenClock, SystemClock
from currant.customers.verbs import account_keys
from currant.db.database import Urls, database, refuse_unfit
from currant.db.health import refuse_unreachable
from currant.db.tx import open_pool
from currant.door import Door
from currant.errors import Invalid, Unauthenticated, Unparsable
from currant.headends.model import SetHeadEnd
from currant.headends.verbs import set_head_end
from currant.locations.model import KeysWanted
from currant.settings import Settings

app = typer.Typer()

_HERE = "127.0.0.1"
_SOURCE = "multispeak"


class Credentials(msgspec.Struct, frozen=True):
    """What the demo's user proves itself with, as a home keeps it."""

    password: str
    token: str


class Access(msgspec.Struct, frozen=True):
    """How to get into the demo, and a call that answers."""

    url: str
    portal: str
    login: str
    password: str
    token: str
    curl: str


@app.command("demo")
def demo(
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Load it and end.")] = False,
    replace: Replace = False,
    with_parent: WithParent = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Load the demo utility (portal `example`) once, serve it, and print how to get in.

    Its user keeps the password and the token of the first start, in `demo.json` of the home.
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
    url = address_of(config)
    return Access(
        url=url,
        portal=PORTAL,
        login=BOSS,
        password=credentials.password,
        token=credentials.token,
        curl=f"curl -H 'Authorization: token {BOSS}:{credentials.token}' "
        f"'{url}/customers/wallet/get-values?portal={PORTAL}&account={first.juice_key}'",
    )


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
    """Tell whether both the password and the token still prove the demo's user."""
    try:
        await door.prove_password(BOSS, credentials.password)
        token = Actor(BOSS, "TOKEN", hash_token(credentials.token), PORTAL)
        await door.ask(who_am_i, Nothing(), token)
    except Unauthenticated:
        return False
    return True


async def _issued(door: Door, operator: Actor) -> Credentials:
    """Give the demo's user a new password and a new token."""
    password, _ = new_token()
    token, hashed = new_token()
    await door.act(set_password, SetPassword(BOSS, hash_password(password)), operator)
    await door.act(issue_token, IssueToken(BOSS, hashed), operator)
    return Credentials(password, token)


def _tell(teller: Teller, access: Access) -> None:
    teller.tell(
        access,
        lambda: "\n".join(
            (
                f"The demo utility is at {access.url}, what it answers at {access.url}/docs.",
                "",
                f"  portal    {access.portal}",
                f"  login     {access.login}",
                f"  password  {access.password}",
                f"  token     {access.token}",
                "",
                f"  {access.curl}",
            )
        ),
    )
