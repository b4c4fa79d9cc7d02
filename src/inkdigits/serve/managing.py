"""Models and jobs over HTTP: who serves, who is to, and what is being learnt."""

import asyncio
import importlib.util
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inkdigits import __version__
from inkdigits.errors import UnwritableError, UserError
from inkdigits.serve import managers
from inkdigits.serve.jobs import RunningError
from inkdigits.serve.models import Library, NotThereError, Serving
from inkdigits.serve.problems import Problem
from inkdigits.serve.service import Service

SWAP_SECONDS = 10.0
"""How long workers may take to load a model that is to serve."""


def routes() -> list[Route]:
    """The paths of managing."""
    return [
        Route("/v1/status", status),
        Route("/v1/models", models),
        Route("/v1/models/rollback", roll_back, methods=["POST"]),
        Route("/v1/models/{name}/promote", promote, methods=["POST"]),
        Route("/v1/jobs", jobs, methods=["GET"]),
        Route("/v1/jobs", start, methods=["POST"]),
        Route("/v1/jobs/{id}/stop", stop, methods=["POST"]),
    ]


async def status(request: Request) -> Response:
    """What the service is, and whether whoever asks may manage it."""
    service: Service = request.app.state.service
    limits = service.settings.limits
    return JSONResponse(
        {
            "version": __version__,
            "model": service.served.name,
            "labels": service.served.digits.card.label_names,
            "manages": managers.may_manage(request),
            "limits": {
                "bytes": limits.n_bytes,
                "pixels": limits.n_pixels,
                "pages": limits.n_pages,
                "files": limits.n_files,
            },
        }
    )


async def models(request: Request) -> Response:
    """All models, and which serves."""
    service: Service = request.app.state.service
    known = await asyncio.to_thread(service.library.known)
    return JSONResponse({"models": [vars(each) for each in known]})


async def promote(request: Request) -> Response:
    """Lets a model serve in every worker, or leaves all as it is."""
    return await _chosen(request, lambda library: library.promote(request.path_params["name"]))


async def roll_back(request: Request) -> Response:
    """Lets the model serve that did before."""
    return await _chosen(request, Library.roll_back)


async def _chosen(request: Request, choose: Callable[[Library], Serving]) -> Response:
    """The answer to a choice of the model that is to serve."""
    managers.require(request)
    service: Service = request.app.state.service
    before = service.library.serving_or_first()
    try:
        chosen = await asyncio.to_thread(choose, service.library)
    except NotThereError as error:
        raise Problem(404, str(error)) from error
    except UnwritableError:
        raise
    except UserError as error:
        raise Problem(409, str(error)) from error
    return await _followed(service, chosen, before)


async def _followed(service: Service, chosen: Serving, before: Serving) -> Response:
    """The answer once all workers serve what was chosen; where one can't, the choice is taken back."""
    try:
        notes = await asyncio.to_thread(service.board.followed, chosen.sequence, seconds=SWAP_SECONDS)
    except TimeoutError:
        await asyncio.to_thread(service.library.put_back, chosen, before)
        raise Problem(
            409, f"not every worker could load {chosen.name} in time; {before.name} serves"
        ) from None
    failed = next((note for note in notes if note.error is not None), None)
    if failed is not None:
        await asyncio.to_thread(service.library.put_back, chosen, before)
        raise Problem(409, f"{failed.error}; {before.name} serves")
    return JSONResponse({"name": chosen.name, "serving": True, "workers": len(notes)})


async def jobs(request: Request) -> Response:
    """The latest fine-tunings."""
    service: Service = request.app.state.service
    found = await asyncio.to_thread(service.jobs.all)
    return JSONResponse({"jobs": [vars(each) for each in found]})


async def start(request: Request) -> Response:
    """Begins to fine-tune on what was accepted."""
    managers.require(request)
    service: Service = request.app.state.service
    if importlib.util.find_spec("torch") is None:
        raise Problem(409, "fine-tuning needs pip install 'inkdigits[learn]' where the service runs")
    try:
        job = await service.retrain()
    except RunningError as error:
        raise Problem(409, str(error)) from error
    return JSONResponse(vars(job), 202)


async def stop(request: Request) -> Response:
    """Stops a fine-tuning."""
    managers.require(request)
    service: Service = request.app.state.service
    try:
        job = await asyncio.to_thread(service.jobs.stop, request.path_params["id"])
    except UserError as error:
        raise Problem(404, str(error)) from error
    return JSONResponse(vars(job))
