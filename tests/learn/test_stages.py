"""A network falls into stages from the image to its head, and words, numbers and patterns freeze them."""

import pytest
from torch import nn

from inkdigits.errors import ArgumentError
from inkdigits.learn.networks import registry, stages
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import CHOICES, NetworkOptions


def built(model: str) -> Network:
    return registry.build(NetworkOptions(model=model, width=0.25), 10)


@pytest.mark.parametrize("model", CHOICES["model"])
def test_every_weight_is_in_one_stage_in_the_order_of_the_network(model: str) -> None:
    network = built(model)
    found = stages.stages(network)
    names = [name for stage in found for name in stage.weights]
    assert names == [name for name, _ in network.layers.named_parameters()]
    assert sum(stage.n_weights for stage in found) == sum(w.numel() for w in network.parameters())
    assert all(max(weight.ndim for weight in stage.weights.values()) > 1 for stage in found)


@pytest.mark.parametrize(
    ("model", "n"), [("mlp", 3), ("article", 3), ("lenet5", 5), ("fast", 6), ("resnet", 8)]
)
def test_a_stage_begins_with_each_layer_that_has_kernels_or_a_matrix(model: str, n: int) -> None:
    network = built(model)
    found = stages.stages(network)
    assert len(found) == n
    head = [*network.layers.children()][-1]
    assert isinstance(head, nn.Linear)
    assert list(found[-1].weights.values()) == list(head.parameters())


def test_a_norm_belongs_to_the_layer_before_it() -> None:
    assert list(stages.stages(built("fast"))[0].weights) == ["0.weight", "1.weight", "1.bias"]


@pytest.mark.parametrize(
    ("model", "freeze", "n_frozen"),
    [
        ("article", "none", 0),
        ("article", "features", 2),
        ("article", "head-only", 4),
        ("article", "1", 2),
        ("article", "2", 4),
        ("article", "*.bias", 3),
        ("article", "0.*", 2),
        ("fast", "features", 15),
        ("fast", "head-only", 15),
        ("mlp", "features", 0),
    ],
)
def test_words_numbers_and_patterns_freeze(model: str, freeze: str, n_frozen: int) -> None:
    network = built(model)
    names = [name for name, _ in network.layers.named_parameters()]
    found = stages.frozen(network, freeze)
    assert len(found) == n_frozen
    if "*" not in freeze:
        assert found == set(names[:n_frozen])


@pytest.mark.parametrize("freeze", ["3", "17", "*"])
def test_something_has_to_be_left_to_train(freeze: str) -> None:
    with pytest.raises(ArgumentError, match=r"leaves nothing to train: there are 3 stages"):
        stages.frozen(built("article"), freeze)


def test_a_word_that_freezes_nothing_says_what_would() -> None:
    with pytest.raises(
        ArgumentError, match=r"'heads', which no weight's name matches; one of: none, feat.*0\.we"
    ):
        stages.frozen(built("article"), "heads")
