"""Which images of a data set are learnt from, chosen by and judged by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from inkdigits import data, weights
from inkdigits.data import split
from inkdigits.errors import UserError
from inkdigits.learn.options import TrainOptions
from inkdigits.types import Dataset, together

TEST_SHARE = 1 / 6
"""Share of the images kept for the test where a set has no test split of its own."""

_TEST_SEED = 0
"""Decides which: never the run's own seed, so that no other run or search learns from the same images."""


Load = Callable[[str, str], Dataset]
"""From a source and a split's name to its images."""


@dataclass(frozen=True)
class Source:
    """A known set or the data at a path; `load` gives the images of one of its splits."""

    name: str
    load: Load = field(default_factory=lambda: data.load)

    def training(self) -> tuple[Dataset, str]:
        """The images to learn from, and the split they were taken out of; the test set isn't read.

        A set without a test split beside it gives up TEST_SHARE of its rows (or writers) for the test.
        """
        names = data.splits(self.name)
        name = "train" if "train" in names else names[0]
        whole = self.load(self.name, name)
        if self._has_own_test(name):
            return whole, name
        return split.hold_out(whole, TEST_SHARE, seed=_TEST_SEED)[0], name

    def test(self, training: Dataset, split_name: str) -> Dataset:
        """The images to judge by: the set's own test split, or those that `training` left out."""
        if self._has_own_test(split_name):
            found = self.load(self.name, "test")
        else:
            held = split.hold_out(self.load(self.name, split_name), TEST_SHARE, seed=_TEST_SEED)[1]
            found = replace(held, split="test")
        self._require_same_labels(training, found, name="test")
        return found

    def validation(self, training: Dataset, options: TrainOptions) -> tuple[Dataset, Dataset | None]:
        """Images to learn from and images to choose by: the set's own validation split, or a part held out.

        None to choose by, and all to learn from, where `validation` is 0.
        """
        if options.validation == 0:
            return training, None
        if "validation" in data.splits(self.name) and training.split != "validation":
            own = self.load(self.name, "validation")
            self._require_same_labels(training, own, name="validation")
            return training, own
        return split.hold_out(training, options.validation, seed=options.seed)

    def _has_own_test(self, split_name: str) -> bool:
        """Whether the set has a test split besides the one that is learnt from."""
        return split_name != "test" and "test" in data.splits(self.name)

    def _require_same_labels(self, training: Dataset, other: Dataset, *, name: str) -> None:
        if other.label_names != training.label_names:
            raise UserError(
                f"the {name} split of {self.name} has the labels {', '.join(other.label_names)},"
                f" but the training split has {', '.join(training.label_names)}"
            )


@dataclass(frozen=True)
class Past:
    """What a model has learnt from: sets by their names, or a model that ships, for the sample beside it."""

    names: tuple[str, ...]
    load: Load

    def training(self, label_names: Sequence[str]) -> Dataset:
        """The images learnt from. Raises UserError where they aren't there, or have other labels."""
        return together([each.training()[0].relabelled(tuple(label_names)) for each in self._sources])

    def test(self, label_names: Sequence[str]) -> Dataset:
        """The images to judge by. Raises UserError where they aren't there, or have other labels."""
        tests = [each.test(*each.training()) for each in self._sources]
        return together([test.relabelled(tuple(label_names)) for test in tests])

    @property
    def _sources(self) -> list[Source]:
        kept = {name: str(weights.FOLDER / weights.OLD) for name in weights.NAMES}
        return [Source(kept.get(name, name), self.load) for name in self.names]
