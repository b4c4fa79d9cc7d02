"""Where a model looked, laid over the image in colour."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Gray

Colours = NDArray[np.uint8]
"""A coloured picture: uint8, (height, width, 3), red, green and blue."""

FOR, AGAINST = (255, 122, 26), (64, 140, 255)
"""The colours of what speaks for the answer and against it."""

_STRONGEST = 0.75


def overlay(image: Gray, looked_at: NDArray[np.floating], *, scale: int = 1) -> Colours:
    """The image, every pixel `scale` on a side: orange where it speaks for the answer, blue where against it.

    `looked_at`, (height, width), is how much; its largest amount is the strongest colour.
    """
    size = (image.shape[1] * scale, image.shape[0] * scale)
    grey = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)[..., np.newaxis].repeat(3, axis=2)
    most = float(np.abs(looked_at).max())
    if most == 0:
        return np.asarray(grey, np.uint8)
    amounts = cv2.resize((looked_at / most).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    strength = np.asarray(_STRONGEST * np.abs(amounts))[..., np.newaxis]
    colour = np.where(np.asarray(amounts)[..., np.newaxis] >= 0, FOR, AGAINST)
    return np.asarray(np.rint(grey * (1 - strength) + colour * strength), np.uint8)
