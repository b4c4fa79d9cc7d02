from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inkdigits import data
from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate import label_errors, metrics
from inkdigits.learn import cross_validation, options, train
from inkdigits.learn.classifier import classifier
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.train import Watch
from inkdigits.types import Dataset

QUICK = options.recipe(
    "fast", {"width": 0.25, "epochs": 1.0, "batch": 50, "precision": "fp32", "device": "cpu", "seed": 3}
)


@pytest.fixture(scope="module")
def written(digits: Dataset) -> Dataset:
    """The digits, each written by one of forty hands that wrote from 5 to 25 of them."""
    groups = np.repeat(np.arange(40), np.linspace(5, 25, 40).round().astype(int))
    assert len(groups) == len(digits)
    return replace(digits, groups=np.random.default_rng(1).permutation(groups))


def test_every_row_of_scores_is_of_the_network_that_did_not_learn_from_it(digits: Dataset) -> None:
    number = cross_validation.folds(digits, 3, seed=QUICK.seed)
    steps: list[tuple[int, int]] = []
    watch = Watch(after_step=lambda step, n_steps, _loss: steps.append((step, n_steps)))
    found = cross_validation.scores(digits, QUICK, n_folds=3, watch=watch)
    assert steps == [(i + 1, len(steps)) for i in range(len(steps))]
    for fold in range(3):
        others = np.flatnonzero(number != fold)
        alone = train.train(digits.select(others, split="train"), None, QUICK)
        rows = np.flatnonzero(number == fold)
        classify = classifier(alone.network, temperature=QUICK.temperature)
        one_by_one = [classify(digits.images[row : row + 1])[0] for row in rows[:20]]
        np.testing.assert_allclose(found[rows[:20]], one_by_one, atol=1e-5)
        assert not set(rows) & set(others)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_of_several_times_the_mean_is_taken(digits: Dataset) -> None:
    quick = replace(QUICK, epochs=0.2)
    steps: list[tuple[int, int]] = []
    watch = Watch(after_step=lambda step, n_steps, _loss: steps.append((step, n_steps)))
    mean = cross_validation.scores(digits, quick, n_folds=2, n_times=3, watch=watch)
    assert steps == [(i + 1, len(steps)) for i in range(len(steps))]
    each = [cross_validation.scores(digits, replace(quick, seed=quick.seed + i), n_folds=2) for i in range(3)]
    assert np.abs(each[0] - each[1]).max() > 0.1
    np.testing.assert_allclose(mean, np.mean(each, axis=0), atol=1e-5)
    with pytest.raises(ArgumentError, match="0 is no number of times to go through the folds"):
        cross_validation.scores(digits, quick, n_folds=2, n_times=0)


def test_no_training_is_shown_what_it_scores(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[set[bytes]] = []
    scored: list[list[bytes]] = []
    real_train, real_scores = train.train, metrics.scores

    def train_and_tell(training: Dataset, *rest: object, **more: object) -> train.Trained:
        shown.append({image.tobytes() for image in training.images})
        return real_train(training, *rest, **more)  # type: ignore[arg-type]

    def score_and_tell(classify: object, held: Dataset) -> object:
        scored.append([image.tobytes() for image in held.images])
        return real_scores(classify, held)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "train", train_and_tell)
    monkeypatch.setattr(metrics, "scores", score_and_tell)
    twice = digits.select(np.concatenate([np.arange(300), np.arange(50)]), split="train")
    cross_validation.scores(twice, replace(QUICK, epochs=0.1), n_folds=4)
    assert len(shown) == 4
    assert all(not seen & set(held) for seen, held in zip(shown, scored, strict=True))
    assert sorted(image for held in scored for image in held) == sorted(i.tobytes() for i in twice.images)


def test_folds_share_no_writer_and_are_alike(written: Dataset) -> None:
    assert written.groups is not None
    number = cross_validation.folds(written, 5, seed=0)
    assert set(number.tolist()) == set(range(5))
    assert all(len(set(number[written.groups == hand].tolist())) == 1 for hand in range(40))
    assert np.bincount(number).max() < 1.3 * np.bincount(number).min()


def test_folds_without_writers_hold_every_class_alike_and_copies_together(digits: Dataset) -> None:
    twice = digits.select(np.concatenate([np.arange(600), np.arange(100)]), split="train")
    number = cross_validation.folds(twice, 5, seed=0)
    assert (number[:100] == number[600:]).all()
    counts = [np.bincount(digits.labels[number[:600] == fold], minlength=10) for fold in range(5)]
    assert np.ptp(np.array(counts), axis=0).max() <= 2
    assert (number == cross_validation.folds(twice, 5, seed=0)).all()
    assert (number != cross_validation.folds(twice, 5, seed=1)).any()


def test_splits_are_pooled_with_their_writers_where_all_have_them(written: Dataset) -> None:
    other = written.select(np.arange(50), split="test")
    whole = cross_validation.pooled([written, other])
    assert whole.groups is not None
    assert written.groups is not None
    assert whole.groups.tolist() == [*written.groups, *written.groups[:50]]
    assert (whole.images[-50:] == other.images).all()
    assert cross_validation.pooled([written, replace(other, groups=None)]).groups is None


def test_planted_errors_are_among_the_first_suspects(data_folder: Path) -> None:
    mnist = data.load("mnist", "train").select(np.arange(2_000), split="train")
    random = np.random.default_rng(0)
    planted = random.choice(2_000, 20, replace=False)
    labels = mnist.labels.copy()
    labels[planted] = (labels[planted] + random.integers(1, 10, 20)) % 10
    asked = options.recipe("fast", {"width": 0.25, "epochs": 8.0, "batch": 100, "device": "cpu"})
    wrong = replace(mnist, labels=labels)
    torch.set_num_threads(1)
    scores = cross_validation.scores(wrong, asked, n_folds=4)
    found = label_errors.find(scores, labels, label_names=mnist.label_names)
    first = {each.row: each for each in found[:30]}
    assert len(set(first) & set(planted.tolist())) >= 17
    right = [mnist.label_names[mnist.labels[row]] == first[row].suggested for row in planted if row in first]
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize(
    ("rows", "groups", "n", "said"),
    [
        (range(20), None, 1, "1 is no number of folds; there have to be 2 at least"),
        ([], None, 5, "holds no images"),
        ([0, 10, 20], None, 2, "all images of digits are labelled '0'; two classes at least are needed"),
        (
            [0, 1, 10, 11],
            None,
            3,
            "no more than 2 different images of any label, which can't be divided into 3",
        ),
        ([0, 0, 1, 1, 1], None, 2, "no more than 1 different images of any label"),
        ([0, 1, 10, 11, 20, 21], [1, 1, 1, 2, 2, 2], 3, "no more than 2 writers or other groups"),
        ([0, 10, 20, 1], None, 2, "has the label '1' on one image alone: add others"),
        ([0, 10, 1, 11], [1, 2, 3, 3], 2, "has the label '1' on images of one writer or other group alone"),
    ],
)
def test_what_can_not_be_divided_is_a_sentence(
    digits: Dataset, rows: list[int], groups: list[int] | None, n: int, said: str
) -> None:
    some = digits.select(np.array(rows, np.int64), split="train")
    some = replace(some, groups=None if groups is None else np.array(groups, np.int64))
    with pytest.raises(UserError, match=said) as caught:
        cross_validation.folds(some, n, seed=0)
    assert isinstance(caught.value, ArgumentError) == (n < 2)


def test_a_training_that_fails_is_not_covered_up(digits: Dataset) -> None:
    wild: TrainOptions = replace(QUICK, optimizer="sgd", learning_rate=100.0, weight_decay=10.0, epochs=5.0)
    with pytest.raises(UserError, match=r"the loss is (nan|inf)"):
        cross_validation.scores(digits, wild, n_folds=2)
