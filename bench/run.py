"""`make bench`: measures everything side by side, writes `bench/results`, fills the READMEs' tables.

`python -m bench.run PART…` measures some parts only: ladder, precision, step, startup, reading,
reading-validation, reading-speed, serving, finetuning, judging, hostile, fuzzing; `tables` makes the
tables from what was measured.
"""

import sys
from collections.abc import Callable

from bench import (
    finetuning,
    fuzzing,
    hostile,
    judging,
    ladder,
    precision,
    reading,
    reading_speed,
    serving,
    startup,
    step,
    tables,
)

PARTS: dict[str, Callable[[], None]] = {
    "startup": startup.measure,
    "step": step.measure,
    "ladder": ladder.measure,
    "precision": precision.measure,
    "reading-speed": reading_speed.measure,  # before those who leave threads behind
    "serving": serving.measure,
    "finetuning": finetuning.measure,
    "judging": judging.measure,
    "reading": reading.measure,
    "reading-validation": reading.measure_validation,
    "hostile": hostile.measure,
    "fuzzing": fuzzing.measure,
    "tables": tables.fill,
}

_ASKED_FOR = ("reading-validation", "hostile", "fuzzing")
"""Parts that are measured where they are named only."""


def main(wanted: list[str]) -> None:
    """Measures the parts by name, or all of them, and fills the tables."""
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        raise SystemExit(f"unknown part {unknown[0]!r}; one of: {', '.join(PARTS)}")
    for name in wanted or [part for part in PARTS if part not in _ASKED_FOR]:
        PARTS[name]()
    tables.fill()


if __name__ == "__main__":
    main(sys.argv[1:])
