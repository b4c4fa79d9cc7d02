"""Drawn pages hold their numbers where they say."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from inkdigits.data.drawn import hands, pages
from inkdigits.image import find_lines
from inkdigits.types import Box

FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@pytest.mark.parametrize("angle", [0.0, 5.0])
def test_the_lines_that_are_found_are_those_that_were_drawn(angle: float) -> None:
    writers = hands.from_fonts([FONT])
    drawn = pages.draw(
        writers, np.random.default_rng(0), shape=(1400, 1000), n_lines=9, n_digits=7, height=44, angle=angle
    )
    assert drawn.picture.shape == (1400, 1000)
    assert [len(text) for text in drawn.texts] == [7] * 9
    crops = find_lines(drawn.picture)
    assert len(crops) == 9
    for crop, box in zip(crops, drawn.boxes, strict=True):
        height, width = crop.picture.shape
        found = crop.on_page(Box(x=0, y=0, width=width, height=height))
        assert abs(found.x + found.width / 2 - box.x - box.width / 2) < 20
        assert abs(found.y + found.height / 2 - box.y - box.height / 2) < 20
        assert abs(found.width - box.width) < 90


def test_the_same_random_numbers_give_the_same_page() -> None:
    writers = hands.from_fonts([FONT])
    one, again, other = (
        pages.draw(writers, np.random.default_rng(seed), shape=(500, 400), n_lines=3, n_digits=3, height=30)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one.picture, again.picture)
    assert one.texts == again.texts
    assert not np.array_equal(one.picture, other.picture)
