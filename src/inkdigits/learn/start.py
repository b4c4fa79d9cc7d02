"""A network that has learnt already, as the start of a run: what of it moves, from when on, and how far."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from inkdigits.learn.networks import stages
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.optimizers import Part
from inkdigits.learn.options import StartOptions
from inkdigits.types import Dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Which weights move alike, from which step on, and which never do; whether norms measure images anew."""

    parts: tuple[Part, ...]
    frozen: tuple[nn.Parameter, ...] = ()
    keeps_norms: bool = False

    def changes(self, step: int) -> bool:
        """Whether a part moves from this step on that didn't before."""
        return any(part.first_step == step for part in self.parts)

    def set(self, network: Network, step: int) -> None:
        """Makes the network ready for a step: what doesn't move gets no gradient, nor do its norms learn."""
        for part in self.parts:
            for weight in part.weights:
                weight.requires_grad_(step >= part.first_step)
        for weight in self.frozen:
            weight.requires_grad_(False)
        norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
        network.still = tuple(
            norm
            for norm in norms
            if self.keeps_norms or not any(weight.requires_grad for weight in norm.parameters())
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A network to go on with, which itself isn't changed, and how.

    `replayed` are old images, shown among the new ones so that they aren't forgotten; their labels are named
    as the new ones' are.
    """

    network: Network
    options: StartOptions
    replayed: Dataset | None = None

    def plan(self, network: Network, n_steps: int) -> Plan:
        """The plan for a copy of the network over so many steps.

        The head moves from the first step on, the stages before it join one by one, each at a lower rate.
        Raises ArgumentError where `freeze` doesn't fit the network.
        """
        still = stages.frozen(network, self.options.freeze)
        moving = [
            [weight for name, weight in stage.weights.items() if name not in still]
            for stage in stages.stages(network)
        ]
        from_head = [each for each in reversed(moving) if each]
        apart = self.options.unfreezing * n_steps / max(1, len(from_head) - 1)
        parts = tuple(
            Part(weights=each, rate=self.options.stage_rate**depth, first_step=round(depth * apart))
            for depth, each in enumerate(from_head)
        )
        named = dict(network.layers.named_parameters())
        return Plan(
            parts=parts,
            frozen=tuple(named[name] for name in sorted(still)),
            keeps_norms=self.options.keep_norms,
        )


def interpolated(before: Network, after: Network, share: float) -> Network:
    """A network with weights and norms that share of the way from the one's, 0, to the other's, 1.

    It keeps more of what the one knew than it loses of what the other learnt: Wortsman et al., "Robust
    fine-tuning of zero-shot models", 2022. What is the same in both stays so to the bit.
    """
    made = copy.deepcopy(after)
    first = before.state_dict()
    made.load_state_dict(
        {
            name: torch.lerp(first[name].to(tensor.device), tensor, share)
            if tensor.is_floating_point()
            else tensor
            for name, tensor in after.state_dict().items()
        }
    )
    return made
