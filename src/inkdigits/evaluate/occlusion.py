"""Where a model looks: how much less sure it is of its answer when a part of the image is covered.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.
"""

import numpy as np
from numpy.typing import NDArray

from inkdigits.types import SIDE, Classifier, Images, Labels, Scores

PATCH, STRIDE = 7, 3
"""Pixels along each side of what covers, and from one place of it to the next."""

_AT_ONCE = 8

_STARTS = tuple(range(1 - STRIDE, SIDE - PATCH + STRIDE, STRIDE))


def looks(images: Images, classifier: Classifier, *, labels: Labels | None = None) -> NDArray[np.float32]:
    """How much of each image's answer lies where: see `looked_at`. Any number of images."""
    found = [np.zeros((0, SIDE, SIDE), np.float32)]
    for start in range(0, len(images), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        of = None if labels is None else labels[part]
        found.append(looked_at(classifier(covered(images[part])), len(images[part]), labels=of)[1])
    return np.concatenate(found)


def covered(images: Images) -> Images:
    """Each image, and behind it as many copies with a black square at one place after another."""
    n_places = len(_STARTS) ** 2
    shown = np.repeat(images, n_places + 1, axis=0).reshape(len(images), n_places + 1, SIDE, SIDE)
    for place, (rows, columns) in enumerate(_places(), 1):
        shown[:, place, rows, columns] = 0
    return shown.reshape(-1, SIDE, SIDE)


def looked_at(
    scores: Scores, n: int, *, labels: Labels | None = None
) -> tuple[list[int], NDArray[np.float32]]:
    """From the scores of `covered`, the answer to each of n images and how much of it lies where.

    float32, (n, 28, 28): by how much the answer's probability falls, on average, when the pixel is covered;
    negative where it rises. Where `labels` are given they stand for the answers.
    """
    each = scores.reshape(n, -1, scores.shape[-1])
    answers = each[:, 0].argmax(axis=1) if labels is None else labels
    of_answer = each[np.arange(n), :, answers]
    falls = of_answer[:, :1] - of_answer[:, 1:]
    total = np.zeros((n, SIDE, SIDE), np.float32)
    times = np.zeros((SIDE, SIDE), np.float32)
    for place, (rows, columns) in enumerate(_places()):
        total[:, rows, columns] += falls[:, place, np.newaxis, np.newaxis]
        times[rows, columns] += 1
    return answers.tolist(), total / times


def _places() -> list[tuple[slice, slice]]:
    return [(_side(row), _side(column)) for row in _STARTS for column in _STARTS]


def _side(start: int) -> slice:
    return slice(max(0, start), min(SIDE, start + PATCH))
