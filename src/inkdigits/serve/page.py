"""The page, its scripts and styles, and the description of the interface."""

import functools
from importlib import resources
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inkdigits.serve import openapi
from inkdigits.serve.problems import Problem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may load for the page: nothing but our own files."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def routes() -> list[Route]:
    """The paths of the page."""
    return [
        Route("/", index),
        Route("/docs", documentation),
        Route("/openapi.json", description),
        Route("/web/{name}", part),
    ]


async def index(_request: Request) -> Response:
    """The page."""
    return _served("index.html")


async def documentation(_request: Request) -> Response:
    """The interface, to be read by people."""
    return _served("docs.html")


async def description(_request: Request) -> Response:
    """The interface as OpenAPI."""
    return JSONResponse(openapi.document())


async def part(request: Request) -> Response:
    """A script or style."""
    return _served(request.path_params["name"])


def _served(name: str) -> Response:
    found = _files().get(name)
    if found is None:
        raise Problem(404, "there is no such file")
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache"}
    return Response(found, headers=headers, media_type=_TYPES[PurePosixPath(name).suffix])


@functools.cache
def _files() -> dict[str, bytes]:
    """All files of the page, by name."""
    folder = resources.files("inkdigits.serve") / "web"
    return {
        each.name: each.read_bytes() for each in folder.iterdir() if PurePosixPath(each.name).suffix in _TYPES
    }
