"""`inkdigits retrain`: from corrections to a model that serves, or to the sentence that says why not."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inkdigits.cli import corrected
from inkdigits.cli.output import print_json
from inkdigits.cli.status import INTERRUPTED
from inkdigits.cli.training import Stopping
from inkdigits.errors import UserError
from inkdigits.evaluate.gate import Verdict
from inkdigits.learn import directory, export, finetune, models
from inkdigits.learn.finetune import Result
from inkdigits.learn.finetune_order import Order
from inkdigits.learn.train import Stopped, Watch
from inkdigits.read import reader
from inkdigits.serve import jobs
from inkdigits.serve import store as stores
from inkdigits.serve.jobs import Jobs
from inkdigits.serve.models import SHIPPED, Library
from inkdigits.serve.settings import Settings

START = "house"
"""What a model that ships goes on from: its own weights don't learn further, being of eight bits."""

_TRAINING = 0.9
"""The share of a job that is training; the rest is judging and exporting."""

_TELL_SECONDS = 0.5


def retrain(kept: Path, url: str | None, job: Path | None, *, force: bool, as_json: bool) -> int:
    """Fine-tunes, judges, and lets the model serve where it got better; the exit status."""
    settings = Settings(folder=kept)
    folder = job or Jobs(settings.jobs, (), {}).make()
    with jobs.at_work(folder), Stopping() as stopping:
        try:
            result = _result(settings, url or stores.default_url(kept), folder, stopping.asked, force=force)
        except (Stopped, KeyboardInterrupt):
            result = {"state": jobs.STOPPED}
        except UserError as error:
            jobs.tell_result(folder, state=jobs.FAILED, error=_without_paths(error, kept))
            raise
        except BaseException:
            jobs.tell_result(folder, state=jobs.FAILED, error="it broke off; its log says why")
            raise
        jobs.tell_result(folder, **result)
    if as_json:
        print_json(result)
    else:
        print(_sentence(result))
    return {jobs.PROMOTED: 0, jobs.STOPPED: INTERRUPTED}.get(result["state"], 1)


def _result(
    settings: Settings, url: str, folder: Path, stop: Callable[[], bool], *, force: bool
) -> dict[str, Any]:
    library = Library(settings.models)
    data = folder / "corrections.npz"
    corrected.write(url, data)
    started_from = library.serving().name
    start = START if started_from in SHIPPED else str(library.start(started_from) or "")
    if not start:
        raise UserError(f"the model {started_from} has no weights beside it to go on from")
    old = (
        None if start == START else START
    )  # all else that it learnt are earlier corrections, which come again
    try:
        found = _finetuned(Order(model=start, data=str(data), old=old, force=force), folder, stop)
    finally:
        data.unlink()  # who deletes an image from the store deletes it everywhere
    verdict = _told(found.verdict)
    if not found.verdict.promote:
        return {"state": jobs.REFUSED, "verdict": verdict}
    model = found.folder / directory.MODEL_FILE
    name = f"corrected-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    about = {"verdict": verdict, "figures": _figures(found.verdict)}
    library.add(name, export.graph(models.find(str(model))), going_on=model.read_bytes(), about=about)
    jobs.tell_progress(folder, 1.0)
    if stop():
        return {"state": jobs.STOPPED}
    library.promote(name)
    return {"state": jobs.PROMOTED, "verdict": verdict, "model": name}


def _finetuned(order: Order, folder: Path, stop: Callable[[], bool]) -> Result:
    told = 0.0

    def after_step(step: int, n_steps: int, _loss: float) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            jobs.tell_progress(folder, _TRAINING * step / n_steps)

    watch = Watch(after_step=after_step, stop=stop)
    return finetune.finetune(order, folder / "run", watch=watch, screen=reader.several)


def _without_paths(error: UserError, kept: Path) -> str:
    """The sentence as anybody may see it on the page: it doesn't say where the service keeps its things."""
    if isinstance(error, stores.UnusableError):
        return "the corrections can't be reached; the log of this fine-tuning says why"
    return str(error).replace(f"{kept}{os.sep}", "")


def _told(verdict: Verdict) -> dict[str, Any]:
    return {"promote": verdict.promote, "reason": verdict.reason, "forced": verdict.forced}


def _figures(verdict: Verdict) -> dict[str, float]:
    """Shares of the tests that are read right: of corrections, and of what was known before."""
    found = {}
    for name, change in (("new", verdict.new), ("old", verdict.old)):
        if change is not None:
            found[f"{name}_accuracy"] = change.comparison.second_accuracy
    return found


def _sentence(result: dict[str, Any]) -> str:
    if result["state"] == jobs.STOPPED:
        return "Stopped; the model before goes on serving."
    verdict = result["verdict"]
    if result["state"] == jobs.REFUSED:
        return f"Not promoted: {verdict['reason']}. The model before goes on serving."
    forced = ", by --force, although" if verdict["forced"] else ":"
    return f"Promoted{forced} {verdict['reason']}. {result['model']} serves now."
