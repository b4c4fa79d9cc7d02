"""An exported model made smaller: weights kept in half precision, or whole numbers of eight bits."""

import logging
import math
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from inkdigits.types import Images

OPERATORS = ["Conv", "Gemm", "MatMul", "MaxPool"]
"""What is computed in whole numbers; all else stays in float32."""

_LEAST_HALVED = 256


def half(content: bytes) -> bytes:
    """The ONNX file with its weights kept in half precision: half the size.

    ONNX Runtime brings them to float32 once, when it loads the file, and computes in float32 as before.
    """
    made = onnx.load_model_from_string(content)
    large = [each for each in made.graph.initializer if each.data_type == onnx.TensorProto.FLOAT]
    large = [each for each in large if math.prod(each.dims) >= _LEAST_HALVED]
    casts = []
    for each in large:
        name = each.name
        kept = numpy_helper.from_array(numpy_helper.to_array(each).astype(np.float16), f"{name}_half")
        each.CopyFrom(kept)
        casts.append(onnx.helper.make_node("Cast", [kept.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(made.graph.node)
    made.graph.ClearField("node")
    made.graph.node.extend([*casts, *nodes])
    found: bytes = made.SerializeToString(deterministic=True)
    return found


def int8(content: bytes, batches: Iterable[Images]) -> bytes:
    """The ONNX file with weights of int8, a scale for each channel, and what flows between them in uint8.

    Weights take seven of their eight bits: without VNNI, x86 sums pairs in 16, which overflow.
    Its scales come from what `batches` of inputs make the model compute, so they should be like those that
    it will be shown. The card stays as it is. Nothing here says what this costs: whoever ships it measures.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, folded, small = (Path(folder) / name for name in ("plain.onnx", "folded.onnx", "small.onnx"))
        plain.write_bytes(content)
        quant_pre_process(plain, folded, skip_symbolic_shape=True)  # norms go into the kernels before them
        quantize_static(
            folded,
            small,
            nodes_to_exclude=_of_one_channel(onnx.load(folded).graph),
            calibration_data_reader=_Shown(onnx.load_model_from_string(content).graph.input[0].name, batches),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=OPERATORS,
        )
        made = onnx.load(small)
    made.ClearField("metadata_props")
    made.metadata_props.extend(onnx.load_model_from_string(content).metadata_props)
    found: bytes = made.SerializeToString(deterministic=True)
    return found


def _of_one_channel(graph: onnx.GraphProto) -> list[str]:
    """The names of kernels on a single plane, that of the pixels: in whole numbers they take longer."""
    shapes = {each.name: each.dims for each in graph.initializer}
    kernels = [node for node in graph.node if node.op_type == "Conv"]
    return [node.name for node in kernels if shapes[node.input[1]][1] == 1]


class _Shown(CalibrationDataReader):  # type: ignore[misc]
    """One batch after the other, as ONNX Runtime asks for them."""

    def __init__(self, name: str, batches: Iterable[Images]) -> None:
        self._name = name
        self._batches = iter(batches)

    def get_next(self) -> dict[str, Images] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without ONNX Runtime's advice to do what is done here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
