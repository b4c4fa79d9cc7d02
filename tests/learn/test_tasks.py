"""What a network learns: the rows that make a batch, and how far off its answers are."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from inkdigits import image
from inkdigits.errors import ArgumentError
from inkdigits.learn import options, tasks, train
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.tasks import Reading
from inkdigits.types import Dataset, Lines

CPU = torch.device("cpu")
PLAIN = options.change(TrainOptions(), {"label_smoothing": 0.0, "model": "number", "norm_images": 100})


def lines_of(texts: list[str]) -> Lines:
    """Printed lines."""
    strips = []
    for text in texts:
        sheet = np.full((60, 60 + 28 * len(text)), 230, np.uint8)
        cv2.putText(sheet, text, (20, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 30, 3, cv2.LINE_AA)
        strips.append(image.strip(sheet).ink)
    return Lines(
        name="print", split="train", strips=tuple(strips), texts=tuple(texts), label_names=tuple("0123456789")
    )


def numbers(n: int, *, seed: int = 0) -> Lines:
    random = np.random.default_rng(seed)
    return lines_of(["".join(map(str, random.integers(10, size=random.integers(1, 6)))) for _ in range(n)])


def test_an_epoch_passes_over_every_line_once_and_batches_are_of_a_width() -> None:
    lines = numbers(256)
    task = Reading(lines, PLAIN, CPU)
    batches = task.order(16, epoch=0)
    assert sorted(torch.cat(batches).tolist()) == list(range(256))
    assert [rows.tolist() for rows in batches] == [rows.tolist() for rows in task.order(16, epoch=0)]
    assert [rows.tolist() for rows in batches] != [rows.tolist() for rows in task.order(16, epoch=1)]
    widths = [[lines.strips[row].shape[1] for row in rows.tolist()] for rows in batches]
    assert np.mean([np.ptp(each) for each in widths]) < 0.3 * np.ptp([w for each in widths for w in each])
    firsts = [each[0] for each in widths]
    assert firsts != sorted(firsts)  # the batches themselves are in a random order


def test_what_is_left_over_of_an_epoch_is_left_out() -> None:
    task = Reading(numbers(20), PLAIN, CPU)
    assert [len(rows) for rows in task.order(8, epoch=3)] == [8, 8]


def test_the_loss_is_ctcs_of_each_line_on_its_own_frames() -> None:
    lines = lines_of(["123", "7", "5511"])
    task = Reading(lines, PLAIN, CPU)
    rows = torch.tensor([2, 0, 1])
    width = task.images(rows).shape[2]
    outputs = torch.randn(3, width // image.COLUMNS, 11, generator=torch.Generator().manual_seed(0))
    expected = [
        F.ctc_loss(
            outputs[at, : image.n_frames(strip.shape[1])].log_softmax(1)[:, None],
            torch.tensor([[int(digit) for digit in text]]),
            torch.tensor([image.n_frames(strip.shape[1])]),
            torch.tensor([len(text)]),
            blank=10,
            reduction="sum",
        )
        / len(text)
        for at, (strip, text) in enumerate((lines.strips[row], lines.texts[row]) for row in rows.tolist())
    ]
    assert task.loss(outputs, task.targets(rows)).item() == pytest.approx(
        torch.stack(expected).mean().item(), rel=1e-5
    )


def test_a_line_that_says_nothing_is_learnt_too() -> None:
    task = Reading(replace(lines_of(["12", "8"]), texts=("12", "")), PLAIN, CPU)
    texts, lengths, _ = task.targets(torch.tensor([1, 0]))
    assert (texts.dtype, texts.tolist(), lengths.tolist()) == (torch.int64, [1, 2], [0, 2])
    outputs = torch.zeros(2, 100, 11)
    outputs[:, :, 10] = 20
    assert task.n_right(outputs, task.targets(torch.tensor([1, 0]))) == 1


def test_a_line_is_right_where_all_of_it_is_and_padding_is_not_looked_at() -> None:
    task = Reading(lines_of(["122", "7"]), PLAIN, CPU)
    rows = torch.tensor([0, 1])
    outputs = torch.zeros(2, task.images(rows).shape[2] // image.COLUMNS, 11)
    outputs[:, :, 10] = 1
    outputs[0, [2, 3, 6, 9], [1, 1, 2, 2]] = 5
    outputs[1, 4, 7] = 5
    outputs[1, -1, 9] = 5
    assert task.n_right(outputs, task.targets(rows)) == 2
    outputs[0, 9, 2] = 0
    assert task.n_right(outputs, task.targets(rows)) == 1


def test_the_one_loop_learns_to_read_print() -> None:
    asked = options.change(PLAIN, {"width": 0.5, "epochs": 6.0, "batch": 32, "shift": 1.0, "validation": 0.0})
    trained = train.train(numbers(640), numbers(64, seed=1), asked)
    assert trained.history[-1].validation_accuracy is not None
    assert trained.history[-1].validation_accuracy > 0.9
    assert trained.history[-1].loss < 0.3 < trained.history[0].loss


def test_label_smoothing_is_not_for_lines() -> None:
    with pytest.raises(ArgumentError, match="label smoothing"):
        tasks.build(lines_of(["1"]), options.change(TrainOptions(), {"model": "number"}), CPU)


def test_a_network_for_the_other_task_is_a_sentence(digits: Dataset) -> None:
    with pytest.raises(ArgumentError, match="fast doesn't read lines, which print holds"):
        tasks.build(lines_of(["1"]), TrainOptions(), CPU)
    with pytest.raises(ArgumentError, match="number doesn't read digit images"):
        tasks.build(digits, PLAIN, CPU)


def test_digit_images_are_the_other_task(digits: Dataset) -> None:
    task = tasks.build(digits, TrainOptions(), CPU)
    rows = torch.tensor([3, 1])
    assert torch.equal(task.images(rows), torch.from_numpy(digits.images[[3, 1]]))
    outputs = F.one_hot(torch.from_numpy(digits.labels[[3, 1]]), 10).float() * 9
    assert task.n_right(outputs, task.targets(rows)) == 2
    smoothed = F.cross_entropy(outputs, task.targets(rows), label_smoothing=0.1)
    assert task.loss(outputs, task.targets(rows)).item() == pytest.approx(smoothed.item())
