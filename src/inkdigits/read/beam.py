"""Many texts of one line at once: those that are likely, and the probability of each of a list.

`ctc` reads the one best text; this is for when something besides the scores has a say. Texts are tuples of
positions of labels.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkdigits.read.checks import MOST_DIGITS
from inkdigits.read.ctc import LogScores

Text = tuple[int, ...]

WIDTH = 128
"""Texts kept from frame to frame: what is missed is likely to be rarer than one in as many."""

_ROWS = 4096
_SCALED = 4
_SURELY_BLANK = math.log(1 - 1e-4)


def likeliest(scores: LogScores, *, width: int = WIDTH) -> list[Text]:
    """The likeliest texts of up to `MOST_DIGITS` labels, best first, at most `width` of them.

    Prefix beam search (Graves, "Supervised sequence labelling with recurrent neural networks", 2012, 7.5;
    Hannun et al., arXiv:1408.2873), without a language model. Where a frame is surely blank, no text grows.
    """
    texts: list[Text] = [()]
    on_blank, on_label = np.zeros(1), np.full(1, -np.inf)
    for frame in scores:
        if frame[-1] > _SURELY_BLANK:
            on_blank, on_label = np.logaddexp(on_blank, on_label) + frame[-1], np.full(len(texts), -np.inf)
            continue
        stay_blank, stay_label, grown = _step(texts, on_blank, on_label, frame)
        reached = np.concatenate([np.logaddexp(stay_blank, stay_label), grown.ravel()])
        kept = np.argsort(-reached, kind="stable")[:width]
        kept = kept[reached[kept] > -np.inf]
        if not len(kept):
            return []
        n, n_labels = grown.shape
        texts = [
            texts[at] if at < n else (*texts[(at - n) // n_labels], (at - n) % n_labels)
            for at in kept.tolist()
        ]
        on_blank = np.concatenate([stay_blank, np.full(grown.size, -np.inf)])[kept]
        on_label = np.concatenate([stay_label, grown.ravel()])[kept]
    return texts


def _step(
    texts: list[Text],
    on_blank: NDArray[np.float64],
    on_label: NDArray[np.float64],
    frame: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Each text's mass after a frame, ending on blank and on its last label, and grown by each label, as ln.

    A text grown into one that is there already adds to that one.
    """
    last = np.array([text[-1] if text else -1 for text in texts])
    both = np.logaddexp(on_blank, on_label)
    stay_label = on_label + frame[last]
    grown = both[:, np.newaxis] + frame[:-1]
    again = np.flatnonzero(last >= 0)
    grown[again, last[again]] = on_blank[again] + frame[last[again]]
    row_of = {text: row for row, text in enumerate(texts)}
    for row in again:
        shorter = row_of.get(texts[row][:-1])
        if shorter is not None:
            stay_label[row] = np.logaddexp(stay_label[row], grown[shorter, last[row]])
            grown[shorter, last[row]] = -np.inf
    grown[[len(text) == MOST_DIGITS for text in texts]] = -np.inf
    return both + frame[-1], stay_label, grown


def log_probabilities(looks: Sequence[LogScores], texts: Sequence[Text]) -> NDArray[np.float64]:
    """The probability of each text at each look as its natural logarithm, float64 (looks, n).

    See `ctc.log_probability`. Beside a much likelier beginning of itself (e^700 times), a text comes out as
    -inf.
    """
    found = np.empty((len(looks), len(texts)))
    scores = _together(looks)
    lengths = np.array([len(text) for text in texts], np.int64)
    for part in np.split(np.arange(len(texts)), range(_ROWS, len(texts), _ROWS)):
        labels = np.zeros((len(part), lengths[part].max(initial=0)), np.int64)
        for row, at in enumerate(part.tolist()):
            labels[row, : lengths[at]] = texts[at]
        found[:, part] = _forward(scores, labels.T, lengths[part])
    return found


def _together(looks: Sequence[LogScores]) -> NDArray[np.float64]:
    """Probabilities, (frames, looks, labels + 1): behind a look that ends earlier, frames that are blank."""
    n_frames, n_labels = max(len(scores) for scores in looks), looks[0].shape[1]
    found = np.zeros((n_frames, len(looks), n_labels))
    found[:, :, -1] = 1
    for at, scores in enumerate(looks):
        found[: len(scores), at] = np.exp(scores)
    return found


def _forward(
    scores: NDArray[np.float64], labels: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The forward pass of Graves et al., 2006, over looks and texts side by side: (looks, n).

    Scores are probabilities, (frames, looks, labels + 1), and labels (longest, n): what is behind a text's
    own length makes no difference to what stands before it. All of a text's states are scaled to a largest of
    1 after every few frames, so that none dies out.
    """
    length, n = labels.shape
    n_looks = scores.shape[1]
    differs = labels[1:] != labels[:-1]
    on_blank, on_label = np.zeros((n_looks, length + 1, n)), np.zeros((n_looks, length, n))
    log_scale = np.zeros((n_looks, n))
    on_blank[:, 0] = 1
    for t, frame in enumerate(scores):
        entering = on_blank[:, :-1].copy()
        entering[:, 1:] += differs * on_label[:, :-1]
        on_blank[:, 1:] += on_label
        on_blank *= frame[:, np.newaxis, -1:]
        on_label += entering
        on_label *= frame[:, labels]
        if t % _SCALED != 0:
            continue
        largest = np.maximum(on_blank.max(axis=1), on_label.max(axis=1, initial=0.0))
        largest[largest == 0] = 1
        on_blank /= largest[:, np.newaxis]
        on_label /= largest[:, np.newaxis]
        log_scale += np.log(largest)
    at = np.arange(n)
    ended = on_blank[:, lengths, at]
    if length:
        ended += (lengths > 0) * on_label[:, lengths - 1, at]
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(ended) + log_scale)
