"""A model in whole numbers answers nearly as it did, is smaller, and carries the same card."""

import json
from dataclasses import asdict

import numpy as np
import onnx
import pytest
import torch

from inkdigits import card, image
from inkdigits.card import Card
from inkdigits.learn import export, options, quantize, train
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.networks import registry
from inkdigits.learn.options import NetworkOptions
from inkdigits.read import engine
from inkdigits.types import Dataset


@pytest.fixture(scope="module")
def trained(digits: Dataset) -> bytes:
    asked = options.change(options.preset("sprint"), {"least_steps": 60, "batch": 100, "epochs": 0.1})
    made = train.train(digits, None, asked)
    about = Card(network=asdict(asked.network), label_names=digits.label_names, thresholds={"0.01": 0.9})
    return export.graph(Model(network=made.network, card=about))


def test_digits_are_told_as_before_by_a_smaller_file(trained: bytes, digits: Dataset) -> None:
    small = quantize.int8(trained, np.array_split(digits.images, 8))
    before, after = (engine.load(content, threads=1) for content in (trained, small))
    assert after.card == before.card
    expected, found = (each.classify(digits.images) for each in (before, after))
    assert (expected.argmax(axis=1) == digits.labels).mean() > 0.9
    assert (expected.argmax(axis=1) == found.argmax(axis=1)).mean() > 0.98
    assert 0 < np.abs(expected - found).mean() < 0.02
    assert len(small) < 0.5 * len(trained)
    whole = [
        each
        for each in onnx.load_model_from_string(small).graph.initializer
        if each.name.endswith("_quantized")
    ]
    assert {each.data_type for each in whole} >= {onnx.TensorProto.INT8}


def test_weights_in_half_precision_take_half_the_room_and_change_next_to_nothing(
    trained: bytes, digits: Dataset
) -> None:
    small = quantize.half(trained)
    before, after = (engine.load(content, threads=1) for content in (trained, small))
    assert after.card == before.card
    expected, found = (each.classify(digits.images) for each in (before, after))
    assert 0 < np.abs(expected - found).max() < 0.01
    weights = [each for each in onnx.load_model_from_string(small).graph.initializer if each.dims]
    assert {onnx.TensorProto.FLOAT16} == {each.data_type for each in weights if np.prod(each.dims) >= 256}
    assert len(small) < 0.6 * len(trained)


def test_a_reader_of_lines_still_takes_lines_of_any_length() -> None:
    torch.manual_seed(0)
    asked = NetworkOptions(model="number", width=0.5)
    network = registry.build(asked, 10, seed=1)
    network.train()(torch.randint(256, (8, image.STRIP_HEIGHT, 64), dtype=torch.uint8))
    about = Card(network=asdict(asked), label_names=tuple("0123456789"))
    plain = export.graph(Model(network=network.eval(), card=about))
    random = np.random.default_rng(0)
    strips = [
        random.integers(256, size=(2, image.STRIP_HEIGHT, width), dtype=np.uint8) for width in (40, 96, 160)
    ]
    small = quantize.int8(plain, strips)
    for strip in strips:
        expected, found = (engine.load(content, threads=1).classify(strip) for content in (plain, small))
        assert expected.shape == found.shape
        off = np.abs(expected - found).mean()
        assert off < 0.2 * np.abs(expected - expected[:, ::-1]).mean()  # than what is read backwards


def test_the_card_can_be_replaced(trained: bytes) -> None:
    before = engine.load(trained, threads=1).card
    described = export.described(trained, Card(network=before.network, label_names=before.label_names))
    (entry,) = onnx.load_model_from_string(described).metadata_props
    assert json.loads(entry.value)["thresholds"] == {}
    assert entry.key == card.KEY
