"""NEM12 files for tests, written by hand, and the way to load them."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from currant.access.model import Actor
from currant.door import Door
from currant.intervals.model import Loaded, LoadNem12, OnboardNem12
from currant.intervals.verbs import load_nem12, onboard_nem12
from currant.upload import Upload

FIXTURES = next(
    (
        parent / "shared/fixtures/nem12"
        for parent in Path(__file__).parents
        if (parent / "shared/fixtures/nem12").is_dir()
    ),
    None,
)


def upload(raw: bytes) -> Upload:
    return Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))


def zipped(*files: bytes) -> bytes:
    """An archive of some files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(files):
            archive.writestr(f"{number}.csv", file)
    return packed.getvalue()


def nem12(*lines: str, made: str = "202604010000") -> bytes:
    """A file of these lines between its header and its end."""
    return "\r\n".join([f"100,NEM12,{made},MDP1,RET1", *lines, "900", ""]).encode()


def stream(
    nmi: str = "4100000001", suffix: str = "E1", serial: str = "M1", unit: str = "kWh",
    minutes: int = 30,
) -> str:  # fmt: skip
    """A 200 record."""
    return f"200,{nmi},E1,1,{suffix},N1,{serial},{unit},{minutes},"


def day(
    on: str = "20260302", value: str = "1.250", quality: str = "A", updated: str = "20260303120000",
    count: int = 48, values: Sequence[str] = (), reason: str = ",",
) -> str:  # fmt: skip
    """A 300 record, the same value in every interval or values of its own."""
    told = ",".join(values or [value] * count)
    return f"300,{on},{told},{quality},{reason},{updated},"


async def loaded(door: Door, actor: Actor, raw: bytes, **more: object) -> Loaded:
    """Load a file."""
    return await door.act(load_nem12, LoadNem12(upload(raw), **more), actor)


async def onboarded(door: Door, actor: Actor, raw: bytes, **more: object) -> Loaded:
    """Load a file and make what it names in the building B1."""
    return await door.act(onboard_nem12, OnboardNem12(upload(raw), "B1", **more), actor)


async def building(owner: object, code: str = "B1") -> None:
    """Plant a building."""
    await owner.execute(  # type: ignore[attr-defined]
        "insert into locations.building (portal_id, building_code, name, created_at, last_mod) "
        "select portal_id, $1, 'Riverside', now(), now() from access.portal",
        code,
    )
