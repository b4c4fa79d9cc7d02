"""What a model has learnt from, as its file says, and what may be done with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from inkdigits import weights
from inkdigits.card import Card
from inkdigits.data import known

_PATHS = {"data", "learnt", "model", "old", "weights"}
"""Where the sets and models that people name stand in a card."""

_AND = " and "


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A set, or a model of others, that a model has learnt from.

    `name` is that of a known set, or the last part of a path: the rest of it is nobody's business; `key` is
    what tells sets of one name apart. `licence` is empty where nobody here knows it. `may_be_given_away` says
    whether weights that learnt from it may be; None where that isn't known. `sha256` is of the images learnt
    from, where they are written down.
    """

    name: str
    key: str
    title: str = ""
    licence: str = ""
    source: str = ""
    may_be_given_away: bool | None = None
    sha256: str | None = None


def origins(card: Card) -> tuple[Origin, ...]:
    """All that the model and those that it was made from have learnt from, the earliest first, each once."""
    found: dict[str, Origin] = {}
    for lesson in reversed(card.lessons):
        for name in (*_before(lesson), *_sets(lesson)):
            origin = _origin(name, lesson)
            found[origin.key] = found.get(origin.key, origin) if origin.sha256 is None else origin
    return tuple(found.values())


def shown(name: str) -> str:
    """A set or model as strangers are told of it: without the folders that it lies in."""
    is_ours = name in (*weights.DRAWN, weights.FONTS)
    return name if is_ours or known.find(name) else PurePath(name).name or name


def key(name: str) -> str:
    """What sets are told apart by: the name of a known set, or the path from the root."""
    is_ours = name in (*weights.DRAWN, weights.FONTS)
    return name if is_ours or known.find(name) else str(Path(name).expanduser().resolve())


def public(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What a model's file says of its making, as strangers are told of it: paths without their folders."""
    return {name: _public(value, is_path=name in _PATHS) for name, value in provenance.items()}


def _public(value: Any, *, is_path: bool) -> Any:
    match value:
        case str() if is_path:
            return _AND.join(shown(name) for name in value.split(_AND))
        case list():
            return [_public(each, is_path=is_path) for each in value]
        case Mapping():
            return public(value)
    return value


def _before(lesson: Mapping[str, Any]) -> Iterator[str]:
    """The model that a lesson began with, where nothing is known of what that had learnt."""
    start = lesson.get("start")
    if isinstance(start, Mapping) and not start.get("provenance") and isinstance(start.get("model"), str):
        yield f"the weights of {shown(start['model'])}"


def _sets(lesson: Mapping[str, Any]) -> Iterator[str]:
    """What a lesson was of, the sets behind the models that ship named one by one."""
    learnt = lesson.get("learnt")
    named = learnt if isinstance(learnt, list) and learnt else [lesson.get("data")]
    for name in named:
        if name in weights.DRAWN or name in weights.NAMES:
            yield from (*weights.LEARNT, weights.FONTS)
        elif isinstance(name, str):
            yield name


def _origin(name: str, lesson: Mapping[str, Any]) -> Origin:
    is_data = shown(name) == shown(str(lesson.get("data")))  # typed as it lay then, `learnt` from the root
    sha256 = str(lesson["sha256"]) if is_data and "sha256" in lesson else None
    entry = known.find(name)
    if name == weights.FONTS:
        return Origin(
            name=name,
            key=key(name),
            licence="each font's own",
            source="Debian's packages",
            may_be_given_away=True,
        )
    if entry is None:
        return Origin(name=shown(name), key=key(name), sha256=sha256)
    return Origin(
        name=name,
        key=key(name),
        title=entry.title,
        licence=entry.licence,
        source=entry.source,
        may_be_given_away=entry.trains_shipped_weights,
        sha256=sha256,
    )
