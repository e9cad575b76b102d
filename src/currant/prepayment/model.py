"""The shapes of prepayment: commands, rows, and what is refused."""

from decimal import Decimal
from enum import StrEnum
from typing import IO, Protocol

import msgspec

from currant.errors import Conflict, Invalid


class Upload(Protocol):
    """A file that was received; as text it says its size and hash, not where it lies."""

    file: IO[bytes]


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


class AdjustmentRecord(msgspec.Struct, frozen=True):
    """A sound record of that file: `number` counts from 1, `amount` is money or Wh."""

    number: int
    key: str
    amount: Decimal


class HeldWallet(msgspec.Struct, frozen=True):
    """The account that a key means, and what its wallet holds: None where it has no such wallet."""

    key: str
    account_id: int
    account: str
    balance: Decimal | None


class UnitMeter(msgspec.Struct, frozen=True):
    """A meter that a unit wallet supplies, and the tariff it is on, if any."""

    account_id: int
    meter_id: int
    tariff_id: int | None
    revision: int | None


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
