"""HTTP/1.1 as uvicorn speaks it, with limits for those who speak slowly or too much."""

import asyncio
from collections.abc import Callable
from typing import Any, final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from inkdigits.serve import problems, watching
from inkdigits.serve.batching import Batcher, BusyError
from inkdigits.serve.settings import Limits

WaitsFor = Callable[[bytes], Batcher[Any, Any] | None]
"""What a request for this URL will wait for, if it will."""


def limited(limits: Limits, waits_for: WaitsFor) -> type[HttpToolsProtocol]:
    """The protocol of a connection with these limits."""
    return type("Limited", (Limited,), {"limits": limits, "waits_for": staticmethod(waits_for)})


@final
class _Refused:
    """A request that was answered before it was looked at, for uvicorn, which skips what else comes of it."""

    response_complete = True
    keep_alive = True

    def __init__(self) -> None:
        self.message_event = asyncio.Event()


class Limited(HttpToolsProtocol):
    """A connection whose requests have their head whole in `header_seconds` and `n_header_bytes`.

    Who comes as one too many is told so before anything of the request is looked at, and where too many
    requests wait, one more is refused here: that has to cost next to nothing, since there may be many.
    """

    limits: Limits
    waits_for: WaitsFor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._n_head = 0
        self._in_head = True
        self._timer: asyncio.TimerHandle | None = None
        self._batcher: Batcher[Any, Any] | None = None
        self._is_whole = False
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.n_connections:
            self._leave(503, "there are too many connections; try again", after=problems.AGAIN_SECONDS)
        else:
            self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._end_head()
        self._end_request()
        if self._answered is not None:  # uvicorn tells the last of several requests only
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes in a part of a request."""
        if self._in_head:
            self._n_head += len(data)
            if self._timer is None:
                self._begin_head()
        super().data_received(data)
        if isinstance(self.cycle, _Refused) and self.timeout_keep_alive_task is None:
            self._wait_for_next()  # the rest of a body that was refused
        if self._in_head and self._n_head > self.limits.n_header_bytes:
            self._leave(431, f"the head of a request may have {self.limits.n_header_bytes:,} bytes")

    def on_headers_complete(self) -> None:
        """Goes on to the body."""
        self._unset_keepalive_if_required()  # of one that was refused just before
        self._end_head()
        self._in_head = False
        is_first = self.cycle is None or self.cycle.response_complete
        batcher = self.waits_for(self.url) if is_first else None
        if batcher is not None and batcher.is_crowded:
            self._refuse()
            return
        if is_first:
            self._batcher = batcher
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Goes on to the next request."""
        self._in_head, self._n_head = True, 0
        if self._batcher is not None and not self._is_whole:
            self._is_whole = True
            self._batcher.n_coming += 1
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Goes on to what came meanwhile."""
        self._end_request()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Waits until the answer is read, which may be never: nobody else has to wait for that."""
        self._end_request()
        super().pause_writing()

    def send_400_response(self, msg: str) -> None:
        """Ends a connection that makes no sense."""
        del msg
        self._leave(400, "this is no HTTP request")

    def _refuse(self) -> None:
        watching.refused()
        self.cycle = _Refused()  # type: ignore[assignment]
        self.transport.write(_BUSY)
        if self.parser.should_keep_alive():
            self._wait_for_next()
        else:
            self.transport.close()

    def _wait_for_next(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _end_request(self) -> None:
        if self._batcher is not None and self._is_whole:
            self._batcher.n_coming -= 1
        self._batcher, self._is_whole = None, False

    def _begin_head(self) -> None:
        late = "the head of the request didn't come in time"
        self._timer = self.loop.call_later(self.limits.header_seconds, self._leave, 408, late)

    def _end_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self, status: int, detail: str, *, after: int | None = None) -> None:
        self._end_head()
        if not self.transport.is_closing():
            self.transport.write(_last(status, detail, after))
            self.transport.close()


def _last(status: int, detail: str, after: int | None) -> bytes:
    """A response that ends its connection."""
    return _whole(status, detail, after, more="connection: close\r\n")


def _whole(status: int, detail: str, after: int | None, *, more: str = "") -> bytes:
    content = problems.body(status, detail)
    head = (
        f"HTTP/1.1 {status} {problems.title(status)}\r\ncontent-type: {problems.MEDIA_TYPE}\r\n"
        + ("" if after is None else f"retry-after: {after}\r\n")
        + f"content-length: {len(content)}\r\n{more}\r\n"
    )
    return head.encode("ascii") + content


_BUSY = _whole(503, problems.of(BusyError()).detail, problems.AGAIN_SECONDS)
