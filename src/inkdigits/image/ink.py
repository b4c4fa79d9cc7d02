"""The ink of one digit, off its paper."""

from dataclasses import dataclass

import cv2
import numpy as np

from inkdigits.errors import UserError
from inkdigits.image import levels, strokes
from inkdigits.image.decoding import rounded
from inkdigits.image.levels import Counts
from inkdigits.image.paper import SHADED_SIDE, darkness, has_bright_ink
from inkdigits.image.rules import find_rules
from inkdigits.types import Gray

WORKING_SIDE, WORKING_LENGTH = 112, 160
"""Pictures whose shorter or longer side exceeds these are shrunk: strokes are still many pixels wide, and
filters quick."""

FULL_INK = 250

_LEAST_CONTRAST = 20
_HALO = 26
_FAINT = 0.4
_RULE_MARGIN = 0.02
_SURE = 0.6
_FULL = 0.9
_LEAST_SIDE, _LEAST_LENGTH, _LEAST_ALIKE = 4, 16, 0.8


@dataclass(frozen=True, kw_only=True)
class _Levels:
    """How many pixels have each level, which level tells ink from paper, and up to which all is paper."""

    counts: Counts
    threshold: int
    floor: float


def find_ink(picture: Gray, *, bright_ink: bool | None = None) -> Gray:
    """The digit's ink alone: uint8, bright on exact black, the picture's shape or smaller.

    Whether the ink is brighter than its paper is found out where it isn't given. Raises UserError for a
    picture without ink.
    """
    small = _shrunk(picture)
    least, most, _, _ = cv2.minMaxLoc(small)
    if most - least < _LEAST_CONTRAST:
        raise blank()
    is_crop = min(small.shape) >= SHADED_SIDE
    is_bright = has_bright_ink(small) if bright_ink is None else bright_ink
    ink = np.asarray(cv2.convertScaleAbs(darkness(small, bright_ink=is_bright)), np.uint8)
    found = _levels(ink)
    if _is_grain(ink, found):
        raise blank()
    if is_crop and (rules := find_rules(_likely(ink, found))).any():
        ink = _without(rules, ink)
        found = _levels(ink)
    if _contrast(found) < _LEAST_CONTRAST:
        raise blank()
    if is_crop:
        inked = cv2.threshold(ink, found.threshold, 0, cv2.THRESH_TOZERO)[1]
        ink *= strokes.of_digit(np.asarray(inked, np.uint8), _likely(ink, found))
        if not ink.any():
            raise blank()
    return _stretched(ink, found)


def _shrunk(picture: Gray) -> Gray:
    """The picture at the size that is worked on; to halve it as often as possible is quicker."""
    height, width = picture.shape
    scale = min(WORKING_SIDE / min(height, width), WORKING_LENGTH / max(height, width))
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while max(picture.shape) >= 2 * max(size):
        picture = np.asarray(cv2.pyrDown(picture), np.uint8)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def blank() -> UserError:
    """What is raised for a picture without a digit's ink."""
    return UserError("the picture is blank: it should show one digit")


def _levels(ink: Gray) -> _Levels:
    counts, threshold = levels.counts(ink), levels.otsu(ink)
    return _Levels(counts=counts, threshold=threshold, floor=min(_grain(counts, threshold), float(threshold)))


def _contrast(found: _Levels) -> float:
    """By how much ink is above paper, on average; 0 where there is but one of them."""
    first = found.threshold + 1
    paper, ink = found.counts[:first], found.counts[first:]
    if not paper.any() or not ink.any():
        return 0.0
    return levels.mean(ink, first=first) - levels.mean(paper)


def _is_grain(ink: Gray, found: _Levels) -> bool:
    """Whether a picture shows grain and no stroke, or is too narrow to tell.

    A pixel of grain is as most around it are in two of three cases, one of a stroke or its paper nearly
    always: of MNIST, USPS and `numbers10`, in 94 % at least. In a picture of a few pixels strokes are as thin
    as grain.
    """
    if min(ink.shape) < _LEAST_SIDE:
        return True
    if max(ink.shape) < _LEAST_LENGTH:
        return False
    mask = np.asarray(cv2.threshold(ink, found.threshold, 1, cv2.THRESH_BINARY)[1], np.uint8)
    return bool(np.count_nonzero(mask == cv2.medianBlur(mask, 3)) < _LEAST_ALIKE * mask.size)


def _likely(ink: Gray, found: _Levels) -> Gray:
    """A mask, uint8 0 and 1, of what may be ink: faint parts of strokes too."""
    least = max(found.floor, _SURE * found.threshold)
    return np.asarray(cv2.threshold(ink, least, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _without(rules: Gray, ink: Gray) -> Gray:
    """The ink with rules and frames taken out, and their soft edges."""
    side = 2 * max(1, round(_RULE_MARGIN * max(ink.shape))) + 1
    return np.asarray(ink * (1 - cv2.dilate(rules, np.ones((side, side), np.uint8))), np.uint8)


def _stretched(ink: Gray, found: _Levels) -> Gray:
    """The ink off its paper, its strokes at full brightness."""
    strong = ink[ink > found.threshold]
    at = int(_FULL * (len(strong) - 1))
    top = int(np.partition(strong, at)[at])
    gain = 255.0 / (top - found.floor) if found.floor or top < FULL_INK else 1.0
    return np.asarray(cv2.LUT(ink, rounded((np.arange(256) - found.floor) * gain)), np.uint8)


def _grain(counts: Counts, threshold: int) -> float:
    """What counts as paper: three deviations of its grain, or the halo that JPEG leaves around strokes.

    Around clean strokes there are a third as many faint pixels as inked ones at most (all of MNIST); a JPEG
    has more of them.
    """
    deviations = 3 * 1.4826 * levels.median(counts[: threshold + 1])
    faint = counts[1:_HALO].sum() > _FAINT * counts[_HALO:].sum()
    return max(deviations, float(_HALO)) if faint else deviations
