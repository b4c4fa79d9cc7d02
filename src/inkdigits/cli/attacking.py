"""Attacks on a model that is judged: by how little an image has to change to be read wrong."""

from pathlib import Path

from inkdigits import weights
from inkdigits.cli import bars
from inkdigits.cli.subjects import EXPORTED
from inkdigits.errors import UserError
from inkdigits.evaluate.attacked import Attacked
from inkdigits.evaluate.robustness import sample
from inkdigits.types import Dataset


def check(model: Path) -> None:
    """Raises UserError for an exported model, which has no gradients; those that ship are judged as such."""
    if model.suffix.lower() == EXPORTED or weights.is_shipped(model):
        raise UserError(f"{model} has no gradients to attack it by; name a run, or the model file it is from")


def attacks(model: Path, dataset: Dataset) -> tuple[Attacked, ...]:
    """What is left of its accuracy on up to 1,000 of the images, which are attacked through its gradients."""
    from inkdigits.learn import adversarial, models  # noqa: PLC0415 (PyTorch: not all have it)

    network = models.find(str(model)).network
    with bars.parts_done("attacking images") as progress:
        return adversarial.attacks(network, sample(dataset), progress=progress)
