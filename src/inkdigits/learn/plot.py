"""Pictures of a training, of what came out of it, and of a search over its options.

Every picture is a PNG with the same bytes for the same figures. Blue and orange are told apart by
colour-blind readers too, and nothing is told by colour alone.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from inkdigits import files
from inkdigits.evaluate.gate import Change
from inkdigits.evaluate.metrics import Counts, Evaluation
from inkdigits.evaluate.table import percent
from inkdigits.learn.history import Record
from inkdigits.types import Images, Labels

BLUE, ORANGE, INK, FAINT = "#0072B2", "#D55E00", "#222222", "#B8B8B8"
"""Two colours of Okabe and Ito's palette, and two greys."""

DOTS_PER_INCH = 120

MARGIN = 0.12
"""Inches around each part of a picture."""

WIDE = 4
"""How many times the lowest value the highest must be to earn a log scale."""

SHOWN = 10
"""How many of the first images `first_predictions` shows."""

MOST_NUMBERED = 30
"""Classes beyond which a confusion matrix has no room for numbers."""

Values = Sequence[float | None]
"""A series with gaps."""


def curves(history: Sequence[Record], path: Path) -> None:
    """Loss, error rate and learning rate by step; a series that wasn't measured is left out."""
    figure = _figure(12, 4)
    loss, error, rate = figure.subplots(1, 3, width_ratios=(4, 4, 3))
    steps = [record.step for record in history]
    _series(loss, steps, [record.loss for record in history], name="training", color=BLUE)
    _series(loss, steps, [record.validation_loss for record in history], name="validation", color=ORANGE)
    _series(error, steps, _error_rates([e.train_accuracy for e in history]), name="training", color=BLUE)
    wrong = _error_rates([record.validation_accuracy for record in history])
    _series(error, steps, wrong, name="validation", color=ORANGE)
    _series(rate, steps, [record.learning_rate for record in history], name="", color=INK)
    for axes, title in ((loss, "loss"), (error, "read wrong, %"), (rate, "learning rate")):
        _dress(axes, title=title, across="step")
        _count_along(axes)
    for axes in (loss, error):
        _log_if_wide(axes)
        axes.yaxis.set_major_formatter("{x:g}")
        _legend(axes, place="upper right")
    rate.yaxis.set_major_formatter("{x:g}")
    rate.set_ylim(bottom=0)
    _save(figure, path)


def confusion(evaluation: Evaluation, path: Path) -> None:
    """The confusion matrix: what was read rightly in blue, mistakes in orange, each on a log scale."""
    counts = np.array(evaluation.confusion, dtype=np.int64)
    names = [figures.label for figures in evaluation.per_class]
    side = min(4.5 + 0.42 * len(names), 14)
    figure = _figure(side + 0.7, side)
    axes = figure.subplots()
    if len(names) <= MOST_NUMBERED:
        _numbers(axes, counts)
    _dress(axes, title="", across="read as", up="true label")
    _cells(axes, counts)
    _class_ticks(axes, evaluation)
    low, high = map(percent, evaluation.accuracy_interval)
    title = f"{percent(evaluation.accuracy)} of {evaluation.n:,} images read right"
    axes.set_title(f"{title}\n95 % interval: {low} to {high}", loc="left", color=INK, fontsize=11, pad=12)
    _save(figure, path)


def learning_rates(
    rates: Sequence[float], losses: Sequence[float], *, suggestion: float | None, path: Path
) -> None:
    """The loss met at each learning rate tried, and the rate suggested, if one was."""
    figure = _figure(7, 4.2)
    axes = figure.subplots()
    axes.plot(rates, losses, color=BLUE, linewidth=1.8)
    axes.set_xscale("log")
    finite = np.array(losses)[np.isfinite(losses)]
    if len(finite):
        low, start = float(finite.min()), float(finite[0])
        room = 0.15 * max(start - low, 1e-3 * abs(start), 1e-9)
        axes.set_ylim(low - room, start + 4 * room)
    _dress(axes, title="how fast it may learn", across="learning rate", up="loss, smoothed")
    if suggestion is not None:
        on_left = suggestion**2 < min(rates) * max(rates)
        axes.axvline(suggestion, color=ORANGE, linewidth=1.5, linestyle="--")
        axes.annotate(
            f"suggested: {suggestion:.2g}",
            (suggestion, 0.96),
            xycoords=("data", "axes fraction"),
            xytext=(7 if on_left else -7, 0),
            textcoords="offset points",
            ha="left" if on_left else "right",
            va="top",
            color=ORANGE,
        )
    _save(figure, path)


def importances(names: Sequence[str], values: Sequence[float], *, trials: Values, path: Path) -> None:
    """What mattered in a search: each option's share, and the accuracy of each trial in turn.

    `values` are shares from 0 to 1, `trials` validation accuracies, None where a trial was given up.
    """
    figure = _figure(11, max(3.6, 1.6 + 0.34 * len(names)))
    left, right = figure.subplots(1, 2, width_ratios=(5, 6))
    _bars(left, names, values)
    _trials(right, trials)
    _save(figure, path)


def changes(found: Sequence[Change], path: Path) -> None:
    """What was read wrong of each class before (hollow) and after (filled), test by test."""
    figure = _figure(5.5 * len(found), 1.6 + 0.3 * max(len(change.classes) for change in found))
    for axes, change in zip(figure.subplots(1, len(found), squeeze=False).flat, found, strict=True):
        rows = np.arange(len(change.classes))
        before, after = (
            100 * (1 - np.array([getattr(each, name) for each in change.classes]))
            for name in ("before", "after")
        )
        got_worse = after > before
        axes.hlines(rows, before, after, colors=[ORANGE if worse else BLUE for worse in got_worse])
        axes.plot(before, rows, "o", color=INK, markerfacecolor="white", label="before", clip_on=False)
        axes.plot(after, rows, "o", color=INK, label="after", clip_on=False)
        axes.set_yticks(rows, [each.label for each in change.classes], parse_math=False)
        axes.invert_yaxis()
        axes.set_xlim(0, max(1.0, axes.get_xlim()[1]))
        _dress(axes, title="", across="read wrong, %", up="label")
        axes.set_title(change.data, loc="left", fontsize=11, color=INK, parse_math=False)
        axes.legend(
            frameon=False, fontsize=9, labelcolor=INK, loc="lower right", bbox_to_anchor=(1, 1), ncols=2
        )
    _save(figure, path)


def first_predictions(
    images: Images,
    *,
    labels: Labels,
    predicted: Labels,
    probabilities: NDArray[np.floating],
    label_names: Sequence[str],
    path: Path,
) -> None:
    """The first ten images, each with the class read and its probability; a mistake says so."""
    n = min(SHOWN, len(images))
    columns = min(n, 5)
    rows = -(-n // columns)
    figure = _figure(1.75 * columns, 2.15 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, axes in zip(range(n), grid.flat, strict=False):
        right = labels[row] == predicted[row]
        note = "" if right else f"\nis {label_names[labels[row]]}"
        axes.imshow(images[row], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(
            f"{label_names[predicted[row]]}   {percent(float(probabilities[row]), digits=1)}{note}",
            color=INK if right else ORANGE,
            fontsize=11,
            fontweight="normal" if right else "bold",
        )
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches that belongs to no window and no global list."""
    layout = ConstrainedLayoutEngine(w_pad=MARGIN, h_pad=MARGIN)
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout, facecolor="white")


def _save(figure: Figure, path: Path) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    files.write(path, picture.getvalue())


def _dress(axes: Axes, *, title: str, across: str, up: str = "") -> None:
    """The plain look that all pictures share."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(across, color=INK)
    axes.set_ylabel(up, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)


def _count_along(axes: Axes) -> None:
    """Whole numbers along the bottom."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def _series(axes: Axes, across: Sequence[int], values: Values, *, name: str, color: str) -> None:
    """One line through the values that there are, marked where they are few; nothing where there are none."""
    measured = [(x, value) for x, value in zip(across, values, strict=True) if value is not None]
    up = np.array([value for _, value in measured], dtype=np.float64)
    if not np.isfinite(up).any():
        return
    style = "-" if color != ORANGE else "--"
    mark = "o" if len(up) <= 30 else ""
    axes.plot(
        [x for x, _ in measured],
        up,
        style,
        color=color,
        marker=mark,
        markersize=3.5,
        linewidth=1.8,
        label=name,
    )


def _error_rates(accuracies: Values) -> Values:
    """What is missing to each accuracy, in percent."""
    return [None if accuracy is None else 100 * (1 - accuracy) for accuracy in accuracies]


def _log_if_wide(axes: Axes) -> None:
    """A log scale where the values are positive and `WIDE` times apart, else an even one."""
    values = [np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines]
    low = min(map(np.nanmin, values), default=0.0)
    high = max(map(np.nanmax, values), default=0.0)
    if low > 0 and high > WIDE * low:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())


def _legend(axes: Axes, *, place: Literal["upper right", "lower right"]) -> None:
    """The names of the series, or a word where there are none."""
    if axes.lines:
        axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc=place)
        return
    axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", color=INK)
    axes.set(xticks=[], yticks=[])


def _cells(axes: Axes, counts: Counts) -> None:
    """The counts as colours that grow with their logarithm; cells without a count stay white."""
    right = np.eye(len(counts), dtype=bool)
    colours = np.ones((*counts.shape, 4))
    colours[right] = mpl.colormaps["Blues"](0.7 + 0.2 * _strength(counts[right]))
    colours[~right] = mpl.colormaps["Oranges"](0.2 + 0.4 * _strength(counts[~right]))
    colours[counts == 0] = 1
    axes.imshow(colours, interpolation="nearest")
    between = np.arange(len(counts) + 1) - 0.5
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", color="#EEEEEE", linewidth=0.8)
    axes.tick_params(which="both", length=0)


def _strength(counts: Counts) -> NDArray[np.float64]:
    """The counts' logarithms, from 0 to 1 at the largest."""
    logs = np.log1p(counts)
    return np.asarray(logs / max(logs.max(initial=0), 1), dtype=np.float64)


def _numbers(axes: Axes, counts: Counts) -> None:
    """Every count but zero in its cell, the right readings bold."""
    size = min(10.0, 220 / len(counts))
    for label, read in np.argwhere(counts):
        right = label == read
        axes.text(
            read,
            label,
            f"{counts[label, read]}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if right else INK,
            fontweight="bold" if right else "normal",
        )


def _class_ticks(axes: Axes, evaluation: Evaluation) -> None:
    """Labels on the left and below, recall at the right."""
    names = [figures.label for figures in evaluation.per_class]
    turned = 90 if max(map(len, names)) > 3 else 0
    axes.set_xticks(range(len(names)), names, rotation=turned, parse_math=False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.spines[:].set_visible(False)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(names)), [f"{100 * figures.recall:.2f}" for figures in evaluation.per_class])
    right.tick_params(length=0, colors=INK, labelsize=9)
    right.set_ylabel("recall, %", color=INK)
    right.spines[:].set_visible(False)


def _bars(axes: Axes, names: Sequence[str], values: Sequence[float]) -> None:
    """The options' shares, the largest on top."""
    order = np.argsort(values, kind="stable")
    shares = [100 * values[option] for option in order]
    bars = axes.barh([names[option] for option in order], shares, color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{share:.0f} %" for share in shares], padding=4, fontsize=9, color=INK)
    _dress(axes, title="what mattered", across="share of the variation in accuracy, %")
    axes.set_xlim(0, 1.15 * max([*shares, 1.0]))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    if not names:
        axes.text(0.5, 0.5, "too few trials to tell", transform=axes.transAxes, ha="center", color=INK)
        axes.set(xticks=[], yticks=[])


def _trials(axes: Axes, trials: Values) -> None:
    """Each finished trial as a dot, and the best so far as a step line."""
    accuracies = np.array([np.nan if trial is None else 100 * trial for trial in trials], dtype=np.float64)
    numbers = np.arange(1, len(accuracies) + 1)
    done = np.isfinite(accuracies)
    _dress(axes, title="trial by trial", across="trial", up="validation accuracy, %")
    _count_along(axes)
    best = np.maximum.accumulate(accuracies[done])
    if done.any():
        axes.plot(numbers[done], accuracies[done], "o", color=FAINT, markersize=4.5, label="trial")
        axes.step(numbers[done], best, where="post", color=BLUE, linewidth=1.8, label="best so far")
    _legend(axes, place="lower right")
