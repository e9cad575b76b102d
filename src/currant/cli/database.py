"""`currant migrate` and `currant doctor`: the schema brought forward, and all of it examined."""

import shutil
from pathlib import Path

import typer

from currant.access.verbs import Nothing
from currant.cli.frame import (
    AsJson,
    Exit,
    Options,
    Quiet,
    Stopped,
    Teller,
    opened,
    read_settings,
    run,
)
from currant.cli.ledger import faults_of
from currant.clock import SystemClock
from currant.db.database import DatabaseUnfit, database
from currant.db.health import Finding, examine, refuse_unreachable
from currant.db.migrate import ROLES, MigrationError, migrate
from currant.errors import Invalid
from currant.jobs.notices import carriers_of
from currant.notices.model import Channel
from currant.notices.verbs import outbox
from currant.settings import Settings

app = typer.Typer()

_LEAST_FREE_BYTES = 1024**3
_LOST_IN_A_CRASH = ("fsync", "full page writes", "data checksums")  # The books can be read.


@app.command("migrate")
def migrate_command(*, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Install the schema, or bring it forward; needs CURRANT_OWNER_URL for a database of yours."""
    run(_migrate(Teller(Options(as_json, quiet))), as_json=as_json)


@app.command("doctor")
def doctor(*, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Examine the database, the role that serves, the schema, the disk and the books; exit 3."""
    run(_doctor(Options(as_json, quiet)), as_json=as_json)


async def _migrate(teller: Teller) -> None:
    taken = await bring_forward(read_settings())
    teller.tell(
        {"taken": taken},
        lambda: f"Taken: {', '.join(taken)}." if taken else "The schema is up to date.",
    )


async def bring_forward(config: Settings) -> list[str]:
    """Bring the schema forward and return the steps taken. Raises `MigrationError`, `Stopped`."""
    if config.owner_url is None and config.database_url is None:
        async with database(config):
            return []
    if config.owner_url is None:
        raise Stopped(
            Exit.USAGE,
            "CURRANT_DATABASE_URL names a database, but CURRANT_OWNER_URL does not say who owns "
            "it, and only its owner may change the schema. Nothing was done.",
        )
    await refuse_unreachable(config.owner_url)
    try:
        return await migrate(config.owner_url)
    except MigrationError as error:
        if "does not exist" in str(error) and "role" in str(error):
            made = " ".join(f"create role {role} login;" for role in ROLES)
            raise MigrationError(f"{error}\nMake the roles once, as a superuser: {made}") from error
        raise


async def _doctor(options: Options) -> None:
    config = read_settings()
    findings: list[Finding] = []
    async with database(config) as urls:
        findings += await examine(urls.runtime, SystemClock().now())
        findings.append(_disk(config.home))
        if all(finding.sound or finding.check in _LOST_IN_A_CRASH for finding in findings):
            findings.append(await _books(options))
            findings.append(await _messages(options))
    teller = Teller(options)
    teller.rows(findings, "check", "sound", "detail")
    unsound = [finding.check for finding in findings if not finding.sound]
    if unsound:
        raise Stopped(Exit.CHECK_FAILED, f"Not sound: {', '.join(unsound)}.")


def _disk(home: Path) -> Finding:
    """Tell what is free where the home is, or will be."""
    place = next(path for path in (home, *home.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    told = f"{free // 1024**2} MiB free at {place}"
    sound = free >= _LEAST_FREE_BYTES
    return Finding("disk", sound, told if sound else f"{told}; PostgreSQL stops when it is full")


async def _books(options: Options) -> Finding:
    try:
        async with opened(options) as session:
            faults = await faults_of(session)
    except DatabaseUnfit as unfit:
        return Finding("books", sound=False, detail=str(unfit))
    told = f"{len(faults)} faults; `currant ledger verify` names them"
    return Finding("books", not faults, told if faults else "every entry balances, wallets agree")


async def _messages(options: Options) -> Finding:
    """Tell which messages to people wait, and whether something carries them."""
    config = read_settings()
    try:
        carried = carriers_of(config).channels
    except Invalid as invalid:
        return Finding("messages", sound=False, detail=invalid.message)
    async with opened(options) as session:
        found = await session.ask(outbox, Nothing())
    settings = {Channel.EMAIL: "CURRANT_SMTP_URL", Channel.SMS: "CURRANT_SMS_URL"}
    told, sound = [], True
    for channel, variable in settings.items():
        of_channel = next((one for one in found if one.channel == channel), None)
        waiting = 0 if of_channel is None else of_channel.waiting
        failed = 0 if of_channel is None else of_channel.failed
        if channel not in carried:
            told.append(f"{waiting} {channel} wait until {variable} is set")
            sound &= not waiting
        else:
            told.append(f"{waiting} {channel} wait")
        if failed:
            told.append(f"{failed} {channel} failed: `currant notice list --failed`")
    return Finding("messages", sound, "; ".join(told))
