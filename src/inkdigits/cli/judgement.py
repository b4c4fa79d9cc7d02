"""What `inkdigits evaluate` is asked, and what it has found."""

from dataclasses import dataclass
from pathlib import Path

from inkdigits.cli.subjects import Subject
from inkdigits.evaluate.attacked import Attacked
from inkdigits.evaluate.compare import Comparison
from inkdigits.evaluate.metrics import Evaluation
from inkdigits.evaluate.robustness import Robustness
from inkdigits.evaluate.unseen import Kind
from inkdigits.types import Dataset, Scores


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be judged, on what, and what beside the figures is to be found out."""

    model: Path
    source: str
    split: str | None = None
    against: Path | None = None
    report: Path | None = None
    robustness: bool = False
    unseen: bool = False
    attacks: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What was found: scores and figures, and of the rest what was asked for."""

    subject: Subject
    dataset: Dataset
    scores: Scores
    evaluation: Evaluation
    comparison: Comparison | None = None
    robustness: Robustness | None = None
    unseen: tuple[Kind, ...] = ()
    attacks: tuple[Attacked, ...] = ()
