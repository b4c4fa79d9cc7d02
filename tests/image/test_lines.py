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


@pytest.mark.parametrize("height", [250, 400, 600, 1000])
@pytest.mark.parametrize("n_rules", [0, 3])
def test_a_frame_or_table_around_lines_is_no_writing(height: int, n_rules: int) -> None:
    places = {(120, 150 + 110 * n): f"{7 * n + 3:06d}{n}" for n in range(9)}
    plain = [on_page(crop) for crop in image.find_lines(page(places))]
    framed = page(places)
    for y in np.linspace(80, 80 + height, 2 + n_rules).round().astype(int).tolist():
        cv2.line(framed, (90, y), (700, y), 60, 3)
    for x in (90, 700):
        cv2.line(framed, (x, 80), (x, 80 + height), 60, 3)
    found = [on_page(crop) for crop in image.find_lines(framed)]
    assert len(found) == len(plain)
    for one, other in zip(found, plain, strict=True):
        assert abs(one.x - other.x) < 30
        assert abs(one.y + one.height / 2 - other.y - other.height / 2) < 25


@pytest.mark.parametrize("height", [2400, 12_000, 24_000])
def test_every_line_of_a_long_picture_is_found(height: int) -> None:
    picture = np.full((height, 1000), 230, np.uint8)
    places = range(150, height - 100, 400)
    for y in places:
        cv2.putText(picture, "470125", (120, y), FONT, 2.0, 40, 4, cv2.LINE_AA)
    assert len(image.find_lines(picture)) == len(places)


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
