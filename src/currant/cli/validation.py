"""`currant read`, `currant validation` and `currant estimate`: basic reads, checks, estimates."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from currant import wire
from currant.access.verbs import Nothing, show_portal
from currant.basicreads.model import BasicRead, PostReads, ReadsOfAccount
from currant.basicreads.verbs import account_reads, post_reads
from currant.cli.figures import figures
from currant.cli.frame import NEWEST, Session, command
from currant.cli.imports import DryRun, Key
from currant.clock import parse_day, parse_instant
from currant.estimation.model import EstimateDays, EstimateReads
from currant.estimation.verbs import estimate_days, estimate_reads
from currant.intervals.verbs import account_days
from currant.money import kwh, parse_amount
from currant.validation.model import (
    DecideFindings,
    Finding,
    FindingStatus,
    FindingsWanted,
    Rule,
    Validate,
)
from currant.validation.verbs import checks, decide_findings, findings, validate

read = typer.Typer(no_args_is_help=True)
app = typer.Typer(no_args_is_help=True)
estimate = typer.Typer(no_args_is_help=True)

FromDay = Annotated[str, typer.Argument(help="The first day: 2026-02-01", metavar="FROM")]
ToDay = Annotated[str, typer.Argument(help="The last day.", metavar="TO")]
Building = Annotated[str | None, typer.Option(help="Of this building only.")]
Account = Annotated[str | None, typer.Option(help="Of this account only.")]

_PLACES = 6


@command(read, "post")
async def post_read(
    session: Session,
    site: Annotated[str, typer.Argument(help="The site: its NMI, or L03281.")] = "",
    meter: Annotated[str, typer.Argument(help="The meter: its code or serial number.")] = "",
    value: Annotated[str, typer.Argument(help="What it shows, before any multiplier.")] = "",
    day: Annotated[str, typer.Argument(help="The day of the read: 2026-02-28")] = "",
    *,
    file: Annotated[
        Path | None, typer.Option(help="Many reads at once: a JSON array, as /v1 takes them.")
    ] = None,
    register: Annotated[int, typer.Option(help="The number of the register.")] = 1,
    sub_type: Annotated[
        str,
        typer.Option("--type", help="ACTUAL, ACTUALC, ESTIMATE, OPENING, CLOSING, MISREAD …"),
    ] = "ACTUAL",
    add_factor: Annotated[
        int, typer.Option(help="It rolled over: where its dials start again, such as 100000.")
    ] = 0,
    next_day: Annotated[str | None, typer.Option("--next", help="When it is read next.")] = None,
    notes: Annotated[str, typer.Option(help="What is noted of it.")] = "",
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Post a basic read, or those of a file: all or none. One that fails a check is in review."""
    if file is None:
        reads = [
            BasicRead(
                site,
                meter,
                parse_amount(value, places=_PLACES),
                parse_day(day),
                sub_type.upper(),
                register,
                add_factor,
                None if next_day is None else parse_day(next_day),
                audit_notes=notes,
            )
        ]
    else:
        with session.teller.upload(file) as sent:
            reads = wire.decode(sent.file.read(), list[BasicRead])
    posted = await session.act(post_reads, PostReads(reads), key, dry_run=dry_run)
    columns = ("read_id", "status", "result", "consumption", "failed_checks")
    session.teller.rows(posted, *columns)


@command(read, "list")
async def list_reads(
    session: Session,
    account: Annotated[str, typer.Argument(help="The account.")],
    from_day: FromDay,
    to_day: ToDay,
    *,
    intervals: Annotated[bool, typer.Option("--intervals", help="Days of intervals.")] = False,
    site: Annotated[str | None, typer.Option(help="Of this site only.")] = None,
    meter: Annotated[str | None, typer.Option(help="Of this meter only.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="As it was known at an instant: 2026-02-28T12:00:00Z")
    ] = None,
) -> None:
    """List the basic reads of an account, or its days of intervals, within its agreements."""
    portal = await session.ask(show_portal, Nothing())
    at = None if as_of is None else parse_instant(as_of, portal.zone).at
    wanted = ReadsOfAccount(account, *_span(from_day, to_day), site, meter, at)
    if intervals:
        async with session.door.asking(account_days, session.actor) as tx:
            days = [day async for day in account_days(tx, wanted)]
        session.teller.rows(
            days, "read_date", "serial_number", "datastream", "day_total", "unit", "quality"
        )
        return
    async with session.door.asking(account_reads, session.actor) as tx:
        reads = [one async for one in account_reads(tx, wanted)]
    columns = ("read_date", "serial_number", "meter_register", "meter_read", "unit",
               "read_sub_type", "consumption", "status", "read_id")  # fmt: skip
    session.teller.rows(reads, *columns)


@command(app, "run")
async def run_checks(
    session: Session,
    from_day: FromDay,
    to_day: ToDay,
    *,
    building: Building = None,
    account: Account = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Check reads and intervals of some days, and keep what is found; it may be run again."""
    wanted = Validate(*_span(from_day, to_day), building, account)
    run = await session.act(validate, wanted, key, dry_run=dry_run)
    session.teller.tell(
        run,
        lambda: (
            f"Registers checked: {run.registers}. Findings: {run.found}, new: {run.added}, "
            f"gone: {run.gone}."
        ),
    )


@command(app, "findings")
async def list_findings(
    session: Session,
    *,
    status: Annotated[
        FindingStatus | None, typer.Option(case_sensitive=False, help="Of this status.")
    ] = FindingStatus.OPEN,
    everything: Annotated[bool, typer.Option("--all", help="Also what was decided.")] = False,
    rule: Annotated[Rule | None, typer.Option(case_sensitive=False, help="Of a rule.")] = None,
    serial: Annotated[str | None, typer.Option(help="Of this meter only.")] = None,
    building: Building = None,
    account: Account = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
) -> None:
    """List findings, the newest first: those that nobody decided about, or all."""
    wanted = FindingsWanted(
        NEWEST, limit, None if everything else status, rule, serial, building, account
    )
    found = await session.ask(findings, wanted)
    lines = list(map(Line.of, found))
    drawn = figures(
        lines,
        *Line.__struct_fields__,
        right=("finding_id", "register_no", "measured", "expected"),
        folds=("reason",),
    )
    session.teller.tell(found, lambda: drawn if found else "Nothing was found.")


@command(app, "accept")
async def accept(
    session: Session,
    ids: Annotated[list[int], typer.Argument(help="Their ids.", min=1)],
    *,
    reason: Annotated[str, typer.Option(help="Why they are right as they are.")],
    fixed: Annotated[bool, typer.Option("--fixed", help="They were put right instead.")] = False,
    key: Key = None,
) -> None:
    """Accept findings as right, or call them fixed: all or none, with author and reason."""
    status = FindingStatus.FIXED if fixed else FindingStatus.ACCEPTED
    done = await session.act(decide_findings, DecideFindings(ids, reason, status), key)
    session.teller.tell(done, lambda: f"Findings {status.lower()}: {done.decided}.")


@command(app, "rules")
async def list_rules(session: Session) -> None:
    """List what is checked, and how."""
    told = await session.ask(checks, Nothing())
    session.teller.rows(told, "rule", "active", "factor", "days", "severity")


@command(estimate, "days")
async def fill_days(
    session: Session,
    from_day: FromDay,
    to_day: ToDay,
    *,
    building: Building = None,
    account: Account = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Fill the gaps of intervals in some days; what the provider sends later counts instead."""
    wanted = EstimateDays(*_span(from_day, to_day), building, account)
    done = await session.act(estimate_days, wanted, key, dry_run=dry_run)
    session.teller.tell(
        done,
        lambda: (
            f"Intervals estimated: {done.intervals}, days: {done.days}, registers: "
            f"{done.registers}. Days still unknown: {done.unknown_days}."
        ),
    )


@command(estimate, "reads")
async def fill_reads(
    session: Session,
    day: Annotated[str, typer.Argument(help="The day that was not read: 2026-02-28")],
    *,
    building: Building = None,
    account: Account = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Estimate the registers that were not read on a day, by what they used otherwise."""
    wanted = EstimateReads(parse_day(day), building, account)
    done = await session.act(estimate_reads, wanted, key, dry_run=dry_run)
    columns = ("site_identifier", "meter_code", "meter_register", "meter_read", "basis", "status")
    session.teller.rows(done, *columns)


class Line(msgspec.Struct, frozen=True):
    """A finding as it is listed: its figures in the unit of the register, or in intervals."""

    finding_id: int
    day: date
    rule: str
    severity: str
    site_identifier: str
    serial_number: str
    register_no: int
    measured: str
    expected: str
    unit: str
    status: str
    reason: str

    @classmethod
    def of(cls, row: Finding) -> "Line":
        """Return how a finding is listed."""
        counted = row.rule == Rule.NULL
        return cls(
            row.finding_id,
            row.day,
            row.rule,
            row.severity,
            row.site_identifier or "",
            row.serial_number,
            row.register_no,
            _figure(row.measured, counted=counted),
            "" if row.expected is None else _figure(row.expected, counted=counted),
            "intervals" if counted else row.unit,
            row.status,
            row.reason,
        )


def _figure(measured: int, *, counted: bool) -> str:
    """Write thousandths with the decimals that they have, or a count."""
    return f"{Decimal(measured) if counted else kwh(measured).normalize() + 0:,f}"


def _span(from_day: str, to_day: str) -> tuple[date, date]:
    return parse_day(from_day), parse_day(to_day)
