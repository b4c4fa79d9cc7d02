"""The frame holds together: pins, READMEs, links, pictures, versions, targets, scripts."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from bench import finetuning_tables, judging_tables, reading_tables, results, serving_tables
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import inkdigits

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
PICTURES = {".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"}
WEIGHTS = {".safetensors", ".onnx"}
PICTURE_LIMIT, WEIGHTS_LIMIT = 300_000, 10_000_000
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
# Spelt in parts, so that this file doesn't hold what it looks for.
PRIVATE = ("/" + "work/", "/" + "root/", "/" + "opt/", "/" + "home/", "/" + "tmp/exp")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(name: str) -> str:
    """A Markdown file without its code blocks, where `#` starts a comment."""
    return FENCE.sub("", read(name))


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """All that git holds or would hold, as paths from the root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [Path(name) for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def pins() -> dict[str, Requirement]:
    lines = [line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, lines)}


def project() -> dict[str, object]:
    return tomllib.loads(read("pyproject.toml"))["project"]  # type: ignore[no-any-return]


def requirements() -> list[Requirement]:
    """What every extra asks for, and the build."""
    document = tomllib.loads(read("pyproject.toml"))
    groups = [
        document["build-system"]["requires"],
        document["project"]["dependencies"],
        *document["project"]["optional-dependencies"].values(),
    ]
    return [Requirement(line) for group in groups for line in group]


def test_every_pin_is_one_exact_public_version() -> None:
    for name, pin in pins().items():
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(pin.specifier)), f"{name}: {pin.specifier}"
        assert pin.marker is None
        assert not pin.url


def test_every_dependency_is_pinned_to_a_version_that_its_range_admits() -> None:
    pinned = pins()
    for requirement in requirements():
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is in pyproject.toml but not in constraints.txt: make constraints"
        version = str(pinned[name].specifier).removeprefix("==")
        assert requirement.specifier.contains(version), f"{requirement} doesn't admit {version}"


@pytest.mark.parametrize("readme", READMES)
def test_both_readmes_name_the_two_commands(readme: str) -> None:
    for command in ("make run", "make test", "TORCH_INDEX=https://download.pytorch.org/whl/cpu"):
        assert command in read(readme)
    for begin, end in (
        ("output:begin", "output:end"),
        ("results:begin", "results:end"),
        ("reading:begin", "reading:end"),
    ):
        assert read(readme).index(f"<!-- {begin} -->") < read(readme).index(f"<!-- {end} -->")


@pytest.mark.parametrize("language", [0, 1])
@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (reading_tables, "≥ 20,000"),
        (finetuning_tables, "≥ 98.5 %"),
        (serving_tables, "≥ 10,000"),
        (judging_tables, "≥ 88 %"),
    ],
)
def test_the_figures_of_the_readmes_are_those_of_the_results(part: Any, shown: str, language: int) -> None:
    measured = [results.read(folder) for folder in results.folders()]
    tables = [part.table(each, language=language) for each in measured]
    assert any(tables)
    for table in filter(None, tables):
        assert table in read(READMES[language])
        assert len(table.splitlines()) > 7
        assert shown in table
        assert "e+" not in table


@pytest.mark.parametrize("pattern", [r"^#{1,6} ", r"^\|(?: *:?-+:? *\|)+$", r"^```", r"^- ", r"^\|"])
def test_both_readmes_have_the_same_headings_tables_code_and_lists(pattern: str) -> None:
    english, chinese = (len(re.findall(pattern, read(readme), re.MULTILINE)) for readme in READMES)
    assert english == chinese


def test_both_readmes_give_the_same_commands() -> None:
    english, chinese = (re.findall(r"^\| `(.+?)` \|", prose(readme), re.MULTILINE) for readme in READMES)
    assert english
    assert english == chinese


def test_contributing_fits_in_eighty_lines() -> None:
    assert len(read("CONTRIBUTING.md").splitlines()) <= 80


def test_every_relative_link_leads_somewhere(files: list[Path]) -> None:
    broken = [
        f"{file}: {target}"
        for file in files
        if file.suffix == ".md"
        for target in LINK.findall(prose(str(file)))
        if not re.match(r"[a-z]+:|#", target)
        if not (ROOT / file.parent / target.split("#")[0]).exists()
    ]
    assert not broken


def test_no_picture_is_heavy_and_the_weights_are_light(files: list[Path]) -> None:
    sizes = {file: (ROOT / file).stat().st_size for file in files}
    assert not {f: size for f, size in sizes.items() if f.suffix in PICTURES and size > PICTURE_LIMIT}
    assert sum(size for file, size in sizes.items() if file.suffix in WEIGHTS) <= WEIGHTS_LIMIT


def test_no_file_names_a_private_path(files: list[Path]) -> None:
    naming = [
        f"{file}: {path}" for file in files for path in PRIVATE if path.encode() in (ROOT / file).read_bytes()
    ]
    assert not naming


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {inkdigits.__version__}\n" in read("CITATION.cff")


def test_the_licence_is_the_whole_apache_text() -> None:
    text = read("LICENSE")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert project()["license"] == "Apache-2.0"


@pytest.mark.skipif(sys.platform == "win32", reason="needs make")
def test_make_help_lists_every_target_and_each_can_be_made() -> None:
    shown = make("help").stdout
    listed = re.findall(r"^make (\w+)", shown, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert phony is not None
    assert sorted(listed) == sorted(phony.group(1).split())
    assert {"run", "test", "check", "bench"} <= set(listed)
    for target in listed:
        assert make("--dry-run", target).returncode == 0, target


@pytest.mark.skipif(sys.platform == "win32", reason="needs make")
def test_make_tells_pip_where_the_processor_only_build_of_torch_is() -> None:
    url = "https://download.pytorch.org/whl/cpu"
    install = make("--dry-run", "--always-make", "run", f"TORCH_INDEX={url}").stdout
    assert f"--extra-index-url {url}" in install
    assert "--extra-index-url" not in make("--dry-run", "--always-make", "run").stdout


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # The variables of a make that runs these tests would reach the one under test.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", *arguments],  # noqa: S607
        cwd=ROOT,
        env=environment | {"TORCH_INDEX": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no executable bit")
def test_every_script_can_be_executed() -> None:
    scripts = [ROOT / ".ci" / "run", *(path for path in (ROOT / "scripts").iterdir() if path.is_file())]
    assert len(scripts) > 4
    for script in scripts:
        assert os.access(script, os.X_OK), script.name
        assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env "), script.name


def test_the_pictures_of_the_rooms_are_what_their_script_draws(tmp_path: Path) -> None:
    specification = importlib.util.spec_from_file_location("draw_rooms", ROOT / "scripts" / "draw_rooms.py")
    assert specification is not None
    assert specification.loader is not None
    draw_rooms = importlib.util.module_from_spec(specification)
    sys.modules["draw_rooms"] = draw_rooms  # dataclasses look their module up
    specification.loader.exec_module(draw_rooms)
    draw_rooms.main(tmp_path)
    for drawn in tmp_path.iterdir():
        assert drawn.read_text(encoding="utf-8") == read(f"docs/{drawn.name}"), "run scripts/draw_rooms.py"
