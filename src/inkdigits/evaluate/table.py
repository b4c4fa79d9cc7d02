"""An evaluation as plain text for a terminal: the headline, every class, the worst confusions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len

from inkdigits.evaluate.attacked import Attacked
from inkdigits.evaluate.metrics import ClassFigures, Evaluation
from inkdigits.evaluate.robustness import Change, Robustness
from inkdigits.evaluate.unseen import Kind

BAR_CELLS = 16
"""Terminal columns of the longest bar of wrong readings."""

CONFUSIONS_SHOWN = 8
"""How many kinds of confusion are listed."""

EIGHTHS = " ▏▎▍▌▋▊▉"
"""The last cell of a bar, by eighths."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How many images of a class were read as another."""

    n: int
    label: str
    read_as: str


def text(evaluation: Evaluation) -> str:
    """The figures to read in a terminal, every line ended, without colours."""
    blocks = [_headline(evaluation), _overall(evaluation), _classes(evaluation), _confusions(evaluation)]
    return "\n".join("".join(f"{line.rstrip()}\n" for line in block) for block in blocks if block)


def unseen(kinds: Sequence[Kind]) -> str:
    """One line for each kind of what is no digit, every line ended."""
    width = max(cell_len(name) for name in ("no digit", *(kind.name for kind in kinds)))
    lines = [
        "confidence of digits against that of what is no digit",
        f"  {_padded('no digit', width)}  images   AUROC      95 % interval  let in at 95 %  accepted",
        *(_kind(kind, width=width) for kind in kinds),
        "  let in at 95 %: where 95 % of the digits are; accepted: at the threshold for 0.5 % wrong",
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _kind(kind: Kind, *, width: int) -> str:
    low, high = kind.auroc_interval
    accepted = "—" if kind.accepted is None else percent(kind.accepted)
    return (
        f"  {_padded(kind.name, width)}  {kind.n:6,}  {kind.auroc:6.4f}  {low:.4f} to {high:.4f}"
        f"  {percent(kind.fpr_at_95_tpr):>14}  {accepted:>8}"
    )


def confusions(evaluation: Evaluation, *, most: int = CONFUSIONS_SHOWN) -> list[Confusion]:
    """The most frequent mistakes, so many at most; those of equal counts in the order of the classes."""
    counts = np.array(evaluation.confusion, dtype=np.int64)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    names = [figures.label for figures in evaluation.per_class]
    cells = [divmod(int(cell), len(counts)) for cell in order if counts.flat[cell]]
    return [
        Confusion(n=int(counts[label, read]), label=names[label], read_as=names[read])
        for label, read in cells
    ]


def percent(share: float, *, digits: int = 2) -> str:
    """A share from 0 to 1 as it is written throughout: 0.9912 is `99.12 %`."""
    return f"{100 * share:.{digits}f} %"


def _headline(evaluation: Evaluation) -> list[str]:
    low, high = map(percent, evaluation.accuracy_interval)
    n_wrong = evaluation.n - _n_right(evaluation)
    return [
        f"{percent(evaluation.accuracy)} of {evaluation.n:,} images read right, {n_wrong:,} wrong",
        f"95 % interval: {low} to {high}",
    ]


def _n_right(evaluation: Evaluation) -> int:
    return sum(row[label] for label, row in enumerate(evaluation.confusion))


def _overall(evaluation: Evaluation) -> list[str]:
    rows = [
        ("macro precision", percent(evaluation.macro_precision), "mean over classes"),
        ("macro recall", percent(evaluation.macro_recall), ""),
        ("macro F1", percent(evaluation.macro_f1), ""),
        ("log-loss", f"{evaluation.nll:.4f}", "nats an image; 0 is perfect"),
        ("calibration error", percent(evaluation.ece), "confidence against accuracy"),
        ("Brier score", f"{evaluation.brier:.4f}", "0 is perfect, 2 the worst"),
        ("AUROC", _auroc(evaluation.auroc), "confidence tells right from wrong"),
        ("speed", f"{evaluation.images_per_second:,.0f}", "images a second"),
    ]
    return [f"  {name:<18} {value:>9}  {note}" for name, value, note in rows]


def _auroc(value: float | None) -> str:
    return "—" if value is None else f"{value:.4f}"


def _classes(evaluation: Evaluation) -> list[str]:
    """One line per class, with a bar of the images of it that were read wrong."""
    width = max(cell_len(name) for name in ("label", *(figures.label for figures in evaluation.per_class)))
    wrong = [
        figures.support - row[label]
        for label, (figures, row) in enumerate(zip(evaluation.per_class, evaluation.confusion, strict=True))
    ]
    header = f"  {_padded('label', width)}  precision  recall      F1   images   wrong"
    return [header, *_class_lines(evaluation.per_class, wrong, width=width)]


def _class_lines(per_class: Sequence[ClassFigures], wrong: Sequence[int], *, width: int) -> list[str]:
    most = max(wrong)
    return [
        f"  {_padded(figures.label, width)}  {100 * figures.precision:9.2f}  {100 * figures.recall:6.2f}"
        f"  {100 * figures.f1:6.2f}  {figures.support:7,}  {n_wrong:6,}  {_bar(n_wrong, most)}"
        for figures, n_wrong in zip(per_class, wrong, strict=True)
    ]


def _confusions(evaluation: Evaluation) -> list[str]:
    """The most frequent mistakes, at most `CONFUSIONS_SHOWN`; nothing where there are none."""
    found = confusions(evaluation)
    if not found:
        return []
    width = max(cell_len(each.label) for each in found)
    return [
        "  most often confused",
        *(
            f"  {each.n:6,} ×  {_padded(each.label, width)} read as {each.read_as}"
            f"  {_bar(each.n, found[0].n)}"
            for each in found
        ),
    ]


def _padded(name: str, width: int) -> str:
    """The name filled up to so many terminal columns; a Chinese character takes two."""
    return name + " " * (width - cell_len(name))


def _bar(part: int, whole: int) -> str:
    """A bar as long as `part` is of `whole`, to an eighth of a cell; any part at all is seen."""
    eighths = max(round(8 * BAR_CELLS * part / whole), 1) if part else 0
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8]


def robustness(found: Robustness) -> str:
    """One line for each corruption and each kind of picture, every line ended."""
    width = max(cell_len(each.name) for each in (*found.corruptions, *found.pages))
    mean = found.mean_corrupted_accuracy
    lines = [
        f"corrupted images: {percent(mean)} of {found.n:,} read right on average, "
        f"{percent(found.accuracy)} as they were",
        *(_change(each, width=width) for each in found.corruptions),
        "",
        f"as pages have them: {percent(found.plain_accuracy)} read right in plain pictures",
        *(_change(each, width=width) for each in found.pages),
    ]
    return "".join(f"{line}\n" for line in lines)


def _change(change: Change, *, width: int) -> str:
    low, high = map(percent, change.interval)
    return (
        f"  {_padded(change.name, width)}  {percent(change.accuracy):>8}  {low:>8} to {high:>8}"
        f"  {0 - 100 * change.cost:+7.2f} points"
    )


def attacks(found: Sequence[Attacked]) -> str:
    """One line for each attack, every line ended."""
    lines = [f"attacked images: what is left of {found[0].n:,}, no pixel changed by more than ε (white is 1)"]
    for each in found:
        low, high = map(percent, each.interval)
        name = f"{each.attack:<18}  ε {each.epsilon:g}"
        lines.append(f"  {name}  {percent(each.accuracy):>8}  {low:>8} to {high:>8}")
    return "".join(f"{line}\n" for line in lines)
