"""A model as an ONNX graph: uint8 images in, probabilities out, with the card in its metadata."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.export import Dim

from inkdigits import card, image
from inkdigits.card import Card
from inkdigits.learn import checkpoint
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.networks.lines import Recurrent
from inkdigits.types import SIDE

OPSET = 20
"""The version of ONNX's operators: what ONNX Runtime 1.17 and later read."""

INPUT, OUTPUT = "images", "scores"


class _Scored(nn.Module):
    """Images to probabilities: the network and the softmax of its logits over the temperature."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = copy.deepcopy(model.network).cpu()
        for name, layer in list(self.network.named_modules()):
            if isinstance(layer, Recurrent):
                self.network.set_submodule(name, _Recurrent(layer))
        self.temperature = model.card.temperature

    def forward(self, images: Tensor) -> Tensor:
        return F.softmax(self.network(images) / self.temperature, dim=-1)


class _Recurrent(nn.Module):
    """A recurrent layer as ONNX's own operator GRU, which PyTorch's exporter takes apart, and wrongly.

    ONNX keeps the weights of a unit's gates in the order update, reset, new; PyTorch has reset first.
    """

    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self.n_units = layer.units.hidden_size
        input_weights, weights, input_biases, biases = (
            torch.stack([_update_first(getattr(layer.units, f"{kind}_l0{way}")) for way in ("", "_reverse")])
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        self.input_weights = nn.Parameter(input_weights)
        self.weights = nn.Parameter(weights)
        self.biases = nn.Parameter(torch.cat([input_biases, biases], dim=1))

    def forward(self, maps: Tensor) -> Tensor:
        columns = maps.squeeze(2).permute(2, 0, 1)
        n_columns, n, _ = columns.shape
        found: Tensor = torch.onnx.ops.symbolic(
            "GRU",
            (columns, self.input_weights, self.weights, self.biases),
            {"hidden_size": self.n_units, "direction": "bidirectional", "linear_before_reset": 1},
            dtype=torch.float32,
            shape=(n_columns, 2, n, self.n_units),
        )
        return found.permute(2, 1, 3, 0).reshape(n, 2 * self.n_units, 1, n_columns)


def _update_first(weights: Tensor) -> Tensor:
    reset, update, new = weights.detach().chunk(3)
    return torch.cat([update, reset, new])


def graph(model: Model) -> bytes:
    """The ONNX file of a model: `images` uint8 (n, 28, 28) in, `scores` float32 (n, classes) out.

    Of a reader of lines, `images` (n, 32, w) as `image.side_by_side` gives them in, and `scores` of every
    frame, (n, frames, classes + 1), out.

    Nothing here says that it agrees with the model: whoever writes the file runs it first.
    """
    reads_lines = model.card.reads_lines
    shape = (2, image.STRIP_HEIGHT, 16 * SIDE) if reads_lines else (2, SIDE, SIDE)
    sizes = {0: Dim("n"), 2: 4 * Dim("quarter")} if reads_lines else {0: Dim("n")}
    example = torch.zeros(shape, dtype=torch.uint8)
    with _quiet():
        program = torch.onnx.export(
            _Scored(model).eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(sizes,),
            verbose=False,
        )
    assert program is not None
    made: onnx.ModelProto = program.model_proto
    _forget_sources(made.graph)
    return described(made.SerializeToString(deterministic=True), checkpoint.complete(model))


def described(content: bytes, about: Card) -> bytes:
    """The same ONNX file with that card in its metadata, and nothing else there."""
    made = onnx.load_model_from_string(content)
    made.ClearField("metadata_props")
    made.metadata_props.add(key=card.KEY, value=card.text(card.about(about)))
    found: bytes = made.SerializeToString(deterministic=True)
    return found


def _forget_sources(graph: onnx.GraphProto) -> None:
    """Takes out what the exporter noted of where each operator came from: names of this machine's files."""
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about itself, and about torchvision, which nothing here needs."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        log.setLevel(level)
