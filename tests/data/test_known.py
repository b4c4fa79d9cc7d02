"""The known sets are what their makers published, made digit images."""

import gzip
import hashlib
import struct
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkdigits import data, image
from inkdigits.data import cache as cached
from inkdigits.data import crops, known, local, pages, strokes, unpack
from inkdigits.data.pinned import FILES, File
from inkdigits.errors import UserError
from inkdigits.types import Dataset, Images

MD5_OF_RAW_MNIST = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

COUNTS = {
    ("mnist", "train"): [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    ("mnist", "test"): [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    ("usps", "test"): [359, 264, 198, 166, 200, 160, 170, 147, 166, 177],
    ("kannada", "train"): [1000] * 10,
    ("kannada", "test"): [1024] * 10,
    ("bangla", "test"): [100] * 10,
    ("devanagari", "test"): [50] * 10,
    ("telugu", "test"): [50] * 10,
    ("semeion", "all"): [161, 162, 159, 159, 161, 159, 161, 158, 155, 158],
    ("pendigits", "test"): [363, 364, 364, 336, 364, 335, 336, 364, 336, 336],
}
"""As their makers give them."""


@pytest.fixture
def at_hand(data_folder: Path) -> Path:
    """The folder of real sets, for tests that name a set: without the set itself they skip."""
    return data_folder


@cache
def load(name: str, split: str) -> Dataset:
    try:
        return data.load(name, split)
    except UserError as error:
        pytest.skip(f"{name} is not here: {error}")


@pytest.mark.parametrize(("name", "split"), COUNTS)
def test_every_class_has_the_published_count(at_hand: Path, name: str, split: str) -> None:
    dataset = load(name, split)
    assert np.bincount(dataset.labels).tolist() == COUNTS[name, split]
    assert dataset.images.shape == (len(dataset), 28, 28)
    assert (dataset.images.dtype.name, dataset.labels.dtype.name) == ("uint8", "int64")


@pytest.mark.parametrize("name", ["usps", "devanagari", "semeion", "pendigits"])
def test_every_image_has_the_form_of_a_digit_image(at_hand: Path, name: str) -> None:
    dataset = load(name, data.splits(name)[-1])
    rows, columns = dataset.images.any(axis=2).sum(axis=1), dataset.images.any(axis=1).sum(axis=1)
    assert np.maximum(rows, columns).max() <= 20
    assert np.mean(image.are_digit_images(dataset.images)) > 0.8


def test_mnist_is_the_canonical_one(data_folder: Path) -> None:
    load("mnist", "test")
    for name, md5 in MD5_OF_RAW_MNIST.items():
        content = gzip.decompress((data_folder / "mnist" / f"{name}.gz").read_bytes())
        file = next(each for split in FILES["mnist"].values() for each in split if each.name == name)
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
        assert hashlib.sha256(content).hexdigest() == file.sha256
        assert len(content) == file.n_bytes


def test_mnists_rows_are_in_their_published_order(at_hand: Path) -> None:
    assert load("mnist", "train").labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert load("mnist", "test").labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_mnists_groups_are_its_writers(at_hand: Path) -> None:
    train, test = load("mnist", "train").groups, load("mnist", "test").groups
    if train is None or test is None:
        pytest.skip("mnist/qmnist-*-labels.tsv.gz are not here")
    assert (len(set(train.tolist())), len(set(test.tolist()))) == (539, 297)
    assert not set(train.tolist()) & set(test.tolist())
    assert train[:3].tolist() == [2154, 0, 2232]


def test_mnist_without_its_writers_has_no_groups(
    data_folder: Path, tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / name).symlink_to(data_folder / "mnist" / name)
    monkeypatch.setenv("INKDIGITS_DATA", str(tmp_path))
    monkeypatch.setitem(FILES["mnist"], "test", tuple(_without_mirrors("test")))
    assert data.load("mnist", "test").groups is None


def test_loading_train_never_reads_the_test_files(
    data_folder: Path, tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (data_folder / "mnist").iterdir():
        if "test" not in path.name and "t10k" not in path.name:
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.setenv("INKDIGITS_DATA", str(tmp_path))
    assert len(data.load("mnist")) == 60_000
    assert not [path.name for path in (empty_cache / "mnist").iterdir() if "t10k" in path.name]


def _without_mirrors(split: str) -> list[File]:
    return [replace(file, urls=()) for file in FILES["mnist"][split]]


def test_mnist_needs_neither_pictures_nor_bars_nor_torch_once_cached(at_hand: Path) -> None:
    load("mnist", "test")
    check = "import sys; from inkdigits import data; data.load('mnist', 'test'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert not {"PIL", "cv2", "rich", "filelock", "torch", "urllib.request"} & set(done.stdout.split())


def test_a_label_outside_a_known_set_is_met_by_its_checksum(empty_cache: Path) -> None:
    file = FILES["mnist"]["test"][1]
    cached.path(file).parent.mkdir(parents=True)
    cached.path(file).write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 10_000) + bytes([11]) * 10_000)
    assert cached.read(file) is None


def test_fashion_mnist_is_clothes(at_hand: Path) -> None:
    dataset = load("fashion-mnist", "test")
    assert dataset.label_names[9] == "ankle boot"
    assert np.bincount(dataset.labels).tolist() == [1000] * 10


def test_symbols_keep_the_last_300_of_each_class_for_the_test(at_hand: Path) -> None:
    dataset = load("symbols", "test")
    assert dataset.label_names[10:] == ("plus", "minus", "dot", "slash", "w", "x", "y", "z")
    assert np.bincount(dataset.labels).tolist() == [300] * 18
    minus = dataset.images[dataset.labels == dataset.label_names.index("minus")]
    assert (minus.any(axis=1).sum(axis=1) > minus.any(axis=2).sum(axis=1)).mean() > 0.95


def test_cheque_digits_know_their_cheque(at_hand: Path) -> None:
    dataset = load("cheque-amounts", "test")
    assert dataset.groups is not None
    assert 200 < len(set(dataset.groups.tolist())) < len(dataset)


def test_a_cell_without_ink_is_a_black_image(
    tmp_path: Path, drawn: Images, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKDIGITS_DATA", str(tmp_path))
    for label, picture in (("4", 255 - drawn[12]), ("blank", np.full((40, 40), 200, np.uint8))):
        (tmp_path / "cells" / label).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(picture).save(tmp_path / "cells" / label / f"{number}.jpg", quality=95)
    train, test = data.load("cells"), data.load("cells", "test")
    assert len(train) + len(test) == 40
    assert train.label_names[test.labels[0]] == "4"
    assert not train.images[train.labels == train.label_names.index("blank")].any()
    assert np.abs(test.images[0].astype(int) - drawn[12]).mean() < 6


def test_a_table_that_is_not_of_writers_is_refused() -> None:
    for table in (b"5\t4\n" * 10_000, b"5\t4\tann\n" * 10_000, b"5\t4\t99999\n" * 10_000):
        with pytest.raises(UserError, match=r"tables\.tsv is no QMNIST table of writers"):
            unpack.content(FILES["mnist"]["test"][2], table, source="tables.tsv")


def test_a_split_made_here_is_a_fifth_and_does_not_overlap() -> None:
    names = [f"{number}.jpg" for number in range(2000)]
    tests = [crops.is_in("test", name) for name in names]
    assert tests == [not crops.is_in("train", name) for name in names]
    assert 0.17 < np.mean(tests) < 0.23


@pytest.mark.parametrize(("name", "kind"), [("numbers10", "lines"), ("grids", "pages")])
def test_lines_and_pages_are_no_digit_images_and_say_so(name: str, kind: str) -> None:
    with pytest.raises(UserError, match=f"{name} holds {kind}, not digit images: .* is planned"):
        data.load(name, "all")


def test_lines_and_pages_are_listed_with_what_is_written(at_hand: Path) -> None:
    entry = known.require("numbers10")
    try:
        lines = pages.load(entry)
    except UserError as error:
        pytest.skip(str(error))
    assert len(lines) == 1190
    assert {len(line.digits) for line in lines} == {10}
    assert len({line.writer for line in lines}) == 22


def test_an_unknown_split_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="mnist has no split 'validation'; one of: train, test"):
        data.load("mnist", "validation")


def test_a_set_that_comes_as_a_folder_says_where_to_get_it(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        UserError, match="cells is not at hand: INKDIGITS_DATA isn't set; get it from https://"
    ):
        data.load("cells")
    monkeypatch.setenv("INKDIGITS_DATA", str(tmp_path))
    with pytest.raises(UserError, match="has no folder cells"):
        local.folder(known.require("cells"))


def test_every_entry_has_a_licence_a_source_and_a_reader() -> None:
    entries = data.catalogue()
    assert len({entry.name for entry in entries}) == len(entries) == 14
    assert all(entry.licence and entry.source and entry.title for entry in entries)
    assert {entry.name for entry in entries if not entry.trains_shipped_weights} == {"usps", "cheque-amounts"}


def test_every_pinned_file_has_a_whole_checksum_and_safe_addresses() -> None:
    for split in (split for splits in FILES.values() for split in splits.values()):
        for file in split:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert all(url.startswith("https://") for url in file.urls)


def test_a_stroke_goes_smoothly_through_its_points() -> None:
    points = np.array([[[0, 0], [50, 100], [100, 0]]], np.float64)
    curve = strokes.smooth(points)[0]
    assert (curve[[0, 12, 24]] == points[0]).all()
    assert np.abs(np.diff(curve, axis=0)).max() < 15
    turns = np.abs(np.diff(np.unwrap(np.arctan2(*np.diff(curve, axis=0).T))))
    assert turns.max() < 0.7


def test_a_straight_stroke_is_a_straight_band_of_the_pens_width() -> None:
    across = np.stack([np.linspace(0, 100, 8), np.full(8, 50)], axis=1)[np.newaxis]
    picture = strokes.draw(across)[0]
    assert picture.shape == (80, 80)
    assert 6 <= (picture[:, 40] > 127).sum() <= 8
    assert np.flatnonzero(picture.any(axis=1)).mean() == pytest.approx(40, abs=1)


def test_fetching_mnist_brings_its_writers_too(
    empty_cache: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKDIGITS_DATA", str(data_folder))
    paths = data.fetch("mnist")
    assert [path.name for path in paths[4:]] in ([], ["train-writers", "test-writers"])
    assert all(path.is_file() for path in paths)
    assert data.fetch("mnist") == paths


def test_fetching_a_set_that_comes_as_a_folder_says_where_it_is(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKDIGITS_DATA", str(tmp_path))
    (tmp_path / "cells").mkdir()
    assert data.fetch("cells") == (tmp_path / "cells",)


def test_fetching_an_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="unknown data set 'emnist'; one of: mnist, "):
        data.fetch("emnist")
