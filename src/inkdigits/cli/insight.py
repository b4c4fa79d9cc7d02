"""The command that looks into a model. `cli` has those of the other rooms."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from inkdigits.cli.flags import Whole


def explain(
    model: Path,
    images: Annotated[list[str], Parameter(negative="")],
    /,
    *,
    out: Path,
    method: Literal["occlusion", "integrated-gradients", "grad-cam", "all"] = "all",
    label: str | None = None,
    data: str | None = None,
    neighbours: Whole | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")] = False,
) -> int:
    """Draw where a model looked when it read a digit, and which training images it finds most alike.

    Occlusion covers one place after another and works with every model. The other methods need a network,
    which exported models (.onnx) no longer are; house and reader are explained by the network that they were
    exported from, but with --method occlusion as they read, without PyTorch.

    Parameters
    ----------
    model
        A model file, a run directory, or a model that ships: house, reader.
    images
        Pictures of one digit each (PNG, JPEG, WebP, BMP, TIFF), or rows of a set, as mnist:8, counted from 0:
        of its test split where it has one.
    out
        The PNG file to write.
    method
        How to find out where it looked; by default every way that the model allows.
    label
        Show what speaks for this label, instead of the answer.
    data
        The set whose training images are compared with, 10,000 of them at most; by default the one that the
        model learnt from, or of house and reader the sample beside them.
    neighbours
        How many of the nearest training images to show; by default 5 where there is a network and its data is
        at hand.

    """
    from inkdigits.cli import explaining  # noqa: PLC0415

    order = explaining.Order(
        model=model, images=tuple(images), method=method, label=label, data=data, neighbours=neighbours
    )
    return explaining.explain(order, out, as_json=as_json)
