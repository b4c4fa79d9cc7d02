"""What commands print: results for machines, and commands to paste."""

import json
import shlex
from collections.abc import Sequence
from typing import Any


def print_json(value: Any) -> None:
    """Prints plain values as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def command(arguments: Sequence[str]) -> str:
    """A call of inkdigits that can be pasted into a shell."""
    return shlex.join(["inkdigits", *arguments])
