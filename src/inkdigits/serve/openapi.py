"""The interface as OpenAPI 3.1."""

from collections.abc import Mapping
from typing import Any

from inkdigits import __version__
from inkdigits.serve import schemas
from inkdigits.serve.operations import TAGS, Operation, operations
from inkdigits.serve.problems import MEDIA_TYPE, title
from inkdigits.serve.schemas import Schema, constant, reference, whole

_FAILS = {
    400: "The request makes no sense: no HTTP, no JSON, a torn form.",
    401: "Managing needs the token.",
    403: "Nobody may manage: the service was started without a token.",
    404: "There is no such thing.",
    408: "The request didn't come in time.",
    409: "It can't be done now: `detail` says why.",
    413: "Too many bytes, pixels, pages, files or images.",
    415: "No format, or no media type, that is read.",
    421: "The service is for programs on its own machine, under its own name.",
    422: "It can't be read, or isn't what was to be sent.",
    429: "One source too often.",
    431: "The head of the request is too long.",
    500: "Something went wrong here.",
    503: "Too busy, stopping, or not ready yet.",
}

_ALWAYS = (400, 408, 421, 431, 500, 503)
"""What can be answered to any request."""

_MANAGING = (401, 403)

_HEADERS: dict[int, Schema] = {
    401: {"WWW-Authenticate": {"required": True, "schema": constant("Bearer")}},
    429: {"Retry-After": {"required": True, "schema": whole(1)}},
    503: {"Retry-After": {"required": True, "schema": whole(1)}},
}


def document() -> dict[str, Any]:
    """The description of every path."""
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in operations().items():
        paths.setdefault(path, {})[method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inkdigits",
            "version": __version__,
            "summary": "Reads handwritten digits, and learns from corrections.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "responses": {str(status): _failure(status) for status in _FAILS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(operation: Operation) -> Schema:
    fails = {*operation.fails, *_ALWAYS, *(_MANAGING if operation.manages else ())}
    responses = {str(status): _success(operation, status) for status in operation.answers}
    responses |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(fails)}
    told: Schema = {"tags": [operation.tag], "summary": operation.does, "responses": responses}
    if operation.parameters:
        told["parameters"] = list(operation.parameters)
    if operation.takes is not None:
        told["requestBody"] = {"required": True, "content": _content(operation.takes)}
    if operation.manages:
        told["security"] = [{"token": []}]
    return told


def _success(operation: Operation, status: int) -> Schema:
    answer = operation.answers[status]
    content = {} if answer is None else {"content": _content(answer)}
    headers = {"headers": dict(operation.headers)} if operation.headers else {}
    return {"description": title(status), **headers, **content}


def _content(kinds: Mapping[str, Schema]) -> Schema:
    return {media_type: {"schema": schema} for media_type, schema in kinds.items()}


def _failure(status: int) -> Schema:
    schema = {"allOf": [reference("Problem"), {"properties": {"status": constant(status)}}]}
    headers = {"headers": _HEADERS[status]} if status in _HEADERS else {}
    return {"description": _FAILS[status], **headers, "content": _content({MEDIA_TYPE: schema})}
