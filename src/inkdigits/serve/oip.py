"""The Open Inference Protocol, version 2, over HTTP: what standard clients speak.

https://github.com/open-inference/open-inference-protocol, with the binary tensors of Triton's extension:
JSON, then the tensors' bytes, little-endian and row by row; a header says how long the JSON is.
"""

import json
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inkdigits import __version__
from inkdigits.serve import bodies
from inkdigits.serve.problems import Problem
from inkdigits.serve.reading import until
from inkdigits.serve.service import Scored, Service
from inkdigits.types import SIDE, Images

ALIAS = "digits"
"""The name of whichever model serves."""

INPUT, SCORES, LABELS = "images", "scores", "labels"

_JSON_LENGTH = "Inference-Header-Content-Length"
_PER_IMAGE = 4 * SIDE * SIDE + 100  # as numbers in JSON, each of up to three figures and a comma


def routes() -> list[Route]:
    """The paths of the protocol."""
    model = "/v2/models/{name}"
    found = [
        Route("/v2", server),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
    ]
    for path in (model, model + "/versions/{version}"):
        found += [
            Route(path, metadata),
            Route(path + "/ready", model_ready),
            Route(path + "/infer", infer, methods=["POST"]),
        ]
    return found


async def server(_request: Request) -> Response:
    """What the server is."""
    return JSONResponse({"name": "inkdigits", "version": __version__, "extensions": ["binary_tensor_data"]})


async def live(_request: Request) -> Response:
    """That the process runs."""
    return JSONResponse({"live": True})


async def ready(request: Request) -> Response:
    """Whether requests can be answered."""
    service: Service = request.app.state.service
    if not service.is_ready:
        raise Problem(503, "the service isn't ready", after=1)
    return JSONResponse({"ready": True})


async def model_ready(request: Request) -> Response:
    """Whether a model can be asked."""
    service: Service = request.app.state.service
    _require_serving(request, service)
    return JSONResponse({"name": request.path_params["name"], "ready": service.is_ready})


async def metadata(request: Request) -> Response:
    """What a model takes and gives."""
    service: Service = request.app.state.service
    _require_serving(request, service)
    n_labels = len(service.served.digits.card.label_names)
    return JSONResponse(
        {
            "name": request.path_params["name"],
            "versions": [str(service.served.sequence)],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, SIDE, SIDE]}],
            "outputs": [
                {"name": SCORES, "datatype": "FP32", "shape": [-1, n_labels]},
                {"name": LABELS, "datatype": "BYTES", "shape": [-1]},
            ],
        }
    )


async def infer(request: Request) -> Response:
    """The scores of images."""
    service: Service = request.app.state.service
    _require_serving(request, service)
    limits = service.settings.limits
    deadline = time.monotonic() + limits.seconds
    content = await bodies.whole(request, most=limits.n_images * _PER_IMAGE, deadline=deadline)
    asked, binary = _divided(content, request.headers.get(_JSON_LENGTH))
    images = _images(asked, binary, most=limits.n_images)
    wanted, name = _wanted(asked), asked.get("id", "")
    if not isinstance(name, str):
        raise Problem(400, "the id has to be a text")
    scored = await until(deadline, service.images.ask(images))
    about = {
        "model_name": request.path_params["name"],
        "model_version": str(scored.sequence),
        **({"id": name} if "id" in asked else {}),
    }
    return _response(about, [_tensor(output, scored) for output in wanted])


@dataclass(frozen=True, kw_only=True)
class _Output:
    """An output that was asked for, and whether as bytes."""

    name: str
    is_binary: bool


@dataclass(frozen=True, kw_only=True)
class _Tensor:
    """An output: its description, and its bytes where it doesn't carry its data in JSON."""

    about: Mapping[str, Any]
    content: bytes


def _require_serving(request: Request, service: Service) -> None:
    served, name = service.served, request.path_params["name"]
    if name not in (ALIAS, served.name):
        raise Problem(404, f"no model {name[:64]!r} serves; ask {ALIAS}, or {served.name}")
    version = request.path_params.get("version", str(served.sequence))
    if version != str(served.sequence):
        raise Problem(404, f"no version {version[:20]!r} of {name} serves; {served.sequence} does")


def _divided(content: bytes, length: str | None) -> tuple[Mapping[str, Any], bytes]:
    """The JSON of a request, and the bytes behind it."""
    if length is not None and not (bodies.is_number(length) and int(length) <= len(content)):
        raise Problem(400, f"{_JSON_LENGTH} is {length[:20]!r}, but counts bytes of the body")
    n = len(content) if length is None else int(length)
    try:
        asked = json.loads(content[:n])
    except (ValueError, RecursionError) as error:
        raise Problem(400, "the request is no JSON") from error
    if not isinstance(asked, dict):
        raise Problem(400, "the request has to be a JSON object")
    return asked, content[n:]


def _images(asked: Mapping[str, Any], binary: bytes, *, most: int) -> Images:
    inputs = asked.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Problem(400, f"there has to be one input, {INPUT}")
    tensor = inputs[0]
    if tensor.get("name") != INPUT or tensor.get("datatype") != "UINT8":
        raise Problem(400, f"the input has to be {INPUT}, of datatype UINT8")
    n = _n_images(tensor.get("shape"))
    if n > most:
        raise Problem(413, f"there are {n:,} images; one request may have {most:,}")
    size = _parameters(tensor).get("binary_data_size")
    flat = _flat(tensor.get("data")) if size is None else _bytes(binary, size)
    if flat.size != n * SIDE * SIDE:
        raise Problem(400, f"{INPUT} has {flat.size:,} values, and its shape {n * SIDE * SIDE:,}")
    return flat.reshape(n, SIDE, SIDE)


def _n_images(shape: object) -> int:
    is_whole = isinstance(shape, list) and all(type(each) is int for each in shape)
    if not (is_whole and isinstance(shape, list) and shape[1:] == [SIDE, SIDE] and shape[0] > 0):
        raise Problem(400, f"the shape of {INPUT} has to be [n, {SIDE}, {SIDE}]")
    return int(shape[0])


def _flat(data: object) -> NDArray[np.uint8]:
    """The values of a tensor in JSON, which may be nested."""
    try:
        values = np.asarray(data, object).reshape(-1)  # as texts, each would be as long as the longest
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the data of {INPUT} aren't even rows") from error
    numbers = values.tolist()
    if set(map(type, numbers)) - {int} or min(numbers, default=0) < 0 or max(numbers, default=0) > 255:
        raise Problem(400, f"the data of {INPUT} have to be whole numbers, 0 to 255")
    return np.array(numbers, np.uint8)


def _bytes(binary: bytes, size: object) -> NDArray[np.uint8]:
    if type(size) is not int or size != len(binary):
        raise Problem(400, f"binary_data_size has to be how many bytes follow, which are {len(binary):,}")
    return np.frombuffer(binary, np.uint8)


def _wanted(asked: Mapping[str, Any]) -> list[_Output]:
    """The outputs that were asked for; by default both."""
    outputs = asked.get("outputs", [{"name": SCORES}, {"name": LABELS}])
    is_binary = _flag(asked, "binary_data_output", default=False)
    if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
        raise Problem(400, "outputs has to be a list of objects")
    names = [each.get("name") for each in outputs]
    if names not in ([SCORES], [LABELS], [SCORES, LABELS], [LABELS, SCORES]):
        raise Problem(400, f"the outputs are {SCORES} and {LABELS}, each of them once")
    return [
        _Output(name=each["name"], is_binary=_flag(each, "binary_data", default=is_binary))
        for each in outputs
    ]


def _flag(of: Mapping[str, Any], name: str, *, default: bool) -> bool:
    found = _parameters(of).get(name, default)
    if not isinstance(found, bool):
        raise Problem(400, f"{name} has to be true or false")
    return found


def _parameters(of: Mapping[str, Any]) -> Mapping[str, Any]:
    found = of.get("parameters", {})
    if not isinstance(found, dict):
        raise Problem(400, "parameters has to be an object")
    return found


def _tensor(output: _Output, scored: Scored) -> _Tensor:
    names = [scored.labels[label] for label in scored.scores.argmax(axis=1).tolist()]
    if output.name == SCORES:
        about = {"name": SCORES, "datatype": "FP32", "shape": list(scored.scores.shape)}
        values: list[Any] = [] if output.is_binary else scored.scores.reshape(-1).tolist()
        content = np.ascontiguousarray(scored.scores, "<f4").tobytes()
    else:
        about = {"name": LABELS, "datatype": "BYTES", "shape": [len(names)]}
        values, content = names, _as_bytes(names)
    if output.is_binary:
        return _Tensor(about={**about, "parameters": {"binary_data_size": len(content)}}, content=content)
    return _Tensor(about={**about, "data": values}, content=b"")


def _as_bytes(names: Sequence[str]) -> bytes:
    """Texts as the protocol has them: each behind its length in four bytes."""
    encoded = [name.encode() for name in names]
    return b"".join(struct.pack("<I", len(each)) + each for each in encoded)


def _response(about: Mapping[str, Any], tensors: Sequence[_Tensor]) -> Response:
    head = json.dumps({**about, "outputs": [tensor.about for tensor in tensors]}).encode()
    binary = b"".join(tensor.content for tensor in tensors)
    if not binary:
        return Response(head, media_type=bodies.JSON)
    headers = {_JSON_LENGTH: str(len(head))}
    return Response(head + binary, headers=headers, media_type=bodies.BYTES)
