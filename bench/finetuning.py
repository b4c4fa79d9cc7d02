"""What fine-tuning brings on other people's digits, against learning them from nothing.

`python -m bench.run finetuning`: every case with several seeds, each beside a network of the same shape that
learns the same images from nothing; then how it goes with the number of images, and from which start. It
takes about two hours on two cores; what is done is kept.
"""

import functools
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from runs import sources

from bench import programs, results
from inkdigits import data, image
from inkdigits.data import split
from inkdigits.errors import UserError
from inkdigits.evaluate import metrics
from inkdigits.learn import directory, finetune, models, options, recipes, run
from inkdigits.learn.classifier import classifier
from inkdigits.learn.finetune_order import Order
from inkdigits.learn.options import NetworkOptions
from inkdigits.learn.sets import Source
from inkdigits.learn.train import train
from inkdigits.types import Dataset, Images

HOUSE = "house"
N_SEEDS = 5

OTHER_SCRIPTS = ("kannada", "bangla", "devanagari", "telugu")
WRITER_SHOTS = 5

SHOTS = (1, 2, 5, 10, 20, 50, 100, 0)
"""Images of each class that the curve has a point for; 0 is all."""

PUBLISHED, PUBLISHED_SHOTS = "efficientnet_lite0", 100

PUBLISHED_SEEDS = {"frozen": 5, "unfrozen": 2, "nothing": 1}
"""Ways to train it, and seeds of each: all of its weights take a quarter of an hour a seed."""

TIMED = {"images_100": ("usps", "--shots", "10"), "images_10000": ("kannada", "--labels", "replace")}


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One fine-tuning: shares of the new test read right before and after, and from nothing; seconds.

    `mnist_before` and `mnist_after` are shares of MNIST's test; None where the labels were replaced.
    `promoted` is what the gate said, `interpolation` how much of the way it let the weights go.
    """

    before: float
    after: float
    nothing: float
    mnist_before: float | None
    mnist_after: float | None
    promoted: bool
    interpolation: float
    seconds: float


def measure() -> None:
    """All cases, written to `bench/results`."""
    results.write("finetuning", figures())


def figures() -> dict[str, Any]:
    """The figures of every case."""
    cases: dict[str, Callable[[int], Order]] = {
        "usps": partial(_order, "usps"),
        "usps_10": partial(_order, "usps", shots=10),
        "cheque_digits": partial(_order, "cheque-amounts"),
        **{name: partial(_order, name, labels="replace") for name in OTHER_SCRIPTS},
    }
    tried = results.kept(_tried)
    found = {
        name: _summary([tried(order(seed)) for seed in range(N_SEEDS)])
        for name, order in track(cases.items(), description="cases")
    }
    return {
        **found,
        "writers": _writers("test"),
        "curve": _curve(),
        "published": _published(),
        "cost": {name: _cost(arguments) for name, arguments in TIMED.items()},
    }


def _order(source: str, seed: int, **asked: Any) -> Order:
    return Order(model=HOUSE, data=source, given={"seed": seed}, **asked)


def _summary(tried: Sequence[Tried]) -> dict[str, Any]:
    """n, mean and spread of every figure that was measured."""
    rows = [asdict(each) for each in tried]
    names = [name for name, value in rows[0].items() if value is not None]
    return {name: results.spread([float(row[name]) for row in rows]) for name in names}


def _tried(order: Order) -> Tried:
    with tempfile.TemporaryDirectory() as folder:
        result = finetune.finetune(order, Path(folder) / "run")
        made = str(_made(result.folder))
        keeps = result.verdict.old is not None
        mnist = [_on_mnist(name) if keeps else None for name in (order.model, made)]
    comparison = result.verdict.new.comparison
    return Tried(
        before=comparison.first_accuracy,
        after=comparison.second_accuracy,
        nothing=_from_nothing(order),
        mnist_before=mnist[0],
        mnist_after=mnist[1],
        promoted=result.verdict.promote,
        interpolation=result.interpolation,
        seconds=result.seconds,
    )


def _made(folder: Path) -> Path:
    """The model of a run, promoted or not."""
    return next(
        folder / name for name in (directory.MODEL_FILE, directory.CANDIDATE_FILE) if (folder / name).exists()
    )


def _after(order: Order) -> float:
    """The share of the new test that is read right afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        result = finetune.finetune(order, Path(folder) / "run")
    return result.verdict.new.comparison.second_accuracy


def _on_mnist(model: str) -> float:
    """The share of MNIST's test images that are read right."""
    found = models.find(model)
    test = data.load("mnist", "test").relabelled(found.card.label_names)
    return metrics.evaluate(classifier(found.network), test).accuracy


def _from_nothing(order: Order, network: NetworkOptions | None = None) -> float:
    """The share that a new network of the same shape reads right when it has learnt the same images."""
    source = Source(order.data)
    whole, split_name = source.training()
    seed = order.given["seed"]
    some = split.few(whole, order.shots, seed=seed) if order.shots else whole
    asked, _ = recipes.gentle(len(some), labels="replace", given={"seed": seed})
    shape = network or NetworkOptions(**models.find(order.model).card.network)
    asked = replace(asked, network=shape)
    kept, validation = source.validation(some, asked)
    trained = train(kept, validation, asked)
    return metrics.evaluate(classifier(trained.network), source.test(whole, split_name)).accuracy


def _writers(part: str) -> dict[str, Any]:
    """Five of each digit of one writer; mistakes on the rest of that writer's digits, before and after."""
    found: dict[str, Any] = {}
    of_writer = results.kept(_of_writer)
    for writer in sorted(filter(None, sources.writers(part))):
        made = [of_writer(part, writer, seed) for seed in range(N_SEEDS)]
        found[writer] = {"n": made[0][0], **_summary([tried for _, tried in made])}
    return found


def _of_writer(part: str, writer: str, seed: int) -> tuple[int, Tried]:
    """How many digits the writer wrote, and what learning some of them gave."""
    images, labels = _digit_images(sources.number_digits(part, writer))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        _write(path, images, labels, seed=seed)
        return len(labels), _tried(_order(str(path), seed))


def _digit_images(crops: Sequence[sources.Crop]) -> tuple[Images, NDArray[np.int64]]:
    images, labels = [], []
    for crop in crops:
        try:
            images.append(image.digit(crop.picture))
        except UserError:
            continue
        labels.append(int(crop.label))
    return np.array(images), np.array(labels, np.int64)


def _write(path: Path, images: Images, labels: NDArray[np.int64], *, seed: int) -> None:
    """Five rows of each class to learn from, the rest to judge by."""
    names = tuple("0123456789")
    whole = Dataset(name=path.name, split="all", images=images, labels=labels, label_names=names)
    order = np.random.default_rng(seed).permutation(len(whole))
    rows = np.concatenate([order[labels[order] == label][:WRITER_SHOTS] for label in range(len(names))])
    rest = np.setdiff1d(order, rows)
    np.savez(path, x_train=images[rows], y_train=labels[rows], x_test=images[rest], y_test=labels[rest])


def _curve() -> dict[str, Any]:
    """USPS's test read right by how many of each class were learnt, from nothing, from MNIST, from ours."""
    point = results.kept(_curve_point)
    return {
        start: {
            str(shots): results.spread([point(start, shots, seed) for seed in range(N_SEEDS)])
            for shots in track(SHOTS, description=f"curve from {start}")
        }
        for start in ("nothing", "mnist", HOUSE)
    }


def _curve_point(start: str, shots: int, seed: int) -> float:
    order = _order("usps", seed, shots=shots)
    match start:
        case "nothing":
            return _from_nothing(order)
        case "mnist":
            return _after(replace(order, model=str(Path(_learnt_mnist().name) / "run"), old="mnist"))
        case _:
            return _after(order)


@functools.cache
def _learnt_mnist() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when the program does, with a run of three passes over MNIST."""
    folder = tempfile.TemporaryDirectory()
    asked = options.change(options.preset("best"), {"epochs": 3.0, "least_steps": 0})
    run.run("mnist", asked, Path(folder.name) / "run")
    return folder


def _published() -> dict[str, Any]:
    """A network that ImageNet taught, its features frozen and not, and the same from nothing, on USPS."""
    point = results.kept(_published_point)
    return {
        start: results.spread([point(start, seed) for seed in range(n)])
        for start, n in track(PUBLISHED_SEEDS.items(), description="ImageNet's")
    }


def _published_point(start: str, seed: int) -> float:
    order = replace(_order("usps", seed, shots=PUBLISHED_SHOTS), model=PUBLISHED)
    match start:
        case "frozen":
            return _after(replace(order, given={**order.given, "freeze": "head-only"}))
        case "unfrozen":
            return _after(order)
        case _:
            return _from_nothing(order, NetworkOptions(model=PUBLISHED))


def _cost(arguments: Sequence[str]) -> dict[str, Any]:
    """Seconds from the shell to the verdict, and the most memory: n, mean and spread."""
    command = [str(Path(sys.executable).with_name("inkdigits")), "finetune", HOUSE, *arguments]
    found = []
    for seed in range(N_SEEDS):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            done, about = programs.watched([*command, "--seed", str(seed), "--out", str(out)])
            if "promoted" not in done.stdout.lower():
                raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
            found.append(about)
    return {
        "seconds": results.spread([each["ended"] - each["started"] for each in found]),
        "memory_mb": results.spread([each["peak_mb"] for each in found]),
    }
