"""A training run and its directory: what was asked for, what came out, and where it lies.

A run directory holds `run.json` (arguments, versions, data hashes, commit, figures), `history.csv`,
`model.safetensors`, its pictures, and until the run is through `state.safetensors`, from which
`resume` goes on.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from inkdigits.card import Card
from inkdigits.data import digest
from inkdigits.evaluate import calibration
from inkdigits.evaluate.metrics import Evaluation, score
from inkdigits.learn import device, directory, history, sets
from inkdigits.learn.augment import warn_of_flips
from inkdigits.learn.classifier import classifier
from inkdigits.learn.options import TrainOptions, flat
from inkdigits.learn.train import Trained, Watch, train
from inkdigits.types import Dataset, Scores


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run gave: where it lies, its figures on the test set, and the scores behind them."""

    folder: Path
    evaluation: Evaluation
    test: Dataset
    scores: Scores
    seconds: float


def run(
    source: str, options: TrainOptions, folder: Path, *, resume: bool = False, watch: Watch | None = None
) -> Result:
    """Trains on a known set's or a path's training images, saves the model, then reads the test set once.

    Raises UserError where `folder` already holds a run and `resume` is off, or holds another run to resume,
    or can't be written, or where another process is at work in it.
    """
    directory.check(folder, resume=resume)
    device.choose(options.device)  # refused before anything is made
    images = sets.Source(source)
    training, split_name = images.training()
    warn_of_flips(options.augment, training.label_names)
    kept, validation = images.validation(training, options)
    arguments = {"data": source, **flat(options)}
    hashes = {"training": digest.sha256(training)}
    with directory.opened(folder, arguments, hashes, resume=resume):
        trained = train(
            kept, validation, options, folder=folder, resume=resume, about=arguments | hashes, watch=watch
        )
        card = _card(trained, kept, options, source, hashes["training"])
        if validation is not None:
            scores = classifier(trained.network)(validation.images)
            card = calibration.calibrated(card, scores, validation.labels)
        directory.save(folder, trained, card)
        test = images.test(training, split_name)
        started = time.perf_counter()
        scores = classifier(trained.network, temperature=card.temperature)(test.images)
        seconds = time.perf_counter() - started
        evaluation = score(scores, test.labels, label_names=test.label_names, seconds=seconds)
        found = {"training_seconds": trained.seconds, "evaluation": asdict(evaluation)}
        directory.describe(folder, arguments, hashes | {"test": digest.sha256(test)}, found)
    return Result(folder=folder, evaluation=evaluation, test=test, scores=scores, seconds=trained.seconds)


def _card(trained: Trained, kept: Dataset, options: TrainOptions, source: str, sha256: str) -> Card:
    provenance = {
        "data": source,
        "sha256": sha256,
        "options": flat(options),
        "n_training": len(kept),
        "n_steps": trained.n_steps,
        "versions": directory.versions(),
    }
    return Card(
        network=asdict(options.network),
        label_names=kept.label_names,
        temperature=options.temperature,
        provenance=provenance,
    )


def draw(result: Result) -> None:
    """The run's pictures: learning curves, confusion matrix, the first ten test images."""
    # matplotlib takes a second to import, and the model is saved and judged without it.
    from inkdigits.learn import plot  # noqa: PLC0415

    plot.curves(history.read(result.folder / history.FILE), result.folder / "curves.png")
    plot.confusion(result.evaluation, result.folder / "confusion.png")
    first = slice(0, 10)
    plot.first_predictions(
        result.test.images[first],
        labels=result.test.labels[first],
        predicted=result.scores[first].argmax(1),
        probabilities=result.scores[first].max(1),
        label_names=result.test.label_names,
        path=result.folder / "first_predictions.png",
    )
