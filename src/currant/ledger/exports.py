"""Journals as other books take them: CSV, beancount and hledger text, Xero's and QuickBooks' files.

Each writer is given the lines in the order of their entries and holds no more than one of them,
but for Xero's, which holds a sum per month, source, chart account and tax. Amounts are exact.
What was typed by people is one line of text without control characters, and cannot be taken for
syntax, nor a cell of a table for a formula.
"""

import csv
import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import batched, pairwise

import msgspec

from currant.ledger.model import ChartAccount, JournalLine
from currant.money import half_up, minor_units

XERO_LINES = 300
