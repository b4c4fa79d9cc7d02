"""Results for machines: JSON on standard output."""

import json
from typing import Any


def print_json(value: Any) -> None:
    """Prints plain values as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
