"""Columns of Arrow as numbers: read, grouped, counted."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from currant.determinants.layouts import INSTANT
from currant.errors import Invalid

Ints = npt.NDArray[np.int64]

_SMALL = 1 << 18  # combinations that are counted rather than sorted


def as_table(data: Any) -> Any:
    """Return a record batch or a table as a table."""
    return pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data


def ints(table: Any, name: str) -> Ints:
    """Return a column as 64-bit integers, a row each where it holds lists of one length."""
    column = table.column(name).combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        rows: Ints = ints(pa.table({name: column.flatten()}), name).reshape(-1, width)
        return rows
    if pa.types.is_boolean(column.type) or pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        column = (column if column.type == INSTANT else column.cast(INSTANT)).cast(pa.int64())
    numbers: Ints = column.to_numpy().astype(np.int64, copy=False)
    return numbers


def coded(*columns: Ints) -> tuple[list[list[int]], Ints]:
    """Return the combinations that stand in columns, ascending, and which of them each row has."""
    least = [int(column.min()) for column in columns]
    widths = [int(column.max()) - low + 1 for column, low in zip(columns, least, strict=True)]
    if math.prod(widths) > _SMALL:
        told, codes = np.unique(np.stack(columns), axis=1, return_inverse=True)
        return told.T.tolist(), codes
    number = np.zeros_like(columns[0])
    for column, low, width in zip(columns, least, widths, strict=True):
        number = number * width + (column - low)
    there = np.zeros(math.prod(widths), bool)
    there[number] = True
    parts = np.unravel_index(np.flatnonzero(there), widths)
    told = np.stack([part + low for part, low in zip(parts, least, strict=True)])
    return told.T.tolist(), (np.cumsum(there) - 1)[number]


def refuse(refusal: type[Invalid], items: Ints, told: str) -> None:
    """Refuse what is wrong with items, naming the first."""
    if len(items):
        raise refusal(f"Item {items[0]} {told}.", field="item")


class Groups:
    """Rows grouped by their keys, ascending. Rows that are in order are left where they are."""

    def __init__(self, key: Ints, then: Ints | None = None) -> None:
        then = np.zeros_like(key) if then is None else then
        rises = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (then[1:] >= then[:-1]))
        self._order = None if rises.all() else np.lexsort((then, key))
        key, then = self._ordered(key), self._ordered(then)
        new = np.ones(len(key), bool)
        new[1:] = (key[1:] != key[:-1]) | (then[1:] != then[:-1])
        self._starts = np.flatnonzero(new)
        self._group = np.cumsum(new) - 1
        if self._order is not None:
            self._group[self._order] = self._group.copy()
        self.keys = key[self._starts]
        self.first = self._starts if self._order is None else self._order[self._starts]
        self.count = np.diff(np.append(self._starts, len(new)))

    def _ordered(self, column: Ints) -> Ints:
        if self._order is not None:
            column = column[self._order]
        return column

    def reduce(self, reduce: np.ufunc, column: Ints) -> Ints:
        """Reduce a column to one a group."""
        if not len(self._starts):
            return column[:0]
        reduced: Ints = reduce.reduceat(self._ordered(column), self._starts, axis=0)
        return reduced

    def spread(self, column: Ints) -> Ints:
        """Give each row what its group has."""
        told: Ints = column[self._group]
        return told
