"""Charts as SVG to be put into a page, which gives them its colours: lines and points on two axes.

Whatever is drawn has a title, which browsers show on hovering and read aloud.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 420.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 12.0, 40.0

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From `low` to `high`, with ticks at these values, each with what is written there."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0 to 1; what lies outside is put at the end."""
        inside = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return min(max(inside, 0.0), 1.0)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points; `kind` is a class of the page's style sheet."""

    title: str
    points: Points
    kind: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point that stands out."""

    title: str
    at: tuple[float, float]
    kind: str
    radius: float = 4.5


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Two axes and what is drawn on them, in this order: lines, marks. `about` is read aloud."""

    about: str
    across: Axis
    up: Axis
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()


def svg(chart: Chart) -> str:
    """The chart as an SVG element."""
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img"',
        f' aria-label="{escape(chart.about)}">',
        *_across(chart.across),
        *_up(chart.up),
        *(_line(chart, each) for each in chart.lines),
        *(_mark(chart, each) for each in chart.marks),
        "</svg>",
    ]
    return "".join(parts)


def _across(axis: Axis) -> list[str]:
    middle, bottom = _LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - _BOTTOM
    found = [f'<text class="title" x="{middle:.1f}" y="{_HEIGHT - 4:.1f}">{escape(axis.title)}</text>']
    for value, text in axis.ticks:
        x = _x(axis, value)
        found.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP:.1f}" y2="{bottom:.1f}"/>')
        found.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 15:.1f}">{escape(text)}</text>')
    return found


def _up(axis: Axis) -> list[str]:
    middle = _TOP + (_HEIGHT - _TOP - _BOTTOM) / 2
    turned = f'transform="rotate(-90 11 {middle:.1f})"'
    found = [f'<text class="title" x="11" y="{middle:.1f}" {turned}>{escape(axis.title)}</text>']
    for value, text in axis.ticks:
        y = _y(axis, value)
        found.append(
            f'<line class="grid" x1="{_LEFT:.1f}" x2="{_WIDTH - _RIGHT:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        found.append(f'<text class="tick up" x="{_LEFT - 6:.1f}" y="{y + 4:.1f}">{escape(text)}</text>')
    return found


def _line(chart: Chart, line: Line) -> str:
    points = " ".join(f"{_x(chart.across, x):.1f},{_y(chart.up, y):.1f}" for x, y in line.points)
    return f'<polyline class="{line.kind}" points="{points}"><title>{escape(line.title)}</title></polyline>'


def _mark(chart: Chart, mark: Mark) -> str:
    x, y = _x(chart.across, mark.at[0]), _y(chart.up, mark.at[1])
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="{mark.radius:.1f}"'
    return f'<circle class="{mark.kind}" {place}><title>{escape(mark.title)}</title></circle>'


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)
