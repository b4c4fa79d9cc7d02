"""Where the lines of writing are on a page: straightened, rules and frames left out, in reading order."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.image import sheets
from inkdigits.image.boxes import Matrix, seen, whole
from inkdigits.image.decoding import rounded
from inkdigits.image.paper import darkness, has_bright_ink
from inkdigits.types import Box, Gray

WORKING_SIDE = 1600
"""A larger page is shrunk to this to find its lines: a digit of 3 mm on A4 is still 16 pixels high.

Of a page that is longer than twice its width the width counts: half of this.
"""

_MOST_SKEW = 12.0
_LEAST_CONTRAST = 20
_LEAST_HEIGHT, _MOST_HEIGHT = 7, 0.6
_HEIGHT = 40
_LONGEST_STROKE = 64
_ALONE = 2.5
_ALONG = 1.3
_SHARED = 0.4
_TALL = 0.45
_AROUND = 0.25
_LONGEST = 16_000
_MOST_FILLED, _MANY_INSIDE, _FLAT = 0.12, 6, 6

_Boxes = NDArray[np.int64]
"""Left, top, right, bottom of each part: int64 (n, 4)."""

_Part = tuple[int, int, int, int]
"""The same of one part or line."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A straight picture of one line of a page, which is all of `page`.

    `to_page`, float64 (3, 3), takes a place (x, y, 1) on it to the page's.
    """

    picture: Gray
    page: Box
    to_page: Matrix

    def on_page(self, box: Box) -> Box:
        """The smallest box of the page around a box of the crop."""
        return seen(box, self.to_page, within=self.page)


def find_lines(page: Gray) -> list[Crop]:
    """The lines of writing on a page, from top to bottom and from left to right; none on a blank one.

    What is found is whatever has the size of writing, letters and print too. Where the page is a photo of a
    sheet on something darker, the sheet is laid flat first, and what is around it isn't looked at.
    """
    sheet = sheets.laid_flat(page)
    if sheet is None:
        return _lines_of(page)
    flat, to_page = sheet
    return [replace(crop, page=whole(page), to_page=to_page @ crop.to_page) for crop in _lines_of(flat)]


def _lines_of(page: Gray) -> list[Crop]:
    shorter, longer = sorted(page.shape)
    if shorter < _LEAST_HEIGHT:
        return []
    small, scale = _shrunk(
        page, max(WORKING_SIDE / longer, min(WORKING_SIDE / 2 / shorter, _LONGEST / longer))
    )
    if np.ptp(small) < _LEAST_CONTRAST:
        return []
    inked = _inked(small)
    tall = _usual_height(_without_frames(_parts(inked), inked))
    if tall > 1.5 * _HEIGHT:
        small, scale = _shrunk(page, scale * _HEIGHT / tall)
        inked, tall = _inked(small), _HEIGHT
    if len(small) <= _ALONE * tall:
        return [_crop(page, (0, 0, small.shape[1], len(small)), angle=0.0, scale=scale, around=0.0)]
    parts = _parts(_without_rules(inked))
    angle = _skew(parts)
    if angle:
        parts = _parts(_without_rules(_turned(inked, angle)))
    return [_crop(page, line, angle=angle, scale=scale) for line in _in_order(_lines(parts))]


def _without_frames(parts: _Boxes, inked: Gray) -> _Boxes:
    """The parts but frames and tables, which are higher than what is written in them.

    They are large and nearly empty, with several other parts in them, or with many; and no sloping rules.
    """
    middles = (parts[:, :2] + parts[:, 2:]) / 2
    is_frame = np.zeros(len(parts), np.bool_)
    for at in np.flatnonzero(parts[:, 3] - parts[:, 1] > 1.5 * _HEIGHT):
        is_within = ((middles > parts[at, :2]) & (middles < parts[at, 2:])).all(axis=1)
        left, top, right, bottom = parts[at].tolist()
        n_inside = np.count_nonzero(is_within) - 1  # itself
        is_empty = np.mean(inked[top:bottom, left:right]) < _MOST_FILLED or n_inside >= _MANY_INSIDE
        is_frame[at] = is_empty and n_inside >= 2 and right - left < _FLAT * (bottom - top)
    return parts[~is_frame]


def _usual_height(parts: _Boxes) -> float:
    """How high writing is: three quarters of the inked area are of parts lower than this; 0 without parts."""
    if len(parts) == 0:
        return 0.0
    heights, widths = parts[:, 3] - parts[:, 1], parts[:, 2] - parts[:, 0]
    order = np.argsort(heights)
    areas = np.cumsum((heights * np.minimum(widths, heights))[order])
    return float(heights[order][np.searchsorted(areas, 0.75 * areas[-1])])


def _shrunk(page: Gray, scale: float) -> tuple[Gray, float]:
    if scale >= 1:
        return page, 1.0
    size = (max(1, round(page.shape[1] * scale)), max(1, round(page.shape[0] * scale)))
    return np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _inked(picture: Gray) -> Gray:
    """A mask of the ink, uint8 0 and 1: darker than the paper near it by half of what strokes are."""
    ink = darkness(picture, bright_ink=has_bright_ink(picture))
    level, _ = cv2.threshold(rounded(ink), 0, 255, cv2.THRESH_OTSU)
    near = cv2.blur(ink, (2 * _LONGEST_STROKE + 1, 2 * _LONGEST_STROKE + 1))
    return np.asarray((ink > max(12.0, 0.5 * level)) & (ink > near + 0.25 * level), np.uint8)


def _without_rules(inked: Gray) -> Gray:
    """The mask without lines longer than strokes are, those of rules, tables and frames."""
    kept = inked.copy()
    for shape in ((1, _LONGEST_STROKE), (_LONGEST_STROKE, 1)):
        slack = cv2.dilate(inked, np.ones((3, 1) if shape[0] == 1 else (1, 3), np.uint8))
        long = cv2.morphologyEx(slack, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        across = np.ones((7, 1) if shape[0] == 1 else (1, 7), np.uint8)
        crossing = cv2.morphologyEx(inked, cv2.MORPH_OPEN, across)
        kept &= ~(np.asarray(long, np.uint8) & ~np.asarray(crossing, np.uint8) & 1)
    return kept


def _parts(inked: Gray) -> _Boxes:
    """The boxes of connected ink that may be writing: neither specks nor frames nor pictures."""
    boxes = np.asarray(cv2.connectedComponentsWithStats(inked, connectivity=8)[2][1:], np.int64)
    height, width = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH]
    tall = (
        (height >= _LEAST_HEIGHT) & (height <= _MOST_HEIGHT * len(inked)) if len(inked) > 120 else height > 3
    )
    kept = boxes[tall & (width <= 12 * height)]
    left, top = kept[:, cv2.CC_STAT_LEFT], kept[:, cv2.CC_STAT_TOP]
    return np.stack([left, top, left + kept[:, cv2.CC_STAT_WIDTH], top + kept[:, cv2.CC_STAT_HEIGHT]], axis=1)


def _skew(parts: _Boxes) -> float:
    """By how many degrees lines rise to the right: where the feet of all parts fall on fewest rows."""
    if len(parts) < 20:
        return 0.0
    x, y = (parts[:, 0] + parts[:, 2]) / 2, parts[:, 3].astype(np.float64)
    tall = float(np.median(parts[:, 3] - parts[:, 1]))

    def concentration(angle: float) -> float:
        rows = y * math.cos(math.radians(angle)) + x * math.sin(math.radians(angle))
        counts = np.bincount(((rows - rows.min()) / max(2.0, 0.2 * tall)).astype(int))
        return float((counts.astype(np.float64) ** 2).sum())

    coarse = max(np.arange(-_MOST_SKEW, _MOST_SKEW + 0.5, 0.5), key=concentration)
    fine = max(np.arange(coarse - 0.5, coarse + 0.51, 0.1), key=concentration)
    return 0.0 if concentration(fine) < 1.15 * concentration(0.0) else float(fine)


def _turn(shape: tuple[int, ...], angle: float) -> NDArray[np.float64]:
    """The map, float64 (2, 3), that turns a picture of that shape about its middle by minus the angle."""
    middle = (shape[1] / 2, shape[0] / 2)
    return np.asarray(cv2.getRotationMatrix2D(middle, -angle, 1.0), np.float64)


def _turned(mask: Gray, angle: float) -> Gray:
    size = (mask.shape[1], mask.shape[0])
    turn = _turn(mask.shape, angle)
    return np.asarray(cv2.warpAffine(mask, turn, size, flags=cv2.INTER_NEAREST), np.uint8)


def _lines(parts: _Boxes) -> list[list[_Part]]:
    """Parts that stand beside each other, at most a digit's width apart, as one line each."""
    lines: list[list[_Part]] = []
    for left, top, right, bottom in sorted(parts.tolist()):
        part = (left, top, right, bottom)
        near = [line for line in lines if _follows(part, line)]
        if not near:
            lines.append([part])
            continue
        first, *others = sorted(near, key=lambda line: left - line[-1][2])
        first.append(part)
        for other in others:
            if _same_row(other, first):
                first.extend(other)
                first.sort()
                lines = [line for line in lines if line is not other]
    return lines


def _follows(part: _Part, line: list[_Part]) -> bool:
    """Whether a part stands on the line: near one of its last parts, and on the same height."""
    for last in line[-4:]:
        shared = min(part[3], last[3]) - max(part[1], last[1])
        heights = part[3] - part[1], last[3] - last[1]
        if part[0] - last[2] <= _ALONG * max(heights) and shared >= _SHARED * min(heights):
            return True
    return False


def _same_row(one: list[_Part], other: list[_Part]) -> bool:
    (_, top, _, foot), (_, other_top, _, other_foot) = _around(one), _around(other)
    shared = min(foot, other_foot) - max(top, other_top)
    return shared > 0.5 * min(foot - top, other_foot - other_top)


def _around(line: list[_Part]) -> _Part:
    """The box of all parts."""
    left, top, right, bottom = zip(*line, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _in_order(lines: list[list[_Part]]) -> list[_Part]:
    """The box of each line, row by row, from left to right; what lies inside a larger box is part of it."""
    boxes = [_around(line) for line in lines]
    outer = [box for box in boxes if not any(_inside(box, other) for other in boxes)]
    rows: list[list[_Part]] = []
    for box in sorted(outer, key=lambda box: box[1] + box[3]):
        middle = (box[1] + box[3]) / 2
        row = next((row for row in rows if any(each[1] < middle < each[3] for each in row)), None)
        if row is None:
            rows.append([box])
        else:
            row.append(box)
    return [box for row in rows for box in sorted(row)]


def _inside(box: _Part, other: _Part) -> bool:
    middle_x, middle_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    smaller = (box[2] - box[0]) * (box[3] - box[1]) < (other[2] - other[0]) * (other[3] - other[1])
    return smaller and other[0] <= middle_x <= other[2] and other[1] <= middle_y <= other[3]


def _crop(page: Gray, line: _Part, *, angle: float, scale: float, around: float = _AROUND) -> Crop:
    """The line out of the page at its full size, straight, with a quarter of its height around it."""
    left, top, right, bottom = (at / scale for at in line)
    more = around * (bottom - top)
    left, top = left - more, top - more
    width, height = max(1, round(right + more - left)), max(1, round(bottom + more - top))
    turn = np.vstack([_turn(page.shape, angle), [0.0, 0.0, 1.0]])
    move = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    to_crop = move @ turn
    picture = cv2.warpAffine(page, to_crop[:2], (width, height), borderMode=cv2.BORDER_REPLICATE)
    to_page = np.asarray(np.linalg.inv(to_crop), np.float64)
    return Crop(picture=np.asarray(picture, np.uint8), page=whole(page), to_page=to_page)
