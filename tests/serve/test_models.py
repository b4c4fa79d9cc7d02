"""The models that can serve: promoted, rolled back, refused."""

import json
from pathlib import Path

import pytest

from inkdigits import weights
from inkdigits.errors import UserError
from inkdigits.serve.models import Library, NotThereError, Serving


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


def add(library: Library, name: str, *, content: bytes | None = None) -> None:
    library.add(
        name,
        weights.content("reader") if content is None else content,
        going_on=b"weights",
        about={"figures": {"old_accuracy": 0.99}, "verdict": {"promote": True, "reason": "it gained"}},
    )


def test_the_reader_serves_where_nothing_was_chosen(library: Library) -> None:
    assert library.serving() == Serving(name="reader")
    assert [each.name for each in library.known() if each.serving] == ["reader"]


def test_a_promoted_model_serves_and_can_be_rolled_back(library: Library) -> None:
    add(library, "mine-1")
    assert library.promote("mine-1") == Serving(name="mine-1", sequence=1, before=("reader",))
    assert library.promote("house") == Serving(name="house", sequence=2, before=("reader", "mine-1"))
    assert library.roll_back() == Serving(name="mine-1", sequence=3, before=("reader",))
    assert library.roll_back() == Serving(name="reader", sequence=4)
    with pytest.raises(UserError, match="no model served before reader"):
        library.roll_back()


def test_promoting_the_one_that_serves_changes_nothing(library: Library) -> None:
    assert library.promote("reader") == library.serving() == Serving(name="reader")


def test_what_a_choice_was_is_put_back_unless_another_was_made(library: Library) -> None:
    before = library.serving()
    failed = library.promote("house")
    library.put_back(failed, before)
    assert library.serving() == Serving(name="reader", sequence=2)
    later = library.promote("house")
    library.put_back(failed, before)
    assert library.serving() == later


def test_all_is_known_of_a_model_that_was_made_here(library: Library) -> None:
    add(library, "mine-1")
    found = {each.name: each for each in library.known()}["mine-1"]
    assert found.labels == (*"0123456789", "none")
    assert found.figures == {"old_accuracy": 0.99}
    assert found.verdict == {"promote": True, "reason": "it gained"}
    assert found.made is not None
    start = library.start("mine-1")
    assert start is not None
    assert start.read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["../reader", "", "A", ".hidden", "x" * 65, "a/b", "a\n"])
def test_a_name_that_could_be_a_path_is_no_model(library: Library, name: str) -> None:
    for act in (library.promote, library.load, lambda name: add(library, name)):
        with pytest.raises(NotThereError, match="letters a to z"):
            act(name)


def test_a_model_that_is_not_there_is_named_with_those_that_are(library: Library) -> None:
    with pytest.raises(NotThereError, match="'mine'; one of: reader, house"):
        library.promote("mine")


@pytest.mark.parametrize("content", [b"torn", weights.content("number")], ids=["torn", "reads lines"])
def test_what_cannot_tell_digits_is_not_added(library: Library, content: bytes) -> None:
    with pytest.raises(UserError, match=r"torn|reads lines"):
        add(library, "mine-1", content=content)
    assert library.names() == ("reader", "house")


def test_a_model_is_never_overwritten(library: Library) -> None:
    add(library, "mine-1")
    with pytest.raises(UserError, match="there is a model mine-1 already"):
        add(library, "mine-1")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "../x", "sequence": 1, "before": []}'])
def test_a_torn_choice_is_told_and_another_can_be_made(library: Library, content: str) -> None:
    library.folder.mkdir()
    (library.folder / "serving.json").write_text(content)
    with pytest.raises(UserError):
        library.serving()
    assert library.promote("house").name == "house"
    assert json.loads((library.folder / "serving.json").read_text())["name"] == "house"
