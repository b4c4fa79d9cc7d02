"""Idx files are found by their names, read in pairs, and refused with a sentence where they are damaged."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inkdigits import data
from inkdigits.types import Dataset, Images, Labels

Refusal = Callable[..., str]


def idx_bytes(array: Images | Labels) -> bytes:
    """An idx file by the book: zero, zero, type 8, dimensions, big-endian sizes, bytes."""
    return (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        + array.astype(np.uint8).tobytes()
    )


def write_idx(folder: Path, dataset: Dataset, *, start: str = "train", end: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    pack = gzip.compress if end else bytes
    images, labels = idx_bytes(dataset.images), idx_bytes(dataset.labels)
    (folder / f"{start}-images-idx3-ubyte{end}").write_bytes(pack(images))
    (folder / f"{start}-labels-idx1-ubyte{end}").write_bytes(pack(labels))
    return folder


@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_files_are_a_data_set_from_folder_or_file(tmp_path: Path, small_set: Dataset, end: str) -> None:
    folder = write_idx(tmp_path / "set", small_set, end=end)
    from_folder = data.load(str(folder))
    from_file = data.load(str(folder / f"train-labels-idx1-ubyte{end}"), "all")
    for dataset in (from_folder, from_file):
        assert (dataset.images == small_set.images).all()
        assert (dataset.labels == small_set.labels).all()


def test_idx_files_named_train_and_t10k_are_the_splits(tmp_path: Path, small_set: Dataset) -> None:
    folder = write_idx(tmp_path / "set", small_set)
    write_idx(folder, small_set, start="t10k")
    assert set(data.splits(str(folder))) == {"train", "test"}


def test_the_split_may_stand_anywhere_in_an_idx_files_name(tmp_path: Path, small_set: Dataset) -> None:
    folder = write_idx(tmp_path / "set", small_set, start="emnist-digits-train")
    write_idx(folder, small_set.select(np.arange(6), split="test"), start="emnist-digits-test")
    write_idx(folder, small_set.select(np.arange(3), split="val"), start="val_set")
    lengths = {split: len(data.load(str(folder), split)) for split in data.splits(str(folder))}
    assert lengths == {"train": 30, "test": 6, "validation": 3}


def test_an_idx_file_and_its_compressed_twin_are_one(tmp_path: Path, small_set: Dataset) -> None:
    folder = write_idx(tmp_path / "set", small_set)
    write_idx(folder, small_set, end=".gz")
    assert data.splits(str(folder)) == ("train",)


def test_two_idx_sets_in_one_folder_are_refused(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    folder = write_idx(tmp_path / "set", small_set, start="emnist-letters-train")
    write_idx(folder, small_set, start="emnist-digits-train")
    sentence = refusal(folder, "train")
    assert "emnist-digits-train-images-idx3-ubyte and emnist-letters-train-images-idx3-ubyte" in sentence
    assert "both for the split train" in sentence


def test_an_idx_file_of_no_split_beside_one_of_a_split_is_refused(
    tmp_path: Path, small_set: Dataset, refusal: Refusal
) -> None:
    folder = write_idx(tmp_path / "set", small_set)
    write_idx(folder, small_set, start="more")
    assert "more-images-idx3-ubyte beside splits" in refusal(folder, "train")


def test_two_pairs_of_idx_files_in_a_splits_folder_are_refused(
    tmp_path: Path, small_set: Dataset, refusal: Refusal
) -> None:
    folder = write_idx(tmp_path / "train", small_set)
    write_idx(folder, small_set, start="t10k")
    assert "2 pairs of idx files; it should hold one" in refusal(tmp_path, "train")


def test_an_idx_file_without_its_partner_is_refused(
    tmp_path: Path, small_set: Dataset, refusal: Refusal
) -> None:
    folder = write_idx(tmp_path / "set", small_set)
    (folder / "train-labels-idx1-ubyte").unlink()
    assert "there is no" in refusal(folder, "train")


def test_a_wrong_magic_number_is_refused(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    path = write_idx(tmp_path / "set", small_set) / "train-images-idx3-ubyte"
    path.write_bytes(b"\x00\x00\x0d\x03" + path.read_bytes()[4:])
    assert "it begins with 00000d03; images begin with 00000803" in refusal(tmp_path / "set", "train")


def test_an_idx_file_cut_short_is_refused(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    path = write_idx(tmp_path / "set", small_set) / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])
    assert "should hold 30×28×28 bytes after its header but holds 23420" in refusal(tmp_path / "set", "train")


@pytest.mark.parametrize("n_bytes", [4, 6, 8, 15])
def test_an_idx_file_that_ends_inside_its_header_is_refused(
    tmp_path: Path, small_set: Dataset, n_bytes: int, refusal: Refusal
) -> None:
    path = write_idx(tmp_path / "set", small_set) / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:n_bytes])
    assert f"ends inside its header, after {n_bytes} of 16 bytes" in refusal(tmp_path / "set", "train")


def test_an_idx_file_of_absurd_sizes_is_refused(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    path = write_idx(tmp_path / "set", small_set) / "train-images-idx3-ubyte"
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, 0, 2**32 - 1, 2**32 - 1))
    assert "holds no values" in refusal(tmp_path / "set", "train")


def test_a_truncated_gz_is_refused(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    path = write_idx(tmp_path / "set", small_set, end=".gz") / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    assert "was cut short: get it again" in refusal(tmp_path / "set", "train")


def test_a_damaged_gz_is_refused(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    path = write_idx(tmp_path / "set", small_set, end=".gz") / "train-images-idx3-ubyte.gz"
    path.write_bytes(b"\x1f\x8b" + bytes(50))
    assert "is damaged" in refusal(tmp_path / "set", "train")


def test_labels_and_images_of_different_lengths_are_refused(
    tmp_path: Path, small_set: Dataset, refusal: Refusal
) -> None:
    folder = write_idx(tmp_path / "set", small_set)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(small_set.labels[:-1]))
    assert "has 30 images but 29 labels" in refusal(folder, "train")
