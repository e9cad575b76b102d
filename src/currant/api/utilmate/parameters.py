"""What a method is sent: parameters by names and kinds, read from JSON or a query string alike.

Names are taken in any case, and by their synonyms; one that a method does not have is refused, so
that no typo widens a question. A day is `YYYY-MM-DD` or `DD/MM/YYYY`, a flag Y or N, a word one of
its list. Null and the blank text stand for what is left out, but where null is a value of its own.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, get_type_hints

import msgspec
from msgspec import Meta, inspect

from currant import wire
from currant.access.methods import nearest
from currant.clock import FIRST_YEAR, LAST_YEAR, parse_day
from currant.errors import Invalid
from currant.money import parse_amount

P = TypeVar("P", bound="Sent")
S = TypeVar("S", bound=msgspec.Struct)
Extra = Mapping[str, Any]
Reader = Callable[[Any, Extra, Any, str], Any]

SYNONYMS = {"network_node": "building_code", "register": "meter_register"}

_ACCOUNT = re.compile(r"\d{1,18}", re.ASCII)
_BPAY_DIGITS = 10  # A longer reference ends in BPAY's check digit.
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_DAY = re.compile(r"(\d\d)/(\d\d)/(\d{4})", re.ASCII)
_YES, _NO = ("Y", "YES", "TRUE"), ("N", "NO", "FALSE")
_DAYS = f"a day of the years {FIRST_YEAR} to {LAST_YEAR}, YYYY-MM-DD or DD/MM/YYYY"
_SHORT = 60  # characters of what was sent that an answer repeats


class Sent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a method.

    Of `one_of` one is sent and no other, of `any_of` one at least. `flat` says which list of things
    is also sent one by one: `{"item": "line_items"}` reads `item1_code`, `item2_code` and so on.
    """

    one_of: ClassVar[tuple[str, ...]] = ()
    any_of: ClassVar[tuple[str, ...]] = ()
    flat: ClassVar[Mapping[str, str]] = {}


class Page(Sent, frozen=True, kw_only=True):
    """What a list can be cut to."""

    limit: Annotated[int, Meta(ge=0, description="How many rows; all where left out.")] | None = (
        None
    )
    offset: Annotated[int, Meta(ge=0, description="Beyond how many rows.")] = 0


def _kind(kind: str, description: str, example: str, **schema: Any) -> Meta:
    return Meta(
        description=description, examples=[example], extra={"kind": kind}, extra_json_schema=schema
    )


Account = Annotated[
    str, _kind("account", "An account; leading zeros may be left out.", "03280", pattern=r"^\d+$")
]
BpayAccount = Annotated[
    str,
    _kind(
        "bpay",
        "An account, or its BPAY reference: of more than 10 digits the last is a check digit.",
        "03280",
        pattern=r"^\d+$",
    ),
]
Day = Annotated[
    date,
    _kind(
        "day",
        "A day, YYYY-MM-DD or DD/MM/YYYY.",
        "2024-07-01",
        format=None,
        pattern=r"^(\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4})$",
    ),
]
Money = Annotated[Decimal, Meta(extra={"places": 2}, description="An amount of money.")]
Quantity = Annotated[Decimal, Meta(extra={"places": 3}, description="In the register's unit.")]
SiteIdentifier = Annotated[str, Meta(description="The site: its NMI or ICP.")]
BuildingCode = Annotated[str, Meta(description="The building; also sent as network_node.")]


def words(*known: str) -> Meta:
    """Return what says that a text which is told is one of some words."""
    return Meta(extra_json_schema={"enum": list(known)})


def also(**others: str) -> Meta:
    """Return what says that a word that is sent goes by other words too."""
    return Meta(extra={"also": others})


RESULT = words("CREATED", "UPDATED")
Flag = Annotated[str, words("Y", "N")]
Month = Annotated[
    str,
    Meta(description="A month, YYYYMM.", examples=["202408"], pattern=r"^\d{4}(0[1-9]|1[0-2])$"),
]


Instant = Annotated[
    str,
    Meta(
        description="RFC 3339, whole seconds, in the zone of the building or portal.",
        extra_json_schema={"format": "date-time"},
    ),
]


def flag(told: bool) -> str:
    """Write a flag."""
    return "Y" if told else "N"


def no_null(told: Any) -> Any:
    """Return what there is, or what leaves a member out."""
    return msgspec.UNSET if told is None else told


class Member(NamedTuple):
    """A parameter of a shape: its bare kind, what is said of it beside, and what it may be."""

    kind: inspect.Type
    extra: Extra
    hint: Any
    required: bool
    nullable: bool


@cache
def members_of(shape: type[msgspec.Struct]) -> dict[str, Member]:
    """Return the parameters of a shape by their names."""
    hints = get_type_hints(shape, include_extras=True)
    told = {}
    for field in msgspec.structs.fields(shape):
        kind, extra = _bare(inspect.type_info(hints[field.name]))
        nullable = field.default is msgspec.UNSET
        told[field.encode_name] = Member(kind, extra, hints[field.name], field.required, nullable)
    return told


def _bare(kind: inspect.Type) -> tuple[inspect.Type, Mapping[str, Any]]:
    """Return the one kind that a member has beside null and absent, and what is said of it."""
    extra: dict[str, Any] = {}
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            extra |= kind.extra or {}
            kind = kind.type
        else:
            absent = (inspect.NoneType,)
            (kind,) = [one for one in kind.types if not isinstance(one, absent)]
    return kind, extra


def read(shape: type[P], sent: Mapping[str, Any], method: str) -> P:
    """Read the parameters of a method. Raises `Invalid` with the parameter at fault."""
    gathered, sent_as = _gathered(shape, sent, method)
    try:
        parameters = _read(shape, gathered, f"a parameter of {method}", "")
    except Invalid as refusal:
        if name := sent_as.get(refusal.field or ""):
            refusal.detail = refusal.detail.replace(refusal.field or "", name)
            refusal.field = name
        raise
    named = {name for name in members_of(shape) if getattr(parameters, name) not in _ABSENT}
    for options, least, most in ((shape.one_of, 1, 1), (shape.any_of, 1, len(shape.any_of))):
        given = [name for name in options if name in named]
        if options and not least <= len(given) <= most:
            told = "one of" if most == 1 else "at least one of"
            raise Invalid(f"{method} takes {told} {', '.join(options)}.", field=options[0])
    start, end = (getattr(parameters, name, None) for name in ("start_date", "end_date"))
    if start and end and start > end:
        raise Invalid(f"start_date {start} is after end_date {end}.", field="start_date")
    wire.refuse_unfit(parameters)
    return parameters


_ABSENT = (None, msgspec.UNSET)


def _gathered(
    shape: type[Sent], sent: Mapping[str, Any], method: str
) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Put what is sent one by one into its list, in the order of its numbers.

    Return beside it how each member of the list was sent.
    """
    told = dict(sent)
    sent_as: dict[str, str] = {}
    for one, many in shape.flat.items():
        things: dict[str, dict[str, Any]] = {}
        number = f"{one}_no"
        known = members_of(_bare(members_of(shape)[many].kind.item_type)[0].cls)  # type: ignore[attr-defined]
        for name in sent:
            if match := re.fullmatch(rf"{one}(\d)_(\w+)", name.strip().lower(), re.ASCII):
                member = match[2] if match[2] in known else f"{one}_{match[2]}"
                if member not in known:
                    names = [_one_by_one(one, match[1], each) for each in known]
                    close = nearest(name[:_SHORT].strip().lower(), names)
                    short = name[:_SHORT]
                    raise Invalid(f"{short} is not a parameter of {method}{close}", field=short)
                things.setdefault(match[1], {})[member] = told.pop(name)
        if things:
            if many in told:
                raise Invalid(f"{many} is sent twice, as a list and one by one.", field=many)
            clears = any(member.nullable for member in known.values())
            kept = [
                (n, thing)
                for n, thing in sorted(things.items())
                if clears or any(value not in (None, "") for value in thing.values())
            ]
            told[many] = [
                ({number: int(n)} if number in known else {}) | thing for n, thing in kept
            ]
            sent_as |= {
                f"{many}[{place}].{member}": _one_by_one(one, n, member)
                for place, (n, _) in enumerate(kept)
                for member in known
            }
    return told, sent_as


def _one_by_one(one: str, number: str, member: str) -> str:
    """Return the parameter that is a member of one of the things of a list."""
    return f"{one}{number}_{member.removeprefix(f'{one}_')}"


def _read(shape: type[S], sent: Mapping[str, Any], of: str, within: str) -> S:
    known = members_of(shape)
    values: dict[str, Any] = {}
    for told, value in sent.items():
        name = told.strip().lower()
        name = name if name in known else SYNONYMS.get(name, name)
        if name not in known:
            raise Invalid(
                f"{told[:_SHORT]} is not {of}{nearest(name[:_SHORT], list(known))}",
                field=f"{within}{told[:_SHORT]}",
            )
        if name in values:
            raise Invalid(f"{within}{name} is sent twice.", field=f"{within}{name}")
        values[name] = _value(known[name], value, f"{within}{name}")
    given = {name: value for name, value in values.items() if value is not msgspec.UNSET}
    missing = [name for name, member in known.items() if member.required and name not in given]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        listed = ", ".join(f"{within}{name}" for name in missing)
        raise Invalid(f"{listed} {are} missing.", field=f"{within}{missing[0]}")
    return shape(**given)


def _value(member: Member, value: Any, name: str) -> Any:
    """Read one parameter; `UNSET` is what was left out."""
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None if member.nullable else msgspec.UNSET
    try:
        told = _told(member.kind, member.extra, value, name)
        return msgspec.convert(told, member.hint)
    except msgspec.ValidationError as error:
        text = str(error).partition(" - at `")[0]
        raise Invalid(f"{name}: {text[:1].lower()}{text[1:]}.", field=name) from None


def _told(kind: inspect.Type, extra: Extra, value: Any, name: str) -> Any:
    reader: Reader = _READERS.get(type(kind), _text)
    return reader(kind, extra, value, name)


def _wrong(name: str, wanted: str, value: Any) -> Invalid:
    shown = value if isinstance(value, str) else wire.encode(value).decode()
    return Invalid(f"{name} is {shown[:_SHORT]!r}, not {wanted}.", field=name)


def _object(kind: Any, _extra: Extra, value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(name, "an object", value)
    if isinstance(kind, inspect.DictType):
        return value
    return _read(kind.cls, value, f"a member of {name}", f"{name}.")


def _list(kind: Any, _extra: Extra, value: Any, name: str) -> list[Any]:
    each, told = _bare(kind.item_type)
    values = value if isinstance(value, list) else [value]
    return [_told(each, told, one, f"{name}[{n}]") for n, one in enumerate(values)]


def _flag(_kind: Any, _extra: Extra, value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.upper() in _YES + _NO:
        return value.upper() in _YES
    raise _wrong(name, "Y or N", value)


def _day(_kind: Any, _extra: Extra, value: Any, name: str) -> date:
    if not isinstance(value, str):
        raise _wrong(name, _DAYS, value)
    local = _DAY.fullmatch(value)
    try:
        return parse_day(f"{local[3]}-{local[2]}-{local[1]}" if local else value)
    except Invalid:
        raise _wrong(name, _DAYS, value) from None


def _decimal(_kind: Any, extra: Extra, value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise _wrong(name, "a number", value)
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, Decimal) and "." in text:
        text = text.rstrip("0").rstrip(".")
    try:
        return parse_amount(text, places=extra.get("places", 9), signed=True)
    except Invalid as refusal:
        raise Invalid(f"{name}: {refusal.detail}", field=name) from None


def _whole(_kind: Any, _extra: Extra, value: Any, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise _wrong(name, "a whole number", value)


def _word(kind: Any, extra: Extra, value: Any, name: str) -> str:
    told = str(value).upper().replace("-", "_").replace(" ", "_")
    told = extra.get("also", {}).get(told, told)
    if isinstance(value, str) and told in kind.values:
        return str(told)
    raise _wrong(name, f"one of {', '.join(kind.values)}", value)


def _text(_kind: Any, extra: Extra, value: Any, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _wrong(name, "text", value)
    kind = extra.get("kind")
    return _account(value, name, bpay=kind == "bpay") if kind in ("account", "bpay") else value


_READERS: dict[type[inspect.Type], Reader] = {
    inspect.StructType: _object,
    inspect.DictType: _object,
    inspect.ListType: _list,
    inspect.BoolType: _flag,
    inspect.DateType: _day,
    inspect.DecimalType: _decimal,
    inspect.IntType: _whole,
    inspect.LiteralType: _word,
}


def _account(value: str, name: str, *, bpay: bool) -> str:
    """Write an account as it is kept: five digits or more."""
    if not _ACCOUNT.fullmatch(value):
        raise _wrong(name, "the number of an account", value)
    digits = value[:-1] if bpay and len(value) > _BPAY_DIGITS else value
    return digits.lstrip("0").rjust(5, "0")
