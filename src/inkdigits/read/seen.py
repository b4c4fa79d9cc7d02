"""What two models see in one line: the reader of lines, and, where that is unsure, one of single digits.

The reader of lines doubts between few texts. For each of them the line is cut into its digits, and the other
model says how well every part looks like the digit that it should be. The two make other mistakes.
"""

import functools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigits.read import beam, ctc, cuts, looks
from inkdigits.read.beam import Text
from inkdigits.read.cuts import Columns
from inkdigits.read.engine import Engine
from inkdigits.read.looks import Looks, Read
from inkdigits.types import Gray

SAY = 0.3
"""How much of a say the digits have: the power to which their probabilities are taken."""

N_JUDGED, LEAST_SHARE = 12, 1e-3
"""Texts whose digits are judged, at most, and how likely they have to be, as a share of the best's."""

_WIDTH = 8
_LEAST = math.exp(-4)


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """The probability of each text that is judged; what all others' by the looks is multiplied with."""

    probabilities: Mapping[Text, float]
    other: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A strip, uint8 (32, width), what the reader of lines sees in it, and who judges its digits, if anyone.

    `label_names` are those of the reader of lines. With P(t) the probability of a text by the looks, and q(t)
    the product of those of its digits, each e^-4 at least, a text counts P(t)·q(t)^`SAY`, divided by the sum
    over all texts. Those that aren't judged get the mean of q^`SAY` of those that are and aren't the best.
    """

    ink: Gray
    looks: Looks
    label_names: tuple[str, ...]
    judge: Engine | None = None

    def read(self) -> Read:
        """The likeliest text and its probability."""
        if self.judge is None:
            return looks.read(self.looks)
        found = {**self._judged.probabilities, (): self.nothing()}
        best = max(found, key=found.__getitem__)
        return Read(labels=best, confidence=min(1.0, found[best]))

    def likeliest(self) -> list[Text]:
        """The texts that are likely by the looks: see `looks.likeliest`."""
        return looks.likeliest(self.looks)

    def probabilities(self, texts: Sequence[Text]) -> NDArray[np.float64]:
        """The probability of each text, float64 (n,)."""
        by_looks = looks.probabilities(self.looks, texts) * self._judged.other
        known = self._judged.probabilities
        found = [known.get(text, each) for text, each in zip(texts, by_looks.tolist(), strict=True)]
        return np.array(found, np.float64)

    def nothing(self) -> float:
        """The probability that the line says nothing."""
        return self._judged.other * looks.nothing(self.looks)

    @functools.cached_property
    def _judged(self) -> _Judged:
        texts, weights = self._likely() if self.judge is not None else ([], np.empty(0))
        if not texts:
            return _Judged(probabilities={}, other=1.0)
        says = self._says(texts)
        found = weights * says
        is_other = np.arange(len(texts)) != found.argmax()
        among = float(weights[is_other].sum())
        other = float(found[is_other].sum()) / among if among > 0 else float(says[0])
        total = float(found.sum()) + max(0.0, 1 - float(weights.sum())) * other
        probabilities = dict(zip(texts, (found / total).tolist(), strict=True))
        return _Judged(probabilities=probabilities, other=other / total)

    def _likely(self) -> tuple[list[Text], NDArray[np.float64]]:
        """The texts to be judged, and their probabilities by the looks."""
        likely = beam.likeliest(self.looks[0], width=_WIDTH)
        found = dict.fromkeys([*likely, *looks.best_paths(self.looks)])
        texts = [text for text in found if text]
        weights = looks.probabilities(self.looks, texts)
        order = np.argsort(-weights, kind="stable")[:N_JUDGED]
        order = order[weights[order] >= LEAST_SHARE * weights.max(initial=0)]
        return [texts[at] for at in order.tolist()], weights[order]

    def _says(self, texts: Sequence[Text]) -> NDArray[np.float64]:
        """The product of the digits' probabilities of each text, to the power of `SAY`.

        Texts of one length, the likeliest of which comes first, are cut as that one is. What all texts
        have in the same place is left out: it makes none likelier than another.
        """
        likeliest = {len(text): text for text in reversed(texts)}
        cut = {length: self._parts(text) for length, text in likeliest.items()}
        placed = [
            {(part, self.label_names[label]) for part, label in zip(cut[len(text)], text, strict=True)}
            for text in texts
        ]
        common = set.intersection(*placed)
        told = self._told({part for each in placed for part, _ in each - common})
        found = [
            math.prod(max(told[part].get(name, 0.0), _LEAST) for part, name in sorted(each - common))
            for each in placed
        ]
        return np.array(found) ** SAY

    def _parts(self, text: Text) -> list[Columns]:
        """The columns of each of its digits."""
        return cuts.at_frames(self.ink, ctc.align(self.looks[0], text))

    def _told(self, parts: Collection[Columns]) -> dict[Columns, Mapping[str, float]]:
        """How probable each label is in each part of the strip; of a blank one, none."""
        assert self.judge is not None
        shown = [(part, cuts.digit(self.ink, part)) for part in parts]
        inked = [digit_image for _, digit_image in shown if digit_image is not None]
        rows = self.judge.classify(np.array(inked, np.uint8)).tolist() if inked else []
        names, scores = self.judge.card.label_names, iter(rows)
        return {
            part: {} if digit_image is None else dict(zip(names, next(scores), strict=True))
            for part, digit_image in shown
        }
