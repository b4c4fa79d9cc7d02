"""Where a model looks."""

import numpy as np

from inkdigits.evaluate import occlusion
from inkdigits.types import Images, Scores


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
