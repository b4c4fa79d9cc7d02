"""The pages of a PDF, a TIFF of several pictures, or a single picture, one in memory at a time."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import IO, final

import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

from inkdigits.errors import TooLargeError, UnknownFormatError, UserError
from inkdigits.image import cutouts, decoding
from inkdigits.image.decoding import LIMITS, Limits
from inkdigits.types import Gray

_SECONDS = 30.0
"""The longest that opening a PDF or drawing a page of it may take."""

_MEMORY = 1 << 30
"""The most bytes of memory that it may take; the largest picture in colour takes not quite half."""

_MOST_BREAKS = 3
"""Pages of one PDF that may break its reader before the rest is left out: 2,000 of them would take hours."""


def pages(
    source: Path | bytes, *, name: str = "", first: int = 0, end: int | None = None, limits: Limits = LIMITS
) -> Iterator[Gray | UserError]:
    """The pages of a PDF, the pictures in a TIFF, or the one picture of another file, in order, as grey.

    All of them, or those from `first`, counted from 0, to before `end`. Each is uint8 (height, width), dark
    ink on paper as it was written, upright. A PDF's pages are drawn at 300 dots per inch, with fewer where a
    page would have more than 20 million pixels, and with the text in its form fields. Of an animated picture
    the first frame is taken. A page that can't be read is given as the UserError that says why, and the
    pages after it follow.

    Raises UserError, naming the file (`name` for bytes), where nothing can be read: other formats, damaged
    and encrypted files, PDFs without pages, more bytes or pages than the limits. It is raised where the
    first page is asked for. A PDF is open until the last page was given or the iterator is closed.
    """
    name = name or _name(source)
    content = decoding.read_bytes(source, name=name, limits=limits)
    if _is_pdf(content):
        yield from _pdf_pages(content, slice(first, end), name=name, limits=limits)
    elif _n_pictures(content, name=name, limits=limits) > 1:
        yield from _tiff_pages(content, slice(first, end), name=name, limits=limits)
    elif first == 0:
        yield decoding.decode(content, name=name, limits=limits)


def n_pages(source: Path | bytes, *, name: str = "") -> int:
    """How many pages `pages` gives, without drawing or decoding any; raises UserError as `pages` does."""
    name = name or _name(source)
    content = decoding.read_bytes(source, name=name, limits=LIMITS)
    if not _is_pdf(content):
        return _n_pictures(content, name=name, limits=LIMITS)
    with closing(_Reader(content, name=name)) as reader:
        return _checked(reader.open(), name=name, limits=LIMITS)


def _name(source: Path | bytes) -> str:
    return str(source) if isinstance(source, Path) else "the file"


def _is_pdf(content: bytes) -> bool:
    # Some writers put a line or two before it; readers have always looked for it so far into the file.
    return decoding.decoder(content) is None and b"%PDF-" in content[:1024]


def _checked(n: int, *, name: str, limits: Limits) -> int:
    if n > limits.n_pages:
        raise TooLargeError(
            f"{name} has more than {limits.n_pages:,} pages; divided into files of fewer it can be read"
        )
    return n


def _n_pictures(content: bytes, *, name: str, limits: Limits) -> int:
    """The pictures in a file that is no PDF: of a TIFF its directories, of others one."""
    known = decoding.decoder(content)
    if known is None:
        raise UnknownFormatError(
            f"{name} is no picture or document in a known format; one of: {', '.join(decoding.FORMATS)}, PDF"
        )
    if known is not TiffImageFile:
        return 1
    return _checked(max(1, sum(_n_directories(content, limits.n_pages))), name=name, limits=limits)


def _n_directories(content: bytes, most: int) -> tuple[int, bool]:
    """The length of a TIFF's chain of directories, and whether the file ends before the next one does.

    The chain goes up to its end, a loop in it, or one page too many. Each directory is a count of fields (2
    bytes), as many fields (12 bytes each), and the place of the next (4 bytes).
    """
    order = "<" if content.startswith(b"II") else ">"
    seen: set[int] = set()
    link = 4
    while len(seen) <= most:
        if link + 4 > len(content):
            break  # the last one is torn itself, and will say so
        (directory,) = struct.unpack_from(f"{order}I", content, link)
        if directory in seen or directory == 0:
            break
        if directory > len(content) - 2:
            return len(seen), True
        seen.add(directory)
        (n_fields,) = struct.unpack_from(f"{order}H", content, directory)
        link = directory + 2 + 12 * n_fields
    return len(seen), False


def _tiff_pages(content: bytes, wanted: slice, *, name: str, limits: Limits) -> Iterator[Gray | UserError]:
    n, is_torn = _n_directories(content, limits.n_pages)
    with decoding.damage_told(name), TiffImageFile(BytesIO(content)) as tiff:
        for number in range(n + is_torn)[wanted]:
            page_name = _page_name(number, name)
            if number == n:
                yield UserError(f"{page_name} is missing: the file is torn")
            else:
                yield _tiff_page(tiff, number, name=page_name, limits=limits)


def _tiff_page(tiff: TiffImageFile, number: int, *, name: str, limits: Limits) -> Gray | UserError:
    try:
        with decoding.damage_told(name):
            tiff.seek(number)
            return decoding.grey(tiff, name=name, limits=limits)
    except UserError as error:
        return UserError(str(error))  # not the one raised: it holds on to the file and its pixels


def _pdf_pages(content: bytes, wanted: slice, *, name: str, limits: Limits) -> Iterator[Gray | UserError]:
    with closing(_Reader(content, name=name)) as reader:
        for number in range(_checked(reader.open(), name=name, limits=limits))[wanted]:
            page = reader.page(number)
            yield page if isinstance(page, UserError) else cutouts.on_own_paper(page)


def _page_name(number: int, name: str) -> str:
    return f"page {number + 1} of {name}"


class _BrokenError(Exception):
    """The process that reads a PDF has ended: out of time or memory, or by a fault of its own."""


@final
class _Reader:
    """A PDF in a process of its own (see `pdf`), which is started anew after a page that broke it."""

    def __init__(self, content: bytes, *, name: str) -> None:
        self._content = content
        self._name = name
        self._n_breaks = 0
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> int:
        """Starts the process and gives the number of pages; raises UserError where it can't read the PDF."""
        script = str(Path(__file__).with_name("pdf.py"))
        command = [sys.executable, "-P", script, str(_SECONDS), str(_MEMORY)]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
            return int(self._ask(b"%d\n" % len(self._content), self._content, name=self._name)[0])
        except (OSError, _BrokenError) as error:
            self.close()
            raise UserError(f"{self._name} can't be read: it takes too much time or memory") from error

    def page(self, number: int) -> Gray | UserError:
        """One page, drawn, or why it can't be."""
        name = _page_name(number, self._name)
        if self._n_breaks == _MOST_BREAKS:
            return UserError(f"{name} is left out, as {_MOST_BREAKS} before it took too much time or memory")
        try:
            if self._process is None:
                self.open()
            return self._drawn(number, name=name)
        except UserError as error:
            return UserError(str(error))
        except _BrokenError:
            self._n_breaks += 1
            self.close()
            return UserError(f"{name} can't be drawn: it takes too much time or memory")

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _drawn(self, number: int, *, name: str) -> Gray:
        height, width = self._ask(b"%d\n" % number, name=name)
        content = bytearray(self._pipes()[1].read(height * width))
        if len(content) < height * width:
            raise _BrokenError
        return np.frombuffer(content, np.uint8).reshape(height, width)

    def _ask(self, *request: bytes, name: str) -> list[int]:
        """The numbers in the reply; raises UserError where it is an error, `name` put before its words."""
        requests, replies = self._pipes()
        try:
            requests.writelines(request)
            requests.flush()
        except OSError as error:
            raise _BrokenError from error
        kind, _, rest = replies.readline().decode().strip().partition(" ")
        if not kind:
            raise _BrokenError
        if kind == "error":
            raise UserError(f"{name} {rest}")
        return [int(each) for each in rest.split()]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise _BrokenError
        return self._process.stdin, self._process.stdout
