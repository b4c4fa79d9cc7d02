"""Tables of pixels and of file names are read as people write them, and refused with a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from inkdigits import data
from inkdigits.types import Dataset, Images

Refusal = Callable[..., str]


def write_csv(path: Path, dataset: Dataset, *, header: bool = True, label_last: bool = False) -> Path:
    names = [f"pixel{at}" for at in range(784)]
    rows = [
        [*pixels, label] if label_last else [label, *pixels]
        for pixels, label in zip(
            dataset.images.reshape(-1, 784).tolist(), dataset.labels.tolist(), strict=True
        )
    ]
    head = [*names, "label"] if label_last else ["label", *names]
    lines = [",".join(map(str, row)) for row in ([head, *rows] if header else rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("form", [{}, {"header": False}, {"label_last": True}])
def test_a_csv_of_labels_and_pixels_is_a_data_set(
    tmp_path: Path, small_set: Dataset, form: dict[str, bool]
) -> None:
    dataset = data.load(str(write_csv(tmp_path / "set.csv", small_set, **form)), "all")
    assert (dataset.images == small_set.images).all()
    assert (dataset.labels == small_set.labels).all()


def test_a_csv_with_quotes_is_the_same_set(tmp_path: Path, small_set: Dataset) -> None:
    path = write_csv(tmp_path / "set.csv", small_set)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(f'"{cell}"' for cell in row) for row in rows))
    dataset = data.load(str(path), "all")
    assert (dataset.images == small_set.images).all()
    assert (dataset.labels == small_set.labels).all()


@pytest.mark.parametrize("row", [0, 1])
def test_a_csv_with_an_endless_field_is_refused(
    tmp_path: Path, small_set: Dataset, row: int, refusal: Refusal
) -> None:
    path = write_csv(tmp_path / "set.csv", small_set)
    lines = path.read_text().splitlines()
    lines[row] = "a" * 200_000 + lines[row][1:]
    path.write_text("\n".join(lines))
    sentence = refusal(path)
    assert "can't be read as a table" in sentence or "something else than numbers" in sentence
    assert len(sentence) < 1000


def test_a_csv_row_of_another_width_is_refused_with_its_line(
    tmp_path: Path, small_set: Dataset, refusal: Refusal
) -> None:
    path = write_csv(tmp_path / "set.csv", small_set)
    lines = path.read_text().splitlines()
    lines[2] = lines[2].rpartition(",")[0]
    path.write_text("\n".join(lines))
    assert "line 3 has 784 columns; it should have 785" in refusal(path)
    path.write_text("\n\n" + "\n".join(lines))
    assert "line 5 has 784 columns; it should have 785" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"label,pixel0\n"])
def test_a_csv_without_rows_is_refused(tmp_path: Path, content: bytes, refusal: Refusal) -> None:
    path = tmp_path / "set.csv"
    path.write_bytes(content)
    assert "has no rows" in refusal(path)


def test_a_csv_of_words_or_of_bytes_is_refused(tmp_path: Path, small_set: Dataset, refusal: Refusal) -> None:
    path = write_csv(tmp_path / "set.csv", small_set)
    path.write_text(path.read_text().replace(",0,", ",none,", 1))
    assert "something else than numbers" in refusal(path)
    path.write_bytes(b"\xff\xfe\x00\x01")
    assert "is no text" in refusal(path)


def test_labels_csv_names_files_labels_and_writers(tmp_path: Path, drawn: Images) -> None:
    for row in range(3):
        Image.fromarray(255 - drawn[row * 3]).save(tmp_path / f"{row}.png")
    (tmp_path / "labels.csv").write_text("file,label,writer\n0.png,0,ann\n1.png,1,ben\n2.png,2,ann\n")
    dataset = data.load(str(tmp_path), "all")
    assert dataset.labels.tolist() == [0, 1, 2]
    assert dataset.groups is not None
    assert dataset.groups[0] == dataset.groups[2] != dataset.groups[1]
    assert (dataset.images == drawn[[0, 3, 6]]).all()


def test_a_writer_has_the_same_number_in_every_split(tmp_path: Path, drawn: Images) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        Image.fromarray(drawn[0]).save(tmp_path / split / "a.png")
        rows = "a.png,0,zoe\n" if split == "test" else "a.png,0,ann\na.png,0,zoe\n"
        (tmp_path / split / "labels.csv").write_text(f"file,label,writer\n{rows}")
    train, test = (data.load(str(tmp_path), split).groups for split in ("train", "test"))
    assert train is not None
    assert test is not None
    assert test[0] == train[1] != train[0]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("name,label\na.png,1\n", "it should have file and label"),
        ("file,label\na.png\n", "line 2 has another number of columns"),
        ("file,label\na.png,1,2\n", "line 2 has another number of columns"),
        ("file,label\n\n\na.png,1,2\n", "line 4 has another number of columns"),
        ("file,label\na.png, \n", "line 2 has no label"),
        ("file,label\n", "names no pictures"),
        ("file,label\n../../etc/passwd,1\n", "files should lie in the folder of the table"),
        ("file,label\nabsent.png,1\n", "absent.png"),
        ("file,label\na\0.png,1\n", "names 'a\\x00.png', which no file can be called"),
        (f"file,label\n{'a' * 200_000},1\n", "can't be read as a table (field larger than"),
        (f"file,{'a' * 200_000}\na.png,1\n", "can't be read as a table (field larger than"),
    ],
)
def test_a_labels_csv_that_cannot_be_used_is_refused(
    tmp_path: Path, table: str, complaint: str, refusal: Refusal
) -> None:
    (tmp_path / "labels.csv").write_text(table)
    assert complaint in refusal(tmp_path)
