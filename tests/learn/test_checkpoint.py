import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import load_file

from inkdigits.card import FORMAT, Card
from inkdigits.errors import UserError
from inkdigits.learn import checkpoint
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.networks import registry
from inkdigits.learn.options import CHOICES, NetworkOptions
from inkdigits.types import Dataset

SOURCE = Path(checkpoint.__file__).parents[1]

SAVE = """
import sys
from pathlib import Path
from inkdigits.learn import checkpoint
checkpoint.save(Path(sys.argv[2]), checkpoint.load(Path(sys.argv[1])))
"""


def a_model(name: str = "lenet5", *, seed: int = 0, **asked: Any) -> Model:
    options = NetworkOptions(model=name, width=0.5, **asked)
    network = registry.build(options, 3, seed=seed, mean=40.5, deviation=70.25)
    network.train()(torch.randint(256, (8, 28, 28), dtype=torch.uint8))
    card = Card(
        network=asdict(options),
        label_names=("nought", "één", "二"),
        temperature=1.25,
        thresholds={"0.01": 0.9},
        provenance={"seed": seed, "data": {"name": "mnist"}},
    )
    return Model(network=network.eval(), card=card)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A saved model."""
    checkpoint.save(tmp_path / "model.safetensors", a_model())
    return tmp_path / "model.safetensors"


def refused(path: Path) -> str:
    """The sentence with which the file is refused."""
    with pytest.raises(UserError) as caught:
        checkpoint.load(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert not sentence.endswith((":", ".", "None"))
    return sentence


def about(path: Path) -> dict[str, Any]:
    with safetensors.safe_open(str(path), framework="pt") as file:
        found: dict[str, Any] = json.loads(file.metadata()["inkdigits"])
    return found


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes what the file says about itself, and none of its tensors."""
    described = about(path)
    change(described)
    path.write_bytes(checkpoint.pack(load_file(path), described))


@pytest.mark.parametrize("name", registry.NETWORKS)
def test_a_loaded_model_scores_as_the_saved_one(name: str, tmp_path: Path, digits: Dataset) -> None:
    model = a_model(name, activation="gelu", pooling="average", scaling="signed")
    checkpoint.save(tmp_path / "model.safetensors", model)
    loaded = checkpoint.load(tmp_path / "model.safetensors")
    assert loaded.card == checkpoint.complete(model)
    assert not loaded.network.training
    images = digits.images[:50]
    assert np.array_equal(classifier(loaded.network)(images), classifier(model.network)(images))


@pytest.mark.parametrize("scaling", CHOICES["scaling"])
def test_a_loaded_model_scales_pixels_as_the_saved_one(scaling: str, tmp_path: Path, digits: Dataset) -> None:
    model = a_model("sprint", scaling=scaling)
    checkpoint.save(tmp_path / "model.safetensors", model)
    loaded = checkpoint.load(tmp_path / "model.safetensors")
    images = 255 - digits.images[:50]
    assert np.array_equal(classifier(loaded.network)(images), classifier(model.network)(images))


def test_a_model_whose_scaling_was_changed_behind_its_back_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, a_model("sprint"))
    rewrite(path, lambda described: described["network"].update(scaling="tophat"))
    with pytest.raises(UserError, match="was made with other preprocessing"):
        checkpoint.load(path)


def test_a_model_in_half_precision_is_half_as_large_and_loads_alike(tmp_path: Path) -> None:
    model = a_model()
    checkpoint.save(tmp_path / "full.safetensors", model)
    checkpoint.save(tmp_path / "half.safetensors", model, in_half=True)
    full, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half"))
    assert half < 0.7 * full
    loaded = checkpoint.load(tmp_path / "half.safetensors").network.state_dict()
    for name, tensor in model.network.state_dict().items():
        assert loaded[name].dtype == tensor.dtype
        torch.testing.assert_close(loaded[name], tensor, rtol=1e-3, atol=1e-6)


def test_saving_again_gives_the_same_bytes(path: Path) -> None:
    before = path.read_bytes()
    checkpoint.save(path, a_model())
    assert path.read_bytes() == before
    checkpoint.save(path, checkpoint.load(path))
    assert path.read_bytes() == before
    checkpoint.save(path, a_model(seed=1))
    assert path.read_bytes() != before


def test_equal_cards_give_equal_bytes(path: Path) -> None:
    model = a_model()
    provenance = dict(reversed(list(model.card.provenance.items())))
    assert list(provenance) != list(model.card.provenance)
    before = path.read_bytes()
    checkpoint.save(path, replace(model, card=replace(model.card, provenance=provenance)))
    assert path.read_bytes() == before


def test_another_process_saves_the_same_bytes(path: Path) -> None:
    again = path.with_name("again.safetensors")
    subprocess.run([sys.executable, "-c", SAVE, str(path), str(again)], check=True)
    assert again.read_bytes() == path.read_bytes()


def test_the_file_says_everything_about_itself(path: Path) -> None:
    described = about(path)
    assert described["format"] == FORMAT
    assert described["network"]["model"] == "lenet5"
    assert described["label_names"] == ["nought", "één", "二"]
    assert described["preprocessing"]["name"] == "digit-image, minus 40.5, over 70.25"
    assert len(described["preprocessing"]["sha256"]) == 64


@pytest.mark.parametrize("share", [0, 0.0002, 0.005, 0.1, 0.5, 0.999])
def test_a_torn_file_is_refused(share: float, path: Path) -> None:
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    assert refused(path).startswith("cannot read ")


def test_a_file_with_more_behind_it_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")
    assert refused(path).startswith("cannot read ")


@pytest.mark.parametrize("content", [b"", b"GIF89a", bytes(100), b"\xff" * 100, b"PK\x03\x04" + bytes(500)])
def test_another_kind_of_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cat.gif").write_bytes(content)
    assert refused(tmp_path / "cat.gif").startswith("cannot read ")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "model.safetensors")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    assert refused(tmp_path).startswith("cannot read ")


@pytest.mark.parametrize(
    "metadata", [None, {"format": "pt"}, {"inkdigits": "[]"}, {"inkdigits": "7"}], ids=str
)
def test_someone_elses_safetensors_file_is_refused(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    path.write_bytes(safetensors.torch.save({"weight": torch.zeros(3)}, metadata=metadata))
    assert refused(path).endswith("is a safetensors file, but not one of inkdigits")


def test_metadata_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    path.write_bytes(safetensors.torch.save({"weight": torch.zeros(3)}, metadata={"inkdigits": "{"}))
    assert refused(path).startswith("cannot read ")


def test_metadata_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    deep = {"inkdigits": "[" * 100_000 + "]" * 100_000}
    path.write_bytes(safetensors.torch.save({"weight": torch.zeros(3)}, metadata=deep))
    assert refused(path).startswith("cannot read ")


def test_another_version_is_refused(path: Path) -> None:
    rewrite(path, lambda described: described.update(format=2))
    assert refused(path).endswith("is a model file of format 2, but this reads format 1")
    rewrite(path, lambda described: described.pop("format"))
    assert "format None" in refused(path)


MISFITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another network": lambda described: described["network"].update(model="mlp"),
    "another width": lambda described: described["network"].update(width=1.0),
    "another number of labels": lambda described: described["label_names"].append("four"),
    "no labels": lambda described: described.update(label_names=[]),
    "an unknown network": lambda described: described["network"].update(model="vit"),
    "an unknown option": lambda described: described["network"].update(depth=3),
    "a width that is a word": lambda described: described["network"].update(width="wide"),
    "no network": lambda described: described.pop("network"),
    "a network that is a word": lambda described: described.update(network="lenet5"),
    "a temperature that is a word": lambda described: described.update(temperature="hot"),
    "a temperature below zero": lambda described: described.update(temperature=-1.0),
    "labels that are a word": lambda described: described.update(label_names="abc"),
    "labels that are numbers": lambda described: described.update(label_names=[0, 1, 2]),
    "no provenance": lambda described: described.update(provenance=None),
    "no preprocessing": lambda described: described.pop("preprocessing"),
}


@pytest.mark.parametrize("change", MISFITS.values(), ids=MISFITS)
def test_a_card_that_doesnt_fit_the_weights_is_refused(
    change: Callable[[dict[str, Any]], object], path: Path
) -> None:
    rewrite(path, change)
    assert "does not hold the network that it describes: " in refused(path)


@pytest.mark.parametrize("preprocessing", [{"name": "other", "sha256": "0"}, {}], ids=str)
def test_other_preprocessing_is_refused(preprocessing: object, path: Path) -> None:
    rewrite(path, lambda described: described.update(preprocessing=preprocessing))
    assert "was made with other preprocessing" in refused(path)


@pytest.mark.parametrize(
    "change", [lambda t: t.pop("scaling.mean"), lambda t: t.update(extra=torch.zeros(1))]
)
def test_missing_and_superfluous_weights_are_refused(change: Callable[[Any], object], path: Path) -> None:
    described, tensors = about(path), load_file(path)
    change(tensors)
    path.write_bytes(checkpoint.pack(tensors, described))
    assert "does not hold the network that it describes: " in refused(path)


def test_a_file_too_large_for_a_model_isnt_even_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_LARGEST", 1 << 10)
    monkeypatch.setattr(safetensors, "safe_open", None)
    assert "is larger than" in refused(path)


def test_nothing_is_ever_pickled() -> None:
    """Whoever unpickles a file runs what is in it: none of the ways to do so occurs in the package.

    But for tensors alone: others' published weights come in such files.
    """
    ways = re.compile(
        r"(?<!safetensors\.)torch\.(load\b(?!\([^\n]*weights_only=True\))|save\b)"
        r"|\b(pickle|joblib|dill|shelve|marshal)\b|allow_pickle=True"
    )
    code = {path: re.sub(r'"""[\s\S]*?"""|#.*', "", path.read_text()) for path in SOURCE.rglob("*.py")}
    assert len(code) > 20
    assert {str(path): found[0] for path, text in code.items() if (found := ways.search(text))} == {}
