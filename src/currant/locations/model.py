"""The shapes of locations: rows, questions, and what is refused."""

from decimal import Decimal

import msgspec

from currant.errors import Conflict, Invalid, NotFound


class Keys(msgspec.Struct, frozen=True, gc=False):
    """What a location or an account is called: by us (`L03291`, `03284`) and by the utility."""

    juice_key: str
    external_key: str


class KeysWanted(msgspec.Struct, frozen=True):
    """Which keys of a portal's list: how many (none: all of them), beyond how many others."""

    how_many: int | None = None
    beyond: int = 0


class Connection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a location's connection; what is left out stays as it is.

    `current_per_phase` is in ampere, `kva` the rating; texts and figures not known are blank or 0.
    """

    substation: str | msgspec.UnsetType = msgspec.UNSET
    feeder: str | msgspec.UnsetType = msgspec.UNSET
    transformer: str | msgspec.UnsetType = msgspec.UNSET
    module: str | msgspec.UnsetType = msgspec.UNSET
    socket: int | msgspec.UnsetType = msgspec.UNSET
    unit: str | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET
    form_factor: str | msgspec.UnsetType = msgspec.UNSET
    wiring: str | msgspec.UnsetType = msgspec.UNSET
    voltage: str | msgspec.UnsetType = msgspec.UNSET
    current_per_phase: Decimal | msgspec.UnsetType = msgspec.UNSET
    kva: Decimal | msgspec.UnsetType = msgspec.UNSET


class NoSuchLocation(NotFound):
    """There is no such location in this portal."""


class ConnectionImplausible(
    Invalid,
    constraint=("location_socket_counted", "location_current_plausible", "location_kva_plausible"),
):
    """A socket, a current and a rating are not negative. Nothing was stored."""


class LocationNameTaken(Conflict, constraint="locname_taken"):
    """A location with this locname exists. Nothing was stored."""


class LocationNumberTaken(Conflict, constraint="loc_id_taken"):
    """A location with this number exists. Nothing was stored."""


class LocationUnnamed(Invalid, constraint="location_name_present"):
    """A location has a locname. Nothing was stored."""
