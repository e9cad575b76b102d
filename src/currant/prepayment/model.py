"""The shapes of prepayment: commands, rows, and what is refused."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.customers.adjustments import AccountRecord
from currant.errors import Conflict, Invalid
from currant.upload import Upload


class Wallet(StrEnum):
    """What a wallet holds."""

    CURRENCY = "currency"
    UNITS = "units"


class Way(StrEnum):
    """Which way a wallet is adjusted: funded for free, or debited."""

    FUND = "fund"
    DEBIT = "debit"


class AdjustWallets(msgspec.Struct, frozen=True):
    """A CSV file of amounts that wallets of one kind are funded with, or debited (J13, J14).

    Amounts are money or kWh. Where `foreign_keys`, an account may also be named by its key with
    the utility.
    """

    wallet: Wallet
    way: Way
    foreign_keys: bool
    upload: Upload


class AdjustmentRecord(AccountRecord, frozen=True):
    """A sound record of that file; `amount` is money or Wh."""

    amount: Decimal


class HeldWallet(msgspec.Struct, frozen=True):
    """What the wallet of an account holds."""

    account_id: int
    balance: Decimal


class UnitMeter(msgspec.Struct, frozen=True):
    """A meter that a unit wallet supplies, and the tariff it is on."""

    account_id: int
    meter_id: int
    tariff_id: int
    revision: int


class Sold(msgspec.Struct, frozen=True):
    """The units sold to a meter since an instant."""

    meter_id: int
    energy_wh: int


class WalletFault(msgspec.Struct, frozen=True):
    """A wallet that does not hold what the books say, in money or Wh."""

    portal: str
    account: str
    detail: str


class Adjusted(msgspec.Struct, frozen=True):
    """How many entries were posted, wallets moved, and meters asked to open or close the relay."""

    entries: int
    wallets: int
    meters: int


class WalletsAdjusted(msgspec.Struct, frozen=True):
    """How many records were done, and what the entrance warns of."""

    imported: int
    header_repaired: bool


class NoSuchWallet(Invalid):
    """An account has no wallet of this kind."""


class WalletTooLow(Conflict):
    """A wallet holds less than would be debited."""
