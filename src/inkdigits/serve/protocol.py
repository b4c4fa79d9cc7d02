"""HTTP/1.1 as uvicorn speaks it, with limits for those who speak slowly or too much."""

import asyncio
from collections.abc import Callable
from typing import Any, final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inkdigits.serve import problems, watching
from inkdigits.serve.batching import BusyError
from inkdigits.serve.settings import Limits

IsFull = Callable[[bytes], bool]
"""Whether a request for this URL can't be answered now."""


def limited(limits: Limits, is_full: IsFull) -> type[HttpToolsProtocol]:
    """The protocol of a connection with these limits."""
    return type("Limited", (Limited,), {"limits": limits, "is_full": staticmethod(is_full)})


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
    is_full: IsFull

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._n_head = 0
        self._in_head = True
        self._timer: asyncio.TimerHandle | None = None

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
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes in a part of a request."""
        if self._in_head:
            self._n_head += len(data)
            if self._timer is None:
                self._begin_head()
        super().data_received(data)
        if self._in_head and self._n_head > self.limits.n_header_bytes:
            self._leave(431, f"the head of a request may have {self.limits.n_header_bytes:,} bytes")

    def on_headers_complete(self) -> None:
        """Goes on to the body."""
        self._end_head()
        self._in_head = False
        is_first = self.cycle is None or self.cycle.response_complete
        if is_first and self.is_full(self.url):
            self._refuse()
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Goes on to the next request."""
        self._in_head, self._n_head = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Ends a connection that makes no sense."""
        del msg
        self._leave(400, "this is no HTTP request")

    def _refuse(self) -> None:
        watching.refused()
        self.cycle = _Refused()  # type: ignore[assignment]
        self.transport.write(_BUSY)
        if self.parser.should_keep_alive():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            self.transport.close()

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
