"""Where workers say which model they serve, so that a swap is known to have reached them all."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

from inkdigits import files

_LOOK_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Note:
    """What one worker says: the choice that it follows, or why it can't."""

    sequence: int
    error: str | None = None


@final
class Board:
    """A folder with one file for every worker, named by its process; who has gone is taken off."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tell(self, pid: int, note: Note) -> None:
        """Puts up what a worker says."""
        files.write(self._folder / f"{pid}.json", json.dumps(vars(note)).encode())

    def take_off(self, pid: int) -> None:
        """Removes a worker that has ended."""
        (self._folder / f"{pid}.json").unlink(missing_ok=True)

    def notes(self) -> tuple[Note, ...]:
        """What all workers say."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                found.append(Note(**json.loads(path.read_text(encoding="utf-8"))))
            except FileNotFoundError:
                continue  # it has just gone
        return tuple(found)

    def followed(self, sequence: int, *, seconds: float) -> tuple[Note, ...]:
        """What all workers say once each has followed a choice or a later one, or failed to.

        Raises TimeoutError where one does neither in that time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            notes = self.notes()
            if all(note.sequence >= sequence for note in notes):
                return notes
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError
