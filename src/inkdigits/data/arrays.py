"""From arrays of pictures, whatever their shape and range, to digit images."""

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import samples
from inkdigits.data.samples import Samples
from inkdigits.errors import UserError
from inkdigits.types import Images

AnyArray = NDArray[np.generic]

_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 16.0), (0.0, 255.0))
_FIRST_UNSURE = 2**53
"""From here on float64 can't tell whole numbers apart."""
_RGB = np.array([0.299, 0.587, 0.114])


def to_samples(pictures: AnyArray, labels: AnyArray, *, name: str) -> Samples:
    """Samples of an array of pictures and one label each.

    Pictures: (n, height, width), (n, height, width, 1 or 3), (n, 1, height, width) or (n, side²); values
    0…255, 0…1, −1…1 or 0…16. Raises UserError for shapes, values and labels that can't be meant.
    """
    classes = _labels(labels, name=name)
    pictures = np.atleast_1d(pictures)
    if len(pictures) != len(classes):
        raise UserError(
            f"{name} has {len(pictures)} images but {len(classes)} labels: there must be one for each"
        )
    if not len(pictures):
        raise UserError(f"{name} holds no images")
    grey = to_grey(pictures, name=name)
    rows = [f"{name} row {row}" for row in range(len(grey))]
    return samples.from_pictures(list(grey), labels=classes.tolist(), names=rows)


def to_grey(pictures: AnyArray, *, name: str) -> Images:
    """The pictures as uint8 (n, height, width), from any of the shapes and ranges of `to_samples`."""
    if pictures.dtype.kind not in "buif":
        raise UserError(f"{name} has images of the type {pictures.dtype}; they should be numbers")
    return _in_bytes(_in_planes(pictures, name=name), name=name)


def _in_planes(pictures: AnyArray, *, name: str) -> NDArray[np.generic]:
    shape = pictures.shape
    met = "×".join(map(str, shape))
    if not pictures.size:
        raise UserError(f"{name} has images of the shape {met}, without any pixels")
    if len(shape) == 2:
        side = round(shape[1] ** 0.5)
        if side * side == shape[1]:
            return pictures.reshape(-1, side, side)
    if len(shape) == 3:
        return pictures
    if len(shape) == 4 and shape[3] == 1:
        return pictures[..., 0]
    if len(shape) == 4 and shape[3] == 3:
        return np.asarray(np.asarray(pictures, np.float64) @ _RGB)
    if len(shape) == 4 and shape[1] == 1:
        return pictures[:, 0]
    raise UserError(
        f"{name} has images of the shape {met}; it should be n×height×width, or n×pixels of a square"
    )


def _in_bytes(pictures: NDArray[np.generic], *, name: str) -> Images:
    if pictures.dtype == np.uint8 and pictures.max() > 16:
        return np.asarray(pictures, np.uint8)
    values = np.asarray(pictures, np.float32)
    if not np.isfinite(values).all():
        raise UserError(f"{name} has pixels that are no numbers (NaN or infinite)")
    low, high = float(values.min()), float(values.max())
    for least, most in _RANGES:
        # A little over, for what resampling and colour weights overshoot.
        if least - 1e-3 <= low and high <= most + 1e-3:
            scaled = (values - least) * (255 / (most - least))
            return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)
    raise UserError(f"{name} has pixels from {low:g} to {high:g}; they should span 0…255, 0…1 or -1…1")


def _labels(labels: AnyArray, *, name: str) -> NDArray[np.str_]:
    """The labels as text: whole numbers, or names. One-hot rows are taken for what they say."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "buif" and _is_one_hot(labels):
        labels = labels.argmax(axis=1)
    if labels.ndim != 1:
        raise UserError(
            f"{name} has labels of {labels.ndim} dimensions; there should be one label for each image"
        )
    if labels.dtype.kind in "US":
        return _text(labels, name=name)
    numbers = np.asarray(labels, np.float64) if labels.dtype.kind in "buif" else np.array([np.nan])
    wrong = ~np.isfinite(numbers) | (numbers < 0) | (numbers >= _FIRST_UNSURE) | (numbers != np.rint(numbers))
    if wrong.any():
        raise UserError(
            f"{name} has the label {labels[wrong.argmax()]}; "
            "labels should be whole numbers from 0, below 2^53, or names"
        )
    return numbers.astype(np.int64).astype(np.str_)


def _text(labels: AnyArray, *, name: str) -> NDArray[np.str_]:
    try:
        return np.array([_decoded(label) for label in labels.tolist()], np.str_)
    except UnicodeDecodeError as error:
        raise UserError(f"{name} has labels that are no text in UTF-8") from error


def _decoded(label: str | bytes) -> str:
    return label.decode() if isinstance(label, bytes) else label


def _is_one_hot(labels: AnyArray) -> bool:
    numbers = np.asarray(labels, np.float64)
    return bool(((numbers == 0) | (numbers == 1)).all() and (numbers.sum(axis=1) == 1).all())
