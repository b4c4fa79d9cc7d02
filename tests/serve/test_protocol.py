"""A connection, without a socket: whose place is whose, and which timers run."""

import asyncio
from collections.abc import Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from inkdigits.serve.batching import Batcher
from inkdigits.serve.protocol import Limited, limited
from inkdigits.serve.settings import Limits

REQUEST = b"POST /v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


class Wire(asyncio.Transport):
    """Takes in what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def unanswered(_scope: Any, _receive: Any, _send: Any) -> None:
    """An application that works for ever."""
    await asyncio.Event().wait()


def batcher(most: int = 2) -> Batcher[int, int]:
    def work(items: Sequence[int]) -> Sequence[int]:
        return items

    return Batcher(work, name="test", most_waiting=most, most_together=1)


def connection(waits: Batcher[int, int]) -> tuple[Limited, Wire]:
    config = Config(app=unanswered, http="httptools", lifespan="off")
    config.load()
    kind: Any = limited(Limits(), lambda _url: waits)
    made: Limited = kind(config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    made.connection_made(wire)
    return made, wire


def test_a_request_has_a_place_from_when_it_is_whole_until_its_client_leaves() -> None:
    async def scene() -> None:
        waits = batcher()
        made, _ = connection(waits)
        made.data_received(REQUEST[:-1])
        assert waits.n_coming == 0
        made.data_received(REQUEST[-1:])
        assert waits.n_coming == 1
        made.data_received(REQUEST)
        assert waits.n_coming == 1, "it waits behind the first"
        made.connection_lost(None)
        assert waits.n_coming == 0

    asyncio.run(scene())


def test_who_does_not_read_the_answer_gives_the_place_back() -> None:
    async def scene() -> None:
        waits = batcher()
        made, _ = connection(waits)
        made.data_received(REQUEST)
        assert waits.n_coming == 1
        made.pause_writing()
        assert waits.n_coming == 0
        made.resume_writing()
        made.connection_lost(None)
        assert waits.n_coming == 0

    asyncio.run(scene())


def test_one_more_than_may_wait_is_refused_and_one_behind_it_is_in_no_hurry() -> None:
    async def scene() -> None:
        waits = batcher(most=1)
        first, _ = connection(waits)
        first.data_received(REQUEST)
        second, wire = connection(waits)
        second.data_received(REQUEST)
        assert wire.written.startswith(b"HTTP/1.1 503 ")
        assert second.timeout_keep_alive_task is not None
        first.connection_lost(None)
        second.data_received(REQUEST)
        assert waits.n_coming == 1
        assert second.timeout_keep_alive_task is None
        second.connection_lost(None)
        third, wire = connection(waits)
        waits.n_coming = 1
        third.data_received(REQUEST[:-2])
        waits.n_coming = 0
        third.data_received(REQUEST[-2:] + REQUEST)
        assert wire.written.count(b"HTTP/1.1 503 ") == 1
        assert third.timeout_keep_alive_task is None
        third.connection_lost(None)

    asyncio.run(scene())


def test_the_rest_of_a_refused_body_has_a_deadline() -> None:
    async def scene() -> None:
        waits = batcher()
        waits.n_coming = 2
        made, wire = connection(waits)
        made.data_received(REQUEST[:-2])
        assert wire.written.startswith(b"HTTP/1.1 503 ")
        made.data_received(REQUEST[-2:-1])
        assert made.timeout_keep_alive_task is not None
        made.timeout_keep_alive_handler()
        assert wire.is_closed
        made.connection_lost(None)

    asyncio.run(scene())
