"""How buildings, sites and customers are shown, of what is stored of them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from currant import wire
from currant.customers.details import masked_number
from currant.directory.model import (
    Address,
    Building,
    BuildingRow,
    Concession,
    ConcessionKept,
    Contact,
    CustomerAgreement,
    CustomerDetails,
    CustomerRow,
    DirectDebit,
    GateMeter,
    Notify,
    PlaceAddress,
    Site,
    SiteAgreement,
    SiteDetails,
    SiteMeter,
    SiteRegister,
    SiteRow,
    SiteShown,
    WalletHeld,
)
from currant.locations.identifiers import nmi_checksum

_ACTIVE = ("ACTIVE", "PENDING_MOVE_OUT")


def building_shown(row: BuildingRow) -> Building:
    """Return a building as it is shown."""
    members = _members_of(row, Building)
    members["address"] = _place(row)
    members["timezone"] = row.zone
    members["abn"] = row.tax_number
    members["gate_meters"] = wire.decode(row.gate_meters.encode(), list[GateMeter])
    members["attributes"] = wire.decode(row.attributes.encode(), dict[str, Any])
    return Building(**members)


def site_shown(row: SiteRow) -> Site:
    """Return a site and one of its products as they are listed."""
    return Site(**_of_site(row))


def site_in_full(
    rows: Sequence[SiteRow], details: SiteDetails, registers: Sequence[SiteRegister]
) -> SiteShown:
    """Return a site with its connection, its meters and its agreements."""
    first = next((row for row in rows if row.account_number is not None), rows[0])
    agreements = wire.decode(details.agreements.encode(), list[SiteAgreement])
    members = _of_site(first) | msgspec.structs.asdict(details)
    del members["agreements"]
    members["kva"] = members.pop("current_kva")
    members["product_types"] = [row.product_type for row in rows if row.product_type is not None]
    members["meters"] = [
        SiteMeter(
            r.meter_code, r.serial_number, r.meter_register, r.meter_status_code,
            r.last_read, r.last_read_date, r.last_read_type,
        )
        for r in registers
    ]  # fmt: skip
    members["current_agreement"] = next((a for a in agreements if a.status in _ACTIVE), None)
    members["next_agreement"] = next((a for a in agreements if a.status not in _ACTIVE), None)
    return SiteShown(**members)


def customer_shown(row: CustomerRow) -> CustomerDetails:
    """Return a customer in full, numbers of cards hidden."""
    members = _members_of(row, CustomerDetails)
    members["wallets"] = wire.decode(row.wallets.encode(), list[WalletHeld])
    members["contacts"] = wire.decode(row.contacts.encode(), list[Contact])
    members["addresses"] = wire.decode(row.addresses.encode(), list[Address])
    if row.direct_debit is not None:
        members["direct_debit"] = wire.decode(row.direct_debit.encode(), DirectDebit)
    members["concessions"] = [
        Concession(card.card_type, masked_number(card.number), card.start, card.end)
        for card in wire.decode(row.concessions.encode(), list[ConcessionKept])
    ]
    members["notify"] = Notify(row.notify_days, row.email_notify, row.sms_notify, row.phone_notify)
    members["agreements"] = wire.decode(row.agreements.encode(), list[CustomerAgreement])
    return CustomerDetails(**members)


def _of_site(row: SiteRow) -> dict[str, Any]:
    members = _members_of(row, Site)
    members["nmi_checksum"] = nmi_checksum(row.site_identifier)
    members["address"] = _place(row)
    return members


def _members_of(row: msgspec.Struct, shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the members of a shape that a row has under the same name."""
    return {name: getattr(row, name, None) for name in shape.__struct_fields__}


def _place(row: BuildingRow | SiteRow) -> PlaceAddress:
    return PlaceAddress(
        row.address_1, row.address_2, row.suburb, row.state, row.postcode, row.country
    )
