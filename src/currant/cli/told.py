"""What several commands read alike: lists from files, days, reads; and how one thing is told."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import typer

from currant import wire
from currant.cli.figures import clock_time
from currant.cli.frame import Exit, Session, Stopped
from currant.clock import parse_day
from currant.installations.model import ReadTold
from currant.metering.model import RegisterRead
from currant.money import parse_amount

T = TypeVar("T")

ListFile = Annotated[
    Path | None,
    typer.Option("--file", help="Many at once: a JSON file as POST /v1 takes it, - for stdin."),
]
Reads = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        help="A read before the multiplier: METER=12510, or METER/2=17 for register 2.",
        metavar="METER[/REGISTER]=VALUE",
    ),
]
Text = str | None

_PLACES = 3
_BLANK: tuple[Any, ...] = ("", None, [], {})
_READ = re.compile(r"(.+?)(?:/(\d{1,2}))?=([^=]+)")
_REGISTER_READ = re.compile(r"(?:(\d{1,2})=)?([^=]+)")


def listed(session: Session, file: Path | None, shape: type[T], one: T | None) -> T:
    """Return the list of a file, or else the one thing that the options tell."""
    if (file is None) == (one is None):
        raise Stopped(Exit.USAGE, "Name one, or a --file of many. Nothing was done.")
    if file is None:
        return one  # type: ignore[return-value]
    with session.teller.upload(file) as sent:
        return wire.decode(sent.file.read(), shape)


def day(text: Text) -> date | None:
    """Read a day, if one is told."""
    return None if text is None else parse_day(text)


def told(text: Text) -> str | msgspec.UnsetType:
    """Return a text, or that it is not told."""
    return msgspec.UNSET if text is None else text


def meter_reads(texts: Sequence[str] | None) -> list[RegisterRead]:
    """Read `METER[/REGISTER]=VALUE`."""
    reads = []
    for text in texts or ():
        match = _READ.fullmatch(text)
        if match is None:
            raise Stopped(Exit.USAGE, f"{text!r} is not METER=VALUE. Nothing was done.")
        meter, register, value = match.groups()
        reads.append(RegisterRead(meter, parse_amount(value, places=_PLACES), int(register or 1)))
    return reads


def register_reads(texts: Sequence[str] | None) -> list[ReadTold]:
    """Read `VALUE` or `REGISTER=VALUE` of one meter."""
    reads = []
    for text in texts or ():
        match = _REGISTER_READ.fullmatch(text)
        if match is None:
            raise Stopped(Exit.USAGE, f"{text!r} is not REGISTER=VALUE. Nothing was done.")
        register, value = match.groups()
        reads.append(ReadTold(parse_amount(value, places=_PLACES), int(register or 1)))
    return reads


def lines(shown: msgspec.Struct, zone: ZoneInfo, indent: str = "") -> Iterator[str]:
    """Yield what is known of something, a member a line, times in a zone; blanks are left out."""
    for name in shown.__struct_fields__:
        value = getattr(shown, name)
        heading = f"{indent}{name.replace('_', ' ')}"
        if value in _BLANK:
            continue
        if isinstance(value, msgspec.Struct):
            value = [value]
        if isinstance(value, list) and isinstance(value[0], msgspec.Struct):
            if members := list(filter(None, (_in_a_line(member, zone) for member in value))):
                yield heading
                yield from (f"{indent}  {member}" for member in members)
        else:
            yield f"{heading:<26}{_plain(value, zone)}"


def _in_a_line(value: msgspec.Struct, zone: ZoneInfo) -> str:
    members = ((name, getattr(value, name)) for name in value.__struct_fields__)
    return ", ".join(
        f"{name.replace('_', ' ')} {_plain(member, zone)}"
        for name, member in members
        if member not in _BLANK
    )


def _plain(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return clock_time(value, zone)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {member}" for name, member in value.items())
    return str(value)
