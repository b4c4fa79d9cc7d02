"""`inkdigits evaluate`: a model's figures on a labelled set, or two models side by side."""

from dataclasses import asdict
from pathlib import Path

from inkdigits import data
from inkdigits.cli.output import print_json
from inkdigits.errors import UserError
from inkdigits.evaluate import compare, metrics, table
from inkdigits.evaluate.check import require_same_labels
from inkdigits.learn import checkpoint
from inkdigits.learn.classifier import classifier
from inkdigits.learn.run import MODEL_FILE
from inkdigits.types import Classifier, Dataset


def evaluate(model: Path, source: str, *, split: str | None, against: Path | None, as_json: bool) -> int:
    """Prints the figures of `model`, and the comparison with `against` where there is one."""
    dataset = data.load(source, split or _judged_split(source))
    evaluation = metrics.evaluate(_classifier(model, dataset), dataset)
    if against is None:
        print_json(asdict(evaluation)) if as_json else print(table.text(evaluation), end="")
        return 0
    scores = [_classifier(path, dataset)(dataset.images) for path in (model, against)]
    found = compare.compare(*scores, labels=dataset.labels, names=(str(model), str(against)))
    if as_json:
        print_json(asdict(evaluation) | {"comparison": asdict(found)})
    else:
        print(table.text(evaluation), found.verdict, sep="\n")
    return 0


def model_file(path: Path) -> Path:
    """The model file that a path means: itself, or the one in a run directory."""
    if path.is_dir():
        path = path / MODEL_FILE
    if not path.exists():
        raise UserError(f"there is no model at {path}; name a model file or a run directory")
    return path


def _classifier(path: Path, dataset: Dataset) -> Classifier:
    model = checkpoint.load(model_file(path))
    require_same_labels(model.card.label_names, dataset)
    return classifier(model.network, temperature=model.card.temperature)


def _judged_split(source: str) -> str:
    names = data.splits(source)
    return "test" if "test" in names else names[-1]
