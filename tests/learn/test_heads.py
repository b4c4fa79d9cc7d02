"""A network for other labels says of those that it knew what it said before."""

import numpy as np
import pytest
import torch
from torch import Tensor

from inkdigits.card import Card
from inkdigits.errors import ArgumentError
from inkdigits.learn import heads
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.networks import registry
from inkdigits.learn.options import NetworkOptions
from inkdigits.types import Dataset

DIGITS = tuple("0123456789")


def model(name: str) -> Model:
    network = registry.build(NetworkOptions(model=name, width=0.25), 10, seed=1)
    return Model(
        network=network.eval(), card=Card(network={"model": name, "width": 0.25}, label_names=DIGITS)
    )


@pytest.mark.parametrize(
    ("wanted", "how", "expected"),
    [
        ("0123456789", "same", "0123456789"),
        ("73", "same", "0123456789"),
        ("7x3y", "extend", "0123456789xy"),
        ("73", "extend", "0123456789"),
        ("7x3y", "replace", "7x3y"),
        ("73", "replace", "73"),
    ],
)
def test_labels_are_kept_added_or_replaced(wanted: str, how: str, expected: str) -> None:
    assert heads.label_names(DIGITS, tuple(wanted), how) == tuple(expected)


def test_a_label_that_the_model_lacks_is_asked_about() -> None:
    with pytest.raises(
        ArgumentError, match=r"the label 'x', but the model knows 0, 1, .*--labels extend adds"
    ):
        heads.label_names(DIGITS, ("1", "x", "y"), "same")


@pytest.mark.parametrize("name", [*registry.NETWORKS, "resnet18", "vgg11_bn", "efficientnet_lite0"])
@pytest.mark.parametrize("names", ["0123456789xy", "x9y0", "9876543210", "xyz"])
def test_known_labels_score_as_before_and_new_ones_by_the_seed(
    name: str, names: str, digits: Dataset
) -> None:
    before = model(name)
    found = {seed: logits(heads.fitted(before, tuple(names), seed=seed), digits) for seed in (3, 4)}
    old = logits(before.network, digits)
    for column, label in enumerate(names):
        if label in DIGITS:
            torch.testing.assert_close(found[3][:, column], old[:, int(label)])
        else:
            assert not torch.allclose(found[3][:, column], found[4][:, column])


def logits(network: registry.Network, digits: Dataset) -> Tensor:
    with torch.inference_mode():
        scores: Tensor = network(torch.from_numpy(np.ascontiguousarray(digits.images[:20])))
    return scores
