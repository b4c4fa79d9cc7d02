"""A trained model by what people call it: a file, a run directory, one that ships, a published one."""

from pathlib import Path

from inkdigits import weights
from inkdigits.card import Card
from inkdigits.errors import ArgumentError, UserError
from inkdigits.learn import checkpoint, published
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.directory import MODEL_FILE
from inkdigits.learn.networks import registry
from inkdigits.learn.options import NetworkOptions


def find(name: str, published_weights: Path | None = None) -> Model:
    """The model of that name; a published network knows no labels, and its weights are fetched or in a file.

    Raises ArgumentError where a file is missing or given for nothing; UserError for a name that means nothing
    and where a file can't be had or used.
    """
    if is_published(name):
        return _published(name, published_weights or published.fetch(name))
    if published_weights is not None:
        raise ArgumentError(f"--weights are those of a published network: {', '.join(registry.PUBLISHED)}")
    if weights.is_shipped(name):
        return checkpoint.load(weights.FOLDER / f"{name}.safetensors")
    return checkpoint.load(file_of(Path(name)))


def is_published(name: str) -> bool:
    """Whether it is a network that others have published weights of, and not a file of that name."""
    return name in registry.PUBLISHED and not Path(name).exists()


def file_of(path: Path) -> Path:
    """The model file that a path means: itself, or the one in a run directory."""
    if path.is_dir():
        path = path / MODEL_FILE
    if not path.exists():
        ours = ", ".join(weights.NAMES)
        raise UserError(f"there is no model at {path}; name a model file, a run directory, or one of: {ours}")
    return path


def _published(name: str, path: Path) -> Model:
    options = NetworkOptions(model=name)
    network = registry.build(options, 1)
    published.load(path, network)
    return Model(network=network.eval(), card=Card(network={"model": name}, label_names=()))
