"""Many small requests in one call: what comes while a call runs goes into the next one together.

Nobody waits for company: a request that comes alone is worked on at once.
"""

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar, final

Item = TypeVar("Item")
Answer = TypeVar("Answer")

Batch = list[tuple[Item, asyncio.Future[Answer]]]


class BusyError(Exception):
    """As much waits as may."""


@final
class Batcher(Generic[Item, Answer]):
    """Answers items in batches; for one event loop.

    `work` gives an answer, or the exception to raise, for every item. `weight` says how much an item counts:
    `most_waiting` of it may wait, `most_together` of it goes into one call. A call runs in a thread of the
    batcher's own; with `turns`, in the event loop itself, after so many turns of it, so that requests that
    have come get as far as to wait or to be refused before it is held up again. `n_coming` is for whoever
    knows how many requests are on their way to ask, or wait: as many as `most_waiting` crowd it.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Answer | Exception]],
        *,
        name: str,
        most_waiting: int,
        most_together: int,
        weight: Callable[[Item], int] = lambda _item: 1,
        told: Callable[[int], None] = lambda _n: None,
        turns: int = 0,
    ) -> None:
        self._work = work
        self._weight = weight
        self._told = told
        self._turns = turns
        self._most_waiting = most_waiting
        self._most_together = most_together
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._weighs = 0
        self.n_coming = 0
        self._is_running = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait."""
        return self._weighs >= self._most_waiting

    @property
    def is_crowded(self) -> bool:
        """Whether one more that comes would find no room."""
        return self.is_full or self.n_coming >= self._most_waiting

    async def ask(self, item: Item) -> Answer:
        """The item's answer. Raises BusyError where it would have to wait behind too much."""
        if self.is_full:
            raise BusyError
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._weighs += self._weight(item)
        if not self._is_running:
            self._go_on()
        return await future

    def close(self) -> None:
        """Ends the thread once its call has ended; what waits isn't answered."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _go_on(self) -> None:
        self._is_running = bool(self._waiting)
        if not self._is_running:
            return
        if self._turns:
            self._run_after(self._turns)
        elif batch := self._taken():
            call = asyncio.get_running_loop().run_in_executor(self._thread, self._answers, batch)
            call.add_done_callback(functools.partial(self._take, batch))
        else:
            self._is_running = False

    def _take(self, batch: Batch[Item, Answer], done: "asyncio.Future[Sequence[Answer | Exception]]") -> None:
        if not done.cancelled():
            self._give(batch, done.result())

    def _run_after(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._run_after, turns - 1)
        else:
            batch = self._taken()
            self._give(batch, self._answers(batch))

    def _answers(self, batch: Batch[Item, Answer]) -> Sequence[Answer | Exception]:
        if not batch:
            return []
        self._told(len(batch))
        try:
            return self._work([item for item, _ in batch])
        except Exception as error:  # whoever asked gets it
            return [error] * len(batch)

    def _taken(self) -> Batch[Item, Answer]:
        """The next batch, without those whom nobody waits for any more; one item at least."""
        batch: Batch[Item, Answer] = []
        room = self._most_together
        while self._waiting and (not batch or self._weight(self._waiting[0][0]) <= room):
            item, future = self._waiting.popleft()
            weight = self._weight(item)
            self._weighs -= weight
            if not future.done():
                batch.append((item, future))
                room -= weight
        return batch

    def _give(self, batch: Batch[Item, Answer], answers: Sequence[Answer | Exception]) -> None:
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._go_on()
