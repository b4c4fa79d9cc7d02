"""A form's spec: the page, what it is registered on, and its fields, read from JSON with each fault named."""

import difflib
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as of
from pathlib import Path
from typing import Any, Literal, cast, get_args

from inkdigits.errors import UserError
from inkdigits.read import checks

Kind = Literal["number", "boxes", "choice"]
"""A number written in one piece, digits in boxes of their own, or options of which one is marked."""

KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_BYTES = 4 << 20
"""The largest spec that is read."""

MOST_PARTS = 256
"""Fields of a form, and boxes, options or digits of a field, at most."""

UNITS = ("mm", "cm", "in", "pt", "px")
SHAPES = ("square", "disc")
N_MARKS = 4

_SLACK, _LARGEST, _FINEST = 1e-6, 1e6, 500


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle of the page in the page's unit: its left upper corner, x to the right, y downwards."""

    x: float
    y: float
    width: float
    height: float

    def widened(self, more: float) -> "Area":
        """The same, so much more on every side."""
        return Area(
            x=self.x - more, y=self.y - more, width=self.width + 2 * more, height=self.height + 2 * more
        )


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A filled black mark near a corner of the page: its middle and its side or diameter, in page units."""

    x: float
    y: float
    size: float
    shape: str = "square"


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """One field: `boxes` holds the one box of a number, or a box for each digit or option, in reading order.

    `labels` names the options of a choice. `length` is how many digits there are, None where a number may
    have any number of them; a field of boxes has as many as it has boxes, at most. `checks` are those of
    `read.checks`, as they stand in the file.
    """

    name: str
    kind: Kind
    boxes: tuple[Area, ...]
    labels: tuple[str, ...] = ()
    length: int | None = None
    checks: Mapping[str, Any] = of(default_factory=dict)

    @property
    def area(self) -> Area:
        """The smallest rectangle around all its boxes."""
        left, top = min(box.x for box in self.boxes), min(box.y for box in self.boxes)
        right = max(box.x + box.width for box in self.boxes)
        bottom = max(box.y + box.height for box in self.boxes)
        return Area(x=left, y=top, width=right - left, height=bottom - top)


@dataclass(frozen=True, kw_only=True)
class FormSpec:
    """A form: the size of its page, what tells where the page lies in a picture, and its fields.

    `template` is the picture of the blank page, from edge to edge and nothing else; the page may also, or
    instead, have four corner `marks`.
    """

    name: str
    width: float
    height: float
    unit: str
    fields: tuple[FieldSpec, ...]
    template: Path | None = None
    marks: tuple[Mark, ...] = ()


def all_checks(spec: FieldSpec) -> Mapping[str, Any]:
    """The field's checks; the length of a number is one of them."""
    length = {} if spec.kind != "number" or spec.length is None else {"length": spec.length}
    return length | dict(spec.checks)


def load(path: Path) -> FormSpec:
    """The spec in a JSON file; the path of its template is taken from the file's folder.

    Raises UserError, which names file, field and value, for what is wrong in it.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} is larger than {MOST_BYTES >> 20} MiB; a form's spec is smaller")
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8; a form's spec is JSON") from error
    return parse(content, name=str(path), folder=path.parent)


def parse(content: str, *, name: str, folder: Path) -> FormSpec:
    """The spec that a JSON text describes; faults are named as those of the file `name`."""
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{name} is no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is no JSON that can be read ({error})") from error
    return _form(value, at=name, folder=folder)


def text(spec: FormSpec) -> str:
    """The spec as JSON, which `parse` reads back."""
    about: dict[str, Any] = {key: getattr(spec, key) for key in ("name", "width", "height", "unit")}
    if spec.template is not None:
        about["template"] = spec.template.as_posix()
    if spec.marks:
        about["marks"] = [asdict(mark) for mark in spec.marks]
    about["fields"] = [_described(each) for each in spec.fields]
    return json.dumps(about, indent=2, ensure_ascii=False) + "\n"


def _described(each: FieldSpec) -> dict[str, Any]:
    about: dict[str, Any] = {"name": each.name, "kind": each.kind}
    boxes = [asdict(box) for box in each.boxes]
    if each.kind == "choice":
        about["options"] = [
            {"label": label, "box": box} for label, box in zip(each.labels, boxes, strict=True)
        ]
    elif each.kind == "boxes":
        about["boxes"] = boxes
    else:
        about["box"] = boxes[0]
    if each.length is not None and each.kind == "number":
        about["length"] = each.length
    return about | ({"checks": dict(each.checks)} if each.checks else {})


def _form(value: Any, *, at: str, folder: Path) -> FormSpec:
    about = _object(
        value, at, needed=("name", "width", "height", "unit", "fields"), known=("template", "marks")
    )
    size = {side: _number(about[side], f"{at}: {side}", above=0) for side in ("width", "height")}
    page = Area(x=0, y=0, width=size["width"], height=size["height"])
    template = None if about.get("template") is None else _words(about["template"], f"{at}: template")
    spec = FormSpec(
        name=_words(about["name"], f"{at}: name"),
        width=page.width,
        height=page.height,
        unit=_one_of(about["unit"], f"{at}: unit", UNITS),
        fields=tuple(
            _field(each, at=at, order=order, page=page)
            for order, each in enumerate(_list(about["fields"], f"{at}: fields"), 1)
        ),
        template=None if template is None else folder / template,
        marks=_marks(about.get("marks"), at=at, page=page),
    )
    _refuse_twins((each.name for each in spec.fields), f"{at}: fields")
    if template is None and not spec.marks:
        raise UserError(f"{at} has neither marks nor a template; one of them must tell where the page lies")
    return spec


def _marks(value: Any, *, at: str, page: Area) -> tuple[Mark, ...]:
    if value is None:
        return ()
    marks = tuple(
        _mark(each, at=f"{at}: mark {order}", page=page)
        for order, each in enumerate(_list(value, f"{at}: marks"), 1)
    )
    if len(marks) != N_MARKS:
        raise UserError(f"{at}: marks has {len(marks)} entries; a page has {N_MARKS}, one near each corner")
    if len({(mark.x > page.width / 2, mark.y > page.height / 2) for mark in marks}) != N_MARKS:
        raise UserError(f"{at}: marks don't lie near one corner of the page each")
    return marks


def _mark(value: Any, *, at: str, page: Area) -> Mark:
    about = _object(value, at, needed=("x", "y", "size"), known=("shape",))
    size = _number(about["size"], f"{at}: size", above=0)
    x, y = (_number(about[key], f"{at}: {key}") for key in ("x", "y"))
    _refuse_outside(Area(x=x - size / 2, y=y - size / 2, width=size, height=size), at, page)
    return Mark(x=x, y=y, size=size, shape=_one_of(about.get("shape", SHAPES[0]), f"{at}: shape", SHAPES))


def _field(value: Any, *, at: str, order: int, page: Area) -> FieldSpec:
    named = isinstance(value, dict) and isinstance(value.get("name"), str)
    here = f"{at}: field '{value['name']}'" if named else f"{at}: field {order}"
    about = _object(value, here, needed=("name", "kind"), known=("checks", *itertools.chain(*_KEYS.values())))
    kind = cast(Kind, _one_of(about["kind"], f"{here}: kind", KINDS))
    _object(value, here, needed=("name", "kind"), known=("checks", *_KEYS[kind]))
    field = FieldSpec(
        name=_words(about["name"], f"{here}: name"),
        kind=kind,
        checks=_checks(about, here),
        **_PARTS[kind](about, here, page),
    )
    try:
        known = checks.parse(all_checks(field))
    except UserError as error:
        raise UserError(f"{here}: checks: {error}") from error
    if kind == "boxes" and known.fewest > len(field.boxes):
        raise UserError(
            f"{here}: its checks ask for {known.fewest} digits, but it has {len(field.boxes)} boxes"
        )
    return field


def _number_parts(about: Mapping[str, Any], at: str, page: Area) -> dict[str, Any]:
    _object(about, at, needed=("box",), known=tuple(about))
    length = None if about.get("length") is None else _count(about["length"], f"{at}: length")
    return {"boxes": (_area(about["box"], f"{at}: box", page),), "length": length}


def _boxes_parts(about: Mapping[str, Any], at: str, page: Area) -> dict[str, Any]:
    if ("box" in about) == ("boxes" in about):
        raise UserError(f"{at} needs either one box with a length, or a list of boxes")
    if "box" in about:
        if "length" not in about:
            raise UserError(f"{at} has no length: how many boxes its box is divided into")
        length = _count(about["length"], f"{at}: length")
        whole = _area(about["box"], f"{at}: box", page)
        return {"boxes": tuple(_divided(whole, length)), "length": length}
    boxes = tuple(
        _area(each, f"{at}: box {order}", page)
        for order, each in enumerate(_list(about["boxes"], f"{at}: boxes"), 1)
    )
    length = _count(about.get("length", len(boxes)), f"{at}: length")
    if length != len(boxes):
        raise UserError(f"{at}: length is {length}, but it has {len(boxes)} boxes")
    _refuse_overlap(boxes, [f"box {order}" for order in range(1, len(boxes) + 1)], at)
    return {"boxes": boxes, "length": length}


def _divided(whole: Area, n: int) -> list[Area]:
    width = whole.width / n
    return [Area(x=whole.x + at * width, y=whole.y, width=width, height=whole.height) for at in range(n)]


def _choice_parts(about: Mapping[str, Any], at: str, page: Area) -> dict[str, Any]:
    _object(about, at, needed=("options",), known=tuple(about))
    labels, boxes = [], []
    for order, value in enumerate(_list(about["options"], f"{at}: options"), 1):
        option = _object(value, f"{at}: option {order}", needed=("label", "box"))
        labels.append(_words(option["label"], f"{at}: option {order}: label"))
        boxes.append(_area(option["box"], f"{at}: option '{labels[-1]}': box", page))
    _refuse_twins(labels, f"{at}: options")
    _refuse_overlap(boxes, [f"option '{label}'" for label in labels], at)
    return {"boxes": tuple(boxes), "labels": tuple(labels)}


_KEYS: dict[Kind, tuple[str, ...]] = {
    "number": ("box", "length"),
    "boxes": ("box", "boxes", "length"),
    "choice": ("options",),
}

_PARTS: dict[Kind, Callable[[Mapping[str, Any], str, Area], dict[str, Any]]] = {
    "number": _number_parts,
    "boxes": _boxes_parts,
    "choice": _choice_parts,
}


def _checks(about: Mapping[str, Any], at: str) -> Mapping[str, Any]:
    """The checks as they stand in the file, once they are known to be some."""
    values = about.get("checks", {})
    if not isinstance(values, dict):
        raise UserError(f"{at}: checks is {_shown(values)}; it should be an object")
    if values and about["kind"] == "choice":
        raise UserError(f"{at}: checks are for digits; a choice has none")
    if about["kind"] == "number" and "length" in about and "length" in values:
        raise UserError(f"{at} has a length, and another one in its checks; one of them is enough")
    return values


def _area(value: Any, at: str, page: Area) -> Area:
    about = _object(value, at, needed=("x", "y", "width", "height"))
    x, y = (_number(about[key], f"{at}: {key}") for key in ("x", "y"))
    width, height = (_number(about[key], f"{at}: {key}", above=0) for key in ("width", "height"))
    area = Area(x=x, y=y, width=width, height=height)
    _refuse_outside(area, at, page)
    if min(width, height) < max(page.width, page.height) / _FINEST:
        raise UserError(f"{at} is {width:g} × {height:g}, which is too small to write in")
    return area


def _object(
    value: Any, at: str, *, needed: tuple[str, ...], known: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """The value, if it is an object that has the keys needed, and of others only those known."""
    if not isinstance(value, dict):
        raise UserError(f"{at} is {_shown(value)}; it should be an object with {', '.join(needed)}")
    for key in value:
        if key not in (*needed, *known):
            (near,) = difflib.get_close_matches(key, (*needed, *known), n=1, cutoff=0)
            raise UserError(f"{at} has the unknown key '{key}'; the nearest right one is '{near}'")
    missing = [key for key in needed if key not in value]
    if missing:
        raise UserError(f"{at} lacks the key '{missing[0]}'")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise UserError(f"{at} is {_shown(value)}; it should be a list")
    if not 1 <= len(value) <= MOST_PARTS:
        raise UserError(f"{at} has {len(value)} entries; it should have 1 to {MOST_PARTS}")
    return value


def _words(value: Any, at: str) -> str:
    if not (isinstance(value, str) and value.strip() and "\0" not in value):
        raise UserError(f"{at} is {_shown(value)}; it should be a text")
    return value


def _number(value: Any, at: str, *, above: float = -math.inf) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and abs(value) <= _LARGEST and value > above):
        wanted = "a number" if above == -math.inf else f"a number above {above:g}"
        raise UserError(f"{at} is {_shown(value)}; it should be {wanted}")
    return float(value)


def _count(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_PARTS:
        raise UserError(f"{at} is {_shown(value)}; it should be a whole number from 1 to {MOST_PARTS}")
    return value


def _one_of(value: Any, at: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UserError(f"{at} is {_shown(value)}; one of: {', '.join(allowed)}")
    return cast(str, value)


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _refuse_outside(area: Area, at: str, page: Area) -> None:
    right, bottom = area.x + area.width, area.y + area.height
    beyond = max(-area.x, -area.y, right - page.width, bottom - page.height)
    if beyond > _SLACK * max(page.width, page.height):
        raise UserError(
            f"{at} reaches from ({area.x:g}, {area.y:g}) to ({right:g}, {bottom:g}), "
            f"outside the page of {page.width:g} × {page.height:g}"
        )


def _refuse_twins(names: Iterable[str], at: str) -> None:
    known: set[str] = set()
    for name in names:
        if name in known:
            raise UserError(f"{at} holds two of the name '{name}'")
        known.add(name)


def _refuse_overlap(boxes: Iterable[Area], names: Iterable[str], at: str) -> None:
    for (one, first), (other, second) in itertools.combinations(zip(boxes, names, strict=True), 2):
        across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        if min(across, down) > _SLACK * max(one.width, one.height):
            raise UserError(f"{at}: {first} and {second} overlap")
