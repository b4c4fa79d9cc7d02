"""A model file in ONNX is run as it is, or refused with one sentence."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from inkdigits import card
from inkdigits.card import Card
from inkdigits.errors import UserError
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import SIDE, Images, Scores

CARD = Card(network={"model": "by hand"}, label_names=("dark", "bright"))


def by_hand(about: str | None) -> bytes:
    """A graph made without PyTorch: an image is bright as far as its mean is, of 255."""
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "full"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "last"], ["bright"]),
        helper.make_node("Sub", ["one", "bright"], ["dark"]),
        helper.make_node("Concat", ["dark", "bright"], ["scores"], axis=1),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("last", TensorProto.INT64, [1], [1]),
        helper.make_tensor("full", TensorProto.FLOAT, [], [255.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIDE, SIDE])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])
    graph = helper.make_graph(nodes, "by hand", [images], [scores], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    if about is not None:
        helper.set_model_props(model, {card.KEY: about})
    content: bytes = model.SerializeToString()
    return content


def described(**changed: Any) -> str:
    return json.dumps(card.about(CARD) | changed)


def refused(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        engine.load(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("n", [0, 1, engine.BATCH, engine.BATCH + 1])
def test_any_number_of_images_is_scored(n: int) -> None:
    images: Images = np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE), np.uint8)
    loaded = engine.load(by_hand(described()), threads=1)
    scores = loaded.classify(images)
    assert scores.dtype == np.float32
    bright = images.reshape(n, SIDE * SIDE).mean(axis=1) / 255 if n else np.zeros(0)
    np.testing.assert_allclose(scores, np.column_stack([1 - bright, bright]), atol=1e-5)
    assert loaded.card == CARD


def test_images_that_are_read_only_or_seen_backwards_are_scored() -> None:
    images = np.zeros((2, SIDE, SIDE), np.uint8)
    images[0] = 255
    images.flags.writeable = False
    classify = engine.load(by_hand(described())).classify
    assert classify(images)[:, 1].tolist() == [1, 0]
    assert classify(images[::-1])[:, 1].tolist() == [0, 1]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9])
def test_a_torn_file_is_refused(share: float, tmp_path: Path) -> None:
    content = by_hand(described())
    assert refused(content[: round(share * len(content))], tmp_path / "m.onnx")


@pytest.mark.parametrize("content", [b"GIF89a", bytes(100), b"\xff" * 100, b"PK\x03\x04" + bytes(500)])
def test_another_kind_of_file_is_refused(content: bytes, tmp_path: Path) -> None:
    assert "is torn, or no ONNX file" in refused(content, tmp_path / "cat.gif")


def test_someone_elses_onnx_file_is_refused(tmp_path: Path) -> None:
    assert refused(by_hand(None), tmp_path / "theirs.onnx").endswith("but not one of inkdigits")


@pytest.mark.parametrize(
    "about",
    ["{", "[]", "7", "[" * 50_000, described(format=2), described(label_names=[]), described(temperature=0)],
)
def test_a_card_that_is_damaged_is_refused(about: str, tmp_path: Path) -> None:
    assert "doesn't describe its model" in refused(by_hand(about), tmp_path / "m.onnx")


def test_a_missing_file_and_one_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent\.onnx: No such file"):
        engine.load(tmp_path / "absent.onnx")
    monkeypatch.setattr(engine, "_LARGEST", 1 << 9)
    assert "is larger than" in refused(by_hand(described()), tmp_path / "m.onnx")


def test_the_card_says_what_it_was_given() -> None:
    assert card.parse(json.loads(card.text(card.about(CARD)))) == CARD
    assert asdict(CARD).keys() < card.about(CARD).keys()


def test_a_second_model_answers_where_the_first_is_unsure() -> None:
    asked: list[int] = []

    def second(images: Images) -> Scores:
        asked.extend(images[:, 0, 0].tolist())
        return np.tile(np.array([[0.25, 0.75]], np.float32), (len(images), 1))

    first = engine.load(by_hand(card.text(card.about(CARD))), threads=1)
    both = engine.second_asked(first, Engine(classify=second, card=CARD))
    levels = np.array([0, 120, 140, 255], np.uint8)
    images = np.full((4, SIDE, SIDE), levels[:, np.newaxis, np.newaxis], np.uint8)
    found = both.classify(images)
    assert found[[0, 3]].tolist() == [[1, 0], [0, 1]]
    for level, scores in ((120, found[1]), (140, found[2])):
        products = np.array([(255 - level) * 0.25, level * 0.75]) ** 0.5
        assert scores == pytest.approx(products / products.sum(), rel=1e-5)
    assert asked == [120, 140]
    assert both.card == first.card
    asked.clear()
    assert len(both.classify(images[[0, 3]])) == 2
    assert len(both.classify(images[:0])) == 0
    assert asked == []
