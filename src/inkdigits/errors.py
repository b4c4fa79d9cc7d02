"""The exceptions and warnings that a user is meant to see."""

import sys
from typing import Any


class UserError(Exception):
    """What a user can put right: one sentence that names the value met and what would have been right."""


class ArgumentError(UserError):
    """The same, where it is an option or argument that was wrong: the command line leaves with status 2."""


class TooLargeError(UserError):
    """The same, where a file has more bytes, pixels or pages than are read."""


class UnwritableError(UserError):
    """The same, where a file can't be written: its disk is full, or its folder isn't ours."""


class UnknownFormatError(UserError):
    """The same, where a file is in no format that is read."""


def show_warning(message: Warning | str, *_where: Any, **_more: Any) -> None:
    """For `warnings.showwarning`: the sentence alone, without the line of code that it came from."""
    sys.stderr.write(f"inkdigits: {message}\n")
