"""Figures beside their targets, a row each: tables for the READMEs in English and Chinese."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure: what it is called, what of the results is shown, the target, and whether it is reached."""

    titles: tuple[str, str]
    shown: Callable[[Figures], str]
    targets: tuple[str, str]
    reached: Callable[[Figures], bool]


def lines(rows: Sequence[Row], found: Figures, columns: Sequence[str], *, language: int) -> list[str]:
    """The lines of a Markdown table in English (0) or Chinese (1): what, measured, target with its mark."""
    cells = [
        (
            row.titles[language],
            row.shown(found),
            f"{row.targets[language]} {'✓' if row.reached(found) else '✗'}",
        )
        for row in rows
    ]
    return [f"| {' | '.join(each)} |" for each in (columns, ["---"] * len(columns), *cells)]
