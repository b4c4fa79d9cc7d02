"""What a model can do, on one page: a file that holds all it shows, to be looked at in any browser."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import cv2
import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from inkdigits import stats
from inkdigits.evaluate import calibration, charts, gallery
from inkdigits.evaluate.attacked import Attacked
from inkdigits.evaluate.calibration import Bin, PredictionSets, Selection
from inkdigits.evaluate.charts import Axis, Chart, Line, Mark, Points
from inkdigits.evaluate.compare import Comparison
from inkdigits.evaluate.gallery import Pick
from inkdigits.evaluate.metrics import Evaluation
from inkdigits.evaluate.overlay import overlay
from inkdigits.evaluate.robustness import Robustness
from inkdigits.evaluate.table import percent
from inkdigits.evaluate.unseen import Kind
from inkdigits.types import Classifier, Dataset, Gray, Scores

SHOWN_RATES = (0.001, 0.005, 0.01)
"""Error rates that the page tells coverages for."""

LEVELS = (0.9, 0.95, 0.99, 0.999)
"""How often a prediction set is to hold the right label."""

PICKED = 24
"""Images in each gallery."""

_SCALE = 4
_TEMPLATE = "report.html.j2"


@dataclass(frozen=True, kw_only=True)
class Course:
    """How one figure went in training: its title, and series of (step, value) by name."""

    title: str
    series: Mapping[str, Points]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """What a report is of: a model's scores of a set, and what else is known.

    `temperature` is what the model's file divides logits by, 1 where that is nothing. `thresholds` are the
    file's. `about` is told at the end, name by name.
    """

    name: str
    classifier: Classifier
    dataset: Dataset
    scores: Scores
    evaluation: Evaluation
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    robustness: Robustness | None = None
    unseen: Sequence[Kind] = ()
    attacks: Sequence[Attacked] = ()
    comparison: Comparison | None = None
    against: str = ""
    courses: Sequence[Course] = ()
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Reliability before and after a temperature, and in a sentence where that is from."""

    temperature: float
    note: str
    ece_before: float
    ece_after: float
    before: tuple[Bin, ...]
    after: tuple[Bin, ...]


def html(subject: Subject) -> str:
    """The page, whole in itself: no script, nothing fetched."""
    folder = resources.files("inkdigits.evaluate")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"percent": percent, "png": _png, "looked": _looked}
    template = environment.from_string((folder / _TEMPLATE).read_text(encoding="utf-8"))
    return template.render(_values(subject))


def calibrated(subject: Subject) -> Calibration:
    """Reliability with and without the model's temperature, or one found on half of the images."""
    labels = subject.dataset.labels
    if subject.temperature != 1:
        before, after = calibration.tempered(subject.scores, 1 / subject.temperature), subject.scores
        found = subject.temperature
        note = f"The model file divides logits by {found:.3g}."
    elif len(labels) < 2 * calibration.LEAST_IMAGES:
        before = after = subject.scores
        found = 1.0
        note = (
            "No temperature is known for the answers as they come, and these images are too few to find one."
        )
    else:
        before, found = subject.scores, calibration.temperature(subject.scores, labels)
        after = _cross_tempered(subject.scores, labels)
        note = (
            "No temperature is known for the answers as they come. Here one is found on one half of these "
            f"images, {found:.3g} on all of them, and used on the other half."
        )
    (sure, right), (sure_after, right_after) = (_confidences(each, labels) for each in (before, after))
    return Calibration(
        temperature=found,
        note=note,
        ece_before=stats.calibration_error(sure, right),
        ece_after=stats.calibration_error(sure_after, right_after),
        before=calibration.reliability(sure, right),
        after=calibration.reliability(sure_after, right_after),
    )


def _cross_tempered(scores: Scores, labels: NDArray[np.int64]) -> Scores:
    """Scores of every other image at the temperature of the rest."""
    found = np.empty_like(scores)
    is_even = np.arange(len(labels)) % 2 == 0
    for judged in (is_even, ~is_even):
        found[judged] = calibration.tempered(
            scores[judged], calibration.temperature(scores[~judged], labels[~judged])
        )
    return found


def _confidences(scores: Scores, labels: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    return scores.max(axis=1), scores.argmax(axis=1) == labels


def _values(subject: Subject) -> dict[str, Any]:
    dataset, scores = subject.dataset, subject.scores
    _, right = _confidences(scores, dataset.labels)
    reliable = calibrated(subject)
    given, _ = calibration.given(scores, dataset.labels, dataset.label_names)
    selections = [calibration.selection(given, right, error_rate=rate) for rate in SHOWN_RATES]
    picked = [
        gallery.picks(rows, scores, dataset, subject.classifier)
        for rows in (gallery.worst(scores, dataset, n=PICKED), gallery.least_sure(scores, n=PICKED))
    ]
    return {
        "subject": subject,
        "figures": subject.evaluation,
        "read_as": {dataset.label_names[label] for label in np.unique(scores.argmax(axis=1))},
        "n_wrong": int(np.count_nonzero(~right)),
        "calibration": reliable,
        "reliability_chart": Markup(charts.svg(_reliability_chart(reliable))),  # noqa: S704 (made by charts)
        "risk_chart": Markup(charts.svg(_risk_chart(given, right, selections))),  # noqa: S704
        "selections": selections,
        "kept": _kept_thresholds(subject, given, right),
        "sets": _sets(scores, dataset.labels),
        "shades": _shades(subject.evaluation),
        "worst": picked[0],
        "least_sure": picked[1],
        "courses": [(each.title, Markup(charts.svg(_course_chart(each)))) for each in subject.courses],  # noqa: S704
        "scale": _SCALE,
    }


def _kept_thresholds(
    subject: Subject, sure: NDArray[np.float32], right: NDArray[np.bool_]
) -> list[Selection]:
    """What the thresholds of the model's file do here."""
    kept = {f"{rate:g}" for rate in SHOWN_RATES} & subject.thresholds.keys()
    return [
        calibration.accepted(sure, right, least_confidence=subject.thresholds[rate], error_rate=float(rate))
        for rate in sorted(kept, key=float)
    ]


def _sets(scores: Scores, labels: NDArray[np.int64]) -> list[PredictionSets]:
    """Prediction sets at the levels that there are images enough for."""
    enough = [level for level in LEVELS if len(labels) / 2 * (1 - level) >= 1]
    return [calibration.prediction_sets(scores, labels, level=level) for level in enough]


def _shades(evaluation: Evaluation) -> list[list[float]]:
    """How dark each mistake in the confusion matrix is, 0 to 1: the root of its share of the most."""
    counts = np.array(evaluation.confusion, np.float64)
    off = counts.copy()
    np.fill_diagonal(off, 0)
    shades = np.sqrt(off / max(off.max(), 1))
    return [[round(float(value), 3) for value in row] for row in shades]


def _reliability_chart(reliable: Calibration) -> Chart:
    ticks = [(share / 100, f"{share}") for share in range(0, 101, 20)]
    of_one = Line(title="as accurate as confident", points=((0, 0), (1, 1)), kind="ideal")

    def line(bins: tuple[Bin, ...], name: str, kind: str) -> Line:
        return Line(title=name, points=[(each.confidence, each.accuracy) for each in bins], kind=kind)

    def marks(bins: tuple[Bin, ...], name: str, kind: str) -> list[Mark]:
        most = max(each.n for each in bins)
        return [
            Mark(
                title=f"{name}: {each.n:,} images, confidence {percent(each.confidence)}, "
                f"right {percent(each.accuracy)}",
                at=(each.confidence, each.accuracy),
                kind=kind,
                radius=2.5 + 5 * math.sqrt(each.n / most),
            )
            for each in bins
        ]

    return Chart(
        about="Accuracy by confidence, before and after the temperature",
        across=Axis(title="confidence, %", low=0, high=1, ticks=ticks),
        up=Axis(title="read right, %", low=0, high=1, ticks=ticks),
        lines=(
            of_one,
            line(reliable.before, "before", "before"),
            line(reliable.after, "after", "after"),
        ),
        marks=(
            *marks(reliable.before, "before", "before"),
            *marks(reliable.after, "after", "after"),
        ),
    )


def _risk_chart(sure: NDArray[np.float32], right: NDArray[np.bool_], selections: list[Selection]) -> Chart:
    coverage, risk = calibration.risk_coverage(sure, right)
    if not len(risk):
        coverage, risk = np.zeros(1), np.zeros(1)
    high = max(float(risk[len(risk) // 2 :].max()), 1e-4) * 1.15
    return Chart(
        about="Share of wrong answers among the most confident ones, by how many of all those are",
        across=Axis(
            title="answered, % of all", low=0, high=1, ticks=[(s / 100, f"{s}") for s in range(0, 101, 20)]
        ),
        up=Axis(title="wrong among them, %", low=0, high=high, ticks=_ticks(high)),
        lines=(Line(title="risk and coverage", points=_thinned(coverage, risk), kind="after"),),
        marks=[
            Mark(
                title=f"at most {percent(each.error_rate, digits=1)} wrong: {percent(each.coverage)} "
                f"answered, from a confidence of {percent(each.least_confidence)} on",
                at=(each.coverage, each.error),
                kind="chosen",
            )
            for each in selections
            if each.coverage
        ],
    )


def _thinned(xs: NDArray[np.float64], ys: NDArray[np.float64], *, most: int = 400) -> Points:
    """Points enough to draw: a page has only so many pixels."""
    rows = np.unique(np.linspace(0, len(xs) - 1, most).astype(np.int64))
    return list(zip(xs[rows].tolist(), ys[rows].tolist(), strict=True))


def _course_chart(course: Course) -> Chart:
    points = [point for series in course.series.values() for point in series]
    last = max(x for x, _ in points)
    high = max(y for _, y in points) * 1.05 or 1.0
    steps = [(value, f"{value:,.0f}") for value, _ in _ticks(last, unit=1.0)]
    kinds = ("before", "after")
    return Chart(
        about=f"{course.title} by step of training",
        across=Axis(title="step", low=0, high=last, ticks=steps),
        up=Axis(title=course.title, low=0, high=high, ticks=_ticks(high, unit=1.0)),
        lines=[
            Line(title=name, points=series, kind=kind)
            for (name, series), kind in zip(course.series.items(), kinds, strict=False)
        ],
    )


def _ticks(high: float, *, unit: float = 0.01) -> list[tuple[float, str]]:
    """Four to eight round values from 0 up, in hundredths where they are shares."""
    rough = high / unit / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    n = int(high / unit / step)
    return [(i * step * unit, f"{i * step:g}") for i in range(n + 1)]


def _png(image: Gray) -> Markup:
    """The image as the address of itself."""
    encoded = cv2.imencode(".png", image)[1].tobytes()
    return Markup("data:image/png;base64,") + base64.b64encode(encoded).decode("ascii")


def _looked(pick: Pick) -> Markup:
    """The same of where the model looked."""
    return _png(np.ascontiguousarray(overlay(pick.image, pick.looked_at, scale=_SCALE)[..., ::-1]))
