"""The methods of the Utilmate API library, letter for letter: what a key is certified for."""

from collections.abc import Sequence
from difflib import get_close_matches

from currant.errors import Invalid

METHODS = (
    "GETACCREC",
    "GETADJUST",
    "GETBUILDINGLIST",
    "GETCUST",
    "GETCUSTDET",
    "GETINVOICE",
    "GETINVOICEPDF",
    "GETINVDET",
    "GETJOURNALS",
    "GETMETER",
    "GETPRICES",
    "GETREADS",
    "GETREPORT",
    "GETRPTLIS",
    "GETALLRPTLIS",
    "GETRECEIPT",
    "GETSITELIST",
    "GETUSAGE",
    "GETLOSS",
    "GETRANGEINV",
    "GETALLACCNTPP",
    "GETACCNTPRICE",
    "GETCUSTOMERPRICING",
    "GETUTILITYUSAGE",
    "GETSITE",
    "GETWORKORDER",
    "POSTACTIVITY",
    "POSTCUST",
    "POSTCHARGE",
    "POSTMOVEIN",
    "POSTMOVEOUT",
    "POSTPROVISION",
    "POSTRECEIPT",
    "POSTSITE",
    "POSTREAD",
    "POSTADJUSTMENT",
    "UPDATEWORKORDER",
)


def nearest(told: str, known: Sequence[str]) -> str:
    """Return how a sentence ends that says what is not known: with what may have been meant."""
    (near,) = get_close_matches(told, known, 1) or ("",)
    return f"; did you mean {near}?" if near else "."


def certified(methods: Sequence[str] | None) -> list[str] | None:
    """Return the codes that a key is certified for in their order, each once; none is all.

    Raises `Invalid` for one that there is not, and where the list is empty.
    """
    if methods is None:
        return None
    codes = {code.strip().upper() for code in methods}
    for code in sorted(codes - set(METHODS)):
        told = f"There is no method {code!r}{nearest(code, METHODS)}"
        raise Invalid(told, field="methods")
    if not codes:
        raise Invalid("A key is certified for one method or more.", field="methods")
    return [code for code in METHODS if code in codes]
