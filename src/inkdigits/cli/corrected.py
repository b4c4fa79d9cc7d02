"""What people corrected, as a data set."""

import io
from pathlib import Path

import numpy as np

from inkdigits import files
from inkdigits.errors import ArgumentError, UserError
from inkdigits.learn import directory
from inkdigits.serve import store as stores


def data(url: str, *, given: str | None, out: Path | None, resume: bool) -> str:
    """The file with all accepted corrections, written beside the run directory; that of a run to resume."""
    if given is not None:
        raise ArgumentError(f"the data are {given} or those of --from-store: give one of them")
    if out is None:
        raise ArgumentError(
            "--from-store writes what it takes beside the run directory: name that with --out"
        )
    if resume:
        return str(directory.arguments_of(out)["data"])
    path = out.with_name(f"{out.name}-corrections.npz")
    write(url, path)
    return str(path)


def write(url: str, path: Path) -> int:
    """Writes all accepted corrections whose images are kept into an .npz file; how many those are.

    Raises UserError where there is none, and where the store or the file can't be used.
    """
    store = stores.open(url)
    try:
        accepted = store.accepted()
    finally:
        store.close()
    if not accepted.labels:
        raise UserError(
            "no correction was accepted yet, or none whose image is kept: there is nothing to learn from"
        )
    whole = io.BytesIO()
    np.savez(whole, images=accepted.images, labels=np.array(accepted.labels))
    files.write(path, whole.getbuffer())
    return len(accepted.labels)
