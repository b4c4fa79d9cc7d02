"""`inkdigits models` and `inkdigits corrections`: what a service keeps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from inkdigits.cli import serving
from inkdigits.cli.output import print_json
from inkdigits.serve import store as stores
from inkdigits.serve.models import Library
from inkdigits.serve.settings import Settings
from inkdigits.serve.store import Store

_PAGE = 1000


def list_models(folder: Path | None, *, as_json: bool) -> int:
    """Prints every model, the one that serves with a star."""
    known = _library(folder).known()
    if as_json:
        print_json([asdict(each) for each in known])
        return 0
    for each in known:
        print(f"{'*' if each.serving else ' '} {each.name:<24} {each.made or 'ships with inkdigits'}")
    return 0


def promote(name: str, folder: Path | None) -> int:
    """Lets a model serve."""
    chosen = _library(folder).promote(name)
    print(f"{chosen.name} serves")
    return 0


def roll_back(folder: Path | None) -> int:
    """Lets the model serve that did before."""
    chosen = _library(folder).roll_back()
    print(f"{chosen.name} serves again")
    return 0


def list_corrections(
    state: stores.State | None, folder: Path | None, url: str | None, *, as_json: bool
) -> int:
    """Prints corrections, one a line."""
    with opened(folder, url) as store:
        found = list(_all(store, state))
    if as_json:
        print_json([{**vars(each), "image": None, "made": each.made.isoformat()} for each in found])
        return 0
    for each in found:
        said, made = f"{each.answer or '?'} → {each.label}", f"{each.made:%Y-%m-%d %H:%M}"
        print(f"{each.id:>6}  {each.state:<9}  {said:<12}  {made}  {each.sha256}  {each.source}")
    return 0


def review(ids: Sequence[int], folder: Path | None, url: str | None, *, accept: bool) -> int:
    """Accepts or rejects what waits."""
    with opened(folder, url) as store:
        wanted = ids or [each.id for each in _all(store, "waiting")]
        n = store.review(wanted, accept=accept, by="the command line")
    print(f"{n} {'accepted' if accept else 'rejected'}")
    return 0 if n == len(wanted) else 1


def delete_images(hashes: Sequence[str], folder: Path | None, url: str | None) -> int:
    """Deletes the images of these hashes, or all where there are none."""
    with opened(folder, url) as store:
        n = sum(store.delete_image(each) for each in hashes) if hashes else store.delete_images()
    print(f"{n} deleted for good")
    return 0 if n >= len(hashes) else 1


@contextmanager
def opened(folder: Path | None, url: str | None) -> Iterator[Store]:
    """The store of a service."""
    store = stores.open(url or stores.default_url(serving.folder(folder)))
    try:
        yield store
    finally:
        store.close()


def _all(store: Store, state: stores.State | None) -> Iterator[stores.Stored]:
    after = 0
    while found := store.corrections(state, limit=_PAGE, after=after):
        yield from found
        after = found[-1].id


def _library(folder: Path | None) -> Library:
    return Library(Settings(folder=serving.folder(folder)).models)
