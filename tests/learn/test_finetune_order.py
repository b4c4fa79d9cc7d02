"""What an order of fine-tuning is made ready from, and what is refused before anything is made."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.learn.orders import order, saved

from inkdigits.errors import ArgumentError, UserError
from inkdigits.learn import checkpoint, finetune, run
from inkdigits.learn.directory import MODEL_FILE
from inkdigits.learn.finetune_order import Order
from inkdigits.types import Dataset


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "the data has the label 'a', but the model knows 0, 1"),
        ({"labels": "extend", "old": "nosuch"}, "there is no data set 'nosuch'"),
        ({"labels": "replace", "old": "mnist"}, "--old is for a model that keeps its labels"),
        ({"labels": "replace", "given": {"freeze": "99"}}, "freeze 99 leaves nothing to train"),
        ({"labels": "replace", "weights": Path("w.pth")}, "--weights are those of a published network"),
    ],
)
def test_an_order_that_contradicts_itself_is_refused_before_anything_is_made(
    values: dict[str, Any], sentence: str, before: run.Result, signs: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=sentence):
        finetune.finetune(order(before, signs, **values), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_that_nothing_can_be_learnt_from_is_refused(
    before: run.Result, digits: Dataset, tmp_path: Path
) -> None:
    sixes = digits.images[digits.labels == 6]
    cases = {
        "one.npz": (sixes[:2], [6, 6], 1, "has a single image to learn from"),
        "sixes.npz": (sixes, [6] * len(sixes), 5, "has images of one class only, '6'"),
    }
    for name, (images, labels, n_test, sentence) in cases.items():
        source = saved(tmp_path / name, images, np.array(labels), n_test=n_test)
        with pytest.raises(UserError, match=sentence):
            finetune.finetune(order(before, source), tmp_path / "run")
    source = saved(tmp_path / "all.npz", digits.images[:40], digits.labels[:40], n_test=10)
    with pytest.raises(UserError, match=r"has no picture in train that can be used .* shows several digits"):
        finetune.finetune(
            order(before, source), tmp_path / "run", screen=lambda images: list(range(len(images)))
        )
    assert not (tmp_path / "run").exists()


def test_no_image_that_is_learnt_is_in_the_old_test(
    before: run.Result, digits: Dataset, tmp_path: Path
) -> None:
    source = saved(tmp_path / "same.npz", digits.images[40:], digits.labels[40:], n_test=30)
    result = finetune.finetune(order(before, source), tmp_path / "run")
    old = result.verdict.old
    assert old is not None
    assert old.comparison.n == 40 + 30  # of 100, the last 30 are among those to learn from


def test_no_image_that_is_learnt_is_in_the_new_test(
    before: run.Result, digits: Dataset, tmp_path: Path
) -> None:
    rows = np.r_[60:130, 60:90]  # of 40 to judge by, 30 are among those to learn from
    source = saved(tmp_path / "same.npz", digits.images[rows], digits.labels[rows], n_test=40)
    result = finetune.finetune(order(before, source), tmp_path / "run")
    assert result.verdict.new.comparison.n == 10
    all_learnt = saved(tmp_path / "all.npz", digits.images[100:140], digits.labels[100:140], n_test=20)
    with pytest.raises(UserError, match=r"all test images of all.npz are among those that were learnt from"):
        finetune.finetune(order(before, all_learnt), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_fault_of_the_test_is_found_before_anything_is_made(
    before: run.Result, digits: Dataset, tmp_path: Path
) -> None:
    labels = digits.labels[:60].copy()
    labels[20:][labels[20:] == 4] = 5
    source = saved(tmp_path / "fours.npz", digits.images[:60], labels, n_test=20)
    with pytest.raises(UserError, match="4"):
        finetune.finetune(order(before, source, labels="replace"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_old_data_that_is_gone_is_asked_for(before: run.Result, signs: str, tmp_path: Path) -> None:
    model = checkpoint.load(before.folder / MODEL_FILE)
    for about, sentence in (
        ({}, "doesn't say what it learnt from"),
        ({"learnt": 5}, "doesn't say what it learnt from"),
        ({"learnt": []}, "doesn't say what it learnt from"),
        ({"learnt": "mnist"}, "doesn't say what it learnt from"),
        ({"data": "gone.npz"}, "learnt from gone.npz, which isn't at hand"),
    ):
        path = tmp_path / "model.safetensors"
        checkpoint.save(path, replace(model, card=replace(model.card, provenance=about)))
        with pytest.raises(UserError, match=sentence):
            finetune.finetune(Order(model=str(path), data=signs, labels="extend"), tmp_path / "run")


def test_a_reader_of_lines_is_no_start(tmp_path: Path, signs: str) -> None:
    with pytest.raises(UserError, match="number reads lines"):
        finetune.finetune(Order(model="number", data=signs), tmp_path / "run")
    with pytest.raises(ArgumentError, match="name the file of vgg11_bn's weights with --weights"):
        finetune.finetune(Order(model="vgg11_bn", data=signs), tmp_path / "run")
