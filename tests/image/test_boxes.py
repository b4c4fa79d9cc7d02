"""Boxes of views are those around their corners in the picture, and never leave it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.image import boxes
from inkdigits.types import Box

PICTURE = Box(x=0, y=0, width=80, height=50)
places = st.integers(-60, 160)
lengths = st.integers(1, 120)


@given(x=places, y=places, width=lengths, height=lengths, seed=st.integers(0, 999))
def test_a_part_of_a_view_is_around_its_corners_within_the_picture(
    x: int, y: int, width: int, height: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    view = np.eye(3) + random.uniform(-0.3, 0.3, (3, 3)) * [[1, 1, 60], [1, 1, 60], [1e-3, 1e-3, 0]]
    found = boxes.seen(Box(x=x, y=y, width=width, height=height), view, within=PICTURE)
    assert 0 <= found.x < found.x + found.width <= PICTURE.width
    assert 0 <= found.y < found.y + found.height <= PICTURE.height
    corners = [view @ [a, b, 1] for a in (x, x + width) for b in (y, y + height)]
    across, down = ([float(np.rint(each[k] / each[2])) for each in corners] for k in (0, 1))
    if 0 <= min(across) < max(across) <= PICTURE.width and 0 <= min(down) < max(down) <= PICTURE.height:
        assert (found.x, found.y) == (min(across), min(down))
        assert (found.width, found.height) == (max(across) - min(across), max(down) - min(down))


def test_a_view_as_it_is_keeps_its_boxes() -> None:
    part = Box(x=3, y=4, width=5, height=6)
    assert boxes.seen(part, np.eye(3), within=PICTURE) == part
    assert boxes.whole(np.zeros((50, 80), np.uint8)) == PICTURE
