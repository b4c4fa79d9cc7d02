import io
import math
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from sys import executable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inkdigits.evaluate import gate
from inkdigits.evaluate.metrics import Evaluation, score
from inkdigits.learn import plot
from inkdigits.learn.history import Record

LARGEST = 300_000
BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def record(number: int, *, measured: bool = True, loss: float = 0.5) -> Record:
    return Record(
        epoch=number,
        step=200 * number,
        learning_rate=0.01 / number,
        loss=loss / number,
        train_accuracy=1 - 0.1 / number if measured else None,
        validation_loss=0.6 / number if measured else None,
        validation_accuracy=1 - 0.2 / number if measured else None,
        seconds=float(number),
    )


def evaluation(n_classes: int, n: int = 3000, label: str = "{}") -> Evaluation:
    random = np.random.default_rng(n_classes)
    labels = random.integers(0, n_classes, n)
    scores = random.dirichlet(np.full(n_classes, 0.05), n)
    scores[np.arange(n), labels] += 1
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    return score(scores, labels, label_names=[label.format(c) for c in range(n_classes)], seconds=1)


def draw_curves(path: Path) -> None:
    plot.curves([record(number) for number in range(1, 41)], path)


def draw_confusion(path: Path) -> None:
    plot.confusion(evaluation(10), path)


def draw_learning_rates(path: Path) -> None:
    rates = np.geomspace(1e-5, 10, 100)
    plot.learning_rates(rates.tolist(), (2.3 + rates**2).tolist(), suggestion=0.01, path=path)


def draw_importances(path: Path) -> None:
    plot.importances(["batch", "learning_rate"], [0.2, 0.8], trials=[0.97, None, 0.99, 0.98], path=path)


def draw_first_predictions(path: Path, *, n: int = 12, wrong: int | None = 3) -> None:
    labels = np.arange(n) % 10
    predicted = labels.copy()
    if wrong is not None:
        predicted[wrong] = 9
    plot.first_predictions(
        np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8),
        labels=labels,
        predicted=predicted,
        probabilities=np.linspace(0.5, 1, n),
        label_names=tuple("0123456789"),
        path=path,
    )


PICTURES = [draw_curves, draw_confusion, draw_learning_rates, draw_importances, draw_first_predictions]
every_picture = pytest.mark.parametrize("draw", PICTURES, ids=lambda draw: draw.__name__)


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def n_coloured(path: Path, colour: tuple[int, int, int]) -> int:
    return int((pixels(path) == colour).all(axis=2).sum())


@every_picture
def test_a_picture_is_a_small_png_with_white_margins(draw: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw(path)
    assert path.stat().st_size < LARGEST
    with Image.open(path) as picture:
        assert picture.format == "PNG"
    border = np.concatenate([edge.reshape(-1, 3) for edge in (pixels(path)[:6], pixels(path)[:, :6])])
    assert (border == 255).all()


@every_picture
def test_the_same_figures_give_the_same_bytes(draw: Callable[[Path], None], tmp_path: Path) -> None:
    once, again = tmp_path / "once.png", tmp_path / "again.png"
    draw(once)
    draw(again)
    assert once.read_bytes() == again.read_bytes()
    with Image.open(io.BytesIO(once.read_bytes())) as picture:
        assert not {"Software", "Creation Time", "date"} & set(picture.info)


def test_drawing_needs_neither_pyplot_nor_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from inkdigits.learn import plot\n"
        "plot.learning_rates([0.1, 1.0], [2.0, 1.0], suggestion=0.5, path=Path(sys.argv[1]))\n"
        "sys.exit(bool({'matplotlib.pyplot', 'torch'} & set(sys.modules)))"
    )
    run([executable, "-c", program, str(tmp_path / "picture.png")], check=True)


def test_what_wasnt_measured_isnt_drawn(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    plot.curves([record(1), record(2)], path)
    assert n_coloured(path, ORANGE) > 100
    plot.curves([record(1, measured=False), record(2, measured=False)], path)
    assert n_coloured(path, ORANGE) == 0
    assert n_coloured(path, BLUE) > 100


def test_a_line_is_drawn_across_what_wasnt_measured(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    sizes = []
    for between in (False, True):
        records = [record(number, measured=between or number in (1, 20)) for number in range(1, 21)]
        plot.curves(records, path)
        columns = np.flatnonzero((pixels(path) == ORANGE).all(axis=2).any(axis=0))
        sizes.append(np.ptp(columns))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)
    assert n_coloured(path, ORANGE) > 500


@pytest.mark.parametrize("loss", [0.0, 0.5, math.nan, 1e9])
@pytest.mark.parametrize("n", [1, 200])
def test_any_history_can_be_drawn(loss: float, n: int, tmp_path: Path) -> None:
    plot.curves([record(number, loss=loss) for number in range(1, n + 1)], tmp_path / "curves.png")


@pytest.mark.parametrize("n_classes", [2, 40])
def test_any_number_of_classes_can_be_drawn(n_classes: int, tmp_path: Path) -> None:
    path = tmp_path / "confusion.png"
    plot.confusion(evaluation(n_classes, label="a rather long name {}"), path)
    assert path.stat().st_size < LARGEST


def test_labels_are_drawn_as_they_are(tmp_path: Path) -> None:
    label = "$\\{}$$"
    plot.confusion(evaluation(3, label=label), tmp_path / "confusion.png")
    scores = np.eye(2, dtype=np.float32)
    names = (label, "b")
    change = gate.change(scores, scores, np.array([0, 1]), label_names=names, data=label)
    plot.changes([change, change], tmp_path / "changes.png")
    assert (tmp_path / "changes.png").stat().st_size < LARGEST


def test_a_single_mistake_among_thousands_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "confusion.png"
    labels = np.zeros(10_000, dtype=np.int64)
    scores = np.tile(np.array([[1, 0]], dtype=np.float32), (10_000, 1))
    plot.confusion(score(scores, labels, label_names=("0", "1"), seconds=1), path)
    before = pixels(path)
    scores[0] = [0, 1]
    plot.confusion(score(scores, labels, label_names=("0", "1"), seconds=1), path)
    orange = (pixels(path)[..., 2] < 150) & (pixels(path)[..., 0] > 200)
    blank = (before[..., 2] < 150) & (before[..., 0] > 200)
    assert orange.sum() > 5000
    assert blank.sum() == 0


def test_a_loss_that_explodes_doesnt_flatten_the_curve(tmp_path: Path) -> None:
    path = tmp_path / "rates.png"
    rates = np.geomspace(1e-5, 10, 100)
    losses = 2.3 - np.linspace(0, 2, 100)
    losses[-2:] = 1e12, np.nan
    plot.learning_rates(rates.tolist(), losses.tolist(), suggestion=None, path=path)
    rows = np.flatnonzero((pixels(path) == BLUE).all(axis=2).any(axis=1))
    assert np.ptp(rows) > 200


@pytest.mark.parametrize("trials", [[], [None], [0.98], [None, 0.9, None, 0.95]])
def test_a_search_can_be_drawn_at_any_time(trials: list[float | None], tmp_path: Path) -> None:
    plot.importances(["batch"], [1.0], trials=trials, path=tmp_path / "search.png")
    plot.importances([], [], trials=trials, path=tmp_path / "search.png")


def test_only_a_mistake_is_orange(tmp_path: Path) -> None:
    path = tmp_path / "first.png"
    draw_first_predictions(path, wrong=None)
    assert n_coloured(path, ORANGE) == 0
    draw_first_predictions(path, wrong=3)
    assert n_coloured(path, ORANGE) > 20


@pytest.mark.parametrize("n", [1, 4, 7])
def test_fewer_than_ten_images_can_be_shown(n: int, tmp_path: Path) -> None:
    draw_first_predictions(tmp_path / "first.png", n=n, wrong=0)
