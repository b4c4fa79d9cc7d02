"""The models that ship, loaded once."""

import pytest

from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.read.numbers import Reader


@pytest.fixture(scope="session")
def reader() -> Engine:
    return engine.shipped("reader", threads=1)


@pytest.fixture(scope="session")
def number(reader: Engine) -> Reader:
    return Reader(lines=engine.shipped("number", threads=1), digits=reader)
