"""How papers speak: the words of a language, and numbers, money and dates as a locale writes them.

Pure: of the templates' `words.json` and the CLDR. A language without words speaks English.
"""

import json
import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol

from currant.documents.model import LocaleUnknown
from currant.money import half_up, minor_units, round_money

_LONGEST = 2000  # characters
_LONG_WORD = re.compile(r"\S{33,}")
_BREAKS_AFTER = 16  # characters
_MAY_BREAK = "\u200b"
# What would turn the text around it: a name that says another amount to the eye than to the books.
_TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


class Wording:
    """The words of one language, and how its locale writes money of one currency."""

    def __init__(self, version: int, locale: str, currency: str) -> None:
        self.locale = locale_of(locale)
        self.currency = currency
        self.places = minor_units(currency)
        self.symbol = get_currency_symbol(currency, locale=self.locale)
        words = _words(version)
        self.words = words.get(self.locale.language, words["en"])

    def say(self, word: str, **values: object) -> str:
        """Return a phrase with its values."""
        return self.words[word].format(**values)

    def money(self, amount: Decimal) -> str:
        """Write an amount with its currency."""
        rounded = round_money(amount, self.currency)
        return _signed(format_currency(rounded, self.currency, locale=self.locale))

    def plain(self, amount: Decimal) -> str:
        """Write an amount without its currency, for a column of them."""
        pattern = "#,##0." + "0" * self.places if self.places else "#,##0"
        rounded = half_up(amount, self.places)
        return _signed(format_decimal(rounded, format=pattern, locale=self.locale))

    def rate(self, rate: Decimal) -> str:
        """Write a price of a unit with all its decimals."""
        told = format_currency(
            rate, self.currency, locale=self.locale, currency_digits=False,
            decimal_quantization=False,
        )  # fmt: skip
        return _signed(told)

    def number(self, value: Decimal) -> str:
        """Write a number with all its decimals."""
        told = value.quantize(Decimal(1)) if value == value.to_integral_value() else value
        return _signed(format_decimal(told, locale=self.locale, decimal_quantization=False))

    def percent(self, fraction: Decimal) -> str:
        """Write a fraction as a percentage."""
        return format_percent(fraction, locale=self.locale, decimal_quantization=False)

    def day(self, on: date) -> str:
        """Write a day in full."""
        return format_date(on, "long", locale=self.locale)

    def short_day(self, on: date) -> str:
        """Write a day for a narrow column."""
        return format_date(on, "medium", locale=self.locale)

    def month(self, on: date) -> str:
        """Write a month's short name."""
        return format_date(on, "LLL", locale=self.locale).rstrip(".")

    def month_of_year(self, on: date) -> str:
        """Write a month with its year."""
        return format_date(on, "LLLL y", locale=self.locale)

    def days(self, first: date, last: date) -> str:
        """Write from which day to which."""
        return f"{self.short_day(first)} – {self.short_day(last)}"

    def how_many_days(self, first: date, last: date) -> str:
        """Write how many days a period has, its first and last included."""
        number = (last - first).days + 1
        return self.say("day") if number == 1 else self.say("days", days=number)


@lru_cache(maxsize=200)
def wording(version: int, locale: str, currency: str) -> Wording:
    """Return how papers of a template speak in a locale about a currency."""
    return Wording(version, locale, currency)


@lru_cache(maxsize=200)
def locale_of(name: str) -> Locale:
    """Return a locale of the CLDR, such as en_AU. Raises `LocaleUnknown`."""
    try:
        return Locale.parse(name)
    except (ValueError, TypeError, UnknownLocaleError):
        raise LocaleUnknown(f"It is {name[:40]!r}.", field="locale") from None


def cleaned(view: Any) -> Any:
    """Return a view whose texts can be printed: what it holds that is not text stays as it is.

    Controls and marks that turn text around are left out, a long word may break, and a text ends
    after 2,000 characters.
    """
    if isinstance(view, str):
        return _clean(view)
    if isinstance(view, dict):
        return {name: cleaned(member) for name, member in view.items()}
    return [cleaned(member) for member in view] if isinstance(view, list) else view


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable() and len(text) <= _BREAKS_AFTER * 2:
        return text
    text = unicodedata.normalize("NFC", text[:_LONGEST].translate(_TURNING))
    text = "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Cn", "Zl", "Zp") else " "
        for c in text.replace("\r\n", "\n")
    )
    return _LONG_WORD.sub(_breakable, text)


def _breakable(word: re.Match[str]) -> str:
    pieces = [word[0][n : n + _BREAKS_AFTER] for n in range(0, len(word[0]), _BREAKS_AFTER)]
    return _MAY_BREAK.join(pieces)


def _signed(told: str) -> str:
    """Write a minus as wide as a digit."""
    return told.replace("-", "−")


@lru_cache(maxsize=20)
def _words(version: int) -> dict[str, dict[str, str]]:
    path = resources.files(__package__).joinpath("templates", str(version), "words.json")
    words: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return words
