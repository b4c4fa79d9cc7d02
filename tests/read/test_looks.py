"""Several looks at a line: each counts alike, and a line that is sure at once isn't looked at again."""

from collections.abc import Sequence

import numpy as np
import pytest

from inkdigits.read import looks
from inkdigits.read.ctc import LogScores
from inkdigits.types import Gray


def saying(text: str, probability: float) -> LogScores:
    """Scores of a line that says the digits with that probability, and else nothing but blanks."""
    scores = np.full((2 * len(text) + 1, 11), 1e-12)
    scores[0::2, 10] = 1
    for at, digit in enumerate(text):
        each = probability ** (1 / len(text))
        scores[2 * at + 1, [int(digit), 10]] = each, 1 - each
    return np.asarray(np.log(scores), np.float64)


def test_the_text_that_all_looks_together_give_most_is_read() -> None:
    seen = [saying("17", 0.6), saying("11", 0.7), saying("17", 0.5)]
    found = looks.read(seen)
    assert found.labels == (1, 7)
    assert found.confidence == pytest.approx((0.6 + 0.5) / 3, abs=1e-6)
    assert looks.probabilities(seen, [(1, 1), (1, 7)]) == pytest.approx([0.7 / 3, 1.1 / 3], abs=1e-6)


def test_a_text_that_the_line_as_it_is_has_no_room_for_is_not_read() -> None:
    found = looks.read([saying("1", 0.4), saying("1234", 0.99), saying("1234", 0.99)])
    assert found.labels == ()
    assert looks.read([saying("1", 0.7), saying("1234", 0.99)]).labels == (1,)


@pytest.mark.parametrize(("sure", "n_looks"), [(0.9999, 1), (0.99, 5)])
def test_a_line_is_looked_at_again_only_where_it_is_unsure(sure: float, n_looks: int) -> None:
    shown: list[Gray] = []

    def score(strips: Sequence[Gray]) -> list[LogScores]:
        shown.extend(strips)
        return [saying("4", sure) for _ in strips]

    ink = np.zeros((32, 100), np.uint8)
    ink[4:28, 48:52] = 255
    assert [len(each) for each in looks.look([ink], score)] == [len(shown)] == [n_looks]
    assert shown[0] is ink


def test_each_of_several_lines_gets_its_own_looks() -> None:
    inks = [np.full((32, 40 + at), 100 + at, np.uint8) for at in range(3)]
    sure = {100: 0.9, 101: 0.9999, 102: 0.8}

    def score(strips: Sequence[Gray]) -> list[LogScores]:
        return [saying("4", sure[int(strip.max())]) for strip in strips]

    found = looks.look(inks, score)
    assert [len(each) for each in found] == [5, 1, 5]
    for each, probability in zip(found, sure.values(), strict=True):
        assert [looks.probabilities([one], [(4,)])[0] for one in each] == pytest.approx(
            [probability] * len(each)
        )


def test_other_looks_slant_narrow_and_widen_the_ink_about_its_middle() -> None:
    ink = np.zeros((32, 100), np.uint8)
    ink[2:30, 49:51] = 255
    left, right, narrow, wide = looks.others(ink)
    columns = np.arange(104)  # with room for what is slanted
    for slanted, sign in ((left, -1), (right, 1)):
        top, bottom = (float(slanted[row] @ columns / slanted[row].sum()) for row in (4, 27))
        assert sign * (bottom - top) == pytest.approx(0.12 * 23, abs=0.3)
        assert (top + bottom) / 2 == pytest.approx(51.5, abs=0.6)
    assert (narrow.shape, wide.shape) == ((32, 92), (32, 119))
    for each in (narrow, wide):
        assert each.dtype == np.uint8
        assert abs(float(each[16] @ np.arange(each.shape[1]) / each[16].sum()) - each.shape[1] / 2) < 1


def test_nothing_is_as_likely_as_its_looks_say() -> None:
    assert looks.nothing([saying("3", 0.2), saying("3", 0.6)]) == pytest.approx((0.8 + 0.4) / 2)


def test_what_the_line_as_it_is_rules_out_is_not_read_whatever_other_looks_say() -> None:
    frames = np.full((5, 11), 1e-12)
    frames[:, 10] = 1
    frames[1, [2, 10]] = 1 - 1e-6, 1e-6
    first, other = np.asarray(np.log(frames), np.float64), saying("34", 0.99)
    assert looks.read([first, other, other, other]).labels == (2,)


def test_likely_texts_are_those_of_the_first_look_and_the_best_of_the_others() -> None:
    found = looks.likeliest([saying("17", 0.6), saying("11", 0.7)])
    assert found[0] == (1, 7)
    assert (1, 1) in found
    assert len(found) == len(set(found))
