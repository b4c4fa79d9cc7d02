"""One line looked at several times: as it is, slanted both ways, narrower and wider.

Another hand might have written it so; what is misread in one look is read in others, and what all of them
say is sure. Every look counts alike: the probability of a text is the mean of what the looks give it.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.read import beam, ctc
from inkdigits.read.beam import Text
from inkdigits.read.ctc import LogScores
from inkdigits.types import Gray

SURE = 0.9995
"""A line that is so sure at the first look isn't looked at again."""

RULED_OUT = math.log(1e-4)
"""ln of the probability below which a text has no place on the line as it is, whatever other looks say."""

_SLANTS = (-0.12, 0.12)
_WIDTHS = (0.88, 1.14)
_ROOM = 2

Looks = Sequence[LogScores]
"""The scores of a line at each look, the first of them as it is; at least one."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a line says: positions of labels, and the probability that they are all of it."""

    labels: Text
    confidence: float


def look(inks: Sequence[Gray], score: Callable[[Sequence[Gray]], list[LogScores]]) -> list[Looks]:
    """The scores of each strip, once where that is enough; `score` gives those of several strips."""
    firsts = score(inks)
    is_sure = [read([first]).confidence >= SURE for first in firsts]
    again = [others(ink) for ink, sure in zip(inks, is_sure, strict=True) if not sure]
    more = iter(score([ink for each in again for ink in each]))
    n_more = len(_SLANTS) + len(_WIDTHS)
    return [
        [first] if sure else [first, *itertools.islice(more, n_more)]
        for first, sure in zip(firsts, is_sure, strict=True)
    ]


def others(ink: Gray) -> list[Gray]:
    """The strip, uint8 (32, width), as another hand would have slanted or spaced it."""
    roomy = np.pad(ink, ((0, 0), (_ROOM, _ROOM)))
    height, width = roomy.shape
    found = []
    for slant in _SLANTS:
        move = np.array([[1, slant, -slant * height / 2], [0, 1, 0]], np.float32)
        found.append(cv2.warpAffine(roomy, move, (width, height)))
    for share in _WIDTHS:
        smooth = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
        found.append(cv2.resize(roomy, (max(1, round(width * share)), height), interpolation=smooth))
    return [np.asarray(each, np.uint8) for each in found]


def read(looks: Looks) -> Read:
    """The likeliest of the texts that are best frame by frame at a look: see `best_paths`."""
    texts = best_paths(looks)
    weights = probabilities(looks, texts)
    best = int(weights.argmax())
    return Read(labels=texts[best], confidence=min(1.0, float(weights[best])))


def best_paths(looks: Looks) -> list[Text]:
    """What is best frame by frame at each look, the first's first, without what that one rules out."""
    first, *others = dict.fromkeys(ctc.best_path(scores) for scores in looks)
    return [first, *(text for text in others if ctc.log_probability(looks[0], text) > RULED_OUT)]


def likeliest(looks: Looks) -> list[Text]:
    """The likeliest texts of the first look (`beam.likeliest`), and the best frame by frame of the others."""
    others = (ctc.best_path(scores) for scores in looks[1:])
    return list(dict.fromkeys([*beam.likeliest(looks[0]), *others]))


def probabilities(looks: Looks, texts: Sequence[Text]) -> NDArray[np.float64]:
    """The probability of each text, float64 (n,)."""
    return np.asarray(np.exp(beam.log_probabilities(looks, texts)).mean(axis=0), np.float64)


def nothing(looks: Looks) -> float:
    """The probability that the line says nothing."""
    return float(np.mean([np.exp(scores[:, -1].sum()) for scores in looks]))
