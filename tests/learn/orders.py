"""What the tests of fine-tuning order, and of what."""

from pathlib import Path
from typing import Any

import numpy as np

from inkdigits.learn import run
from inkdigits.learn.finetune_order import Order
from inkdigits.types import Images

QUICK = {"least_steps": 30, "batch": 40, "precision": "fp32", "device": "cpu"}


def saved(path: Path, images: Images, labels: Any, *, n_test: int) -> str:
    parts = {"x_train": images[n_test:], "y_train": labels[n_test:]}
    np.savez(path, **parts, x_test=images[:n_test], y_test=labels[:n_test])
    return str(path)


def order(model: run.Result, source: str, **values: Any) -> Order:
    given = QUICK | values.pop("given", {})
    return Order(model=str(model.folder), data=source, given=given, **values)
