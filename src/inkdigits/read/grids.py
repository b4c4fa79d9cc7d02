"""A page that is a grid of cells, each with one digit or empty."""

from dataclasses import replace

from inkdigits import image
from inkdigits.read import digits
from inkdigits.read.engine import Engine
from inkdigits.types import Box, Digit, Gray, Line, Page

_RIM = 0.16


def read(picture: Gray, engine: Engine, least_confidence: float) -> Page:
    """The grid in a picture, cell by cell. Raises UserError where there is none.

    Ink is dark, as the lines of the grid are. A cell is blank, too, where all ink is at its rim: its own
    frame.
    """
    grid = image.find_grid(picture)
    places = [(row, column) for row in range(len(grid.rows) - 1) for column in range(len(grid.columns) - 1)]
    cells = [grid.cell(*place) for place in places]
    read = digits.read_all(cells, engine, least_confidence, none_odds=digits.IN_CELLS, bright_ink=False)
    lines = tuple(
        _placed(line, cell, grid.box(*place)) for place, line, cell in zip(places, read, cells, strict=True)
    )
    n = len(grid.columns) - 1
    texts = tuple(line.text for line in lines)
    return Page(lines=lines, grid=tuple(texts[at : at + n] for at in range(0, len(texts), n)))


def _placed(line: Line, cell: Gray, box: Box) -> Line:
    """The line of a cell, in the box of the page; without text, where its ink is at the rim."""
    middles = (
        (line.box.x + line.box.width / 2) / cell.shape[1],
        (line.box.y + line.box.height / 2) / len(cell),
    )
    if any(abs(middle - 0.5) > 0.5 - _RIM for middle in middles):
        return replace(line, text="", accepted=False, reason="blank", box=box, digits=())
    placed = tuple(Digit(label=each.label, confidence=each.confidence, box=box) for each in line.digits)
    return replace(line, box=box, digits=placed)
