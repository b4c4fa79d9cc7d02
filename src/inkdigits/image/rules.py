"""Straight lines across a crop that no hand wrote: rules, squares, the frame of a box."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Gray

STEEPEST = 0.1
"""How far a rule may rise, of its length: 6 degrees."""

_N_SLOPES, _N_BLOCKS = 9, 10
_NEAR_RIM = 0.17
_FRAME_COVER, _RULE_COVER = 0.5, 0.8
_THICKEST_FRAME, _THICKEST_RULE = 0.16, 0.06

_SLACK = np.ones((3, 1), np.uint8)

_Mask = NDArray[np.bool_]


def find_rules(inked: Gray) -> Gray:
    """The pixels of rules in a mask of ink, uint8 0 and 1 both; what crosses a rule is left to the ink.

    A rule reaches from one side of the picture to the other and covers four fifths of the way, or near the
    rim, where frames are, half of it.
    """
    across = _level(inked)
    down = _level(np.ascontiguousarray(inked.T)).T
    return np.asarray(across | down, np.uint8)


def _level(inked: Gray) -> Gray:
    """The rules that are level, or nearly so."""
    found = np.zeros_like(inked)
    slope = _steepness(inked)
    if slope is None:
        return found
    straight = _sheared(inked, -slope)
    rows = _rule_rows(np.asarray(cv2.dilate(straight, _SLACK), np.uint8))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        _take(found, straight, int(first), int(end))
    return _sheared(found, slope)


def _steepness(inked: Gray) -> float | None:
    """The slope along which lines stand out most, or None where none is long enough for a rule.

    The columns are taken in blocks, each moved as a whole: what the shear would do, at a tenth of its price.
    """
    height, width = inked.shape
    bounds = np.linspace(0, width, _N_BLOCKS + 1).astype(int)
    blocks = np.add.reduceat(cv2.dilate(inked, _SLACK), bounds[:-1], axis=1, dtype=np.int32)
    middles = (bounds[:-1] + bounds[1:]) / 2 - width / 2
    slopes = np.linspace(-STEEPEST, STEEPEST, _N_SLOPES)
    moved = np.arange(height)[:, None] + np.rint(slopes[:, None, None] * middles).astype(int)
    inside = (moved >= 0) & (moved < height)
    taken = blocks[np.clip(moved, 0, height - 1), np.arange(_N_BLOCKS)] * inside
    covers = taken.sum(axis=2) / width
    if covers.max() < _FRAME_COVER:
        return None
    return float(slopes[(covers**4).sum(axis=1).argmax()])


def _rule_rows(straight: Gray) -> _Mask:
    """The rows that a rule runs along, in a mask whose lines have been given slack."""
    height, width = straight.shape
    cover = straight.mean(axis=1)
    end = max(1, width // 25)
    reaching = (straight[:, :end].max(axis=1) > 0) & (straight[:, -end:].max(axis=1) > 0)
    near = _near_rim(height)
    whole = (cover >= _RULE_COVER) & (reaching | near)
    return np.asarray(whole | ((cover >= _FRAME_COVER) & reaching & near), np.bool_)


def _near_rim(height: int) -> _Mask:
    rows = np.arange(height)
    return np.asarray(np.minimum(rows, height - 1 - rows) < _NEAR_RIM * height, np.bool_)


def _take(found: Gray, straight: Gray, first: int, end: int) -> None:
    """Adds the rule in these rows to what is found, without the strokes that cross it."""
    height = len(straight)
    thickness = max(1, end - first - (len(_SLACK) - 1))
    near = min(first, height - end) < _NEAR_RIM * height
    if thickness > (_THICKEST_FRAME if near else _THICKEST_RULE) * height:
        return
    more = max(1, thickness // 2)
    rows = slice(max(0, first - more), min(height, end + more))
    crossing = np.ones((int(1.8 * thickness) + 3, 1), np.uint8)
    tall = np.asarray(cv2.morphologyEx(straight, cv2.MORPH_OPEN, crossing), np.uint8)
    found[rows] |= straight[rows] & ~tall[rows]


def _sheared(mask: Gray, slope: float) -> Gray:
    """The mask with its columns moved so that lines of slope 0 come to have that slope."""
    height, width = mask.shape
    turn = np.array([[1, 0, 0], [slope, 1, -slope * width / 2]], np.float32)
    return np.asarray(cv2.warpAffine(mask, turn, (width, height), flags=cv2.INTER_NEAREST), np.uint8)
