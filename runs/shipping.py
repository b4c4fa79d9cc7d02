"""The files of a model that ships, as small as its answers allow."""

from collections.abc import Callable, Sequence
from pathlib import Path

from inkdigits import files
from inkdigits.learn import checkpoint, export, quantize
from inkdigits.learn.checkpoint import Model
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import Images

WEIGHTS = Path(__file__).parents[1] / "src" / "inkdigits" / "weights"
"""Where the package keeps what ships."""

MOST_COST = 0.0005
"""The accuracy that a smaller file may cost."""


def exported(
    model: Model, shown: Sequence[Images], accuracy: Callable[[Engine], float]
) -> tuple[bytes, dict[str, float]]:
    """The ONNX file that ships, and the accuracy of all there could be, by `accuracy` on what was held out.

    In whole numbers of eight bits, with scales found on the batches `shown`, where that costs `MOST_COST` at
    most; else with weights kept in half precision, where that does; else in float32.
    """
    plain = export.graph(model)
    kinds = {"int8": quantize.int8(plain, shown), "half": quantize.half(plain), "float32": plain}
    found = {kind: accuracy(engine.load(content, threads=1)) for kind, content in kinds.items()}
    chosen = next(kind for kind in kinds if found[kind] >= found["float32"] - MOST_COST)
    return kinds[chosen], {f"accuracy_{kind}": value for kind, value in found.items()}


def write(model: Model, content: bytes, out: Path) -> None:
    """Both files of a shipped model: `out`, the ONNX one, and beside it the safetensors to train on from."""
    print(model.card.provenance["validation"])
    checkpoint.save(out.with_suffix(".safetensors"), model, in_half=True)
    files.write(out, export.described(content, checkpoint.complete(model)))
