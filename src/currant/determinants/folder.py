"""Register-days in a folder of Parquet files, for whoever prices them elsewhere.

`items.parquet` holds the items (`layouts.ITEMS`), with their calendars as JSON in its metadata
under `currant.calendars`; the files of `days/` hold register-days (`layouts.DAYS`), in any
order, but those of one item and day in one file. Such a folder is all that the determinants need,
on this machine or in Spark.
"""

import os
from pathlib import Path
from typing import Any, Self

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from currant.determinants.layouts import DAYS, ITEMS, Terms
from currant.determinants.summing import Summing, going_on, last_of, settle
from currant.errors import Invalid
from currant.tariffs.calendars import Calendar

_CALENDARS = b"currant.calendars"
_ITEMS = "items.parquet"
_FILE_ROWS = 262_144  # some fifty megabytes of half-hours


class NotAFolderOfIntervals(Invalid):
    """The folder holds no intervals that were written whole. Nothing was determined."""


class FolderTaken(Invalid):
    """There is something in this folder already. Nothing was written; name another."""


def days_of(folder: Path) -> Path:
    """Return where the register-days of a folder are."""
    return folder / "days"


class DaysWriter:
    """Writes register-days, those of one item and day one after another, to files of a size."""

    def __init__(self, folder: Path) -> None:
        """Begin a folder. Raises `FolderTaken`."""
        if folder.exists() and any(folder.iterdir()):
            raise FolderTaken(f"{folder}.", field="out")
        self.rows = 0
        self._place = days_of(folder)
        self._place.mkdir(parents=True)
        self._files = 0
        self._written = 0
        self._last: tuple[int, int] | None = None
        self._file = self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, days: Any) -> None:
        """Write a table; a file that is full ends where another day of an item begins."""
        days = days.select(DAYS.names).cast(DAYS)
        if self._written >= _FILE_ROWS:
            first = going_on(days, self._last)
            self._append(days.slice(0, first))
            days = days.slice(first)
            if days.num_rows:
                self._file.close()
                self._file = self._next()
        self._append(days)

    def _append(self, days: Any) -> None:
        if days.num_rows:
            self._file.write_table(days)
            self._last = last_of(days)
            self._written += days.num_rows
            self.rows += days.num_rows

    def _next(self) -> Any:
        self._written = 0
        self._files += 1
        path = self._place / f"{self._files:05}.parquet"
        return pq.ParquetWriter(path, DAYS, compression="zstd")


def write_terms(folder: Path, terms: Terms) -> None:
    """Write the items, last of all: a folder without them was not written whole."""
    calendars = {_CALENDARS: msgspec.json.encode(terms.calendars)}
    write_whole(terms.items.cast(ITEMS).replace_schema_metadata(calendars), folder / _ITEMS)


def write_whole(table: Any, path: Path) -> None:
    """Write a table as a Parquet file that is there whole, or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def terms_in(folder: Path) -> Terms:
    """Read what the register-days of a folder are counted by. Raises `NotAFolderOfIntervals`."""
    try:
        items = pq.read_table(folder / _ITEMS)
        calendars = msgspec.json.decode(
            (items.schema.metadata or {})[_CALENDARS], type=tuple[Calendar, ...]
        )
        return Terms(items.select(ITEMS.names).cast(ITEMS), calendars)
    except (OSError, pa.ArrowInvalid, KeyError, msgspec.DecodeError) as error:
        raise NotAFolderOfIntervals(f"{folder}: {error}.", field="intervals") from error


def determine_here(folder: Path) -> Any:
    """Determine a folder in this process, a file at a time. Raises `NotAFolderOfIntervals`."""
    terms = terms_in(folder)
    summing = Summing(terms)
    try:
        for path in sorted(days_of(folder).glob("*.parquet")):
            summing.add(pq.read_table(path).sort_by([("item", "ascending"), ("day", "ascending")]))
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise NotAFolderOfIntervals(f"{folder}: {error}.", field="intervals") from error
    return settle(summing.end(), terms)
