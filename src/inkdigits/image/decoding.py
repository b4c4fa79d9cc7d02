"""Pictures decoded safely: allowed formats only, and the size is read before any pixel."""

import io
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

from inkdigits.errors import UserError
from inkdigits.types import Gray

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
    return rounded(values * (255.0 / full))


def rounded(values: NDArray[np.floating]) -> Gray:
    """The values as uint8: rounded, and 0 to 255 at most."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
