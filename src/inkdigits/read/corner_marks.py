"""A form's corner marks in a picture: the ways for four dark blobs to be them, and how surely they are."""

import itertools
import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.read.flattening import Homography, Points, flat, projected, shrunk
from inkdigits.read.form_spec import Area, Mark
from inkdigits.types import Gray

_PICTURE_SIDE = 1600
_LIGHTS = (0.45, 0.6, 0.75)
_LEAST_SIDE, _MOST_SPOTS = 4.0, 300
_MOST_BLOBS, _MOST_CANDIDATES = 26, 12

Blobs = NDArray[np.float64]
"""Filled dark spots: float64 (n, 3), x, y and the root of the area."""


def candidates(picture: Gray, marks: Sequence[Mark]) -> list[Homography]:
    """The ways for four dark blobs to be the marks, those of the fitting sizes first; none without marks."""
    if not marks:
        return []
    small, scale = shrunk(picture, longest=_PICTURE_SIDE)
    places = np.array([[mark.x, mark.y] for mark in marks])
    span = float(np.ptp(places, axis=0).max())
    sizes = np.array([mark.size for mark in marks])
    blobs = _blobs(
        small,
        least=max(_LEAST_SIDE, 0.3 * max(small.shape) * sizes.min() / span),
        most=1.2 * max(small.shape) * sizes.max() / span,
    )
    if len(blobs) < len(marks):
        return []
    clockwise = _clockwise(places[np.newaxis])[0]
    widths = np.array(
        [mark.size * (1.0 if mark.shape == "square" else math.sqrt(math.pi) / 2) for mark in marks]
    )
    quads = _quads(blobs, places[clockwise], widths[clockwise])
    ours = places[clockwise].astype(np.float32)
    return [
        np.asarray(cv2.getPerspectiveTransform(ours, (quad * scale).astype(np.float32)), np.float64)
        for quad in quads
    ]


def _clockwise(quads: Points) -> NDArray[np.int64]:
    """The order of each four points around their middle: int64 (n, 4)."""
    around = quads - quads.mean(axis=1, keepdims=True)
    return np.asarray(np.arctan2(around[..., 1], around[..., 0]).argsort(axis=1), np.int64)


def _blobs(picture: Gray, *, least: float, most: float) -> Blobs:
    """Filled dark spots of such sides: float64 (n, 3), x, y and the root of the area, the outermost ones."""
    kernel = np.ones((2 * round(1.2 * most) + 1,) * 2, np.uint8)
    paper = np.maximum(cv2.morphologyEx(picture, cv2.MORPH_CLOSE, kernel), 16)
    share = cv2.GaussianBlur(picture, (0, 0), 0.8) / paper
    found: list[tuple[float, float, float]] = []
    for light in _LIGHTS:
        for blob in _spots((share < light).astype(np.uint8), least, most):
            if all(math.dist(blob[:2], other[:2]) > 0.5 * blob[2] for other in found):
                found.append(blob)
    return _outermost(np.array(found).reshape(-1, 3))


def _spots(dark: Gray, least: float, most: float) -> Iterator[tuple[float, float, float]]:
    _, labels, stats, centres = cv2.connectedComponentsWithStats(dark, connectivity=4)
    width, height, area = (
        stats[:, each] for each in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    fitting = (
        (np.sqrt(area) >= least)
        & (np.sqrt(area) <= most)
        & (area >= 0.4 * width * height)
        & (np.maximum(width, height) <= 2.2 * np.minimum(width, height))
    )
    for label in np.flatnonzero(fitting)[:_MOST_SPOTS]:
        left, top = stats[label, cv2.CC_STAT_LEFT], stats[label, cv2.CC_STAT_TOP]
        mask = labels[top : top + height[label], left : left + width[label]] == label
        rows, columns = np.nonzero(mask)
        corners = np.column_stack([columns, rows])[:, np.newaxis] + np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
        hull = cv2.convexHull(corners.reshape(-1, 2).astype(np.float32))
        if area[label] >= 0.85 * cv2.contourArea(hull):
            x, y = centres[label] + 0.5
            yield float(x), float(y), math.sqrt(area[label])


def _outermost(blobs: Blobs) -> Blobs:
    """The blobs on the rim of them all, then those on the rim of the rest, until there are enough."""
    chosen, left = np.zeros((0, 3)), blobs
    while len(left) and len(chosen) < _MOST_BLOBS:
        hull = cv2.convexHull(left[:, :2].astype(np.float32), returnPoints=False)
        rim = np.unique(np.asarray(hull, np.int64))
        chosen, left = np.concatenate([chosen, left[rim]]), np.delete(left, rim, axis=0)
    return chosen[:_MOST_BLOBS]


def _quads(blobs: Blobs, places: Points, widths: NDArray[np.float64]) -> list[Points]:
    """Fours of blobs in the order of the places, whose sizes fit their distances, the best first."""
    fours = blobs[np.array(list(itertools.combinations(range(len(blobs)), 4)))]
    fours = np.take_along_axis(fours, _clockwise(fours[..., :2])[..., np.newaxis], axis=1)
    page_sides = np.linalg.norm(np.roll(places, -1, axis=0) - places, axis=1)
    worths, quads = [], []
    for turn in range(4):
        turned = np.roll(fours, turn, axis=1)
        sides = np.roll(turned[..., :2], -1, axis=1) - turned[..., :2]
        before = np.roll(sides, 1, axis=1)
        area = before[..., 0] * sides[..., 1] - before[..., 1] * sides[..., 0]
        ratios = np.linalg.norm(sides, axis=2) / page_sides
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.log(turned[..., 2] / widths / np.sqrt(area / (page_sides * np.roll(page_sides, 1))))
        worths.append((off**2).sum(axis=1) + 0.5 * np.log(ratios).var(axis=1))
        quads.append(turned[..., :2])
    worth = np.nan_to_num(np.concatenate(worths), nan=np.inf)
    best = worth.argsort()[:_MOST_CANDIDATES]
    return [np.concatenate(quads)[each] for each in best if worth[each] < 1.0]


def settled(picture: Gray, marks: Sequence[Mark], matrix: Homography) -> Homography:
    """The map through the middles of the marks' ink."""
    places = np.array([[mark.x, mark.y] for mark in marks])
    for _ in range(2):
        middles = np.array([_middle(picture, mark, matrix) for mark in marks])
        found, _ = cv2.findHomography(places, projected(matrix, middles))
        matrix = matrix if found is None else np.asarray(found, np.float64)
    return matrix


def _around(mark: Mark) -> Area:
    side = 2 * mark.size
    return Area(x=mark.x - mark.size, y=mark.y - mark.size, width=side, height=side)


def _middle(picture: Gray, mark: Mark, matrix: Homography) -> Points:
    """The middle of the ink where a mark should be, in page units."""
    scale = 24 / mark.size
    view = flat(picture, matrix, _around(mark), scale=scale)
    threshold, dark = cv2.threshold(view, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    _, labels = cv2.connectedComponents(dark)
    if not labels[24, 24]:
        return np.array([mark.x, mark.y])
    near = cv2.dilate((labels == labels[24, 24]).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    paper = np.median(view[view > threshold]) if (view > threshold).any() else 255
    weight = np.where(near, np.maximum(paper - view.astype(np.float64), 0), 0)
    rows, columns = weight.sum(axis=1), weight.sum(axis=0)
    along = np.arange(48) + 0.5
    middle = np.array([columns @ along, rows @ along]) / max(weight.sum(), 1e-9)
    return np.asarray([mark.x, mark.y] + (middle - 24) / scale, np.float64)


def alike(picture: Gray, mark: Mark, matrix: Homography) -> float:
    """The correlation of what is at a mark's place with the mark."""
    view = flat(picture, matrix, _around(mark), scale=24 / mark.size).astype(np.float64)
    along = np.arange(48) + 0.5 - 24
    far = np.maximum(abs(along), abs(along)[:, np.newaxis])
    if mark.shape == "disc":
        far = np.hypot(along, along[:, np.newaxis])
    ideal = (far > 12).astype(np.float64)
    if np.ptp(view) == 0:
        return 0.0
    return float(np.corrcoef(view.ravel(), ideal.ravel())[0, 1])
