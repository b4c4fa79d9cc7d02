"""Digits drawn in written-down forms: each hand keeps to its own, and they can be read as what they are."""

import numpy as np
import pytest

from inkdigits import image
from inkdigits.data.drawn import forms, glyphs
from inkdigits.read import engine

UNUSUAL = {("2", 2), ("5", 5), ("9", 4)}
"""Those that look like letters or signs too, Z, √ and p: they are digits in numbers, and refused alone."""


@pytest.mark.parametrize("digit", forms.FORMS)
def test_the_forms_of_a_digit_are_read_as_that_digit(digit: str) -> None:
    reader = engine.shipped("reader", threads=1)
    random = np.random.default_rng(0)
    for which, form in enumerate(forms.FORMS[digit]):
        strokes = [np.array(stroke, np.float64) for stroke in form]
        shown = [
            glyphs.inked(forms._bent(strokes, random, 3.0), 0.7, 80, int(random.integers(4, 10)))
            for _ in range(20)
        ]
        images = np.stack([image.digit(255 - np.pad(ink, 12)) for ink in shown])
        read = reader.classify(images).argmax(axis=1) == int(digit)
        assert (digit, which) in UNUSUAL or read.mean() >= 0.6, (which, read.mean())


def test_a_hand_keeps_to_its_forms_and_never_writes_one_twice_alike() -> None:
    random = np.random.default_rng(3)
    hand = forms.hands()(random)
    for digit in hand.digits:
        first, second = (image.digit(255 - np.pad(hand.write(random, digit, 60), 9)) for _ in range(2))
        assert not np.array_equal(first, second)
        assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.4
    others = [forms.hands()(random) for _ in range(20)]
    assert len({other.write(random, "7", 60).shape for other in others}) > 5


def test_strokes_that_meet_meet_still() -> None:
    corner = [np.array([[0.0, 95], [90, 98]]), np.array([[90.0, 98], [40, 0]])]
    for seed in range(20):
        one, other = forms._bent(corner, np.random.default_rng(seed), 5.0)
        assert np.array_equal(one[1], other[0])
        assert not np.array_equal(one[0], corner[0][0])
