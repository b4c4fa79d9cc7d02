"""Training that goes on with a network: what is frozen stays, what joins later does so, old images return."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from inkdigits.errors import ArgumentError
from inkdigits.learn import options, tasks, train
from inkdigits.learn.augment import augment
from inkdigits.learn.networks import registry, stages
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import AugmentOptions, StartOptions, TrainOptions
from inkdigits.learn.start import Start, interpolated
from inkdigits.learn.train import Stopped, Trained, Watch
from inkdigits.types import Dataset

CPU = torch.device("cpu")
N_STEPS = 10


def asked(**values: Any) -> TrainOptions:
    plain = {"model": "fast", "width": 0.25, "batch": 40, "precision": "fp32", "device": "cpu", "shift": 1.0}
    return options.change(TrainOptions(), {**plain, "epochs": 0.001, "least_steps": N_STEPS, **values})


def network() -> Network:
    return registry.build(asked().network, 10, seed=3)


def start(of: Network | None = None, replayed: Dataset | None = None, **values: Any) -> Start:
    return Start(
        network=of or network(), options=StartOptions(**{"keep_norms": False} | values), replayed=replayed
    )


def weights(of: Network) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in of.layers.state_dict().items()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The layers of which anything has changed by a bit, their statistics included."""
    return {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def after(n: int) -> Callable[[], bool]:
    """What stops a run after n steps; 0 never does."""
    steps = itertools.count(1)
    return lambda: next(steps) == n


def learnt(digits: Dataset, begin: Start, **values: Any) -> Trained:
    return train.train(digits, None, asked(**values), start=begin)


@pytest.mark.parametrize("optimizer", options.CHOICES["optimizer"])
@pytest.mark.parametrize(
    ("freeze", "layers"),
    [("none", "0 1 3 4 6 8 10 11 13 15 18"), ("2", "6 8 10 11 13 15 18"), ("head-only", "18")],
)
def test_what_is_frozen_doesnt_move_by_one_bit(
    optimizer: str, freeze: str, layers: str, digits: Dataset
) -> None:
    begin = start(freeze=freeze, unfreezing=0.0)
    before = weights(begin.network)
    trained = learnt(digits, begin, optimizer=optimizer, averaging=0.5, weight_decay=0.01)
    assert moved(before, weights(trained.network)) == set(layers.split())
    assert moved(before, weights(begin.network)) == set()


def test_a_frozen_kernel_leaves_the_norm_behind_it_to_learn(digits: Dataset) -> None:
    begin = start(freeze="0.weight", unfreezing=0.0)
    assert {"0", "1"} & moved(weights(begin.network), weights(learnt(digits, begin).network)) == {"1"}


def test_norms_may_keep_what_they_know_where_weights_move(digits: Dataset) -> None:
    begin = network()
    trained = learnt(digits, start(begin, keep_norms=True), norm_images=100).network
    before, after = weights(begin), weights(trained)
    norms = {name for name in before if name.rpartition(".")[2] in ("running_mean", "running_var")}
    assert norms
    assert all(torch.equal(before[name], after[name]) for name in norms)
    assert moved(before, after) == {"0", "1", "3", "4", "6", "8", "10", "11", "13", "15", "18"}


def test_stages_join_one_by_one_from_the_head_on(digits: Dataset, tmp_path: Path) -> None:
    begin = start(unfreezing=1.0)
    before = {f"network/layers.{name}": tensor for name, tensor in weights(begin.network).items()}
    heads = [next(iter(stage.weights)).partition(".")[0] for stage in stages.stages(begin.network)]
    for n in (1, 2, 3, 6, 9):
        watch = Watch(stop=after(n))
        folder = tmp_path / str(n)
        folder.mkdir()
        with pytest.raises(Stopped):
            train.train(digits, None, asked(), start=begin, folder=folder, watch=watch)
        state = load_file(folder / train.STATE_FILE)
        changed = {
            name.split(".")[1] for name, tensor in before.items() if not torch.equal(tensor, state[name])
        }
        joined = 1 + (n - 1) // 2  # five stages join the head over ten steps
        assert changed & set(heads) == set(heads[-joined:])


def test_stages_have_lower_rates_farther_from_the_head() -> None:
    begin = start(stage_rate=0.5, unfreezing=0.4, freeze="1")
    parts = begin.plan(begin.network, 100).parts
    assert [part.rate for part in parts] == [1, 0.5, 0.25, 0.125, 0.0625]
    assert [part.first_step for part in parts] == [0, 10, 20, 30, 40]


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(digits: Dataset, tmp_path: Path) -> None:
    def run(folder: Path | None = None, stop_after: int = 0, *, resume: bool = False) -> Trained:
        watch = Watch(stop=after(stop_after))
        begin = start(replayed=digits, unfreezing=0.8, freeze="1")
        return train.train(
            digits, None, asked(epochs=0.8), start=begin, folder=folder, watch=watch, resume=resume
        )

    unbroken = run()
    with pytest.raises(Stopped):
        run(tmp_path, 5)
    resumed = run(tmp_path, resume=True)
    assert all(torch.equal(tensor, resumed.last[name]) for name, tensor in unbroken.last.items())


def test_a_freeze_that_doesnt_fit_the_network_is_a_sentence(digits: Dataset) -> None:
    with pytest.raises(ArgumentError, match="leaves nothing to train"):
        learnt(digits, start(freeze="6"))


@pytest.mark.parametrize(("share", "n_old"), [(0.5, 40), (0.2, 10), (0.75, 120)])
def test_every_batch_has_its_share_of_old_images_each_shown_as_often(
    share: float, n_old: int, digits: Dataset
) -> None:
    new = digits.select(np.arange(100), split="train")
    old = digits.select(np.arange(100, 170), split="train")
    task = tasks.Replaying(new, old, share, asked(), CPU)
    shown: Counter[int] = Counter()
    for epoch in range(7):
        batches = task.order(40, epoch=epoch)
        assert [len(rows) for rows in batches] == [40 + n_old, 40 + n_old]
        for rows in batches:
            assert (rows < 100).sum() == 40
            shown.update(rows[rows >= 100].tolist())
        if epoch:
            assert not torch.equal(batches[0], task.order(40, epoch=0)[0])
    assert set(shown) == set(range(100, 170))
    assert max(shown.values()) - min(shown.values()) <= 1
    together = np.concatenate([new.labels, old.labels])
    assert task.targets(rows).tolist() == together[rows.numpy()].tolist()
    assert torch.equal(task.images(rows)[-1], torch.from_numpy(old.images[rows[-1] - 100]))


def test_old_images_are_changed_half_as_far_as_new_ones(digits: Dataset) -> None:
    new, old = digits.select(np.arange(40), split="train"), digits.select(np.arange(100, 170), split="train")
    options = asked(shift=3.0, rotation=15.0)
    task = tasks.Replaying(new, old, 0.5, options, CPU)
    rows = task.order(40, epoch=0)[0]
    images = task.images(rows)
    changed = task.changed(images, rows, epoch=0)
    is_old = rows >= 40
    for of, amounts in ((~is_old, options.augment), (is_old, AugmentOptions(shift=1.5, rotation=7.5))):
        expected = augment(images[of], rows[of], amounts, seed=options.seed, epoch=0)
        assert torch.equal(changed[of], expected)
        assert (changed[of] != images[of]).flatten(1).any(1).all()
    few = tasks.Replaying(new, old, 0.01, options, CPU)
    rows = few.order(40, epoch=0)[0]
    assert len(few.changed(few.images(rows), rows, epoch=0)) == len(rows) == 40


def test_norms_are_measured_on_new_and_old_images_in_their_shares(digits: Dataset) -> None:
    new, old = digits.select(np.arange(300), split="train"), digits.select(np.arange(300, 600), split="train")
    rows = tasks.Replaying(new, old, 0.25, asked(), CPU).some(200)
    assert [int((rows < 300).sum()), int((rows >= 300).sum())] == [150, 50]
    few = tasks.Replaying(new, old.select(np.arange(7), split="train"), 0.25, asked(), CPU).some(200)
    assert (few >= 300).sum() == 7


def test_replay_keeps_what_was_learnt_before(digits: Dataset) -> None:
    """Of ten digits learnt, five are taught new labels' worth of images of the other five alone."""
    low = digits.select(np.flatnonzero(digits.labels < 5), split="train")
    high = digits.select(np.flatnonzero(digits.labels >= 5), split="train")
    taught = train.train(digits, None, asked(least_steps=120))
    rates = {"least_steps": 150, "learning_rate": 0.12, "vector_rate": 0.05}
    kept = learnt(high, start(taught.network, replayed=low), **rates)
    forgot = learnt(high, start(taught.network, replayed=low, replay=0.0), **rates)
    assert accuracy(kept, low) > 0.9
    assert accuracy(forgot, low) < accuracy(kept, low) - 0.2


def accuracy(trained: Trained, dataset: Dataset) -> float:
    with torch.inference_mode():
        found = trained.network(torch.from_numpy(dataset.images)).argmax(1).numpy()
    return float((found == dataset.labels).mean())


def test_loss_and_accuracy_of_the_history_are_of_all_that_is_shown(digits: Dataset) -> None:
    wrong = replace(digits, labels=(digits.labels + 1) % 10)
    taught = train.train(digits, None, asked(least_steps=120))
    trained = learnt(digits, start(taught.network, replayed=wrong), learning_rate=0.0, vector_rate=0.0)
    assert 0.4 < (trained.history[-1].train_accuracy or 0.0) < 0.6


def test_what_lies_between_two_networks_is_a_mean_of_them() -> None:
    before, after = network(), registry.build(asked().network, 10, seed=4)
    with torch.no_grad():
        next(after.layers.parameters()).copy_(next(before.layers.parameters()))
    first, last = before.state_dict(), after.state_dict()
    for share in (0.0, 0.25, 1.0):
        found = interpolated(before, after, share).state_dict()
        for name, tensor in found.items():
            if tensor.is_floating_point():
                expected = (1 - share) * first[name].double() + share * last[name].double()
                torch.testing.assert_close(tensor.double(), expected, rtol=0, atol=1e-6)
            assert tensor.equal(last[name]) or share < 1
            assert not first[name].equal(last[name]) or tensor.equal(first[name])
