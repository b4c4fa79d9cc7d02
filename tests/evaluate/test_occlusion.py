"""Where a model looks."""

import numpy as np
from numpy.typing import NDArray

from inkdigits.evaluate import occlusion
from inkdigits.types import Gray, Images, Scores


def of_corner(images: Images) -> Scores:
    """The scores of a model that looks at the upper left corner, and nowhere else."""
    share = images[:, :6, :6].mean(axis=(1, 2)) / 255
    return np.stack([1 - share, share], axis=1).astype(np.float32)


def test_a_model_is_seen_to_look_where_it_does() -> None:
    images = np.full((3, 28, 28), 255, np.uint8)
    answers, looked_at = occlusion.looked_at(of_corner(occlusion.covered(images)), len(images))
    assert answers == [1, 1, 1]
    assert looked_at.shape == (3, 28, 28)
    assert (looked_at[:, :4, :4] > 0.2).all()
    assert (np.abs(looked_at[:, 14:, 14:]) < 1e-6).all()


def test_the_image_itself_comes_first_and_every_pixel_is_covered_once_at_least() -> None:
    images = np.full((2, 28, 28), 255, np.uint8)
    shown = occlusion.covered(images).reshape(2, -1, 28, 28)
    assert (shown[:, 0] == 255).all()
    assert (shown[:, 1:].min(axis=1) == 0).all()
    assert (shown[:, 1:] == 0).sum(axis=(2, 3)).max() <= occlusion.PATCH**2


def linear(images: Images) -> Scores:
    """The scores of a model whose first probability is a weighted sum of pixels, far from 0 and 1."""
    share = 0.2 + (images / 255 * WEIGHTS).sum(axis=(1, 2))
    return np.stack([share, 1 - share], axis=1).astype(np.float32)


WEIGHTS = np.random.default_rng(0).random((28, 28)) / 2000


def by_hand(image: Gray) -> NDArray[np.float64]:
    """What a linear model loses under all squares that cover a pixel, averaged: each loses what it covers."""
    lost, times = np.zeros((28, 28)), np.zeros((28, 28))
    for top in range(-2, 24, 3):
        for left in range(-2, 24, 3):
            under = np.zeros((28, 28), bool)
            under[max(0, top) : top + 7, max(0, left) : left + 7] = True
            lost[under] += (image / 255 * WEIGHTS)[under].sum()
            times[under] += 1
    return lost / times


def test_of_a_linear_model_a_place_has_the_weights_that_lie_there() -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    wanted = np.array([by_hand(image) for image in images])
    first, second = (occlusion.looks(images, linear, labels=np.full(20, label, np.int64)) for label in (0, 1))
    np.testing.assert_allclose(first, wanted, atol=1e-6)
    np.testing.assert_allclose(second, -wanted, atol=1e-6)


def test_without_labels_it_is_the_answers_that_are_explained() -> None:
    images = np.random.default_rng(1).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    answers = linear(images).argmax(axis=1)
    assert (occlusion.looks(images, linear) == occlusion.looks(images, linear, labels=answers)).all()
    assert occlusion.looks(images[:0], linear).shape == (0, 28, 28)
