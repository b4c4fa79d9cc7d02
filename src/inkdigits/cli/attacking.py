"""Attacks on a model that is judged: by how little an image has to change to be read wrong."""

from pathlib import Path

from inkdigits.cli import bars
from inkdigits.cli.subjects import EXPORTED
from inkdigits.errors import UserError
from inkdigits.evaluate.attacked import Attacked
from inkdigits.evaluate.robustness import sample
from inkdigits.types import Dataset


def attacks(model: Path, dataset: Dataset) -> tuple[Attacked, ...]:
    """What is left of its accuracy on up to 1,000 of the images, which are attacked through its gradients.

    Raises UserError for an exported model, which has none.
    """
    if model.suffix.lower() == EXPORTED:
        raise UserError(f"{model} has no gradients to attack it by; name the file that it was exported from")
    from inkdigits.learn import adversarial, models  # noqa: PLC0415 (PyTorch: not all have it)

    network = models.find(str(model)).network
    with bars.parts_done("attacking images") as progress:
        return adversarial.attacks(network, sample(dataset), progress=progress)
