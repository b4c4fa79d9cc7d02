"""A table or boxed grid in a photo: its four corners, and its lines once it is laid flat."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError
from inkdigits.image.boxes import Matrix, seen, whole
from inkdigits.image.quadrilaterals import Corners, by_corners, by_sides, flattened
from inkdigits.types import Box, Gray

FLAT_SIDE = 720
"""Pixels along the longer side of a grid laid flat."""

MARGIN = 12
"""Pixels around it that are shown too."""

MOST_LINES = 40
"""Rows or columns of a grid, at most."""

_LONGEST = 900
_BLUR = 1.2
_WINDOWS, _OFFSETS = (15, 31, 61), (3, 6, 10)
_LEAST_AREA = 0.05
_N_OUTER, _N_INNER, _N_TRIED = 3, 6, 8
_ALIKE = 12
_TRIAL_SIDE, _TRIAL_MARGIN = 270, 6
_LEAST_REGULAR = 0.4
_LEAST_COVERED = 0.58
_LINE = 6
_PREFER_SQUARE = 0.15
_SLACK, _MOST_NEAR = 0.08, 8
_AROUND = 1 / 16
_NARROWEST = 8
_PREFER_LARGE = 0.25

_Profile = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A grid laid flat: `flat`, uint8, and where its lines are in it, the outer ones included.

    `to_picture` is the projective map, float64 (3, 3), from pixels of `flat` back to those of the picture,
    which is all of `picture`.
    """

    flat: Gray
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    picture: Box
    to_picture: Matrix

    def cell(self, row: int, column: int) -> Gray:
        """The picture of a cell with a sixteenth of its size around it, for its lines to be seen whole."""
        top, left = self.rows[row], self.columns[column]
        bottom, right = self.rows[row + 1], self.columns[column + 1]
        down, across = round((bottom - top) * _AROUND), round((right - left) * _AROUND)
        rows = slice(max(0, top - down), bottom + down)
        return self.flat[rows, max(0, left - across) : right + across]

    def box(self, row: int, column: int) -> Box:
        """Where in the picture a cell is: the smallest box around its four corners."""
        top, left = self.rows[row], self.columns[column]
        bottom, right = self.rows[row + 1], self.columns[column + 1]
        cell = Box(x=left, y=top, width=right - left, height=bottom - top)
        return seen(cell, self.to_picture, within=self.picture)


def find_grid(picture: Gray) -> Grid:
    """The grid of lines in a picture; raises UserError where there is none.

    Of the large quadrilaterals that several thresholds show, the one is taken whose insides look most like
    even lines both ways; of those with nothing around them first, and where that is no grid, a sheet on a
    table perhaps, of those within others.
    """
    scale = min(1.0, _LONGEST / max(picture.shape))
    small = picture
    if scale < 1:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    masks = list(_masks(small))
    for which, n, n_tried in ((cv2.RETR_EXTERNAL, _N_OUTER, 1), (cv2.RETR_LIST, _N_INNER, _N_TRIED)):
        for corners in _likeliest(masks, which, n)[:n_tried]:
            grid = _laid_flat(picture, corners / np.float32(scale))
            if grid is not None:
                return grid
    raise UserError("the picture shows no grid: it should show a table or boxes, whole")


def _masks(picture: Gray) -> Iterator[Gray]:
    """What is darker than its surroundings, of several sizes and by several margins."""
    soft = cv2.GaussianBlur(picture, (0, 0), _BLUR)
    mode, kind = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    for window, offset in itertools.product(_WINDOWS, _OFFSETS):
        yield np.asarray(cv2.adaptiveThreshold(soft, 255, mode, kind, window, offset), np.uint8)


def _likeliest(masks: Sequence[Gray], which: int, n: int) -> list[Corners]:
    """The quadrilaterals of all masks that are worth something, the best first; of those alike the best."""
    found = [(_worth(dark, each), each) for dark in masks for each in _quadrilaterals(dark, which, n)]
    worthy = sorted((pair for pair in found if pair[0] > -np.inf), key=lambda pair: -pair[0])
    kept: list[Corners] = []
    for _, corners in worthy:
        if all(abs(corners - other).max() > _ALIKE for other in kept):
            kept.append(corners)
    return kept


def _quadrilaterals(dark: Gray, which: int, n: int) -> list[Corners]:
    """Those of the n largest contours, which may be the outer ones or all of them."""
    contours, _ = cv2.findContours(dark, which, cv2.CHAIN_APPROX_SIMPLE)
    largest = sorted(contours, key=cv2.contourArea)[-n:]
    hulls = [np.asarray(cv2.convexHull(each), np.int32) for each in largest]
    large = [each for each in hulls if cv2.contourArea(each) >= _LEAST_AREA * dark.size]
    return [by_corners(each) for each in large] + [found for each in large for found in by_sides(each)]


def _worth(dark: Gray, corners: Corners) -> float:
    """How regular the lines inside are, both ways; large quadrilaterals are preferred."""
    area = cv2.contourArea(corners)
    if area < _LEAST_AREA * dark.size:
        return -np.inf
    flat, _ = flattened(dark, corners, side=_TRIAL_SIDE, margin=_TRIAL_MARGIN)
    if min(flat.shape) < 2 * _TRIAL_MARGIN + _NARROWEST:
        return -np.inf
    regular = _counts(flat, _TRIAL_MARGIN)[2]
    return regular + _PREFER_LARGE * float(np.log(area / dark.size))


def _laid_flat(picture: Gray, corners: Corners) -> Grid | None:
    """What the corners enclose; None where that is no grid: its lines aren't drawn, or it is a single box."""
    flat, turn = flattened(picture, corners, side=FLAT_SIDE, margin=MARGIN)
    soft = cv2.GaussianBlur(flat, (0, 0), 1)
    mode = cv2.ADAPTIVE_THRESH_MEAN_C
    dark = np.asarray(cv2.adaptiveThreshold(soft, 255, mode, cv2.THRESH_BINARY_INV, 31, 4), np.uint8)
    n_rows, n_columns, regular = _counts(dark, MARGIN)
    rows, columns = _even(len(flat), n_rows), _even(flat.shape[1], n_columns)
    down, across = _profile(dark), _profile(dark.T)
    if regular < _LEAST_REGULAR:
        rows, columns = _separate(down), _separate(across)
    is_drawn = min(_covered(down, rows), _covered(across, columns)) >= _LEAST_COVERED
    if not is_drawn or len(rows) == len(columns) == 2:
        return None
    back = np.asarray(np.linalg.inv(turn), np.float64)
    return Grid(flat=flat, rows=rows, columns=columns, picture=whole(picture), to_picture=back)


def _even(length: int, n: int) -> tuple[int, ...]:
    return tuple(np.linspace(MARGIN, length - MARGIN, n + 1).round().astype(int).tolist())


def _counts(dark: Gray, margin: int) -> tuple[int, int, float]:
    """How many even rows and columns a flat grid has, and how clearly; cells are rather square than not."""
    down, across = _regularities(_profile(dark), margin), _regularities(_profile(dark.T), margin)
    height, width = (length - 2 * margin for length in dark.shape)
    n_rows, n_columns = np.arange(1, len(down) + 1)[:, np.newaxis], np.arange(1, len(across) + 1)
    oblong = abs(np.log(width / n_columns * n_rows / height))
    worth = down[:, np.newaxis] + across - _PREFER_SQUARE * oblong
    row, column = np.unravel_index(worth.argmax(), worth.shape)
    return int(row) + 1, int(column) + 1, float(worth.max())


def _profile(dark: Gray) -> _Profile:
    """The share of each row that level lines cover."""
    thick = cv2.dilate(np.ascontiguousarray(dark), np.ones((3, 1), np.uint8))
    level = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, dark.shape[1] // 12), np.uint8))
    return np.asarray(np.asarray(level, np.float64).mean(axis=1) / 255)


def _covered(profile: _Profile, lines: tuple[int, ...]) -> float:
    """The share of a grid's lines that is drawn, on the average, of all or of the inner ones: the lesser.

    0 where there are fewer than two.
    """
    if len(lines) < 2:
        return 0.0
    drawn = [float(profile[max(0, line - _LINE) : line + _LINE + 1].max()) for line in lines]
    return float(min(np.mean(drawn), np.mean(drawn[1:-1] or [1.0])))


def _regularities(profile: _Profile, margin: int) -> _Profile:
    """How clearly lines divide the profile into 1, 2, 3 … even parts: 1 is ink on lines and nowhere else.

    The mean of what stands at the lines less the mean of the most that stands between two of them.
    """
    length = len(profile) - 2 * margin
    found = []
    for n in range(1, min(MOST_LINES, length // _NARROWEST) + 1):
        at = np.rint(margin + np.arange(n + 1) * length / n).astype(int)
        near = max(2, min(round(_SLACK * length / n), _MOST_NEAR))
        edges = np.stack([at - near, at + near + 1], axis=1).ravel().clip(0, len(profile))
        highest = np.maximum.reduceat(profile[: edges[-1]], edges[:-1])
        found.append(highest[::2].mean() - highest[1::2].mean())
    return np.array(found)


def _separate(profile: _Profile) -> tuple[int, ...]:
    """The middles of runs above a third, those near each other as one."""
    on = profile > 0.35
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    found: list[int] = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        middle = int(first + end) // 2
        if found and middle - found[-1] < 0.02 * len(profile):
            found[-1] = (found[-1] + middle) // 2
        else:
            found.append(middle)
    return tuple(found[: MOST_LINES + 1])
