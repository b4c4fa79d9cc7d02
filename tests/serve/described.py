"""The interface as it is described, for schemathesis, which makes up requests and judges the answers."""

import base64
from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import strategies
from schemathesis import BaseSchema, Case, CheckFunction, Response
from schemathesis.specs.openapi.checks import positive_data_acceptance

from inkdigits.serve import openapi, schemas

IMAGES = tuple(base64.b64encode(bytes([ink]) * 784).decode() for ink in (0, 3, 200))

CONFIG: dict[str, Any] = {
    # Any refusal will do of what isn't as described: of too many images, 413.
    "checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}},
    # The token comes with the request, or doesn't.
    "generation": {"with-security-parameters": False},
}

# What a schema can't say: whether bytes are a picture, whether as many values follow as the shape says, what
# the labels of the model are that serves, whether enough was accepted to learn from, that 1.0 isn't whole.
_SAYS_TOO_LITTLE = {
    "/v1/read",
    "/v1/classify",
    "/v1/explain",
    "/v1/corrections",
    "/v1/corrections/review",
    "/v1/jobs",
    "/v2/models/{name}/infer",
    "/v2/models/{name}/versions/{version}/infer",
}


def api() -> BaseSchema:
    """All that is described."""
    schemathesis.openapi.format(schemas.IMAGE_FORMAT, strategies.sampled_from(IMAGES))
    config = schemathesis.Config.from_dict(CONFIG)
    return schemathesis.openapi.from_dict(openapi.document(), config=config)


def ask(case: Case[Any], url: str, headers: Mapping[str, str]) -> Response:
    """What a service answers to a case."""
    return case.call(url, headers=dict(headers))


def check(case: Case[Any], response: Response, url: str, headers: Mapping[str, str]) -> None:
    """Raises what is wrong with an answer, by all that schemathesis knows to look at; any 5xx is."""
    is_vague = case.path in _SAYS_TOO_LITTLE and case.method == "POST"
    excluded: list[CheckFunction] | None = [positive_data_acceptance] if is_vague else None
    sent = {"base_url": url, "headers": dict(headers)}
    case.validate_response(response, headers=dict(headers), excluded_checks=excluded, transport_kwargs=sent)
