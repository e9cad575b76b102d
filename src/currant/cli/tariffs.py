"""`currant tariff`: price plans made, imported and shown."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Group
from rich.table import Table

from currant import wire
from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import figures, minute
from currant.cli.frame import Session, command, table
from currant.cli.imports import DryRun, File, Key
from currant.clock import day_bounds, parse_day
from currant.errors import Invalid
from currant.money import parse_amount
from currant.plans.model import CreatePlan, GivenCharge, GivenRate, ImportPlan
from currant.plans.verbs import create_plan, import_plan
from currant.tariffs.model import (
    FixedRow,
    Period,
    Rate,
    TariffCreated,
    TariffHead,
    TariffsWanted,
    TariffWanted,
)
from currant.tariffs.terms import Basis
from currant.tariffs.verbs import tariff, tariffs

app = typer.Typer(no_args_is_help=True)

From = Annotated[
    str | None, typer.Option("--from", help="In force from this day on: 2026-07-01; now without.")
]
Untaxed = Annotated[bool, typer.Option("--untaxed", help="None of it is taxed.")]
Amount = str | None

_PLACES = 9
_STEP_PLACES = 3


@command(app, "create")
async def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the plan is called: RES-FLAT")],
    *,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            help="A rate of a tier, and where its block begins: B1=0.285, B2=0.31@100, T1=0.2, "
            "D=8.50 for demand, X=0.05 for what is fed in. As often as there are rates.",
            metavar="TIER=RATE[@STEP]",
        ),
    ] = None,
    daily: Annotated[Amount, typer.Option(help="What a day of supply costs.")] = None,
    monthly: Annotated[Amount, typer.Option(help="What a month of supply costs.")] = None,
    minimum: Annotated[Amount, typer.Option(help="The least that a month costs.")] = None,
    calendar: Annotated[
        str | None, typer.Option(help="The time-of-use calendar that it follows, by its name.")
    ] = None,
    units: Annotated[str, typer.Option(help="What its rates are for: kWh, kL, MJ.")] = "kWh",
    description: Annotated[str, typer.Option(help="What people read of it.")] = "",
    starts: From = None,
    untaxed: Untaxed = False,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Create a price plan with its rates and standing charges."""
    charges = (
        ("Daily charge", daily, Basis.DAILY),
        ("Monthly charge", monthly, Basis.MONTHLY),
        ("Minimum charge", minimum, Basis.MINIMUM),
    )
    plan = CreatePlan(
        name=name,
        description=description,
        units=units,
        taxable=not untaxed,
        rates=[_rate(told) for told in rate or ()],
        charges=[
            GivenCharge(what, _amount(amount, _PLACES), basis)
            for what, amount, basis in charges
            if amount is not None
        ],
        follows=calendar,
        from_at=await _day(session, starts),
    )
    made = await session.act(create_plan, plan, key, dry_run=dry_run)
    _tell_made(session, made, dry_run=dry_run)


@command(app, "import")
async def import_file(
    session: Session,
    file: File,
    *,
    name: Annotated[
        str | None, typer.Option(help="What the plan is called; as in the file without.")
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="Its hours' time zone, or offset as -05:00; the portal's without."),
    ] = None,
    taxed: Annotated[bool, typer.Option("--taxed", help="All of it is taxed.")] = False,
    starts: From = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Import a tariff of the US Utility Rate Database (JSON), or of a rate book made from it."""
    with session.teller.upload(file) as sent:
        document = wire.decode(sent.file.read(), dict)
    from_at = await _day(session, starts)
    wanted = ImportPlan(document=document, name=name, clock=clock, taxable=taxed, from_at=from_at)
    made = await session.act(import_plan, wanted, key, dry_run=dry_run)
    _tell_made(session, made, dry_run=dry_run)


@command(app, "show")
async def show(
    session: Session,
    name: Annotated[str, typer.Argument(help="The plan.")],
    *,
    period: Annotated[
        Period, typer.Option(case_sensitive=False, help="Which of its rates and charges.")
    ] = Period.CURRENT,
) -> None:
    """Show a price plan: its terms, rates and standing charges."""
    shown = await session.ask(tariff, TariffWanted(name, period))
    zone = ZoneInfo(shown.timezone)
    lines = [_RateLine.of(rate, zone) for rate in shown.rates]
    lines += [_RateLine.of_charge(charge, zone) for charge in shown.fixed]
    session.teller.tell(shown, lambda: Group("\n".join(_about(shown.head)), "", _drawn(lines)))


@command(app, "list")
async def list_tariffs(
    session: Session,
    *,
    search: Annotated[str | None, typer.Option(help="A part of the name.")] = None,
) -> None:
    """List the tariffs of the portal."""
    found = await session.ask(tariffs, TariffsWanted(search))
    heads = [shown.head for shown in found]
    session.teller.tell(
        heads,
        lambda: (
            table(heads, "name", "description", "units", "calendar", "meter_count")
            if heads
            else "There are no tariffs yet: `currant tariff create`."
        ),
    )


class _RateLine(msgspec.Struct, frozen=True):
    """A rate or a charge as it is listed."""

    tier: str
    what: str
    rate: Decimal
    per: str
    above: str
    buckets: str
    taxed: str
    start: str
    end: str

    @classmethod
    def of(cls, rate: Rate, zone: ZoneInfo) -> "_RateLine":
        """Return how a rate is listed."""
        return cls(
            rate.tier,
            rate.description,
            rate.rate.normalize() + 0,
            "kW" if rate.basis == "DEMAND" else rate.units,
            f"{rate.usage_base_start.normalize():f}" if rate.usage_base_start else "",
            " ".join(map(str, rate.buckets)),
            "yes" if rate.taxable else "no",
            minute(rate.start_at, zone),
            "" if rate.end_at is None else minute(rate.end_at, zone),
        )

    @classmethod
    def of_charge(cls, charge: FixedRow, zone: ZoneInfo) -> "_RateLine":
        """Return how a standing charge is listed."""
        return cls(
            "",
            charge.description,
            charge.amount.normalize() + 0,
            _PER[charge.basis],
            "",
            "",
            "yes" if charge.taxable else "no",
            "" if charge.start_at is None else minute(charge.start_at, zone),
            "" if charge.end_at is None else minute(charge.end_at, zone),
        )


_PER = {
    "MONTHLY": "month",
    "KVA": "kVA and month",
    "DAILY": "day",
    "MINIMUM": "month, at least",
    "MINIMUM_DAILY": "day, at least",
}


def _drawn(lines: Sequence[_RateLine]) -> Table:
    columns = _RateLine.__struct_fields__
    return figures(lines, *columns, right=("rate", "above"), folds=("what",))


def _about(head: TariffHead) -> Iterator[str]:
    """Yield what is known of a plan, a member a line; terms where they are not the usual ones."""
    usual = {"block_period": "MONTH", "blocks_over": "BUCKET", "demand_period": "MONTH"}
    usual |= {"round_per": "BLOCK"}
    for name in head.__struct_fields__[1:]:
        value = getattr(head, name)
        if value in ("", 0, None) or usual.get(name) == value:
            continue
        told = "yes" if value is True else value
        yield f"{name.replace('_', ' '):<20}{told}"


def _tell_made(session: Session, made: TariffCreated, *, dry_run: bool) -> None:
    done = "would be" if dry_run else "was"
    session.teller.tell(made, lambda: f"The plan {made.name} {done} created.")


def _rate(told: str) -> GivenRate:
    """Read `TIER=RATE` or `TIER=RATE@STEP`. Raises `Invalid`."""
    tier, equals, rest = told.partition("=")
    rate, _, step = rest.partition("@")
    if not equals:
        raise Invalid(f"{told[:40]!r} is not a rate such as B1=0.285 or B2=0.31@100.", field="rate")
    return GivenRate(tier, _amount(rate, _PLACES), _amount(step or "0", _STEP_PLACES))


def _amount(text: str, places: int) -> Decimal:
    return parse_amount(text, places=places)


async def _day(session: Session, text: str | None) -> datetime | None:
    """Read a day of the portal's zone: the instant at which it begins."""
    if text is None:
        return None
    portal = await session.ask(show_portal, Nothing())
    return day_bounds(parse_day(text), portal.zone)[0]
