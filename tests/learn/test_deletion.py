"""What is marked is what matters: hiding it costs more of the score than hiding as much elsewhere."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigits import data
from inkdigits.evaluate import occlusion
from inkdigits.learn import explain, models
from inkdigits.learn.classifier import classifier
from inkdigits.types import Classifier, Images, Labels, Scores

N = 1000
SHARE = 0.1

Amounts = NDArray[np.floating]


class Deletion:
    """A thousand test images, the answers of a model that ships, and what hiding ink costs."""

    def __init__(self) -> None:
        found = models.find("reader")
        self.network = found.network
        self.classify: Classifier = classifier(found.network, temperature=found.card.temperature)
        self.images: Images = data.load("mnist", "test").images[:N]
        self.scores: Scores = self.classify(self.images)
        self.answers: Labels = self.scores.argmax(axis=1)

    def fall(self, amounts: Amounts) -> float:
        """By how much the answers' scores fall on average when the ink with most of it is hidden."""
        hidden = np.array([without(*each) for each in zip(self.images, amounts, strict=True)])
        rows = np.arange(N)
        after = self.classify(hidden)[rows, self.answers]
        return float((self.scores[rows, self.answers] - after).mean())


def without(image: NDArray[np.uint8], amounts: Amounts) -> NDArray[np.uint8]:
    """The image without the pixels of the highest amounts, as many as hold a tenth of its ink."""
    order = np.argsort(-amounts.ravel(), kind="stable")
    order = order[image.ravel()[order] > 0]
    gone = np.cumsum(image.ravel()[order].astype(np.int64))
    n = int(np.searchsorted(gone, SHARE * gone[-1])) + 1
    left = image.copy()
    left.ravel()[order[:n]] = 0
    return left


@pytest.fixture(scope="module")
def deletion(data_folder: object) -> Deletion:
    return Deletion()


@pytest.fixture(scope="module")
def at_random(deletion: Deletion) -> float:
    """What a random tenth of the ink costs."""
    return deletion.fall(np.random.default_rng(0).random((N, 28, 28)))


def of_occlusion(deletion: Deletion) -> Amounts:
    return occlusion.looks(deletion.images, deletion.classify)


def of_integrated_gradients(deletion: Deletion) -> Amounts:
    return explain.integrated_gradients(
        deletion.network, deletion.images, deletion.answers, least_steps=16, most_steps=16
    )


@pytest.mark.parametrize("method", [of_occlusion, of_integrated_gradients])
def test_the_marked_tenth_costs_more_than_a_random_one(
    method: Callable[[Deletion], Amounts], deletion: Deletion, at_random: float
) -> None:
    amounts = method(deletion)
    fall, least = deletion.fall(amounts), deletion.fall(-amounts)
    assert fall > 1.3 * at_random > least


def test_what_grad_cam_marks_costs_more_than_a_mark_of_the_same_shape_elsewhere(
    deletion: Deletion,
) -> None:
    """Its cells are a quarter of the image: what they mark is one patch, which costs less than many holes."""
    amounts = explain.grad_cam(deletion.network, deletion.images, deletion.answers)
    fall, least = deletion.fall(amounts), deletion.fall(-amounts)
    elsewhere = deletion.fall(np.roll(amounts, 1, axis=0))
    assert fall > 1.1 * elsewhere
    assert fall > 3 * least
