"""A network as a `Classifier`: NumPy images in, NumPy probabilities out."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from inkdigits.learn.networks.registry import Network
from inkdigits.types import Classifier, Images, Scores

BATCH = 128
"""Images scored at a time: enough to fill the processor, little enough for its caches (1,000 take 1.7 times
as long)."""


def classifier(network: Network, *, temperature: float = 1.0) -> Classifier:
    """The network's probabilities, softmax of its logits over `temperature`; any number of images."""

    def classify(images: Images) -> Scores:
        device = network.scaling.mean.device
        network.eval()
        with torch.inference_mode():
            batches = torch.split(tensor(images), BATCH)
            logits = [network(batch.to(device)) for batch in batches]
            scores = F.softmax(torch.cat(logits) / temperature, dim=1)
        found: Scores = scores.cpu().numpy()
        return found

    return classify


def tensor(array: NDArray[np.generic]) -> Tensor:
    """The array as a tensor, copied only where PyTorch can't share it: read-only, or not in order."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
