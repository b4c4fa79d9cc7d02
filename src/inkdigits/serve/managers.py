"""Who may manage: whoever has the token."""

import hmac

from starlette.requests import Request

from inkdigits.serve.problems import Problem
from inkdigits.serve.service import Service


def may_manage(request: Request) -> bool:
    """Whether the request comes with the token."""
    token = _service(request).settings.token
    given = request.headers.get("authorization", "")
    return token is not None and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def require(request: Request) -> None:
    """Raises Problem unless the request comes with the token."""
    if _service(request).settings.token is None:
        raise Problem(403, "nobody may manage this service: it was started without a token")
    if not may_manage(request):
        problem = Problem(401, "managing needs the token: Authorization: Bearer TOKEN")
        problem.headers["www-authenticate"] = "Bearer"
        raise problem


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found
