"""`inkdigits tune`: a search over the training options, with progress, and the command that it ends in."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inkdigits.cli.flags import words
from inkdigits.cli.output import command, print_json
from inkdigits.cli.status import INTERRUPTED
from inkdigits.cli.training import RUNS, Bar, Stopping
from inkdigits.evaluate import table
from inkdigits.learn import options as learning
from inkdigits.learn import tune as tuner
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.train import Stopped, Watch
from inkdigits.learn.tune import Found, Plan, Tried


def tune(
    data: str,
    *,
    preset: str | None,
    given: Mapping[str, Any],
    trials: int,
    out: Path | None,
    as_json: bool,
) -> int:
    """Searches, prints what was found; the exit status."""
    start = learning.recipe(preset or "fast", {"validation": TrainOptions().validation, **given})
    plan = Plan(source=data, start=start, fixed=frozenset(given), n_trials=trials)
    folder = out or RUNS / f"tune-{Path(data).name}"
    asked = words({"preset": preset} | dict(given))
    with Stopping() as stopping, Bar() as bar:
        watch = Watch(after_step=bar.step, stop=stopping.asked)
        try:
            found = tuner.search(plan, folder, watch=watch, after_trial=lambda one: _report(one, trials))
        except Stopped:
            bar.close()
            again = ["tune", data, *asked, "--trials", str(trials), "--out", str(folder)]
            print(f"stopped; what is through is kept; go on with: {command(again)}", file=sys.stderr)
            return INTERRUPTED
    if as_json:
        print_json(asdict(found))
    else:
        best = {"preset": preset} | _needed(start) | dict(given) | dict(found.options)
        print(_summary(found, command(["train", data, *words(best)]), folder))
    return 0


def _needed(start: TrainOptions) -> dict[str, Any]:
    """The validation split, where a run can't be without: presets train on all images."""
    return {"validation": start.validation} if start.patience or start.keep == "best" else {}


def _report(tried: Tried, n_trials: int) -> None:
    found = "given up" if tried.accuracy is None else f"validation {table.percent(tried.accuracy)}"
    print(f"trial {tried.number} of {n_trials}: {found}", file=sys.stderr)


def _summary(found: Found, train: str, folder: Path) -> str:
    """What a person wants to read first: how good, what mattered, what to type."""
    given_up = f", {found.n_given_up} of them given up early" if found.n_given_up else ""
    rate = "none, the loss never fell" if found.suggested_rate is None else f"{found.suggested_rate:.2g}"
    mattered = [f"{name} {table.percent(share, digits=0)}" for name, share in found.importances.items()]
    n_trials = "1 trial" if found.n_trials == 1 else f"{found.n_trials} trials"
    lines = [
        f"best validation accuracy: {table.percent(found.accuracy)} (loss {found.loss:.4f})"
        f" in {n_trials}{given_up}",
        f"learning rate suggested by the finder: {rate}",
        f"what mattered, as far as {n_trials} can tell: {', '.join(mattered) or 'too few'}",
        "",
        "Train with the best options:",
        f"  {train}",
        "",
        f"The search is in {folder}; with a higher --trials it goes on.",
    ]
    return "\n".join(lines)
