"""Pictures of what is no digit: from sets at hand, and made."""

from pathlib import Path

import numpy as np
import pytest

from inkdigits import data, image
from inkdigits.data import cache
from inkdigits.data.pinned import FILES
from inkdigits.data.strangers import MOST, Strangers, strangers, thinned
from inkdigits.types import Dataset

MADE = ("blank, or a few specks", "uniform noise", "Gaussian noise", "pixels of digits, shuffled")
SCRIPTS = ("Kannada", "Bangla", "Devanagari", "Telugu")


@pytest.fixture(scope="module")
def found(data_folder: Path) -> Strangers:
    return strangers(data.load("mnist", "test"))


def test_nothing_is_downloaded_and_what_lacks_is_told(
    small_set: Dataset, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inkdigits.data.local.SYSTEM", empty_cache)
    found = strangers(small_set)
    assert tuple(found.kinds) == MADE
    assert [sentence.partition(" is left out")[0] for sentence in found.lacking] == [
        "fashion-mnist",
        "symbols",
        "kannada",
        "bangla",
        "devanagari",
        "telugu",
    ]
    assert "`inkdigits data fetch bangla`" in found.lacking[3]
    assert "https://github.com/wblachowski/bhmsds" in found.lacking[1]
    assert not empty_cache.exists()


def test_a_torn_file_is_not_fetched_anew(
    small_set: Dataset, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inkdigits.data.local.SYSTEM", empty_cache)
    fetched: list[object] = []
    monkeypatch.setattr("inkdigits.data.files._obtain", lambda _file, *, online: fetched.append(online))
    for file in FILES["bangla"]["test"]:
        path = cache.path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"torn")
    found = strangers(small_set)
    assert tuple(found.kinds) == MADE
    assert any(sentence.startswith("bangla is left out") for sentence in found.lacking)
    assert True not in fetched


def test_a_folder_that_is_not_there_is_no_failure(
    small_set: Dataset, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKDIGITS_DATA", str(empty_cache / "nowhere"))
    found = strangers(small_set)
    assert tuple(found.kinds) == MADE
    assert all("nowhere, which is no folder" in sentence for sentence in found.lacking)


def test_what_the_model_knows_is_no_stranger(small_set: Dataset, data_folder: Path) -> None:
    named = Dataset(
        name="own",
        split="all",
        images=small_set.images,
        labels=small_set.labels,
        label_names=(*small_set.label_names, "w", "x", "y", "z", "plus"),
    )
    found = strangers(named, learnt={"kannada", "fashion-mnist", "bangla"})
    assert not {"clothes", "Kannada", "Bangla"} & {*found.kinds}
    if "signs + − · /" in found.kinds:
        assert "letters w x y z" not in found.kinds
        assert len(found.kinds["signs + − · /"]) == 900


def test_sets_at_hand_are_thinned_digit_images(found: Strangers) -> None:
    for name in set(found.kinds) - set(MADE):
        images = found.kinds[name]
        assert 400 <= len(images) <= MOST
        assert image.are_digit_images(images).mean() > 0.95


def test_letters_and_signs_are_those_of_the_test_and_no_digits(found: Strangers) -> None:
    if "letters w x y z" not in found.kinds:
        pytest.skip("symbols isn't here")
    symbols = data.load("symbols", "test")
    names = np.array(symbols.label_names)[symbols.labels]
    label_of = {picture.tobytes(): str(name) for picture, name in zip(symbols.images, names, strict=True)}
    for kind, labels in (
        ("letters w x y z", set("wxyz")),
        ("signs + − · /", {"plus", "minus", "dot", "slash"}),
    ):
        assert {label_of[each.tobytes()] for each in found.kinds[kind]} == labels


def test_the_same_seed_gives_the_same_images(small_set: Dataset, empty_cache: Path) -> None:
    first, again, other = (strangers(small_set, seed=seed).kinds for seed in (1, 1, 2))
    for name in MADE:
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_made_images_are_what_they_are_called(small_set: Dataset, empty_cache: Path) -> None:
    kinds = strangers(small_set).kinds
    inked = (kinds[MADE[0]] > 0).sum(axis=(1, 2))
    assert (inked.min(), inked.max() <= 5 * 4) == (0, True)
    assert 0.1 < (inked == 0).mean() < 0.25
    uniform, gaussian = kinds[MADE[1]], kinds[MADE[2]]
    assert uniform.mean() == pytest.approx(127.5, abs=1)
    assert uniform.std() == pytest.approx(256 / 12**0.5, abs=1)
    for level in (0, 255):  # P(N(0.5, 1) < 0) = 0.3085, and half a grey level more
        assert (gaussian == level).mean() == pytest.approx(0.309, abs=0.01)
    shuffled = kinds[MADE[3]].reshape(30, -1)
    assert np.array_equal(np.sort(shuffled), np.sort(small_set.images.reshape(30, -1)))
    assert not np.array_equal(shuffled, small_set.images.reshape(30, -1))


def test_thinned_images_are_spread_evenly() -> None:
    every = np.arange(4000, dtype=np.uint16).view(np.uint8).reshape(-1, 1, 2)
    few = np.ascontiguousarray(thinned(every)).view(np.uint16).ravel().astype(int)
    assert (len(few), few[0], few[-1]) == (MOST, 0, 3999)
    assert set(np.diff(few)) == {4, 5}
    assert np.array_equal(thinned(every[:7]), every[:7])
