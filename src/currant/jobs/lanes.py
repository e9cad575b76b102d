"""Work in lanes: each by a task of its own, so that a slow one delays no other."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

Lane = TypeVar("Lane", bound=Hashable)

_PATIENCE_SECONDS = 2


class Lanes(Generic[Lane]):
    """Works in lanes by batches; one that is asked for while it is at work goes on after that.

    `work` does a batch of a lane and says whether more may follow at once. What it raises is told
    to `failed`, and ends the lane until it is asked for again.
    """

    def __init__(
        self,
        work: Callable[[Lane], Awaitable[bool]],
        failed: Callable[[Lane, Exception], None],
    ) -> None:
        self._work = work
        self._failed = failed
        self._busy: dict[Lane, asyncio.Task[None]] = {}
        self._again: set[Lane] = set()

    def begin(self, lanes: Iterable[Lane]) -> None:
        """Begin to work in lanes, or have them go on that are at work."""
        for lane in lanes:
            if lane in self._busy:
                self._again.add(lane)
            else:
                self._busy[lane] = asyncio.create_task(self._run(lane))

    async def rest(self) -> None:
        """Wait until no lane is at work."""
        while self._busy:
            await asyncio.wait(self._busy.values())

    async def close(self) -> None:
        """Let what is at work end within a moment, and cancel what does not."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=_PATIENCE_SECONDS)
        for task in self._busy.values():
            task.cancel()
        await self.rest()

    async def _run(self, lane: Lane) -> None:
        try:
            more = True
            while more or lane in self._again:
                self._again.discard(lane)
                more = await self._work(lane)
        except Exception as error:  # noqa: BLE001  # one lane's trouble is not another's
            self._failed(lane, error)
        finally:
            self._busy.pop(lane)
            self._again.discard(lane)
