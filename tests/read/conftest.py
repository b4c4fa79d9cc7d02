"""The models that ship, loaded once."""

import pytest

from inkdigits import weights
from inkdigits.read import engine
from inkdigits.read.engine import Engine


@pytest.fixture(scope="session")
def reader() -> Engine:
    return engine.load(weights.content("reader"), threads=1)


@pytest.fixture(scope="session")
def number() -> Engine:
    return engine.load(weights.content("number"), threads=1)
