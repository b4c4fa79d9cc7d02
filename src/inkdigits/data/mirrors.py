"""Files over HTTPS: resumable, from the first mirror that serves the right content."""

import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import unpack
from inkdigits.data.pinned import File
from inkdigits.errors import UserError

Progress = Callable[[str, int, int | None], None]
"""Told the file's name, the bytes had so far and the bytes there are (None: unknown)."""

_SECONDS = 6.0
_ATTEMPTS = 4
_CHUNK = 1 << 18
_CONNECTION = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


def content(file: File, url: str, *, part: Path, progress: Progress) -> NDArray[np.uint8]:
    """The file's verified content from one mirror; `part` keeps what has come so far, for a later resume.

    Raises UserError, a short reason, when the mirror can't be reached or serves something else; OSError
    when `part` can't be written.
    """
    host = urlsplit(url).netloc
    fetch(url, part=part, progress=progress, name=file.name)
    served = part.read_bytes()
    part.unlink()
    return unpack.content(file, served, source=host)


def fetch(url: str, *, part: Path, progress: Progress, name: str) -> None:
    """Everything the URL serves, in `part`, going on from what `part` holds and after broken connections."""
    host = urlsplit(url).netloc
    for _ in range(_ATTEMPTS):
        held = _length(part)
        try:
            if _go_on(url, part=part, progress=progress, name=name):
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not held:
                raise UserError(f"{host} answered {error.code}") from error
            part.unlink()
        except _CONNECTION as error:
            if _length(part) == held:
                raise UserError(f"{host} can't be reached") from error
    raise UserError(f"{host} broke off {_ATTEMPTS} times")


def _go_on(url: str, *, part: Path, progress: Progress, name: str) -> bool:
    """One request for what `part` lacks; whether it is complete now."""
    held = _length(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={held}-"} if held else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 (URLs are pinned)
        start, total = _extent(answer, held=held)
        with part.open("r+b" if start else "wb") as out:
            out.seek(start)
            out.truncate()
            had = start
            while chunk := answer.read1(_CHUNK):
                out.write(chunk)
                had += len(chunk)
                progress(name, had, total)
    return total is None or had == total


def _extent(answer: http.client.HTTPResponse, *, held: int) -> tuple[int, int | None]:
    """Where the answer's bytes begin, and how many there are in all (None if it doesn't say)."""
    matched = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    if answer.status == http.client.PARTIAL_CONTENT and matched and int(matched[1]) == held:
        return held, int(matched[2])
    length = answer.headers.get("Content-Length")
    return 0, None if length is None else int(length)


def _length(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:
        return 0
