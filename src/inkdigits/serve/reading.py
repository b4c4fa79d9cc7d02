"""Reading over HTTP: pictures to documents, digit images to scores, and where the model looked."""

import asyncio
import json
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.evaluate import occlusion
from inkdigits.serve import bodies
from inkdigits.serve.bodies import File
from inkdigits.serve.problems import Problem
from inkdigits.serve.service import KINDS, Picture, Reading, Service
from inkdigits.types import Box, Document, Gray, Images

MOST_EXPLAINED = 16
"""Images that are explained at once: each takes as long as a hundred are classified."""

_JSON_PER_IMAGE = 1100  # 784 bytes are 1048 characters of base64
_AROUND = 0.15

_WAITING_TOGETHER = 4
"""Files of one request that wait at a time: all of them could be more than may wait."""

Answer = TypeVar("Answer")


def routes() -> list[Route]:
    """The paths under which is read."""
    return [
        Route("/v1/read", read, methods=["POST"]),
        Route("/v1/classify", classify, methods=["POST"]),
        Route("/v1/explain", explain, methods=["POST"]),
    ]


async def read(request: Request) -> Response:
    """What pictures or PDFs say: a list of documents, one for every file."""
    service: Service = request.app.state.service
    kind = request.query_params.get("as", "auto")
    if kind not in KINDS:
        raise Problem(422, f"unknown kind {kind[:20]!r}; one of: {', '.join(KINDS)}")
    seen = request.query_params.get("seen", "false")
    if seen not in ("true", "false"):
        raise Problem(422, f"seen is {seen[:20]!r}, but has to be true or false")
    deadline = _deadline(service)
    files = await bodies.files(request, service.settings.limits, deadline=deadline)
    slots = asyncio.Semaphore(_WAITING_TOGETHER)
    readings = await asyncio.gather(
        *(_one(service, file, kind, deadline, slots) for file in files), return_exceptions=len(files) > 1
    )
    found = [_told(file, each) for file, each in zip(files, readings, strict=True)]
    if seen == "true":
        answer = _json(await asyncio.to_thread(_with_seen, found, kind))
    else:
        answer = _json([each.document for each in found])
    answer.headers["inkdigits-model"] = next((each.model for each in found if each.model), "")
    return answer


async def classify(request: Request) -> Response:
    """The scores of digit images."""
    service: Service = request.app.state.service
    deadline = _deadline(service)
    images = await _images(request, most=service.settings.limits.n_images, deadline=deadline)
    scored = await until(deadline, service.images.ask(images))
    return _json({"model": scored.model, "labels": scored.labels, "scores": scored.scores.tolist()})


async def explain(request: Request) -> Response:
    """Where the model looked: how much of its answer goes when it can't see a part of the image."""
    service: Service = request.app.state.service
    deadline = _deadline(service)
    images = await _images(request, most=MOST_EXPLAINED, deadline=deadline)
    shown = occlusion.covered(images)
    scored = await until(deadline, service.images.ask(shown))
    answers, looked_at = occlusion.looked_at(scored.scores, len(images))
    return _json(
        {
            "model": scored.model,
            "answers": [scored.labels[answer] for answer in answers],
            "looked_at": looked_at.round(4).tolist(),
        }
    )


async def until(deadline: float, asked: Awaitable[Answer]) -> Answer:
    """The answer. Raises TimeoutError where it isn't there by the deadline."""
    async with asyncio.timeout(deadline - time.monotonic()):
        return await asked


def _deadline(service: Service) -> float:
    return time.monotonic() + service.settings.limits.seconds


async def _images(request: Request, *, most: int, deadline: float) -> Images:
    n_bytes = most * _JSON_PER_IMAGE + 1000
    if bodies.media_type(request) == bodies.BYTES:
        return bodies.raw_images(await bodies.whole(request, most=n_bytes, deadline=deadline), most=most)
    values = await bodies.values(request, most=n_bytes, deadline=deadline)
    return bodies.images(values.get("images"), most=most)


async def _one(service: Service, file: File, kind: str, deadline: float, slots: asyncio.Semaphore) -> Reading:
    picture = Picture(content=file.content, name=file.name, kind=kind, deadline=deadline)
    async with slots:
        return await until(deadline, service.read(picture))


def _told(file: File, reading: Reading | BaseException) -> Reading:
    """The reading; of one of several files that can't be read, the document that says why."""
    match reading:
        case Reading():
            return reading
        case UserError():
            return Reading(
                document=Document(file=file.name, error=str(reading), pages=()), model="", pictures=()
            )
        case _:
            raise reading


def _with_seen(readings: list[Reading], kind: str) -> list[dict[str, Any]]:
    """The documents, and with every digit the image of it that a model of single digits sees."""
    found = []
    for reading in readings:
        document = json.loads(_dumped(reading.document))
        for page, picture in zip(document["pages"], reading.pictures, strict=False):
            if picture is None:
                continue
            for line in page["lines"]:
                _add_seen(line, picture, is_whole=kind == "digit")
        found.append(document)
    return found


def _add_seen(line: dict[str, Any], picture: Gray, *, is_whole: bool) -> None:
    if is_whole and not line["digits"]:
        line["seen"] = _seen(picture)
    for digit in line["digits"]:
        digit["seen"] = _seen(picture if is_whole else _cut(picture, Box(**digit["box"])))


def _seen(picture: Gray) -> str | None:
    try:
        return bodies.text(image.digit(picture))
    except UserError:
        return None


def _cut(picture: Gray, box: Box) -> Gray:
    """The box of a picture with some paper around."""
    margin = round(_AROUND * max(box.width, box.height))
    rows = slice(max(0, box.y - margin), box.y + box.height + margin)
    columns = slice(max(0, box.x - margin), box.x + box.width + margin)
    return picture[rows, columns]


def _json(values: object) -> Response:
    return Response(_dumped(values), media_type=bodies.JSON)


def _dumped(values: object) -> bytes:
    return json.dumps(values, ensure_ascii=False, default=vars).encode()
