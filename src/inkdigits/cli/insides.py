"""What `inkdigits explain` needs a network for: gradients, and the training images that it finds alike."""

from dataclasses import dataclass

from inkdigits import weights
from inkdigits.card import Card
from inkdigits.cli import bars, subjects
from inkdigits.cli.subjects import Subject
from inkdigits.errors import UserError
from inkdigits.evaluate.explanation import Look, Neighbour
from inkdigits.learn import explain, models, neighbours
from inkdigits.learn.classifier import classifier
from inkdigits.learn.networks import maps
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.sets import Source
from inkdigits.learn.usable import Usable
from inkdigits.types import Dataset, Images, Labels

DRAWN = {
    "integrated-gradients": ("integrated gradients", explain.integrated_gradients),
    "grad-cam": ("Grad-CAM", explain.grad_cam),
}
"""What the methods are called in pictures, and what finds the amounts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Insides:
    """A model as it is judged, and its network."""

    subject: Subject
    network: Network


def find(name: str) -> Insides:
    """The network of a model file, a run directory, or a model that ships, for which no other is asked.

    Raises UserError where there is none, and where it doesn't tell single digits.
    """
    subjects.require_labels(name)
    model = models.find(name)
    subjects.require_digits(name, model.card)
    temperature = model.card.temperature
    classify = classifier(model.network, temperature=temperature)
    subject = Subject(name=name, classify=classify, card=model.card, temperature=temperature)
    return Insides(subject=subject, network=model.network)


def methods(network: Network, method: str) -> list[str]:
    """The methods of `DRAWN` that are asked for; all are those that the network allows."""
    if method != "all":
        return [method] if method in DRAWN else []
    return [name for name in DRAWN if name != "grad-cam" or maps.last(network) is not None]


def looks(network: Network, images: Images, labels: Labels, method: str) -> list[list[Look]]:
    """Where the network looked, by each method asked for, at each image."""
    found: list[list[Look]] = [[] for _ in images]
    for name in methods(network, method):
        title, amounts_of = DRAWN[name]
        for of_image, amounts in zip(found, amounts_of(network, images, labels), strict=True):
            of_image.append(Look(method=title, amounts=amounts))
    return found


def learnt_from(name: str, card: Card, data: str | None) -> Dataset:
    """The training images to compare with. Raises UserError where they aren't known or aren't there."""
    shipped = str(weights.FOLDER / weights.OLD) if weights.is_shipped(name) else None
    source = data or shipped or card.provenance.get("data")
    if not isinstance(source, str):
        raise UserError(f"{name} doesn't say what it learnt from: name a set to compare with by --data")
    try:
        training = Source(source, Usable()).training()[0]
    except UserError as error:
        if data is not None:
            raise
        raise UserError(
            f"{name} learnt from {source}, which isn't at hand ({error}): name another set with --data"
        ) from error
    return neighbours.compared(training)


def nearest(network: Network, images: Images, among: Dataset, n: int) -> list[tuple[Neighbour, ...]]:
    """The n training images that the network finds most like each image."""
    with bars.parts_done("looking through training images") as progress:
        known = neighbours.features(network, among.images, progress=progress)
    return neighbours.nearest(neighbours.features(network, images), known, among, n=n)
