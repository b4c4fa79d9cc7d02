"""Many small requests in one call: what comes while a call runs goes into the next one together.

Nobody waits for company: a request that comes alone is worked on at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar, final

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class BusyError(Exception):
    """As much waits as may."""


@final
class Batcher(Generic[Item, Answer]):
    """Answers items in batches, in a thread of its own; for one event loop.

    `work` gives an answer, or the exception to raise, for every item. `weight` says how much an item counts:
    `most_waiting` of it may wait, `most_together` of it goes into one call.
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
    ) -> None:
        self._work = work
        self._weight = weight
        self._told = told
        self._most_waiting = most_waiting
        self._most_together = most_together
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._weighs = 0
        self._is_running = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait."""
        return self._weighs >= self._most_waiting

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
        batch = self._taken()
        self._is_running = bool(batch)
        if batch:
            self._told(len(batch))
            items = [item for item, _ in batch]
            call = asyncio.get_running_loop().run_in_executor(self._thread, self._work, items)
            call.add_done_callback(lambda done: self._give(batch, done))

    def _taken(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        """The next batch, without those whom nobody waits for any more; one item at least."""
        batch: list[tuple[Item, asyncio.Future[Answer]]] = []
        room = self._most_together
        while self._waiting and (not batch or self._weight(self._waiting[0][0]) <= room):
            item, future = self._waiting.popleft()
            weight = self._weight(item)
            self._weighs -= weight
            if not future.done():
                batch.append((item, future))
                room -= weight
        return batch

    def _give(
        self,
        batch: Sequence[tuple[Item, asyncio.Future[Answer]]],
        done: "asyncio.Future[Sequence[Answer | Exception]]",
    ) -> None:
        error = done.exception()
        answers = [error] * len(batch) if error is not None else done.result()
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._go_on()
