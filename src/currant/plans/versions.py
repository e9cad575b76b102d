"""What a new plan is kept as and the kernel prices of it, and of an offering."""

from datetime import datetime

from currant.errors import Invalid
from currant.plans.model import CreatePlan, Offering
from currant.tariffs.book import unit_named
from currant.tariffs.judgement import FRACTION_PLACES, RATE_PLACES, STEP_PLACES, check_number
from currant.tariffs.model import TariffToMake
from currant.tariffs.terms import Discount, Inducement, PlanRate, Standing
from currant.tariffs.tiers import coa_of, description_of
from currant.tariffs.versions import PlanVersion


def check_told(plan: CreatePlan) -> None:
    """Refuse a plan without a name, or numbers of more places than are kept. Raises `Invalid`."""
    if not plan.name.strip():
        raise Invalid("The name of a plan is not blank. Nothing was created.", field="name")
    for rate in plan.rates:
        check_number("rate", rate.rate, RATE_PLACES)
        check_number("step_from", rate.step_from, STEP_PLACES)
    for charge in plan.charges:
        check_number("amount", charge.amount, RATE_PLACES)
    check_number("ratchet_share", plan.terms.ratchet_share, FRACTION_PLACES)


def tariff_of(plan: CreatePlan, from_at: datetime, calendar_id: int | None) -> TariffToMake:
    """Return the tariff that a plan is kept as; its type tells how many blocks it has (J23)."""
    tiers = [rate.tier for rate in plan.rates]
    blocks = sum(tier[0] == "B" for tier in tiers)
    return TariffToMake(
        name=plan.name,
        description=plan.description,
        municipality=plan.municipality,
        type=0 if any(tier[0] == "T" for tier in tiers) else max(1, blocks),
        units=plan.units,
        calendar_id=calendar_id,
        terms=plan.terms,
        from_at=from_at,
        until=plan.until,
        charged_from=from_at,
        charged_until=plan.until,
    )


def version_of(plan: CreatePlan, minor_units: int) -> PlanVersion:
    """Return the version that a plan begins with, untaxed. Raises `UnsoundTariff`, `Invalid`."""
    rates = tuple(
        PlanRate(
            rate.tier,
            rate.rate,
            rate.coa or coa_of(rate.tier),
            rate.ar_coa,
            rate.step_from,
            tuple(rate.buckets),
            plan.taxable if rate.taxable is None else rate.taxable,
            rate.description or description_of(rate.tier),
            rate.rounding,
            rate.meter_type_code,
        )
        for rate in plan.rates
    )
    charges = tuple(
        Standing(
            charge.description,
            charge.amount,
            charge.basis,
            charge.coa,
            charge.ar_coa,
            plan.taxable if charge.taxable is None else charge.taxable,
            charge.rounding,
        )
        for charge in plan.charges
    )
    return PlanVersion(
        rates,
        charges,
        terms=plan.terms,
        minor_units=minor_units,
        unit=plan.units,
        unit_size=unit_named(plan.units).size,
    )


def discounts_of(offering: Offering) -> tuple[Discount, ...]:
    """Return what an offering takes off bills."""
    return tuple(
        Discount(row.description, Inducement(row.kind), row.value, row.coa, row.ar_coa, row.taxable)
        for row in offering.inducements
    )
