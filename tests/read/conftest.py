"""The models that ship, loaded once."""

import pytest

from inkdigits import weights
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.read.numbers import Reader


@pytest.fixture(scope="session")
def reader() -> Engine:
    return engine.load(weights.content("reader"), threads=1)


@pytest.fixture(scope="session")
def number(reader: Engine) -> Reader:
    return Reader(lines=engine.load(weights.content("number"), threads=1), digits=reader)
