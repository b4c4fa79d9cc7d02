"""What both peers do for a request: the same functions and the same model as ours."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np

from inkdigits import image
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import Images

cv2.setNumThreads(1)  # as ours: the other core has work


@cache
def model() -> Engine:
    """The model that ours serves, too."""
    return engine.shipped("reader", threads=1)


def seen(content: bytes) -> Images:
    """The digit image of a picture in a file."""
    return image.digit(image.decode(content))


def read(images: Sequence[Images]) -> list[dict[str, Any]]:
    """What they are, all scored in one go."""
    scores = model().classify(np.stack(images))
    names = model().card.label_names
    return [
        {"label": names[best], "confidence": float(row[best])}
        for row, best in zip(scores, scores.argmax(axis=1), strict=True)
    ]
