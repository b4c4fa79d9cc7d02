import csv
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.errors import UserError
from inkdigits.learn import history
from inkdigits.learn.history import Record

FINITE = st.floats(allow_nan=False)
RECORDS = st.builds(
    Record,
    epoch=st.integers(1, 10_000),
    step=st.integers(1, 10**9),
    learning_rate=FINITE,
    loss=FINITE,
    train_accuracy=st.none() | FINITE,
    validation_loss=st.none() | FINITE,
    validation_accuracy=st.none() | FINITE,
    seconds=FINITE,
)
FIRST = Record(
    epoch=1,
    step=200,
    learning_rate=0.1,
    loss=1 / 3,
    train_accuracy=None,
    validation_loss=0.25,
    validation_accuracy=0.99,
    seconds=12.5,
)


@given(records=st.lists(RECORDS, max_size=5))
def test_what_is_written_is_read_to_the_last_bit(
    records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("run") / "history.csv"
    history.write(path, records)
    assert history.read(path) == tuple(records)


def test_the_file_is_plain_csv(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    history.write(path, [FIRST])
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["loss"] == "0.3333333333333333"
    assert row["train_accuracy"] == ""
    assert list(tmp_path.iterdir()) == [path]


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.csv"
    history.write(path, [FIRST])

    def full_disk(_file: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(UserError, match="No space left"):
        history.write(path, [FIRST, FIRST])
    assert history.read(path) == (FIRST,)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has the columns None"),
        ("epoch,loss\n1,2\n", r"has the columns \['epoch', 'loss'\]"),
        (",".join(history.COLUMNS) + "\n1,200,0.1\n", "line 2 has not 8 columns"),
        (",".join(history.COLUMNS) + "\n1,200,0.1,1,,,,3,4\n", "line 2 has not 8 columns"),
        (",".join(history.COLUMNS) + "\n1,200,fast,1,,,,3\n", "line 2 is no record: .*'fast'"),
        (",".join(history.COLUMNS) + "\n1.5,200,0.1,1,,,,3\n", "line 2 is no record"),
    ],
)
def test_what_is_no_history_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=sentence):
        history.read(path)
