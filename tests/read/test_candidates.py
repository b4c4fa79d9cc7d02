"""Numbers weighed by scores and checks, against all texts written out."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.errors import ArgumentError
from inkdigits.read import beam, candidates, ctc
from inkdigits.read.candidates import EXCEPTIONS
from inkdigits.read.checks import MOST_DIGITS, Checks, objection
from inkdigits.read.ctc import LogScores
from inkdigits.read.seen import Seen

DIGITS = tuple("0123456789")


def some_scores(n_frames: int, n_labels: int, seed: int) -> LogScores:
    raw = 2 * np.random.default_rng(seed).normal(size=(n_frames, n_labels + 1))
    return np.asarray(raw - np.logaddexp.reduce(raw, axis=1, keepdims=True))


def written(*digits: dict[str, float]) -> LogScores:
    """Scores of a line with these digits in doubt, a frame for each and blanks between; "" is no digit."""
    scores = np.zeros((2 * len(digits) + 1, 11))
    scores[::2, 10] = 1
    for at, shares in enumerate(digits):
        for digit, share in shares.items():
            scores[2 * at + 1, int(digit or 10)] = share
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(scores))


def seen(scores: LogScores, names: tuple[str, ...] = DIGITS) -> Seen:
    return Seen(ink=np.zeros((32, 32), np.uint8), looks=[scores], label_names=names)


def all_texts(scores: LogScores) -> dict[tuple[int, ...], float]:
    """The probability of every text, from all paths written out."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    blank = scores.shape[1] - 1
    for path in itertools.product(range(blank + 1), repeat=len(scores)):
        text = tuple(label for label, _ in itertools.groupby(path) if label != blank)
        found[text] += float(np.exp(sum(scores[t, label] for t, label in enumerate(path))))
    return found


@given(n_frames=st.integers(1, 6), seed=st.integers(0, 1000))
def test_a_wide_beam_finds_every_text_in_order(n_frames: int, seed: int) -> None:
    scores = some_scores(n_frames, 2, seed)
    known = all_texts(scores)
    texts = beam.likeliest(scores)
    assert set(texts) == set(known)
    ranked = [known[text] for text in texts]
    assert ranked == pytest.approx(sorted(known.values(), reverse=True))


def test_a_narrow_beam_finds_the_best_of_many() -> None:
    doubts = [{"1": 0.8, "7": 0.2}, {"4": 0.7, "9": 0.3}, {"3": 0.55, "8": 0.45}] * 4
    products = sorted(
        (float(np.prod(shares)) for shares in itertools.product(*(each.values() for each in doubts))),
        reverse=True,
    )
    scores = written(*doubts)
    found = beam.likeliest(scores, width=64)
    assert len(found) == 64
    assert np.exp(beam.log_probabilities([scores], found[:32])[0]) == pytest.approx(products[:32])


@given(
    n_frames=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    texts=st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=6),
    seed=st.integers(0, 1000),
)
def test_many_texts_at_many_looks_get_the_probabilities_that_each_gets(
    n_frames: list[int], texts: list[list[int]], seed: int
) -> None:
    looks = [some_scores(n, 10, seed + at) for at, n in enumerate(n_frames)]
    labels = [tuple(text) for text in texts]
    each = np.array([[ctc.log_probability(scores, text) for text in labels] for scores in looks])
    assert beam.log_probabilities(looks, labels) == pytest.approx(each)


@given(
    n_frames=st.integers(1, 6),
    seed=st.integers(0, 1000),
    checks=st.sampled_from(
        [
            Checks(),
            Checks(length=2),
            Checks(least=1, most=10),
            Checks(pattern="0#1"),
            Checks(check_digit="luhn"),
            Checks(allowed=("1", "10", "0110")),
            Checks(allowed=("01",)),
        ]
    ),
)
def test_confidence_is_the_probability_where_one_in_a_hundred_numbers_breaks_the_checks(
    n_frames: int, seed: int, checks: Checks
) -> None:
    scores = some_scores(n_frames, 2, seed)
    known = {"".join(map(str, text)): probability for text, probability in all_texts(scores).items()}
    fair = {text: p for text, p in known.items() if objection(checks, text) is None}
    weighed = {
        text: p * (1 - EXCEPTIONS if text in fair or not text else EXCEPTIONS) for text, p in known.items()
    }
    found = candidates.best(seen(scores, ("0", "1")), checks)

    likeliest = sorted(fair.values(), reverse=True)[:4]
    numbers = [number for number in found.numbers if number.probability > 0]
    assert [number.probability for number in numbers] == pytest.approx(likeliest)
    for number in numbers:
        assert number.probability == pytest.approx(known[number.text])
        assert number.confidence == pytest.approx(weighed[number.text] / sum(weighed.values()))
    assert found.explained == pytest.approx(sum(fair.values()))


def test_the_check_digit_settles_what_the_scores_leave_open() -> None:
    scores = written({"7": 0.5, "1": 0.5}, *({digit: 1.0} for digit in "992739871"), {"3": 0.4, "8": 0.6})
    found = candidates.best(seen(scores), Checks(check_digit="luhn"))
    assert [number.text for number in found.numbers] == ["79927398713"]
    assert found.numbers[0].probability == pytest.approx(0.2)
    assert found.numbers[0].confidence > 0.95
    assert found.reason is None


def test_the_only_number_of_a_list_is_not_sure_for_being_the_only_one() -> None:
    listed = Checks(allowed=("1234",))
    digits = [{digit: 1.0} for digit in "123"]
    for share, sure in [(1.0, 1.0), (0.5, 0.990), (0.1, 0.917), (0.01, 0.5), (0.001, 0.090)]:
        found = candidates.best(seen(written(*digits, {"4": share, "9": 1 - share})), listed)
        assert found.numbers[0].confidence == pytest.approx(sure, abs=1e-3)
        assert found.explained == pytest.approx(share)
    assert found.reason == "isn't in the list"
    assert candidates.best(seen(written({"5": 1.0})), listed).numbers[0].confidence == 0.0


@pytest.mark.parametrize("checks", [Checks(length=1), Checks(allowed=("7",))])
def test_a_field_that_may_be_empty_is_not_filled_in_by_its_checks(checks: Checks) -> None:
    doubtful = candidates.best(seen(written({"7": 0.4, "": 0.6})), checks)
    assert doubtful.numbers[0].confidence == pytest.approx(0.4)
    assert candidates.best(seen(written({"": 1.0})), checks).reason == "has no digits"


def test_what_breaks_all_checks_is_refused_with_the_reason_and_no_number() -> None:
    found = candidates.best(seen(written({"1": 1.0}, {"2": 1.0})), Checks(length=3))
    assert (found.numbers, found.explained, found.reason) == ((), 0.0, "has 2 digits, 3 were expected")


def test_long_lists_are_weighed_number_by_number() -> None:
    random = np.random.default_rng(0)
    numbers = tuple(f"{number:07d}" for number in random.permutation(10**7)[:6000])
    scores = written(*({digit: 0.9, str((int(digit) + 1) % 10): 0.1} for digit in numbers[5000]))
    found = candidates.best(seen(scores), Checks(allowed=numbers))
    assert (found.numbers[0].text, len(found.numbers)) == (numbers[5000], 4)
    assert found.numbers[0].probability == pytest.approx(0.9**7)


def test_a_listed_digit_that_the_model_does_not_tell_is_a_sentence() -> None:
    with pytest.raises(ArgumentError, match="the list has the digit 2, but the model tells: 0, 1"):
        candidates.best(seen(some_scores(4, 2, 0), ("0", "1")), Checks(allowed=("12",)))


def test_more_digits_than_any_number_has_are_refused() -> None:
    noisy = some_scores(200, 10, 0)
    noisy[:, 10] -= 10
    assert max(len(text) for text in beam.likeliest(noisy, width=8)) == MOST_DIGITS
    found = candidates.best(seen(written(*[{"1": 0.9, "2": 0.1}] * 70)), Checks(least=1))
    assert (found.numbers, found.reason) == ((), "has 70 digits, at most 64 were expected")


def test_several_looks_count_alike_whether_texts_are_searched_or_listed() -> None:
    first, second = written({"1": 0.6, "7": 0.4}, {"4": 1.0}), written({"1": 0.2, "7": 0.8}, {"4": 1.0})
    both = Seen(ink=np.zeros((32, 32), np.uint8), looks=[first, second], label_names=DIGITS)
    for checks in (Checks(length=2), Checks(allowed=("14", "74"))):
        found = candidates.best(both, checks)
        assert [number.text for number in found.numbers[:2]] == ["74", "14"]
        assert [number.probability for number in found.numbers[:2]] == pytest.approx([0.6, 0.4], abs=1e-6)
