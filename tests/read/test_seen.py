"""Where the reader of lines is unsure, single digits are judged: their say is what the formula gives them."""

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.card import NONE, Card
from inkdigits.data import load
from inkdigits.read import looks
from inkdigits.read.ctc import LogScores
from inkdigits.read.engine import Engine
from inkdigits.read.seen import SAY, Seen
from inkdigits.types import Gray, Images, Scores

DIGITS = tuple("0123456789")


def doubting(*digits: Mapping[str, float]) -> LogScores:
    """Scores over a strip of 8 columns a digit, a frame on each: what it may be, and how likely."""
    scores = np.full((2 * len(digits) + 4, 11), 1e-9)
    scores[:, 10] = 1
    for at, shares in enumerate(digits):
        frame = scores[2 * at + 3]
        frame[10] = max(1e-9, 1 - sum(shares.values()))
        for digit, share in shares.items():
            frame[int(digit)] = share
    return np.asarray(np.log(scores / scores.sum(axis=1, keepdims=True)))


def strip_of(n: int) -> Gray:
    """As many upright strokes, 8 columns apart."""
    ink = np.zeros((32, 8 * n), np.uint8)
    ink[4:28, 3::8] = ink[4:28, 4::8] = 255
    return ink


def saying(**shares: float) -> Engine:
    """A judge that says the same of every digit: d7=0.9 is a probability of 0.9 for a 7."""
    names = (*DIGITS, NONE)
    row = np.full(len(names), 0.0, np.float32)
    for name, share in shares.items():
        row[names.index(name.removeprefix("d"))] = share
    return Engine(
        classify=lambda images: np.tile(row, (len(images), 1)), card=Card(network={}, label_names=names)
    )


def seen(scores: list[LogScores], n: int, judge: Engine | None) -> Seen:
    return Seen(ink=strip_of(n), looks=scores, label_names=DIGITS, judge=judge)


def test_a_text_counts_as_much_as_its_digits_say() -> None:
    found = seen([doubting({"1": 0.6, "7": 0.4})], 1, saying(d1=0.1, d7=0.8, none=0.1))
    one, seven = 0.6 * 0.1**SAY, 0.4 * 0.8**SAY
    expected = [one / (one + seven), seven / (one + seven)]
    assert found.probabilities([(1,), (7,)]) == pytest.approx(expected, abs=1e-4)
    assert found.read().labels == (7,)
    assert found.read().confidence == pytest.approx(expected[1], abs=1e-4)


def test_without_a_judge_the_looks_alone_say() -> None:
    scores = [doubting({"1": 0.6, "7": 0.4}), doubting({"1": 0.5, "7": 0.5})]
    found = seen(scores, 1, None)
    assert found.read() == looks.read(scores)
    assert found.probabilities([(1,), (7,)]) == pytest.approx([0.55, 0.45], abs=1e-4)


@given(seed=st.integers(0, 1000))
def test_the_probabilities_of_all_texts_are_one_together(seed: int) -> None:
    random = np.random.default_rng(seed)
    raw = 3 * random.normal(size=(6, 4))
    scores = np.asarray(raw - np.logaddexp.reduce(raw, axis=1, keepdims=True))
    names = ("3", "5", "8")
    judge = saying(d3=0.5, d5=0.2, d8=0.01, none=0.29)
    found = Seen(ink=strip_of(2), looks=[scores], label_names=names, judge=judge)
    texts = [text for n in range(7) for text in itertools.product(range(3), repeat=n)]
    assert found.probabilities(texts).sum() == pytest.approx(1)
    assert found.probabilities([()])[0] == pytest.approx(found.nothing())
    best = found.read()
    assert best.confidence == pytest.approx(found.probabilities([best.labels])[0])


def test_a_digit_that_no_judge_believes_in_can_still_be_read() -> None:
    found = seen([doubting({"1": 0.99, "7": 0.01})], 1, saying(none=1.0)).read()
    assert found.labels == (1,)
    assert found.confidence == pytest.approx(0.99, abs=1e-3)


@pytest.mark.parametrize("least", [-1e9, -20.0])
def test_a_line_that_says_nothing_says_nothing_whatever_its_judge_says(least: float) -> None:
    scores = np.full((8, 11), least)
    scores[:, 10] = 0
    found = seen([scores], 1, saying(d1=1.0))
    assert found.read().labels == ()
    assert found.read().confidence == pytest.approx(1, abs=1e-3)
    assert found.nothing() == pytest.approx(1)


def test_the_reader_that_ships_tells_a_real_seven_from_a_one(reader: Engine, data_folder: object) -> None:
    mnist = load("mnist", "test")
    shown: list[Images] = []

    def classify(images: Images) -> Scores:
        shown.append(images)
        return reader.classify(images)

    judge = Engine(classify=classify, card=reader.card)
    for label in (1, 7):
        digit = mnist.images[np.flatnonzero(mnist.labels == label)[0]]
        ink = np.pad(digit, ((2, 2), (2, 2)))
        scores = np.full((ink.shape[1] // 4 + 4, 11), np.log(1e-9))
        scores[:, 10] = 0
        scores[6, [1, 7, 10]] = np.log([0.5, 0.5, 1e-9])
        found = Seen(ink=ink, looks=[scores], label_names=DIGITS, judge=judge)
        assert found.read().labels == (label,)
    assert all(images.shape == (1, 28, 28) for images in shown)
