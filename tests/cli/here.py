"""A command run in this process."""

from collections.abc import Sequence

import pytest

from inkdigits import cli


def run(arguments: Sequence[object]) -> int:
    """The exit status of `inkdigits` with these arguments."""
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    return int(left.value.code or 0)
