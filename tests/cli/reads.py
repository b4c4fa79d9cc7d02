"""`inkdigits read` as a process, for its tests."""

import subprocess
import sys
from pathlib import Path


def run(*arguments: str, kind: str = "digit") -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("inkdigits")
    return subprocess.run(
        [program, "read", "--as", kind, *arguments], capture_output=True, text=True, check=False
    )


def texts(documents: list[dict[str, object]]) -> list[list[str]]:
    return [
        [line["text"] for page in document["pages"] for line in page["lines"]]  # type: ignore[attr-defined]
        for document in documents
    ]
