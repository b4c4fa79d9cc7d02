"""The models that are judged, whichever engine runs them."""

from dataclasses import dataclass
from pathlib import Path

from inkdigits import weights
from inkdigits.card import Card
from inkdigits.errors import UserError
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import Classifier

EXPORTED = ".onnx"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model to be judged, whichever engine runs it: what it was called, its scores, and its card.

    `temperature` is what logits are divided by; 1 where two models answer together, each with its own.
    """

    name: str
    classify: Classifier
    card: Card
    temperature: float


def find(path: Path) -> Subject:
    """The model that a path or name means: one that ships, as it reads; an exported one; one to learn from.

    Raises UserError where there is none, and where it doesn't tell single digits.
    """
    name = str(path)
    if weights.is_shipped(path):
        found = _exported(name, engine.shipped(name))
    elif path.suffix.lower() == EXPORTED:
        found = _exported(name, engine.load(path))
    else:
        found = _learnt(name)
    require_digits(name, found.card)
    return found


def require_digits(name: str, card: Card) -> None:
    """Raises UserError for a model that doesn't tell single digits."""
    if card.reads_lines:
        raise UserError(f"{name} reads lines of digits; single ones are what can be judged here")


def require_labels(name: str) -> None:
    """Raises UserError for a network that others have published: what it knows are no digits."""
    from inkdigits.learn import models  # noqa: PLC0415

    if models.is_published(name):
        raise UserError(f"{name} knows no labels yet: fine-tune it first, and name the run directory")


def _exported(name: str, loaded: Engine) -> Subject:
    temperature = 1.0 if name == "reader" else loaded.card.temperature
    return Subject(name=name, classify=loaded.classify, card=loaded.card, temperature=temperature)


def _learnt(name: str) -> Subject:
    from inkdigits.learn import models  # noqa: PLC0415 (PyTorch: not all have it)
    from inkdigits.learn.classifier import classifier  # noqa: PLC0415

    require_labels(name)
    found = models.find(name)
    classify = classifier(found.network, temperature=found.card.temperature)
    return Subject(name=name, classify=classify, card=found.card, temperature=found.card.temperature)
