"""What a bill comes to at the least, and what is taken off it."""

from collections.abc import Iterator, Sequence

from currant.tariffs.columns import (
    Determinants,
    Priced,
    exact_money,
    round_column,
    sum_rows,
    tax_on,
)
from currant.tariffs.rounding import rounded
from currant.tariffs.terms import Discount, Inducement, LineType
from currant.tariffs.versions import Plan, Term


def raised_to(plan: Plan, items: Determinants, term: Term, columns: Sequence[Priced]) -> Priced:
    """Raise what all charges come to, credits apart, to the minimum."""
    charged = [column.net_minor for column in columns if column.term.sign > 0]
    least = round_column(*exact_money(plan, items, term, [1] * len(items.days)), term.rounding, 1)
    net = [max(0, low - sum(paid)) for low, *paid in zip(least, *charged, strict=True)]
    return Priced(term, [1 if amount else 0 for amount in net], net, tax_on(term, net, plan.tax))


def discounted(
    plan: Plan,
    items: Determinants,
    offered: tuple[Discount, Term, Term],
    columns: Sequence[Priced],
) -> Iterator[Priced]:
    """Take a discount off: off what is taxed and what is free apart, where it is a percentage."""
    discount, taxed, free = offered
    length = len(items.days)
    charged = [column for column in columns if column.term.sign > 0]
    if discount.kind is Inducement.AMOUNT:
        term = taxed if discount.taxable else free
        due = sum_rows([column.net_minor for column in columns], length)
        wanted = round_column(*exact_money(plan, items, term, [1] * length), term.rounding, 1)
        net = [-max(0, min(much, most)) for much, most in zip(wanted, due, strict=True)]
        yield Priced(term, [1 if amount else 0 for amount in net], net, tax_on(term, net, plan.tax))
        return
    top, bottom = discount.value.as_integer_ratio()
    for term in (taxed, free):
        bases = [
            column.net_minor
            for column in charged
            if column.term.taxable is term.taxable
            and (
                discount.kind is Inducement.PERCENT_OF_BILL
                or column.term.line_type is LineType.USAGE
            )
        ]
        if bases:
            base = sum_rows(bases, length)
            net = [-rounded(amount * top, bottom * 100, term.rounding) for amount in base]
            yield Priced(term, base, net, tax_on(term, net, plan.tax))
