"""Acts on what hangs where: meters created and hung, and meters exchanged."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.fieldwork.model import ReadType, TakenRead
from currant.fieldwork.taken import doubts
from currant.fieldwork.verbs import take_reads
from currant.installations.model import (
    CreateMeters,
    ExchangeMeter,
    MeterExchanged,
    MeterNotHanging,
    MetersCreated,
    ReadTold,
)
from currant.locations.days import day_begins, day_of
from currant.locations.model import SiteNamed
from currant.locations.verbs import refuse_none, sites_by_id, sites_of
from currant.metering.model import MeterTold
from currant.metering.verbs import add_meters, install, meter_hanging, registers_of
from currant.tariffs.verbs import tariffs_named

sql = Statements(__package__)
_PUT_ON_PLANS = sql.rows("put_on_plans", int)
_OPEN_WALLETS = sql.rows("open_wallets", int)
_HAND_OVER_PLAN = sql.rows("hand_over_plan", int)
_DRAW_AGAIN = sql.command("draw_again")

_TICK = timedelta.resolution


@needs(Permission.IMPORT_TRINITY)
async def create_meters(tx: Tx, command: CreateMeters) -> MetersCreated:
    """Create meters with their registers, hang them, put them on plans, and keep opening reads.

    All of them or none. Raises `Invalid`, `SerialTaken`, `NoSuchLocation`, `NoSuchTariff` and what
    else a meter has to be.
    """
    told = command.meters
    refuse_none(told, "meters")
    sites = await sites_of(
        tx, [meter.site_identifier for meter in told], "meters[{}].site_identifier"
    )
    plans = await tariffs_named(tx, [m.price_plan_code for m in told], "meters[{}].price_plan_code")
    since: list[datetime] = []
    for n, meter in enumerate(told):
        zone = tx.portal.timezone
        if meter.site_identifier is not None:
            zone = sites[meter.site_identifier].zone
        elif meter.installed_on is not None:
            field = f"meters[{n}].site_identifier"
            raise Invalid(f"{field} is missing.", field=field)
        today = day_of(tx.now, zone)
        if (meter.installed_on or today) > today:
            field = f"meters[{n}].installed_on"
            raise Invalid(f"{field} is after {today}.", field=field)
        since.append(day_begins(meter.installed_on or today, zone))
    added = await add_meters(tx, told, "meters[{}].")
    ids = [row.meter_id for row in added]
    hung = [
        (meter_id, sites[meter.site_identifier].location_id, at)
        for meter_id, meter, at in zip(ids, told, since, strict=True)
        if meter.site_identifier is not None
    ]
    places = [place for _, place, _ in hung]
    await install(tx, [meter_id for meter_id, _, _ in hung], places, [at for _, _, at in hung])
    await put_on_plans(
        tx,
        [
            (meter_id, plans[meter.price_plan_code], at)
            for meter_id, meter, at in zip(ids, told, since, strict=True)
            if meter.price_plan_code is not None
        ],
    )
    await open_wallets(tx, places)
    taken = [
        read
        for n, (meter, at) in enumerate(zip(told, since, strict=True))
        for read in _taken(
            meter,
            meter.opening_reads,
            ReadType.OPENING,
            at,
            f"meters[{n}].opening_reads",
            site=sites.get(meter.site_identifier or ""),
        )
    ]
    posted = await take_reads(tx, taken)
    return MetersCreated([row.serial_number for row in added], doubts(taken, posted))


@needs(Permission.IMPORT_TRINITY)
async def exchange_meter(tx: Tx, command: ExchangeMeter) -> MeterExchanged:
    """Exchange a meter for a new one at the beginning of a day, with the reads of both.

    What was used until then is the old meter's, and both supply the same account under the same
    plan. Raises `Invalid`, `NoSuchMeter`, `MeterNotHanging`, `SerialTaken`.
    """
    old = await meter_hanging(tx, command.serial_number, tx.now, "serial_number")
    if old.location_id is None:
        raise MeterNotHanging(f"It is {old.serial_number}.", field="serial_number")
    site = (await sites_by_id(tx, [old.location_id]))[old.location_id]
    at = day_begins(command.exchange_date, site.zone)
    if at > tx.now:
        raise Invalid(f"{command.exchange_date} is not here yet.", field="exchange_date")
    if old.since is None or old.since >= at or old.until is not None:
        raise MeterNotHanging(f"It is {old.serial_number}.", field="exchange_date")
    registers = await registers_of(tx, old.meter_id)
    new = command.new_meter
    if new.product_type != old.product_type:
        told = f"The old meter measures {old.product_type}, not {new.product_type}."
        raise Invalid(told, field="new_meter.product_type")
    copied = [replace(r, meter_code="") for r in registers]
    new = replace(new, wallet_kind=old.wallet_kind, registers=new.registers or copied)
    gone = MeterTold(old.serial_number, registers=registers)
    _refuse_unread(gone, command.closing_reads, "closing_reads")
    _refuse_unread(new, command.opening_reads, "opening_reads")
    taken = [
        *_taken(gone, command.closing_reads, ReadType.CLOSING, at, "closing_reads", site=site),
        *_taken(new, command.opening_reads, ReadType.OPENING, at, "opening_reads", site=site),
    ]
    (added,) = await add_meters(tx, [new], "new_meter.")
    both = [old.meter_id, added.meter_id]
    await install(tx, both, [None, old.location_id], [at, at])
    portal_id = tx.portal.portal_id
    await tx.one(
        _HAND_OVER_PLAN,
        portal_id=portal_id,
        meter_id=old.meter_id,
        new_meter_id=added.meter_id,
        at=at,
        login=tx.user.login,
    )
    await open_wallets(tx, [old.location_id])
    posted = await take_reads(tx, taken)
    await draw_again(tx, both, [at, at])
    return MeterExchanged(
        old.serial_number,
        added.serial_number,
        site.name,
        command.exchange_date,
        doubts(taken, posted),
    )


async def put_on_plans(tx: Tx, wanted: Sequence[tuple[int, int, datetime]]) -> None:
    """Put meters on price plans: meter, plan, from when."""
    await tx.one(
        _PUT_ON_PLANS,
        portal_id=tx.portal.portal_id,
        meter_ids=[meter for meter, _, _ in wanted],
        tariff_ids=[plan for _, plan, _ in wanted],
        ats=[at for _, _, at in wanted],
        login=tx.user.login,
    )


async def open_wallets(tx: Tx, location_ids: Sequence[int]) -> None:
    """Open the wallets that prepaid accounts lack for the meters at sites."""
    await tx.one(
        _OPEN_WALLETS, portal_id=tx.portal.portal_id, location_ids=location_ids, now=tx.now
    )


async def draw_again(tx: Tx, meter_ids: Sequence[int], sinces: Sequence[datetime]) -> None:
    """Have what meters used since an instant each drawn again; the last thing of a change."""
    await tx.run(_DRAW_AGAIN, portal_id=tx.portal.portal_id, meter_ids=meter_ids, sinces=sinces)


def _taken(
    meter: MeterTold,
    told: Sequence[ReadTold],
    kind: ReadType,
    at: datetime,
    field: str,
    *,
    site: SiteNamed | None,
) -> list[TakenRead]:
    """Return the reads of a meter that is hung or taken down at an instant, the start of a day.

    A closing read is of the day before. Raises `Invalid`, naming the member.
    """
    basic = [r.register_no for r in meter.registers if r.metering_type == "BASIC"]
    numbers = [read.meter_register for read in told]
    for n, number in enumerate(numbers):
        if number not in basic or numbers.count(number) > 1:
            where = f"{field}[{n}].meter_register"
            known = ", ".join(map(str, basic)) or "none, they deliver intervals"
            raise Invalid(f"{where} is one of {known}, each once.", field=where)
        if told[n].meter_read < 0:
            where = f"{field}[{n}].meter_read"
            raise Invalid(f"{where} is negative.", field=where)
    if site is None:
        if told:
            raise Invalid(f"{field}: the meter hangs nowhere.", field=field)
        return []
    day = day_of(at if kind is ReadType.OPENING else at - _TICK, site.zone)
    return [
        TakenRead(site.name, meter.serial_number, read.meter_register, read.meter_read, day, kind)
        for read in told
    ]


def _refuse_unread(meter: MeterTold, told: Sequence[ReadTold], field: str) -> None:
    """Refuse an exchange that leaves out what a register stood at. Raises `Invalid`."""
    basic = {r.register_no for r in meter.registers if r.metering_type == "BASIC"}
    missing = sorted(basic - {read.meter_register for read in told})
    if missing:
        raise Invalid(f"{field} lacks register {missing[0]}.", field=field)
