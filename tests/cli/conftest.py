"""What the tests of the commands share."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.cli.here import run

from inkdigits import data
from inkdigits.types import Gray

SMALL = ["--width", "0.25", "--epochs", "4", "--batch", "50", "--precision", "fp32", "--device", "cpu"]


@pytest.fixture(scope="session")
def some_digits(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's own set: 600 digits of MNIST in an npz file, with no test split."""
    mnist = data.load("mnist", "train")
    path = tmp_path_factory.mktemp("own") / "digits.npz"
    np.savez(path, images=mnist.images[:600], labels=mnist.labels[:600])
    return path


@pytest.fixture(scope="session")
def model(some_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on `some_digits`, for tests that only look."""
    out = tmp_path_factory.mktemp("model") / "run"
    assert run(["train", some_digits, *SMALL, "--out", out]) == 0
    return out


def photo_of(digit: Gray) -> Gray:
    """The digit, four times its size, in dark ink on paper."""
    large = cv2.resize(digit, (112, 112), interpolation=cv2.INTER_CUBIC).astype(float) / 255
    return np.clip(np.full((140, 140), 220.0) * (1 - 0.75 * np.pad(large, 14)), 0, 255).astype(np.uint8)


@pytest.fixture
def photos(data_folder: Path, tmp_path: Path) -> Path:
    """A folder of three digits (7, 2, 1), a torn file, and a PDF whose pages show 0 and 4."""
    folder = tmp_path / "photos"
    folder.mkdir()
    drawn = [Image.fromarray(photo_of(picture)) for picture in data.load("mnist", "test").images[:5]]
    for number, picture in enumerate(drawn[:3]):
        picture.save(folder / f"{number}.png")
    (folder / "3-torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    drawn[3].save(folder / "4.pdf", save_all=True, append_images=drawn[4:], resolution=72)
    return folder
