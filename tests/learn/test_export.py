"""The exported graph answers as the network does, whichever network it is."""

import json
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from inkdigits import card
from inkdigits.card import Card
from inkdigits.learn import checkpoint, export
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.networks import registry
from inkdigits.learn.options import NetworkOptions
from inkdigits.types import Dataset


def a_model(name: str = "sprint", *, temperature: float = 1.0, scaling: str = "standard") -> Model:
    options = NetworkOptions(model=name, width=0.5, scaling=scaling)
    network = registry.build(options, 3, seed=1)
    network.train()(torch.randint(256, (64, 28, 28), dtype=torch.uint8))
    about = Card(network=asdict(options), label_names=("a", "é", "二"), temperature=temperature)
    return Model(network=network.eval(), card=about)


def scores_of(content: bytes, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["scores"], {"images": images})[0]
    return found


@pytest.mark.parametrize("name", registry.NETWORKS)
def test_every_network_is_exported_to_the_same_scores(name: str, digits: Dataset) -> None:
    model = a_model(name, temperature=1.7)
    ours = classifier(model.network, temperature=1.7)(digits.images)
    content = export.graph(model)
    for n in (len(digits), 1, 7):
        np.testing.assert_allclose(scores_of(content, digits.images[:n]), ours[:n], atol=1e-5)


def test_the_paper_is_taken_away_in_the_graph(digits: Dataset) -> None:
    model = a_model(scaling="tophat")
    images = digits.images // 2 + 100
    np.testing.assert_allclose(
        scores_of(export.graph(model), images), classifier(model.network)(images), atol=1e-5
    )


def test_the_temperature_is_in_the_graph(digits: Dataset) -> None:
    cold, warm = (scores_of(export.graph(a_model(temperature=t)), digits.images) for t in (0.5, 2.0))
    assert (cold.max(axis=1) > warm.max(axis=1)).all()


def test_the_graph_carries_the_card() -> None:
    model = a_model(temperature=1.7)
    made = onnx.load_from_string(export.graph(model))
    onnx.checker.check_model(made, full_check=True)
    (text,) = [entry.value for entry in made.metadata_props if entry.key == card.KEY]
    assert card.parse(json.loads(text)) == checkpoint.complete(model)


def test_the_graph_doesnt_tell_where_it_was_made() -> None:
    made = onnx.load_from_string(export.graph(a_model("resnet")))
    for weights in made.graph.initializer:
        weights.ClearField("raw_data")  # any three bytes may stand among random weights
    content = made.SerializeToString()
    for place in (b".py", str(Path(__file__).parents[2]).encode(), b"stack_trace"):
        assert place not in content


def test_the_same_model_gives_the_same_bytes() -> None:
    model = a_model()
    assert export.graph(model) == export.graph(replace(model))


def test_exporting_says_nothing_and_leaves_the_model_as_it_was(
    capfd: pytest.CaptureFixture[str], digits: Dataset
) -> None:
    model = a_model()
    before = classifier(model.network)(digits.images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export.graph(model)
    assert capfd.readouterr() == ("", "")
    assert np.array_equal(classifier(model.network)(digits.images), before)
