"""The application: every path, and what goes around each request."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inkdigits.serve import corrections, managing, oip, page, problems, reading, watching
from inkdigits.serve.problems import Problem
from inkdigits.serve.service import Service
from inkdigits.serve.settings import LOOPBACK

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]

_LOG = logging.getLogger("inkdigits.requests")

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


def build(service: Service, around: Lifespan | None = None) -> ASGIApp:
    """The application around a worker's service. `around` is open while it runs."""
    routes = [
        *page.routes(),
        *reading.routes(),
        *corrections.routes(),
        *managing.routes(),
        *oip.routes(),
        Route("/livez", live),
        Route("/readyz", oip.ready),
        Route("/metrics", metrics),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={**dict.fromkeys(problems.KINDS, problems.handler), 405: not_allowed},
        lifespan=around or _nothing,
    )
    app.state.service = service
    return Front(app, service)


async def not_allowed(request: Request, _error: Exception) -> Response:
    """That a path has no such method, and which it has: Starlette names only those of the first route."""
    routes = [each for each in request.app.routes if each.matches(request.scope)[0] is not Match.NONE]
    allowed = ", ".join(sorted(set[str]().union(*(route.methods for route in routes))))
    problem = Problem(405, f"the path has no method {request.method[:20]!r}, but {allowed}")
    return problems.response(problem, headers={"allow": allowed})


async def live(_request: Request) -> Response:
    """That the process runs."""
    return JSONResponse({"live": True})


async def metrics(_request: Request) -> Response:
    """What all workers did."""
    return Response(watching.exposition(), media_type=watching.CONTENT_TYPE)


@final
class Front:
    """What goes around each request: hosts that aren't ours, headers of safety, counts, a line in the log."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._is_local = service.settings.is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. On this machine only, a page of another host can't have us answer under its name."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            if self._is_local and _host(scope) not in LOOPBACK:
                problem = Problem(421, "this service is for programs on its own machine", closes=True)
                await problems.response(problem)(scope, receive, told)
            else:
                await self._app(scope, receive, told)
        finally:
            _count(scope, status, time.perf_counter() - started)


def _host(scope: Scope) -> str:
    """The host that the client believes to talk to."""
    for name, value in scope["headers"]:
        if name == b"host":
            host = str(value.decode("latin-1")).strip().lower()
            return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return ""


def _count(scope: Scope, status: int, seconds: float) -> None:
    endpoint = scope.get("endpoint")
    route = getattr(endpoint, "__name__", "none")
    watching.answered(route, status, seconds)
    _LOG.info(
        "answered",
        extra={"about": {"method": scope["method"], "route": route, "status": status, "seconds": seconds}},
    )


@asynccontextmanager
async def _nothing(_app: Starlette) -> AsyncIterator[None]:
    yield
