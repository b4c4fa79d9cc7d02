"""Real handwriting that comes with scikit-learn, so that no test of this room has to be skipped."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from inkdigits import image
from inkdigits.types import Dataset

N_DIGITS = 600


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """The work here is small: more threads would only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """600 digits of the UCI set (8×8 pixels, 0 to 16), enlarged and made digit images."""
    small, labels = load_digits(return_X_y=True)
    large = np.kron(small[:N_DIGITS].reshape(-1, 8, 8) * 255 / 16, np.ones((3, 3))).round().astype(np.uint8)
    return Dataset(
        name="digits",
        split="train",
        images=np.stack([image.digit(each) for each in large]),
        labels=labels[:N_DIGITS].astype(np.int64),
        label_names=tuple("0123456789"),
    )
