"""The card that goes with a model where it is given away: Markdown under YAML, as the hub has it."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import PurePath
from typing import Any

import jinja2
from huggingface_hub import EvalResult, ModelCardData

from inkdigits import stats, weights
from inkdigits.card import NONE, Card
from inkdigits.evaluate import origins
from inkdigits.evaluate.calibration import Selection
from inkdigits.evaluate.metrics import Evaluation
from inkdigits.evaluate.origins import Origin
from inkdigits.evaluate.robustness import Robustness
from inkdigits.evaluate.table import confusions, percent

TASK = "image-classification"
"""The hub's name of what these models do."""

UNKNOWN_LICENCE = "unknown"
"""The hub's word for a licence that nobody has stated."""

WATTS_A_THREAD = 10.0
"""What a busy thread of a processor is taken to use where nobody has measured: an assumption."""

CONFUSIONS_TOLD, CHANGES_TOLD = 5, 5
"""Kinds of mistakes and of changed images that are told of, the worst ones."""

_ON_HUB = {"mnist": "ylecun/mnist", "fashion-mnist": "zalando-datasets/fashion_mnist"}
_TAGS = ("handwriting", "digits", "handwritten-digits", "inkdigits")
_EXPORTED = "model.onnx"
_TEMPLATE = "model_card.md.j2"
_SPECIAL = re.compile(r"[\\`*{}\[\]<>|~&$#]|(?<![^\W_])_|_(?![^\W_])")
"""Underscores inside of words mean nothing, and are left as they are for the sake of addresses."""

_TICKS = re.compile("`+")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Figures of a model, and the images that they are of.

    `data` is a known set or a path, empty where nobody says, `sha256` of the images. `selections` are what
    the file's thresholds do on them.
    """

    evaluation: Evaluation
    data: str = ""
    split: str = ""
    sha256: str | None = None
    selections: Sequence[Selection] = ()
    robustness: Robustness | None = None


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long a model was trained and where; None and empty are what nobody has written down.

    `watts` is what the machine used meanwhile, as its owner says.
    """

    seconds: float | None = None
    n_threads: int | None = None
    device: str = ""
    system: str = ""
    precision: str = ""
    commit: str | None = None
    watts: float | None = None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a card is of.

    `files` are the names of the model's files; `licence` is the hub's word for that of the weights.
    `n_weights` counts parameters. `asks` names a second model that answers with it. `steps` are the commands
    that make it, the first one first, each for a shell.
    """

    name: str
    card: Card
    files: Sequence[str]
    licence: str = UNKNOWN_LICENCE
    n_weights: int | None = None
    asks: str = ""
    judged: Judged | None = None
    training: Training = field(default_factory=Training)
    steps: Sequence[str] = ()


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def markdown(subject: Subject) -> str:
    """The card: YAML that the hub reads, and text for people, whatever characters names have."""
    folder = resources.files("inkdigits.evaluate")
    environment = jinja2.Environment(  # noqa: S701 (nothing here is HTML; `_escaped` is for Markdown)
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, finalize=_escaped
    )
    environment.filters |= {"percent": percent, "code": _code, "block": _block, "shown": origins.shown}
    template = environment.from_string((folder / _TEMPLATE).read_text(encoding="utf-8"))
    text = re.sub(r"\n{3,}", "\n\n", template.render(_values(subject))).strip()
    return f"---\n{_about(subject).to_yaml()}\n---\n\n{text}\n"


def energy(training: Training) -> str:
    """In a sentence, what the training used: a count times an assumption that is stated, or nothing."""
    seconds, n_threads = training.seconds, training.n_threads
    if seconds is None:
        return "Energy: not recorded."
    if training.watts is not None:
        return (
            f"Energy: about {_watt_hours(seconds * training.watts)}, that is {seconds:,.1f} seconds at the"
            f" {training.watts:g} W that its owner gives; it was not measured."
        )
    if training.device == "cpu" and n_threads:
        return (
            f"Energy: perhaps {_watt_hours(seconds * n_threads * WATTS_A_THREAD)}. It was not measured: that"
            f" is {seconds:,.1f} seconds of {_counted(n_threads, 'thread')} at {WATTS_A_THREAD:g} W each,"
            " which is an assumption."
        )
    return "Energy: not recorded."


def _watt_hours(joules: float) -> str:
    value, unit = (joules / 3600, "Wh") if joules < 3.6e5 else (joules / 3.6e6, "kWh")
    return f"{value:.2g} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def _about(subject: Subject) -> ModelCardData:
    """What the hub itself reads of a model."""
    learnt = [_ON_HUB[each.key] for each in origins.origins(subject.card) if each.key in _ON_HUB]
    kinds = {name.rpartition(".")[2] for name in subject.files} & {"onnx", "safetensors"}
    return ModelCardData(
        license=subject.licence,
        library_name="inkdigits",
        pipeline_tag=TASK,
        tags=[*_TAGS, *sorted(kinds)],
        datasets=learnt or None,
        metrics=["accuracy"],
        model_name=subject.name,
        eval_results=_results(subject.judged),
    )


def _results(judged: Judged | None) -> list[EvalResult] | None:
    """The accuracy, where it is known what it is of."""
    if judged is None or not judged.data:
        return None
    name = origins.shown(judged.data)
    return [
        EvalResult(
            task_type=TASK,
            dataset_type=_ON_HUB.get(judged.data, name),
            dataset_name=name,
            dataset_split=judged.split,
            metric_type="accuracy",
            metric_value=judged.evaluation.accuracy,
            verified=False,
        )
    ]


def _values(subject: Subject) -> dict[str, Any]:
    card, judged = subject.card, subject.judged
    lessons = card.lessons
    learnt = origins.origins(card)
    return {
        "subject": subject,
        "card": card,
        "judged": judged,
        "figures": None if judged is None else judged.evaluation,
        "classes": () if judged is None else _classes(judged.evaluation),
        "mistakes": "" if judged is None else _mistakes(judged.evaluation),
        "unseen": () if judged is None else _unseen(judged.evaluation),
        "selections": {} if judged is None else {each.error_rate: each for each in judged.selections},
        "thresholds": [(float(rate), least) for rate, least in sorted(card.thresholds.items(), key=_rate)],
        "costly": "" if judged is None or judged.robustness is None else _costly(judged.robustness),
        "held_out": _held_out(lessons),
        "is_drawn": any(lesson.get("data") in weights.DRAWN for lesson in lessons),
        "knows_none": NONE in card.label_names,
        "origins": learnt,
        "unknown": [each.name for each in learnt if not each.licence],
        "forbidden": [each.name for each in learnt if each.may_be_given_away is False],
        "relation": _relation(judged, learnt),
        "n_images": _whole(lessons[0].get("n_training")) if lessons else None,
        "n_steps": _whole(lessons[0].get("n_steps")) if lessons else None,
        "verdict": _verdict(lessons),
        "versions": _versions(lessons),
        "is_finetuned": len(lessons) > 1 or bool(lessons and "start" in lessons[0]),
        "energy": energy(subject.training),
        "usage": _usage(subject),
    }


def _relation(judged: Judged | None, learnt: Sequence[Origin]) -> str:
    """In a sentence, what the images judged by are to those learnt from; empty where nobody knows."""
    if judged is None or not judged.data or not learnt:
        return ""
    if origins.key(judged.data) not in {each.key for each in learnt}:
        return "It learnt from no image of that set."
    if judged.split == "test":
        return "It learnt from other images of the same set; of writing unlike it, expect less."
    return "It learnt from that set, and perhaps from some of these very images, which flatters it."


def _usage(subject: Subject) -> dict[str, str]:
    """Commands and lines of Python that read with the model; where it has to be exported first, so."""
    n_labels = len(subject.card.label_names)
    if subject.asks:
        return {
            "shell": "inkdigits read photo.png",
            "python": (
                "import numpy\nfrom inkdigits.read import engine\n\n"
                "images = numpy.zeros((1, 28, 28), numpy.uint8)  # yours\n"
                f"scores = engine.shipped({json.dumps(PurePath(subject.files[0]).stem)}).classify(images)"
                f"  # float32, (n, {n_labels})"
            ),
        }
    onnx = next((name for name in subject.files if name.endswith(".onnx")), "")
    name = shlex.quote(onnx or _EXPORTED)
    first = "" if onnx else f"inkdigits export {shlex.quote(subject.files[0])} --out {name}\n"
    return {
        "shell": f"{first}inkdigits read photo.png --model {name}",
        "python": (
            "import numpy\nimport onnxruntime\n\n"
            f"session = onnxruntime.InferenceSession({json.dumps(onnx or _EXPORTED)})\n"
            "images = numpy.zeros((1, 28, 28), numpy.uint8)  # yours\n"
            f'(scores,) = session.run(None, {{"images": images}})  # float32, (n, {n_labels})'
        ),
    }


def _rate(item: tuple[str, float]) -> float:
    return float(item[0])


def _classes(evaluation: Evaluation) -> list[tuple[str, int, float, tuple[float, float], float]]:
    """Label, images, recall with its interval, and precision of every class that occurs."""
    hits = [row[label] for label, row in enumerate(evaluation.confusion)]
    return [
        (each.label, each.support, each.recall, stats.wilson(n_right, each.support), each.precision)
        for each, n_right in zip(evaluation.per_class, hits, strict=True)
        if each.support
    ]


def _unseen(evaluation: Evaluation) -> list[str]:
    """The labels that no image had which the model was judged by."""
    return [each.label for each in evaluation.per_class if not each.support]


def _mistakes(evaluation: Evaluation) -> str:
    """The most frequent ones, in words."""
    found = confusions(evaluation, most=CONFUSIONS_TOLD)
    return ", ".join(f"{each.label} read as {each.read_as} ({_counted(each.n, 'time')})" for each in found)


def _costly(robustness: Robustness) -> str:
    """The corruptions that cost most, in words."""
    found = sorted(robustness.corruptions, key=lambda each: -each.cost)[:CHANGES_TOLD]
    return ", ".join(
        f"{each.name} ({percent(each.accuracy, digits=1)} read right, {100 * each.cost:.1f} points less)"
        for each in found
    )


def _held_out(lessons: Sequence[Mapping[str, Any]]) -> str:
    """In a sentence, what a model that ships reached on what was kept apart; empty of others."""
    told = lessons[0].get("validation", {}) if lessons else {}
    try:
        n, digits, none = (told[name] for name in ("n", "accuracy_digits", "none_found"))
        return (
            f"On {n:,} images of other writers, pens and photos, held out where it was made, it read"
            f" {percent(digits)} of the digits right, and answered “none” to {percent(none)} of what is none."
        )
    except (KeyError, TypeError, ValueError):
        return ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _verdict(lessons: Sequence[Mapping[str, Any]]) -> str:
    """Why a model that went on learning was or wasn't promoted."""
    told = lessons[0].get("verdict") if lessons else None
    return str(told.get("reason", "")) if isinstance(told, Mapping) else ""


def _versions(lessons: Sequence[Mapping[str, Any]]) -> str:
    told = lessons[0].get("versions") if lessons else None
    return (
        ", ".join(f"{name} {version}" for name, version in told.items()) if isinstance(told, Mapping) else ""
    )


def _escaped(value: object) -> object:
    """The value as Markdown shows it as it is: on one line, its special characters escaped."""
    if isinstance(value, Markdown):
        return value
    return _SPECIAL.sub(r"\\\g<0>", " ".join(str(value).split()))


def _code(value: object) -> Markdown:
    """The value in a code span, whose ticks are more than any inside; no bar may be in it in a table."""
    text = " ".join(str(value).split())
    ticks = "`" * (1 + max(map(len, _TICKS.findall(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return Markdown(f"{ticks}{pad}{text}{pad}{ticks}")


def _block(value: object, language: str) -> Markdown:
    """The value as a block of code."""
    ticks = "`" * max(3, 1 + max(map(len, _TICKS.findall(str(value))), default=0))
    return Markdown(f"{ticks}{language}\n{value}\n{ticks}")
