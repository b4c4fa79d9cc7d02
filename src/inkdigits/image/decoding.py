"""Pictures decoded safely: allowed formats only, and the size is read before any pixel."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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

from inkdigits.errors import TooLargeError, UnknownFormatError, UserError
from inkdigits.image import cutouts
from inkdigits.types import Gray


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most bytes of a file that is read, pixels of a picture, and pages of a document.

    By default a picture may be a phone's of 108 megapixels, and a little more.
    """

    n_bytes: int = 64 << 20
    n_pixels: int = 120_000_000
    n_pages: int = 2_000


LIMITS = Limits()
"""Those that hold unless others are given."""

FORMATS = ("PNG", "JPEG", "WebP", "BMP", "TIFF")
"""The formats that are decoded; all others are refused."""

_DECODERS: dict[bytes, type[ImageFile.ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
    b"II*\x00": TiffImagePlugin.TiffImageFile,
    b"MM\x00*": TiffImagePlugin.TiffImageFile,
}

_SEEN, _MOST_SEEN, _DARKEST, _BRIGHT = 128, 0.6, 2, 170

_RANGES = tuple(2.0**bits - 1 for bits in (8, 10, 12, 14, 16))
"""The brightest value of pixels of so many bits, as cameras and scanners have them."""

_PART = 1 << 20
"""Values of more than 8 bits that are converted at once."""

# Whatever Pillow's readers raise on damaged bytes; found by feeding them damaged bytes (tests/test_image.py).
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, RuntimeError)


def decode(source: Path | bytes, *, name: str = "", limits: Limits = LIMITS) -> Gray:
    """The picture in a PNG, JPEG, WebP, BMP or TIFF file, as grey: uint8 (height, width), upright.

    What is transparent becomes white, or black around bright ink, and white around a piece of grey paper
    becomes paper (`cutouts.on_own_paper`); 16 bits become 8, the camera's orientation is applied, and of
    several frames the first is taken. Raises UserError, naming the file (`name` for bytes), for other
    formats, damaged files, and pictures beyond the limits: the size is read from the header, before any
    pixel.
    """
    name = name or (str(source) if isinstance(source, Path) else "the picture")
    content = read_bytes(source, name=name, limits=limits)
    known = decoder(content)
    if known is None:
        raise UnknownFormatError(f"{name} is no picture in a known format; one of: {', '.join(FORMATS)}")
    with damage_told(name), known(io.BytesIO(content)) as picture:
        return grey(picture, name=name, limits=limits)


def read_bytes(source: Path | bytes, *, name: str, limits: Limits) -> bytes:
    """The file's bytes, once its length is known to be bearable."""
    try:
        n_bytes = source.stat().st_size if isinstance(source, Path) else len(source)
        if n_bytes > limits.n_bytes:
            raise TooLargeError(f"{name} has {n_bytes:,} bytes; a picture may have {limits.n_bytes:,}")
        if isinstance(source, bytes):
            return source
        if source.exists() and not source.is_file():  # a device or pipe may have no end
            raise UserError(f"{name} can't be read (it is no file)")
        return source.read_bytes()
    except OSError as error:
        raise UserError(f"{name} can't be read ({error.strerror})") from error


def decoder(content: bytes) -> type[ImageFile.ImageFile] | None:
    """What reads a picture of this format; None for formats that aren't allowed."""
    return next((each for signature, each in _DECODERS.items() if content.startswith(signature)), None)


@contextmanager
def damage_told(name: str) -> Iterator[None]:
    """Within it, whatever a decoder raises on damaged bytes is the UserError that says so."""
    try:
        yield
    except (*_DAMAGE, Image.DecompressionBombError) as error:
        raise UserError(f"{name} is damaged and can't be decoded ({error})") from error


def grey(picture: ImageFile.ImageFile, *, name: str, limits: Limits) -> Gray:
    """The frame that an opened picture is at, as `decode` gives it."""
    _check_size(picture.size, name=name, limits=limits)
    return cutouts.on_own_paper(_grey(ImageOps.exif_transpose(picture), name=name))


def _check_size(size: tuple[int, int], *, name: str, limits: Limits) -> None:
    width, height = size
    if width * height > limits.n_pixels:
        raise TooLargeError(f"{name} has {width}×{height} pixels; a picture may have {limits.n_pixels:,}")
    if width * height == 0:
        raise UserError(f"{name} has no pixels")


def _grey(picture: Image.Image, *, name: str) -> Gray:
    if picture.mode.startswith(("I", "F")):
        return _eight_bits(np.asarray(picture), name=name)
    if _may_be_seen_through(picture):
        opaque = picture.convert("RGBA")
        around = Image.new("RGBA", opaque.size, "black" if _is_bright(opaque) else "white")
        picture = Image.alpha_composite(around, opaque)
    return np.array(picture.convert("L"))


def _may_be_seen_through(picture: Image.Image) -> bool:
    """Whether some of a picture is transparent; of rarer modes, whether it could be."""
    if picture.mode in ("LA", "RGBA"):
        return picture.getchannel("A").getextrema()[0] != 255
    return picture.mode in ("PA", "La", "RGBa") or "transparency" in picture.info


def _is_bright(picture: Image.Image) -> bool:
    """Whether all that can be seen of a picture with transparency, RGBA, is bright: it is no ink on white."""
    grey, alpha = np.asarray(picture.convert("L")), np.asarray(picture.getchannel("A"))
    seen = grey[alpha >= _SEEN]
    is_apart = 0 < len(seen) < _MOST_SEEN * grey.size
    return is_apart and float(np.percentile(seen, _DARKEST)) >= _BRIGHT


def _eight_bits(deep: NDArray[np.generic], *, name: str) -> Gray:
    """Values of 16 or 32 bits or floating point as 0…255, by the range that they are evidently meant in."""
    if not np.isfinite(deep).all():
        raise UserError(f"{name} has pixels that are no numbers")
    brightest = float(deep.max())
    if deep.dtype.kind == "f" and brightest <= 1.0:
        full = 1.0
    else:
        full = next((full for full in _RANGES if brightest <= full), _RANGES[-1])
    eight = np.empty(deep.shape, np.uint8)
    # A part at a time: as float64, the largest picture would fill gigabytes.
    for at in range(0, deep.size, _PART):
        part = np.asarray(deep.reshape(-1)[at : at + _PART], np.float64)
        eight.reshape(-1)[at : at + _PART] = rounded(part * (255.0 / full))
    return eight


def rounded(values: NDArray[np.floating]) -> Gray:
    """The values as uint8: rounded, and 0 to 255 at most."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
