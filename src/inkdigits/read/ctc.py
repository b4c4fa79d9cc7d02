"""From scores along a line to its digits: connectionist temporal classification, read out.

Graves et al., "Connectionist temporal classification", 2006. Every few columns of the line give one frame of
scores over the labels and the blank, which comes last; a text stands for all the ways to spread it over the
frames.
"""

import numpy as np
from numpy.typing import NDArray

LogScores = NDArray[np.float64]
"""ln of probabilities: float64, (frames, labels + 1); the blank is the last column."""


def best_path(scores: LogScores) -> tuple[int, ...]:
    """The labels that are best frame by frame, repetitions and blanks taken out."""
    blank = scores.shape[1] - 1
    best = scores.argmax(axis=1)
    changes = np.append(True, best[1:] != best[:-1])[: len(best)]
    return tuple(int(label) for label in best[changes] if label != blank)


def log_probability(scores: LogScores, labels: tuple[int, ...]) -> float:
    """The probability of a text, of all ways to spread it over the frames, as its natural logarithm."""
    symbols, may_skip = _extended(labels, blank=scores.shape[1] - 1)
    state = np.full(len(symbols), -np.inf)
    state[:2] = scores[0, symbols[:2]]
    for frame in scores[1:]:
        before = np.concatenate([[-np.inf], state[:-1]])
        over = np.where(may_skip, np.concatenate([[-np.inf, -np.inf], state[:-2]])[: len(state)], -np.inf)
        state = np.logaddexp(np.logaddexp(state, before), over) + frame[symbols]
    return float(np.logaddexp.reduce(state[-2:]))


def align(scores: LogScores, labels: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The frames of each label in the likeliest way to spread the text: (first, after the last).

    Empty where there is no way to spread it.
    """
    if not labels:
        return ()
    symbols, may_skip = _extended(labels, blank=scores.shape[1] - 1)
    emitted = scores[:, symbols]
    state = np.full(len(symbols), -np.inf)
    state[:2] = emitted[0, :2]
    steps = np.zeros((len(scores), len(symbols)), np.int64)
    choices = np.full((3, len(symbols)), -np.inf)
    skipping = np.where(may_skip[2:], 0.0, -np.inf)
    for t in range(1, len(scores)):
        choices[0], choices[1, 1:], choices[2, 2:] = state, state[:-1], state[:-2] + skipping
        choices.argmax(axis=0, out=steps[t])
        state = choices.max(axis=0) + emitted[t]
    if not np.isfinite(state[-2:]).any():
        return ()
    at = len(symbols) - 1 - int(state[-2] > state[-1])
    path = np.empty(len(scores), np.int64)
    for t in range(len(scores) - 1, -1, -1):
        path[t] = at
        at -= int(steps[t, at])
    frames = [np.flatnonzero(path == 2 * k + 1) for k in range(len(labels))]
    return tuple((int(each[0]), int(each[-1]) + 1) for each in frames)


def _extended(labels: tuple[int, ...], *, blank: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The labels with blanks around each, and which of them may follow the last but one at once."""
    symbols = np.full(2 * len(labels) + 1, blank, np.int64)
    symbols[1::2] = labels
    may_skip = np.zeros(len(symbols), np.bool_)
    may_skip[3::2] = symbols[3::2] != symbols[1:-2:2]
    return symbols, may_skip
