"""The folder where known sets are kept once had, and reading from it. Writing to it is in `obtain`."""

import hashlib
import os
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from inkdigits.data.pinned import File


def folder() -> Path:
    """The cache: what INKDIGITS_CACHE names, or the user's own cache folder on this system."""
    named = os.environ.get("INKDIGITS_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("inkdigits"))


def path(file: File) -> Path:
    """Where the cache keeps that file."""
    return folder() / file.folder / file.name


def read(file: File) -> NDArray[np.uint8] | None:
    """The verified content of a cached file, uint8 (bytes,) and writable; None if absent or damaged."""
    try:
        content = np.fromfile(path(file), np.uint8)
    except OSError:
        return None
    return content if is_content_of(file, content) else None


def is_content_of(file: File, content: NDArray[np.uint8]) -> bool:
    """Whether these bytes are that file's, by length and SHA-256."""
    return len(content) == file.n_bytes and hashlib.sha256(content.data).hexdigest() == file.sha256
