"""Batches: what waits together goes together, and nobody waits for company."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from inkdigits.serve.batching import Batcher, BusyError


class Gate:
    """Work that waits until it is let through, and remembers its batches."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(items))
        self.open.wait(10)
        return [ValueError(item) if item < 0 else 2 * item for item in items]


def batcher(work: Gate, *, waiting: int = 100, together: int = 4) -> Batcher[int, int]:
    return Batcher(work, name="test", most_waiting=waiting, most_together=together)


def test_what_comes_while_a_call_runs_goes_together_into_the_next() -> None:
    async def scene() -> None:
        work = Gate()
        asked = batcher(work)
        answers = [asyncio.create_task(asked.ask(number)) for number in range(8)]
        await asyncio.sleep(0.05)
        work.open.set()
        assert await asyncio.gather(*answers) == [0, 2, 4, 6, 8, 10, 12, 14]
        assert work.batches == [[0], [1, 2, 3, 4], [5, 6, 7]]
        asked.close()

    asyncio.run(scene())


def test_one_that_fails_fails_alone() -> None:
    async def scene() -> None:
        work = Gate()
        work.open.set()
        asked = batcher(work)
        answers = await asyncio.gather(*(asked.ask(n) for n in (1, -1, 3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [int, ValueError, int]
        asked.close()

    asyncio.run(scene())


def test_work_that_breaks_fails_its_batch_and_no_other() -> None:
    def work(items: Sequence[int]) -> Sequence[int]:
        if 1 in items:
            raise OSError("broken")
        return items

    async def scene() -> None:
        asked: Batcher[int, int] = Batcher(work, name="test", most_waiting=9, most_together=1)
        answers = await asyncio.gather(*(asked.ask(n) for n in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [int, OSError, int]
        asked.close()

    asyncio.run(scene())


def test_no_more_waits_than_may() -> None:
    async def scene() -> None:
        work = Gate()
        asked = batcher(work, waiting=2)
        answers = [asyncio.create_task(asked.ask(number)) for number in range(3)]
        await asyncio.sleep(0.05)  # one at work, two wait
        with pytest.raises(BusyError):
            await asked.ask(3)
        work.open.set()
        assert await asyncio.gather(*answers) == [0, 2, 4]
        asked.close()

    asyncio.run(scene())


def test_whoever_has_gone_is_not_worked_for() -> None:
    async def scene() -> None:
        work = Gate()
        asked = batcher(work)
        first, second, third = (asyncio.create_task(asked.ask(number)) for number in range(3))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.sleep(0)
        work.open.set()
        assert await first == 0
        assert await third == 4
        assert work.batches == [[0], [2]]
        asked.close()

    asyncio.run(scene())


def test_weights_bound_a_batch_but_one_item_always_goes() -> None:
    async def scene() -> None:
        work = Gate()
        asked: Batcher[int, int] = Batcher(
            work, name="test", most_waiting=100, most_together=10, weight=lambda item: item
        )
        answers = [asyncio.create_task(asked.ask(number)) for number in (1, 30, 4, 6, 1)]
        await asyncio.sleep(0.05)
        work.open.set()
        await asyncio.gather(*answers)
        assert work.batches == [[1], [30], [4, 6], [1]]
        asked.close()

    asyncio.run(scene())


def test_a_lone_request_is_worked_on_at_once() -> None:
    async def scene() -> None:
        work = Gate()
        work.open.set()
        asked = batcher(work)
        since = time.monotonic()
        for number in range(200):
            await asked.ask(number)
        assert len(work.batches) == 200
        assert time.monotonic() - since < 2  # a window of 10 ms would take as long
        asked.close()

    asyncio.run(scene())


def test_calls_in_the_event_loop_leave_turns_for_others_to_come() -> None:
    """Each of those that come takes three turns until it waits; a call between each two would find one."""

    async def late(asked: Batcher[int, int], number: int) -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        return await asked.ask(number)

    async def scene(turns: int) -> list[list[int]]:
        work = Gate()
        work.open.set()
        asked: Batcher[int, int] = Batcher(work, name="test", most_waiting=100, most_together=4, turns=turns)
        first = asyncio.create_task(asked.ask(0))
        await asyncio.sleep(0)
        rest = [asyncio.create_task(late(asked, number)) for number in range(1, 6)]
        assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8, 10]
        with pytest.raises(ValueError, match="-1"):
            await asked.ask(-1)
        asked.close()
        return work.batches[:-1]

    assert asyncio.run(scene(turns=6)) == [[0, 1, 2, 3], [4, 5]]
    assert asyncio.run(scene(turns=1))[0] == [0]


def test_work_in_the_event_loop_runs_in_no_other_thread_and_a_break_fails_its_batch_alone() -> None:
    threads = set()

    def work(items: Sequence[int]) -> Sequence[int]:
        threads.add(threading.current_thread())
        if 1 in items:
            raise OSError("broken")
        return items

    async def scene() -> None:
        asked: Batcher[int, int] = Batcher(work, name="test", most_waiting=9, most_together=1, turns=2)
        answers = await asyncio.gather(*(asked.ask(n) for n in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [int, OSError, int]
        asked.close()

    asyncio.run(scene())
    assert threads == {threading.main_thread()}
