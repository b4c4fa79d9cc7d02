"""`inkdigits read`: the digits in pictures, with confidence, and accepted or not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from inkdigits import image, weights
from inkdigits.cli.output import print_json
from inkdigits.errors import UserError
from inkdigits.read import digits, engine
from inkdigits.read.engine import Engine
from inkdigits.types import Document, Line, Page


def read(paths: Sequence[Path], *, model: Path | None, max_error: float, as_json: bool) -> int:
    """Reads every file, prints what is in it; 1 where a file couldn't be read."""
    reader = (
        engine.load(weights.content("reader"), name="reader", threads=1)
        if model is None
        else engine.load(model)
    )
    least_confidence = digits.least_confidence(reader, max_error)
    documents = []
    for path in _files(paths):
        document = _document(path, reader, least_confidence)
        documents.append(document)
        if not as_json:  # at once: what was read before a Ctrl-C stays
            print(f"{document.file}: {_told(document)}", flush=True)
    if as_json:
        print_json([asdict(document) for document in documents])
    return 1 if any(document.error for document in documents) else 0


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those in folders named, by name."""
    for path in paths:
        if path.is_dir():
            found = sorted(each for each in path.iterdir() if each.is_file())
            if not found:
                raise UserError(f"{path} is an empty folder; it should hold pictures")
            yield from found
        else:
            yield path


def _document(path: Path, reader: Engine, least_confidence: float) -> Document:
    try:
        line = digits.read(image.decode(path), reader, least_confidence)
    except UserError as error:
        return Document(file=str(path), error=str(error), pages=())
    return Document(file=str(path), error=None, pages=(Page(lines=(line,)),))


def _told(document: Document) -> str:
    if document.error is not None:
        return document.error.removeprefix(f"{document.file} ")
    return "; ".join(_line(line) for page in document.pages for line in page.lines)


def _line(line: Line) -> str:
    if not line.text:
        return f"refused: {line.reason}"
    doubt = "" if line.accepted else f", not accepted: {line.reason}"
    return f"{line.text}  {100 * line.confidence:.1f} %{doubt}"
