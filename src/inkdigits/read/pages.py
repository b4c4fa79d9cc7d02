"""A page with lines of digits anywhere on it."""

from dataclasses import replace

from inkdigits.image import Crop, find_lines
from inkdigits.read import numbers
from inkdigits.read.numbers import Reader, Wanted
from inkdigits.types import Gray, Line, Page


def read(picture: Gray, reader: Reader, wanted: Wanted) -> Page:
    """The lines of digits on a page, in reading order; what says no digits is left out."""
    crops = find_lines(picture)
    found = numbers.read_all([crop.picture for crop in crops], reader, wanted)
    lines = [_placed(line, crop) for line, crop in zip(found, crops, strict=True)]
    return Page(lines=tuple(line for line in lines if line.text))


def _placed(line: Line, crop: Crop) -> Line:
    """The line of a crop, in boxes of the page."""
    digits = tuple(replace(each, box=crop.on_page(each.box)) for each in line.digits)
    return replace(line, box=crop.on_page(line.box), digits=digits)
