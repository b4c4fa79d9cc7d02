"""The ink of one digit, off its paper."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError
from inkdigits.image import strokes
from inkdigits.image.decoding import rounded
from inkdigits.image.paper import SHADED_SIDE, darkness, has_bright_ink
from inkdigits.image.rules import find_rules
from inkdigits.types import Gray

WORKING_SIDE = 160
"""Larger pictures are shrunk to this: strokes are still many pixels wide, and filters quick."""

FULL_INK = 250.0

_LEAST_CONTRAST = 20.0
_HALO = 26.0
_FAINT = 0.4
_RULE_MARGIN = 0.02
_SURE = 0.6

_Ink = NDArray[np.float32]


def find_ink(picture: Gray) -> Gray:
    """The digit's ink alone: uint8, bright on exact black, the picture's shape or smaller.

    Raises UserError for a picture without ink.
    """
    small = _shrunk(picture)
    if np.ptp(small) < _LEAST_CONTRAST:
        raise _blank()
    is_crop = min(small.shape) >= SHADED_SIDE
    ink = darkness(small, bright_ink=has_bright_ink(small))
    if is_crop:
        ink = _without_rules(ink)
    threshold, floor = _levels(ink)
    inked = ink > threshold
    if not inked.any() or inked.all() or ink[inked].mean() - ink[~inked].mean() < _LEAST_CONTRAST:
        raise _blank()
    if is_crop:
        kept = strokes.of_digit(ink * inked, _likely(ink, threshold, floor))
        ink = ink * kept
        inked &= kept > 0
    top = float(np.percentile(ink[inked], 90))
    gain = 255.0 / (top - floor) if floor or top < FULL_INK else 1.0
    return rounded((ink - floor) * gain)


def _shrunk(picture: Gray) -> Gray:
    height, width = picture.shape
    scale = WORKING_SIDE / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _blank() -> UserError:
    return UserError("the picture is blank: it should show one digit")


def _levels(ink: _Ink) -> tuple[float, float]:
    """The level that best tells ink from paper (Otsu, 1979), and that up to which all is paper."""
    threshold, _ = cv2.threshold(ink.astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    paper = ink[ink <= threshold]
    return float(threshold), float(min(_grain(ink, paper), threshold)) if len(paper) else 0.0


def _likely(ink: _Ink, threshold: float, floor: float) -> Gray:
    """A mask, uint8 0 and 1, of what may be ink: faint parts of strokes too."""
    return (ink > max(floor, _SURE * threshold)).astype(np.uint8)


def _without_rules(ink: _Ink) -> _Ink:
    """The ink with rules and frames taken out, and their soft edges."""
    found = find_rules(_likely(ink, *_levels(ink)))
    if not found.any():
        return ink
    side = 2 * max(1, round(_RULE_MARGIN * max(ink.shape))) + 1
    return np.asarray(ink * (1 - cv2.dilate(found, np.ones((side, side), np.uint8))), np.float32)


def _grain(ink: _Ink, paper: _Ink) -> float:
    """What counts as paper: three deviations of its grain, or the halo that JPEG leaves around strokes.

    Around clean strokes there are a third as many faint pixels as inked ones at most (all of MNIST); a JPEG
    has more of them.
    """
    faint = np.count_nonzero((ink >= 1) & (ink < _HALO)) > _FAINT * np.count_nonzero(ink >= _HALO)
    deviations = 3 * 1.4826 * float(np.median(np.abs(paper)))
    return max(deviations, _HALO) if faint else deviations
