"""Pictures to read over HTTP, made of real digits."""

import base64
import io

import numpy as np
from PIL import Image

from inkdigits import data
from inkdigits.types import Dataset, Gray


def png(picture: Gray) -> bytes:
    """The picture as a file."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def digits() -> Dataset:
    """MNIST's test images."""
    return data.load("mnist", "test")


def drawn(image: Gray, *, at: tuple[int, int] = (10, 120), side: int = 280) -> Gray:
    """A digit image as somebody draws it: dark and large, somewhere on white paper."""
    page = np.full((side, side), 255, np.uint8)
    large = 255 - np.asarray(Image.fromarray(image).resize((140, 140)))
    page[at[1] : at[1] + 140, at[0] : at[0] + 140] = large
    return page


def page(rows: list[list[Gray]]) -> Gray:
    """Lines of digits on one page."""
    sheet = np.full((600, 800), 255, np.uint8)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            place = (slice(100 + 200 * row, 156 + 200 * row), slice(100 + 60 * column, 156 + 60 * column))
            sheet[place] = 255 - np.asarray(Image.fromarray(image).resize((56, 56)))
    return sheet


def base64_of(image: Gray) -> str:
    """A digit image as JSON has it."""
    return base64.b64encode(image.tobytes()).decode()
