import gzip
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

from inkdigits import stats
from inkdigits.errors import UserError
from inkdigits.evaluate.check import require_same_labels
from inkdigits.evaluate.metrics import Evaluation, evaluate, parse, score
from inkdigits.types import Dataset, Images, Labels, Scores

DIGITS = tuple("0123456789")


def names(n_classes: int) -> tuple[str, ...]:
    return tuple(f"class {label}" for label in range(n_classes))


def dataset(images: Images, labels: Labels, label_names: tuple[str, ...] = DIGITS) -> Dataset:
    return Dataset(name="drawn", split="test", images=images, labels=labels, label_names=label_names)


def blank(n: int) -> Dataset:
    return dataset(np.zeros((n, 28, 28), np.uint8), np.arange(n, dtype=np.int64) % 10)


def uniform(images: Images) -> Scores:
    return np.full((len(images), 10), 0.1, dtype=np.float32)


def assert_is_scikit_learns(found: Evaluation, scores: Scores, labels: Labels) -> None:
    """Every figure that scikit-learn has too."""
    classes = range(scores.shape[1])
    predicted = scores.argmax(axis=1)
    assert found.n == len(labels)
    assert found.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert np.array_equal(found.confusion, confusion_matrix(labels, predicted, labels=classes))
    by_class = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    for column, figure in zip(by_class, ("precision", "recall", "f1", "support"), strict=True):
        assert [getattr(figures, figure) for figures in found.per_class] == pytest.approx(list(column))
    macro = precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    assert (found.macro_precision, found.macro_recall, found.macro_f1) == pytest.approx(macro[:3])
    assert found.nll == pytest.approx(log_loss(labels, scores, labels=classes), rel=1e-5, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(2, 12), st.sampled_from([0.1, 1.0]))
def test_figures_are_scikit_learns(seed: int, n: int, n_classes: int, flatness: float) -> None:
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.full(n_classes, flatness), n).astype(np.float32)
    labels = random.integers(0, n_classes, n)
    found = score(scores, labels, label_names=names(n_classes), seconds=1)
    assert_is_scikit_learns(found, scores, labels)
    assert found.accuracy_interval == stats.wilson(round(found.accuracy * n), n)
    assert found.ece == stats.calibration_error(scores.max(axis=1), scores.argmax(axis=1) == labels)


def test_a_hand_computed_case_comes_out() -> None:
    # Class 0: read rightly twice; class 1: once rightly, once as 0; class 2 never occurs.
    scores = np.array([[0.8, 0.2, 0], [0.6, 0.4, 0], [0.3, 0.7, 0], [0.9, 0.1, 0]], dtype=np.float32)
    found = score(scores, np.array([0, 0, 1, 1]), label_names=("zero", "one", "two"), seconds=0.5)
    assert found.confusion == ((2, 0, 0), (1, 1, 0), (0, 0, 0))
    zero, one, two = found.per_class
    assert (zero.label, zero.precision, zero.recall, zero.f1) == ("zero", 2 / 3, 1, 0.8)
    assert (one.precision, one.recall, one.f1, one.support) == (1, 0.5, 2 / 3, 2)
    assert (two.precision, two.recall, two.f1, two.support) == (0, 0, 0, 0)
    assert found.macro_recall == pytest.approx(0.75), "a class that doesn't occur costs nothing"
    assert found.nll == pytest.approx(-np.log(0.8 * 0.6 * 0.7 * 0.1) / 4)
    assert found.images_per_second == 8


def test_a_class_read_where_there_is_none_counts_as_zero() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    found = score(scores, np.array([0, 0]), label_names=names(2), seconds=1)
    assert found.macro_recall == 0.25
    assert found.per_class[1].f1 == 0


def test_the_json_is_the_designs() -> None:
    found = asdict(evaluate(uniform, blank(20)))
    assert json.loads(json.dumps(found, allow_nan=False))["accuracy"] == 0.1
    assert list(found) == [
        "n",
        "accuracy",
        "accuracy_interval",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "per_class",
        "confusion",
        "nll",
        "ece",
        "brier",
        "auroc",
        "images_per_second",
    ]
    assert list(found["per_class"][0]) == ["label", "precision", "recall", "f1", "support"]


def test_figures_come_back_from_their_json() -> None:
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(3), 50).astype(np.float32)
    for labels in (random.integers(0, 3, 50), scores.argmax(axis=1)):  # without mistakes there is no AUROC
        found = score(scores, labels, label_names=names(3), seconds=1)
        assert parse(json.loads(json.dumps(asdict(found)))) == found


@pytest.mark.parametrize(
    "change",
    [
        {"confusion": [[1, 2], [3, 4]]},
        {"n": "many"},
        {"per_class": 5},
        {"accuracy_interval": [0.5]},
        {"auroc": {}},
        {"n": -7},
        {"n": 4},
        {"accuracy": 3.5},
        {"accuracy": 0.5},
        {"accuracy_interval": [0.9, -2]},
        {"accuracy_interval": [0.1, 0.5]},
        {"macro_f1": 2},
        {"ece": -0.1},
    ],
)
def test_json_that_holds_no_figures_is_refused(change: dict[str, object]) -> None:
    labels = np.arange(3)
    about = asdict(score(np.eye(3, dtype=np.float32), labels, label_names=names(3), seconds=1))
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse(about | change)


@pytest.mark.parametrize("batch", [1, 7, 20, 1000])
def test_the_batch_changes_nothing(batch: int) -> None:
    random = np.random.default_rng(4)
    table = random.dirichlet(np.ones(10), 256).astype(np.float32)
    images = np.broadcast_to(np.arange(20, dtype=np.uint8)[:, None, None], (20, 28, 28))
    seen: list[int] = []
    told: list[tuple[int, int]] = []

    def classify(images: Images) -> Scores:
        seen.append(len(images))
        return np.asarray(table[images[:, 0, 0]])

    labels = random.integers(0, 10, 20)
    found = evaluate(
        classify, dataset(images, labels), batch=batch, progress=lambda done, n: told.append((done, n))
    )
    assert sum(seen) == 20
    assert max(seen) == min(batch, 20)
    assert told == [(done, 20) for done in np.cumsum(seen)]
    assert_is_scikit_learns(found, table[:20], labels)


def fitted(train_x: NDArray[np.floating], train_y: Labels) -> LogisticRegression:
    return LogisticRegression(max_iter=60, tol=1e-2).fit(train_x, train_y)


def as_classifier(model: LogisticRegression, scale: float) -> Callable[[Images], Scores]:
    def classify(images: Images) -> Scores:
        return np.asarray(model.predict_proba(images.reshape(len(images), -1) / scale), dtype=np.float32)

    return classify


def test_a_scikit_learn_classifier_is_evaluated_as_scikit_learn_does() -> None:
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels.reshape(-1, 8, 8) * 15).astype(np.uint8)
    model = fitted(images[:1000].reshape(1000, -1) / 240, labels[:1000])
    classify = as_classifier(model, 240)
    found = evaluate(classify, dataset(images[1000:], labels[1000:].astype(np.int64)), batch=100)
    assert 0.88 < found.accuracy < 0.95
    assert found.images_per_second > 0
    assert_is_scikit_learns(found, classify(images[1000:]), labels[1000:])


def read_idx(path: Path, offset: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)


def test_a_linear_model_on_mnist_is_evaluated_as_scikit_learn_does(data_folder: Path) -> None:
    folder = data_folder / "mnist"
    if not (folder / "t10k-images-idx3-ubyte.gz").exists():
        pytest.skip("MNIST isn't there; INKDIGITS_DATA names the folder that holds mnist/")
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz", 8).astype(np.int64)
    classify = as_classifier(fitted(images[:3000].reshape(3000, -1) / 255, labels[:3000]), 255)
    found = evaluate(classify, dataset(images[3000:], labels[3000:]))
    assert 0.83 < found.accuracy < 0.93
    assert_is_scikit_learns(found, classify(images[3000:]), labels[3000:])


def broken_scores(row: int, values: list[float]) -> Callable[[Images], Scores]:
    def classify(images: Images) -> Scores:
        scores = uniform(images)
        scores[row, : len(values)] = values
        return scores

    return classify


@pytest.mark.parametrize(
    ("classify", "sentence"),
    [
        (lambda images: np.full((len(images), 26), 1 / 26, np.float32), "knows 26 classes, but there are 10"),
        (lambda images: uniform(images[1:]), r"shape \(19, 10\); 20 rows"),
        (lambda images: np.full(len(images), 0.1, np.float32), r"shape \(20,\)"),
        (broken_scores(3, [np.nan]), "not finite numbers for 1 of 20 images, image 3 the first"),
        (broken_scores(0, [np.inf]), "not finite"),
        (broken_scores(5, [3.0]), "image 5 sum to 3.9 .* a softmax may be missing"),
        (broken_scores(5, [-0.1, 0.3]), "lowest is -0.1"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(
    classify: Callable[[Images], Scores], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        evaluate(classify, blank(20))


def test_rounding_is_no_missing_softmax() -> None:
    assert evaluate(broken_scores(0, [0.1005]), blank(5)).n == 5


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(UserError, match="test split of 'drawn' holds no images"):
        evaluate(uniform, blank(0))
    with pytest.raises(UserError, match="no labels"):
        score(uniform(blank(0).images), blank(0).labels, label_names=DIGITS, seconds=1)


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_outside_the_set_is_refused(label: int) -> None:
    with pytest.raises(UserError, match=f"image 1 is class {label}; one from 0 to 9"):
        score(uniform(blank(2).images), np.array([0, label]), label_names=DIGITS, seconds=1)


def test_a_model_with_other_labels_is_refused() -> None:
    require_same_labels(DIGITS, blank(1))
    with pytest.raises(UserError, match="labels are a, b, c, but those of 'drawn' are 0, 1, 2"):
        require_same_labels(("a", "b", "c"), blank(1))
    with pytest.raises(UserError, match=r"9, 8, 7, .* in the same order"):
        require_same_labels(DIGITS[::-1], blank(1))
    with pytest.raises(UserError, match=r"… \(26 in all\)"):
        require_same_labels(tuple("abcdefghijklmnopqrstuvwxyz"), blank(1))
