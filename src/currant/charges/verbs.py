"""Acts on charges and services, and the questions asked about them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.charges.model import (
    AddCharges,
    ApprovedByAnother,
    CancelCharges,
    Charge,
    ChargeAdded,
    ChargeFacts,
    ChargeItem,
    ChargeSettled,
    ChargesNamed,
    ChargesWanted,
    FiveLineItems,
    ItemNamed,
    NewCharge,
    NoSuchCharge,
    NoSuchItem,
    Provision,
    Provisioned,
    ResolvedCharge,
    ServiceOpened,
    SittingAccount,
)
from currant.clock import day_bounds
from currant.csvfile import refuse_file
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Forbidden, Invalid, NotFound
from currant.locations.model import SiteNamed
from currant.locations.verbs import sites_of
from currant.money import format_money, from_minor, half_up, minor_units, tax_within, to_minor

sql = Statements(__package__)
_ITEMS = sql.rows("items", ChargeItem)
_SET_ITEM = sql.rows("set_item", ChargeItem)
_RETIRE_ITEM = sql.command("retire_item")
_RESOLVE_CHARGES = sql.rows("resolve_charges", ResolvedCharge)
_ADD_CHARGES = sql.rows("add_charges", ChargeAdded)
_CHARGE_FACTS = sql.rows("charge_facts", ChargeFacts)
_APPROVE_CHARGES = sql.command("approve_charges")
_CANCEL_CHARGES = sql.command("cancel_charges")
_CHARGES = sql.rows("charges", Charge)
_SITTING_ACCOUNT = sql.rows("sitting_account", SittingAccount)
_OPEN_SERVICE = sql.rows("open_service", ServiceOpened)

_SERVICES = ("TELCO", "ISP")


@needs(Permission.BILLING_VIEW)
async def charge_items(tx: Tx, _question: Nothing) -> list[ChargeItem]:
    """List the items that may be charged, by group (conformance.md 8.7)."""
    return await tx.all(_ITEMS, portal_id=tx.portal.portal_id)


@needs(Permission.BILLING_APPROVE)
async def set_charge_item(tx: Tx, command: ChargeItem) -> ChargeItem:
    """Make an item of a group, or change it for what is charged from now on."""
    return await tx.one(
        _SET_ITEM,
        portal_id=tx.portal.portal_id,
        **{name: getattr(command, name) for name in ChargeItem.__struct_fields__},
    )


@needs(Permission.BILLING_APPROVE)
async def retire_charge_item(tx: Tx, command: ItemNamed) -> ItemNamed:
    """Retire an item: it is charged no more. Raises `NoSuchItem`."""
    retired = await tx.run(
        _RETIRE_ITEM,
        portal_id=tx.portal.portal_id,
        group_code=command.group_code,
        item_code=command.item_code,
        at=tx.now,
    )
    if not retired:
        raise NoSuchItem(f"{command.item_code} of {command.group_code}.", field="item_code")
    return command


@needs(Permission.TRANSACTIONS_ADJUST)
async def add_charges(tx: Tx, command: AddCharges) -> list[ChargeAdded]:
    """Add one-off charges, all of them or none, and answer them in their order (U29, L16).

    Amounts include tax, which is taken apart by the item's code and the rate of the day. They wait
    to be approved; nothing is posted before the invoice. Raises `NoSuchItem`, `Invalid` with the
    records at fault, and `Forbidden` for a blocked account or what asks to be approved at once.
    """
    if any(charge.approve for charge in command.charges):
        raise Forbidden("To approve a charge at once takes the permission billing.approve.")
    return await _add(tx, command.charges)


@needs(Permission.BILLING_APPROVE)
async def add_approved_charges(tx: Tx, command: AddCharges) -> list[ChargeAdded]:
    """Add one-off charges as `add_charges` does, and approve those that ask for it at once.

    Raises as it does, and `Forbidden` for an amount above the caller's special limit.
    """
    _refuse_beyond_limit(tx, [charge.amount for charge in command.charges if charge.approve])
    return await _add(tx, command.charges)


@needs(Permission.BILLING_APPROVE)
async def approve_charges(tx: Tx, command: ChargesNamed) -> ChargesNamed:
    """Approve pending charges of others, all or none, within the caller's special limit.

    Raises `NoSuchCharge`, `ChargeSettled`, `ApprovedByAnother`, `Forbidden`.
    """
    facts = await _facts(tx, command.charge_ids, ("PENDING",))
    for charge in facts:
        if charge.login == tx.user.login:
            raise ApprovedByAnother(f"You added {charge.charge_id}.", field="charge_ids")
    _refuse_beyond_limit(tx, [charge.amount for charge in facts])
    await tx.run(
        _APPROVE_CHARGES,
        portal_id=tx.portal.portal_id,
        charge_ids=command.charge_ids,
        login=tx.user.login,
        at=tx.now,
    )
    return command


@needs(Permission.TRANSACTIONS_ADJUST)
async def cancel_charges(tx: Tx, command: CancelCharges) -> CancelCharges:
    """Cancel charges that no invoice has taken yet, all or none.

    Raises `NoSuchCharge`, `ChargeSettled`, and `Invalid` without a reason.
    """
    if not command.reason.strip():
        raise Invalid("Say why the charges are cancelled.", field="reason")
    await _facts(tx, command.charge_ids, ("PENDING", "APPROVED"))
    await tx.run(
        _CANCEL_CHARGES,
        portal_id=tx.portal.portal_id,
        charge_ids=command.charge_ids,
        login=tx.user.login,
        reason=command.reason,
        at=tx.now,
    )
    return command


@needs(Permission.BILLING_VIEW)
async def charges(tx: Tx, question: ChargesWanted) -> list[Charge]:
    """List charges by id, those of blocked accounts left out."""
    return await tx.all(
        _CHARGES,
        portal_id=tx.portal.portal_id,
        account=question.account,
        status=question.status,
        after=question.after,
        how_many=question.how_many,
        blocked=list(tx.user.blocked),
    )


@needs(Permission.TRANSACTIONS_ADJUST)
async def provision(tx: Tx, command: Provision) -> Provisioned:
    """Begin a telco or ISP service, an agreement without a meter, with 1 to 5 line items (U32).

    Its days are those of its site, where it has one. Raises `NoSuchAccount`, `NoSuchLocation`,
    `NotFound` for a site that supplies nobody that day, `FiveLineItems`, `NoSuchItem`,
    `ServiceNumberInUse`, `Invalid`.
    """
    if command.product_type not in _SERVICES:
        raise Invalid(f"The product is one of {', '.join(_SERVICES)}.", field="product_type")
    if not command.service_number.strip():
        raise Invalid("Say the number of the service.", field="service_number")
    if not 1 <= len(command.line_items) <= 5:
        raise FiveLineItems(f"There are {len(command.line_items)}.", field="line_items")
    if command.end_on is not None and command.end_on < command.start_on:
        raise Invalid("A service ends no earlier than it begins.", field="end_on")
    if command.account is None and command.site_identifier is None:
        raise Invalid("Name the account, or a site that is supplied.", field="account_number")
    sites = await sites_of(tx, [command.site_identifier], "site_identifier")
    site = next(iter(sites.values()), None)
    zone = tx.portal.zone if site is None else ZoneInfo(site.zone)
    start_at = day_bounds(command.start_on, zone)[0]
    account, account_id = await _whose(tx, command, site, start_at)
    tx.user.refuse_blocked(account)
    opened = await tx.one(
        _OPEN_SERVICE,
        portal_id=tx.portal.portal_id,
        account_id=account_id,
        location_id=None if site is None else site.location_id,
        product_type=command.product_type,
        service_number=command.service_number,
        start_at=start_at,
        end_at=None if command.end_on is None else day_bounds(command.end_on, zone)[1],
        provider=command.provider,
        contract_months=command.contract_months,
        plan_code=command.plan_code,
        items=[item.item_code for item in command.line_items],
        descriptions=[item.description for item in command.line_items],
        quantities=[item.quantity for item in command.line_items],
        prices=[item.unit_price for item in command.line_items],
        includes_tax=[item.price_includes_tax for item in command.line_items],
        frequencies=[item.frequency for item in command.line_items],
    )
    today = tx.now.astimezone(zone).date()
    if command.start_on > today:
        status = "PENDING_MOVE_IN"
    elif command.end_on is None:
        status = "ACTIVE"
    else:
        status = "CLOSED" if command.end_on < today else "PENDING_MOVE_OUT"
    return Provisioned(
        account, opened.agreement_id, command.service_number, status, opened.line_item_ids
    )


async def _add(tx: Tx, charges: Sequence[NewCharge]) -> list[ChargeAdded]:
    """Resolve, judge and write charges."""
    resolved = await tx.all(
        _RESOLVE_CHARGES,
        portal_id=tx.portal.portal_id,
        accounts=[charge.account for charge in charges],
        agreement_ids=[charge.agreement_id for charge in charges],
        site_identifiers=[charge.site_identifier for charge in charges],
        groups=[charge.group_code for charge in charges],
        items=[charge.item_code for charge in charges],
        charge_ons=[charge.charge_on for charge in charges],
        timezone=tx.portal.timezone,
    )
    _refuse_unsound(tx, charges, resolved)
    places = minor_units(tx.portal.currency)
    rates = [row.tax_rate or Decimal(0) for row in resolved]
    return await tx.all(
        _ADD_CHARGES,
        portal_id=tx.portal.portal_id,
        account_ids=[row.account_id for row in resolved],
        agreement_ids=[row.agreement_id for row in resolved],
        location_ids=[row.location_id for row in resolved],
        groups=[charge.group_code for charge in charges],
        items=[charge.item_code for charge in charges],
        charge_ons=[charge.charge_on for charge in charges],
        amounts=[charge.amount for charge in charges],
        taxes=[
            tax_within(charge.amount, rate, places)
            for charge, rate in zip(charges, rates, strict=True)
        ],
        tax_rates=rates,
        descriptions=[charge.description for charge in charges],
        notes=[charge.notes for charge in charges],
        approved=[charge.approve for charge in charges],
        login=tx.user.login,
        at=tx.now,
    )


async def _whose(
    tx: Tx, command: Provision, site: SiteNamed | None, at: datetime
) -> tuple[str, int]:
    """Return the account that a service is for, named or supplied at its site, and its id."""
    if command.account is not None:
        return command.account, await account_id_of(tx, command.account)
    sitting = await tx.maybe(
        _SITTING_ACCOUNT,
        portal_id=tx.portal.portal_id,
        location_id=None if site is None else site.location_id,
        at=at,
    )
    if sitting is None:
        raise NotFound(
            f"Nobody is supplied at {command.site_identifier} on {command.start_on}.",
            field="site_identifier",
        )
    return sitting.account, sitting.account_id


async def _facts(tx: Tx, charge_ids: Sequence[int], states: Sequence[str]) -> list[ChargeFacts]:
    """Lock charges and return them. Raises `NoSuchCharge`, `ChargeSettled`."""
    facts = await tx.all(_CHARGE_FACTS, portal_id=tx.portal.portal_id, charge_ids=list(charge_ids))
    known = {charge.charge_id for charge in facts}
    for charge_id in charge_ids:
        if charge_id not in known:
            raise NoSuchCharge(f"It was asked for as {charge_id}.", field="charge_ids")
    for charge in facts:
        tx.user.refuse_blocked(charge.account)
        if charge.status not in states:
            raise ChargeSettled(f"{charge.charge_id} is {charge.status}.", field="charge_ids")
    return facts


def _refuse_unsound(
    tx: Tx, charges: Sequence[NewCharge], resolved: Sequence[ResolvedCharge]
) -> None:
    """Refuse charges that mean nothing or nothing whole, naming each record at fault."""
    places = minor_units(tx.portal.currency)
    faults, items = [], []
    for charge, row in zip(charges, resolved, strict=True):

        def at(column: str, reason: str, record: int = row.record) -> Fault:
            return Fault(record, column, reason)

        if row.account_id is None:
            faults.append(at("account_number", f"{charge.account[:40]!r} does not exist"))
            continue
        tx.user.refuse_blocked(charge.account)
        if charge.agreement_id is not None and row.agreement_id is None:
            faults.append(at("cust_account_id", "the account has no such agreement"))
        if charge.site_identifier is not None and row.location_id is None:
            faults.append(at("site_identifier", f"{charge.site_identifier[:40]!r} does not exist"))
        if charge.amount <= 0 or charge.amount != half_up(charge.amount, places):
            faults.append(at("amount", f"must be more than 0, with up to {places} decimals"))
        if row.tax_rate is None:
            code, group = charge.item_code[:40], charge.group_code[:40]
            items.append(at("charge_item_code", f"{code!r} is not in {group!r}"))
    refuse_file(Invalid, faults)
    refuse_file(NoSuchItem, items)


def _refuse_beyond_limit(tx: Tx, amounts: Sequence[Decimal]) -> None:
    """Refuse to approve what is above the caller's special limit."""
    limit, currency = tx.user.special_limit, tx.portal.currency
    for amount in amounts:
        if limit is not None and to_minor(amount, currency) > limit:
            told, most = (format_money(m, currency) for m in (amount, from_minor(limit, currency)))
            raise Forbidden(f"{told} is above your special limit of {most}.", field="amount")
