"""An exported model as a `Classifier`, run by ONNX Runtime."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from inkdigits import card, weights
from inkdigits.card import Card
from inkdigits.errors import UserError
from inkdigits.types import Classifier, Images, Scores

BATCH = 256
"""Images scored at a time: enough to fill the processor, little enough for its caches."""

SURE = 0.98
"""The confidence below which a second model is asked."""

_LARGEST = 1 << 30
_REFUSALS = (
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NotImplemented,
)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A model ready to score, and what its file says about it.

    A reader of lines scores strips as `image.side_by_side` gives them, every frame over labels and blank.
    """

    classify: Classifier
    card: Card


def load(source: Path | bytes, *, name: str = "", threads: int = 0) -> Engine:
    """The model in an ONNX file that `inkdigits export` wrote; `threads` 0 takes all cores.

    Raises UserError where the file is missing, torn or not one of ours.
    """
    name = name or (str(source) if isinstance(source, Path) else "the model")
    session = _session(_content(source, name=name), name=name, threads=threads)
    try:
        described = card.parse(json.loads(session.get_modelmeta().custom_metadata_map[card.KEY]))
    except KeyError as error:
        raise UserError(f"{name} is an ONNX file, but not one of inkdigits") from error
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{name} doesn't describe its model ({error})") from error
    n_labels = len(described.label_names) + described.reads_lines
    n_scores = session.get_outputs()[0].shape[-1]
    if isinstance(n_scores, int) and n_scores != n_labels:
        raise UserError(
            f"{name} gives {n_scores} scores, but describes {n_labels}: it is not the model it says"
        )
    return Engine(classify=_classifier(session), card=described)


def shipped(name: str, *, threads: int = 0) -> Engine:
    """A model that ships; `reader` asks `house`, a wider one, where it is unsure."""
    first = load(weights.content(name), name=name, threads=threads)
    if name != "reader":
        return first
    return second_asked(first, load(weights.content("house"), name="house", threads=threads))


def second_asked(first: Engine, second: Engine) -> Engine:
    """The first model, but of images that it is less sure of than `SURE` the geometric mean of both scores.

    Their labels have to be the same. The card is the first's, whose thresholds are of both together.
    """

    def classify(images: Images) -> Scores:
        scores = first.classify(images)
        unsure = np.flatnonzero(scores.max(axis=1) < SURE)
        if len(unsure):
            means = np.sqrt(scores[unsure] * second.classify(np.asarray(images, np.uint8)[unsure]))
            scores[unsure] = means / means.sum(axis=1, keepdims=True)
        return scores

    return Engine(classify=classify, card=first.card)


def _session(content: bytes, *, name: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except _REFUSALS as error:
        raise UserError(f"{name} is torn, or no ONNX file that can be run here") from error


def _classifier(session: onnxruntime.InferenceSession) -> Classifier:
    (images_in,), (scores_out,) = session.get_inputs(), session.get_outputs()

    def classify(images: Images) -> Scores:
        whole = np.ascontiguousarray(images, np.uint8)
        starts = range(0, max(1, len(whole)), BATCH)
        parts = [
            session.run([scores_out.name], {images_in.name: whole[start : start + BATCH]})[0]
            for start in starts
        ]
        return np.concatenate(parts)

    return classify


def _content(source: Path | bytes, *, name: str) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        if source.stat().st_size > _LARGEST:
            raise UserError(f"{name} is larger than {_LARGEST >> 20} MiB; a model file is smaller")
        return source.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror}") from error
