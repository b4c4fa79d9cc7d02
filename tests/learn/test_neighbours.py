"""The images that a network finds most alike, against scikit-learn and a plain forward pass."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn

from inkdigits.errors import UserError
from inkdigits.learn import neighbours
from inkdigits.learn.networks import registry, scaling
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions
from inkdigits.types import Dataset


@pytest.mark.parametrize("name", sorted({*registry.NETWORKS, *registry.PUBLISHED}))
def test_the_last_layer_makes_the_logits_of_the_features(name: str, digits: Dataset) -> None:
    network = registry.build(NetworkOptions(model=name, width=0.25), 10).eval()
    images = digits.images[:5]
    found = neighbours.features(network, images)
    assert found.dtype == np.float32
    head = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.inference_mode():
        logits = head(torch.from_numpy(found))
        torch.testing.assert_close(logits, network(torch.from_numpy(images)), rtol=1e-4, atol=1e-4)


def test_the_nearest_are_those_of_scikit_learn(digits: Dataset) -> None:
    network = registry.build(NetworkOptions(model="fast", width=0.5), 10).eval()
    asked, known = (neighbours.features(network, digits.images[part]) for part in (slice(40), slice(40, 600)))
    among = digits.select(np.arange(40, 600), split="train")
    distances, rows = NearestNeighbors(n_neighbors=7, metric="cosine").fit(known).kneighbors(asked)
    found = neighbours.nearest(asked, known, among, n=7)
    assert [[each.label for each in near] for near in found] == [
        [among.label_names[among.labels[row]] for row in near] for near in rows
    ]
    assert all((near[0].image == among.images[row[0]]).all() for near, row in zip(found, rows, strict=True))
    np.testing.assert_allclose([[each.distance for each in near] for near in found], distances, atol=1e-5)


def test_an_image_is_nearest_to_itself(digits: Dataset) -> None:
    network = registry.build(NetworkOptions(model="mlp"), 10).eval()
    known = neighbours.features(network, digits.images)
    found = neighbours.nearest(known[:20], known, digits, n=1)
    assert [near[0].distance for near in found] == pytest.approx([0] * 20, abs=1e-6)


def test_fewer_images_than_asked_for_are_all(digits: Dataset) -> None:
    known = np.eye(3, dtype=np.float32)
    found = neighbours.nearest(known[:1], known, digits.select(np.arange(3), split="train"), n=5)
    assert [round(each.distance, 6) for each in found[0]] == [0, 1, 1]


def test_of_many_images_the_same_ones_are_drawn_every_time(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert neighbours.compared(digits) is digits
    monkeypatch.setattr(neighbours, "MOST_COMPARED", 100)
    once, again = neighbours.compared(digits), neighbours.compared(replace(digits))
    assert len(once) == 100
    assert (once.images == again.images).all()
    assert len(set(once.labels.tolist())) == 10


def test_progress_is_told(digits: Dataset) -> None:
    network = registry.build(NetworkOptions(model="mlp"), 10).eval()
    told: list[tuple[int, int]] = []
    neighbours.features(network, digits.images, progress=lambda done, whole: told.append((done, whole)))
    assert told[0] == (128, 600)
    assert told[-1] == (600, 600)


def test_a_network_without_a_linear_layer_has_no_features() -> None:
    network = Network(scaling.Scaling(0.0, 255.0), nn.Sequential(nn.Flatten()))
    with pytest.raises(UserError, match="no linear layer"):
        neighbours.features(network, np.zeros((1, 28, 28), np.uint8))
