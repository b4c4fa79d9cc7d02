"""What goes over HTTP, as JSON Schema; that of dataclasses comes from their type hints."""

import dataclasses
import inspect
from collections.abc import Collection, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from inkdigits.serve.bodies import IMAGE_BYTES
from inkdigits.serve.entries import MOST_LABEL, Counts, Stored
from inkdigits.serve.jobs import FAILED, PROMOTED, REFUSED, RUNNING, STOPPED, Job
from inkdigits.serve.models import NAME, Known
from inkdigits.types import SIDE, Box, Candidate, Digit, Document, Line, Page

Schema = dict[str, Any]

IMAGE_FORMAT = "digit-image"
"""The name of a digit image's format, for those who make up requests."""

_PLAIN: dict[object, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    NoneType: "null",
}


def of(hint: Any) -> Schema:
    """What a value of a type is in JSON; a dataclass is a reference to its schema."""
    inner = get_args(hint)
    if dataclasses.is_dataclass(hint):
        return reference(getattr(hint, "__name__", ""))
    match get_origin(hint):
        case None:
            return {"type": _PLAIN[hint]}
        case origin if origin in (Union, UnionType):
            return any_of(*map(of, inner))
        case origin if origin is Literal:
            return {"type": "string", "enum": list(inner)}
        case origin if origin is tuple:
            return array(of(inner[0]))
        case _:
            return {"type": "object", "additionalProperties": of(inner[1])}


def record(kind: type, *, optional: Mapping[str, Schema] | None = None, **instead: Schema) -> Schema:
    """A dataclass as an object with exactly its fields; `instead` says of some what the hint doesn't."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name not in instead}
    told = {name: _NAMED.get(name) or of(hint) for name, hint in hints.items()} | instead
    fields = {each.name: told[each.name] for each in dataclasses.fields(kind)}
    more = dict(optional or {})
    says, _, _ = (inspect.getdoc(kind) or "").partition("\n\n")
    return {"description": " ".join(says.split()), **exactly(fields | more, more)}


def exactly(fields: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """An object with these fields and no others."""
    return {**at_least(fields, optional), "additionalProperties": False}


def at_least(fields: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """An object with these fields; what else it has isn't looked at."""
    required = [name for name in fields if name not in optional]
    return {"type": "object", "properties": dict(fields), "required": required}


def array(items: Schema, *, least: int = 0, most: int | None = None) -> Schema:
    """A list."""
    limits = ({"minItems": least} if least else {}) | ({"maxItems": most} if most is not None else {})
    return {"type": "array", "items": items, **limits}


def any_of(*schemas: Schema) -> Schema:
    """One of several; plain types are told together."""
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": list(schemas)}


def constant(value: Any) -> Schema:
    """Nothing but this value."""
    return {"const": value}


def text(*, most: int | None = None, example: str | None = None, pattern: str | None = None) -> Schema:
    """A text."""
    about = {"maxLength": most, "pattern": pattern, "examples": None if example is None else [example]}
    return {"type": "string", **{name: value for name, value in about.items() if value is not None}}


def whole(least: int = 0, most: int | None = None) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, **({} if most is None else {"maximum": most})}


def reference(name: str) -> Schema:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


TEXT, TRUTH, NUMBER, NOTHING, BINARY = (
    {"type": "string"},
    {"type": "boolean"},
    {"type": "number"},
    {"type": "null"},
    {"type": "string", "format": "binary"},
)

SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}

IMAGE: Schema = {
    "description": f"A digit image: base64 of its {IMAGE_BYTES} bytes, row by row, bright ink on black.",
    "type": "string",
    "format": IMAGE_FORMAT,
    "pattern": f"^[A-Za-z0-9+/]{{{-(-IMAGE_BYTES * 4 // 3)}}}==$",
}

SHA256 = text(pattern="^[0-9a-f]{64}$")

LABEL = text(most=MOST_LABEL, example="7", pattern="^[^\\u0000]*$")

MODEL_NAME = text(pattern=f"^{NAME.pattern}$", example="reader")

_NAMED: dict[str, Schema] = {
    "confidence": SHARE,
    "probability": SHARE,
    "progress": SHARE,
    "sha256": SHA256,
    "n_images": whole(),
}
"""Fields whose name tells more than their type."""

_REASONS = ("blank", "not a digit", "several digits", "unsure")

_VERDICT = exactly({"promote": TRUTH, "reason": TEXT, "forced": TRUTH}, optional=("forced",))

_SEEN = {"seen": any_of(IMAGE, NOTHING)}

_IMAGES = array(IMAGE, least=1)

JOB = record(
    Job,
    state={"type": "string", "enum": [RUNNING, PROMOTED, REFUSED, FAILED, STOPPED]},
    verdict=any_of(_VERDICT, NOTHING),
)

CORRECTION = record(
    Stored,
    id=whole(1),
    image=any_of(IMAGE, NOTHING),
    made={"type": "string", "format": "date-time"},
)

MODEL = record(
    Known,
    name=MODEL_NAME,
    figures={"type": "object", "additionalProperties": NUMBER},
    verdict=any_of(_VERDICT, NOTHING),
)

PROBLEM = exactly(
    {
        "type": constant("about:blank"),
        "title": TEXT,
        "status": whole(400, 599),
        "detail": TEXT,
        "error": TEXT | {"description": "The same sentence as `detail`."},
    }
)

_INPUT = at_least(
    {
        "name": constant("images"),
        "datatype": constant("UINT8"),
        "shape": {
            "type": "array",
            "prefixItems": [whole(1), constant(SIDE), constant(SIDE)],
            "items": False,
            "minItems": 3,
        },
        "data": array({"anyOf": [whole(0, 255), {"type": "array"}]}),
        "parameters": at_least({"binary_data_size": whole()}, optional=("binary_data_size",)),
    },
    optional=("data", "parameters"),
)

_WANTED = at_least(
    {
        "name": {"type": "string", "enum": ["scores", "labels"]},
        "parameters": at_least({"binary_data": TRUTH}, optional=("binary_data",)),
    },
    optional=("parameters",),
)

INFERENCE = at_least(
    {
        "id": TEXT,
        "inputs": array(_INPUT, least=1, most=1),
        "outputs": array(_WANTED, least=1),
        "parameters": at_least({"binary_data_output": TRUTH}, optional=("binary_data_output",)),
    },
    optional=("id", "outputs", "parameters"),
)

_OUTPUT = exactly(
    {
        "name": {"type": "string", "enum": ["scores", "labels"]},
        "datatype": {"type": "string", "enum": ["FP32", "BYTES"]},
        "shape": array(whole(), least=1, most=2),
        "data": array(any_of(TEXT, NUMBER)),
        "parameters": exactly({"binary_data_size": whole()}),
    },
    optional=("data", "parameters"),
)

INFERRED = exactly(
    {"model_name": TEXT, "model_version": TEXT, "id": TEXT, "outputs": array(_OUTPUT, least=1)},
    optional=("id",),
)


def components() -> dict[str, Schema]:
    """The schemas that others refer to, by name."""
    reason: Schema = {"enum": [None, *_REASONS]}
    return {
        "Document": record(Document),
        "Page": record(Page, fields=NOTHING),
        "Line": record(Line, reason=reason, optional=_SEEN),
        "Digit": record(Digit, optional=_SEEN),
        "Candidate": record(Candidate),
        "Box": record(Box, x=whole(), y=whole(), width=whole(), height=whole()),
        "Counts": record(Counts, **{each.name: whole() for each in dataclasses.fields(Counts)}),
        "Correction": CORRECTION,
        "Model": MODEL,
        "Job": JOB,
        "Inference": INFERENCE,
        "Inferred": INFERRED,
        "Problem": PROBLEM,
    }
