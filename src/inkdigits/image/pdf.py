r"""Draws the pages of one PDF, as a process of its own, started by `documents` and never imported by it.

A PDF is a program: a few kilobytes of it can draw for ever or fill the memory, and a reader written in C++
can't be interrupted and takes the process with it when it breaks. So it runs apart, with a deadline and a
limit of memory. It is told the PDF and then, one at a time, which page to draw:

    request                      reply
    "<n bytes>\n", the bytes     "pages <n>\n"
    "<page, from 0>\n"           "page <height> <width>\n", the pixels, row by row, one byte each

The reply may also be "error <words>\n", words that go on after the name of the file or page. Only the
standard library and pypdfium2 are imported, so that it starts in a tenth of a second.
"""

import faulthandler
import math
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, BinaryIO

import pypdfium2  # type: ignore[import-untyped]
from pypdfium2 import raw

DPI = 300
"""Pixels per inch, where the page doesn't become too large; a page's units are 1/72 inch."""

MOST_PAGE_PIXELS = 20_000_000
"""About the largest page that is drawn, larger ones with fewer dots per inch: A3 has 17.4 million at 300."""

MOST_PAGE_SIDE = 30_000
"""The most pixels along one side of a page."""

MOST_PICTURE_PIXELS = 120_000_000
"""The largest picture in a page, as `decoding.LIMITS` says for pictures in files."""

_ERRORS = {
    raw.FPDF_ERR_SUCCESS: "is a PDF without pages",
    raw.FPDF_ERR_PASSWORD: "is encrypted; saved without its password it can be read",
    raw.FPDF_ERR_SECURITY: "is encrypted in an unknown way; saved without encryption it can be read",
}


class UnreadableError(Exception):
    """Why a document or page can't be drawn, in words that go on after its name."""


def answer(requests: BinaryIO, replies: BinaryIO, *, seconds: float) -> None:
    """Answers requests until there are no more; ends the process when one takes longer than `seconds`."""
    content = requests.read(int(requests.readline()))
    try:
        with _deadline(seconds):
            document = opened(content)
    except UnreadableError as error:
        _reply(replies, f"error {error}")
        return
    with closing(document):
        _reply(replies, f"pages {len(document)}")
        for number in requests:
            with _deadline(seconds):
                _reply_page(replies, document, int(number))


def opened(content: bytes) -> Any:
    """The PDF as a pypdfium2 document of one page and more, its form fields ready to be drawn."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(_ERRORS.get(error.err_code, "is damaged and can't be read as a PDF")) from error
    if document.get_formtype() == raw.FORMTYPE_XFA_FULL:
        raise UnreadableError("is an XFA form, which can't be drawn; printed to a PDF it can be read")
    document.init_forms()
    return document


def draw(document: Any, number: int) -> Any:
    """One page as a grey pypdfium2 bitmap: rotated and cropped as it says, with its notes and form fields."""
    try:
        page = document[number]
    except pypdfium2.PdfiumError as error:
        raise UnreadableError("is damaged and can't be drawn") from error
    with closing(page):
        _check_pictures(page)
        return _drawn(page, *pixels(*page.get_size()))


def pixels(width: float, height: float) -> tuple[int, int]:
    """Width and height in pixels of a page of this width and height in 1/72 inch."""
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise UnreadableError("has no size")
    scale = min(DPI / 72, math.sqrt(MOST_PAGE_PIXELS / width / height), MOST_PAGE_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _drawn(page: Any, width: int, height: int) -> Any:
    # Not page.render(): it rounds up, so that a scan at 300 dpi would be blurred by one pixel more.
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, raw.FPDFBitmap_Gray)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    place = (bitmap, page, 0, 0, width, height, 0, raw.FPDF_ANNOT | raw.FPDF_GRAYSCALE)
    raw.FPDF_RenderPageBitmap(*place)
    if page.formenv:
        raw.FPDF_FFLDraw(page.formenv, *place)
    return bitmap


def _check_pictures(page: Any) -> None:
    """Refuses pictures too large by what they say of themselves, before they are decoded."""
    for picture in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]):
        try:
            width, height = picture.get_px_size()
        except pypdfium2.PdfiumError:  # it has no pixels, and won't be drawn
            continue
        if width * height > MOST_PICTURE_PIXELS:
            raise UnreadableError(
                f"has a picture of {width}×{height} pixels; one may have {MOST_PICTURE_PIXELS:,}"
            )


def _reply_page(replies: BinaryIO, document: Any, number: int) -> None:
    try:
        with closing(draw(document, number)) as bitmap:
            _reply(replies, f"page {bitmap.height} {bitmap.width}", bitmap.buffer)
    except UnreadableError as error:
        _reply(replies, f"error {error}")


def _reply(replies: BinaryIO, line: str, content: Any = b"") -> None:
    replies.write(f"{line}\n".encode())
    replies.write(content)
    replies.flush()


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Ends the process after so many seconds, even where it is deep in the C++ code."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _limit_memory(n_bytes: int) -> None:
    """Memory beyond this is refused, where the system knows how to: Windows doesn't, macOS not always."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415, since not every system has it

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what breaks here isn't worth keeping on disk
        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))


if __name__ == "__main__":
    _limit_memory(int(sys.argv[2]))
    try:
        answer(sys.stdin.buffer, sys.stdout.buffer, seconds=float(sys.argv[1]))
    finally:
        os._exit(0)  # at once: nothing that runs at a program's end is to be done, or to be cut off half done
