"""The register of the methods: what each takes, tells and calls, stated once.

    @reads("GETBUILDINGLIST", "U03", calls=buildings, bulk=True)
    async def get_building_list(tx: Tx, wanted: BuildingsWanted) -> AsyncIterator[BuildingRow]:

    @changes("POSTSITE", "U34", calls=set_site_status)
    async def post_site(tx: Tx, sent: SiteSent) -> SiteChanged:

A method works in the one transaction of its request, which the door opens, audits and commits under
the name and the permission of the verb that it calls. Each item is a question of its own, or an act
that is done with all the others or not at all.
"""

import functools
import re
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from currant.access.methods import METHODS
from currant.access.permissions import NEEDED, Permission
from currant.api.utilmate.parameters import Page, Sent
from currant.db.tx import Tx
from currant.errors import Refusal

F = TypeVar("F", bound=Callable[..., Any])

REGISTER: dict[str, "Method"] = {}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a method tells; `item` counts from 0 which item it belongs to, where there are more.

    One that is `open` has members that no document can tell beforehand.
    """

    open: ClassVar[bool] = False

    item: int | msgspec.UnsetType = msgspec.UNSET


class FileRow(Row, frozen=True, kw_only=True):
    """A file, in base64."""

    file_name: str
    mime_type: str
    content_base64: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a method tells of all its rows together."""


class Total(Summary, frozen=True, kw_only=True):
    """How many rows there are, however many are told."""

    total: int


class Method(msgspec.Struct, frozen=True):
    """A method: its code and number, its shapes, the verb or view that it calls, what runs it."""

    code: str
    number: str
    takes: type[Sent]
    rows: tuple[type[Row], ...]
    summary: type[Summary] | None
    calls: tuple[Callable[..., Any], ...]
    run: Callable[..., Any]
    sentence: str
    acts: bool = False
    bulk: bool = False
    pages: bool = False
    whole: bool = False
    raw: bool = False
    long: bool = False
    further: Callable[[Any], bool] | None = None
    names: Mapping[str, str] = {}

    @property
    def asks(self) -> bool:
        """Whether it is named as one that asks, and so goes by GET too."""
        return self.code.startswith("GET")

    @property
    def permissions(self) -> list[Permission]:
        """What its verb or view needs, and what the one that it calls for more needs."""
        return [NEEDED[verb] for verb in self.calls]

    def verb_for(self, items: Sequence[Sent]) -> Callable[..., Any]:
        """Return the verb that items call: the second where any of them asks for more."""
        more = self.further is not None and any(map(self.further, items))
        return self.calls[1 if more else 0]


def reads(
    code: str,
    number: str,
    *,
    calls: Callable[..., Any],
    bulk: bool = False,
    pages: bool = False,
    raw: bool = False,
    long: bool = False,
    names: Mapping[str, str] | None = None,
) -> Callable[[F], F]:
    """Register a method that asks: an async iterator of rows, and of a `Summary` at their end.

    `bulk`: a list that a page can be asked of; where it `pages` by itself, its summary has the
    total. `raw`: one file, which is sent as it is. `long`: it may take as long as a list does.
    `names` are its parameters where the verb names them otherwise.
    """

    def register(run: F) -> F:
        (told,) = get_args(get_type_hints(run)["return"])
        method = _method(code, number, run, (calls,), told)
        more = {"bulk": bulk or pages, "pages": pages, "raw": raw, "long": long or bulk or pages}
        _register(msgspec.structs.replace(method, **more, names=names or {}))
        return run

    return register


def changes(
    code: str,
    number: str,
    *,
    calls: Callable[..., Any],
    or_else: Callable[..., Any] | None = None,
    where: Callable[[Any], bool] | None = None,
    names: Mapping[str, str] | None = None,
) -> Callable[[F], F]:
    """Register a method that acts: on one item, which may answer many rows, or on all of them.

    `or_else` is the verb that it calls `where` an item asks for what takes another permission.
    `names` are the parameters that the verb's members come from, where they are named otherwise.
    """

    def register(run: F) -> F:
        hints = get_type_hints(run)
        told = hints["return"]
        (told,) = get_args(told) if get_origin(told) is list else (told,)
        verbs = (calls,) if or_else is None else (calls, or_else)
        method = _method(code, number, run, verbs, told)
        whole = get_origin(_taken(hints)) is list
        more = {"acts": True, "whole": whole, "further": where, "names": names or {}}
        _register(msgspec.structs.replace(method, **more))
        return run

    return register


def _taken(hints: dict[str, Any]) -> Any:
    (taken,) = (hint for name, hint in hints.items() if name not in ("tx", "return"))
    return taken


def _method(
    code: str,
    number: str,
    run: Callable[..., Any],
    calls: tuple[Callable[..., Any], ...],
    told: Any,
) -> Method:
    taken = _taken(get_type_hints(run))
    (taken,) = get_args(taken) if get_origin(taken) is list else (taken,)
    shapes = [told] if isinstance(told, type) else list(get_args(told))
    rows = tuple(shape for shape in shapes if issubclass(shape, Row))
    (summary,) = [shape for shape in shapes if issubclass(shape, Summary)] or (None,)
    sentence = (run.__doc__ or "").strip().partition("\n")[0]
    return Method(code, number, taken, rows, summary, calls, run, sentence)


def _register(method: Method) -> None:
    if method.code not in METHODS or method.code in REGISTER:
        raise TypeError(f"{method.code} is no method, or stands twice")
    totals = method.summary is not None and issubclass(method.summary, Total)
    if method.bulk != issubclass(method.takes, Page) or method.pages > totals:
        raise TypeError(f"{method.code} has a page and is no list, or lacks one, or its total")
    REGISTER[method.code] = method


class Answered:
    """The rows of a method, one after another, and when they have ended its summary."""

    def __init__(self, method: Method, tx: Tx, items: Sequence[Sent]) -> None:
        self.method = method
        self._tx = tx
        self._items = items
        self._summaries: list[dict[str, Any]] = []

    async def rows(self) -> AsyncIterator[Row]:
        """Run the items one by one and yield what they answer."""
        many = len(self._items) > 1
        for place, sent in enumerate(self._items):
            with _named(place, many=many), _retold(self.method, many=False):
                refuse_blocked(self._tx, sent)
                async for row in self._of(sent):
                    yield msgspec.structs.replace(row, item=place) if many else row

    async def _of(self, sent: Sent) -> AsyncIterator[Row]:
        found: AsyncIterable[Row | Summary] = self.method.run(self._tx, sent)
        page = sent if isinstance(sent, Page) and not self.method.pages else Page()
        first = page.offset
        beyond = None if page.limit is None else first + page.limit
        count, summary = 0, {}
        async for told in found:
            if isinstance(told, Summary):
                summary = msgspec.structs.asdict(told)
                continue
            if not self.method.bulk:
                refuse_blocked(self._tx, told)
            if count >= first and (beyond is None or count < beyond):
                yield told
            count += 1
        self._summaries.append({"total": count} | summary if self.method.bulk else summary)

    def summary(self) -> dict[str, Any] | None:
        """Return the summary; of several items one for each."""
        if not any(self._summaries):
            return None
        return self._summaries[0] if len(self._summaries) == 1 else {"items": self._summaries}


@functools.cache
def act_of(code: str, verb: Callable[..., Any]) -> Callable[[Tx, Any], Awaitable[list[Row]]]:
    """Return what does all the items of a method in one transaction, as a verb for the door.

    It has the name and the permission of the verb that the method calls for them.
    """
    method = REGISTER[code]

    async def act(tx: Tx, items: Sequence[Any]) -> list[Row]:
        for sent in items:
            refuse_blocked(tx, sent)
        if method.whole:
            with _retold(method, many=len(items) > 1):
                rows: list[Any] = await method.run(tx, list(items))
        else:
            rows = []
            for place, sent in enumerate(items):
                with _named(place, many=len(items) > 1):
                    rows.append(await method.run(tx, sent))
        told: list[Row] = []
        for place, answer in enumerate(rows):
            for row in answer if isinstance(answer, list) else [answer]:
                refuse_blocked(tx, row)
                told.append(row if len(items) == 1 else msgspec.structs.replace(row, item=place))
        return told

    functools.update_wrapper(act, verb)
    del act.__wrapped__  # type: ignore[attr-defined]  # or the door would read the verb's answer
    (row,) = method.rows
    act.__annotations__ = {"return": list[row]}  # type: ignore[valid-type]
    NEEDED[act] = NEEDED[verb]
    return act


def refuse_blocked(tx: Tx, told: object) -> None:
    """Refuse what names an account that the caller is barred from."""
    account = getattr(told, "account_number", None)
    if isinstance(account, str):
        tx.user.refuse_blocked(account)


_PLACED = re.compile(r"\b[a-z_]+\[(\d+)\]\.")
_CONTACT = re.compile(r"contacts\[contact_no=(\d)\]\.")


@contextmanager
def _retold(method: Method, *, many: bool) -> Iterator[None]:
    """Name parameters in what is refused of a list, where the verb named members of its own."""
    try:
        yield
    except Refusal as refusal:
        if refusal.faults:
            told = [
                (
                    fault.record - 1,
                    f"{method.names.get(fault.column, fault.column)}: {fault.reason}",
                )
                for fault in refusal.faults
            ]
            each = [f"parameters[{n}].{text}" if many else text for n, text in told]
            refusal.detail, refusal.faults = f"{'; '.join(each)}. {refusal.detail}", ()
        elif refusal.field and (placed := _PLACED.match(refusal.field)):
            if many:
                refusal.add_note(f"parameters[{placed[1]}]")
            refusal.detail = _CONTACT.sub(r"contact\1_", refusal.detail.replace(placed[0], ""))
            refusal.field = _CONTACT.sub(r"contact\1_", refusal.field[placed.end() :])
        refusal.field = method.names.get(refusal.field or "", refusal.field)
        raise


@contextmanager
def _named(place: int, *, many: bool) -> Iterator[None]:
    """Note on what is raised which of several items it is about."""
    try:
        yield
    except Exception as error:
        if many:
            error.add_note(f"parameters[{place}]")
        raise
