"""The models that can serve: files in a folder, which of them serves, and what served before.

The folder holds `NAME.onnx` and, of models that were fine-tuned here, `NAME.safetensors` to go on from and
`NAME.json`, which tells how it was judged. `serving.json` says who serves. It is changed in one move, under a
lock; workers look at it and load what it names.
"""

import functools
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from inkdigits import files, lock, weights
from inkdigits.errors import UserError
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import SIDE

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What a model may be called."""

FIRST = "reader"
"""The model that serves where none was chosen."""

SHIPPED = ("reader", "house")
"""The models in the package that tell single digits."""

MOST_BYTES = 256 << 20
"""The largest model file that is loaded."""

_SERVING = "serving.json"
_MOST_REMEMBERED = 50


class NotThereError(UserError):
    """There is no model of that name."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Which model serves, as the how manieth choice, and the names of those before, the last one last."""

    name: str
    sequence: int = 0
    before: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Known:
    """A model that can serve: when it was made, figures that were measured, and what the gate said."""

    name: str
    serving: bool
    labels: tuple[str, ...]
    made: str | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    verdict: Mapping[str, Any] | None = None


@final
class Library:
    """The models in a folder, and those that ship."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Those that ship first, then the others, by name."""
        own = sorted(path.stem for path in self.folder.glob("*.onnx") if NAME.fullmatch(path.stem))
        return (*SHIPPED, *(name for name in own if name not in SHIPPED))

    def known(self) -> tuple[Known, ...]:
        """All models, with what is known of them."""
        serving = self.serving_or_first().name
        found = []
        for name in self.names():
            about = self._about(name)
            found.append(
                Known(
                    name=name,
                    serving=name == serving,
                    labels=_labels(name) if name in SHIPPED else tuple(about.get("labels", ())),
                    made=about.get("made"),
                    figures=about.get("figures", {}),
                    verdict=about.get("verdict"),
                )
            )
        return tuple(found)

    def serving(self) -> Serving:
        """Which model serves. Raises UserError where the file that says so is torn."""
        try:
            values = json.loads((self.folder / _SERVING).read_text(encoding="utf-8"))
            found = Serving(
                name=values["name"], sequence=int(values["sequence"]), before=tuple(values["before"])
            )
        except FileNotFoundError:
            return Serving(name=FIRST)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{_SERVING} of the models doesn't say which serves; promote one") from error
        _require_name(found.name)
        return found

    def serving_or_first(self) -> Serving:
        """Which model serves; the first where the file that says so is torn: another can be chosen."""
        try:
            return self.serving()
        except UserError:
            return Serving(name=FIRST)

    def load(self, name: str) -> Engine:
        """A model, loaded and tried. Raises NotThereError, and UserError where it can't serve."""
        _require_name(name)
        if name in SHIPPED:
            return engine.shipped(name, threads=1)
        loaded = engine.load(self._content(name), name=name, threads=1)
        _try(loaded, name=name)
        return loaded

    def add(self, name: str, content: bytes, *, going_on: bytes, about: Mapping[str, Any]) -> None:
        """Keeps a model, and the file to go on from. Raises UserError where it can't serve, or is there."""
        _require_name(name)
        if name in self.names():
            raise UserError(f"there is a model {name} already: give it another name")
        loaded = engine.load(content, name=name, threads=1)
        _try(loaded, name=name)
        told = {"made": _now(), **about, "labels": loaded.card.label_names}
        files.write(self.folder / f"{name}.safetensors", going_on)
        files.write(self.folder / f"{name}.json", json.dumps(told).encode())
        files.write(self.folder / f"{name}.onnx", content)  # last: from now on it is there

    def promote(self, name: str) -> Serving:
        """Lets a model serve from now on. Raises UserError where it can't; then the one before goes on."""
        self.load(name)
        with self._held():
            now = self.serving_or_first()
            if name == now.name:
                return now
            return self._write(name, now, before=(*now.before, now.name))

    def roll_back(self) -> Serving:
        """Lets the model serve that did before. Raises UserError where there was none."""
        with self._held():
            now = self.serving_or_first()
            if not now.before:
                raise UserError(f"no model served before {now.name}, so that there is none to go back to")
            self.load(now.before[-1])
            return self._write(now.before[-1], now, before=now.before[:-1])

    def put_back(self, failed: Serving, before: Serving) -> None:
        """Undoes a choice that some worker couldn't follow, unless another was made since."""
        with self._held():
            now = self.serving_or_first()
            if now.sequence == failed.sequence:
                self._write(before.name, now, before=before.before)

    def start(self, name: str) -> Path | None:
        """The file to go on from with a model that was made here."""
        path = self.folder / f"{name}.safetensors"
        return path if path.exists() else None

    def _held(self) -> Any:
        return lock.held(self.folder / ".lock", busy="another process changes which model serves; try again")

    def _write(self, name: str, now: Serving, *, before: tuple[str, ...]) -> Serving:
        chosen = Serving(name=name, sequence=now.sequence + 1, before=before[-_MOST_REMEMBERED:])
        files.write(self.folder / _SERVING, json.dumps(asdict(chosen)).encode())
        return chosen

    def _content(self, name: str) -> bytes:
        path = self.folder / f"{name}.onnx"
        try:
            if path.stat().st_size > MOST_BYTES:
                raise UserError(f"the model {name} has more than {MOST_BYTES >> 20} MiB")
            return path.read_bytes()
        except FileNotFoundError as error:
            raise NotThereError(f"there is no model {name!r}; one of: {', '.join(self.names())}") from error
        except OSError as error:
            raise UserError(f"the model {name} can't be read ({error.strerror})") from error

    def _about(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _require_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise NotThereError("a model's name has letters a to z, digits, and . _ - between: 64 at most")


def _try(loaded: Engine, *, name: str) -> None:
    """Raises UserError for a model that doesn't tell single digits by probabilities."""
    if loaded.card.reads_lines:
        raise UserError(f"the model {name} reads lines: it can't tell single digits")
    shown = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE), np.uint8)
    try:
        scores = loaded.classify(shown)
    except Exception as error:
        raise UserError(f"the model {name} can't be run on digit images") from error
    expected = (len(shown), len(loaded.card.label_names))
    if scores.shape != expected or not np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        raise UserError(f"the model {name} gives no probabilities of its labels")


@functools.cache
def _labels(name: str) -> tuple[str, ...]:
    """The labels of a model that ships."""
    return engine.load(weights.content(name), name=name, threads=1).card.label_names


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
