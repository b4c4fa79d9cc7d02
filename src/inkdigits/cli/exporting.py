"""`inkdigits export`: a model as an ONNX file that has been shown to agree with it, or no file."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from inkdigits import files
from inkdigits.cli.judging import unseen
from inkdigits.cli.output import print_json
from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate.check import require_scores
from inkdigits.learn import export as exporter
from inkdigits.learn import models
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.usable import Usable
from inkdigits.read import engine
from inkdigits.types import SIDE, Images

MOST_DIFFERENCE = 1e-3
"""How far a score may lie from the network's own: rounding is a hundredth of it."""

_N_NOISE = 64


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file that was written: its size, and how it was shown to agree."""

    file: str
    n_bytes: int
    n_images: int
    n_changed: int
    largest_difference: float


def export(model: Path, out: Path, *, data: str | None, as_json: bool) -> int:
    """Writes the file where every answer is the network's own; the exit status."""
    if out.suffix != ".onnx" or out.is_dir():
        raise ArgumentError(f"{out} is no name for an ONNX file; it should end in .onnx, and be no folder")
    loaded = models.find(str(model))
    if loaded.card.reads_lines:
        raise UserError(f"{model} reads lines; a model is tried on digit images before it is exported")
    source = data or loaded.card.provenance.get("data")
    if not isinstance(source, str):
        raise ArgumentError(
            f"{model} doesn't say what it learnt from: name a data set to try it on with --data"
        )
    images = _images(model, loaded, source, is_asked=data is not None)
    content = exporter.graph(loaded)
    found = _agreement(loaded, content, images, out=out)
    files.write(out, content)
    if as_json:
        print_json(asdict(found))
    else:
        print(
            f"{found.file}, {found.n_bytes / 1e6:.2f} MB: on {found.n_images:,} images every answer is the"
            f" network's own, and every score within {found.largest_difference:.1g}"
        )
    return 0


def _images(model: Path, loaded: Model, source: str, *, is_asked: bool) -> Images:
    try:
        return unseen(source, [loaded.card], Usable()).images
    except UserError as error:
        if is_asked:
            raise
        raise UserError(
            f"{model} learnt from {source}, which isn't at hand ({error}): name another set with --data"
        ) from error


def _agreement(model: Model, content: bytes, images: Images, *, out: Path) -> Exported:
    """Both run on the images and on noise. Raises UserError where they differ."""
    noise = np.random.default_rng(0).integers(0, 256, (_N_NOISE, SIDE, SIDE), np.uint8)
    noise[0], noise[1] = 0, 255
    shown = np.concatenate([images, noise])
    ours = classifier(model.network, temperature=model.card.temperature)(shown)
    require_scores(ours, n=len(shown), label_names=model.card.label_names)
    theirs = engine.load(content, name=str(out)).classify(shown)
    answers = slice(len(images))  # of noise only the scores count: two may be as good as equal
    n_changed = int(np.count_nonzero(ours[answers].argmax(axis=1) != theirs[answers].argmax(axis=1)))
    difference = float(abs(ours - theirs).max())
    if n_changed or not difference <= MOST_DIFFERENCE:
        raise UserError(
            f"the exported graph changes {n_changed:,} of {len(images):,} answers, and scores by up to"
            f" {difference:.1g}: {out} is not written"
        )
    return Exported(
        file=str(out),
        n_bytes=len(content),
        n_images=len(images),
        n_changed=n_changed,
        largest_difference=difference,
    )
