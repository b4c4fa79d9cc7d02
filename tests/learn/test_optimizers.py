from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from inkdigits.learn import optimizers
from inkdigits.learn.networks import registry
from inkdigits.learn.optimizers import Adam, Momentum, Muon, Optimizer, Part, orthogonal
from inkdigits.learn.options import CHOICES, NetworkOptions, TrainOptions, change

SHAPES = ((6, 4, 3, 3), (4, 6, 1, 1), (5, 7), (5,))
RATE = 0.05
FACTORS = [min(1.0, (step + 1) / 5) for step in range(20)]

Rule = Callable[..., Optimizer]


def some_weights() -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in SHAPES]


def descend(
    weights: list[nn.Parameter], step: Callable[[float], object], *, first: int = 0, last: int = 20
) -> None:
    """Steps down a valley that is curved differently along every weight, from another side each time."""
    for number in range(first, last):
        random = torch.Generator().manual_seed(number)
        for weight in weights:
            weight.grad = None
            target, curve = torch.rand(2, *weight.shape, generator=random)
            ((weight - target) ** 2 * curve).sum().backward()
        step(FACTORS[number])


def by_torch(weights: list[nn.Parameter], kind: type[torch.optim.Optimizer], **arguments: Any) -> None:
    theirs = kind(weights, lr=RATE, **arguments)  # type: ignore[call-arg]

    def step(factor: float) -> None:
        for group in theirs.param_groups:
            group["lr"] = RATE * factor
        theirs.step()

    descend(weights, step)


SGD, ADAM, ADAMW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
TWINS = [
    ((Momentum, {}), (SGD, {})),
    ((Momentum, {"weight_decay": 0.1}), (SGD, {"weight_decay": 0.1})),
    ((Momentum, {"momentum": 0.9}), (SGD, {"momentum": 0.9})),
    (
        (Momentum, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ),
    ((Adam, {}), (ADAM, {})),
    ((Adam, {"weight_decay": 0.1}), (ADAM, {"weight_decay": 0.1})),
    ((Adam, {"decoupled": True}), (ADAMW, {"weight_decay": 0.0})),
    ((Adam, {"decoupled": True, "weight_decay": 0.1}), (ADAMW, {"weight_decay": 0.1})),
]


@pytest.mark.parametrize(("ours", "theirs"), TWINS, ids=str)
def test_weights_move_as_torch_moves_them(
    ours: tuple[Rule, dict[str, Any]], theirs: tuple[type[torch.optim.Optimizer], dict[str, Any]]
) -> None:
    mine, twins = some_weights(), some_weights()
    descend(mine, ours[0](mine, rate=RATE, **ours[1]).step)
    by_torch(twins, theirs[0], **theirs[1])
    for weight, twin, start in zip(mine, twins, some_weights(), strict=True):
        assert not torch.allclose(weight, start, atol=0.1)
        torch.testing.assert_close(weight, twin, atol=1e-6, rtol=0)


def test_muon_moves_matrices_as_torch_does_in_bf16() -> None:
    mine, twins = some_weights()[1:3], some_weights()[1:3]
    twins[0] = nn.Parameter(twins[0].detach().flatten(1))
    mine[0] = nn.Parameter(mine[0].detach().flatten(1))
    descend(mine, Muon(mine, rate=RATE, momentum=0.6, weight_decay=0.1).step)
    steps = {"ns_steps": optimizers.NEWTON_SCHULZ_STEPS, "ns_coefficients": optimizers.NEWTON_SCHULZ}
    by_torch(twins, torch.optim.Muon, momentum=0.6, weight_decay=0.1, **steps)
    for weight, twin in zip(mine, twins, strict=True):
        torch.testing.assert_close(weight, twin, atol=0.02, rtol=0)


def slow_muon(weight: torch.Tensor, gradients: list[torch.Tensor], *, momentum: float) -> NDArray[np.float64]:
    """Muon on one kernel in double precision, its singular values moved one by one."""
    w = weight.double().flatten(1).numpy()
    velocity = np.zeros_like(w)
    for gradient, factor in zip(gradients, FACTORS, strict=False):
        g = gradient.double().flatten(1).numpy()
        velocity = momentum * velocity + g
        u, s, v = np.linalg.svd(g + momentum * velocity, full_matrices=False)
        s = s / np.linalg.norm(s)
        for _ in range(optimizers.NEWTON_SCHULZ_STEPS):
            s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
        w = w - RATE * factor * (u * s) @ v
    return w


def test_muon_on_kernels_is_the_slow_rule_on_their_singular_values() -> None:
    start = some_weights()[0].detach()
    gradients = list(torch.randn(20, *start.shape, generator=torch.Generator().manual_seed(1)))
    weight = nn.Parameter(start.clone().to(memory_format=torch.channels_last))
    rule = Muon([weight], rate=RATE, momentum=0.6)
    for gradient, factor in zip(gradients, FACTORS, strict=True):
        weight.grad = gradient
        rule.step(factor)
    expected = slow_muon(start, gradients, momentum=0.6)
    np.testing.assert_allclose(weight.detach().flatten(1).numpy(), expected, atol=1e-5)


def test_muons_weight_decay_pulls_towards_zero() -> None:
    weight = nn.Parameter(torch.ones(4, 3, 3, 3))
    weight.grad = torch.zeros_like(weight)
    Muon([weight], rate=0.5, weight_decay=0.2).step(0.5)
    torch.testing.assert_close(weight.detach(), torch.full((4, 3, 3, 3), 1 - 0.5 * 0.5 * 0.2))


@settings(max_examples=30)
@given(
    rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3)
)
def test_orthogonal_keeps_the_directions_and_evens_out_the_lengths(
    rows: int, columns: int, seed: int, scale: float
) -> None:
    matrix = scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)).double()
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    lengths = u.T @ orthogonal(matrix) @ v.T
    torch.testing.assert_close(lengths, torch.diag(lengths.diagonal()), atol=1e-5, rtol=0)
    large = s / s.norm() > 1 / 70
    assert large.any()
    assert (lengths.diagonal()[large] > 0.5).all()
    assert (lengths.diagonal() < 1.25).all()
    assert (lengths.diagonal() >= 0).all()


def test_orthogonal_of_nothing_is_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


@pytest.mark.parametrize("rule", [Momentum, Adam, Muon])
def test_a_weight_without_a_gradient_stays(rule: Rule) -> None:
    weight = nn.Parameter(torch.ones(2, 2, 1, 1))
    rule([weight], rate=1.0).step(1.0)
    assert torch.equal(weight.detach(), torch.ones(2, 2, 1, 1))


@pytest.mark.parametrize("rule", [Momentum, Adam, Muon])
def test_no_weights_are_no_trouble(rule: Rule) -> None:
    rule([], rate=1.0).step(1.0)


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_the_state_is_all_that_is_needed_to_go_on(name: str) -> None:
    options = TrainOptions(optimizer=name, learning_rate=RATE, weight_decay=0.01)
    unbroken, stopped, resumed = some_weights(), some_weights(), some_weights()

    def rules(weights: list[nn.Parameter]) -> list[Optimizer]:
        return optimizers.build([Part(weights=weights)], options)

    def step(of: list[Optimizer]) -> Callable[[float], object]:
        return lambda factor: [rule.step(factor) for rule in of]

    descend(unbroken, step(rules(unbroken)))
    before, after = rules(stopped), rules(resumed)
    descend(stopped, step(before), last=9)
    for old, new in zip(before, after, strict=True):
        new.n_steps = old.n_steps
        for old_kept, new_kept in zip(chain(*old.state.values()), chain(*new.state.values()), strict=True):
            new_kept.copy_(old_kept)
    with torch.no_grad():
        for old_weight, new_weight in zip(stopped, resumed, strict=True):
            new_weight.copy_(old_weight)
    descend(resumed, step(after), first=9)
    assert all(torch.equal(a, b) for a, b in zip(unbroken, resumed, strict=True))


@pytest.mark.parametrize("name", CHOICES["optimizer"])
@pytest.mark.parametrize("model", CHOICES["model"])
def test_every_weight_has_one_rule(model: str, name: str) -> None:
    network = registry.build(NetworkOptions(model=model, width=0.25), 10)
    rules = optimizers.build([Part(weights=list(network.parameters()))], TrainOptions(optimizer=name))
    moved = [id(weight) for rule in rules for weight in rule.weights]
    assert len(moved) == len(set(moved))
    assert set(moved) == {id(weight) for weight in network.parameters()}


def test_parts_have_their_own_rates_and_first_steps_and_under_muon_the_rates_of_their_kind() -> None:
    network = registry.build(NetworkOptions(model="lenet5"), 10)
    head = Part(weights=list([*network.layers.children()][-1].parameters()))
    others = [w for w in network.parameters() if not any(w is each for each in head.weights)]
    parts = [head, Part(weights=others, rate=0.5, first_step=7)]
    options = change(TrainOptions(), {"learning_rate": 0.1, "vector_rate": 0.02})
    rules = optimizers.build(parts, options)
    assert [(type(rule), rule.rate, rule.first_step) for rule in rules] == [
        (Momentum, 0.02, 0),
        (Muon, 0.05, 7),
        (Momentum, 0.01, 7),
    ]


def test_under_muon_only_kernels_over_several_channels_are_made_orthogonal() -> None:
    network = registry.build(NetworkOptions(model="lenet5"), 10)
    options = change(TrainOptions(), {"learning_rate": 0.1, "vector_rate": 0.02})
    kernels, rest = optimizers.build([Part(weights=list(network.parameters()))], options)
    assert [tuple(weight.shape) for weight in kernels.weights] == [(16, 6, 5, 5)]
    assert (kernels.rate, rest.rate) == (0.1, 0.02)
    assert {weight.ndim for weight in rest.weights} == {1, 2, 4}


@pytest.mark.parametrize("model", ["mlp", "article"])
def test_under_muon_a_network_without_such_kernels_heeds_the_named_options(model: str) -> None:
    network = registry.build(NetworkOptions(model=model), 10)
    options = change(TrainOptions(), {"learning_rate": 0.1, "momentum": 0.7, "weight_decay": 0.01})
    (rule,) = optimizers.build([Part(weights=list(network.parameters()))], options)
    assert isinstance(rule, Momentum)
    assert (rule.rate, rule.momentum, rule.weight_decay, rule.nesterov) == (0.1, 0.7, 0.01, True)
