"""What all tests share: where the real data is, a cache of their own, hypothesis without a clock."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

# A shell starts what runs behind its back with Ctrl-C ignored, and the commands that are tested inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for the whole session, so that MNIST is unpacked once and the user's stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("INKDIGITS_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def data_folder() -> Iterator[Path]:
    """The folder of real data sets, one sub-folder each, named to the code under test too.

    A test that asks for it skips where there is none.
    """
    folder = Path(os.environ.get("INKDIGITS_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not a folder; INKDIGITS_DATA names another")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKDIGITS_DATA", str(folder))
        yield folder
