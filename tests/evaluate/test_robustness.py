"""The accuracies under changes, of classifiers whose answers are known beforehand."""

from pathlib import Path

import numpy as np
import pytest

from inkdigits import data
from inkdigits.evaluate import corruptions, invariances
from inkdigits.evaluate.robustness import Robustness, robustness
from inkdigits.types import Images, Scores

N = 50


@pytest.fixture(scope="module")
def found(data_folder: Path) -> Robustness:
    """Of a classifier that knows the first digits, and of others says what the nearest of those is."""
    mnist = data.load("mnist", "test")
    shown = mnist.select(np.arange(N), split="test")

    def classify(images: Images) -> Scores:
        known = shown.images.reshape(N, -1).astype(float)
        nearest = ((images.reshape(len(images), 1, -1) - known) ** 2).sum(axis=2).argmin(axis=1)
        found: Scores = np.eye(10, dtype=np.float32)[shown.labels[nearest]]
        return found

    return robustness(classify, shown, seed=4)


def test_every_change_is_there_with_its_cost(found: Robustness) -> None:
    assert (found.n, found.accuracy) == (N, 1.0)
    assert tuple(each.name for each in found.corruptions) == corruptions.NAMES
    assert tuple(each.name for each in found.pages) == invariances.NAMES
    for each in found.corruptions:
        assert each.cost == pytest.approx(1 - each.accuracy)
        assert each.interval[0] <= each.accuracy <= each.interval[1]
    for each in found.pages:
        assert each.cost == pytest.approx(found.plain_accuracy - each.accuracy)
    assert found.mean_corrupted_accuracy == pytest.approx(
        np.mean([each.accuracy for each in found.corruptions])
    )


def test_what_hardly_changes_pixels_costs_little_and_what_moves_them_much(found: Robustness) -> None:
    costs = {each.name: each.cost for each in (*found.corruptions, *found.pages)}
    assert costs["dotted line"] == 0
    assert costs["EXIF turns"] <= 0.02
    assert costs["translate"] > 0.2
    assert found.plain_accuracy > 0.95


def test_examples_are_the_first_images_changed(found: Robustness, data_folder: Path) -> None:
    first = data.load("mnist", "test").images[:N]
    stripe = next(each for each in found.corruptions if each.name == "stripe")
    assert np.array_equal(stripe.examples, corruptions.corrupted(first, "stripe")[:8])
    assert stripe.right.shape == (8,)
