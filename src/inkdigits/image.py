"""The definition of a digit image, and decoding pictures safely.

A digit image is uint8 (28, 28), bright ink on black: the ink scaled with its aspect kept into 20×20
pixels and moved by whole pixels until its centre of mass is nearest to the middle, pixel (14, 14), as
MNIST was made. `digit` makes it, from any grey picture of one digit; nothing else in the package does.
"""

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from inkdigits.errors import UserError
from inkdigits.types import SIDE, Gray, Images

INK_SIDE = 20
"""Pixels along the longer side of the ink in a digit image."""

MIDDLE = SIDE / 2
"""Where the ink's centre of mass comes to lie, in pixel coordinates, to the nearest whole move."""

MOST_BYTES = 64 << 20
"""The largest picture file that is read."""

MOST_PIXELS = 120_000_000
"""The largest picture that is decoded: a phone's 108 megapixels and a little more."""

_DECODERS: dict[bytes, type[ImageFile.ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
    b"II*\x00": TiffImagePlugin.TiffImageFile,
    b"MM\x00*": TiffImagePlugin.TiffImageFile,
}

# Whatever Pillow's readers raise on damaged bytes; found by feeding them damaged bytes (tests/test_image.py).
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, RuntimeError)

_WORKING_SIDE = 400
_SHADED_SIDE = 96
_COARSE_SIDE = 48
_LEAST_CONTRAST = 20.0
_DARKEST_PAPER = np.float32(32)
_FULL_INK = 250.0
_HALO = 26.0
_FAINT = 0.4
_SPECK = 0.02
_OFF_CENTRE = 0.6
_MOST_GAIN = 4.0


def decode(source: Path | bytes, *, name: str = "") -> Gray:
    """The picture in a PNG, JPEG, WebP, BMP or TIFF file, as grey: uint8 (height, width), upright.

    What is transparent becomes white, 16 bits become 8, the camera's orientation is applied, and of
    several frames the first is taken. Raises UserError, naming the file (`name` for bytes), for other
    formats, damaged files, and pictures of more than MOST_BYTES or MOST_PIXELS: the size is read from
    the header, before any pixel.
    """
    name = name or (str(source) if isinstance(source, Path) else "the picture")
    content = _content(source, name=name)
    decoder = next((each for signature, each in _DECODERS.items() if content.startswith(signature)), None)
    if decoder is None:
        raise UserError(f"{name} is no picture in a known format; one of: PNG, JPEG, WebP, BMP, TIFF")
    try:
        with decoder(io.BytesIO(content)) as picture:
            _check_size(picture.size, name=name)
            return _grey(ImageOps.exif_transpose(picture), name=name)
    except (*_DAMAGE, Image.DecompressionBombError) as error:
        raise UserError(f"{name} is damaged and can't be decoded ({error})") from error


def digit(picture: Gray) -> Gray:
    """The digit image of a picture of one digit: uint8 (28, 28), bright ink on black.

    The ink may be darker or brighter than its paper, of any size, anywhere in the picture. A picture
    that is a digit image already comes back as it is. Raises UserError for a blank one.
    """
    if is_digit_image(picture):
        return picture
    ink = find_ink(picture)
    return _centred(_fitted(ink[_box(ink)]))


def is_digit_image(picture: Gray) -> bool:
    """Whether the picture has the form of a digit image already."""
    return picture.shape == (SIDE, SIDE) and bool(are_digit_images(picture[np.newaxis])[0])


def are_digit_images(pictures: Images) -> NDArray[np.bool_]:
    """Which of these have the form of digit images: black paper, ink of 20×20 at most, centred by mass."""
    inked = pictures > 0
    long = np.maximum(_extent(np.max(inked, axis=2)), _extent(np.max(inked, axis=1)))
    rows, columns = pictures.sum(axis=2, dtype=np.float32), pictures.sum(axis=1, dtype=np.float32)
    mass = np.maximum(rows.sum(axis=1), 1)
    along = np.arange(SIDE, dtype=np.float32)
    off = np.maximum(abs(rows @ along / mass - MIDDLE), abs(columns @ along / mass - MIDDLE))
    on_black = np.count_nonzero(inked, axis=(1, 2)) <= SIDE * SIDE // 2
    full = pictures.max(axis=(1, 2)) >= _FULL_INK
    return np.asarray(on_black & full & (long <= INK_SIDE) & (off <= _OFF_CENTRE), np.bool_)


def find_ink(picture: Gray) -> Gray:
    """The ink alone: uint8, bright on exact black, the picture's shape or smaller.

    Raises UserError for a picture without ink.
    """
    small = _shrunk(picture)
    if np.ptp(small) < _LEAST_CONTRAST:
        raise _blank()
    ink = _bright_ink(small) if has_bright_ink(small) else _dark_ink(small)
    threshold, _ = cv2.threshold(np.clip(ink, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    is_ink = ink > threshold
    if not is_ink.any() or ink[is_ink].mean() - ink[~is_ink].mean() < _LEAST_CONTRAST:
        raise _blank()
    floor = min(_grain(ink, ink[~is_ink]), threshold)
    top = float(np.percentile(ink[is_ink], 90))
    gain = 255.0 / (top - floor) if floor or top < _FULL_INK else 1.0
    return _rounded((ink - floor) * gain)


def has_bright_ink(picture: Gray) -> bool:
    """Whether the ink is brighter than its paper, which is what most of the picture and its rim show."""
    threshold, _ = cv2.threshold(picture, 0, 255, cv2.THRESH_OTSU)
    bright = picture > threshold
    rim = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
    return bool(bright.mean() + rim.mean() < 1.0)


def _content(source: Path | bytes, *, name: str) -> bytes:
    """The file's bytes, once its length is known to be bearable."""
    try:
        n_bytes = source.stat().st_size if isinstance(source, Path) else len(source)
        if n_bytes > MOST_BYTES:
            raise UserError(f"{name} has {n_bytes:,} bytes; a picture may have {MOST_BYTES:,}")
        return source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise UserError(f"{name} can't be read ({error.strerror})") from error


def _check_size(size: tuple[int, int], *, name: str) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise UserError(f"{name} has {width}×{height} pixels; a picture may have {MOST_PIXELS:,}")
    if width * height == 0:
        raise UserError(f"{name} has no pixels")


def _grey(picture: Image.Image, *, name: str) -> Gray:
    if picture.mode.startswith(("I", "F")):
        return _eight_bits(np.asarray(picture), name=name)
    if picture.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in picture.info:
        opaque = picture.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        picture = Image.alpha_composite(white, opaque)
    return np.array(picture.convert("L"))


def _eight_bits(deep: NDArray[np.generic], *, name: str) -> Gray:
    """Values of 16 or 32 bits or floating point as 0…255, by the range that they are evidently meant in."""
    values = np.asarray(deep, np.float64)
    if not np.isfinite(values).all():
        raise UserError(f"{name} has pixels that are no numbers")
    if deep.dtype.kind == "f" and values.max() <= 1.0:
        full = 1.0
    else:
        full = next(
            (full for full in (255.0, 65535.0) if deep.dtype.itemsize != 2 and values.max() <= full), 65535.0
        )
    return _rounded(values * (255.0 / full))


def _rounded(values: NDArray[np.floating]) -> Gray:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _shrunk(picture: Gray) -> Gray:
    """The picture at a size at which strokes are still many pixels wide, and filters quick."""
    height, width = picture.shape
    scale = _WORKING_SIDE / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _blank() -> UserError:
    return UserError("the picture is blank: it should show one digit")


def _grain(ink: NDArray[np.float32], paper: NDArray[np.float32]) -> float:
    """What counts as paper: three deviations of its grain, or the halo that JPEG leaves around strokes.

    Around clean strokes there are a third as many faint pixels as inked ones at most (all of MNIST); a JPEG
    has more of them.
    """
    faint = np.count_nonzero((ink >= 1) & (ink < _HALO)) > _FAINT * np.count_nonzero(ink >= _HALO)
    deviations = 3 * 1.4826 * float(np.median(np.abs(paper)))
    return max(deviations, _HALO) if faint else deviations


def _bright_ink(picture: Gray) -> NDArray[np.float32]:
    """How far each pixel is above its paper."""
    return picture.astype(np.float32) - _paper(picture)


def _dark_ink(picture: Gray) -> NDArray[np.float32]:
    """How much of its paper's light each pixel swallows, of 255: the same in the shade as in the light."""
    paper = 255 - _paper(255 - picture)
    return np.asarray(255 * (1 - picture / np.maximum(paper, _DARKEST_PAPER)), np.float32)


def _paper(bright: Gray) -> NDArray[np.float32]:
    """How bright the paper is at each pixel (ink is brighter): one level, or in photos a shaded surface."""
    height, width = bright.shape
    if min(height, width) < _SHADED_SIDE:
        threshold, _ = cv2.threshold(bright, 0, 255, cv2.THRESH_OTSU)
        return np.full(bright.shape, np.median(bright[bright <= threshold]), np.float32)
    scale = _COARSE_SIDE / min(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    coarse = cv2.medianBlur(cv2.resize(bright, size, interpolation=cv2.INTER_AREA), _COARSE_SIDE // 2 + 1)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _box(ink: Gray) -> tuple[slice, slice]:
    """The rows and columns that hold the ink, specks left out."""
    mask = (ink > 0).astype(np.uint8)
    n_parts, parts, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    mass = np.bincount(parts.ravel(), weights=ink.ravel(), minlength=n_parts)
    kept = boxes[1:][mass[1:] >= _SPECK * mass[1:].max()]
    left, top = kept[:, 0].min(), kept[:, 1].min()
    right, bottom = (kept[:, 0] + kept[:, 2]).max(), (kept[:, 1] + kept[:, 3]).max()
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _fitted(ink: Gray) -> Gray:
    """The ink with its longer side at 20 pixels and its strokes at full brightness."""
    height, width = ink.shape
    scale = INK_SIDE / max(height, width)
    if scale == 1:
        return ink
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(ink, size, interpolation=smooth)
    gain = min(255.0 / max(int(resized.max()), 1), _MOST_GAIN)
    return _rounded(resized * np.float32(gain))


def _extent(inked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last true value of each row."""
    extent = inked.shape[1] - inked[:, ::-1].argmax(axis=1) - inked.argmax(axis=1)
    return np.asarray(extent, np.int64)


def _centred(ink: Gray) -> Gray:
    """The ink in 28×28, moved by whole pixels so that its centre of mass is nearest to the middle."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    start = [
        min(max(round(MIDDLE - centre), 0), SIDE - length)
        for centre, length in zip(_centre_of_mass(ink), ink.shape, strict=True)
    ]
    image[start[0] : start[0] + ink.shape[0], start[1] : start[1] + ink.shape[1]] = ink
    return image


def _centre_of_mass(ink: Gray) -> tuple[float, float]:
    """The row and column of the ink's centre of mass, in pixel coordinates."""
    mass = float(ink.sum())
    row = float(ink.sum(axis=1) @ np.arange(ink.shape[0])) / mass
    column = float(ink.sum(axis=0) @ np.arange(ink.shape[1])) / mass
    return row, column
