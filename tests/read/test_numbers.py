"""Lines of digits are read whole, without cutting; what is known of a number helps, and makes none up."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inkdigits import data, image
from inkdigits.data import known, pages
from inkdigits.read import looks, numbers
from inkdigits.read.checks import Checks
from inkdigits.read.numbers import Reader, Wanted
from inkdigits.types import Dataset, Gray, Images, Scores

ANY = Wanted(least_confidence=0.0)


@pytest.fixture(scope="module")
def mnist(data_folder: Path) -> Dataset:
    return data.load("mnist", "test")


def line_of(mnist: Dataset, rows: list[int], *, gap: int = 6) -> Gray:
    """Those digits of MNIST side by side, four times their size, in dark ink on shaded paper."""
    inks = []
    for row in rows:
        columns = np.flatnonzero(mnist.images[row].any(axis=0))
        inks.append(mnist.images[row][:, columns[0] : columns[-1] + 1])
    drawn = np.hstack([np.pad(ink, ((4, 4), (0, gap))) for ink in inks])
    large = cv2.resize(np.pad(drawn, ((0, 0), (12, 12))), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    paper = np.linspace(170, 235, large.shape[1])
    return np.asarray(np.clip(paper * (1 - 0.75 * np.clip(large / 255.0, 0, 1)), 0, 255), np.uint8)


def shrunk(line: Gray) -> Gray:
    """The same, its digits 10 pixels high."""
    return np.asarray(cv2.resize(line, None, fx=0.09, fy=0.09, interpolation=cv2.INTER_AREA), np.uint8)


def text_of(mnist: Dataset, rows: list[int]) -> str:
    return "".join(str(mnist.labels[row]) for row in rows)


def test_lines_of_mnists_digits_are_read(number: Reader, mnist: Dataset) -> None:
    random = np.random.default_rng(0)
    wanted = [random.integers(10_000, size=random.integers(1, 9)).tolist() for _ in range(120)]
    lines = [numbers.read(line_of(mnist, rows), number, ANY) for rows in wanted]
    right = [line.text == text_of(mnist, rows) for line, rows in zip(lines, wanted, strict=True)]
    assert np.mean(right) > 0.85


def test_each_digits_box_is_around_its_ink(number: Reader, mnist: Dataset) -> None:
    rows = [0, 1, 2, 3]  # 7, 2, 1, 0
    picture = line_of(mnist, rows, gap=10)
    line = numbers.read(picture, number, ANY)
    assert line.text == "7210"
    dark = (picture < 120).astype(np.uint8)
    boxes = sorted(cv2.connectedComponentsWithStats(dark)[2][1:, :5].tolist())
    inked = [box for box in boxes if box[4] > 100]
    assert len(inked) == 4
    for digit, (x, y, width, height, _) in zip(line.digits, inked, strict=True):
        assert abs(digit.box.x - x) < 14
        assert abs(digit.box.y - y) < 14
        assert abs(digit.box.x + digit.box.width - x - width) < 14
        assert abs(digit.box.y + digit.box.height - y - height) < 14


@pytest.mark.parametrize("level", [0, 130, 255])
def test_a_blank_picture_is_refused(level: int, number: Reader) -> None:
    line = numbers.read(np.full((60, 300), level, np.uint8), number, ANY)
    assert (line.text, line.accepted, line.reason) == ("", False, "blank")
    assert (line.box.width, line.box.height) == (300, 60)


def test_a_confidence_is_about_the_share_that_is_right(number: Reader, mnist: Dataset) -> None:
    random = np.random.default_rng(1)
    wanted = [random.integers(10_000, size=4).tolist() for _ in range(150)]
    lines = [numbers.read(shrunk(line_of(mnist, rows)), number, ANY) for rows in wanted]
    right = np.array([line.text == text_of(mnist, rows) for line, rows in zip(lines, wanted, strict=True)])
    confidences = np.array([line.confidence for line in lines])
    assert abs(confidences.mean() - right.mean()) < 0.1
    assert confidences[right].mean() > confidences[~right].mean() + 0.1


def test_an_answer_below_the_threshold_is_given_and_not_accepted(number: Reader, mnist: Dataset) -> None:
    line = numbers.read(line_of(mnist, [0, 1, 2]), number, Wanted(least_confidence=1.1))
    assert (line.text, line.accepted, line.reason) == ("721", False, "unsure")


def test_of_the_numbers_on_a_list_the_written_one_is_found(number: Reader, mnist: Dataset) -> None:
    random = np.random.default_rng(2)
    allowed = tuple(sorted({f"{n:04d}" for n in random.integers(10_000, size=300)}))
    found = []
    for text in allowed[::6]:
        rows = [int(random.choice(np.flatnonzero(mnist.labels == int(digit))[:400])) for digit in text]
        line = numbers.read(
            line_of(mnist, rows), number, Wanted(least_confidence=0.0, checks=Checks(allowed=allowed))
        )
        found.append(line.text == text)
        assert len(line.candidates) == 4
        assert line.candidates[0].text == line.text or line.reason is not None
    assert np.mean(found) > 0.93


def test_a_number_that_cant_be_is_read_and_refused(number: Reader, mnist: Dataset) -> None:
    checks = Checks(allowed=("5555", "6666"))
    line = numbers.read(line_of(mnist, [0, 1, 2]), number, Wanted(least_confidence=0.0, checks=checks))
    assert (line.text, line.accepted) == ("721", False)
    assert line.reason == "isn't in the list"


def test_real_numbers_are_read(number: Reader, data_folder: Path) -> None:
    if not (data_folder / "numbers10").exists():
        pytest.skip("numbers10 is not here")
    some = [each for each in pages.load(known.require("numbers10")) if each.writer == "writer-03"][:40]
    lines = [numbers.read(image.decode(each.file), number, ANY) for each in some]
    assert np.mean([line.text == each.digits for line, each in zip(lines, some, strict=True)]) > 0.65


def test_what_else_is_on_the_page_has_no_say_in_a_lines_confidence(number: Reader, mnist: Dataset) -> None:
    random = np.random.default_rng(3)
    pictures = [line_of(mnist, random.integers(10_000, size=n).tolist()) for n in (3, 4, 5, 4, 6, 5)]
    blank = np.full_like(line_of(mnist, list(range(7))), 220)
    together = numbers.read_all([*pictures, blank], number, ANY)
    alone = [numbers.read(picture, number, ANY) for picture in pictures]
    assert [line.text for line in together[:-1]] == [line.text for line in alone]
    for one, other in zip(together, alone, strict=False):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-5)
    assert together[-1].reason == "blank"


def test_the_reader_of_single_digits_judges_lines_that_arent_sure_and_no_others(
    number: Reader, mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "SURE", 0.9)
    sure, unsure = 0, 0
    asked: list[int] = []

    def classify(images: Images) -> Scores:
        asked.append(len(images))
        assert number.digits is not None
        return number.digits.classify(images)

    assert number.digits is not None
    watched = replace(number, digits=replace(number.digits, classify=classify))
    random = np.random.default_rng(5)
    for _ in range(60):
        ink = image.strip(shrunk(line_of(mnist, random.integers(10_000, size=4).tolist()))).ink
        (seen,) = numbers.look(watched, [ink])
        asked.clear()
        found = seen.read()
        if len(seen.looks) == 1:
            sure += 1
            assert (asked, found.confidence >= looks.SURE) == ([], True)
        elif asked:
            unsure += 1
            without = numbers.look(replace(number, digits=None), [ink])[0].read()
            assert found.confidence != without.confidence
    assert min(sure, unsure) > 5


def test_scores_are_of_a_strips_own_frames(number: Reader, mnist: Dataset) -> None:
    ink = image.strip(line_of(mnist, [0, 1, 2])).ink
    (seen,) = numbers.look(number, [ink])
    assert len(seen.looks[0]) == image.n_frames(ink.shape[1])
