"""The reads of moves: those that are told, those that are estimated, what became of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from currant.basicreads.model import PostedRead
from currant.errors import Invalid
from currant.fieldwork.model import ReadType, TakenRead
from currant.fieldwork.taken import doubts
from currant.locations.days import day_of
from currant.metering.matching import matched
from currant.metering.model import RegisterAt
from currant.moves.judgement import Coming, Going
from currant.moves.model import ReadsAround

_DAY = timedelta(days=1)
_TICK = timedelta.resolution


class Became(msgspec.Struct, frozen=True):
    """What became of the reads of moves."""

    reads: list[tuple[int, TakenRead, PostedRead]]

    def ids(self, n: int) -> list[int]:
        """Return the ids of the reads of a move."""
        return [posted.read_id for of_move, _, posted in self.reads if of_move == n]

    def doubts(self, n: int) -> list[str]:
        """Return what is doubted of the reads of a move."""
        own = [(read, posted) for of_move, read, posted in self.reads if of_move == n]
        return doubts([read for read, _ in own], [posted for _, posted in own])


def reads_taken(move: Coming | Going, now: datetime) -> list[TakenRead]:
    """Return the reads that are told of a move, each at its instant.

    An opening read stands at the start of its day, a closing one at its end. Raises as `matched`
    does, and `Invalid` for a day to come.
    """
    if isinstance(move, Coming):
        told, member, registers = move.told.opening_reads, "opening_reads", move.read()
        kind, sites = ReadType.OPENING, {move.site.location_id: move.site}
    else:
        told, member, registers = move.told.closing_reads, "closing_reads", move.registers
        kind, sites = ReadType.CLOSING, {site.location_id: site for site in move.sites}
    field = f"moves[{move.n}].{member}[{{}}]"
    taken = []
    for n, (read, register) in enumerate(matched(told, registers, field)):
        site, day = sites[register.location_id], read.read_date or move.day
        if day > day_of(now, site.zone):
            name = f"{field.format(n)}.read_date"
            raise Invalid(f"{name}: {day} is still to come.", field=name)
        taken.append(
            TakenRead(
                site.name,
                register.serial_number,
                register.register_no,
                read.meter_read,
                day,
                kind,
            )
        )
    return taken


def estimated(around: ReadsAround, at: datetime) -> int | None:
    """Return what a register stood at at an instant, by the reads around it; None without any.

    Between two reads it advanced evenly; after the last one as it did between the two before.
    """
    if around.last_at is None or around.last_value is None:
        return None
    gain, span = 0, _TICK
    if around.next_at is not None and around.next_value is not None:
        gain, span = around.next_value - around.last_value, around.next_at - around.last_at
    elif around.first_at is not None and around.first_value is not None:
        gain, span = around.last_value - around.first_value, around.last_at - around.first_at
    passed = (at - around.last_at) // _TICK
    return around.last_value + max(gain, 0) * passed // (span // _TICK)


def reads_estimated(
    move: Coming, around: Sequence[tuple[RegisterAt, ReadsAround]], now: datetime
) -> tuple[list[TakenRead], list[str]]:
    """Return the estimates that a move in needs, and the registers of which nothing is known.

    None is made of a day to come, whose reads are still to be taken.
    """
    guesses: list[TakenRead] = []
    missing: list[str] = []
    for register, reads in around:
        if reads.stands:
            continue
        value = estimated(reads, move.since) if move.since <= now else None
        if value is None:
            missing.append(f"{register.meter_code} register {register.register_no}")
            continue
        # An estimate stands at the end of its day, which is where the move begins.
        guesses.append(
            TakenRead(
                move.site.name,
                register.serial_number,
                register.register_no,
                Decimal(value).scaleb(-3),
                move.day - _DAY,
                ReadType.ESTIMATE,
            )
        )
    return guesses, missing


def reads_of_all(
    coming: Sequence[Coming],
    unread: Sequence[tuple[Coming, RegisterAt]],
    around: Sequence[ReadsAround],
    now: datetime,
) -> tuple[dict[int, list[TakenRead]], dict[int, list[str]]]:
    """Return what `reads_estimated` does of each move, by its place; reads stand as registers."""
    guesses: dict[int, list[TakenRead]] = {}
    missing: dict[int, list[str]] = {}
    for move in coming:
        own = [
            (register, reads)
            for (of_move, register), reads in zip(unread, around, strict=True)
            if of_move is move
        ]
        guesses[move.n], missing[move.n] = reads_estimated(move, own, now)
    return guesses, missing
