"""What a batch has read so far, kept beside its results until all is read, so that it can go on."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from inkdigits import files
from inkdigits.errors import UserError

Entry = Mapping[str, Any]
"""A document as plain values."""

FIRST, VERSION = "first_page", "version"
"""Beside a part in the journal: where it begins, and how large its file was and when it was changed."""

NOTED = {"file", "error", "pages", FIRST, VERSION}
"""What every entry of the journal has."""


class Journal:
    """A line of JSON for the order of the batch, and one for each document."""

    def __init__(self, out: Path, order: str) -> None:
        self.path = out.with_name(f"{out.name}.unfinished")
        self._out = out
        self._order = order

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes off the results. Raises UserError where another one writes them now."""
        from inkdigits import lock  # noqa: PLC0415 (it takes a while to import, and few calls need it)

        path = self._out.with_name(f".{self._out.name}.lock")
        with lock.held(
            path, busy=f"another process is writing {self._out}; wait for it, or name another file"
        ):
            yield
        with suppress(OSError):
            path.unlink()

    def entries(self) -> list[Entry]:
        """The documents that were read; a torn last one is read again. Raises UserError for another order."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot go on with {self.path} ({error})") from error
        found = list(_whole(lines))
        if found and found[0] != {"order": self._order}:
            raise UserError(f"{self.path} was begun otherwise: delete it to begin anew")
        return [entry for entry in found[1:] if entry.keys() >= NOTED]

    @contextmanager
    def writing(self, done: Sequence[Entry]) -> Iterator[Callable[[Entry], None]]:
        """What to call with each document as it is read; those that are done already are written first."""
        head = [{"order": self._order}, *done]
        files.write(self.path, "".join(json.dumps(entry) + "\n" for entry in head).encode())
        file = self.path.open("a", encoding="utf-8", buffering=1)

        def note(entry: Entry) -> None:
            try:
                print(json.dumps(entry), file=file)
            except OSError as error:
                raise UserError(
                    f"cannot write {self.path}: {error.strerror}; once it can be, go on with --resume"
                ) from error

        try:
            yield note
        finally:
            with suppress(OSError):  # it says again what `note` has said
                file.close()

    def remove(self) -> None:
        """Once the results are whole."""
        self.path.unlink(missing_ok=True)


def _whole(lines: Sequence[str]) -> Iterator[Entry]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if not isinstance(entry, dict):
            return
        yield entry
