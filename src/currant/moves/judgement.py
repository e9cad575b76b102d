"""What a move is, and what follows from it: pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from currant.activities.model import NewActivity
from currant.charges.model import NewCharge
from currant.customers.model import (
    UNSET,
    AccountFacts,
    AgreementOf,
    ContactTold,
    CustomerTold,
    Sitting,
)
from currant.errors import Invalid
from currant.fieldwork.model import OrderToMake
from currant.locations.days import business_day, day_ends, day_of
from currant.locations.model import SiteHeld, SiteNamed
from currant.metering.model import RegisterAt
from currant.moves.model import (
    MoveInTold,
    MoveOutTold,
    MovingOutAlready,
    NotSupplied,
    Service,
    SiteExtinct,
    SiteOccupied,
    TooLongAgo,
)

_HOLDS_THE_SITE = "OCCUPIER"
_NOT_CHARGED = "DEVELOPER"
_DAYS_BACK = 10  # business days
_DAYS_TO_DISCONNECT = 5
_DAY = timedelta(days=1)
_TICK = timedelta.resolution


class Coming(msgspec.Struct, frozen=True):
    """A move in, with its site: since when, and at which instant what hangs there is looked at."""

    n: int
    told: MoveInTold
    site: SiteNamed
    since: datetime
    hanging: datetime
    registers: list[RegisterAt] = []

    @property
    def day(self) -> date:
        """The day of the move."""
        return self.told.move_in_date

    def with_registers(self, registers: Sequence[RegisterAt]) -> "Coming":
        """Return the move with those registers that hang at its site."""
        here = {r.register_id: r for r in registers if r.location_id == self.site.location_id}
        return replace(self, registers=list(here.values()))

    def read(self) -> list[RegisterAt]:
        """Return the registers that are read of what is supplied."""
        products = products_of(self)
        return [
            r for r in self.registers if r.metering_type == "BASIC" and r.product_type in products
        ]

    def unread(self) -> list[RegisterAt]:
        """Return those registers whose opening read is not told."""
        told = self.told.opening_reads
        return [
            r for r in self.read() if not any(r.named(t.meter_code, t.meter_register) for t in told)
        ]


class Going(msgspec.Struct, frozen=True):
    """A move out: the account, its agreements that end, and the sites that it leaves."""

    n: int
    told: MoveOutTold
    account: AccountFacts
    agreements: list[AgreementOf]
    sites: list[SiteNamed]
    registers: list[RegisterAt] = []

    @property
    def day(self) -> date:
        """The day of the move, the last one supplied."""
        return self.told.move_out_date

    def with_registers(self, registers: Sequence[RegisterAt]) -> "Going":
        """Return the move with those registers that are read of what it leaves."""
        left = {(a.location_id, a.product_type) for a in self.agreements}
        here = {
            r.register_id: r
            for r in registers
            if r.metering_type == "BASIC" and (r.location_id, r.product_type) in left
        }
        return replace(self, registers=list(here.values()))

    def unread_at(self, site: SiteNamed) -> bool:
        """Tell whether a register of a site has no closing read told."""
        told = self.told.closing_reads
        return any(
            r.location_id == site.location_id
            and not any(r.named(t.meter_code, t.meter_register) for t in told)
            for r in self.registers
        )


def products_of(move: Coming) -> list[str]:
    """Return what somebody who moves in is supplied with. Raises `Invalid` where that is nothing.

    What is not told is all that the site's meters measure.
    """
    measured = sorted({register.product_type for register in move.registers})
    products: list[str] = list(move.told.product_types) or measured
    field = f"moves[{move.n}].product_types"
    if not products:
        raise Invalid(f"{field} is missing: no meter hangs at {move.site.name}.", field=field)
    if len(set(products)) < len(products):
        raise Invalid(f"{field} has a product twice.", field=field)
    return products


def services_of(coming: Sequence[Coming], accounts: Mapping[int, AccountFacts]) -> list[Service]:
    """Return the products that customers who move in are supplied with, move by move."""
    return [
        Service(
            move.n,
            accounts[move.n].account_id,
            move.site.location_id,
            move.site.building_id,
            product,
            accounts[move.n].type_code,
            accounts[move.n].direct_debit,
            move.hanging,
            move.since,
        )
        for move in coming
        for product in products_of(move)
    ]


def customer_coming(move: Coming) -> CustomerTold | None:
    """Return what is told of who moves in: a customer to create, or changes of one, or nothing.

    Raises `Invalid`.
    """
    told, field = move.told, f"moves[{move.n}]"
    if (told.account_number is None) == (told.customer is None):
        raise Invalid(f"{field}: name an account_number, or tell a customer.", field=field)
    terms = {
        "payment_method_type": told.payment_method_type,
        "invoice_delivery_class": told.invoice_delivery_class,
        "concessions": told.concessions,
        "bond_amount": told.bond_amount,
    }
    changes = {name: value for name, value in terms.items() if value is not UNSET}
    if told.customer is not None:
        if told.customer.account_number is not UNSET:
            named = f"{field}.customer.account_number"
            raise Invalid(f"{named} is not told of a new customer.", field=named)
        return replace(told.customer, **changes)
    if not changes or told.account_number is None:
        return None
    return CustomerTold(account_number=told.account_number, **changes)  # type: ignore[arg-type]


def customer_going(move: Going) -> CustomerTold | None:
    """Return what changes of who moves out. Raises `Invalid` where a letter has nowhere to go."""
    told = move.told
    delivery = told.invoice_delivery_class
    by_post = (move.account.invoice_delivery_class if delivery is UNSET else delivery) == "POST"
    if by_post and told.forwarding_address is None:
        field = f"moves[{move.n}].forwarding_address"
        raise Invalid(f"{field} is missing: invoices go by post.", field=field)
    contact = ContactTold(email=told.email)
    if told.mobile is not UNSET:
        contact = replace(contact, mobile_std="", mobile_no=told.mobile)
    customer = CustomerTold(
        account_number=move.account.account,
        invoice_delivery_class=delivery,
        postal_address=UNSET if told.forwarding_address is None else told.forwarding_address,
        contacts=[] if contact == ContactTold() else [contact],
    )
    return None if customer == CustomerTold(account_number=move.account.account) else customer


def refuse_extinct(site: SiteNamed, status: str, field: str) -> None:
    """Refuse a move into a site that is no more. Raises `SiteExtinct`."""
    if status == "EXTINCT":
        raise SiteExtinct(f"It is {site.name}.", field=field)


def agreements_ended_by(
    coming: Sequence[Coming], there: Sequence[Sitting]
) -> dict[int, datetime | None]:
    """Return when the agreements end of those who only hold the sites. Raises `SiteOccupied`."""
    ends: dict[int, datetime | None] = {}
    for move in coming:
        products = products_of(move)
        for seat in there:
            if seat.location_id != move.site.location_id or seat.product_type not in products:
                continue
            if seat.until is not None and seat.until <= move.since:
                continue
            if seat.type_code != _HOLDS_THE_SITE or seat.since >= move.since:
                began = day_of(seat.since, move.site.zone)
                told = f"{move.site.name} is account {seat.account}'s from {began} on."
                raise SiteOccupied(told, field=f"moves[{move.n}].move_in_date")
            ends[seat.agreement_id] = move.since
    return ends


def sites_left(
    n: int,
    move: MoveOutTold,
    agreements: Sequence[AgreementOf],
    sites: Mapping[int, SiteNamed],
    now: datetime,
) -> tuple[list[AgreementOf], list[SiteNamed]]:
    """Return the agreements that a move out ends, and their sites.

    Raises `NotSupplied`, `MovingOutAlready`, `TooLongAgo`.
    """
    field = f"moves[{n}].move_out_date"
    ending = []
    for agreement in agreements:
        site = sites[agreement.location_id]
        end = day_ends(move.move_out_date, site.zone)
        if agreement.since >= end or (agreement.until is not None and agreement.until <= end):
            continue
        if agreement.until is not None:
            last = day_of(agreement.until, site.zone)
            raise MovingOutAlready(f"It leaves {site.name} before {last}.", field=field)
        today = day_of(now, site.zone)
        earliest = business_day(today, -_DAYS_BACK, site.country, site.state)
        if move.move_out_date < earliest:
            raise TooLongAgo(f"{move.move_out_date} is before {earliest}.", field=field)
        ending.append(agreement)
    if not ending:
        told = f"{move.account_number} at {move.site_identifier} on {move.move_out_date}."
        raise NotSupplied(told, field=f"moves[{n}].site_identifier")
    return ending, [sites[place] for place in dict.fromkeys(a.location_id for a in ending)]


def disconnection_day(move: Going, site: SiteNamed, held: SiteHeld) -> date | None:
    """Return when a site is to be disconnected after a move out; None where it is not.

    That is where life support depends on it, where it is not connected, and where the building
    orders no work for moves.
    """
    if held.life_support or held.site_status != "ENERGISED" or site.move_workorders_disabled:
        return None
    return business_day(move.day, _DAYS_TO_DISCONNECT, site.country, site.state)


def charges_of(
    moves: Sequence[Coming | Going], accounts: Mapping[int, AccountFacts]
) -> list[tuple[int, NewCharge]]:
    """Return what moves cost, by their places, where a building charges them."""
    due = []
    for move in moves:
        account = accounts[move.n]
        if isinstance(move, Coming):
            charge = move.told.move_in_charge
            charging = [move.site] if move.site.apply_move_in_charge else []
        else:
            charge = move.told.move_out_charge
            charging = [site for site in move.sites if site.apply_move_out_charge]
        if charge is not None and charging and account.sub_type_code != _NOT_CHARGED:
            told = NewCharge(
                account.account,
                charge.charge_item_code,
                move.day,
                charge.amount,
                description=charge.description,
                site_identifier=charging[0].site_identifier,
            )
            due.append((move.n, told))
    return due


def order_coming(move: Coming, account: AccountFacts) -> OrderToMake:
    """Return the work order that connects who moves in."""
    return OrderToMake(
        "CONNECT",
        move.site.location_id,
        "Move in",
        account.account_id,
        move.told.preferred_connection_date or move.told.move_in_date,
    )


def activity_coming(move: Coming, account: AccountFacts, missing: Sequence[str]) -> NewActivity:
    """Return what is left of a move in: that it was, and which reads it lacks."""
    return NewActivity(
        "MOVEIN",
        f"Moves in at {move.site.name} on {move.day}",
        account.account_id,
        move.site.location_id,
        notes=", ".join(f"{name} has no opening read" for name in missing),
    )


def orders_going(move: Going, site: SiteNamed, off: date | None) -> Iterator[OrderToMake]:
    """Yield the work orders of a site that is left: its final read, and its disconnection."""
    if move.unread_at(site):
        account_id = move.account.account_id
        yield OrderToMake("FINAL_READ", site.location_id, "Move out", account_id, move.day)
    if off is not None:
        account_id = move.account.account_id
        yield OrderToMake("DISCONNECT", site.location_id, "Move out", account_id, off)


def activities_going(move: Going, site: SiteNamed, off: date | None) -> Iterator[NewActivity]:
    """Yield what is left of a move out: its supply off and on again, and that it was."""
    about = move.account.account_id, site.location_id
    told = move.told.reason
    subject = f"De-energise {site.name} after the move out"
    yield NewActivity("DEEN", subject, *about, None, "ACTIVITY", told, off or move.day)
    subject = f"Re-energise {site.name} for who moves in next"
    yield NewActivity("REEN", subject, *about, None, "ACTIVITY", told)
    yield NewActivity("MOVEOUT", f"Moves out of {site.name} on {move.day}", *about, notes=told)
