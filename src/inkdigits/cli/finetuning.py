"""`inkdigits finetune`: from the command line to a run directory and a verdict, with progress."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inkdigits.cli.flags import words
from inkdigits.cli.output import print_json
from inkdigits.cli.status import INTERRUPTED
from inkdigits.cli.training import new_folder, watched
from inkdigits.data.samples import Broken
from inkdigits.errors import ArgumentError
from inkdigits.evaluate import table
from inkdigits.evaluate.gate import Change
from inkdigits.learn import directory
from inkdigits.learn import finetune as finetuner
from inkdigits.learn.directory import CANDIDATE_FILE, MODEL_FILE
from inkdigits.learn.finetune import Moving, Result
from inkdigits.learn.finetune_order import Order
from inkdigits.read import reader

_MOST_REFUSED = 20


def finetune(order: Order, *, out: Path | None, resume: bool, as_json: bool) -> int:
    """Trains on, judges, prints; the exit status, which is 1 where the model isn't promoted."""
    if resume:
        _require_begun(out)
    folder = out or new_folder(f"{Path(order.data).resolve().name}-finetuned")

    def about_to(moving: tuple[Moving, ...], refused: tuple[Broken, ...]) -> None:
        _tell_refused(refused)
        print(_stages(moving), file=sys.stderr)

    result = watched(
        lambda watch: finetuner.finetune(
            order, folder, resume=resume, watch=watch, screen=reader.several, about_to=about_to
        ),
        again=[*asked(order), "--out", str(folder), "--resume"],
        made=folder if out is None else None,
    )
    if result is None:
        return INTERRUPTED
    if as_json:
        refused = [asdict(each) for each in result.refused]
        about = {"folder": str(folder), "interpolation": result.interpolation}
        print_json({**about, **asdict(result.verdict), "refused": refused})
    else:
        print(_summary(result))
    finetuner.draw(result)
    return 0 if result.verdict.promote else 1


def asked(order: Order) -> list[str]:
    """The command that the order was given by."""
    own: dict[str, Any] = {"labels": order.labels, "old": order.old, "weights": order.weights}
    own |= {"shots": order.shots or None, "force": order.force or None}
    return ["finetune", order.model, order.data, *words(own | dict(order.given))]


def _require_begun(out: Path | None) -> None:
    """Raises ArgumentError, UserError where there is no run to go on with."""
    if out is None:
        raise ArgumentError("--resume needs the run directory to go on with: name it with --out")
    directory.arguments_of(out)


def _tell_refused(refused: tuple[Broken, ...]) -> None:
    """What was left out of the data, on standard error."""
    for each in refused[:_MOST_REFUSED]:
        print(f"refused: {each.file}: {each.reason}", file=sys.stderr)
    if len(refused) > _MOST_REFUSED:
        print(f"refused: {len(refused) - _MOST_REFUSED} more, all in run.json", file=sys.stderr)


def _stages(moving: tuple[Moving, ...]) -> str:
    """What trains, and how many weights that is."""
    rows = [(each.stage, f"{each.n_weights:,}", _how(each)) for each in moving]
    names, numbers = (max(len(row[column]) for row in [*rows, _HEADS]) for column in (0, 1))
    lines = [f"{stage:<{names}}  {n:>{numbers}}  {how}" for stage, n, how in [_HEADS, *rows]]
    n_weights = sum(each.n_weights for each in moving)
    n_moving = n_weights - sum(each.n_frozen for each in moving)
    return "\n".join([*lines, f"{n_moving:,} of {n_weights:,} weights train"])


_HEADS = ("stage", "weights", "trains")


def _how(each: Moving) -> str:
    if each.rate is None:
        return "no: it stays as it is"
    since = "from the start" if each.first_step == 0 else f"from step {each.first_step}"
    but = f", but for {each.n_frozen:,} weights" if each.n_frozen else ""
    return f"{since}, at {100 * each.rate:.0f} % of the rate{but}"


def _summary(result: Result) -> str:
    """What a person wants to read first: the verdict and why; then every class before and after."""
    verdict = result.verdict
    changes = [change for change in (verdict.new, verdict.old) if change is not None]
    said = "Promoted" if verdict.promote else "Not promoted"
    forced = ", by --force, although" if verdict.forced else ":"
    model = result.folder / (MODEL_FILE if verdict.promote else CANDIDATE_FILE)
    refused = f", {len(result.refused)} pictures refused" if result.refused else ""
    return "\n".join(
        [
            *(_changed(change) for change in changes),
            f"{said}{forced} {verdict.reason}.",
            *_way(result.interpolation),
            f"Trained on {result.n_training:,} images in {result.seconds:.1f} s{refused}.",
            f"The model is {model}",
            *_unsure(result),
        ]
    )


def _unsure(result: Result) -> list[str]:
    """What is to be known of a model whose labels are others than before."""
    if result.has_thresholds:
        return []
    return ["It doesn't know yet how sure it has to be: what `read --model` reads with it is never accepted."]


def _way(interpolation: float) -> list[str]:
    if interpolation == 1:
        return []
    return [
        f"Its weights went {100 * interpolation:g} % of the way that was trained: all of it forgot too much;"
        " the tests above chose how far, and flatter it a little."
    ]


def _changed(change: Change) -> str:
    """One test set, class by class, with intervals, and McNemar's verdict."""
    found = change.comparison
    rows = [
        (each.label, each.n, each.before, each.before_interval, each.after, each.after_interval)
        for each in change.classes
    ]
    first, second = found.first_interval, found.second_interval
    rows.append(("all", found.n, found.first_accuracy, first, found.second_accuracy, second))
    width = max(len("label"), *(len(label) for label, *_ in rows))
    lines = [
        f"{label:>{width}}  {n:>6,}  {_share(was, around):<22}  {_share(now, around_now):<22}"
        f"  {100 * (now - was):+6.2f}"
        for label, n, was, around, now, around_now in rows
    ]
    heads = f"{'label':>{width}}  images  {'before':<22}  {'after':<22}  change"
    return "\n".join([f"{change.data}, test images read right:", heads, *lines, found.verdict, ""])


def _share(share: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{table.percent(share)} ({100 * low:.1f}–{100 * high:.1f})"
