"""Anyone's own data is read from every form, and what can't be used is refused with one sentence."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from inkdigits import data, image
from inkdigits.data import inspect
from inkdigits.errors import UserError
from inkdigits.types import Dataset, Gray, Images, Labels

Folders = Callable[..., Path]
Refusal = Callable[..., str]
Form = Callable[[Images], np.ndarray]


def test_a_folder_per_label_is_a_data_set(tmp_path: Path, label_folders: Folders, small_set: Dataset) -> None:
    dataset = data.load(str(label_folders(tmp_path / "mine")), "all")
    assert dataset.name == "mine"
    assert dataset.label_names == tuple("0123456789")
    assert dataset.labels.tolist() == list(range(10))
    assert (dataset.images == small_set.images[::3]).all()


def test_sub_folders_named_train_and_test_are_the_splits(tmp_path: Path, label_folders: Folders) -> None:
    label_folders(tmp_path / "training")
    label_folders(tmp_path / "test", labels="12", offset=1)
    assert data.splits(str(tmp_path)) == ("train", "test")
    assert data.load(str(tmp_path), "test").labels.tolist() == [1, 2]


def test_two_folders_for_one_split_are_refused(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    for name in ("train", "val", "valid"):
        label_folders(tmp_path / name)
    assert "val and valid, both for the split validation" in refusal(tmp_path, "train")


def test_labels_beside_the_folders_of_splits_are_refused(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    label_folders(tmp_path / "train")
    label_folders(tmp_path, labels="7")
    assert "7 beside splits" in refusal(tmp_path, "train")


@pytest.mark.parametrize("name", ["labels.csv", "more-images-idx3-ubyte"])
def test_data_beside_the_folders_of_splits_is_refused(
    tmp_path: Path, label_folders: Folders, name: str, refusal: Refusal
) -> None:
    label_folders(tmp_path / "train")
    (tmp_path / name).write_text("file,label\n")
    assert f"{name} beside splits" in refusal(tmp_path, "train")


def test_notes_beside_the_folders_of_splits_do_no_harm(tmp_path: Path, label_folders: Folders) -> None:
    label_folders(tmp_path / "train")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read me.txt").write_text("no picture")
    assert data.splits(str(tmp_path)) == ("train",)


@pytest.mark.parametrize("unreadable", ["set", "set/3"])
def test_a_folder_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, label_folders: Folders, monkeypatch: pytest.MonkeyPatch, unreadable: str, refusal: Refusal
) -> None:
    folder = label_folders(tmp_path / "set")
    list_folder = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        """As for a user without the right to read it; whoever runs this test may be root."""
        if path == tmp_path / unreadable:
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert f"{tmp_path / unreadable} can't be read (Permission denied)" in refusal(folder)


def test_loading_train_never_reads_the_test_files(tmp_path: Path, label_folders: Folders) -> None:
    label_folders(tmp_path / "train")
    (tmp_path / "test" / "5").mkdir(parents=True)
    (tmp_path / "test" / "5" / "broken.png").write_bytes(b"nothing")
    assert len(data.load(str(tmp_path))) == 10


def test_labels_that_are_no_digits_are_the_label_names_in_order(
    tmp_path: Path, label_folders: Folders
) -> None:
    dataset = data.load(str(label_folders(tmp_path / "set", labels="x1b")), "all")
    assert dataset.label_names == ("1", "b", "x")


def test_a_test_label_that_train_does_not_have_is_refused(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    label_folders(tmp_path / "train", labels="ab")
    label_folders(tmp_path / "test", labels="ac")
    assert "has the label 'c' in test; the labels are a, b" in refusal(tmp_path, "test")


def test_an_empty_class_is_refused_and_named(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    folder = label_folders(tmp_path / "set")
    (folder / "4" / "0.png").unlink()
    assert "the class '4'" in refusal(folder)
    assert inspect.info(str(folder)).splits[0].empty_classes == ("4",)


def test_a_folder_without_images_is_refused_with_what_it_should_hold(
    tmp_path: Path, refusal: Refusal
) -> None:
    assert "holds no images; it should hold one sub-folder for each label" in refusal(tmp_path)
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "notes.txt").write_text("not a picture")
    assert "holds no images" in refusal(tmp_path)


def test_broken_pictures_are_refused_by_name_and_reported_by_info(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    folder = label_folders(tmp_path / "set")
    (folder / "2" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n then nothing")
    Image.new("L", (30, 30), 255).save(folder / "3" / "blank.png")
    sentence = refusal(folder)
    assert sentence.startswith("2 of the pictures can't be used")
    assert "bad.png" in sentence
    assert "blank.png: the picture is blank" in sentence
    info = inspect.info(str(folder))
    assert [Path(each.file).name for each in info.broken] == ["bad.png", "blank.png"]
    assert info.splits[0].n == 10


def test_of_many_broken_pictures_five_are_named(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    folder = label_folders(tmp_path / "set")
    for number in range(8):
        (folder / "2" / f"bad{number}.png").write_bytes(b"")
    assert "; and 3 more" in refusal(folder)


def test_a_path_that_is_not_there_is_refused_with_the_known_names(tmp_path: Path, refusal: Refusal) -> None:
    assert "name a folder or file that exists, or one of: mnist, fashion-mnist" in refusal(
        tmp_path / "absent"
    )


def test_an_empty_name_is_not_the_folder_we_are_in(
    tmp_path: Path, label_folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(label_folders(tmp_path / "set"))
    assert len(data.load(".", "all")) == 10
    for read in (data.load, data.splits, inspect.info):
        with pytest.raises(UserError, match="the name of the data set is empty: name a folder"):
            read("")


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-that-name/set"])
def test_a_path_that_cannot_be_is_a_sentence(name: str) -> None:
    with pytest.raises(UserError, match=r"^x+ can't be read|^there is no data set '~nobody"):
        data.load(name)


def test_a_file_in_no_known_form_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("5")
    assert "it should be a folder, an idx file, .npz or .csv" in refusal(path)


def test_a_split_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    assert "has no split 'test'; one of: all" in refusal(label_folders(tmp_path / "set"), "test")


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y"), ("X", "y"), ("data", "target")])
def test_an_npz_of_images_and_labels_is_a_data_set(
    tmp_path: Path, small_set: Dataset, names: tuple[str, str]
) -> None:
    path = tmp_path / "set.npz"
    arrays: dict[str, Images | Labels] = {names[0]: small_set.images, names[1]: small_set.labels}
    np.savez(path, allow_pickle=False, **arrays)
    dataset = data.load(str(path), "all")
    assert (dataset.images == small_set.images).all()
    assert (dataset.labels == small_set.labels).all()


def test_an_npz_may_hold_the_splits(tmp_path: Path, small_set: Dataset) -> None:
    path = tmp_path / "set.npz"
    images, labels = small_set.images, small_set.labels
    np.savez(path, x_train=images, y_train=labels, x_test=images[:3], y_test=labels[:3])
    assert data.splits(str(path)) == ("train", "test")
    assert len(data.load(str(path), "test")) == 3


@pytest.mark.parametrize(
    "form",
    [
        lambda images: images / 255,
        lambda images: images.astype(np.float32) / 127.5 - 1,
        lambda images: images.astype(np.int64),
        lambda images: images[..., None],
        lambda images: images[:, None],
        lambda images: np.repeat(images[..., None], 3, axis=3),
        lambda images: images.reshape(len(images), -1),
    ],
)
def test_arrays_of_any_range_and_shape_give_the_same_images(
    tmp_path: Path, small_set: Dataset, form: Form
) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=form(small_set.images), y=small_set.labels)
    assert (data.load(str(path), "all").images == small_set.images).all()


def test_of_one_array_digit_images_stay_and_other_pictures_are_made_some(
    tmp_path: Path, small_set: Dataset
) -> None:
    images = small_set.images.copy()
    images[1::3] = 255 - images[1::3]  # dark on bright
    images[2::3] = np.roll(images[2::3], 4, axis=2)  # off the middle
    np.savez(tmp_path / "set.npz", x=images, y=small_set.labels)
    found = data.load(str(tmp_path / "set.npz"), "all").images
    assert (found == [image.digit(picture) for picture in images]).all()
    assert (found[::3] == images[::3]).all()
    assert not (found[1:] == images[1:]).all(axis=(1, 2))[::3].any()


def test_one_hot_and_named_labels_are_understood(tmp_path: Path, small_set: Dataset) -> None:
    path = tmp_path / "set.npz"
    for labels in (np.eye(10)[small_set.labels], small_set.labels[:, None], small_set.labels.astype(str)):
        np.savez(path, x=small_set.images, y=labels)
        assert (data.load(str(path), "all").labels == small_set.labels).all()


@pytest.mark.parametrize(
    ("images", "labels", "complaint"),
    [
        (np.full((2, 28, 28), np.nan), [1, 2], "pixels that are no numbers"),
        (np.full((2, 28, 28), 300.0), [1, 2], "pixels from 300 to 300; they should span"),
        (np.full((2, 28, 28), -7), [1, 2], "pixels from -7 to -7"),
        (np.zeros((2, 28, 28), complex), [1, 2], "type complex128"),
        (np.zeros((2, 5)), [1, 2], "shape 2×5"),
        (np.zeros(2), [1, 2], "shape 2;"),
        (np.zeros((0, 28, 28)), [], "holds no images"),
        (np.ones((2, 28, 28)), [1.5, 2], "the label 1.5"),
        (np.ones((2, 28, 28)), [-1, 2], "the label -1"),
        (np.ones((2, 28, 28)), [1, 5e30], "the label 5e+30"),
        (np.ones((2, 28, 28)), [1, 2**53 + 1], "the label 9007199254740993"),
        (np.ones((2, 28, 28)), [b"a", b"\xff"], "labels that are no text in UTF-8"),
        (np.zeros((5, 0, 0)), range(5), "shape 5×0×0, without any pixels"),
        (np.zeros((5, 0)), range(5), "shape 5×0, without any pixels"),
        (np.array(5), [1], "shape 1;"),
        (np.full((2, 8, 8, 3), "a"), [1, 2], "type <U1"),
        (np.ones((2, 28, 28)), [np.nan, 2], "the label nan"),
        (np.ones((2, 28, 28)), [[1, 2], [3, 4]], "labels of 2 dimensions"),
        (np.ones((2, 28, 28)), [1, 2, 3], "has 2 images but 3 labels"),
        (np.zeros((2, 28, 28)), [1, 2], "row 0: the picture is blank"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(
    tmp_path: Path, images: Images, labels: list[object], complaint: str, refusal: Refusal
) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, images=images, labels=np.array(labels))
    assert complaint in refusal(path)


def test_an_npz_of_objects_or_of_other_names_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, images=np.array([{"a": 1}, None]), labels=[1, 2])
    assert "save images as numbers (dtype uint8), not as objects" in refusal(path)
    np.savez(path, images=np.ones((2, 28, 28)), labels=np.array(["a", "b"], dtype=object))
    assert "save labels as text (dtype str), not as objects" in refusal(path)
    np.savez(path, weights=np.zeros(3))
    assert "holds weights; it should hold images and labels" in refusal(path)
    path.write_bytes(b"PK\x03\x04 and then nothing")
    assert "can't be read as .npz" in refusal(path)


def test_scikit_learns_digits_can_be_read(tmp_path: Path) -> None:
    bunch = load_digits()
    path = tmp_path / "digits.npz"
    np.savez(path, images=bunch.images[:200], labels=bunch.target[:200])
    dataset = data.load(str(path), "all")
    assert (dataset.labels == bunch.target[:200]).all()
    assert dataset.images.shape == (200, 28, 28)


def test_a_picture_that_is_a_bomb_is_refused_in_a_folder_too(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    folder = label_folders(tmp_path / "set")
    Image.new("1", (12000, 12000)).save(folder / "1" / "bomb.png")
    assert "bomb.png: has 12000×12000 pixels" in refusal(folder)


def test_a_picture_is_decoded_once_for_each_time_that_a_split_is_loaded(
    tmp_path: Path, drawn: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in range(3):
        Image.fromarray(drawn[row]).save(tmp_path / f"{row}.png")
    (tmp_path / "labels.csv").write_text("file,label\n0.png,0\n1.png,1\n2.png,2\n")
    decoded: list[Path] = []

    def decode(path: Path) -> Gray:
        decoded.append(path)
        return np.asarray(drawn[0], np.uint8)

    monkeypatch.setattr(image, "decode", decode)
    data.load(str(tmp_path), "all")
    assert len(decoded) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are always text")
def test_a_folder_whose_name_is_no_text_is_refused(
    tmp_path: Path, label_folders: Folders, refusal: Refusal
) -> None:
    (label_folders(tmp_path / "set") / "7").rename(
        Path(os.fsdecode(os.fsencode(tmp_path / "set") + b"/\xff"))
    )
    assert "holds '\\udcff', whose name is no UTF-8" in refusal(tmp_path / "set")


def test_an_npz_may_say_who_wrote_what(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    path = tmp_path / "set.npz"
    images, labels = small_set.images, small_set.labels
    groups = np.arange(len(labels)) // 3
    np.savez(path, images_train=images, labels_train=labels, groups_train=groups)
    found = data.load(str(path), "train").groups
    assert found is not None
    assert (found == groups).all()
    np.savez(path, images=images, labels=labels, groups=groups[:4])
    assert "groups of the shape (4,); one for each of the" in refusal(path)
