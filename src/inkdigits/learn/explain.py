"""Where a network looked, by its gradients: integrated gradients and Grad-CAM, as Captum computes them.

Both are of the logit, which the temperature only scales: probabilities near 1 have no slope left.
"""

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from numpy.typing import NDArray
from torch import Tensor

from inkdigits.errors import UserError
from inkdigits.learn.classifier import BATCH, tensor
from inkdigits.learn.networks import maps
from inkdigits.learn.networks.registry import Network
from inkdigits.types import SIDE, Images, Labels

LEAST_STEPS, MOST_STEPS = 64, 1024
"""Steps from black paper to the image."""

MOST_ERROR = 0.01
"""How far the amounts of an image may be from summing up, as a share of what they should sum up to, or of 1
where that is less."""

_AT_ONCE = 8


def integrated_gradients(
    network: Network,
    images: Images,
    labels: Labels,
    *,
    least_steps: int = LEAST_STEPS,
    most_steps: int = MOST_STEPS,
) -> NDArray[np.float32]:
    """What each pixel adds to the label's logit on the way from black paper to the image.

    float32, (n, 28, 28): the gradient along that straight way, averaged, times the pixel. The amounts of an
    image sum up to its logit less that of black paper. The steps are doubled for images where that is out by
    more than `MOST_ERROR`, up to `most_steps`: what is out still is given as it is. Sundararajan
    et al., "Axiomatic Attribution for Deep Networks", 2017.
    """
    network.eval()
    found = np.zeros((len(images), SIDE, SIDE), np.float32)
    rows, n_steps = np.arange(len(images)), least_steps
    while len(rows):
        out = np.zeros(len(rows), np.bool_)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            found[part], out[start : start + _AT_ONCE] = _integrated(
                network, images[part], labels[part], n_steps
            )
        rows, n_steps = rows[out], 2 * n_steps
        if n_steps > most_steps:
            break
    return found


def grad_cam(network: Network, images: Images, labels: Labels) -> NDArray[np.float32]:
    """Which parts of the last convolutional maps speak for the label, laid over the image.

    float32, (n, 28, 28), never negative: the maps summed up, each times the mean gradient of the label's
    logit by it, and what speaks against left out. Every cell is spread around the middle of what it saw
    (`Maps.spread`). Raises UserError for a network without convolutions. Selvaraju et al., "Grad-CAM: Visual
    Explanations from Deep Networks via Gradient-based Localization", 2017.
    """
    network.eval()
    last = maps.last(network)
    if last is None:
        raise UserError(
            "the network has no convolutions, which Grad-CAM shows: take integrated-gradients or occlusion"
        )
    cam, spread = LayerGradCam(network, last.layer), last.spread()
    found = [np.zeros((0, SIDE, SIDE), np.float32)]
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        shown, of = _on_device(network, images[part], labels[part])
        coarse = cam.attribute(shown, target=of, relu_attributions=True)
        found.append(spread @ coarse[:, 0].detach().cpu().numpy() @ spread.T)
    return np.concatenate(found)


def _integrated(
    network: Network, images: Images, labels: Labels, n_steps: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The amounts of a few images, and of which images they don't sum up well enough."""
    shown, of = _on_device(network, images, labels)
    black = torch.zeros_like(shown)
    amounts, gap = IntegratedGradients(network).attribute(
        shown,
        baselines=black,
        target=of,
        n_steps=n_steps,
        method="riemann_middle",
        internal_batch_size=BATCH,
        return_convergence_delta=True,
    )
    risen = amounts.sum((1, 2)) - gap
    out = gap.abs() > MOST_ERROR * risen.abs().clamp(min=1)
    return amounts.detach().cpu().numpy().astype(np.float32), out.cpu().numpy()


def _on_device(network: Network, images: Images, labels: Labels) -> tuple[Tensor, Tensor]:
    """Pixels as float32, 0 to 255, which have gradients, and the labels, where the network is."""
    device = network.scaling.mean.device
    return tensor(images).to(device, torch.float32).requires_grad_(), tensor(labels).to(device)
