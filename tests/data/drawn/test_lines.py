"""Drawn lines say what their label says, in one hand; drawn words say nothing."""

from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits import image
from inkdigits.data.drawn import glyphs, hands, lines
from inkdigits.data.drawn.hands import Hand, Hands
from inkdigits.data.drawn.lines import DrawnLine
from inkdigits.types import Gray, Images

FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
SIGNS = glyphs.from_fonts([FONT], ["#"])


@pytest.fixture(scope="module")
def all_hands(drawn: Images) -> dict[str, Hands]:
    labels = [str(row // 3) for row in range(len(drawn))]
    points = np.random.default_rng(0).uniform(0, 100, (30, 8, 2))
    ink = {
        digit: [image for image, label in zip(drawn, labels, strict=True) if label == digit]
        for digit in "0123"
    }
    return {
        "images": hands.from_images(drawn, labels, n_digits=1),
        "ink": hands.from_ink([ink]),
        "pen": hands.from_pen(points, [str(row % 10) for row in range(30)]),
        "font": hands.from_fonts([FONT]),
    }


@given(name=st.sampled_from(["images", "ink", "pen", "font"]), seed=st.integers(0, 5000))
def test_a_line_is_a_picture_of_up_to_twelve_digits_of_the_hand(
    all_hands: dict[str, Hands], name: str, seed: int
) -> None:
    drawn = lines.draw(all_hands[name], SIGNS, np.random.default_rng(seed))
    assert drawn.picture.dtype == np.uint8
    assert drawn.picture.ndim == 2
    assert 1 <= len(drawn.text) <= lines.LONGEST
    assert set(drawn.text) <= set(all_hands[name](np.random.default_rng(0)).digits) | set("0")
    again = lines.draw(all_hands[name], SIGNS, np.random.default_rng(seed))
    assert np.array_equal(drawn.picture, again.picture)
    assert drawn.text == again.text


def test_a_hand_whose_pen_leaves_no_ink_draws_paper() -> None:
    dry = hands.from_ink([{digit: [np.zeros((20, 12), np.uint8)] for digit in "0123456789"}])
    drawn = [lines.draw(dry, SIGNS, np.random.default_rng(seed)) for seed in range(20)]
    assert all(line.picture.size for line in drawn)


def test_longer_texts_make_longer_strips(all_hands: dict[str, Hands]) -> None:
    random = np.random.default_rng(1)
    drawn = [lines.draw(all_hands["font"], SIGNS, random) for _ in range(120)]
    widths = [image.strip(line.picture).ink.shape[1] for line in drawn]
    assert np.corrcoef(widths, [len(line.text) for line in drawn])[0, 1] > 0.8


def test_all_texts_are_met_whatever_the_hand(all_hands: dict[str, Hands]) -> None:
    random = np.random.default_rng(2)
    texts = [lines.draw(all_hands["font"], SIGNS, random).text for _ in range(300)]
    assert {len(text) for text in texts} == set(range(1, 13))
    counts = [sum(text.count(digit) for text in texts) for digit in "0123456789"]
    assert min(counts[1:]) > 0.7 * max(counts[1:])
    assert counts[0] > max(counts[1:])  # amounts end in zeros


def test_a_mixture_takes_each_hand_as_often_as_it_says() -> None:
    one, other = (hands.from_fonts([FONT], digits) for digits in ("1", "2"))
    draw, random = hands.mixed([(3.0, one), (1.0, other)]), np.random.default_rng(0)
    share = np.mean([draw(random).digits == ("1",) for _ in range(400)])
    assert 0.68 < share < 0.82


def test_a_writer_is_one_hand_and_those_with_few_digits_are_left_out(drawn: Images) -> None:
    labels = [str(row // 3) for row in range(len(drawn))]
    writers = np.where(np.arange(len(drawn)) < 6, 0, 1)  # the first wrote only 0 and 1
    draw = hands.from_images(drawn, labels, writers=writers, n_digits=4)
    for seed in range(20):
        assert draw(np.random.default_rng(seed)).digits == tuple(sorted(set(labels[6:])))


def test_words_say_nothing() -> None:
    letters = hands.from_fonts([FONT], "AKW", writes_digits=False)
    scraps = hands.from_scraps(glyphs.from_fonts([FONT], ["X"]))
    for words in (letters, scraps):
        drawn = lines.draw(words, SIGNS, np.random.default_rng(3))
        assert drawn.text == ""
        assert np.ptp(drawn.picture) > 20


def test_ink_keeps_its_proportions_to_the_rest_of_its_writers() -> None:
    small, large = np.full((20, 8), 255, np.uint8), np.full((40, 8), 255, np.uint8)
    hand = hands.from_ink([{"1": [small], "2": [large], "3": [large]}])(np.random.default_rng(0))
    heights = [len(hand.write(np.random.default_rng(0), digit, 60)) for digit in "123"]
    assert heights == [30, 60, 60]


def test_a_real_line_retaken_is_still_that_line() -> None:
    sheet = np.full((120, 500), 230, np.uint8)
    cv2.putText(sheet, "5907", (40, 90), cv2.FONT_HERSHEY_SIMPLEX, 3, 40, 6, cv2.LINE_AA)
    for seed in range(20):
        picture: Gray = lines.retaken(sheet, np.random.default_rng(seed))
        ink = image.strip(picture).ink
        n_parts = cv2.connectedComponents((ink > 128).astype(np.uint8))[0] - 1
        assert 3 <= n_parts <= 5


def test_a_run_of_a_line_shows_the_digits_between_two_cuts() -> None:
    picture = np.repeat(np.array([[7, 0, 4, 4, 1, 9]], np.uint8), 10, axis=1)
    cut = DrawnLine(picture=picture, text="704419", cuts=((1, 10), (2, 20), (4, 40)))
    random, texts = np.random.default_rng(0), set[str]()
    for _ in range(200):
        run = lines.run(cut, random)
        shown = run.picture[0, ::10]
        assert run.text == "".join(map(str, shown))
        texts.add(run.text)
    assert texts == {"7", "70", "7044", "704419", "0", "044", "04419", "44", "4419", "19"}


@given(name=st.sampled_from(["images", "ink", "font"]), seed=st.integers(0, 5000))
def test_a_line_says_which_columns_its_digits_take(all_hands: dict[str, Hands], name: str, seed: int) -> None:
    drawn = lines.draw(all_hands[name], SIGNS, np.random.default_rng(seed))
    assert drawn.columns is not None
    first, end = drawn.columns
    assert -1 <= first < end <= drawn.picture.shape[1] + 1
    assert end - first >= 0.08 * len(drawn.text) * lines.SMALLEST


def test_a_digit_that_came_out_as_nothing_is_written_again() -> None:
    tries: list[str] = []

    def write(_: np.random.Generator, digit: str, height: int) -> Gray:
        tries.append(digit)
        return np.full((height, max(2, height // 4)), 255 if len(tries) % 3 == 0 else 0, np.uint8)

    hand = Hand(digits=("1",), write=write)
    drawn = lines.draw(lambda _: hand, SIGNS, np.random.default_rng(1))
    assert len(tries) == 3 * len(drawn.text)
