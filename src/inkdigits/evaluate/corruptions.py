"""The fifteen corruptions of MNIST-C: how a model bears what it was never shown.

Mu and Gilmer, "MNIST-C: A Robustness Benchmark for Computer Vision", 2019, arXiv:1906.02337, with the
severities of the published set. Each takes and gives digit images, which aren't made digit images anew:
a corrupted one reaches the network as it is.
"""

import itertools
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inkdigits.types import SIDE, Images

Values = NDArray[np.float64]
"""Images from 0 to 1: float64, (n, 28, 28)."""

_CENTRE = (SIDE - 1) / 2
_ROWS, _COLUMNS = np.indices((SIDE, SIDE))

_PHOTONS = 3
_IMPULSES = 0.17
_GLASS_SIGMA, _GLASS_REACH, _GLASS_PASSES = 0.7, 1, 2
_MOTION_LENGTH, _MOTION_SIGMA, _MOTION_DEGREES = 21, 3.0, 45.0
_RADIANS = 0.4
_SHRINKING = 0.7
_BRIGHTER = 0.5
_SHIFT = 3
_STRIPE = slice(7, 21)
_FOG, _FOG_DECAY, _FOG_SIDE = 3.0, 1.4, 256
_LIQUID_MEAN, _LIQUID_SD, _LIQUID_SIGMA, _LIQUID_LEAST = 0.65, 0.3, 1.0, 0.65
_MUD_SIGMA, _MUD_LEAST, _MUD = 1.5, 0.8, 63 / 255
_LINE_REACH = 2.3
_TOOTH = 2.0
_CANNY_SIGMA, _CANNY_LOW, _CANNY_HIGH = 1.0, 0.1, 0.2


def corrupted(images: Images, name: str, *, seed: int = 0) -> Images:
    """The images changed as the corruption of that name does it; the same for the same seed and images.

    Raises KeyError for a name that isn't in `NAMES`.
    """
    random = np.random.default_rng([seed, NAMES.index(name)])
    changed = _CORRUPTIONS[name](images / 255, random)
    return np.clip(changed * 255, 0, 255).round().astype(np.uint8)


def _shot_noise(values: Values, random: Generator) -> Values:
    return random.poisson(values * _PHOTONS) / _PHOTONS


def _impulse_noise(values: Values, random: Generator) -> Values:
    is_hit, is_salt = random.random(values.shape) < _IMPULSES, random.random(values.shape) < 0.5
    return np.where(is_hit, is_salt, values)


def _glass_blur(values: Values, random: Generator) -> Values:
    """Blurred along columns, neighbours swapped at random, and blurred again."""
    n = len(values)
    every = np.arange(n)
    shuffled = np.floor(_blurred_down(values, _GLASS_SIGMA) * 255)
    for _ in range(_GLASS_PASSES):
        for row in range(SIDE - _GLASS_REACH, _GLASS_REACH, -1):
            for column in range(SIDE - _GLASS_REACH, _GLASS_REACH, -1):
                swapped = every[random.random(n) < 0.5]
                moves = random.integers(-_GLASS_REACH, _GLASS_REACH, (2, len(swapped)))
                to = (swapped, row + moves[0], column + moves[1])
                here = shuffled[swapped, row, column]
                shuffled[swapped, row, column] = shuffled[to]
                shuffled[to] = here
    return _blurred_down(shuffled / 255, _GLASS_SIGMA)


def _blurred_down(values: Values, sigma: float) -> Values:
    """Blurred along the columns alone, as the published set is: its colour axis was taken for the rows."""
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    padded = np.pad(values, ((0, 0), (reach, reach), (0, 0)), mode="edge")
    parts = (weight * padded[:, i : i + SIDE] for i, weight in enumerate(weights / weights.sum()))
    return np.asarray(np.sum(list(parts), axis=0))


def _motion_blur(values: Values, random: Generator) -> Values:
    """Smeared to one side, at an angle of its own for each: half a Gaussian, as ImageMagick has it."""
    weights = np.exp(-(np.arange(_MOTION_LENGTH) ** 2) / (2 * _MOTION_SIGMA**2))
    angles = np.deg2rad(random.uniform(-_MOTION_DEGREES, _MOTION_DEGREES, (len(values), 1, 1)))
    every = np.arange(len(values))[:, np.newaxis, np.newaxis]
    total = np.zeros_like(values)
    for i, weight in enumerate(weights / weights.sum()):
        rows = _ROWS + np.ceil(i * np.sin(angles) - 0.5).astype(np.int64)
        columns = _COLUMNS + np.ceil(i * np.cos(angles) - 0.5).astype(np.int64)
        total += weight * values[every, rows.clip(0, SIDE - 1), columns.clip(0, SIDE - 1)]
    return total


def _shear(values: Values, random: Generator) -> Values:
    def matrix(sign: float) -> Values:
        return np.array([[1, -np.sin(sign * _RADIANS)], [0, np.cos(sign * _RADIANS)]])

    return _warped(values, [matrix(sign) for sign in _signs(random, len(values))])


def _scale(values: Values, _random: Generator) -> Values:
    return _warped(values, [np.eye(2) / _SHRINKING] * len(values))


def _rotate(values: Values, random: Generator) -> Values:
    def matrix(angle: float) -> Values:
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    return _warped(values, [matrix(sign * _RADIANS) for sign in _signs(random, len(values))])


def _brightness(values: Values, _random: Generator) -> Values:
    return values + _BRIGHTER


def _translate(values: Values, random: Generator) -> Values:
    down, right = (_SHIFT * random.choice([-1, 1], len(values)) for _ in range(2))
    padded = np.pad(values, ((0, 0), (_SHIFT, _SHIFT), (_SHIFT, _SHIFT)))
    starts = zip(padded, _SHIFT - down, _SHIFT - right, strict=True)
    return np.array([each[row : row + SIDE, column : column + SIDE] for each, row, column in starts])


def _stripe(values: Values, _random: Generator) -> Values:
    """Negative but for a stripe down the middle."""
    found = 1 - values
    found[:, :, _STRIPE] = values[:, :, _STRIPE]
    return found


def _fog(values: Values, random: Generator) -> Values:
    most = values.max(axis=(1, 2), keepdims=True)
    fog = np.array([_plasma(random) for _ in range(len(values))])
    return np.asarray((values + _FOG * fog) * most / (most + _FOG))


def _plasma(random: Generator) -> Values:
    """A corner of a fractal of squares and diamonds, from 0 to 1 over the whole of it, which wraps around.

    Every point is the mean of its four neighbours and a random amount; in the code of the published set one
    neighbour in eight is taken from another place, by a slip that leaves the fog as it looks.
    """
    whole = np.zeros((_FOG_SIDE, _FOG_SIDE))
    step, wobble = _FOG_SIDE, 100.0

    def mean(total: Values) -> Values:
        return total / 4 + wobble * random.uniform(-wobble, wobble, total.shape)

    while step >= 2:
        half = step // 2
        corners = whole[::step, ::step]
        two = corners + np.roll(corners, -1, axis=0)
        whole[half::step, half::step] = mean(two + np.roll(two, -1, axis=1))
        middles = whole[half::step, half::step]
        beside = corners + np.roll(corners, -1, axis=1)
        whole[::step, half::step] = mean(middles + np.roll(middles, 1, axis=0) + beside)
        above = corners + np.roll(corners, -1, axis=0)
        whole[half::step, ::step] = mean(middles + np.roll(middles, 1, axis=1) + above)
        step, wobble = half, wobble / _FOG_DECAY
    corner = whole[:SIDE, :SIDE] - whole.min()
    return np.asarray(corner / (whole.max() - whole.min()))


def _spatter(values: Values, random: Generator) -> Values:
    """Mud, where a blurred noise is high."""
    noise = random.normal(_LIQUID_MEAN, _LIQUID_SD, values.shape)
    found = values.copy()
    for value, each in zip(found, noise, strict=True):
        liquid = _blurred(each, _LIQUID_SIGMA)
        mud = _blurred((liquid > _LIQUID_LEAST).astype(np.float64), _MUD_SIGMA)
        mud[mud < _MUD_LEAST] = 0
        value[:] = value * (1 - mud) + _MUD * mud
    return found


def _dotted_line(values: Values, random: Generator) -> Values:
    """A line from side to side, two columns of it there and two not."""
    ends = random.integers(0, SIDE - 1, (len(values), 2))
    lines = np.array([_line(0, first, SIDE - 1, last) for first, last in ends])
    lines[:, :, np.arange(SIDE) % 4 < 2] = 0
    return np.asarray(values + lines)


def _zigzag(values: Values, random: Generator) -> Values:
    return np.array([np.minimum(value + _zigzag_line(random), 1) for value in values])


def _zigzag_line(random: Generator) -> Values:
    """Teeth along a line that rises or falls by up to five pixels."""
    first, end = 2, 25
    top = int(random.integers(0, SIDE - 1))
    angle = np.arctan(int(random.integers(-5, 5)) / (end - first))
    length = (end - first) / np.cos(angle)
    points = [(0.0, 0.0)]
    for i in range(int((length - _TOOTH) // (2 * _TOOTH)) + 1):
        points.append(((2 * i + 1) * _TOOTH, (-1) ** i * _TOOTH))
    whole = 2 * _TOOTH * (length // (2 * _TOOTH))
    if length != whole:
        points.append((length, points[-1][1] / (2 * (length - whole))))
    cos, sin = np.cos(angle), np.sin(angle)
    turned = [(first + x * cos - y * sin, top + x * sin + y * cos) for x, y in points]
    pairs = itertools.pairwise(turned)
    return np.asarray(np.minimum(np.sum([_line(*start, *stop) for start, stop in pairs], axis=0), 1))


def _line(x0: float, y0: float, x1: float, y1: float) -> Values:
    """A line from left to right that fades upwards and downwards, as log(1 − d/2.3) + 1."""
    slope = (y1 - y0) / (x1 - x0)
    away = np.abs(_ROWS - (slope * (_COLUMNS - x0) + y0)).clip(0, _LINE_REACH - 1e-10)
    found = np.clip(np.log(1 - away / _LINE_REACH) + 1, 0, 1)
    found[:, : int(np.floor(x0))] = 0
    found[:, int(np.ceil(x1)) :] = 0
    return np.asarray(found)


def _canny_edges(values: Values, _random: Generator) -> Values:
    """Where the slope of brightness, blurred by a pixel, is steepest across it."""
    found = np.empty_like(values)
    for edges, value in zip(found, values, strict=True):
        blurred = (_blurred(value, _CANNY_SIGMA) * 255).round()
        right, down = (
            np.asarray(cv2.Sobel(blurred, cv2.CV_16S, *way, borderType=cv2.BORDER_REFLECT), np.int16)
            for way in ((1, 0), (0, 1))
        )
        edges[:] = cv2.Canny(right, down, 255 * _CANNY_LOW, 255 * _CANNY_HIGH, L2gradient=True) > 0
    return found


def _blurred(picture: Values, sigma: float) -> Values:
    """A Gaussian as far as four times its deviation."""
    side = 2 * int(4 * sigma + 0.5) + 1
    return np.asarray(cv2.GaussianBlur(picture, (side, side), sigma, borderType=cv2.BORDER_REPLICATE))


def _warped(values: Values, matrices: list[Values]) -> Values:
    """Each image with the place of every pixel, from its centre, led back by a matrix (x, y)."""
    found = np.empty_like(values)
    for out, value, matrix in zip(found, values, matrices, strict=True):
        move = _CENTRE * (1 - matrix.sum(axis=1, keepdims=True))
        whole = np.hstack([matrix, move])
        out[:] = cv2.warpAffine(value, whole, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return found


def _signs(random: Generator, n: int) -> NDArray[np.int64]:
    return random.choice([-1, 1], n)


_CORRUPTIONS: Mapping[str, Callable[[Values, Generator], Values]] = {
    "shot noise": _shot_noise,
    "impulse noise": _impulse_noise,
    "glass blur": _glass_blur,
    "motion blur": _motion_blur,
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "brightness": _brightness,
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted line": _dotted_line,
    "zigzag": _zigzag,
    "Canny edges": _canny_edges,
}

NAMES = tuple(_CORRUPTIONS)
"""All of them, in the order of the paper."""
