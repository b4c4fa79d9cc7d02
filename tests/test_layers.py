"""The ladder of `docs/architecture.md`, held: what may import what."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "inkdigits"

LADDER = (
    ("types", "stats", "errors", "files", "lock", "card", "weights"),
    ("image",),
    ("data",),
    ("read", "evaluate", "learn"),
    ("serve",),
    ("scale",),
    ("cli",),
    ("__main__",),
)
"""The rooms, from the bottom rung to the top one."""

RUNG = {room: rung for rung, rooms in enumerate(LADDER) for room in rooms}

SIDEWAYS = {("learn", "evaluate")}
"""Who may import whom on the same rung; at the bottom everyone may."""

READING = (
    "types",
    "stats",
    "errors",
    "files",
    "lock",
    "card",
    "weights",
    "image",
    "data",
    "evaluate",
    "read",
    "serve",
)
"""The half that does without PyTorch."""

MOST_LINES = 400

Graph = dict[str, set[str]]
"""What each module of the package imports, by full names; what lies outside it by its top name."""


def modules(package: Path) -> dict[str, Path]:
    """The package's modules, by full name."""
    return {_name(package, path): path for path in sorted(package.rglob("*.py"))}


def _name(package: Path, path: Path) -> str:
    parts = (package.name, *path.relative_to(package).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph(package: Path) -> Graph:
    """Every import, those inside functions and for types only too."""
    known = modules(package)
    return {name: set(_imports(path, name, known)) for name, path in known.items()}


def _imports(path: Path, name: str, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (_module(alias.name, known) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, name, is_package=path.name == "__init__.py")
            yield from (_module(f"{source}.{alias.name}", known) for alias in node.names)


def _source(node: ast.ImportFrom, name: str, *, is_package: bool) -> str:
    """The full name that `from … import` names, the dots of a relative one resolved."""
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    above = parts[: len(parts) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def _module(imported: str, known: dict[str, Path]) -> str:
    """The module of the package that holds what is imported, or the top name of another package."""
    parts = imported.split(".")
    holders = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((holder for holder in holders if holder in known), parts[0])


def room(module: str) -> str:
    """The room a module of the package lies in; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def climbers(imports: Graph) -> list[str]:
    """The imports that don't point down the ladder, each in words."""
    return [
        f"{name} imports {target}"
        for name, targets in imports.items()
        for target in sorted(targets)
        if target in imports and not _down(name, target)
    ]


def _down(name: str, target: str) -> bool:
    above, below = room(name), room(target)
    if not below:
        return bool(above)
    if above not in RUNG or below not in RUNG:
        return False
    level = above == below or RUNG[above] == 0 or (above, below) in SIDEWAYS
    return RUNG[above] > RUNG[below] or (level and RUNG[above] == RUNG[below])


def cycle(imports: Graph) -> list[str]:
    """Modules that import each other in a ring; empty where there are none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def reach(imports: Graph, target: str) -> list[str]:
    """The modules of the reading half from which a chain of imports leads to the target."""
    return [name for name in imports if room(name) in READING and target in _closure(imports, name)]


def _closure(imports: Graph, name: str) -> set[str]:
    found: set[str] = set()
    ahead = [name]
    while ahead:
        new = imports.get(ahead.pop(), set()) - found
        found |= new
        ahead.extend(new)
    return found


def loaded_by(*names: str) -> set[str]:
    """The modules in `sys.modules` of a fresh interpreter that has imported these."""
    program = "import importlib, sys; [*map(importlib.import_module, sys.argv[1:])]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, *names], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_every_room_has_its_rung() -> None:
    assert {room(name) for name in modules(PACKAGE)} - {""} <= set(RUNG)


def test_imports_point_down_the_ladder() -> None:
    assert climbers(graph(PACKAGE)) == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert cycle(graph(PACKAGE)) == []


def test_no_import_of_the_reading_half_leads_to_torch() -> None:
    assert reach(graph(PACKAGE), "torch") == []


def test_importing_the_reading_half_leaves_torch_out() -> None:
    reading = [name for name in modules(PACKAGE) if room(name) in READING]
    loaded = loaded_by(*reading)
    assert set(reading) <= loaded
    assert "torch" not in loaded


def test_the_command_line_starts_without_anything_heavy() -> None:
    if "inkdigits.cli" not in modules(PACKAGE):
        pytest.skip("there is no inkdigits.cli yet")
    assert {"torch", "numpy", "matplotlib", "cv2", "PIL", "sklearn"} & loaded_by("inkdigits.cli") == set()


def test_no_file_holds_two_ideas() -> None:
    files = [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def planted(folder: Path, **files: str) -> Graph:
    """The graph of a small package; `data__mnist` stands for `data/mnist.py`."""
    package = folder / "inkdigits"
    for name, text in {"__init__": "", "data____init__": "", "learn____init__": "", **files}.items():
        path = package / (name.replace("__", "/", 1) if not name.startswith("__") else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.py").write_text(text)
    return graph(package)


UPWARD = "inkdigits.data.mnist imports inkdigits.learn.train"


@pytest.mark.parametrize(
    "text",
    [
        "import inkdigits.learn.train",
        "from inkdigits.learn import train",
        "from inkdigits.learn.train import loop",
        "from ..learn import train",
        "from ..learn.train import loop",
        "def late():\n    from inkdigits.learn import train",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import inkdigits.learn.train",
    ],
)
def test_an_upward_import_of_any_kind_is_caught(text: str, tmp_path: Path) -> None:
    imports = planted(tmp_path, data__mnist=text, learn__train="")
    assert climbers(imports) == [UPWARD]


@pytest.mark.parametrize(
    ("files", "caught"),
    [
        ({"evaluate": "import inkdigits.read", "read": ""}, "inkdigits.evaluate imports inkdigits.read"),
        ({"evaluate": "import inkdigits.learn"}, "inkdigits.evaluate imports inkdigits.learn"),
        ({"learn__a": "import inkdigits.read", "read": ""}, "inkdigits.learn.a imports inkdigits.read"),
        ({"stats": "import inkdigits.image", "image": ""}, "inkdigits.stats imports inkdigits.image"),
        ({"misc": "", "cli": "import inkdigits.misc"}, "inkdigits.cli imports inkdigits.misc"),
        ({"__init__": "import inkdigits.types", "types": ""}, "inkdigits imports inkdigits.types"),
    ],
)
def test_a_sideways_import_is_caught(files: dict[str, str], caught: str, tmp_path: Path) -> None:
    assert climbers(planted(tmp_path, **files)) == [caught]


def test_what_points_down_is_let_through(tmp_path: Path) -> None:
    imports = planted(
        tmp_path,
        types="import numpy",
        stats="from inkdigits.types import Scores",
        evaluate="from inkdigits import stats, __version__",
        data__mnist="from .files import read\nfrom inkdigits.types import Images",
        data__files="",
        learn__train="import torch\nfrom inkdigits import evaluate\nfrom inkdigits.data import mnist",
        cli="def train():\n    from inkdigits.learn import train",
    )
    assert imports["inkdigits.data.mnist"] == {"inkdigits.data.files", "inkdigits.types"}
    assert imports["inkdigits.learn.train"] == {"torch", "inkdigits.evaluate", "inkdigits.data.mnist"}
    assert (climbers(imports), cycle(imports), reach(imports, "torch")) == ([], [], [])


def test_a_ring_is_caught(tmp_path: Path) -> None:
    ring = {
        "data__a": "from inkdigits.data import b",
        "data__b": "def late():\n    from . import c",
        "data__c": "import inkdigits.data.a",
    }
    assert set(cycle(planted(tmp_path, **ring))) == {f"inkdigits.data.{name}" for name in "abc"}


def test_a_way_to_torch_is_caught(tmp_path: Path) -> None:
    imports = planted(
        tmp_path,
        data__a="def late():\n    from torch.nn import functional",
        evaluate="from inkdigits.data.a import late",
        image="import torchless",
        learn__train="import torch",
        serve="import inkdigits.learn.train",
    )
    assert reach(imports, "torch") == ["inkdigits.data.a", "inkdigits.evaluate", "inkdigits.serve"]
