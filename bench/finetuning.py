"""What fine-tuning brings on other people's digits, against learning them from nothing.

`python -m bench.run finetuning`: every case with several seeds, each beside a network of the same shape that
learns the same images from nothing. It takes about an hour and a half on two cores.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from runs import sources

from bench import results
from inkdigits import data, image
from inkdigits.data import split
from inkdigits.errors import UserError
from inkdigits.evaluate import metrics
from inkdigits.learn import finetune, models, options, recipes
from inkdigits.learn.classifier import classifier
from inkdigits.learn.finetune import Order
from inkdigits.learn.sets import Source
from inkdigits.learn.train import train
from inkdigits.types import Dataset

HOUSE = "reader-large"
N_SEEDS = 5

OTHER_SCRIPTS = ("kannada", "bangla", "devanagari", "telugu")
WRITER_SHOTS = 5


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One fine-tuning: shares of the new test read right before and after, and from nothing; seconds.

    `old_before` and `old_after` are shares of MNIST's test; None where the labels were replaced.
    """

    before: float
    after: float
    nothing: float
    old_before: float | None
    old_after: float | None
    promoted: bool
    seconds: float


def measure() -> None:
    """All cases, written to `bench/results`."""
    results.write("finetuning", figures())


def figures() -> dict[str, Any]:
    """The figures of every case."""
    cases: dict[str, Callable[[int], Order]] = {
        "usps": lambda seed: _order("usps", seed),
        "usps_10": lambda seed: _order("usps", seed, shots=10),
        "cheque_digits": lambda seed: _order("cheque-amounts", seed),
    }
    for name in OTHER_SCRIPTS:
        cases[name] = lambda seed, name=name: _order(name, seed, labels="replace")  # type: ignore[misc]
    found = {
        name: _summary([_tried(order(seed)) for seed in range(N_SEEDS)]) for name, order in cases.items()
    }
    return {**found, "writers": _writers("test"), "cost": _cost()}


def _order(source: str, seed: int, **asked: Any) -> Order:
    return Order(model=HOUSE, data=source, given={"seed": seed}, force=True, **asked)


def _summary(tried: Sequence[Tried]) -> dict[str, Any]:
    """n, mean and spread of every figure that was measured."""
    rows = [asdict(each) for each in tried]
    names = [name for name, value in rows[0].items() if value is not None]
    return {name: results.spread([float(row[name]) for row in rows]) for name in names}


def _tried(order: Order) -> Tried:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        result = finetune.finetune(order, Path(folder) / "run")
        seconds = time.perf_counter() - started
        keeps = result.verdict.old is not None
        old = [_on_mnist(name) if keeps else None for name in (order.model, folder + "/run")]
    comparison = result.verdict.new.comparison
    return Tried(
        before=comparison.first_accuracy,
        after=comparison.second_accuracy,
        nothing=_from_nothing(order),
        old_before=old[0],
        old_after=old[1],
        promoted=not result.verdict.forced,
        seconds=seconds,
    )


def _on_mnist(model: str) -> float:
    """The share of MNIST's test images that are read right."""
    found = models.find(model)
    test = data.load("mnist", "test").relabelled(found.card.label_names)
    return metrics.evaluate(classifier(found.network), test).accuracy


def _from_nothing(order: Order) -> float:
    """The share that a new network of the same shape reads right when it has learnt the same images."""
    source = Source(order.data)
    whole, split_name = source.training()
    seed = order.given["seed"]
    some = split.few(whole, order.shots, seed=seed) if order.shots else whole
    network = models.find(order.model).card.network
    asked, _ = recipes.gentle(len(some), labels="replace", given={"seed": seed})
    asked = options.change(asked, network)
    kept, validation = source.validation(some, asked)
    trained = train(kept, validation, asked)
    return metrics.evaluate(classifier(trained.network), source.test(whole, split_name)).accuracy


def _writers(part: str) -> dict[str, Any]:
    """Five of each digit of one writer; mistakes on the rest of that writer's digits, before and after."""
    found: dict[str, Any] = {}
    for writer in sorted(filter(None, sources.writers(part))):
        crops = sources.number_digits(part, writer)
        images, labels = _digit_images(crops)
        tried = []
        for seed in range(N_SEEDS):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "digits.npz"
                _write(path, images, labels, seed=seed)
                tried.append(_tried(_order(str(path), seed)))
        found[writer] = {"n": len(labels)} | _summary(tried)
    return found


def _digit_images(crops: Sequence[sources.Crop]) -> tuple[Any, Any]:
    images, labels = [], []
    for crop in track(crops):
        try:
            images.append(image.digit(crop.picture))
        except UserError:
            continue
        labels.append(crop.label)
    return np.array(images), np.array(labels)


def _write(path: Path, images: Any, labels: Any, *, seed: int) -> None:
    """Five rows of each class to learn from, the rest to judge by."""
    numbers = labels.astype(np.int64)
    whole = Dataset(name="", split="", images=images, labels=numbers, label_names=tuple("0123456789"))
    order = np.random.default_rng(seed).permutation(len(whole))
    rows = np.concatenate([order[numbers[order] == label][:WRITER_SHOTS] for label in range(10)])
    rest = np.setdiff1d(order, rows)
    np.savez(path, x_train=images[rows], y_train=numbers[rows], x_test=images[rest], y_test=numbers[rest])


def _cost() -> dict[str, Any]:
    """Seconds from the shell to the verdict and the most memory, for a hundred images and ten thousand."""
    asked = {"images_100": ["usps", "--shots", "10"], "images_10000": ["kannada", "--labels", "replace"]}
    return {name: _timed(arguments) for name, arguments in asked.items()}


def _timed(arguments: Sequence[str]) -> dict[str, float]:
    command = [str(Path(sys.executable).with_name("inkdigits")), "finetune", HOUSE, *arguments, "--force"]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run([*command, "--out", f"{folder}/run"], check=True, capture_output=True)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "memory_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}
