import numpy as np
import pytest
from rich.cells import cell_len

from inkdigits.evaluate import table
from inkdigits.evaluate.metrics import Evaluation, score
from inkdigits.types import Labels

LABELS: Labels = np.repeat(np.arange(3), (1000, 500, 500))


def evaluation(predicted: Labels, label_names: tuple[str, ...] = ("0", "1", "2")) -> Evaluation:
    scores = np.eye(3, dtype=np.float32)[predicted]
    return score(scores, LABELS, label_names=label_names, seconds=0.5)


def mistaken() -> Labels:
    """Twelve zeros read as ones, three ones as twos, everything else right."""
    predicted = LABELS.copy()
    predicted[:12] = 1
    predicted[1000:1003] = 2
    return predicted


def test_the_headline_says_how_many_and_how_sure() -> None:
    first, second, *_ = table.text(evaluation(mistaken())).splitlines()
    assert first == "99.25 % of 2,000 images read right, 15 wrong"
    assert second == "95 % interval: 98.77 % to 99.54 %"


def test_every_class_has_its_line() -> None:
    lines = table.text(evaluation(mistaken())).splitlines()
    assert "  0         100.00   98.80   99.40    1,000      12  ████████████████" in lines
    assert "  1          97.64   99.40   98.51      500       3  ████" in lines
    assert "  2          99.40  100.00   99.70      500       0" in lines


def test_the_worst_confusion_stands_first() -> None:
    text = table.text(evaluation(mistaken()))
    assert text.endswith(
        "  most often confused\n      12 ×  0 read as 1  ████████████████\n       3 ×  1 read as 2  ████\n"
    )


def test_no_mistakes_no_confusions() -> None:
    text = table.text(evaluation(LABELS))
    assert "100.00 % of 2,000 images read right, 0 wrong" in text
    assert "confused" not in text
    assert "█" not in text


def test_long_chinese_labels_keep_the_columns() -> None:
    lines = table.text(evaluation(LABELS, ("零", "壹 (one)", "2"))).splitlines()
    rows = [line for line in lines if line.rstrip().endswith(" 0")]
    assert len(rows) == 3
    assert len({cell_len(row) for row in rows}) == 1


@pytest.mark.parametrize(("share", "written"), [(0.9912, "99.12 %"), (1.0, "100.00 %"), (0.0, "0.00 %")])
def test_shares_are_percentages(share: float, written: str) -> None:
    assert table.percent(share) == written
