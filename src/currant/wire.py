"""The wire: the one JSON decode and the one JSON encode of all faces.

A JSON number is an exact Decimal inside, and a Decimal is a plain JSON number outside, at any
length that money or energy can have. A Struct member that may be left out is declared
`member: T | msgspec.UnsetType = msgspec.UNSET`, which tells absent from null and is not written
while unset; a Struct that leaves out whatever equals its default says `omit_defaults=True`.
Members that a Struct does not know are ignored, unless it says `forbid_unknown_fields=True`. What
is sent from outside goes through `decode_sent`, which takes no member twice.
"""

import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from currant.clock import within_time
from currant.errors import Invalid, Unparsable

T = TypeVar("T")

# No rate, amount or quantity comes near this; `1e999999999` would fill the memory when written out.
_MAX_DIGITS = 40
_BOUNDLESS = f"A number has at most {_MAX_DIGITS} digits before and after the point"
_WORDS = {
    "int": "a whole number",
    "float": "a number with decimals",
    "decimal": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_WRITTEN_AS_IS = frozenset((str, int, bool, type(None), msgspec.Raw))
_ROUGHLY = msgspec.json.Encoder(enc_hook=str)
_SUSPICIOUS = re.compile(rb'\\u0000|[0-9]{19}|"(?:1[0-8]|[03-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}')
_LONGEST = 10_000  # characters: no name, note or reason comes near it
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MEMBER_MISSING = re.compile("Object missing required field `[^`]*`")  # of the body itself
_QUOTED = re.compile(r"`([^`]*)`")
_KEPT = (Decimal, msgspec.Raw)
_MEMBERS = (*_KEPT, date, datetime)
_MAY_HOLD_DECIMALS = (
    msgspec.inspect.DecimalType,
    msgspec.inspect.AnyType,
    msgspec.inspect.CustomType,
)
# What was sent in place of a Decimal matters only as text or no text; numbers become anything else.
_SENT = msgspec.json.Decoder(float_hook=len)
_ENCODER = msgspec.json.Encoder()


def decode(raw: bytes, type: type[T]) -> T:  # noqa: A002
    """Read a JSON body as a type. Numbers become exact Decimals, also where the type says `Any`.

    Raises `Unparsable` for what is not JSON in UTF-8, naming the byte, and `Invalid` for a missing
    or ill-typed member, naming the member. A number in quotation marks is text, not a number.
    """
    try:
        raw.decode()
        decoder, holds_decimals = _decoder(type)  # type: ignore[arg-type]  # classes are hashable
        value: T = decoder.decode(raw)
        if holds_decimals:
            typed = msgspec.to_builtins(value, builtin_types=_KEPT)
            _refuse_inexact(typed, _SENT.decode(raw), "$")
    except UnicodeDecodeError as error:
        raise Unparsable(f"Byte {error.start} of the body is not UTF-8.") from None
    except RecursionError:
        raise Unparsable("The JSON is nested too deeply.") from None
    except msgspec.ValidationError as error:
        if _MEMBER_MISSING.fullmatch(str(error)):
            raise _missing(raw, type) from None
        raise _invalid(str(error)) from None
    except msgspec.DecodeError as error:
        if not raw.strip():
            raise Unparsable("The body is empty; JSON was expected.") from None
        reason = str(error).replace("Input data was truncated", "JSON ends too early")
        raise Unparsable(f"{reason} ({len(raw)} bytes were received).") from None
    return value


def decode_sent(raw: bytes, type: type[T]) -> T:  # noqa: A002
    """Read the JSON body of a request, as `decode` does.

    Raises `Invalid` also for a member that an object has twice, for there is no telling which was
    meant.
    """
    value = decode(raw, type)
    try:
        _ONCE.decode(raw.decode())
    except RecursionError:
        raise Unparsable("The JSON is nested too deeply.") from None
    return value


def _once(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object that has a member twice."""
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        for name, _ in pairs:
            if name not in names:
                raise Invalid(f"{name[:60]} is sent twice.", field=name[:60])
            names.discard(name)


def encode(value: object) -> bytes:
    """Write a value as JSON: Structs as objects, Decimals as plain numbers without trailing zeros.

    `Decimal("10.000")` is written 10, `Decimal("1E+2")` 100. Callers format instants beforehand
    where a face has its own layout; a datetime that is left is written in full by RFC 3339.
    """
    return _ENCODER.encode(_with_digits(value))


async def pieces(rows: AsyncIterable[object]) -> AsyncIterator[bytes]:
    """Write rows as a JSON array, piece by piece."""
    before = b"["
    async for row in rows:
        yield before + encode(row)
        before = b","
    yield b"]" if before == b"," else b"[]"


async def grouped_pieces(rows: AsyncIterable[tuple[str, object]]) -> AsyncIterator[bytes]:
    """Write rows as a JSON object of arrays by their keys, piece by piece.

    The rows of a key come one after another.
    """
    last, before = None, b"{"
    async for key, row in rows:
        if key == last:
            yield b"," + encode(row)
        else:
            yield before + encode(key) + b":[" + encode(row)
            last, before = key, b"],"
    yield b"{}" if last is None else b"]}"


async def encode_each(rows: AsyncIterable[object]) -> msgspec.Raw:
    """Write rows as a JSON array, one by one, so that a long list never stands here as objects."""
    told = bytearray()
    async for piece in pieces(rows):
        told += piece
    return msgspec.Raw(bytes(told))


def members(value: object) -> Iterator[tuple[str, object]]:
    """Yield what a value holds with its path, such as `rates[0].rate`, down to texts and numbers.

    The names are those of the wire. What JSON cannot write is told as text.
    """
    return _members(msgspec.to_builtins(value, builtin_types=_MEMBERS, enc_hook=str), "")


_ONCE = json.JSONDecoder(object_pairs_hook=_once, parse_int=len, parse_float=len)


def refuse_unfit(value: object) -> None:
    """Refuse what no column holds, naming the member. Raises `Invalid`.

    That is a text with a NUL or an unpaired surrogate, or of more than 10,000 characters, a whole
    number beyond 64 bits, and a day or an instant beyond the years that are taken.
    """
    with suppress(UnicodeEncodeError):
        roughly = _ROUGHLY.encode(value)
        if len(roughly) <= _LONGEST and not _SUSPICIOUS.search(roughly):
            return  # Nearly everything, at a tenth of the time.
    for path, member in members(value):
        if isinstance(member, str):
            if len(member) > _LONGEST:
                told = f"has {len(member)} characters; at most {_LONGEST} are taken"
                raise Invalid(f"{path} {told}.", field=path)
            if unfit := UNSTORABLE.search(member):
                told = "is a NUL" if unfit[0] == "\0" else "is not UTF-8"
                raise Invalid(f"{path}: character {unfit.start() + 1} {told}.", field=path)
        elif isinstance(member, int) and not -(2**63) <= member < 2**63:
            raise Invalid(f"{path} is out of range.", field=path)
        elif isinstance(member, date):
            within_time(member, path)


@lru_cache(maxsize=1000)
def _decoder(shape: Any) -> tuple[msgspec.json.Decoder[Any], bool]:
    """Return the decoder of a type, and whether the type says Decimal anywhere."""
    holds_decimals = repr(msgspec.inspect.DecimalType()) in repr(msgspec.inspect.type_info(shape))
    return msgspec.json.Decoder(shape, float_hook=_exact), holds_decimals


def _members(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _members(member, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list | tuple):
        for place, member in enumerate(value):
            yield from _members(member, f"{path}[{place}]")
    else:
        yield path, value


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(_BOUNDLESS) from None
    if _boundless(number):
        raise ValueError(_BOUNDLESS)
    return number


def _refuse_inexact(typed: object, sent: object, path: str) -> None:
    """Refuse each Decimal that was sent as text: msgspec would take `"NaN"` and `"1_000"` too."""
    if isinstance(typed, Decimal):
        if isinstance(sent, str):
            raise _invalid(f"Expected `decimal`, got `str` - at `{path}`")
        if _boundless(typed):
            raise _invalid(f"{_BOUNDLESS} - at `{path}`")
    elif isinstance(typed, dict) and isinstance(sent, dict):
        for name, member in typed.items():
            _refuse_inexact(member, sent.get(name), f"{path}.{name}")
    elif isinstance(typed, list | tuple) and isinstance(sent, list):
        for place, (member, sent_member) in enumerate(zip(typed, sent, strict=False)):
            _refuse_inexact(member, sent_member, f"{path}[{place}]")


def _boundless(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return (
        isinstance(exponent, str) or not -_MAX_DIGITS <= exponent <= number.adjusted() < _MAX_DIGITS
    )


def _missing(raw: bytes, shape: type) -> Invalid:
    """Name every member of a Struct that a body lacks; msgspec names the first."""
    try:
        sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise Unparsable(f"{error}.") from None
    names = [
        field.encode_name
        for field in msgspec.structs.fields(shape)
        if field.required and field.encode_name not in sent
    ]
    are = "is" if len(names) == 1 else "are"
    return Invalid(f"{', '.join(names)} {are} missing.", field=names[0])


def _invalid(message: str) -> Invalid:
    """Turn what msgspec says, such as "Expected `int`, got `str` - at `$.id`", to a sentence."""
    text, at, path = message.rpartition(" - at `")
    if not at:
        text, path = message, ""
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    if text.startswith("Object missing required field `"):
        field = f"{field}.{text[31:-1]}".removeprefix(".")
        return Invalid(f"{field} is missing.", field=field)
    if text.startswith("Object contains unknown field `"):
        field = f"{field}.{text[31:-1]}".removeprefix(".")[:100]
        return Invalid(f"{field} is not known here.", field=field)
    sentence = _QUOTED.sub(_in_words, text[:200])
    sentence = sentence[:1].lower() + sentence[1:]
    return Invalid(f"{field or 'The body'}: {sentence}.", field=field or None)


def _in_words(types: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types[1].split(" | "))


def _with_digits(value: Any) -> Any:
    """Return a value with each Decimal as its plain digits."""
    if isinstance(value, dict):
        return {
            name: member if type(member) in _WRITTEN_AS_IS else _with_digits(member)
            for name, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            member if type(member) in _WRITTEN_AS_IS else _with_digits(member) for member in value
        ]
    if isinstance(value, Decimal):
        return msgspec.Raw(_plain(value))
    return _struct_with_digits(value) if isinstance(value, msgspec.Struct) else value


def _struct_with_digits(value: msgspec.Struct) -> Any:
    names = _decimal_members(type(value))
    if not names:
        return value
    if value.__struct_config__.omit_defaults:  # A default is known by its value.
        return _with_digits(msgspec.to_builtins(value, builtin_types=_KEPT))
    told = {name: _with_digits(getattr(value, name)) for name in names}
    return msgspec.structs.replace(value, **told)


@lru_cache(maxsize=1000)
def _decimal_members(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the members of a Struct in which a Decimal may stand, however deep."""
    told = msgspec.inspect.type_info(shape)
    return tuple(
        field.name
        for field in told.fields  # type: ignore[attr-defined]
        if any(f"{kind.__name__}(" in repr(field.type) for kind in _MAY_HOLD_DECIMALS)
    )


def _plain(number: Decimal) -> bytes:
    if not number.is_finite():
        raise ValueError(f"{number} is not a JSON number")
    digits = format(number, "f")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return b"0" if digits == "-0" else digits.encode()
