"""Real handwriting that comes with scikit-learn, so that no test of this room has to be skipped."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from tests.learn.orders import saved

from inkdigits import image
from inkdigits.learn import options, run
from inkdigits.learn.options import TrainOptions
from inkdigits.types import Dataset

N_DIGITS = 600
LETTERS = {2: "a", 4: "b", 7: "c"}
"""Digits that, upside down, stand for a sign of one's own."""


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


@pytest.fixture(scope="session")
def before(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> run.Result:
    """A model of ten digits, and where its data lies."""
    folder = tmp_path_factory.mktemp("before")
    source = saved(folder / "digits.npz", digits.images, digits.labels, n_test=100)
    asked = {"model": "fast", "width": 0.25, "epochs": 4.0, "batch": 50, "validation": 0.0, "shift": 1.0}
    trained = options.change(TrainOptions(), asked | {"precision": "fp32", "device": "cpu"})
    return run.run(source, trained, folder / "run")


@pytest.fixture(scope="session")
def signs(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three signs that the model has never seen."""
    rows = np.flatnonzero(np.isin(digits.labels, list(LETTERS)))
    labels = np.array([LETTERS[label] for label in digits.labels[rows].tolist()])
    upside_down = np.ascontiguousarray(digits.images[rows, ::-1])
    return saved(tmp_path_factory.mktemp("signs") / "signs.npz", upside_down, labels, n_test=60)
