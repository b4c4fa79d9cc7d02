"""`inkdigits evaluate --report`: everything that can be told of a model, on one page."""

import time
from collections.abc import Sequence
from pathlib import Path

from inkdigits import __version__, files
from inkdigits.cli.judgement import Judgement, Order
from inkdigits.cli.subjects import Subject
from inkdigits.data import digest
from inkdigits.errors import UserError
from inkdigits.evaluate import origins
from inkdigits.evaluate.metrics import Evaluation
from inkdigits.evaluate.robustness import MOST_CHANGED
from inkdigits.learn import history
from inkdigits.learn.history import Record
from inkdigits.types import Dataset

try:
    from inkdigits.evaluate import report
    from inkdigits.evaluate.report import Course
except ImportError as error:
    raise UserError("a report needs pip install 'inkdigits[learn]'") from error

_SUFFIXES = (".html", ".htm")


def check(path: Path) -> None:
    """Raises UserError, before any work is done, for a file that isn't a page or can't be written."""
    if path.suffix.lower() not in _SUFFIXES:
        raise UserError(f"a report is an HTML page, and {path} doesn't end in .html")
    files.check(path)


def write(order: Order, found: Judgement) -> None:
    """Writes the page. Raises UserError where it can't be written."""
    assert order.report is not None
    model, dataset = found.subject, found.dataset
    subject = report.Subject(
        name=model.name,
        classifier=model.classify,
        dataset=dataset,
        scores=found.scores,
        evaluation=found.evaluation,
        temperature=model.temperature,
        thresholds=model.card.thresholds,
        robustness=found.robustness,
        unseen=found.unseen,
        attacks=found.attacks,
        comparison=found.comparison,
        against="" if order.against is None else str(order.against),
        courses=_courses(order.model),
        about=_about(model, dataset, found.evaluation),
    )
    files.write(order.report, report.html(subject).encode(errors="replace"))  # names of files


def _courses(folder: Path) -> Sequence[Course]:
    """Loss and mistakes of the training, where the model is a run directory."""
    path = folder / history.FILE
    if not path.is_file():
        return ()
    records = history.read(path)
    losses = {
        "training": [(float(each.step), each.loss) for each in records],
        "validation": [(float(e.step), e.validation_loss) for e in records if e.validation_loss is not None],
    }
    wrong = {
        "training": _wrong(records, [each.train_accuracy for each in records]),
        "validation": _wrong(records, [each.validation_accuracy for each in records]),
    }
    courses = (("loss", losses), ("read wrong, %", wrong))
    return [Course(title=title, series=series) for title, series in courses if any(series.values())]


def _wrong(records: Sequence[Record], accuracies: Sequence[float | None]) -> list[tuple[float, float]]:
    pairs = zip(records, accuracies, strict=True)
    return [(float(record.step), 100 * (1 - right)) for record, right in pairs if right is not None]


def _about(model: Subject, dataset: Dataset, evaluation: Evaluation) -> dict[str, str]:
    provenance = model.card.provenance
    told = {
        "model": model.name,
        "network": ", ".join(f"{name} {value}" for name, value in model.card.network.items()),
        "learnt from": origins.public(provenance).get("data"),
        "images learnt from": provenance.get("n_training"),
        "judged on": f"{dataset.name}, {dataset.split}, {len(dataset):,} images",
        "SHA-256 of those": digest.sha256(dataset),
        "speed": f"{evaluation.images_per_second:,.0f} images a second on the machine that made this page",
        "robustness": f"of {min(len(dataset), MOST_CHANGED):,} images, seed 0",
        "made": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "by": f"inkdigits {__version__}",
    }
    return {name: str(value) for name, value in told.items() if value is not None}
