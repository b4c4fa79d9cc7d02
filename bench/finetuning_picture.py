"""The READMEs' picture of fine-tuning: how much is read right by how many of each class were learnt."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from inkdigits.learn.plot import BLUE, INK, ORANGE

PICTURE = Path(__file__).parents[1] / "docs" / "finetuning.png"

_ALL = 729
"""USPS's images of each class, on the mean: where `all` stands."""

_STARTS = {
    "house": ("from the model that ships", BLUE, "-", "o"),
    "mnist": ("from a model of MNIST", INK, "--", "s"),
    "nothing": ("from nothing", ORANGE, ":", "^"),
}


def draw(found: Mapping[str, Any]) -> None:
    """Draws the curve of one machine's results: mistakes on a log scale, the spread of seeds as bars."""
    figure = Figure(figsize=(7.5, 4.2), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for start, (title, color, line, mark) in _STARTS.items():
        points = found["curve"][start]
        shots = [int(each) or _ALL for each in points]
        wrong = [100 * (1 - each["mean"]) for each in points.values()]
        spread = [100 * each["sd"] for each in points.values()]
        axes.errorbar(
            shots, wrong, yerr=spread, color=color, linestyle=line, marker=mark, capsize=3, label=title
        )
    axes.set(xscale="log", yscale="log", ylim=(1, 100))
    axes.set_xlabel("images of each digit that were learnt", color=INK)
    axes.set_title("USPS's test digits read wrong, %", loc="left", fontsize=11, color=INK)
    ticks = [int(each) or _ALL for each in found["curve"]["house"]]
    axes.set_xticks(ticks, ["all" if each == _ALL else str(each) for each in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.8)
    axes.legend(frameon=False, labelcolor=INK)
    figure.savefig(PICTURE, metadata={"Software": None})
