"""The shapes of the directory: questions, rows, and how they are shown."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec


class PlaceAddress(msgspec.Struct, frozen=True):
    """Where something stands."""

    line_1: str
    line_2: str
    suburb: str
    state: str
    postcode: str
    country: str


class BuildingsWanted(msgspec.Struct, frozen=True):
    """Which buildings: of a network, in use or not (all: None), changed since, a page or all."""

    building_code: str | None = None
    network: str | None = None
    active: bool | None = True
    updated_since: datetime | None = None
    how_many: int | None = None
    beyond: int = 0


class BuildingWanted(msgspec.Struct, frozen=True):
    """Which building."""

    building_code: str


class BuildingRow(msgspec.Struct, frozen=True):
    """A stored building with what was counted in it."""

    building_code: str
    building_name: str
    display_name: str
    network: str
    address_1: str
    address_2: str
    suburb: str
    state: str
    postcode: str
    country: str
    zone: str
    bill_cycle_code: str
    billing_day: int
    tax_number: str
    apply_move_in_charge: bool
    apply_move_out_charge: bool
    move_workorders_disabled: bool
    active: bool
    attributes: str
    product_types: list[str]
    site_count: int
    vacant_site_count: int
    gate_meters: str


class GateMeter(msgspec.Struct, frozen=True):
    """The meter of a building's gate: what it takes from the network."""

    site_identifier: str
    serial_number: str
    product_type: str


class Building(msgspec.Struct, frozen=True):
    """A building at a glance (U03); `abn` is the tax number of who sells there.

    `vacant_site_count` is of the units where nobody is supplied.
    """

    building_code: str
    building_name: str
    display_name: str
    network: str
    address: PlaceAddress
    timezone: str
    product_types: list[str]
    bill_cycle_code: str
    billing_day: int
    site_count: int
    vacant_site_count: int
    gate_meters: list[GateMeter]
    abn: str
    apply_move_in_charge: bool
    apply_move_out_charge: bool
    move_workorders_disabled: bool
    active: bool
    attributes: dict[str, Any]


class SitesWanted(msgspec.Struct, frozen=True):
    """Which sites of a building, a page or all; `occupancy` is OCCUPIED or VACANT."""

    building_code: str
    site_status: str | None = None
    occupancy: str | None = None
    product_type: str | None = None
    how_many: int | None = None
    beyond: int = 0


class SiteRow(msgspec.Struct, frozen=True, gc=False):
    """A stored site and one of its products."""

    building_code: str
    building_name: str
    site_identifier: str | None
    site_name: str
    loc_id: str
    product_type: str | None
    site_type: str
    unit_no: str
    floor: str
    address_1: str
    address_2: str
    suburb: str
    state: str
    postcode: str
    country: str
    site_status: str
    occupancy: str
    account_number: str | None
    account_name: str | None
    metering_type: str
    life_support: bool
    price_plan_code: str | None
    zone: str


class Site(msgspec.Struct, frozen=True):
    """A site and one of the products that are measured or supplied there (U17)."""

    building_code: str
    building_name: str
    site_identifier: str | None
    site_name: str
    nmi_checksum: int | None
    loc_id: str
    product_type: str | None
    site_type: str
    unit_no: str
    floor: str
    address: PlaceAddress
    site_status: str
    occupancy: str
    account_number: str | None
    account_name: str | None
    metering_type: str
    life_support: bool
    price_plan_code: str | None


class SiteWanted(msgspec.Struct, frozen=True):
    """Which site, by its market identifier or by our number."""

    site: str


class SiteDetails(msgspec.Struct, frozen=True):
    """What is stored of a site beyond its row; its agreements as JSON."""

    network: str
    dlf_code: str
    tni: str
    lat: str
    long: str
    substation: str
    transformer: str
    feeder: str
    module: str
    socket: int
    voltage: str
    current_kva: Decimal
    phases: int
    site_status_date: date | None
    parent_site_identifier: str | None
    notes: str
    created: datetime
    last_mod: datetime
    agreements: str


class SiteMeter(msgspec.Struct, frozen=True):
    """A register at a site, in short, with its last read before the multiplier."""

    meter_code: str
    serial_number: str
    register: int
    status: str
    last_read: Decimal | None
    last_read_date: date | None
    last_read_type: str | None


class SiteAgreement(msgspec.Struct, frozen=True):
    """Who is supplied at a site with what, and until when where that is known."""

    cust_account_id: int
    product_type: str
    account_number: str
    account_name: str
    start_date: date
    end_date: date | None
    status: str


class SiteShown(Site, frozen=True):
    """A site with its connection, its meters and its agreements (U25).

    It is shown with its first product; `product_types` are all of them.
    """

    product_types: list[str]
    network: str
    dlf_code: str
    tni: str
    lat: str
    long: str
    substation: str
    transformer: str
    feeder: str
    module: str
    socket: int
    voltage: str
    kva: Decimal
    phases: int
    site_status_date: date | None
    parent_site_identifier: str | None
    meters: list[SiteMeter]
    current_agreement: SiteAgreement | None
    next_agreement: SiteAgreement | None
    notes: str
    created: datetime
    last_mod: datetime


class SiteMetersWanted(msgspec.Struct, frozen=True):
    """The registers of which site, at the end of which day (now), and those taken down too."""

    site: str
    as_at: date | None = None
    include_inactive: bool = False


class SiteRegister(msgspec.Struct, frozen=True):
    """A register at a site (U10): its meter, and its last read before the multiplier."""

    site_identifier: str
    site_name: str
    building_code: str
    building_name: str
    meter_code: str
    serial_number: str
    device_id: str
    meter_register: int
    metering_type: str
    product_type: str
    meter_type_code: str
    unit: str
    multiplier: Decimal
    dial_format: int
    direction_indicator: str
    controlled_load: bool
    meter_timing: str
    manufacturer: str
    model: str
    location_of_meter: str
    meter_hazards: str
    install_date: date
    removed_date: date | None
    meter_status_code: str
    com: str
    meter_state: str
    parent_site_identifier: str | None
    last_read: Decimal | None
    last_read_date: date | None
    last_read_type: str | None
    next_scheduled_read_date: date | None


class CustomerWanted(msgspec.Struct, frozen=True):
    """Which customer: by account, or by its key with the utility."""

    account_number: str | None = None
    sales_cust_number: str | None = None


class CustomerRow(msgspec.Struct, frozen=True):
    """What is stored of the customer of an account; lists as JSON."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    customer_sub_type_code: str
    account_status: str
    account_manager: str
    district_code: str
    bill_cycle_code: str
    payment_mode: str
    payment_method_type: str
    invoice_delivery_class: str
    promo_allowed: bool
    bond_amount: Decimal
    balance: Decimal
    arrears_outstanding: Decimal
    wallets: str
    contacts: str
    addresses: str
    direct_debit: str | None
    concessions: str
    life_support: bool
    notify_days: int
    email_notify: bool
    sms_notify: bool
    phone_notify: bool
    agreements: str
    notes: str
    created: datetime
    last_mod: datetime


class WalletHeld(msgspec.Struct, frozen=True):
    """What an account has paid for and not used: money, or kWh."""

    kind: str
    balance: Decimal
    unit: str


class Contact(msgspec.Struct, frozen=True):
    """Somebody who speaks for a customer; the primary one is number 1."""

    contact_no: int
    first_name: str
    last_name: str
    date_of_birth: date | None
    phone_std: str
    phone_no: str
    mobile_std: str
    mobile_no: str
    email: str
    primary: bool


class Address(PlaceAddress, frozen=True):
    """An address of a customer: BILLING as bills name it, POSTAL for letters, SUPPLY of a site."""

    type: str


class DirectDebit(msgspec.Struct, frozen=True):
    """How an account is debited; the token is not told."""

    type: str
    account_name: str
    masked_number: str
    expiry: str


class ConcessionKept(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """A stored concession card."""

    card_type: str
    number: str
    start: date | None
    end: date | None


class Concession(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """A concession card, all but the end of its number hidden, and the days that it holds for."""

    card_type: str
    number_masked: str
    start: date | None
    end: date | None


class Notify(msgspec.Struct, frozen=True):
    """How a customer is told of what comes, and how many days ahead."""

    days: int
    email: bool
    sms: bool
    phone: bool


class CustomerAgreement(msgspec.Struct, frozen=True):
    """What an account is supplied with where, from when to when, and at what plan."""

    cust_account_id: int
    product_type: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    service_number: str
    start_date: date
    end_date: date | None
    status: str
    price_plan_code: str | None
    offering_code: str | None
    billed_to_date: date | None


class CustomerDetails(msgspec.Struct, frozen=True):
    """All that is known of the customer of an account (U05).

    `balance` is what the account owes, less what it has paid ahead; a bond is held apart.
    """

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    customer_sub_type_code: str
    account_status: str
    account_manager: str
    district_code: str
    bill_cycle_code: str
    payment_mode: str
    payment_method_type: str
    invoice_delivery_class: str
    promo_allowed: bool
    bond_amount: Decimal
    balance: Decimal
    wallets: list[WalletHeld]
    arrears_outstanding: Decimal
    contacts: list[Contact]
    addresses: list[Address]
    direct_debit: DirectDebit | None
    concessions: list[Concession]
    life_support: bool
    notify: Notify
    agreements: list[CustomerAgreement]
    notes: str
    created: datetime
    last_mod: datetime


class AccountLine(msgspec.Struct, frozen=True):
    """An account as lists of what concerns it begin: with its customer."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str


class SiteLine(msgspec.Struct, frozen=True):
    """A site as lists of what concerns it tell it; blanks are of what it does not have."""

    location_id: int
    site_identifier: str
    site_name: str
    building_code: str
    building_name: str
