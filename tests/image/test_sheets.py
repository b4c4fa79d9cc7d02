"""A sheet on a desk is laid flat, whatever it is seen from; what is no sheet is left as it is."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits import image
from inkdigits.image import sheets
from inkdigits.image.boxes import whole
from inkdigits.types import Gray

WIDTH, HEIGHT = 420, 594


def sheet() -> Gray:
    """Paper with rules, and four marks whose places are known."""
    drawn = np.full((HEIGHT, WIDTH), 225, np.uint8)
    for y in range(60, HEIGHT, 60):
        cv2.line(drawn, (20, y), (WIDTH - 20, y), 150, 1)
    for x, y in MARKS:
        cv2.circle(drawn, (x, y), 6, 30, -1)
    return drawn


MARKS = [(60, 90), (350, 90), (350, 500), (60, 500)]


def photo(corners: np.ndarray, *, desk: int, seed: int = 0) -> tuple[Gray, np.ndarray]:
    """The sheet with its corners there, on a desk of wood, and the map from the sheet to the photo."""
    shape = (760, 620)
    random = np.random.default_rng(seed)
    grain = cv2.resize(random.normal(0, 10, (12, 200)), shape[::-1])
    source = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    turn = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    covered = cv2.warpPerspective(np.ones((HEIGHT, WIDTH), np.float32), turn, shape[::-1])
    seen = cv2.warpPerspective(sheet().astype(np.float32), turn, shape[::-1], flags=cv2.INTER_AREA)
    mixed = (desk + grain) * (1 - covered) + seen * covered
    return np.asarray(np.clip(mixed, 0, 255), np.uint8), turn


@given(
    offsets=st.lists(st.integers(-45, 45), min_size=8, max_size=8),
    desk=st.integers(20, 150),
    seed=st.integers(0, 99),
)
def test_a_sheet_on_a_desk_is_laid_flat(offsets: list[int], desk: int, seed: int) -> None:
    square = np.array([[100, 83], [520, 83], [520, 677], [100, 677]])
    picture, turn = photo(square + np.reshape(offsets, (4, 2)), desk=desk, seed=seed)
    found = sheets.laid_flat(picture)
    assert found is not None
    flat, to_picture = found
    back = np.linalg.inv(to_picture) @ turn
    places = cv2.perspectiveTransform(np.array([MARKS], np.float64), back)[0]
    expected = np.array(MARKS) * [flat.shape[1] / WIDTH, flat.shape[0] / HEIGHT]
    assert abs(places - expected).max() < 0.025 * HEIGHT
    for x, y in np.rint(places).astype(int):
        assert flat[y, x] < 80
    assert np.median(flat[[0, -1]]) > 200
    assert np.median(flat[:, [0, -1]]) > 200


def drawn_frame() -> Gray:
    framed = sheet()
    cv2.rectangle(framed, (10, 10), (WIDTH - 10, HEIGHT - 10), 20, 8)
    return framed


def with_a_photo_on_it() -> Gray:
    page = sheet()
    page[150:450, 40:380] = 60
    return page


@pytest.mark.parametrize(
    "picture",
    [
        sheet(),
        drawn_frame(),
        with_a_photo_on_it(),
        np.full((300, 400), 128, np.uint8),
        np.full((1, 1), 128, np.uint8),
        np.full((3, 900), 10, np.uint8),
        255 - sheet(),
        np.random.default_rng(0).integers(0, 256, (300, 200), np.uint8),
    ],
    ids=["a scan", "a frame", "a picture", "grey", "a pixel", "a strip", "bright ink", "noise"],
)
def test_what_is_no_sheet_on_a_desk_is_left_alone(picture: Gray) -> None:
    assert sheets.laid_flat(picture) is None


def test_a_disc_is_no_sheet() -> None:
    picture = np.full((400, 400), 40, np.uint8)
    cv2.circle(picture, (200, 200), 150, 230, -1)
    assert sheets.laid_flat(picture) is None


def test_lines_are_found_on_the_sheet_alone_and_in_places_of_the_picture() -> None:
    picture, turn = photo(np.array([[120, 60], [540, 100], [500, 700], [80, 640]]), desk=70)
    crops = image.find_lines(picture)
    places = cv2.perspectiveTransform(np.array([MARKS], np.float64), turn)[0]
    boxes = [crop.on_page(whole(crop.picture)) for crop in crops]
    assert boxes
    for box in boxes:
        middle = np.array([box.x + box.width / 2, box.y + box.height / 2])
        assert min(np.linalg.norm(places - middle, axis=1)) < 12
