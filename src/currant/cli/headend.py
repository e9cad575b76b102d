"""`currant headend`: where requests to meters are sent, and a head-end that is simulated."""

import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from currant.access.verbs import Nothing
from currant.cli.figures import figures
from currant.cli.frame import (
    Exit,
    Options,
    Quiet,
    Session,
    Stopped,
    Teller,
    command,
    first_line,
    run,
)
from currant.cli.simulator import Simulator, simulated
from currant.clock import SystemClock
from currant.headends.model import CallbackUnit, SetHeadEnd
from currant.headends.verbs import head_ends, set_head_end

app = typer.Typer(no_args_is_help=True)

TokenFile = Annotated[
    Path | None, typer.Option(help="The bearer token sent with each request; none without it.")
]


@command(app, "set")
async def set_url(
    session: Session,
    source: Annotated[str, typer.Argument(help="bybot, mas, microstar or multispeak.")],
    url: Annotated[str, typer.Argument(help="Where requests are posted.")],
    *,
    token_file: TokenFile = None,
    callback_unit: Annotated[
        CallbackUnit, typer.Option(case_sensitive=False, help="The unit of its readings.")
    ] = CallbackUnit.WH,
    timeout_minutes: Annotated[
        int, typer.Option(help="How long an answer is waited for, in minutes.")
    ] = 15,
) -> None:
    """Say where the portal's requests to a head-end are sent; what waits for it goes out at once.

    All of it is said anew each time. It is called back at CURRANT_PUBLIC_URL, or where this machine
    is served.
    """
    token = "" if token_file is None else first_line(token_file)
    wanted = SetHeadEnd(source, url, token, callback_unit, timeout_minutes)
    done = await session.act(set_head_end, wanted)
    told = f"Requests to {done.source} are sent to {done.url}."
    session.teller.tell({"source": done.source, "url": done.url}, lambda: told)


@command(app, "list")
async def list_head_ends(session: Session) -> None:
    """List the head-ends, where each is, and how many requests wait for it."""
    rows = await session.ask(head_ends, Nothing())
    lines = [
        Line(
            row.source,
            row.url,
            "yes" if row.has_token else "",
            row.callback_unit,
            row.timeout_minutes,
            row.waiting,
            row.unanswered,
        )
        for row in rows
    ]
    columns = Line.__struct_fields__
    numbers = ("minutes", "waiting", "unanswered")
    session.teller.tell(rows, lambda: figures(lines, *columns, right=numbers, folds=("url",)))


class Line(msgspec.Struct, frozen=True):
    """A head-end as it is listed: how many minutes it is waited for, and what waits for it."""

    source: str
    url: str
    token: str
    unit: str
    minutes: int
    waiting: int
    unanswered: int


@app.command("simulate")
def simulate(
    *,
    user: Annotated[str, typer.Option(help="The login that it calls back with.")],
    password_file: Annotated[
        Path | None, typer.Option(help="The password of the login: a file's first line.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Or the token of the login: a file's first line.")
    ] = None,
    platform: Annotated[
        str, typer.Option(help="The URL of the platform that it calls back, and nobody else.")
    ] = "http://127.0.0.1:8080",
    expect_token_file: Annotated[
        Path | None, typer.Option(help="The token that requests must bear, as `set` was told.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any free one.")] = 8090,
    delay: Annotated[int, typer.Option(min=0, max=3600, help="Seconds until it answers.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Simulate a head-end until SIGTERM or Ctrl-C: meters in memory that are read and switched."""
    teller = Teller(Options(quiet=quiet))

    async def work() -> None:
        expected = "" if expect_token_file is None else first_line(expect_token_file)
        simulator = Simulator(
            SystemClock(),
            platform,
            _authorization(user, password_file, token_file),
            token=expected,
            delay_seconds=delay,
            note=teller.note,
        )
        try:
            with simulated(simulator, host, port) as url:
                teller.note(
                    f"Simulating a head-end at {url}, for `currant headend set SOURCE {url}`."
                )
                with suppress(SystemExit):  # By SIGTERM: it is asked to end.
                    threading.Event().wait()
        except OSError as error:
            told = f"Nothing can listen on {host} port {port}: {error.strerror}."
            raise Stopped(Exit.FAILURE, f"{told} Nothing was started.") from error

    run(work())


def _authorization(login: str, password_file: Path | None, token_file: Path | None) -> str:
    """Return the header that a login signs its callbacks with."""
    if token_file is not None:
        return f"token {login}:{first_line(token_file)}"
    if password_file is not None:
        told = f"{login}:{first_line(password_file)}"
        return f"Basic {b64encode(told.encode()).decode()}"
    raise Stopped(Exit.USAGE, "Give --password-file or --token-file. Nothing was started.")
