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


class BuildingCodeTaken(Conflict, constraint="building_code_taken"):
    """A building with this code exists. Nothing was stored."""


class BuildingCodeShape(Invalid, constraint="building_code_shape"):
    """A building code has 1 to 40 letters, digits, points, dashes. Nothing was stored."""


class BuildingUnnamed(Invalid, constraint="building_named"):
    """A building has a name. Nothing was stored."""


class BillCycleUnknown(Invalid, constraint="bill_cycle_known"):
    """A bill cycle is MONTHLY, QUARTERLY or HOLD. Nothing was stored."""


class BillingDayUnknown(Invalid, constraint="billing_day_in_month"):
    """A billing day is 1 to 31. Nothing was stored."""


class AttributesNoObject(Invalid, constraint="attributes_object"):
    """Attributes are an object of names and values. Nothing was stored."""


class NoSuchBuilding(NotFound, constraint="building_known"):
    """There is no such building in this portal. Nothing was stored."""


class NoSuchParent(NotFound, constraint="parent_known"):
    """There is no such parent site in this portal. Nothing was stored."""


class SiteIdentifierTaken(Conflict, constraint="site_identifier_taken"):
    """A site with this identifier exists. Nothing was stored."""


class SiteIdentifierShape(Invalid, constraint="site_identifier_shape"):
    """A site identifier has 1 to 30 letters, digits, points, dashes. Nothing was stored."""


class SiteTypeUnknown(Invalid, constraint="site_type_known"):
    """A site is RESIDENTIAL, BUSINESS, COMMON or GATE. Nothing was stored."""


class SiteStatusUnknown(Invalid, constraint="site_status_known"):
    """A site is NOT_READY, ENERGISED, DE_ENERGISED or EXTINCT. Nothing was stored."""


class LifeSupportSupplied(Invalid, constraint="life_support_supplied"):
    """Life support depends on the site, so its supply is not cut off. Nothing was stored."""


class LossFactorEmpty(Invalid, constraint="loss_factor_not_empty"):
    """A loss factor ends after it begins. Nothing was stored."""


class LossFactorOfOne(Invalid, constraint="loss_factor_of_one"):
    """A loss factor is either a building's or a site's. Nothing was stored."""


class LossFactorImplausible(Invalid, constraint="loss_factor_plausible"):
    """A loss factor is above 0 and below 10. Nothing was stored."""


class BuildingFactorTwice(Conflict, constraint="one_factor_a_building"):
    """The building has another loss factor at that time. Nothing was stored."""


class SiteFactorTwice(Conflict, constraint="one_factor_a_site"):
    """The site has another loss factor at that time. Nothing was stored."""
