"""One number for each line and one line for each number, against SciPy's solver."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from inkdigits.read.assignment import LEAST, UNASSIGNED, assign, settled
from inkdigits.types import Box, Candidate, Document, Line, Page


@given(
    n=st.integers(0, 12),
    m=st.integers(0, 12),
    seed=st.integers(0, 10_000),
    coarse=st.booleans(),
    impossible=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_no_assignment_is_likelier_as_a_whole(
    n: int, m: int, seed: int, coarse: bool, impossible: float
) -> None:
    random = np.random.default_rng(seed)
    log_probabilities = -3 * random.exponential(size=(n, m))
    if coarse:
        log_probabilities = np.round(log_probabilities)
    log_probabilities[random.random((n, m)) < impossible] = -np.inf
    positions = assign(log_probabilities)

    assigned = positions != UNASSIGNED
    assert positions.shape == (n,)
    assert positions.dtype == np.int64
    assert len(set(positions[assigned])) == assigned.sum()
    chosen = log_probabilities[assigned, positions[assigned]]
    assert (chosen >= LEAST).all()
    with_none = np.full((n, m + n), LEAST)
    with_none[:, :m] = np.maximum(log_probabilities, -1e6)
    theirs = with_none[linear_sum_assignment(with_none, maximize=True)].sum()
    assert np.isclose(chosen.sum() + LEAST * (n - assigned.sum()), theirs)


def test_a_line_gives_way_where_its_second_number_is_good_enough() -> None:
    probabilities = np.array([[0.6, 0.4, 0.0], [0.9, 0.001, 0.0], [0.001, 0.001, 0.002]])
    with np.errstate(divide="ignore"):
        log_probabilities = np.log(probabilities)
    assert assign(log_probabilities).tolist() == [1, 0, UNASSIGNED]
    log_probabilities[2, 2] = LEAST + 0.1
    assert assign(log_probabilities).tolist() == [1, 0, 2]


def test_of_two_lines_with_one_number_the_surer_one_gets_it() -> None:
    assert assign(np.log([[0.8], [0.9]])).tolist() == [UNASSIGNED, 0]


def test_a_school_of_three_hundred_is_told_apart() -> None:
    random = np.random.default_rng(0)
    order = random.permutation(400)[:300]
    log_probabilities = np.log(random.uniform(1e-6, 0.3, (300, 400)))
    log_probabilities[np.arange(300), order] = np.log(random.uniform(0.2, 1.0, 300))
    rows, columns = linear_sum_assignment(log_probabilities, maximize=True)
    assert assign(log_probabilities)[rows].tolist() == columns.tolist()


def test_two_lines_that_look_like_the_same_number_get_one_each() -> None:
    box = Box(x=0, y=0, width=9, height=9)

    def line(text: str, *candidates: tuple[str, float]) -> Line:
        shown = tuple(Candidate(text=each, probability=p, confidence=p) for each, p in candidates)
        return Line(
            text=text, confidence=0.9, accepted=True, reason=None, box=box, digits=(), candidates=shown
        )

    lines = (
        line("11", ("11", 0.9), ("12", 0.05)),
        line("11", ("11", 0.6), ("12", 0.3)),
        line("11", ("11", 0.5)),
        line("30", ("30", 0.9)),
    )
    documents = [
        Document(file="a", error=None, pages=(Page(lines=lines[:1]), Page(lines=lines[1:2]))),
        Document(file="b", error="torn", pages=()),
        Document(file="c", error=None, pages=(Page(lines=lines[2:]),)),
    ]
    found = settled(documents, ["11", "12", "30"])
    given = [line for document in found for page in document.pages for line in page.lines]
    assert [(each.text, each.accepted, each.reason) for each in given] == [
        ("11", True, None),
        ("12", False, "unsure"),
        ("11", False, "its number is on another line"),
        ("30", True, None),
    ]
    assert [(each.file, each.error, len(each.pages)) for each in found] == [
        ("a", None, 2),
        ("b", "torn", 0),
        ("c", None, 1),
    ]
