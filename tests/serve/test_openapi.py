"""The interface is what its description says, to whatever is sent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.filters import HasAPIOperation
from starlette.applications import Starlette
from starlette.routing import Route
from tests.serve import described
from tests.serve.running import Running

from inkdigits.serve import app, openapi, page
from inkdigits.serve.service import Service
from inkdigits.serve.settings import Settings

FEW = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
"""The same cases every time, beside those at every edge; `bench.fuzzing` looks for others."""

api = described.api()


def routes(folder: Path) -> set[tuple[str, str]]:
    """The method and path of whatever is answered, the page's own files left out."""
    front = app.build(Service(Settings(folder=folder), runtime=folder))
    assert isinstance(front, app.Front)
    assert isinstance(front._app, Starlette)
    own = {route.path for route in page.routes()}
    return {
        (method, route.path_format)
        for route in front._app.routes
        if isinstance(route, Route) and route.path not in own
        for method in (route.methods or set()) - {"HEAD"}
    }


def check(case: Case[Any], service: Running, headers: Mapping[str, str]) -> None:
    """Sends a case, and holds all that there is to ask of the answer."""
    described.check(case, described.ask(case, service.url, headers), service.url, headers)


def manages(context: HasAPIOperation) -> bool:
    """Whether an operation needs the token."""
    return "security" in context.operation.definition.raw


def test_every_path_is_described_and_no_other(tmp_path: Path) -> None:
    paths = openapi.document()["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert told == routes(tmp_path)


def test_the_description_is_openapi() -> None:
    document = openapi.document()
    schemathesis.openapi.from_dict(document).validate()
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


@api.exclude(method="POST", path="/v1/jobs").parametrize()
@FEW
def test_answers_are_as_described(case: Case[Any], service: Running) -> None:
    check(case, service, {"Authorization": f"Bearer {service.token}"})


@api.include(manages).parametrize()
@FEW
def test_who_does_not_manage_is_sent_away_as_described(case: Case[Any], service: Running) -> None:
    check(case, service, {})
