"""Fine-tuning from data to verdict: what moves, what is kept, what is refused, what the gate is told."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.learn.orders import QUICK, order, saved

from inkdigits import data
from inkdigits.errors import UserError
from inkdigits.evaluate import gate
from inkdigits.learn import checkpoint, finetune, recipes, run
from inkdigits.learn.classifier import classifier
from inkdigits.learn.directory import CANDIDATE_FILE, MODEL_FILE, RUN_FILE
from inkdigits.learn.finetune_order import Order
from inkdigits.learn.networks import registry
from inkdigits.learn.options import NetworkOptions
from inkdigits.learn.start import interpolated
from inkdigits.learn.train import STATE_FILE, Stopped, Watch
from inkdigits.types import Dataset, Images, Scores


@pytest.fixture(scope="module")
def extended(before: run.Result, signs: str, tmp_path_factory: pytest.TempPathFactory) -> finetune.Result:
    """The model with three labels more."""
    folder = tmp_path_factory.mktemp("extended") / "run"
    asked = order(before, signs, labels="extend", force=True, given={"least_steps": 80})
    return finetune.finetune(asked, folder)


def described(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    return found


def scores(path: Path, images: Images) -> Scores:
    return classifier(checkpoint.load(path).network)(images)


def test_new_labels_are_learnt_and_old_ones_not_forgotten(extended: finetune.Result, signs: str) -> None:
    card = checkpoint.load(extended.folder / MODEL_FILE).card
    assert card.label_names == tuple("0123456789abc")
    new, old = extended.verdict.new, extended.verdict.old
    assert old is not None
    assert (new.comparison.first_accuracy, new.comparison.n, old.comparison.n) == (0.0, 60, 100)
    assert new.comparison.second_accuracy > 0.8
    assert old.comparison.second_accuracy > old.comparison.first_accuracy - 0.1


def test_the_verdict_counts_what_the_models_answer(
    extended: finetune.Result, before: run.Result, signs: str
) -> None:
    old = extended.verdict.old
    assert old is not None
    was = scores(before.folder / MODEL_FILE, before.test.images).argmax(1) == before.test.labels
    answers = scores(extended.folder / MODEL_FILE, before.test.images).argmax(1)
    is_now = answers == before.test.labels
    assert old.comparison.first_accuracy == pytest.approx(was.mean())
    assert old.comparison.second_accuracy == pytest.approx(is_now.mean())
    assert old.comparison.only_first_right == np.count_nonzero(was & ~is_now)
    for each in old.classes:
        rows = before.test.labels == int(each.label)
        assert each.n == rows.sum()
        assert each.after == pytest.approx(is_now[rows].mean())
    test = data.load(signs, "test")
    named = np.array(tuple("0123456789abc"))[scores(extended.folder / MODEL_FILE, test.images).argmax(1)]
    right = named == np.array(test.label_names)[test.labels]
    assert extended.verdict.new.comparison.second_accuracy == pytest.approx(right.mean())


def test_the_run_is_written_down(extended: finetune.Result, before: run.Result, signs: str) -> None:
    found = described(extended.folder)
    assert found["finished"]
    assert found["verdict"] == json.loads(json.dumps(asdict(extended.verdict)))
    assert found["arguments"]["data"] == signs
    assert found["arguments"]["old"] == [described(before.folder)["arguments"]["data"]]
    hashed = {"training", "old training", "start weights", "new test", "old test"}
    assert set(found["data"]) == hashed
    assert {len(found["data"][name]) for name in hashed} == {64}
    assert not (extended.folder / STATE_FILE).exists()
    start = checkpoint.load(extended.folder / MODEL_FILE).card.provenance["start"]
    assert start["sha256"] == found["data"]["start weights"]
    assert [start["provenance"]["data"]] == found["arguments"]["old"]


def test_the_pictures_can_be_drawn(extended: finetune.Result) -> None:
    finetune.draw(extended)
    assert {path.name for path in extended.folder.glob("*.png")} == {"curves.png", "changes.png"}


def test_the_same_order_gives_the_same_model_also_when_it_was_interrupted(
    before: run.Result, signs: str, tmp_path: Path
) -> None:
    asked = order(before, signs, labels="extend", given={"keep": "last"})
    finetune.finetune(asked, tmp_path / "whole")
    steps = iter(range(30))
    with pytest.raises(Stopped):
        finetune.finetune(asked, tmp_path / "broken", watch=Watch(stop=lambda: next(steps) == 12))
    with pytest.raises(UserError, match="isn't through"):
        finetune.finetune(asked, tmp_path / "broken")
    with pytest.raises(UserError, match=r"cannot resume .*: \w+ was .* then and is"):
        finetune.finetune(replace(asked, shots=5), tmp_path / "broken", resume=True)
    finetune.finetune(asked, tmp_path / "broken", resume=True)
    one, other = (
        next(path for path in (tmp_path / name).iterdir() if path.name in (MODEL_FILE, CANDIDATE_FILE))
        for name in ("whole", "broken")
    )
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(UserError, match="already holds a run"):
        finetune.finetune(asked, tmp_path / "whole")


def test_what_is_frozen_does_not_move_by_a_bit(before: run.Result, tmp_path: Path) -> None:
    source = described(before.folder)["arguments"]["data"]
    result = finetune.finetune(order(before, source, given={"freeze": "head-only"}), tmp_path / "run")
    old = load_file(before.folder / MODEL_FILE)
    new = load_file(next((tmp_path / "run").glob("*.safetensors")))
    moved = {name for name in old if not torch.equal(old[name], new[name])}
    (head,) = (each for each in result.moving if each.rate is not None)
    assert moved
    assert all(name.removeprefix("layers.").startswith(head.stage) for name in moved)
    assert head == result.moving[-1]
    assert sum(each.n_weights for each in result.moving) == sum(
        weight.numel() for weight in checkpoint.load(before.folder / MODEL_FILE).network.parameters()
    )
    assert [each.n_frozen == each.n_weights for each in result.moving[:-1]] == [True] * (
        len(result.moving) - 1
    )


def test_a_model_that_gains_nothing_is_no_model_to_use_unless_it_is_forced(
    before: run.Result, tmp_path: Path
) -> None:
    source = described(before.folder)["arguments"]["data"]
    asked = order(before, source, given={"learning_rate": 0.0, "vector_rate": 0.0, "norm_images": 0})
    still = finetune.finetune(asked, tmp_path / "still")
    assert (still.verdict.promote, still.verdict.forced) == (False, False)
    assert still.verdict.reason.startswith("digits.npz gained nothing: ")
    assert (tmp_path / "still" / CANDIDATE_FILE).exists()
    assert not (tmp_path / "still" / MODEL_FILE).exists()
    forced = finetune.finetune(replace(asked, force=True), tmp_path / "forced")
    assert (forced.verdict.promote, forced.verdict.forced) == (True, True)
    assert described(tmp_path / "forced")["verdict"]["forced"]
    assert (tmp_path / "forced" / MODEL_FILE).exists()


def test_what_forgets_too_much_goes_part_of_the_way(
    before: run.Result, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = np.ascontiguousarray(digits.images.transpose(0, 2, 1))
    source = saved(tmp_path / "new.npz", turned, digits.labels, n_test=100)
    asked = order(before, source, given={"replay": 0.0, "least_steps": 100, "learning_rate": 0.1})
    whole = finetune.finetune(replace(asked, force=True), tmp_path / "whole")
    first = checkpoint.load(before.folder / MODEL_FILE).network
    last = checkpoint.load(tmp_path / "whole" / MODEL_FILE).network
    test = before.test

    def rights(network: registry.Network) -> Any:
        return classifier(network)(test.images).argmax(1) == test.labels

    def most_lost(network: registry.Network) -> float:
        lost = rights(first).astype(float) - rights(network)
        return max(float(lost[test.labels == label].mean()) for label in range(10))

    lost = {share: most_lost(interpolated(first, last, share)) for share in (1.0, *finetune.WAYS)}
    assert lost[0.5] < lost[0.75] < lost[1.0]
    assert whole.interpolation == 1
    for least, share in ((lost[0.5], 0.5), (lost[0.75], 0.75)):
        monkeypatch.setattr(gate, "MOST_LOST", least)
        part = finetune.finetune(asked, tmp_path / str(share))
        assert (part.interpolation, part.verdict.promote) == (share, True)
        assert described(part.folder)["interpolation"] == share
        found = checkpoint.load(part.folder / MODEL_FILE)
        assert found.card.provenance["interpolation"] == share
        whole_way = checkpoint.load(part.folder / "last.safetensors")
        assert "interpolation" not in whole_way.card.provenance
        expected = interpolated(first, last, share).state_dict()
        assert all(torch.equal(tensor, expected[name]) for name, tensor in found.network.state_dict().items())
        assert part.verdict.old is not None
        assert part.verdict.old.comparison.second_accuracy == pytest.approx(rights(found.network).mean())
    monkeypatch.setattr(gate, "MOST_LOST", -0.5)
    refused = finetune.finetune(asked, tmp_path / "refused")
    assert (refused.interpolation, refused.verdict.promote) == (1, False)


def test_shots_are_images_of_each_class(before: run.Result, signs: str, tmp_path: Path) -> None:
    result = finetune.finetune(order(before, signs, labels="replace", shots=4), tmp_path / "run")
    assert result.n_training == 12
    assert result.verdict.old is None
    assert checkpoint.load(next((tmp_path / "run").glob("*.safetensors"))).card.label_names == (
        "a",
        "b",
        "c",
    )


def test_pictures_that_cannot_be_used_are_listed(before: run.Result, digits: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for label in (3, 8):
        (folder / str(label)).mkdir(parents=True)
        for row in np.flatnonzero(digits.labels[:100] == label).tolist():  # not learnt
            Image.fromarray(255 - digits.images[row]).save(folder / str(label) / f"{row:03}.png")
    Image.new("L", (40, 40), 255).save(folder / "3" / "zz-blank.png")
    (folder / "8" / "zz-torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    told: list[Any] = []

    def two(images: Images) -> list[int]:
        return [0, len(images) - 1]

    result = finetune.finetune(
        order(before, str(folder)),
        tmp_path / "run",
        screen=two,
        about_to=lambda moving, refused: told.append((moving, refused)),
    )
    found = {Path(each.file).name: each.reason for each in result.refused}
    assert set(found) >= {"zz-blank.png", "zz-torn.png"}
    of_both = [name for name, reason in found.items() if reason == "shows several digits"]
    several = [name for name in of_both if name.endswith(".png")]
    assert len(several) == 2
    assert "digits.npz row 0" in of_both  # old images are shown too
    assert len(found) == 4 + len(of_both) - len(several)
    assert told == [(result.moving, result.refused)]
    assert [each["file"] for each in described(tmp_path / "run")["refused"]] == [
        each.file for each in result.refused
    ]
    n_test = result.verdict.new.comparison.n
    assert result.n_training + n_test == np.isin(digits.labels[:100], (3, 8)).sum() - len(several)


def test_published_weights_are_a_start(signs: str, tmp_path: Path) -> None:
    network = registry.build(NetworkOptions(model="efficientnet_lite0"), 10, seed=5)
    held = {name: tensor.contiguous() for name, tensor in network.layers.state_dict().items()}
    save_file(held, tmp_path / "weights.safetensors")
    asked = Order(
        model="efficientnet_lite0",
        weights=tmp_path / "weights.safetensors",
        data=signs,
        shots=3,
        given=QUICK | {"least_steps": 2, "freeze": "features"},
    )
    result = finetune.finetune(asked, tmp_path / "run")
    assert result.verdict.old is None
    assert [each.before for each in result.verdict.new.classes] == [0.0, 0.0, 0.0]
    found = checkpoint.load(next((tmp_path / "run").glob("*.safetensors")))
    assert found.card.label_names == ("a", "b", "c")
    first = next(name for name in held if held[name].ndim == 4)
    assert torch.equal(found.network.layers.state_dict()[first], held[first])


def test_of_digits_that_replace_others_only_those_that_are_there_count(
    before: run.Result, digits: Dataset, tmp_path: Path
) -> None:
    rows = np.flatnonzero(digits.labels < 2)
    source = saved(tmp_path / "two.npz", digits.images[rows], digits.labels[rows], n_test=20)
    finetune.finetune(order(before, source, labels="replace", force=True), tmp_path / "run")
    assert checkpoint.load(tmp_path / "run" / MODEL_FILE).card.label_names == ("0", "1")


def test_a_run_that_was_stopped_before_it_was_judged_goes_on(
    before: run.Result, signs: str, tmp_path: Path
) -> None:
    asked = order(before, signs, labels="extend", force=True)
    stopping = iter([False] * 30 + [True])
    with pytest.raises(Stopped):
        finetune.finetune(asked, tmp_path / "run", watch=Watch(stop=lambda: next(stopping)))
    assert (tmp_path / "run" / CANDIDATE_FILE).exists()
    with pytest.raises(UserError, match="isn't through; go on with --resume"):
        finetune.finetune(asked, tmp_path / "run")
    finetune.finetune(asked, tmp_path / "run", resume=True)
    assert described(tmp_path / "run")["finished"]
    assert not (tmp_path / "run" / CANDIDATE_FILE).exists()


def test_the_fewer_the_images_the_fewer_the_steps() -> None:
    few, many = (recipes.gentle(n, labels="same", given={})[0] for n in (10, 10_000))
    assert few.least_steps < many.least_steps
    assert (few.validation, many.keep) == (0.0, "best")
    free, start = recipes.gentle(1_000, labels="replace", given={"replay": 0.25, "epochs": 3.0})
    assert free.learning_rate > few.learning_rate
    assert (free.least_steps, free.epochs, start.replay) == (0, 3.0, 0.25)
