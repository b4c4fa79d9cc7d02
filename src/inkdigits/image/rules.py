"""Straight lines across a crop that no hand wrote: rules, squares, the frame of a box."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Gray

STEEPEST = 0.1
"""How far a rule may rise, of its length: 6 degrees."""

_N_BLOCKS = 10
_SLOPES = np.linspace(-STEEPEST, STEEPEST, 9)
_NEAR_RIM = 0.17
_FRAME_COVER, _RULE_COVER = 0.5, 0.8
_THICKEST_FRAME, _THICKEST_RULE = 0.16, 0.06

_SLACK = np.ones((3, 1), np.uint8)

_Mask = NDArray[np.bool_]
_Places = NDArray[np.int64]


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
    slope = _steepness(inked) if _is_wide(inked) else None
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
    bounds, taken, room = _blocks(height, width)
    blocks = np.add.reduceat(cv2.dilate(inked, _SLACK), bounds[:-1], axis=1, dtype=np.int32).T
    if blocks.max(axis=1).sum() < _FRAME_COVER * width:
        return None
    padded = np.zeros((_N_BLOCKS, height + 2 * room), np.int32)
    padded[:, room : room + height] = blocks
    covers = padded.take(taken).sum(axis=0) / width
    if covers.max() < _FRAME_COVER:
        return None
    return float(_SLOPES[np.square(np.square(covers)).sum(axis=1).argmax()])


@functools.lru_cache(maxsize=32)
def _blocks(height: int, width: int) -> tuple[_Places, _Places, int]:
    """Where blocks of columns begin and end, and which pixels make up which row when they are moved.

    The latter, (blocks, slopes, height), are places in all blocks one after another, each with as much room
    before and behind it as is given last.
    """
    bounds = np.linspace(0, width, _N_BLOCKS + 1).astype(int)
    middles = (bounds[:-1] + bounds[1:]) / 2 - width / 2
    moves = np.rint(_SLOPES * middles[:, np.newaxis]).astype(int)
    room = int(abs(moves).max())
    first = np.arange(_N_BLOCKS)[:, np.newaxis] * (height + 2 * room) + room + moves
    return bounds, first[..., np.newaxis] + np.arange(height), room


def _is_wide(inked: Gray) -> bool:
    """Whether the ink is wide enough for a rule: quickly told, and false of most digits."""
    width, end = inked.shape[1], _end(inked.shape[1])
    left, _, ink_width, _ = cv2.boundingRect(inked)
    reaching = left < end and left + ink_width > width - end
    return bool(ink_width >= (_FRAME_COVER if reaching else _RULE_COVER) * width)


def _end(width: int) -> int:
    """How near to a side a rule comes that reaches it."""
    return max(1, width // 25)


def _rule_rows(straight: Gray) -> _Mask:
    """The rows that a rule runs along, in a mask whose lines have been given slack."""
    height, width = straight.shape
    cover = cv2.reduce(straight, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    end = _end(width)
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
    if slope == 0:
        return mask
    height, width = mask.shape
    turn = np.array([[1, 0, 0], [slope, 1, -slope * width / 2]], np.float32)
    return np.asarray(cv2.warpAffine(mask, turn, (width, height), flags=cv2.INTER_NEAREST), np.uint8)
