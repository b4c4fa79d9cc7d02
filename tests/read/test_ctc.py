"""Texts out of scores along a line, against PyTorch's own loss and all paths written out."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.read import ctc
from inkdigits.read.ctc import LogScores


def some_scores(n_frames: int, n_labels: int, seed: int, *, sharp: float = 2.0) -> LogScores:
    raw = sharp * np.random.default_rng(seed).normal(size=(n_frames, n_labels + 1))
    return np.asarray(raw - np.logaddexp.reduce(raw, axis=1, keepdims=True))


def text_of(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


@given(
    n_frames=st.integers(1, 40),
    labels=st.lists(st.integers(0, 9), max_size=8),
    seed=st.integers(0, 1000),
)
def test_the_probability_of_a_text_is_what_torch_makes_it(
    n_frames: int, labels: list[int], seed: int
) -> None:
    scores = some_scores(n_frames, 10, seed)
    theirs = F.ctc_loss(
        torch.from_numpy(scores)[:, None],
        torch.tensor(labels, dtype=torch.long)[None],
        torch.tensor([n_frames]),
        torch.tensor([len(labels)]),
        blank=10,
        reduction="none",
    ).item()
    ours = -ctc.log_probability(scores, tuple(labels))
    assert ours == pytest.approx(theirs, abs=1e-9) or (np.isinf(ours) and np.isinf(theirs))


@given(n_frames=st.integers(1, 6), seed=st.integers(0, 1000))
def test_probability_and_alignment_are_those_of_all_paths_written_out(n_frames: int, seed: int) -> None:
    scores = some_scores(n_frames, 2, seed)
    found = ctc.best_path(scores)
    paths = {
        path: float(sum(scores[t, label] for t, label in enumerate(path)))
        for path in itertools.product(range(3), repeat=n_frames)
    }
    best, _ = max(paths.items(), key=lambda way: way[1])
    assert found == text_of(best, 2)
    ways = {path: value for path, value in paths.items() if text_of(path, 2) == found}
    whole = sum(np.exp(value) for value in ways.values())
    assert np.exp(ctc.log_probability(scores, found)) == pytest.approx(whole)
    groups = [
        (label, len(list(run)))
        for label, run in itertools.groupby(max(ways.items(), key=lambda way: way[1])[0])
    ]
    starts = np.cumsum([0, *(length for _, length in groups)])
    spans = [
        (int(start), int(start) + length)
        for (label, length), start in zip(groups, starts, strict=False)
        if label != 2
    ]
    assert list(ctc.align(scores, found)) == spans


def test_a_line_read_surely_says_where() -> None:
    scores = np.full((9, 11), np.log(0.01 / 10))
    for frame, label in enumerate([10, 4, 4, 10, 7, 10, 7, 7, 10]):
        scores[frame, label] = np.log(0.99)
    assert ctc.best_path(scores) == (4, 7, 7)
    assert ctc.align(scores, (4, 7, 7)) == ((1, 3), (4, 5), (6, 8))


def test_a_line_of_blanks_says_nothing() -> None:
    scores = np.full((5, 11), -20.0)
    scores[:, 10] = 0.0
    assert ctc.best_path(scores) == ()
    assert ctc.align(scores, ()) == ()


def test_a_text_longer_than_the_line_has_no_place_on_it() -> None:
    scores = some_scores(4, 10, 0)
    assert ctc.align(scores, (1, 2, 3, 4, 5)) == ()
    assert ctc.align(scores, (1, 1, 1)) == ()  # two blanks have to stand between them
    assert len(ctc.align(scores, (1, 1))) == 2
