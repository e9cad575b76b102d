"""How a sale is told: to who asks for a quote, on the receipt, and in the books.

Pure: from the facts of a vend and its split, in the portal's currency.
"""

from decimal import Decimal

from currant import wire
from currant.money import from_minor, kwh
from currant.vending.model import (
    ArrearsLine,
    EnergyLine,
    FixedLine,
    Quoted,
    Vended,
    VendFacts,
    VendRow,
    VendSplit,
)
from currant.vending.split import Split

Posting = tuple[int, str, str, Decimal | int, int | None, None]

_TENDER_COA = "1000"
_TAX_COA = "2200"
_WALLET_COA = "2100"


def quoted(facts: VendFacts, split: Split, currency: str) -> Quoted:
    """Tell a split in amounts; a currency wallet is taxed when it is drawn on, not now."""
    tax = sum((line.tax_amount for line in split.sale.lines), Decimal(0))
    arrears = from_minor(split.arrears_minor, currency)
    fixed = from_minor(split.fixed_minor, currency)
    energy = from_minor(split.energy_minor, currency)
    fixed_tax = from_minor(sum(part.tax_minor for part in split.fixed), currency)
    return Quoted(
        account=facts.account or "",
        serial_number=facts.serial_number or "",
        wallet=facts.wallet_kind or "",
        currency=currency,
        amount=arrears + fixed + energy,
        arrears_amount=arrears,
        fixed_amount=fixed,
        energy_amount=energy,
        tax_amount=tax + fixed_tax if facts.wallet_kind == "units" else Decimal(0),
        energy_kwh=kwh(split.sale.energy_wh),
        split=_told(split, currency),
    )


def vended(row: VendRow, currency: str) -> Vended:
    """Tell a stored vend as it was told when it was sold."""
    return Vended(
        vend_id=row.vend_id,
        transaction_id=row.entry_id,
        account=row.account,
        customer_name=row.customer_name,
        serial_number=row.serial_number,
        wallet=row.wallet_kind,
        tender=row.tender,
        currency=currency,
        amount=row.tendered_amount,
        arrears_amount=row.arrears_amount,
        fixed_amount=row.fixed_amount,
        energy_amount=row.energy_amount,
        tax_amount=row.tax_amount,
        energy_kwh=kwh(row.energy_wh),
        balance=shown(row.balance, row.wallet_kind),
        login=row.login,
        vendor_number=row.vendor_number,
        vended_at=row.vended_at,
        reversed=row.reversed,
        split=wire.decode(row.split.encode(), VendSplit),
    )


def shown(balance: Decimal, wallet: str) -> Decimal:
    """Show a wallet's balance: money as it is, energy in kWh."""
    return kwh(int(balance)) if wallet == "units" else balance


def postings(facts: VendFacts, split: Split, told: Quoted) -> list[Posting]:
    """State posting rule L8: the lines of a vend, debits positive."""
    currency, account_id = told.currency, facts.account_id
    lines: list[Posting] = [(1, _TENDER_COA, currency, told.amount, None, None)]
    lines += [
        (
            1,
            part.owed.receivable_coa,
            currency,
            -from_minor(part.paid_minor, currency),
            account_id,
            None,
        )
        for part in split.arrears
    ]
    if told.wallet != "units":
        credit = told.fixed_amount + told.energy_amount
        lines.append((1, _WALLET_COA, currency, -credit, account_id, None))
        return lines
    lines += [
        (1, part.due.coa, currency, -from_minor(part.net_minor, currency), None, None)
        for part in split.fixed
    ]
    lines += [(1, line.coa, currency, -line.net_amount, None, None) for line in split.sale.lines]
    lines.append((1, _TAX_COA, currency, -told.tax_amount, None, None))
    lines.append((1, "U300", "Wh", split.sale.energy_wh, account_id, None))
    lines.append((1, "U100", "Wh", -split.sale.energy_wh, account_id, None))
    return lines


def _told(split: Split, currency: str) -> VendSplit:
    """Tell a split line by line."""
    return VendSplit(
        arrears=[
            ArrearsLine(
                part.owed.item_id,
                part.owed.type_name.strip(),
                Decimal(part.owed.plan_hundredths) / 100,
                from_minor(part.paid_minor, currency),
                from_minor(part.owed.outstanding_minor - part.paid_minor, currency),
            )
            for part in split.arrears
        ],
        fixed=[
            FixedLine(
                part.due.month[:7],
                part.due.description,
                from_minor(part.net_minor, currency),
                from_minor(part.tax_minor, currency),
            )
            for part in split.fixed
        ],
        energy=[
            EnergyLine(
                line.tier,
                line.description,
                kwh(line.block_from_wh),
                None if line.block_to_wh is None else kwh(line.block_to_wh),
                kwh(line.quantity_wh),
                line.rate,
                line.net_amount,
                line.tax_rate,
                line.tax_amount,
            )
            for line in split.sale.lines
        ],
    )
