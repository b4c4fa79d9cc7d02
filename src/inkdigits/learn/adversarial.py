"""Images changed, by no more than ε in any pixel, so that a network reads them wrong; and training on such.

Pixels are 0 to 255 as everywhere, and ε is a share of that: the L∞ distance of the literature, where pixels
lie in [0, 1]. The attacks are white-box: they know the network and its gradients.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from inkdigits import stats
from inkdigits.evaluate.attacked import Attacked
from inkdigits.evaluate.metrics import Progress
from inkdigits.learn import counted
from inkdigits.learn.classifier import tensor
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import TrainOptions
from inkdigits.types import Dataset

EPSILONS = (0.1, 0.2, 0.3)
"""The largest changes that are judged, as the literature on MNIST has them (Madry et al., 2018)."""

STEPS, RESTARTS = 50, 10
"""Steps of projected gradient descent, and random starts: all of them have to fail."""

SINGLE_STEP = 1.25
"""Length of the one step of training, in ε (Wong, Rice, Kolter, 2020, section 4.2)."""

_START_STREAM = 1 << 23
_STEP = 0.01
_BATCH = 500
_WHITE = 255.0

Loss = Callable[[Tensor], Tensor]
"""From logits to the loss whose rise misleads the network: a scalar."""


def fgsm(network: Network, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Each pixel moved by ε the way that the loss rises: float32, (n, 28, 28), 0 to 255.

    The fast gradient sign method (Goodfellow et al., 2015, arXiv:1412.6572).
    """
    plain = images.float()
    return _stepped(network, plain, plain, _against(labels), epsilon, epsilon)


def pgd(
    network: Network,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    steps: int = STEPS,
    step: float = _STEP,
    start: Tensor | None = None,
) -> Tensor:
    """The images after so many steps up the loss from `start`, never farther than ε: float32, 0 to 255.

    Projected gradient descent (Madry et al., 2018, arXiv:1706.06083).
    """
    plain = images.float()
    found = plain if start is None else start
    for _ in range(steps):
        found = _stepped(network, found, plain, _against(labels), step, epsilon)
    return found


def _against(labels: Tensor) -> Loss:
    return lambda logits: F.cross_entropy(logits, labels)


def single_step(network: Network, images: Tensor, loss: Loss, epsilon: float, *, start: Tensor) -> Tensor:
    """Images to learn from: one step of 1.25 ε from a random start, `start` being even in [0, 1).

    The start may lie beyond black and white, as the authors' code has it: of a black pixel, half of those
    kept within would be black, and the network would learn to mislead the one step.
    Wong, Rice, Kolter, "Fast is better than free: revisiting adversarial training", 2020,
    arXiv:2001.03994.
    """
    plain = images.float()
    begun = plain + (2 * start - 1) * epsilon * _WHITE
    return _stepped(network, begun, plain, loss, SINGLE_STEP * epsilon, epsilon)


def lessons(
    network: Network,
    images: Tensor,
    rows: Tensor,
    loss: Callable[[Tensor, Any], Tensor],
    targets: Any,
    options: TrainOptions,
    *,
    epoch: int,
) -> Tensor:
    """Training images as `single_step` has them, from starts counted by (seed, epoch, row)."""
    key = counted.key(options.seed, _START_STREAM, epoch)
    start = counted.uniform(key, rows, images[0].numel()).view(images.shape)
    epsilon = options.adversarial
    return single_step(network, images, lambda logits: loss(logits, targets), epsilon, start=start)


def _stepped(network: Network, now: Tensor, plain: Tensor, loss: Loss, step: float, epsilon: float) -> Tensor:
    """One step along the sign of the gradient, kept within ε of the plain images and within their range."""
    moved = now.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(loss(network(moved)), moved)
    reach = epsilon * _WHITE
    stepped = now + step * _WHITE * slope.sign()
    return stepped.clamp(plain - reach, plain + reach).clamp(0, _WHITE).detach()


def attacks(
    network: Network,
    dataset: Dataset,
    *,
    seed: int = 0,
    progress: Progress = lambda _done, _total: None,
) -> tuple[Attacked, ...]:
    """The accuracy that is left of a network under FGSM and PGD, at each ε."""
    found: list[Attacked] = []
    n_parts = len(EPSILONS) * (1 + RESTARTS)
    done = 0
    with _at_rest(network):
        images, labels = tensor(dataset.images), tensor(dataset.labels)
        stands = _right(network, images, labels)
        for epsilon in EPSILONS:
            once = stands & _right(network, _in_parts(fgsm, network, images, labels, epsilon), labels)
            done += 1
            progress(done, n_parts)
            found.append(_attacked("FGSM", epsilon, once))
            left = stands.clone()
            for restart in range(RESTARTS):
                rows = left.nonzero().flatten()
                left[rows] = _survives(network, images[rows], labels[rows], epsilon, key=(seed, restart))
                done += 1
                progress(done, n_parts)
            found.append(_attacked(f"PGD-{STEPS}, {RESTARTS} starts", epsilon, left))
    return tuple(found)


def _survives(
    network: Network, images: Tensor, labels: Tensor, epsilon: float, *, key: tuple[int, int]
) -> Tensor:
    """Which images are still read right after PGD from a start of their own: bool, (n,)."""
    if not len(labels):
        return labels.bool()
    start = torch.rand(images.shape, generator=counted.generator(*key))
    begun = (images.float() + (2 * start - 1) * epsilon * _WHITE).clamp(0, _WHITE)
    parts = [
        pgd(network, some, which, epsilon, steps=STEPS, start=first)
        for some, which, first in zip(
            *(torch.split(each, _BATCH) for each in (images, labels, begun)), strict=True
        )
    ]
    return _right(network, torch.cat(parts), labels)


def _in_parts(
    attack: Callable[[Network, Tensor, Tensor, float], Tensor],
    network: Network,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
) -> Tensor:
    pairs = zip(torch.split(images, _BATCH), torch.split(labels, _BATCH), strict=True)
    return torch.cat([attack(network, some, which, epsilon) for some, which in pairs])


def _right(network: Network, images: Tensor, labels: Tensor) -> Tensor:
    with torch.no_grad():
        answers = torch.cat([network(some).argmax(1) for some in torch.split(images, _BATCH)])
    return answers == labels


def _attacked(attack: str, epsilon: float, right: Tensor) -> Attacked:
    n, n_right = len(right), int(right.sum())
    return Attacked(
        attack=attack, epsilon=epsilon, n=n, accuracy=n_right / n, interval=stats.wilson(n_right, n)
    )


@contextmanager
def _at_rest(network: Network) -> Iterator[None]:
    """In evaluation mode, and no gradient kept of weights."""
    asked = [weight for weight in network.parameters() if weight.requires_grad]
    network.eval()
    for weight in asked:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in asked:
            weight.requires_grad_()
