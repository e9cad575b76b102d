"""What the kernel prices of a plan that is new, and of an offering."""

from currant.plans.model import CreatePlan, Offering
from currant.tariffs.book import unit_named
from currant.tariffs.terms import Discount, Inducement, PlanRate, Standing
from currant.tariffs.tiers import coa_of, description_of
from currant.tariffs.versions import PlanVersion


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
