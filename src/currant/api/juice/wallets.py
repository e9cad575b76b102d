"""J13 and J14 adjustment of wallets, J16 and J17 what wallets hold."""

from contextlib import closing
from decimal import Decimal

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from currant.access.model import Actor
from currant.api.http import (
    FILE_SECONDS,
    AnyRequest,
    Query,
    door_of,
    key_of,
    signed_in,
    spooled,
)
from currant.api.juice.frame import done
from currant.api.juice.openapi import (
    FOREIGN_KEYS,
    PORTAL,
    CsvBody,
    Money,
    documented,
    parameter,
)
from currant.customers.adjustments import COLUMNS
from currant.errors import Invalid
from currant.money import format_money, half_up
from currant.prepayment.model import AdjustWallets, Wallet, Way
from currant.prepayment.verbs import adjust_wallets
from currant.vending.model import (
    AccountValues,
    MeterNotAttached,
    MeterValue,
    WalletValues,
    WalletValuesWanted,
)
from currant.vending.verbs import wallet_values

_UNIT_PLACES = 2
_WAY = parameter(
    "way", "Whether the wallets gain or lose.", words=[way.value for way in Way], place="path"
)
_FILE = CsvBody({"": COLUMNS}, "account,startdate,amount,paid,payplan\n03284,,40.5,,\n")
_ACCOUNTS = parameter(
    "account", "Up to 200 accounts, joined by bars.", required=True, example="03280|03284"
)
_SERIAL_NUMBER = parameter(
    "serialnumber", "One of the account's meters; without it a list is answered, as for several."
)
_END_DATE = parameter("end_date", "The instant to look back to; now where it is left out.")


class WalletsAdjusted(msgspec.Struct, frozen=True):
    """How many wallets were adjusted."""

    imported: int


class WalletValue(msgspec.Struct, frozen=True):
    """What a wallet holds: of a unit wallet also its worth, or else money alone."""

    unit_balance: Decimal | msgspec.UnsetType = msgspec.UNSET
    units: str | msgspec.UnsetType = msgspec.UNSET
    est_amt: Money | msgspec.UnsetType = msgspec.UNSET
    currency_balance: Money | msgspec.UnsetType = msgspec.UNSET


class AccountWallets(msgspec.Struct, frozen=True):
    """What an account's wallets hold, by the serial numbers of its meters."""

    account: str
    meter: dict[str, WalletValue]


@post(
    "/file-importer/balance-adj/units/{way:str}",
    status_code=200,
    operation_class=documented(
        "J13",
        WalletsAdjusted,
        parameters=(_WAY, PORTAL, FOREIGN_KEYS),
        takes=_FILE,
        names=True,
        warns=True,
        within=FILE_SECONDS,
        calls=(adjust_wallets,),
    ),
)
async def post_units(request: AnyRequest, way: FromPath[str]) -> Response[bytes]:
    """J13: fund or debit unit wallets, by a CSV file of kWh."""
    return await _adjusted(request, Wallet.UNITS, way)


@post(
    "/file-importer/balance-adj/currency/{way:str}",
    status_code=200,
    operation_class=documented(
        "J14",
        WalletsAdjusted,
        parameters=(_WAY, PORTAL, FOREIGN_KEYS),
        takes=_FILE,
        names=True,
        warns=True,
        within=FILE_SECONDS,
        calls=(adjust_wallets,),
    ),
)
async def post_currency(request: AnyRequest, way: FromPath[str]) -> Response[bytes]:
    """J14: fund or debit currency wallets, by a CSV file of money."""
    return await _adjusted(request, Wallet.CURRENCY, way)


@get(
    "/customers/wallet/get-value",
    operation_class=documented(
        "J16",
        AccountWallets | list[AccountWallets],
        parameters=(PORTAL, _ACCOUNTS, _SERIAL_NUMBER, _END_DATE),
        names=True,
        warns=True,
        calls=(wallet_values,),
    ),
)
async def get_value(request: AnyRequest) -> Response[bytes]:
    """J16: what an account's wallet holds by one of its meters; without a meter as J17."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    serial_number = query.maybe("serialnumber")
    if serial_number is None or "|" in query.text("account"):
        return await _many(request, query, actor)
    account = query.text("account")
    question = WalletValuesWanted([account], query.maybe("end_date"))
    values = await door_of(request).ask(wallet_values, question, actor)
    (found,) = values.accounts
    meters = [meter for meter in found.meters if meter.serial_number == serial_number]
    if not meters:
        raise MeterNotAttached(f"{serial_number} is not of {account}.", field="serialnumber")
    return done(_told(AccountValues(account, meters), values.currency), warning=_warning(values))


@get(
    "/customers/wallet/get-values",
    operation_class=documented(
        "J17",
        list[AccountWallets],
        parameters=(PORTAL, _ACCOUNTS, _END_DATE),
        names=True,
        warns=True,
        calls=(wallet_values,),
    ),
)
async def get_values(request: AnyRequest) -> Response[bytes]:
    """J17: what the wallets of up to 200 accounts hold, by all of their meters."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    return await _many(request, query, actor)


async def _adjusted(request: AnyRequest, wallet: Wallet, way: str) -> Response[bytes]:
    if way not in [known.value for known in Way]:
        raise NotFoundException
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    foreign_keys = query.flag("foreignkeys")
    upload = await spooled(request)
    with closing(upload.file):
        adjusted = await door_of(request).act(
            adjust_wallets,
            AdjustWallets(wallet, Way(way), foreign_keys, upload),
            actor,
            key_of(request),
        )
    warning = "csv-header-repaired" if adjusted.header_repaired else None
    return done(WalletsAdjusted(adjusted.imported), warning=warning)


async def _many(request: AnyRequest, query: Query, actor: Actor) -> Response[bytes]:
    """Answer for accounts that are joined by bars, in their order, each once."""
    accounts = [account for account in query.text("account").split("|") if account]
    if not accounts:
        raise Invalid("The parameter account names no account.", field="account")
    question = WalletValuesWanted(list(dict.fromkeys(accounts)), query.maybe("end_date"))
    values = await door_of(request).ask(wallet_values, question, actor)
    told = [_told(account, values.currency) for account in values.accounts]
    return done(told, warning=_warning(values))


def _told(account: AccountValues, currency: str) -> AccountWallets:
    """Tell an account's wallets, by serial number."""
    meters = {meter.serial_number: _value(meter, currency) for meter in account.meters}
    return AccountWallets(account.account, meters)


def _value(meter: MeterValue, currency: str) -> WalletValue:
    if meter.wallet_kind == Wallet.CURRENCY:
        return WalletValue(currency_balance=format_money(meter.balance, currency))
    estimate = "" if meter.est_amount is None else format_money(meter.est_amount, currency)
    return WalletValue(half_up(meter.balance, _UNIT_PLACES), "kWh", estimate)


def _warning(values: WalletValues) -> str | None:
    return "nonstandard-offset" if values.nonstandard_offset else None


ROUTES = [post_units, post_currency, get_value, get_values]
