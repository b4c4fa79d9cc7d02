"""A grid in a photo is found whatever its rows, columns and perspective, and laid flat."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import sources

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.types import Gray

CELL = 50


def sheet(n_rows: int, n_columns: int, *, bold: int = 0, pen: int = 2) -> Gray:
    """A grid with a dot in the middle of every cell, on paper; every `bold`th line is thicker."""
    height, width = n_rows * CELL, n_columns * CELL
    drawn = np.full((height + 160, width + 160), 225, np.uint8)
    for n, along in ((n_rows, 0), (n_columns, 1)):
        for at in range(n + 1):
            start, end = (80, 80 + at * CELL), (80 + width, 80 + at * CELL)
            if along:
                start, end = (80 + at * CELL, 80), (80 + at * CELL, 80 + height)
            cv2.line(drawn, start, end, 40, 3 * pen if bold and at % bold == 0 else pen)
    for row in range(n_rows):
        for column in range(n_columns):
            middle = (80 + column * CELL + CELL // 2, 80 + row * CELL + CELL // 2)
            cv2.circle(drawn, middle, 6, 60, -1)
    return drawn


def tilted(picture: Gray, by: float, seed: int) -> tuple[Gray, np.ndarray]:
    """The picture seen from somewhere else, in uneven light, and the map that did it."""
    height, width = picture.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    random = np.random.default_rng(seed)
    moved = corners + random.uniform(0, by, (4, 2)).astype(np.float32) * [width, height] * [
        [1, 1], [-1, 1], [-1, -1], [1, -1]
    ]  # fmt: skip
    turn = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    seen = cv2.warpPerspective(picture, turn, (width, height), borderValue=200)
    shade = np.linspace(0.6, 1.0, width)
    noise = random.normal(0, 3, seen.shape)
    return np.clip(seen * shade + noise, 0, 255).astype(np.uint8), turn


@given(
    n_rows=st.integers(3, 12),
    n_columns=st.integers(3, 12),
    by=st.sampled_from([0.0, 0.05, 0.1]),
    seed=st.integers(0, 99),
)
def test_rows_and_columns_are_counted_and_cells_lie_where_they_were(
    n_rows: int, n_columns: int, by: float, seed: int
) -> None:
    photo, turn = tilted(sheet(n_rows, n_columns), by, seed)
    grid = image.find_grid(photo)
    assert (len(grid.rows) - 1, len(grid.columns) - 1) == (n_rows, n_columns)
    for row, column in ((0, 0), (n_rows - 1, 0), (n_rows // 2, n_columns - 1)):
        middle = np.array([[[80.0 + (column + 0.5) * CELL, 80.0 + (row + 0.5) * CELL]]])
        x, y = cv2.perspectiveTransform(middle, turn)[0, 0]
        box = grid.box(row, column)
        assert abs(box.x + box.width / 2 - x) < 0.2 * CELL
        assert abs(box.y + box.height / 2 - y) < 0.2 * CELL
        cell = grid.cell(row, column)
        inner = cell[len(cell) // 4 : -len(cell) // 4, cell.shape[1] // 4 : -cell.shape[1] // 4]
        assert np.ptp(inner) > 60  # the dot is in it


@pytest.mark.parametrize(("n_rows", "n_columns"), [(1, 6), (1, 10), (6, 1), (2, 6)])
def test_one_row_or_column_of_boxes_is_a_grid(n_rows: int, n_columns: int) -> None:
    grid = image.find_grid(sheet(n_rows, n_columns))
    assert (len(grid.rows) - 1, len(grid.columns) - 1) == (n_rows, n_columns)


def on_desk(picture: Gray, *, desk: int) -> Gray:
    """A page with the picture on it, on a darker desk, seen from the side."""
    height, width = picture.shape
    page = np.full((1600, 1150), 225, np.uint8)
    page[300 : 300 + height, 200 : 200 + width] = picture
    corners = np.array([[0, 0], [1150, 0], [1150, 1600], [0, 1600]], np.float32)
    moved = np.array([[190, 120], [1290, 160], [1340, 1780], [120, 1750]], np.float32)
    turn = cv2.getPerspectiveTransform(corners, moved)
    return np.asarray(cv2.warpPerspective(page, turn, (1450, 1900), borderValue=desk), np.uint8)


@pytest.mark.parametrize("desk", [40, 110])
@pytest.mark.parametrize(("n_rows", "n_columns"), [(9, 9), (6, 4), (5, 5), (8, 3)])
def test_a_grid_on_a_page_on_a_desk_is_found(n_rows: int, n_columns: int, desk: int) -> None:
    drawn = sheet(n_rows, n_columns)
    scale = 900 / max(drawn.shape)
    larger = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    grid = image.find_grid(on_desk(np.asarray(larger, np.uint8), desk=desk))
    assert (len(grid.rows) - 1, len(grid.columns) - 1) == (n_rows, n_columns)


@pytest.mark.parametrize("desk", [40, 110])
def test_a_page_on_a_desk_is_no_grid(desk: int) -> None:
    written = np.full((300, 700), 225, np.uint8)
    for row in range(3):
        cv2.putText(written, "470125", (60, 80 + 100 * row), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 40, 4)
    with pytest.raises(UserError, match="shows no grid"):
        image.find_grid(on_desk(written, desk=desk))


def test_bold_lines_between_thin_ones_are_not_the_only_lines() -> None:
    photo, _ = tilted(sheet(9, 9, bold=3, pen=1), 0.08, 5)
    grid = image.find_grid(photo)
    assert (len(grid.rows), len(grid.columns)) == (10, 10)


@pytest.mark.parametrize("torn", [60, 130])
def test_a_corner_that_is_not_seen_is_where_the_sides_meet(torn: int) -> None:
    drawn = sheet(9, 9)
    far = 80 + 9 * CELL + 20
    cv2.fillConvexPoly(drawn, np.array([[far, 60], [far - torn - 20, 60], [far, 60 + torn + 20]]), 225)
    photo, turn = tilted(drawn, 0.08, 3)
    grid = image.find_grid(photo)
    assert (len(grid.rows), len(grid.columns)) == (10, 10)
    box = grid.box(0, 8)
    middle = np.array([[[80.0 + 8.5 * CELL, 80.0 + 0.5 * CELL]]])
    x, y = cv2.perspectiveTransform(middle, turn)[0, 0]
    assert abs(box.x + box.width / 2 - x) < 0.2 * CELL
    assert abs(box.y + box.height / 2 - y) < 0.2 * CELL


def framed(height: int, width: int) -> Gray:
    picture = np.full((height, width), 220, np.uint8)
    cv2.rectangle(picture, (2, 2), (width - 3, height - 3), 30, 2)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        np.full((300, 300), 200, np.uint8),
        np.zeros((1, 1), np.uint8),
        np.full((1, 2000), 200, np.uint8),
        np.full((2000, 1), 200, np.uint8),
        framed(20, 900),
        framed(900, 20),
    ],
)
def test_where_there_is_no_grid_it_says_so(picture: Gray) -> None:
    with pytest.raises(UserError, match="shows no grid"):
        image.find_grid(picture)


def test_a_line_of_writing_is_no_grid(data_folder: Path) -> None:
    folder = data_folder / "numbers10" / "images"
    if not folder.exists():
        pytest.skip("numbers10 is not here")
    for file in sorted(folder.iterdir())[:60]:
        with pytest.raises(UserError, match="shows no grid"):
            image.find_grid(image.decode(file))


def test_the_grids_of_real_photos_are_found_at_their_corners(data_folder: Path) -> None:
    folder = data_folder / "grids"
    if not folder.exists():
        pytest.skip("grids is not here")
    trained_on = {path.name for path, _ in sources.sheets("training")}
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    photos = [each for each in labels if Path(each["file"]).name in trained_on and each.get("corners")][:25]
    counted, near = [], []
    for photo in photos:
        picture = image.decode(folder / photo["file"])
        grid = image.find_grid(picture)
        counted.append((len(grid.rows), len(grid.columns)) == (10, 10))
        first, last = grid.box(0, 0), grid.box(len(grid.rows) - 2, len(grid.columns) - 2)
        left, right = np.array([first.x, first.y]), np.array([last.x + last.width, last.y + last.height])
        corners = np.array(photo["corners"])
        off = max(np.linalg.norm(left - corners[0]), np.linalg.norm(right - corners[2]))
        near.append(off < 0.1 * np.linalg.norm(corners[0] - corners[2]))
    assert np.mean(counted) >= 0.85
    assert np.mean(near) >= 0.85
