"""From the bytes that a source serves to the content that is pinned."""

import zlib

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import cache
from inkdigits.data.pinned import File
from inkdigits.errors import UserError

_LONGEST_TABLE = 1 << 26


def content(file: File, served: bytes, *, source: str) -> NDArray[np.uint8]:
    """The file's content out of what a source served, compressed or not; checked, uint8 (bytes,), writable.

    Raises UserError, naming the source, for anything else than the pinned content.
    """
    limit = _LONGEST_TABLE if file.writers_of else file.n_bytes
    plain = gunzip(served, limit=limit, name=source) if is_gzip(file, served) else served
    if file.writers_of:
        plain = _writer_numbers(plain, n_rows=file.writers_of, source=source)
    found = np.frombuffer(bytearray(plain), np.uint8)
    if not cache.is_content_of(file, found):
        raise UserError(
            f"{source} is not the {file.folder}/{file.name} that was published: delete it or get it again"
        )
    return found


def is_gzip(file: File, served: bytes) -> bool:
    """Whether the bytes are compressed on their way (not: a file whose own content is a .gz archive)."""
    return served[:2] == b"\x1f\x8b" and not file.name.endswith(".gz")


def gunzip(compressed: bytes, *, limit: int, name: str) -> bytes:
    """The decompressed bytes; raises UserError if cut short, damaged, or longer than `limit` bytes."""
    machine = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = machine.decompress(compressed, limit + 1)
    except zlib.error as error:
        raise UserError(f"{name} is damaged ({error}): get it again") from error
    if len(plain) > limit:
        raise UserError(f"{name} holds more than {limit:,} bytes: it is not the file it is named after")
    if not machine.eof:
        raise UserError(f"{name} was cut short: get it again")
    return plain


def _writer_numbers(table: bytes, *, n_rows: int, source: str) -> bytes:
    """The third column (the writer) of the first rows of a QMNIST table, as little-endian uint16."""
    rows = table.split(b"\n", n_rows)[:n_rows]
    try:
        numbers = [int(row.split(b"\t", 3)[2]) for row in rows]
        return np.array(numbers, "<u2").tobytes()
    except (IndexError, ValueError, OverflowError) as error:
        raise UserError(f"{source} is no QMNIST table of writers: get it again") from error
