"""Corrections over HTTP: made by anybody, learnt from only once somebody with the token accepts them."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inkdigits.serve import bodies, managers
from inkdigits.serve.entries import MOST_LABEL, STATES, NewCorrection, NotThereError, Stored, TooManyError
from inkdigits.serve.problems import Problem
from inkdigits.serve.service import Service

MOST_LISTED = 1000
MOST_REVIEWED = 10_000

_MOST_BYTES = 256 << 10
_AGAIN_SECONDS = 3600


def routes() -> list[Route]:
    """The paths of corrections."""
    return [
        Route("/v1/corrections", add, methods=["POST"]),
        Route("/v1/corrections", listed, methods=["GET"]),
        Route("/v1/corrections/review", review, methods=["POST"]),
        Route("/v1/corrections/{id}/withdraw", withdraw, methods=["POST"]),
        Route("/v1/images/{sha256}", delete_image, methods=["DELETE"]),
    ]


async def add(request: Request) -> Response:
    """What somebody says an image is, put into quarantine."""
    service, values = await _asked(request)
    new = _correction(request, service, values)
    store = await service.store()
    try:
        added = await asyncio.to_thread(store.add, new)
    except TooManyError as error:
        raise Problem(429, str(error), after=_AGAIN_SECONDS) from error
    about = {"id": added.id, "state": added.state, "undo": added.undo}
    return JSONResponse(about, 201 if added.is_new else 200)


async def withdraw(request: Request) -> Response:
    """Takes a correction back, by whoever made it."""
    service, values = await _asked(request)
    number, undo = _number(request.path_params["id"]), values.get("undo")
    if not isinstance(undo, str):
        raise Problem(422, "undo has to be the text that came with the correction")
    store = await service.store()
    try:
        state = await asyncio.to_thread(store.withdraw, number, undo)
    except NotThereError as error:
        raise Problem(404, str(error)) from error
    return JSONResponse({"id": number, "state": state})


async def listed(request: Request) -> Response:
    """Corrections that stand somewhere, oldest first, and how many stand where."""
    managers.require(request)
    service: Service = request.app.state.service
    query = request.query_params
    state = query.get("state")
    if state is not None and state not in STATES:
        raise Problem(422, f"unknown state {state[:20]!r}; one of: {', '.join(STATES)}")
    limit, after = _number(query.get("limit", "100")), _number(query.get("after", "0"))
    store = await service.store()
    found = await asyncio.to_thread(store.corrections, state, limit=min(limit, MOST_LISTED), after=after)
    counts = await asyncio.to_thread(store.counts)
    return JSONResponse({"corrections": [_told(each) for each in found], "counts": asdict(counts)})


async def review(request: Request) -> Response:
    """Accepts or rejects corrections that wait."""
    managers.require(request)
    service, values = await _asked(request)
    ids, accept = values.get("ids"), values.get("accept")
    if not isinstance(ids, list) or not all(type(each) is int and 0 < each < 1 << 53 for each in ids):
        raise Problem(422, "ids has to be a list of numbers of corrections")
    if not isinstance(accept, bool) or len(ids) > MOST_REVIEWED:
        raise Problem(422, f"accept has to be true or false, and there may be {MOST_REVIEWED:,} ids")
    store = await service.store()
    n = await asyncio.to_thread(store.review, ids, accept=accept, by=_source(request))
    if accept and n:
        await service.retrain_when_due()
    return JSONResponse({"reviewed": n})


async def delete_image(request: Request) -> Response:
    """Deletes an image for good."""
    managers.require(request)
    service: Service = request.app.state.service
    sha256 = request.path_params["sha256"]
    store = await service.store()
    if not re.fullmatch("[0-9a-f]{64}", sha256) or not await asyncio.to_thread(store.delete_image, sha256):
        raise Problem(404, "there is no such image")
    return Response(status_code=204)


async def _asked(request: Request) -> tuple[Service, Mapping[str, Any]]:
    service: Service = request.app.state.service
    deadline = time.monotonic() + service.settings.limits.seconds
    return service, await bodies.values(request, most=_MOST_BYTES, deadline=deadline)


def _correction(request: Request, service: Service, values: Mapping[str, Any]) -> NewCorrection:
    label, answer, model = (values.get(name, "") for name in ("label", "answer", "model"))
    confidence = values.get("confidence", 0.0)
    labels = service.served.digits.card.label_names
    if label not in labels:
        raise Problem(422, f"label has to be one of: {', '.join(labels)}")
    if not all(isinstance(text, str) and len(text) <= MOST_LABEL for text in (answer, model)):
        raise Problem(422, f"answer and model have to be texts of {MOST_LABEL} characters at most")
    if type(confidence) not in (int, float) or not 0 <= confidence <= 1:
        raise Problem(422, "confidence has to be a number from 0 to 1")
    return NewCorrection(
        image=bodies.image(values.get("image")),
        label=label,
        answer=answer,
        confidence=float(confidence),
        model=model,
        source=_source(request),
    )


def _source(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _told(stored: Stored) -> dict[str, Any]:
    image = None if stored.image is None else bodies.text(stored.image)
    return {**vars(stored), "image": image, "made": stored.made.isoformat()}


def _number(text: str) -> int:
    if not bodies.is_number(text):
        raise Problem(422, f"{text[:20]!r} is no whole number")
    return int(text)
