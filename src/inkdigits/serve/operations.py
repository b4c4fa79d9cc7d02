"""What every path takes and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from inkdigits.serve import schemas
from inkdigits.serve.bodies import BYTES, FORM, IMAGE_BYTES, JSON
from inkdigits.serve.corrections import MOST_LISTED, MOST_REVIEWED
from inkdigits.serve.entries import STATES
from inkdigits.serve.reading import MOST_EXPLAINED
from inkdigits.serve.schemas import (
    BINARY,
    IMAGE,
    LABEL,
    SHARE,
    TEXT,
    TRUTH,
    Schema,
    array,
    at_least,
    constant,
    exactly,
    reference,
    whole,
)
from inkdigits.serve.service import KINDS
from inkdigits.serve.settings import Limits
from inkdigits.serve.watching import CONTENT_TYPE
from inkdigits.types import SIDE

READING, CORRECTIONS, MODELS, PROTOCOL, WATCHING = TAGS = (
    "Reading",
    "Corrections",
    "Models and jobs",
    "Open Inference Protocol V2",
    "Watching",
)
"""What paths are about."""

_BODY, _JSON_BODY = (413, 415), (413, 415, 422)

_LIMITS = Limits()

_JSON_LENGTH = "Inference-Header-Content-Length"
_MOST_NUMBER = 10**15 - 1


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a path does: its answers by status, None where without content, and how it may fail."""

    tag: str
    does: str
    answers: Mapping[int, Mapping[str, Schema] | None]
    takes: Mapping[str, Schema] | None = None
    parameters: tuple[Schema, ...] = ()
    fails: tuple[int, ...] = ()
    manages: bool = False
    headers: Mapping[str, Schema] = field(default_factory=dict)


Operations = dict[tuple[str, str], Operation]
"""By method and path."""


def operations() -> Operations:
    """All of them."""
    return _reading() | _corrections() | _models() | _jobs() | _protocol() | _watching()


def _parameter(place: str, name: str, schema: Schema, *, says: str = "") -> Schema:
    described = {"description": says} if says else {}
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **described}


def _reading() -> Operations:
    several = array(BINARY, least=1, most=_LIMITS.n_files)
    return {
        ("POST", "/v1/read"): Operation(
            tag=READING,
            does="What pictures or PDFs say: a list of documents, one for every file",
            parameters=(
                _parameter("query", "as", {"type": "string", "enum": [*KINDS], "default": "auto"}),
                _parameter(
                    "query",
                    "seen",
                    {"type": "string", "enum": ["true", "false"], "default": "false"},
                    says="Whether every digit has the image of it that the model of single digits sees",
                ),
            ),
            takes={BYTES: BINARY, FORM: at_least({"file": several})},
            answers={200: {JSON: array(reference("Document"), least=1)}},
            fails=_JSON_BODY,
            headers={"Inkdigits-Model": {"schema": TEXT, "required": True}},
        ),
        ("POST", "/v1/classify"): Operation(
            tag=READING,
            does="The probabilities of each label for digit images",
            takes=_images(most=_LIMITS.n_images),
            answers={200: {JSON: _scored(scores=array(array(SHARE)), labels=array(TEXT))}},
            fails=_JSON_BODY,
        ),
        ("POST", "/v1/explain"): Operation(
            tag=READING,
            does="Where the model looked: by how much its answer's probability falls when a place is covered",
            takes=_images(most=MOST_EXPLAINED),
            answers={200: {JSON: _scored(answers=array(TEXT), looked_at=array(_square()))}},
            fails=_JSON_BODY,
        ),
    }


def _images(*, most: int) -> dict[str, Schema]:
    raw = {"description": f"{IMAGE_BYTES} bytes for every image, one behind the other"}
    return {JSON: at_least({"images": array(IMAGE, least=1, most=most)}), BYTES: BINARY | raw}


def _scored(**fields: Schema) -> Schema:
    return exactly({"model": TEXT, **fields})


def _square() -> Schema:
    row = array(schemas.NUMBER, least=SIDE, most=SIDE)
    return array(row, least=SIDE, most=SIDE)


def _corrections() -> Operations:  # long as a table is: an entry for each path
    new = {"image": IMAGE, "label": LABEL, "answer": LABEL, "confidence": SHARE, "model": LABEL}
    added = {"id": whole(1), "state": {"type": "string", "enum": [*STATES]}}
    state = _parameter("query", "state", {"type": "string", "enum": [*STATES]})
    limit = whole(0, _MOST_NUMBER) | {"default": 100}
    after = whole(0, _MOST_NUMBER) | {"default": 0}
    return {
        ("POST", "/v1/corrections"): Operation(
            tag=CORRECTIONS,
            does="Says what an image is; it waits until somebody with the token accepts it",
            takes={JSON: at_least(new, optional=("answer", "confidence", "model"))},
            answers={
                201: {JSON: exactly({**added, "undo": TEXT})},
                200: {JSON: exactly({**added, "undo": schemas.NOTHING})},
            },
            fails=(*_JSON_BODY, 429),
        ),
        ("GET", "/v1/corrections"): Operation(
            tag=CORRECTIONS,
            does="Corrections, oldest first, and how many stand where",
            parameters=(
                state,
                _parameter("query", "limit", limit, says=f"{MOST_LISTED:,} at most are given"),
                _parameter("query", "after", after, says="Those with a greater id"),
            ),
            answers={
                200: {
                    JSON: exactly(
                        {"corrections": array(reference("Correction")), "counts": reference("Counts")}
                    )
                }
            },
            fails=(422,),
            manages=True,
        ),
        ("POST", "/v1/corrections/review"): Operation(
            tag=CORRECTIONS,
            does="Accepts or rejects corrections that wait",
            takes={JSON: at_least({"ids": array(whole(1, 2**53 - 1), most=MOST_REVIEWED), "accept": TRUTH})},
            answers={200: {JSON: exactly({"reviewed": whole()})}},
            fails=_JSON_BODY,
            manages=True,
        ),
        ("POST", "/v1/corrections/{id}/withdraw"): Operation(
            tag=CORRECTIONS,
            does="Takes a correction back, with the `undo` that came with it",
            parameters=(_parameter("path", "id", whole(0, _MOST_NUMBER)),),
            takes={JSON: at_least({"undo": TEXT})},
            answers={200: {JSON: exactly({"id": whole(1), "state": constant("withdrawn")})}},
            fails=(*_JSON_BODY, 404),
        ),
        ("DELETE", "/v1/images/{sha256}"): Operation(
            tag=CORRECTIONS,
            does="Deletes an image and its corrections for good",
            parameters=(_parameter("path", "sha256", schemas.SHA256),),
            answers={204: None},
            fails=(404,),
            manages=True,
        ),
    }


def _models() -> Operations:
    named = _parameter("path", "name", schemas.MODEL_NAME)
    serves = {JSON: exactly({"name": schemas.MODEL_NAME, "serving": constant(True), "workers": whole(1)})}
    names = ("bytes", "pixels", "pages", "files")
    status = {
        "version": TEXT,
        "model": schemas.MODEL_NAME,
        "labels": array(TEXT, least=1),
        "manages": TRUTH | {"description": "Whether the request's token is right"},
        "limits": exactly({name: whole(1) for name in names}),
    }
    return {
        ("GET", "/v1/status"): Operation(
            tag=MODELS,
            does="What the service is, and whether whoever asks may manage it",
            answers={200: {JSON: exactly(status)}},
        ),
        ("GET", "/v1/models"): Operation(
            tag=MODELS,
            does="All models, and which serves",
            answers={200: {JSON: exactly({"models": array(reference("Model"), least=1)})}},
            fails=(422,),
        ),
        ("POST", "/v1/models/{name}/promote"): Operation(
            tag=MODELS,
            does="Lets a model serve in every worker, or leaves all as it is",
            parameters=(named,),
            answers={200: serves},
            fails=(404, 409, 422),
            manages=True,
        ),
        ("POST", "/v1/models/rollback"): Operation(
            tag=MODELS,
            does="Lets the model serve that did before",
            answers={200: serves},
            fails=(409, 422),
            manages=True,
        ),
    }


def _jobs() -> Operations:
    return {
        ("GET", "/v1/jobs"): Operation(
            tag=MODELS,
            does="The latest fine-tunings, newest first",
            answers={200: {JSON: exactly({"jobs": array(reference("Job"))})}},
        ),
        ("POST", "/v1/jobs"): Operation(
            tag=MODELS,
            does="Fine-tunes on all accepted corrections",
            answers={202: {JSON: reference("Job")}},
            fails=(409, 422),
            manages=True,
        ),
        ("POST", "/v1/jobs/{id}/stop"): Operation(
            tag=MODELS,
            does="Stops a fine-tuning that runs",
            parameters=(_parameter("path", "id", TEXT),),
            answers={200: {JSON: reference("Job")}},
            fails=(404,),
            manages=True,
        ),
    }


def _protocol() -> Operations:
    server = {"name": constant("inkdigits"), "version": TEXT, "extensions": array(TEXT)}
    found: Operations = {
        ("GET", "/v2"): Operation(
            tag=PROTOCOL, does="What the server is", answers={200: {JSON: exactly(server)}}
        ),
        ("GET", "/v2/health/live"): _live(PROTOCOL),
        ("GET", "/v2/health/ready"): _ready(PROTOCOL),
    }
    name = _parameter("path", "name", TEXT | {"examples": ["digits"]})
    version = _parameter("path", "version", TEXT | {"examples": ["0"]})
    for path, parameters in (
        ("/v2/models/{name}", (name,)),
        ("/v2/models/{name}/versions/{version}", (name, version)),
    ):
        found |= {
            ("GET", path): Operation(
                tag=PROTOCOL,
                does="What a model takes and gives",
                parameters=parameters,
                answers={200: {JSON: _metadata()}},
                fails=(404,),
            ),
            ("GET", path + "/ready"): Operation(
                tag=PROTOCOL,
                does="Whether a model can be asked",
                parameters=parameters,
                answers={200: {JSON: exactly({"name": TEXT, "ready": TRUTH})}},
                fails=(404,),
            ),
            ("POST", path + "/infer"): _inference(parameters),
        }
    return found


def _metadata() -> Schema:
    tensor = exactly({"name": TEXT, "datatype": TEXT, "shape": array({"type": "integer"})})
    about = {"name": TEXT, "versions": array(TEXT, least=1), "platform": TEXT}
    return exactly(about | {"inputs": array(tensor, least=1), "outputs": array(tensor, least=1)})


def _inference(parameters: tuple[Schema, ...]) -> Operation:
    n_bytes = whole()
    length = _parameter(
        "header", _JSON_LENGTH, n_bytes, says="How long the JSON is, where tensors follow it as bytes"
    )
    return Operation(
        tag=PROTOCOL,
        does="The probabilities and labels of digit images, as tensors in JSON or behind it",
        parameters=(*parameters, length),
        takes={JSON: reference("Inference"), BYTES: BINARY},
        answers={200: {JSON: reference("Inferred"), BYTES: BINARY}},
        fails=(404, *_BODY),
        headers={_JSON_LENGTH: {"schema": n_bytes}},
    )


def _watching() -> Operations:
    return {
        ("GET", "/livez"): _live(WATCHING),
        ("GET", "/readyz"): _ready(WATCHING),
        ("GET", "/metrics"): Operation(
            tag=WATCHING,
            does="What all workers did, for Prometheus",
            answers={200: {CONTENT_TYPE.partition(";")[0]: TEXT}},
        ),
    }


def _live(tag: str) -> Operation:
    return Operation(
        tag=tag, does="That the process runs", answers={200: {JSON: exactly({"live": constant(True)})}}
    )


def _ready(tag: str) -> Operation:
    return Operation(
        tag=tag,
        does="Whether requests can be answered",
        answers={200: {JSON: exactly({"ready": constant(True)})}},
    )
