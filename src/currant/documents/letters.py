"""The e-mail that brings an invoice, in the words of its brand's language.

Pure: from a paper and the terms of the brand it bears.
"""

from collections.abc import Iterator

from currant.documents.model import BrandTerms, InvoicePaper, InvoiceType
from currant.documents.views import filled
from currant.documents.wording import Wording, wording


def subject_of(paper: InvoicePaper, terms: BrandTerms, version: int) -> str:
    """Return the subject of the e-mail: `Tax invoice 900123 – Tower One Energy`."""
    say = wording(version, terms.locale, paper.currency)
    return f"{say.say(paper.type.value)} {paper.number} – {terms.name}"


def letter_of(paper: InvoicePaper, terms: BrandTerms, version: int) -> str:
    """Return the text of the e-mail: the brand's, what is owed and until when, who sells."""
    say = wording(version, terms.locale, paper.currency)
    paragraphs = [
        filled(terms.mail_text, paper, say),
        "\n".join(_facts(paper, say)),
        say.say("attached"),
        "\n".join([terms.name, *(f"{one.label} {one.value}" for one in terms.contacts)]),
    ]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _facts(paper: InvoicePaper, say: Wording) -> Iterator[str]:
    """Yield what the paper comes to, a line each."""
    credit, due = paper.type is InvoiceType.CREDIT_NOTE, paper.total_due
    yield f"{say.say('credit_number' if credit else 'invoice_number')}: {paper.number}"
    yield f"{say.say('account')}: {paper.account}"
    if paper.supply_address:
        yield f"{say.say('supply_address')}: {paper.supply_address}"
    if paper.period_from is not None and paper.period_to is not None:
        yield f"{say.say('period')}: {say.days(paper.period_from, paper.period_to)}"
    this = "this_credit" if credit else "this_invoice"
    yield f"{say.say(this)}: {say.money(paper.invoice_amount)}"
    yield f"{say.say('in_credit' if due < 0 else 'total_due')}: {say.money(abs(due))}"
    if due <= 0 or credit:
        return
    if paper.overdue_amount > 0:
        yield say.say("overdue", amount=say.money(paper.overdue_amount))
    if paper.direct_debit_on is not None:
        date = say.day(paper.direct_debit_on)
        yield say.say("direct_debit", amount=say.money(due), date=date)
    elif paper.due_on is not None:
        yield f"{say.say('pay_by')}: {say.day(paper.due_on)}"
