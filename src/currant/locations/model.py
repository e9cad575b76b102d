"""The shapes of locations: rows, questions, and what is refused."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

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


BillCycle = Literal["MONTHLY", "QUARTERLY", "HOLD"]
Product = Literal["ELECTRICITY", "GAS", "COLD_WATER", "HOT_WATER", "TELCO", "ISP", "SUNDRY"]
UNMETERED = ("TELCO", "ISP", "SUNDRY")
SiteType = Literal["RESIDENTIAL", "BUSINESS", "COMMON", "GATE"]
SiteStatus = Literal["NOT_READY", "ENERGISED", "DE_ENERGISED", "EXTINCT"]


class NewBuilding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A building to create. Without a timezone its days are told in the portal's.

    `tax_number` is the ABN or GST number of who sells there; attributes are free names and values.
    """

    building_code: str
    name: str
    display_name: str = ""
    network: str = ""
    address_1: str = ""
    address_2: str = ""
    suburb: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    timezone: str | None = None
    bill_cycle_code: BillCycle = "MONTHLY"
    billing_day: int = 1
    tax_number: str = ""
    apply_move_in_charge: bool = False
    apply_move_out_charge: bool = False
    move_workorders_disabled: bool = False
    attributes: dict[str, Any] = {}


class CreateBuildings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Buildings to create, all of them or none."""

    buildings: list[NewBuilding]


class BuildingChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes of a building; what is left out stays as it is."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    display_name: str | msgspec.UnsetType = msgspec.UNSET
    network: str | msgspec.UnsetType = msgspec.UNSET
    address_1: str | msgspec.UnsetType = msgspec.UNSET
    address_2: str | msgspec.UnsetType = msgspec.UNSET
    suburb: str | msgspec.UnsetType = msgspec.UNSET
    state: str | msgspec.UnsetType = msgspec.UNSET
    postcode: str | msgspec.UnsetType = msgspec.UNSET
    country: str | msgspec.UnsetType = msgspec.UNSET
    timezone: str | msgspec.UnsetType | None = msgspec.UNSET
    bill_cycle_code: BillCycle | msgspec.UnsetType = msgspec.UNSET
    billing_day: int | msgspec.UnsetType = msgspec.UNSET
    tax_number: str | msgspec.UnsetType = msgspec.UNSET
    apply_move_in_charge: bool | msgspec.UnsetType = msgspec.UNSET
    apply_move_out_charge: bool | msgspec.UnsetType = msgspec.UNSET
    move_workorders_disabled: bool | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET
    attributes: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ChangeBuilding(msgspec.Struct, frozen=True):
    """Change a building."""

    building_code: str
    change: BuildingChange


class BuildingKept(msgspec.Struct, frozen=True):
    """A building that was created or changed."""

    building_id: int
    building_code: str


class NewSite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site to create. An address that is left out is its building's.

    `site_identifier` names the supply in its market (NMI, ICP), `loc_name` with the utility: the
    identifier, or our number, without one. The parent is the site of the gate meter that it hangs
    behind, one that is there or of the same list.
    """

    building_code: str | None = None
    site_identifier: str | None = None
    loc_name: str | None = None
    site_name: str = ""
    site_type: SiteType = "RESIDENTIAL"
    unit_no: str = ""
    floor: str = ""
    address_1: str | None = None
    address_2: str | None = None
    suburb: str | None = None
    state: str | None = None
    postcode: str | None = None
    latitude: str = ""
    longitude: str = ""
    parent_site_identifier: str | None = None
    site_status: Literal["NOT_READY", "ENERGISED"] = "ENERGISED"
    life_support: bool = False
    notes: str = ""


class CreateSites(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sites to create, all of them or none."""

    sites: list[NewSite]


class SiteCreated(msgspec.Struct, frozen=True):
    """A site that was created, with its number."""

    location_id: int
    loc_id: str
    site_identifier: str | None
    site_name: str


class BuildingNamed(msgspec.Struct, frozen=True):
    """The building that a code means."""

    key: str
    building_id: int
    building_code: str


class SiteNamed(msgspec.Struct, frozen=True):
    """The site that a key means, and what its building says of it.

    `zone` is the civil time that its days are told in: its building's, otherwise the portal's.
    """

    key: str
    location_id: int
    loc_id: str
    site_identifier: str | None
    building_id: int | None
    building_code: str
    building_name: str
    zone: str
    country: str
    state: str
    site_status: str
    life_support: bool
    move_workorders_disabled: bool
    apply_move_in_charge: bool
    apply_move_out_charge: bool

    @property
    def name(self) -> str:
        """How the site is called in a sentence."""
        return self.site_identifier or self.loc_id


class SiteHeld(msgspec.Struct, frozen=True):
    """A site that is locked, with its status."""

    location_id: int
    site_status: str
    life_support: bool


class NewLossFactor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A loss factor of a building or of a site, from a day on, to a last day where one is told.

    `dlf` is the network's distribution factor, `mlf` the transmission's, `internal` the
    building's own; each has six decimals at most.
    """

    dlf: Decimal
    start_date: date
    building_code: str | None = None
    site_identifier: str | None = None
    product_type: Product = "ELECTRICITY"
    dlf_code: str = ""
    tni: str = ""
    mlf: Decimal = Decimal(1)
    internal: Decimal = Decimal(1)
    end_date: date | None = None
    source: str = ""


class SetLossFactors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Loss factors to set, all of them or none."""

    loss_factors: list[NewLossFactor]


class LossFactorsSet(msgspec.Struct, frozen=True):
    """How many loss factors were set."""

    loss_factors: int


class LossFactorsWanted(msgspec.Struct, frozen=True):
    """Which loss factors: of a site or of a building, on a day (today), of a product or of all."""

    site_identifier: str | None = None
    building_code: str | None = None
    effective_date: date | None = None
    product_type: str | None = None


class LossFactor(msgspec.Struct, frozen=True):
    """What has to be fed in for a unit at the meter (U19).

    The total is the product of the three, to six decimals; without an `end_date` it still runs.
    """

    building_code: str
    building_name: str
    site_identifier: str | None
    network: str
    dlf_code: str
    dlf: Decimal
    tni: str
    mlf: Decimal
    internal_loss_factor: Decimal
    total_loss_factor: Decimal
    product_type: str
    start_date: date
    end_date: date | None
    source: str


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


class SiteStatusOutOfTurn(Conflict, constraint="site_status_follows"):
    """A site is ENERGISED before it is DE_ENERGISED, and that before EXTINCT. Nothing was done."""


class ParentOfItself(Invalid, constraint="parent_another"):
    """A site is not its own parent. Nothing was stored."""


class SiteStatusUnknown(Invalid, constraint="site_status_known"):
    """A site is NOT_READY, ENERGISED, DE_ENERGISED or EXTINCT. Nothing was stored."""


class LifeSupportSupplied(Invalid, constraint="life_support_supplied"):
    """Life support depends on the site, so its supply is not cut off. Nothing was done."""


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
