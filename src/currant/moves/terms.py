"""Which plan and offering prices each service of those who move in, and where that is noted."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from currant.moves.judgement import Coming
from currant.moves.model import MoveInTold, NoPlan, PlanFor, Service, Terms


class Beginning(msgspec.Struct, frozen=True):
    """A service as it begins: its agreement, what it found there, and what it is put on."""

    service: Service
    agreement_id: int
    plan: PlanFor
    terms: Terms


def beginnings(
    coming: Sequence[Coming],
    services: Sequence[Service],
    agreement_ids: Sequence[int],
    found: Sequence[PlanFor],
    plans: Mapping[str, int],
    offerings: Mapping[str, int],
) -> list[Beginning]:
    """Say what each service is put on. Raises `NoPlan`."""
    return [
        Beginning(
            service,
            agreement_id,
            plan,
            priced(service, plan, coming[service.move].told, plans, offerings),
        )
        for service, agreement_id, plan in zip(services, agreement_ids, found, strict=True)
    ]


def priced(
    service: Service,
    plan: PlanFor,
    told: MoveInTold,
    plans: Mapping[str, int],
    offerings: Mapping[str, int],
) -> Terms:
    """Return the plan and offering to put a service on: none where its meters keep theirs.

    Raises `NoPlan`.
    """
    named = None if told.price_plan_code is None else plans[told.price_plan_code]
    tariff = plan.tariff_id if named is None else named
    if tariff is None and not plan.priced:
        field = f"moves[{service.move}].price_plan_code"
        raise NoPlan(f"It is for {service.product_type}.", field=field)
    offering = None if told.offering_code is None else offerings[told.offering_code]
    return Terms(tariff, plan.offering_id if offering is None else offering)


def meters_on(begun: Sequence[Beginning]) -> list[tuple[int, int, datetime]]:
    """Return the meters that are put on another tariff, since when each."""
    return [
        (meter, one.terms.tariff_id, one.service.since)
        for one in begun
        for meter in one.plan.meter_ids
        if one.terms.tariff_id is not None
    ]


def agreements_on(begun: Sequence[Beginning]) -> list[tuple[int, int | None, int | None, datetime]]:
    """Return the agreements with their offerings, and with tariffs where no meter has one."""
    return [
        (
            one.agreement_id,
            None if one.plan.meter_ids else one.terms.tariff_id,
            one.terms.offering_id,
            one.service.since,
        )
        for one in begun
    ]
