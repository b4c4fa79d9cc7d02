"""What goes wrong, as `application/problem+json` (RFC 9457): one sentence, no path, no stack trace."""

import http
import json
import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from inkdigits.errors import TooLargeError, UnknownFormatError, UnwritableError, UserError
from inkdigits.serve.batching import BusyError
from inkdigits.serve.entries import UnusableError

MEDIA_TYPE = "application/problem+json"

AGAIN_SECONDS = 1
"""When somebody who was sent away may come again."""

_STORE_SECONDS = 10
_UNUSABLE = (UnusableError, UnwritableError)

_LOG = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 (as RFC 9457 calls it)
    """An answer that isn't what was asked for; `closes` says that the connection ends with it."""

    def __init__(self, status: int, detail: str, *, after: int | None = None, closes: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {"retry-after": str(after)} if after is not None else {}
        if closes:
            self.headers["connection"] = "close"


_ANSWERS: dict[type[Exception], tuple[int, str, int | None]] = {
    BusyError: (503, "there is more to do than can wait here; try again", AGAIN_SECONDS),
    TimeoutError: (503, "it took longer than a request may; try again", AGAIN_SECONDS),
    ClientDisconnect: (400, "the request was cut off", None),
    TooLargeError: (413, "", None),
    UnknownFormatError: (415, "", None),
    UnusableError: (503, "the corrections can't be reached now; try again later", _STORE_SECONDS),
    UnwritableError: (503, "nothing can be written here now; try again later", _STORE_SECONDS),
    UserError: (422, "", None),
}

KINDS = (Problem, HTTPException, *_ANSWERS, Exception)
"""What is answered as a problem; the last is all the rest, which is our fault."""


def of(error: Exception) -> Problem:
    """What to answer where this was raised."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, error.detail)
    if isinstance(error, _UNUSABLE):
        _LOG.error("what the service keeps can't be used", extra={"about": {"error": str(error)}})
    for kind, (status, detail, after) in _ANSWERS.items():
        if isinstance(error, kind):
            return Problem(status, detail or str(error), after=after)
    _LOG.error("a request failed", exc_info=error)
    return Problem(500, "something went wrong here; it was written down")


def body(status: int, detail: str) -> bytes:
    """The problem as JSON; `error` is what the Open Inference Protocol's clients look for."""
    about = {"type": "about:blank", "title": title(status), "status": status, "detail": detail}
    return json.dumps(about | {"error": detail}, ensure_ascii=False).encode()


def response(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response."""
    content = body(problem.status, problem.detail)
    together = {**problem.headers, **(headers or {})}
    return Response(content, problem.status, headers=together, media_type=MEDIA_TYPE)


async def handler(_request: Request, error: Exception) -> Response:
    """For `exception_handlers` of Starlette."""
    headers = getattr(error, "headers", None)
    return response(of(error), headers=headers if isinstance(error, HTTPException) else None)


def title(status: int) -> str:
    """What a status is called."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"
