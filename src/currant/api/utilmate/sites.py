"""Buildings, sites, their meters, and what is lost on the way there."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    BuildingCode,
    Day,
    Sent,
    SiteIdentifier,
    no_null,
    words,
)
from currant.db.tx import Tx
from currant.fieldwork.model import SetSiteStatuses, SiteStatusTold
from currant.fieldwork.verbs import set_site_statuses
from currant.locations.model import LossFactorsWanted
from currant.locations.verbs import loss_factors

SITE_STATUS = words("NOT_READY", "ENERGISED", "DE_ENERGISED", "EXTINCT")


class LossSent(Sent, frozen=True, kw_only=True):
    """Whose loss factor: a site's, or a building's, on a day."""

    one_of: ClassVar[tuple[str, ...]] = ("site_identifier", "building_code")

    site_identifier: SiteIdentifier | None = None
    building_code: BuildingCode | None = None
    effective_date: Annotated[Day | None, Meta(description="Today where it is left out.")] = None
    product_type: str | None = None


class LossFactor(Row, frozen=True, kw_only=True):
    """What has to be fed in for a unit at the meter; a site's own comes before its building's."""

    building_code: str
    building_name: str
    site_identifier: str | msgspec.UnsetType = msgspec.UNSET
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


@reads("GETLOSS", "U19", calls=loss_factors)
async def get_loss(tx: Tx, wanted: LossSent) -> AsyncIterator[LossFactor]:
    """Tell the loss factors of a site or a building on a day; none where none is on file."""
    question = LossFactorsWanted(
        wanted.site_identifier, wanted.building_code, wanted.effective_date, wanted.product_type
    )
    for row in await loss_factors(tx, question):
        facts = msgspec.structs.asdict(row)
        yield LossFactor(**facts | {"site_identifier": no_null(row.site_identifier)})


class SiteStatusSent(Sent, frozen=True, kw_only=True):
    """The status of a site from a day on."""

    building_code: BuildingCode
    site_identifier: SiteIdentifier
    site_status: Literal["NOT_READY", "ENERGISED", "DE_ENERGISED", "EXTINCT"]
    effective_date: Annotated[Day | None, Meta(description="Today where it is left out.")] = None
    reason: str = ""


class SiteStatusSet(Row, frozen=True, kw_only=True):
    """The status of a site, and the one that it had before."""

    site_identifier: str
    site_status: Annotated[str, SITE_STATUS]
    previous_status: Annotated[str, SITE_STATUS]
    effective_date: date
    result: Annotated[str, RESULT]


@changes("POSTSITE", "U34", calls=set_site_statuses)
async def post_site(tx: Tx, sent: list[SiteStatusSent]) -> list[SiteStatusSet]:
    """Set the status of a site in a building; one with life support is not de-energised."""
    told = [
        SiteStatusTold(
            one.building_code,
            one.site_identifier,
            one.site_status,
            one.effective_date,
            one.reason,
        )
        for one in sent
    ]
    return [
        SiteStatusSet(**msgspec.structs.asdict(row))
        for row in await set_site_statuses(tx, SetSiteStatuses(told))
    ]
