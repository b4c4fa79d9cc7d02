"""What the tests of the commands share."""

from pathlib import Path

import numpy as np
import pytest

from inkdigits import data


@pytest.fixture(scope="session")
def some_digits(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's own set: 600 digits of MNIST in an npz file, with no test split."""
    mnist = data.load("mnist", "train")
    path = tmp_path_factory.mktemp("own") / "digits.npz"
    np.savez(path, images=mnist.images[:600], labels=mnist.labels[:600])
    return path
