"""What a network learns to do: which rows make a batch, what it is shown, and how far off its answers are."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from inkdigits.card import LINE_MODELS
from inkdigits.errors import ArgumentError
from inkdigits.image import strips
from inkdigits.learn import counted
from inkdigits.learn.augment import augment
from inkdigits.learn.classifier import tensor
from inkdigits.learn.options import TrainOptions
from inkdigits.types import Dataset, Lines

_MEASURED = 1_000
_SORTED_BATCHES = 50
"""Batches whose lines are put in the order of their widths, so that little of a batch is padding."""

_BATCH_STREAM = 1 << 21
_REPLAY_STREAM = 1 << 22

_MOST_PIXELS = 4_000_000

REPLAYED_CHANGE = 0.5
"""Of how far new ones are. Changed as far, where those are few, old images let the network forget what is no
digit; as they are, what it knew of digits unlike them."""

Targets = TypeVar("Targets")


class Task(ABC, Generic[Targets]):
    """Pictures and what they stand for, on one device; a row's number is its place in the data set."""

    label_names: tuple[str, ...]
    _options: TrainOptions

    @abstractmethod
    def __len__(self) -> int:
        """Rows."""

    @abstractmethod
    def order(self, batch: int, *, epoch: int) -> list[Tensor]:
        """The rows of each batch of an epoch, in the order of the steps; what is left over is left out."""

    @abstractmethod
    def in_order(self, rows: Tensor) -> list[Tensor]:
        """The rows in batches to be scored without learning."""

    def some(self, n: int) -> Tensor:
        """Up to n rows that stand for all that is shown: int64."""
        return counted.order(len(self), seed=self._options.seed, epoch=0)[:n]

    @abstractmethod
    def images(self, rows: Tensor) -> Tensor:
        """Pictures as they are, uint8, (n, height, width)."""

    @abstractmethod
    def changed(self, images: Tensor, rows: Tensor, *, epoch: int) -> Tensor:
        """The pictures of those rows, each changed by its own amounts for that epoch."""

    @abstractmethod
    def targets(self, rows: Tensor) -> Targets:
        """What the network is told of the rows."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Targets) -> Tensor:
        """The mean loss of the batch, a scalar."""

    @abstractmethod
    def n_right(self, outputs: Tensor, targets: Targets) -> int:
        """How many pictures are read right, whole."""


def build(data: Dataset | Lines, options: TrainOptions, device: torch.device) -> Task[Any]:
    """The task that a data set sets. Raises ArgumentError where the network is for another one."""
    model, of_lines = options.network.model, isinstance(data, Lines)
    if (model in LINE_MODELS) != of_lines:
        shown = "lines" if of_lines else "digit images"
        raise ArgumentError(f"{model} doesn't read {shown}, which {data.name} holds; choose another --model")
    return Reading(data, options, device) if isinstance(data, Lines) else Telling(data, options, device)


class Telling(Task[Tensor]):
    """Digit images to classes: cross-entropy."""

    def __init__(self, data: Dataset, options: TrainOptions, device: torch.device) -> None:
        self.label_names = data.label_names
        self._options = options
        self._images = tensor(data.images).to(device)
        self._labels = tensor(data.labels).to(device)

    def __len__(self) -> int:
        return len(self._labels)

    def order(self, batch: int, *, epoch: int) -> list[Tensor]:
        """See Task."""
        rows = counted.order(len(self), seed=self._options.seed, epoch=epoch).to(self._labels.device)
        return list(torch.split(rows[: len(self) // batch * batch], batch))

    def in_order(self, rows: Tensor) -> list[Tensor]:
        """See Task."""
        return list(rows.chunk(-(-len(rows) // _MEASURED)))

    def images(self, rows: Tensor) -> Tensor:
        """See Task."""
        return self._images[rows.to(self._images.device)]

    def changed(self, images: Tensor, rows: Tensor, *, epoch: int) -> Tensor:
        """See Task."""
        return augment(images, rows, self._options.augment, seed=self._options.seed, epoch=epoch)

    def targets(self, rows: Tensor) -> Tensor:
        """Classes, int64 (n,)."""
        return self._labels[rows.to(self._labels.device)]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See Task."""
        return F.cross_entropy(outputs, targets, label_smoothing=self._options.label_smoothing)

    def n_right(self, outputs: Tensor, targets: Tensor) -> int:
        """See Task."""
        return int((outputs.argmax(1) == targets).sum())


class Replaying(Telling):
    """The same, old images among the new ones: to every batch as many are added as make up their share of it.

    They are shown one after another, in a new order each time round, changed by REPLAYED_CHANGE of what the
    new ones are. Their rows follow those of the new ones, which alone are counted as the task's length.
    """

    def __init__(
        self, data: Dataset, old: Dataset, share: float, options: TrainOptions, device: torch.device
    ) -> None:
        super().__init__(data, options, device)
        self._n, self._n_old, self._share = len(data), len(old), share
        self._images = torch.cat([self._images, tensor(old.images).to(device)])
        self._labels = torch.cat([self._labels, tensor(old.labels).to(device)])

    def __len__(self) -> int:
        return self._n

    def order(self, batch: int, *, epoch: int) -> list[Tensor]:
        """See Task."""
        new = super().order(batch, epoch=epoch)
        n = round(batch * self._share / (1 - self._share))
        old = self._old(epoch * len(new) * n, len(new) * n).to(self._labels.device)
        return [torch.cat([rows, old[at * n : (at + 1) * n]]) for at, rows in enumerate(new)]

    def some(self, n: int) -> Tensor:
        """See Task: of old and new ones, in their shares."""
        n_old = min(round(n * self._share), self._n_old)
        return torch.cat([super().some(n - n_old), self._old(0, n_old)])

    def changed(self, images: Tensor, rows: Tensor, *, epoch: int) -> Tensor:
        """See Task."""
        n = int((rows < self._n).sum())
        new = super().changed(images[:n], rows[:n], epoch=epoch)
        if n == len(rows):
            return new
        amounts = self._options.augment.times(REPLAYED_CHANGE)
        old = augment(images[n:], rows[n:], amounts, seed=self._options.seed, epoch=epoch)
        return torch.cat([new, old])

    def _old(self, first: int, n: int) -> Tensor:
        """The n old rows from place `first` of their endless order on."""
        rounds = range(first // self._n_old, (first + max(n, 1) - 1) // self._n_old + 1)
        seed, length = self._options.seed, self._n_old
        orders = [
            torch.randperm(length, generator=counted.generator(seed, at, _REPLAY_STREAM)) for at in rounds
        ]
        start = first - rounds.start * length
        return self._n + torch.cat(orders)[start : start + n]


Text = tuple[Tensor, Tensor, Tensor]
"""Labels of all lines one after the other, int64; each line's number of labels; its number of frames."""


class Reading(Task[Text]):
    """Strips to texts: connectionist temporal classification (Graves et al., 2006), per digit of the text."""

    def __init__(self, data: Lines, options: TrainOptions, device: torch.device) -> None:
        if options.label_smoothing:
            raise ArgumentError("label smoothing is for digit images: set it to 0 where lines are learnt")
        self.label_names = data.label_names
        self._options = options
        self._device = device
        self._strips = data.strips
        self._widths = torch.tensor([strip.shape[1] for strip in data.strips])
        place = {name: at for at, name in enumerate(data.label_names)}
        self._texts = [torch.tensor([place[char] for char in text], dtype=torch.int64) for text in data.texts]

    def __len__(self) -> int:
        return len(self._strips)

    def order(self, batch: int, *, epoch: int) -> list[Tensor]:
        """See Task: lines of about the same width come together, and the batches in a random order."""
        rows = counted.order(len(self), seed=self._options.seed, epoch=epoch)
        parts = torch.split(rows[: len(self) // batch * batch], batch * _SORTED_BATCHES)
        batches = [each for part in parts for each in torch.split(self._by_width(part), batch)]
        random = counted.generator(self._options.seed, epoch, _BATCH_STREAM)
        return [batches[at] for at in torch.randperm(len(batches), generator=random).tolist()]

    def in_order(self, rows: Tensor) -> list[Tensor]:
        """See Task."""
        longest = int(self._widths[rows].max()) + 2 * strips.MARGIN
        return list(torch.split(self._by_width(rows), max(1, _MOST_PIXELS // (longest * strips.HEIGHT))))

    def _by_width(self, rows: Tensor) -> Tensor:
        return rows[self._widths[rows].argsort(stable=True)]

    def images(self, rows: Tensor) -> Tensor:
        """See Task."""
        return tensor(strips.side_by_side([self._strips[row] for row in rows.tolist()])).to(self._device)

    def changed(self, images: Tensor, rows: Tensor, *, epoch: int) -> Tensor:
        """See Task."""
        return augment(
            images, rows.to(self._device), self._options.augment, seed=self._options.seed, epoch=epoch
        )

    def targets(self, rows: Tensor) -> Text:
        """See Text."""
        texts = [self._texts[row] for row in rows.tolist()]
        frames = torch.tensor([strips.n_frames(width) for width in self._widths[rows].tolist()])
        return torch.cat(texts).to(self._device), torch.tensor([len(text) for text in texts]), frames

    def loss(self, outputs: Tensor, targets: Text) -> Tensor:
        """See Task."""
        texts, lengths, frames = targets
        scores = outputs.log_softmax(2).transpose(0, 1)
        blank = len(self.label_names)
        losses = F.ctc_loss(scores, texts, frames, lengths, blank=blank, reduction="none", zero_infinity=True)
        return (losses / lengths.clamp(min=1).to(losses.device)).mean()

    def n_right(self, outputs: Tensor, targets: Text) -> int:
        """See Task."""
        texts, lengths, frames = (each.to(outputs.device) for each in targets)
        best = outputs.argmax(2)
        kept = best != len(self.label_names)
        kept[:, 1:] &= best[:, 1:] != best[:, :-1]
        kept &= torch.arange(best.size(1), device=best.device) < frames[:, None]
        is_right = kept.sum(1) == lengths
        read, expected = best[kept & is_right[:, None]], texts[is_right.repeat_interleave(lengths)]
        row = is_right.nonzero()[:, 0].repeat_interleave(lengths[is_right])
        is_right[row[read != expected]] = False
        return int(is_right.sum())
