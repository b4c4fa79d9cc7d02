"""What the tests of data share: a cache for one test, small digit images, and files in people's forms."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inkdigits import data, image
from inkdigits.errors import UserError
from inkdigits.types import Dataset, Images

Folders = Callable[..., Path]


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nothing in it, and no folder of data named."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("INKDIGITS_CACHE", str(folder))
    monkeypatch.delenv("INKDIGITS_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def drawn() -> Images:
    """Thirty digit images, three of each digit at three slants: row 3d + k shows the digit d."""
    return np.stack([_digit(digit, slant) for digit in range(10) for slant in (-20, 0, 20)])


@pytest.fixture
def small_set(drawn: Images) -> Dataset:
    """The thirty as a data set of five writers."""
    labels = np.repeat(np.arange(10), 3)
    names = tuple("0123456789")
    return Dataset(
        name="small", split="all", images=drawn, labels=labels, label_names=names, groups=np.arange(30) % 5
    )


@pytest.fixture
def label_folders(drawn: Images) -> Folders:
    """Makes a folder with one sub-folder of PNG files for each label."""

    def make(folder: Path, *, labels: str = "0123456789", offset: int = 0) -> Path:
        for label in labels:
            (folder / label).mkdir(parents=True)
            picture = drawn[3 * "0123456789".index(label) + offset] if label.isdecimal() else drawn[0]
            Image.fromarray(picture).save(folder / label / f"{offset}.png")
        return folder

    return make


@pytest.fixture
def refusal() -> Callable[..., str]:
    """The one sentence with which data at a path is refused."""

    def refused(source: Path, split: str = "all") -> str:
        with pytest.raises(UserError) as caught:
            data.load(str(source), split)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused


def _digit(digit: int, degrees: float) -> Images:
    picture = np.zeros((120, 120), np.uint8)
    cv2.putText(picture, str(digit), (30, 90), cv2.FONT_HERSHEY_SIMPLEX, 2.5, 255, 5)
    turn = cv2.getRotationMatrix2D((60, 60), degrees, 1)
    return image.digit(np.asarray(cv2.warpAffine(picture, turn, picture.shape), np.uint8))
