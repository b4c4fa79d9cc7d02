"""What is in a data set is counted, hashed, searched for copies and drawn."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist

from inkdigits import data
from inkdigits.cli import sets
from inkdigits.data import duplicates, inspect, sheet
from inkdigits.errors import UserError
from inkdigits.image import decode
from inkdigits.types import Dataset, Gray, Images

Folders = Callable[..., Path]


def saved_as_jpeg(picture: Gray, quality: int = 75) -> Gray:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [1, quality])[1], 0), np.uint8)


def of(dataset: Dataset, images: Images, split: str = "test") -> Dataset:
    return replace(dataset, images=images, labels=dataset.labels[: len(images)], split=split, groups=None)


def test_a_copy_in_another_split_is_found(small_set: Dataset) -> None:
    other = of(small_set, small_set.images[[17, 4]] // 2)
    other.images[1] = small_set.images[4]
    found = duplicates.find((small_set, other))
    assert (found.n_exact_across, found.n_exact_within) == (1, 0)
    pair = found.exact[0]
    assert (pair.split, pair.row, pair.other_split, pair.other_row) == ("all", 4, "test", 1)
    assert (pair.label, pair.other_label) == ("1", "0")


def test_a_copy_in_the_same_split_is_found_once(small_set: Dataset) -> None:
    twice = of(small_set, np.concatenate([small_set.images[:5], small_set.images[2:3]]))
    found = duplicates.find((twice,))
    assert (found.n_exact_within, found.n_near) == (1, 0)
    assert (found.exact[0].row, found.exact[0].other_row) == (5, 2)


def test_a_jpeg_of_an_image_is_a_near_duplicate(small_set: Dataset) -> None:
    other = of(small_set, np.stack([saved_as_jpeg(small_set.images[row]) for row in (9, 21)]))
    found = duplicates.near(small_set, other)
    assert [(pair.row, pair.other_row) for pair in found] == [(9, 0), (21, 1)]
    within = duplicates.find((of(small_set, np.concatenate([small_set.images[::3], other.images])),))
    assert within.n_near == 2


def test_near_duplicates_are_those_that_comparing_every_pair_finds(data_folder: Path) -> None:
    mnist = data.load("mnist", "test")
    rng = np.random.default_rng(0)
    one = mnist.select(np.arange(600), split="one")
    noise = rng.normal(0, rng.uniform(2, 20, (200, 1, 1)), (200, 28, 28))
    noisy = np.clip(one.images[:200] + noise, 0, 255).astype(np.uint8)
    other = of(one, np.concatenate([noisy, mnist.images[600:1000]]), split="other")
    x, y = (each.images.reshape(len(each), -1).astype(np.float64) for each in (one, other))
    distance = cdist(x, y)
    allowed = duplicates.NEAR * np.linalg.norm(x, axis=1)[:, None]
    slow = np.argwhere((distance <= allowed) & (distance > 0))
    assert 20 < len(slow) < 200
    assert [(pair.row, pair.other_row) for pair in duplicates.near(one, other)] == [
        tuple(pair) for pair in slow.tolist()
    ]


def test_mnist_has_no_copies_across_its_splits(data_folder: Path) -> None:
    test = data.load("mnist", "test")
    found = duplicates.find((test, data.load("mnist").select(np.arange(5000), split="train")))
    assert (found.n_exact_across, found.n_exact_within, found.n_near) == (0, 0, 0)


def test_black_images_are_no_copies_of_each_other(small_set: Dataset) -> None:
    black = of(small_set, np.zeros((3, 28, 28), np.uint8))
    assert duplicates.find((black, small_set)).n_exact_within == 0


def test_info_counts_hashes_and_is_json(tmp_path: Path, label_folders: Folders) -> None:
    label_folders(tmp_path / "train")
    label_folders(tmp_path / "test", labels="13")
    info = inspect.info(str(tmp_path))
    train, test = info.splits
    assert (train.split, train.n, train.counts["3"], train.empty_classes) == ("train", 10, 1, ())
    assert (test.n, test.counts["1"], test.empty_classes) == (2, 1, tuple("02456789"))
    assert (train.sha256 or "") != test.sha256
    assert info.duplicates is not None
    assert info.duplicates.n_exact_across == 2
    assert json.loads(json.dumps(asdict(info)))["splits"][0]["counts"]["3"] == 1


def test_info_of_lines_counts_their_digits(data_folder: Path) -> None:
    try:
        info = inspect.info("grids")
    except UserError as error:
        pytest.skip(f"grids is not here: {error}")
    assert info.splits[0].n == 160
    assert set(info.splits[0].counts.values()) == {160 * 9}
    assert info.known is not None
    assert info.known.kind == "pages"


def test_a_contact_sheet_shows_every_class(tmp_path: Path, small_set: Dataset) -> None:
    path = tmp_path / "sheet.png"
    sheet.of_datasets([small_set, of(small_set, small_set.images[:6])], path)
    drawn = decode(path)
    for row in range(30):
        # Of sums around a hundred million, in 32 bits.
        assert cv2.matchTemplate(drawn, small_set.images[row], cv2.TM_SQDIFF).min() < 20


def test_a_split_without_one_usable_picture_is_told(tmp_path: Path, label_folders: Folders) -> None:
    label_folders(tmp_path / "train")
    (tmp_path / "test" / "7").mkdir(parents=True)
    (tmp_path / "test" / "7" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    info = inspect.info(str(tmp_path))
    assert [split.n for split in info.splits] == [10, 0]
    assert [each.file for each in info.broken] == [str(tmp_path / "test" / "7" / "torn.png")]
    inspect.contact_sheet(str(tmp_path), tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def test_the_contact_sheet_of_a_folder_is_a_png(tmp_path: Path, label_folders: Folders) -> None:
    folder = label_folders(tmp_path / "set")
    inspect.contact_sheet(str(folder), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as drawn:
        assert drawn.format == "PNG"


def test_the_contact_sheet_of_pages_shows_pictures(data_folder: Path, tmp_path: Path) -> None:
    try:
        inspect.contact_sheet("grids", tmp_path / "sheet.png")
    except UserError as error:
        pytest.skip(f"grids is not here: {error}")
    assert decode(tmp_path / "sheet.png").std() > 20


def test_a_contact_sheet_that_cannot_be_written_is_a_sentence(tmp_path: Path, small_set: Dataset) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match=r"^cannot write .*sheet\.png: "):
        sheet.of_datasets([small_set], tmp_path / "taken" / "sheet.png")


@pytest.mark.parametrize("name", ["sheet.jpg", "sheet"])
def test_a_contact_sheet_that_is_no_png_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for draw in (
        lambda path: inspect.contact_sheet(str(tmp_path / "absent"), path),
        lambda path: sets.info(str(tmp_path / "absent"), picture=path, as_json=False),
    ):
        with pytest.raises(UserError, match=rf"{name} is no name for a contact sheet; .*\.png"):
            draw(tmp_path / name)
    assert capsys.readouterr().out == ""


def test_labels_are_printed_as_they_are_written(
    tmp_path: Path, drawn: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = ["[/x]", "[red]b", ":smile:", "[link=a]c"]
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"0.png,{label}\n" for label in labels))
    Image.fromarray(drawn[0]).save(tmp_path / "0.png")
    sets.info(str(tmp_path), picture=None, as_json=False)
    printed = capsys.readouterr().out
    # Once in the table, and in the list of duplicates, since all show the same image.
    assert all(printed.count(label) >= 2 for label in labels)


def test_sections_show_every_image_three_times_its_size(tmp_path: Path, small_set: Dataset) -> None:
    said = [(f"{row}, read {'long ' * 30}", "row") for row in range(11)]
    sections = [
        sheet.Section(title="first", images=small_set.images[:11], captions=said),
        sheet.Section(title="none", images=small_set.images[:0], captions=[]),
    ]
    sheet.of_sections(sections, tmp_path / "sheet.png")
    drawn = decode(tmp_path / "sheet.png").astype(np.float32)
    for row in range(11):
        large = Image.fromarray(small_set.images[row]).resize((84, 84), Image.Resampling.BICUBIC)
        assert cv2.matchTemplate(drawn, np.asarray(large, np.float32), cv2.TM_SQDIFF).min() < 20
