"""One classifier on one set, in figures."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigits import stats
from inkdigits.evaluate.check import require_images, require_labels, require_scores
from inkdigits.types import Classifier, Dataset, Labels, Scores

_ROUNDED = 1e-4
"""What figures that somebody has rounded may be off by."""

_MORE_THAN_ONE = {"nll", "brier", "images_per_second"}
"""Figures that aren't shares."""

Progress = Callable[[int, int], None]
"""Told how many images are done, of how many."""

Counts = NDArray[np.int64]
"""A confusion matrix: int64, (classes, classes), rows what it is, columns what it was read as."""

Shares = NDArray[np.float64]
"""One figure from 0 to 1 per class: float64, (classes,)."""


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """One class: of the images read as it, `precision` were it; of its `support`, `recall` were found."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a classifier did on `n` images; `inkdigits evaluate --json` begins with its `asdict`.

    `accuracy_interval` is Wilson's at 95 %, `nll` in nats, `ece` over 15 bins of confidence,
    `brier` from 0 to 2. `auroc` is the chance that an image read right has a higher confidence than one read
    wrong; None where there are not both.
    `confusion[i][j]` counts images of class i read as class j. A figure that would divide by nothing
    is 0: the precision of a class nothing was read as, the recall of one without images. The macro
    figures are means over the classes that occur, as a label or as a prediction, so that a class which
    the set lacks costs nothing unless the model sees it there (all three as scikit-learn has them).
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_precision: float
    macro_recall: float
    macro_f1: float
    per_class: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    nll: float
    ece: float
    brier: float
    auroc: float | None
    images_per_second: float


def parse(about: Mapping[str, Any]) -> Evaluation:
    """The evaluation that decoded JSON holds. Raises KeyError, TypeError or ValueError where it is none."""
    confusion = tuple(tuple(int(count) for count in row) for row in about["confusion"])
    per_class = tuple(
        ClassFigures(
            label=str(each["label"]),
            support=int(each["support"]),
            **{name: float(each[name]) for name in ("precision", "recall", "f1")},
        )
        for each in about["per_class"]
    )
    if {len(row) for row in confusion} | {len(confusion)} != {len(per_class)}:
        raise ValueError(f"its confusion matrix isn't one of {len(per_class)} classes")
    if [sum(row) for row in confusion] != [each.support for each in per_class] or min(
        map(min, confusion)
    ) < 0:
        raise ValueError("its confusion matrix counts other images than its classes have")
    n = int(about["n"])
    if n != sum(map(sum, confusion)) or n < 1:
        raise ValueError(f"its confusion matrix doesn't count {n} images")
    low, high = about["accuracy_interval"]
    auroc = about["auroc"]
    rest = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "nll", "ece", "brier")
    figures = {name: float(about[name]) for name in (*rest, "images_per_second")}
    if not all(map(math.isfinite, (*figures.values(), low, high, *([] if auroc is None else [auroc])))):
        raise ValueError("not all of its figures are numbers")
    n_right = sum(confusion[i][i] for i in range(len(confusion)))
    if not math.isclose(figures["accuracy"], n_right / n, abs_tol=_ROUNDED):
        raise ValueError("its accuracy isn't that of its confusion matrix")
    shares = [value for name, value in figures.items() if name not in _MORE_THAN_ONE]
    if not (all(0 <= share <= 1 for share in shares) and 0 <= low <= figures["accuracy"] <= high <= 1):
        raise ValueError("not all of its shares lie between 0 and 1")
    return Evaluation(
        n=n,
        accuracy_interval=(float(low), float(high)),
        per_class=per_class,
        confusion=confusion,
        auroc=None if auroc is None else float(auroc),
        **figures,
    )


def evaluate(
    classifier: Classifier,
    dataset: Dataset,
    *,
    batch: int = 1000,
    progress: Progress = lambda _done, _total: None,
) -> Evaluation:
    """The figures of a classifier on a set; only the time inside the classifier is counted."""
    found, seconds = scores(classifier, dataset, batch=batch, progress=progress)
    return score(found, dataset.labels, label_names=dataset.label_names, seconds=seconds)


def scores(
    classifier: Classifier,
    dataset: Dataset,
    *,
    batch: int = 1000,
    progress: Progress = lambda _done, _total: None,
) -> tuple[Scores, float]:
    """A classifier's scores of a set, checked, and the seconds that it took for them."""
    require_images(dataset)
    parts: list[Scores] = []
    seconds = 0.0
    for start in range(0, len(dataset), batch):
        images = dataset.images[start : start + batch]
        began = time.perf_counter()
        found = classifier(images)
        seconds += time.perf_counter() - began
        require_scores(found, n=len(images), label_names=dataset.label_names)
        parts.append(found)
        progress(start + len(images), len(dataset))
    return np.concatenate(parts), seconds


def score(scores: Scores, labels: Labels, *, label_names: Sequence[str], seconds: float) -> Evaluation:
    """The figures of scores that took so many seconds; of equal scores, the first class is read."""
    require_labels(labels, label_names)
    require_scores(scores, n=len(labels), label_names=label_names)
    predicted = scores.argmax(axis=1)
    right = predicted == labels
    n, n_right = len(labels), int(np.count_nonzero(right))
    confusion = _confusion(labels, predicted, n_classes=len(label_names))
    precision, recall, f1 = _class_figures(confusion)
    occurs = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    return Evaluation(
        n=n,
        accuracy=n_right / n,
        accuracy_interval=stats.wilson(n_right, n),
        macro_precision=float(precision[occurs].mean()),
        macro_recall=float(recall[occurs].mean()),
        macro_f1=float(f1[occurs].mean()),
        per_class=tuple(
            ClassFigures(label=label, precision=float(p), recall=float(r), f1=float(f), support=int(support))
            for label, p, r, f, support in zip(
                label_names, precision, recall, f1, confusion.sum(axis=1), strict=True
            )
        ),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        nll=stats.negative_log_likelihood(scores, labels),
        ece=stats.calibration_error(scores.max(axis=1), right),
        brier=stats.brier_score(scores, labels),
        auroc=stats.auroc(scores.max(axis=1), right),
        images_per_second=n / max(seconds, 1e-9),
    )


def _confusion(labels: Labels, predicted: NDArray[np.intp], *, n_classes: int) -> Counts:
    """How often each class, by row, was read as each class, by column."""
    cells = labels * n_classes + predicted
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def _class_figures(confusion: Counts) -> tuple[Shares, Shares, Shares]:
    """Precision, recall and F1 = 2·hits / (images read as it + images of it), by class."""
    hits = np.diagonal(confusion)
    read_as, support = confusion.sum(axis=0), confusion.sum(axis=1)
    return _ratio(hits, read_as), _ratio(hits, support), _ratio(2 * hits, read_as + support)


def _ratio(part: Counts, whole: Counts) -> Shares:
    """Each part of its whole, 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
