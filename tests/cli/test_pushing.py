"""`inkdigits card --push`: what is sent to a hub on this machine, and what never is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from huggingface_hub import constants
from tests.cli import hub as hubs
from tests.cli.here import run
from tests.cli.hub import Hub

from inkdigits import weights
from inkdigits.learn import checkpoint, models

NEW = ["--push", "me/digits"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine, and somebody who is known there."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with hubs.running() as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.address)
        yield found


def test_a_push_sends_card_and_model_on_top_of_what_was_seen(
    model: Path, some_digits: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["card", str(model), *NEW, "--private"]) == 0
    assert capsys.readouterr().out == f"{hub.address}/me/digits/commit/{'2' * 40}\n"
    assert [(each["name"], each["visibility"]) for each in hub.created] == [("digits", "private")]
    (commit,) = hub.commits
    assert set(commit["files"]) == {"README.md", "model.safetensors"}
    private, pushed = (model / "model.safetensors").read_bytes(), commit["files"]["model.safetensors"]
    folder = str(some_digits.parent).encode()
    assert folder in private
    assert folder not in pushed
    (tmp_path / "pushed.safetensors").write_bytes(pushed)
    found, kept = (models.find(str(each)) for each in (tmp_path / "pushed.safetensors", model))
    assert found.card.provenance["data"] == some_digits.name
    assert replace(found.card, provenance={}) == replace(kept.card, provenance={})
    weights_of = [each.network.state_dict() for each in (found, kept)]
    assert all(torch.equal(weights_of[0][name], weights_of[1][name]) for name in weights_of[1])
    assert run(["card", str(model)]) == 0
    assert commit["files"]["README.md"].decode() == capsys.readouterr().out == hub.cards[0]
    assert hub.tokens == {"Bearer hf_secret"}
    assert run(["card", str(model), *NEW, "--revision", "2" * 8, "--licence", "mit"]) == 0
    assert "\nlicense: mit\n" in hub.commits[1]["files"]["README.md"].decode()
    assert len(hub.created) == 1


def test_an_exported_model_is_pushed_without_its_folders_too(
    model: Path, some_digits: Path, hub: Hub, tmp_path: Path
) -> None:
    exported = tmp_path / "digits.onnx"
    assert run(["export", str(model), "--out", str(exported)]) == 0
    assert run(["card", str(exported), *NEW]) == 0
    pushed = hub.commits[0]["files"]["digits.onnx"]
    folder = str(some_digits.parent).encode()
    assert folder in exported.read_bytes()
    assert folder not in pushed
    images = np.full((1, 28, 28), 99, np.uint8)
    ours, theirs = (
        onnxruntime.InferenceSession(each).run(None, {"images": images})[0]
        for each in (exported.read_bytes(), pushed)
    )
    assert np.array_equal(ours, theirs)


def test_what_is_to_be_private_is_not_put_where_all_can_see(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["me/digits"] = "5" * 40
    seen = ["card", "house", *NEW, "--private", "--revision", "5" * 40]
    assert run(seen) == 1
    assert "me/digits is there already, for all to see" in capsys.readouterr().err
    assert hub.commits == []
    hub.private.add("me/digits")
    assert run(seen) == 0


def test_a_token_that_cannot_be_one_is_not_told(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for token in ("“hf_secret”", "hf_sec\x0bret"):
        monkeypatch.setenv("HF_TOKEN", token)
        assert run(["card", "house", *NEW]) == 1
        told = capsys.readouterr().err
        assert "holds characters that none has" in told
        assert "sec" not in told
    assert hub.tokens == set()


def test_large_files_that_do_not_arrive_are_a_sentence(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    hub.mode = "lfs"
    assert run(["card", "house", *NEW]) == 1
    told = capsys.readouterr().err
    assert told.startswith("inkdigits: the hub")
    assert len(told.splitlines()) == 1


def test_a_model_that_asks_another_is_pushed_with_it(hub: Hub) -> None:
    assert run(["card", "reader", *NEW]) == 0
    kinds = [f"{name}.{kind}" for name in ("reader", "house") for kind in ("onnx", "safetensors")]
    assert set(hub.commits[0]["files"]) == {"README.md", *kinds}
    assert hub.commits[0]["files"]["house.onnx"] == weights.content("house")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ([], f"name the commit that your push goes on top of with --revision {'5' * 40}"),
        (["--revision", "abcdef1"], "me/digits has changed since abcdef1"),
    ],
)
def test_what_others_have_pushed_is_not_written_over(
    more: list[str], sentence: str, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["me/digits"] = "5" * 40
    assert run(["card", "house", *NEW, *more]) == 1
    assert sentence in capsys.readouterr().err
    assert hub.commits == []


def test_a_hub_that_refuses_is_a_sentence(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.repositories["me/digits"] = "5" * 40
    seen = ["card", "house", *NEW, "--revision", "5" * 40]
    hub.moves_meanwhile = True
    assert run(seen) == 1
    assert "somebody has pushed to it meanwhile (status 412)" in capsys.readouterr().err
    hub.refusal = (403, "You may not write here")
    assert run(seen) == 1
    told = capsys.readouterr().err
    assert "the hub refuses me/digits: You may not write here (status 403)" in told
    assert len(told.splitlines()) == 1
    assert run(["card", "house", "--push", "me/other", "--revision", "5" * 40]) == 1
    assert "there is no me/other yet" in capsys.readouterr().err
    assert hub.commits == hub.created == []


def test_without_network_or_login_nothing_is_pushed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert run(["card", "house", *NEW]) == 1
    assert "the hub at http://127.0.0.1:9 can't be reached: " in capsys.readouterr().err
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert run(["card", "house", *NEW]) == 1
    assert capsys.readouterr().err == (
        "inkdigits: the hub doesn't know who you are: run `hf auth login`, or set HF_TOKEN\n"
    )


def test_what_learnt_from_a_set_that_forbids_it_is_not_given_away(
    model: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = models.find(str(model))
    earlier = {"start": {"model": "m", "provenance": {"data": "cheque-amounts"}}}
    card = replace(loaded.card, provenance={**loaded.card.provenance, **earlier})
    out = tmp_path / "cheques.safetensors"
    checkpoint.save(out, replace(loaded, card=card))
    assert run(["card", str(out), *NEW]) == 1
    told = capsys.readouterr().err
    assert "learnt from cheque-amounts (research use: for evaluation only)" in told
    assert (hub.tokens, hub.commits) == (set(), [])
    assert run(["card", str(out), *NEW, "--despite-licence"]) == 0
    assert len(hub.commits) == 1
