"""`inkdigits evaluate --unseen`: what is no digit, in the table, in the JSON and on the page."""

import json
import re
from pathlib import Path

import pytest
from tests.cli.here import run

from inkdigits.card import Card
from inkdigits.cli import judging

MADE = ["blank, or a few specks", "uniform noise", "Gaussian noise", "pixels of digits, shuffled"]


@pytest.fixture
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some_digits: Path) -> None:
    """Neither a cache nor a folder of data sets."""
    monkeypatch.setenv("INKDIGITS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("INKDIGITS_DATA", raising=False)
    monkeypatch.setattr("inkdigits.data.local.SYSTEM", tmp_path)


def test_the_reader_tells_what_is_no_digit(some_digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "reader", str(some_digits), "--unseen", "--json"]) == 0
    kinds = {kind["name"]: kind for kind in json.loads(capsys.readouterr().out)["unseen"]}
    assert [*kinds][-4:] == MADE
    for kind in kinds.values():
        assert [*kind] == ["name", "n", "auroc", "auroc_interval", "fpr_at_95_tpr", "accepted"]
        low, high = kind["auroc_interval"]
        assert 0.5 < low <= kind["auroc"] <= high <= 1
    for name in MADE:
        assert kinds[name]["auroc"] > 0.99
        assert kinds[name]["accepted"] < 0.01
    for script in {"Kannada", "Bangla", "Devanagari", "Telugu"} & {*kinds}:
        assert 0.1 < kinds[script]["accepted"] < 0.6


@pytest.mark.usefixtures("nothing_at_hand")
def test_sets_that_are_not_at_hand_are_a_sentence_each(
    some_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "reader", str(some_digits), "--unseen"]) == 0
    said = capsys.readouterr()
    lacking = re.findall(r"^([\w-]+) is left out of what is no digit: ", said.err, re.MULTILINE)
    assert lacking == ["fashion-mnist", "symbols", "kannada", "bangla", "devanagari", "telugu"]
    assert "`inkdigits data fetch fashion-mnist` brings it" in said.err
    rows = [line for line in said.out.splitlines() if line.lstrip().startswith(tuple(MADE))]
    assert len(rows) == 4
    assert "clothes" not in said.out


@pytest.mark.usefixtures("nothing_at_hand")
def test_only_who_asks_is_told(some_digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "reader", str(some_digits), "--json"]) == 0
    said = capsys.readouterr()
    assert "unseen" not in json.loads(said.out)
    assert "left out" not in said.err


@pytest.mark.usefixtures("nothing_at_hand")
def test_a_report_shows_what_is_no_digit(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    arguments = ["evaluate", "reader", str(some_digits), "--report", str(out), "--unseen", "--json"]
    assert run(arguments) == 0
    found = json.loads(capsys.readouterr().out)["unseen"]
    section = out.read_text().partition("<h2>What is no digit</h2>")[2].partition("</section>")[0]
    for kind in found:
        row = re.search(rf"<th scope=\"row\">{kind['name']}</th>(.*?)</tr>", section, re.DOTALL)
        assert row
        low, high = kind["auroc_interval"]
        assert f"<td>{kind['auroc']:.4f}</td><td>{low:.4f} to {high:.4f}</td>" in row[1]
        assert row[1].count("<img") == 8


def test_all_sets_that_a_model_has_learnt_from_are_known() -> None:
    before = {"data": "kannada", "start": {"provenance": {"data": "drawn digits and mnist"}}}
    card = Card(
        network={}, label_names=("0", "1"), provenance={"data": "own.npz", "start": {"provenance": before}}
    )
    assert judging.sets_learnt_from(card) == {"own.npz", "kannada", "drawn digits", "mnist"}
