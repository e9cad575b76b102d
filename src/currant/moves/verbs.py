"""Acts of moving in and out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from currant.access.permissions import Permission, needs
from currant.activities.model import NewActivity
from currant.activities.verbs import leave_activities
from currant.charges.model import AddCharges
from currant.charges.verbs import add_charges
from currant.customers.model import AccountFacts, AgreementOf
from currant.customers.verbs import (
    accounts_by_number,
    agreements_of,
    begin_agreements,
    end_agreements,
    keep_customers,
    sitting,
)
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.fieldwork.model import TakenRead
from currant.fieldwork.verbs import cancel_orders, make_orders, take_reads
from currant.installations.verbs import draw_again, open_wallets, put_on_plans
from currant.locations.days import day_begins, day_ends
from currant.locations.verbs import hold_sites, refuse_none, sites_by_id, sites_of
from currant.metering.verbs import registers_at
from currant.moves.judgement import (
    Coming,
    Going,
    activities_going,
    activity_coming,
    agreements_ended_by,
    charges_of,
    customer_coming,
    customer_going,
    disconnection_day,
    order_coming,
    orders_going,
    refuse_extinct,
    services_of,
    sites_left,
)
from currant.moves.model import (
    ALL,
    AgreementEnded,
    MovedIn,
    MovedOut,
    MoveIn,
    MoveOut,
    NotSupplied,
    PlanFor,
    ReadsAround,
    Service,
    StayedOn,
    StayOn,
)
from currant.moves.reads import Became, reads_of_all, reads_taken
from currant.moves.terms import agreements_on, beginnings, meters_on
from currant.plans.verbs import offerings_named, put_agreements_on
from currant.tariffs.verbs import tariffs_named

sql = Statements(__package__)
_PLANS_FOR = sql.rows("plans_for", PlanFor)
_READS_AROUND = sql.rows("reads_around", ReadsAround)
_SET_LIFE_SUPPORT = sql.rows("set_life_support", int)

_TICK = timedelta.resolution


@needs(Permission.IMPORT_TRINITY)
async def move_in(tx: Tx, command: MoveIn) -> list[MovedIn]:
    """Move customers in, all of them or none, in the order given (U30).

    The customer is found or created; the site is vacant by then, or somebody who only holds it
    leaves the day before; an agreement begins for each product, with its plan and offering; opening
    reads are recorded; an open disconnection is cancelled and a connection ordered; what the
    building charges is charged. Raises `Invalid`, `NoSuchLocation`, `NoSuchAccount`, `SiteExtinct`,
    `SiteOccupied`, `NoPlan`, `NoSuchTariff`, `NoSuchOffering`, `NoSuchRegister`, and `Forbidden`
    for a blocked account.
    """
    told = command.moves
    refuse_none(told, "moves")
    sites = await sites_of(tx, [m.site_identifier for m in told], "moves[{}].site_identifier")
    held = await hold_sites(tx, [site.location_id for site in sites.values()])
    coming = []
    for n, move in enumerate(told):
        site = sites[move.site_identifier]
        refuse_extinct(site, held[site.location_id].site_status, f"moves[{n}].site_identifier")
        since = day_begins(move.move_in_date, site.zone)
        coming.append(Coming(n, move, site, since, min(since, tx.now)))
    places = [move.site.location_id for move in coming]
    hanging = await registers_at(tx, places, [move.hanging for move in coming])
    coming = [move.with_registers(hanging) for move in coming]
    accounts = await _customers_coming(tx, coming)
    there = await sitting(tx, places, [move.since for move in coming])
    await end_agreements(tx, agreements_ended_by(coming, there))
    services = services_of(coming, accounts)
    begun = await begin_agreements(
        tx, [(s.account_id, s.location_id, s.product_type, s.since) for s in services]
    )
    agreement_ids = [row.agreement_id for row in begun]
    meters = await _price(tx, coming, services, agreement_ids)
    guesses, missing = await _guess(tx, coming)
    taken = [
        (move.n, read) for move in coming for read in (*reads_taken(move, tx.now), *guesses[move.n])
    ]
    became = await _take(tx, taken)
    orders = await _orders_coming(tx, coming, accounts)
    depends = [move for move in coming if move.told.life_support is not None]
    await tx.one(
        _SET_LIFE_SUPPORT,
        portal_id=tx.portal.portal_id,
        location_ids=[move.site.location_id for move in depends],
        depends=[move.told.life_support for move in depends],
        now=tx.now,
    )
    left = await leave_activities(
        tx,
        [activity_coming(move, accounts[move.n], missing[move.n]) for move in coming],
    )
    charges = await _charge(tx, coming, accounts)
    await open_wallets(tx, places)
    await draw_again(tx, [meter for meter, _ in meters], [since for _, since in meters])
    return [
        MovedIn(
            accounts[move.n].account,
            move.site.name,
            [a for a, s in zip(agreement_ids, services, strict=True) if s.move == move.n],
            next(row.status for row, s in zip(begun, services, strict=True) if s.move == move.n),
            became.ids(move.n),
            [f"{read.serial_number} register {read.register_no}" for read in guesses[move.n]],
            missing[move.n],
            became.doubts(move.n),
            orders.get(move.n, []),
            [left[move.n]],
            charges.get(move.n),
        )
        for move in coming
    ]


@needs(Permission.IMPORT_TRINITY)
async def move_out(tx: Tx, command: MoveOut) -> list[MovedOut]:
    """Move customers out, all of them or none, in the order given (U31).

    All services at the site end with the last day told: one of the future, or at most 10 business
    days back. Closing reads are recorded, or a final read is ordered; a disconnection is ordered
    unless life support depends on the site or it is disconnected already. The wallet stays with the
    account. Raises `Invalid`, `NoSuchAccount`, `NoSuchLocation`, `NotSupplied`, `MovingOutAlready`,
    `TooLongAgo`, `NoSuchRegister`, and `Forbidden` for a blocked account.
    """
    told = command.moves
    refuse_none(told, "moves")
    accounts = await accounts_by_number(
        tx, [move.account_number for move in told], "moves[{}].account_number"
    )
    supplied = await _supplied(
        tx,
        accounts,
        [(move.account_number, move.site_identifier) for move in told],
        min(day_begins(move.move_out_date, "UTC") for move in told) - timedelta(days=2),
    )
    sites = await sites_by_id(tx, [a.location_id for of_move in supplied for a in of_move])
    held = await hold_sites(tx, list(sites))
    going = [
        Going(n, move, accounts[move.account_number], *sites_left(n, move, own, sites, tx.now))
        for n, (move, own) in enumerate(zip(told, supplied, strict=True))
    ]
    visits = [(move, site) for move in going for site in move.sites]
    ends = [day_ends(move.told.move_out_date, site.zone) for move, site in visits]
    registers = await registers_at(
        tx, [site.location_id for _, site in visits], [min(e - _TICK, tx.now) for e in ends]
    )
    going = [move.with_registers(registers) for move in going]
    visits = [(move, site) for move in going for site in move.sites]
    changes = [(move, change) for move in going if (change := customer_going(move)) is not None]
    await keep_customers(
        tx, [change for _, change in changes], [f"moves[{move.n}]." for move, _ in changes]
    )
    ended = await end_agreements(
        tx,
        {
            agreement.agreement_id: day_ends(
                move.told.move_out_date, sites[agreement.location_id].zone
            )
            for move in going
            for agreement in move.agreements
        },
    )
    taken = [(move.n, read) for move in going for read in reads_taken(move, tx.now)]
    became = await _take(tx, taken)
    offs = [disconnection_day(move, site, held[site.location_id]) for move, site in visits]
    orders = [
        (move.n, order)
        for (move, site), off in zip(visits, offs, strict=True)
        for order in orders_going(move, site, off)
    ]
    activities = [
        (move.n, activity)
        for (move, site), off in zip(visits, offs, strict=True)
        for activity in activities_going(move, site, off)
    ]
    order_ids = await make_orders(tx, [order for _, order in orders])
    activity_ids = await leave_activities(tx, [activity for _, activity in activities])
    charges = await _charge(tx, going, {move.n: move.account for move in going})
    past = [
        (register.meter_id, end)
        for (_, site), end in zip(visits, ends, strict=True)
        for register in registers
        if register.location_id == site.location_id and end < tx.now
    ]
    await draw_again(tx, [meter for meter, _ in past], [end for _, end in past])
    return [
        MovedOut(
            move.account.account,
            [
                AgreementEnded(a.agreement_id, ended[a.agreement_id].status, move.day)
                for a in move.agreements
            ],
            became.ids(move.n),
            became.doubts(move.n),
            [i for i, (n, _) in zip(order_ids, orders, strict=True) if n == move.n],
            [i for i, (n, _) in zip(activity_ids, activities, strict=True) if n == move.n],
            charges.get(move.n),
            move.account.payment_mode == "POSTPAID",
        )
        for move in going
    ]


@needs(Permission.IMPORT_TRINITY)
async def stay_on(tx: Tx, command: StayOn) -> StayedOn:
    """Take back a move out that has not come: the agreements run on, its orders are cancelled.

    Raises `NoSuchAccount`, `NoSuchLocation`, `NotSupplied`, `SuppliedToAnother` where somebody
    moves in after it, and `Forbidden` for a blocked account.
    """
    accounts = await accounts_by_number(tx, [command.account_number], "account_number")
    account = accounts[command.account_number]
    named = [(command.account_number, command.site_identifier)]
    (supplied,) = await _supplied(tx, accounts, named, tx.now)
    ending = [a for a in supplied if a.until is not None]
    if not ending:
        raise NotSupplied("It is not moving out.", field="site_identifier")
    places = sorted({agreement.location_id for agreement in ending})
    await hold_sites(tx, places)
    await end_agreements(tx, {agreement.agreement_id: None for agreement in ending})
    cancelled = [
        order
        for kind in ("DISCONNECT", "FINAL_READ")
        for order in await cancel_orders(tx, kind, places, "The move out was taken back")
    ]
    await leave_activities(
        tx,
        [
            NewActivity("STAY", "Stays on", account.account_id, place, notes=command.reason)
            for place in places
        ],
    )
    ids = [agreement.agreement_id for agreement in ending]
    return StayedOn(account.account, ids, cancelled)


async def _customers_coming(tx: Tx, coming: Sequence[Coming]) -> dict[int, AccountFacts]:
    """Find or create the customers who move in; return their accounts by the move's place."""
    told = [(move, customer) for move in coming if (customer := customer_coming(move)) is not None]
    rows = await keep_customers(
        tx,
        [customer for _, customer in told],
        [
            f"moves[{move.n}]." + ("customer." if move.told.customer is not None else "")
            for move, _ in told
        ],
    )
    numbers = {move.n: row.account for (move, _), row in zip(told, rows, strict=True)}
    wanted = [numbers.get(move.n, move.told.account_number) for move in coming]
    found = await accounts_by_number(tx, wanted, "moves[{}].account_number")
    return {n: found[account] for n, account in enumerate(wanted) if account is not None}


async def _price(
    tx: Tx, coming: Sequence[Coming], services: Sequence[Service], agreement_ids: Sequence[int]
) -> list[tuple[int, datetime]]:
    """Put services on their plans and offerings; return their meters, with since when.

    Raises `NoPlan`, `NoSuchTariff`, `NoSuchOffering`.
    """
    portal_id = tx.portal.portal_id
    names = [move.told.price_plan_code for move in coming]
    plans = await tariffs_named(tx, names, "moves[{}].price_plan_code")
    codes = [move.told.offering_code for move in coming]
    offerings = await offerings_named(tx, codes, "moves[{}].offering_code")
    found = await tx.all(
        _PLANS_FOR,
        portal_id=portal_id,
        location_ids=[s.location_id for s in services],
        building_ids=[s.building_id for s in services],
        products=[s.product_type for s in services],
        customer_types=[s.customer_type for s in services],
        direct_debits=[s.direct_debit for s in services],
        hangings=[s.hanging for s in services],
        sinces=[s.since for s in services],
    )
    begun = beginnings(coming, services, agreement_ids, found, plans, offerings)
    await put_on_plans(tx, meters_on(begun))
    await put_agreements_on(tx, agreements_on(begun))
    return [
        (meter, one.service.since)
        for one in begun
        for meter in one.plan.meter_ids
        if one.service.since < tx.now
    ]


async def _guess(
    tx: Tx, coming: Sequence[Coming]
) -> tuple[dict[int, list[TakenRead]], dict[int, list[str]]]:
    """Estimate the opening reads that are not told; name those of which nothing is known."""
    wanted = [(move, register) for move in coming for register in move.unread()]
    found = await tx.all(
        _READS_AROUND,
        portal_id=tx.portal.portal_id,
        register_ids=[register.register_id for _, register in wanted],
        ats=[move.since for move, _ in wanted],
    )
    return reads_of_all(coming, wanted, found, tx.now)


async def _take(tx: Tx, taken: Sequence[tuple[int, TakenRead]]) -> Became:
    """Record the reads of moves."""
    posted = await take_reads(tx, [read for _, read in taken])
    return Became([(n, read, row) for (n, read), row in zip(taken, posted, strict=True)])


async def _orders_coming(
    tx: Tx, coming: Sequence[Coming], accounts: Mapping[int, AccountFacts]
) -> dict[int, list[int]]:
    """Cancel what would cut the sites off, and order their connection; return orders by move."""
    places = [move.site.location_id for move in coming]
    await cancel_orders(tx, "DISCONNECT", places, "Somebody moves in")
    wanted = [move for move in coming if not move.site.move_workorders_disabled]
    made = await make_orders(tx, [order_coming(move, accounts[move.n]) for move in wanted])
    return {move.n: [order] for move, order in zip(wanted, made, strict=True)}


async def _charge(
    tx: Tx, moves: Sequence[Coming | Going], accounts: Mapping[int, AccountFacts]
) -> dict[int, int]:
    """Charge what buildings charge for moves; return the charges by move."""
    due = charges_of(moves, accounts)
    if not due:
        return {}
    added = await add_charges(tx, AddCharges([charge for _, charge in due]))
    return {n: row.charge_id for (n, _), row in zip(due, added, strict=True)}


async def _supplied(
    tx: Tx,
    accounts: Mapping[str, AccountFacts],
    moves: Sequence[tuple[str, str]],
    at: datetime,
) -> list[list[AgreementOf]]:
    """Return the agreements that each move is of, an account and a site or ALL, not closed yet."""
    keys = [None if key == ALL else key for _, key in moves]
    named = await sites_of(tx, keys, "moves[{}].site_identifier")
    ids = [account.account_id for account in accounts.values()]
    found = await agreements_of(tx, ids, at)
    return [
        [
            agreement
            for agreement in found
            if agreement.account_id == accounts[number].account_id
            and (key == ALL or agreement.location_id == named[key].location_id)
        ]
        for number, key in moves
    ]
