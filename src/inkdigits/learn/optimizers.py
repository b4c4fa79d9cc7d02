"""The rules that move the weights, written so that a run can stop and go on to the same bytes.

`torch.optim` would do for most of them, and is what the tests compare them with; but it loads
PyTorch's compiler when the first optimizer is made, about a second that a run of seconds can't spare.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inkdigits.learn.options import TrainOptions

ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-8

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration that brings all singular values near 1 (Jordan et al., "Muon", 2024)."""

NEWTON_SCHULZ_STEPS = 3

VECTOR_MOMENTUM = 0.85
"""Momentum, under muon, of the weights that are no kernels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Weights that move alike: at a share of the rates, and from a step of the run on."""

    weights: Sequence[nn.Parameter]
    rate: float = 1.0
    first_step: int = 0


class Optimizer(ABC):
    """A rule for some weights: what it keeps between steps is in `state`, one list of tensors a kind.

    It is to move them from `first_step` of the run on.
    """

    def __init__(self, weights: Iterable[nn.Parameter], *, rate: float, kinds: Sequence[str]) -> None:
        self.weights: list[Tensor] = list(weights)
        self.rate = rate
        self.first_step = 0
        self.state = {kind: [torch.zeros_like(w) for w in self.weights] for kind in kinds}
        self.n_steps = 0

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Moves the weights by their gradients, at `factor` times the highest rate."""
        gradients = [w.grad if w.grad is not None else torch.zeros_like(w) for w in self.weights]
        if gradients:
            self.n_steps += 1
            self._move(gradients, self.rate * factor)

    @abstractmethod
    def _move(self, gradients: list[Tensor], rate: float) -> None: ...


class Momentum(Optimizer):
    """Gradient descent, with momentum where it isn't 0, looking ahead with `nesterov`.

    v ← m·v + g; w ← w − rate·v, or w ← w − rate·(g + m·v) (Sutskever et al., 2013).
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        *,
        rate: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(weights, rate=rate, kinds=["velocity"] if momentum else [])
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.nesterov = nesterov

    def _move(self, gradients: list[Tensor], rate: float) -> None:
        if self.weight_decay:
            gradients = list(torch._foreach_add(gradients, self.weights, alpha=self.weight_decay))
        if self.momentum:
            velocity = self.state["velocity"]
            torch._foreach_mul_(velocity, self.momentum)
            torch._foreach_add_(velocity, gradients)
            ahead = torch._foreach_add(gradients, velocity, alpha=self.momentum) if self.nesterov else ()
            gradients = list(ahead or velocity)
        torch._foreach_add_(self.weights, gradients, alpha=-rate)


class Adam(Optimizer):
    """Adam, its bias corrected (Kingma, Ba, 2015); `decoupled`, AdamW (Loshchilov, Hutter, 2019)."""

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        *,
        rate: float,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        super().__init__(weights, rate=rate, kinds=["mean", "square"])
        self.weight_decay = weight_decay
        self.decoupled = decoupled

    def _move(self, gradients: list[Tensor], rate: float) -> None:
        if self.weight_decay and self.decoupled:
            torch._foreach_mul_(self.weights, 1 - rate * self.weight_decay)
        elif self.weight_decay:
            gradients = list(torch._foreach_add(gradients, self.weights, alpha=self.weight_decay))
        first, second = ADAM_BETAS
        mean, square = self.state["mean"], self.state["square"]
        torch._foreach_lerp_(mean, gradients, 1 - first)
        torch._foreach_mul_(square, second)
        torch._foreach_addcmul_(square, gradients, gradients, value=1 - second)
        spread = torch._foreach_sqrt(square)
        torch._foreach_div_(spread, (1 - second**self.n_steps) ** 0.5)
        torch._foreach_add_(spread, ADAM_EPSILON)
        torch._foreach_addcdiv_(self.weights, mean, spread, value=-rate / (1 - first**self.n_steps))


class Muon(Optimizer):
    """Momentum made orthogonal: each kernel, as a matrix (out, in·k·k), moves equally in all directions.

    K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. The step looks ahead
    as Nesterov's does; the weight decay is decoupled, as AdamW's is.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        *,
        rate: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(weights, rate=rate, kinds=["velocity"])
        self.momentum = momentum
        self.weight_decay = weight_decay

    def _move(self, gradients: list[Tensor], rate: float) -> None:
        velocity = self.state["velocity"]
        torch._foreach_mul_(velocity, self.momentum)
        torch._foreach_add_(velocity, gradients)
        ahead = torch._foreach_add(gradients, velocity, alpha=self.momentum)
        for weight, direction in zip(self.weights, ahead, strict=True):
            weight.mul_(1 - rate * self.weight_decay)
            weight.add_(orthogonal(direction.flatten(1)).view_as(weight), alpha=-rate)


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest matrix with orthonormal rows or columns.

    Its singular values lie below 1.25, and above 0.5 where the given one was above 1/70 of the norm.
    """
    a, b, c = NEWTON_SCHULZ
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def build(parts: Sequence[Part], options: TrainOptions) -> list[Optimizer]:
    """The optimizers of each part: one, or under muon one for kernels and one for the rest."""
    made: list[Optimizer] = []
    has_kernels = any(kernels(part.weights) for part in parts)
    for part in parts:
        for optimizer in _rules(list(part.weights), options, has_kernels=has_kernels):
            optimizer.rate *= part.rate
            optimizer.first_step = part.first_step
            made.append(optimizer)
    return made


def kernels(weights: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """The weights that muon makes orthogonal: kernels that see several channels."""
    return [weight for weight in weights if weight.ndim == 4 and weight.size(1) > 1]


def _rules(weights: list[nn.Parameter], options: TrainOptions, *, has_kernels: bool) -> list[Optimizer]:
    rate, momentum, decay = options.learning_rate, options.momentum, options.weight_decay
    match options.optimizer:
        case "sgd":
            return [Momentum(weights, rate=rate, weight_decay=decay)]
        case "momentum":
            return [Momentum(weights, rate=rate, momentum=momentum, weight_decay=decay)]
        case "adam" | "adamw" as name:
            return [Adam(weights, rate=rate, weight_decay=decay, decoupled=name == "adamw")]
        case "muon" if has_kernels:
            return _muon(weights, options)
    return [Momentum(weights, rate=rate, momentum=momentum, weight_decay=decay, nesterov=True)]


def _muon(weights: list[nn.Parameter], options: TrainOptions) -> list[Optimizer]:
    """Muon on kernels, Nesterov's momentum on the rest, as far as there are such weights."""
    chosen = kernels(weights)
    known = {id(weight) for weight in chosen}
    rest = [weight for weight in weights if id(weight) not in known]
    rate, momentum, decay = options.learning_rate, options.momentum, options.weight_decay
    found: list[Optimizer] = []
    if chosen:
        found.append(Muon(chosen, rate=rate, momentum=momentum, weight_decay=decay))
    if rest:
        found.append(Momentum(rest, rate=options.vector_rate, momentum=VECTOR_MOMENTUM, nesterov=True))
    return found
