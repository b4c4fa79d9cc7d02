"""Lines of writing are found on a page wherever they stand, straight, in reading order."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits import image
from inkdigits.types import Box, Gray

FONT = cv2.FONT_HERSHEY_SIMPLEX


def page(texts: dict[tuple[int, int], str], *, size: float = 1.6, angle: float = 0.0) -> Gray:
    """Texts at their places on a sheet of 1000×1200, with a rule under each, in light from the left."""
    sheet = np.full((1200, 1000), 230, np.uint8)
    for (x, y), text in texts.items():
        cv2.putText(sheet, text, (x, y), FONT, size, 40, 3, cv2.LINE_AA)
        cv2.line(sheet, (40, y + 14), (960, y + 14), 120, 2)
    turn = cv2.getRotationMatrix2D((500, 600), angle, 1.0)
    turned = cv2.warpAffine(sheet, turn, (1000, 1200), borderValue=230)
    return np.asarray(turned * np.linspace(0.7, 1.0, 1000), np.uint8)


def on_page(crop: image.Crop) -> Box:
    height, width = crop.picture.shape
    return crop.on_page(Box(x=0, y=0, width=width, height=height))


@pytest.mark.parametrize("angle", [0.0, 3.0, -5.0])
def test_every_line_is_found_once_in_reading_order(angle: float) -> None:
    places = {(120 + 60 * (n % 3), 150 + 110 * n): f"{7 * n + 3:06d}{n}" for n in range(9)}
    places[(700, 150)] = "42"
    crops = image.find_lines(page(places, angle=angle))
    assert len(crops) == len(places)
    expected = sorted(places, key=lambda place: (place[1], place[0]))
    turn = cv2.getRotationMatrix2D((500, 600), angle, 1.0)
    for crop, (x, y) in zip(crops, expected, strict=True):
        box = on_page(crop)
        (width, height), _ = cv2.getTextSize(places[x, y], FONT, 1.6, 3)
        middle = turn @ [x + width / 2, y - height / 2, 1]
        assert abs(box.x + box.width / 2 - middle[0]) < 30
        assert abs(box.y + box.height / 2 - middle[1]) < 25


def test_a_crop_of_a_turned_page_is_straight_again() -> None:
    places = {(100, 150 + 110 * n): "1234567890123" for n in range(9)}
    (first, *_) = image.find_lines(page(places, angle=-5.0))
    rows = np.flatnonzero((first.picture < 0.6 * first.picture.max()).any(axis=1))
    (_, height), _ = cv2.getTextSize("0", FONT, 1.6, 3)
    assert np.ptp(rows) < 2.2 * height  # on the turned page the line reaches over 3 times its height


@given(level=st.integers(0, 255), height=st.integers(1, 400), width=st.integers(1, 400))
def test_a_blank_page_has_no_lines(level: int, height: int, width: int) -> None:
    assert image.find_lines(np.full((height, width), level, np.uint8)) == []


@pytest.mark.parametrize("size", [1.0, 3.0, 8.0])
def test_a_picture_that_is_one_line_is_one_line(size: float) -> None:
    (width, height), below = cv2.getTextSize("59 0 17", FONT, size, 3)
    sheet = np.full((2 * height + below, width + 2 * height), 220, np.uint8)
    pen = max(2, round(3 * size / 2))
    cv2.putText(sheet, "59 0 17", (height, height + height // 2), FONT, size, 50, pen, cv2.LINE_AA)
    assert len(image.find_lines(sheet)) == 1
