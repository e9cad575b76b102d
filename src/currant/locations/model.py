"""The shapes of locations: rows, questions, and what is refused."""

import msgspec

from currant.errors import Conflict, Invalid


class Keys(msgspec.Struct, frozen=True, gc=False):
    """What a location or an account is called: by us (`L03291`, `03284`) and by the utility."""

    juice_key: str
    external_key: str


class KeysWanted(msgspec.Struct, frozen=True):
    """Which keys of a portal's list: how many (none: all of them), beyond how many others."""

    how_many: int | None = None
    beyond: int = 0


class LocationNameTaken(Conflict, constraint="locname_taken"):
    """A location with this locname exists. Nothing was stored."""


class LocationNumberTaken(Conflict, constraint="loc_id_taken"):
    """A location with this number exists. Nothing was stored."""


class LocationUnnamed(Invalid, constraint="location_name_present"):
    """A location has a locname. Nothing was stored."""
