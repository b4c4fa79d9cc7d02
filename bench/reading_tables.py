"""What the READMEs say of reading: each figure beside its target, in English and Chinese."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure of a results file, by the keys that lead to it, and what it is to reach."""

    titles: tuple[str, str]
    file: str
    keys: tuple[str, ...]
    unit: str
    target: float
    at_least: bool = True


def _right(english: str, chinese: str, *keys: str, target: float) -> Row:
    return Row(titles=(english, chinese), file="reading", keys=keys, unit="%", target=target)


def _cost(english: str, chinese: str, *keys: str, unit: str, target: float) -> Row:
    return Row(
        titles=(english, chinese), file="reading-speed", keys=keys, unit=unit, target=target, at_least=False
    )


ROWS = (
    _right("ten-digit numbers, all digits right", "十位数，全部数字正确", "numbers10", "right", target=0.96),
    _right(
        "amounts on cheques, all digits right",
        "支票金额，全部数字正确",
        "cheque_amounts",
        "right",
        target=0.9,
    ),
    _right(
        "photos of 9 × 9 grids, all cells right",
        "9 × 9 表格照片，全部格子正确",
        "grids",
        "photos_right",
        target=0.92,
    ),
    _right("their cells", "其中的格子", "grids", "cells_right", target=0.995),
    _right("cells: a digit, or none", "格子：有无数字", "cells", "right", target=0.995),
    _right("digits cut from numbers", "从数中切出的数字", "numbers10_digits", "right", target=0.993),
    _right("USPS", "USPS", "usps", "right", target=0.97),
    _right("MNIST, with the same model", "MNIST，同一模型", "mnist", "right", target=0.996),
    _right("letters and signs refused¹", "拒识字母与符号¹", "refused", "letters_and_signs", target=0.95),
    _right("pictures of clothes refused¹", "拒识服装图片¹", "refused", "fashion", target=0.95),
    _right("blank cells refused¹", "拒识空白格¹", "refused", "blanks", target=1.0),
    _right("numbers accepted²", "接受的数²", "numbers10", "accepted", target=0.85),
    _right("cheques accepted²", "接受的支票²", "cheque_amounts", "accepted", target=0.6),
    _right("single digits accepted²", "接受的单个数字²", "numbers10_digits", "accepted", target=0.97),
    Row(
        titles=("calibration error, numbers", "校准误差，数"),
        file="reading",
        keys=("numbers10", "calibration_error"),
        unit="%",
        target=0.01,
        at_least=False,
    ),
    _cost(
        "one digit, picture decoded", "一个数字，含解码", "one_digit_decoded", "mean", unit="ms", target=1.0
    ),
    _cost("the network alone", "仅网络", "network_alone", "mean", unit="ms", target=0.2),
    _cost("a page of A4 with 200 digits", "一页 A4，200 个数字", "a4_page", "mean", unit="s", target=0.5),
    _cost("from the shell to the answer", "从命令行到答案", "shell", "mean", unit="s", target=0.6),
    Row(
        titles=("digit images a second", "每秒数字图像"),
        file="reading-speed",
        keys=("images_per_second",),
        unit="",
        target=20_000,
    ),
    _cost("memory while reading a page", "读一页时的内存", "page_process_peak_mb", unit="MB", target=300),
    _cost("installed size", "安装大小", "install_mb", unit="MB", target=350),
)

_WORDS: tuple[Mapping[str, str], ...] = (
    {
        "columns": "what|n|measured|target|RapidOCR, digits only|Tesseract",
        "validation": "Writers and photos of the validation part: nothing was trained on them, but"
        " temperature, thresholds and much of how lines are read were chosen on them. Four of the numbers,"
        " written over or of eleven digits, are counted here, but set no threshold. The test part is read"
        " when the work is done.",
        "test": "Writers and photos of the test part, on which nothing was trained; how ink and grids are"
        " found was tuned on pictures of all parts.",
        "notes": "{processor}, {cores} cores, commit {commit:.7}, {measured}. In brackets, the 95 % interval."
        " ¹ At the confidence from which 99 % of MNIST's digits are accepted. ² Accepted where at most 0.5 %"
        " of answers should be wrong; in brackets how many of the accepted were. Digits are cut from numbers"
        " whose ten strokes stand apart.",
        "wrong": "{wrong} of {accepted:,} wrong",
    },
    {
        "columns": "内容|n|测得|目标|RapidOCR（仅数字）|Tesseract",
        "validation": "验证部分的书写者与照片：未用于训练，但温度、阈值以及读取数行的许多做法在其上选定。"
        "其中四个数（有涂改或有十一位数字）计入此表，但不用于确定阈值。工作完成后才读测试部分。",
        "test": "测试部分的书写者与照片，未用于训练；寻找墨迹与表格的做法曾在各部分的图片上调整。",
        "notes": "{processor}，{cores} 核，提交 {commit:.7}，{measured}。括号内为 95 % 区间。"
        "¹ 在接受 99 % MNIST 数字的置信度上。"
        "² 要求答案错误率至多 0.5 % 时接受的比例；括号内为其中的错误。数字切自十个笔画互不相连的数。",
        "wrong": "{accepted:,} 个中错 {wrong} 个",
    },
)


def table(measured: Results, *, language: int) -> str:
    """The table of one machine's results in English (0) or Chinese (1); empty where nothing was measured.

    The test part's figures count, where they were read, else the validation part's.
    """
    accuracy = measured.get("reading") or measured.get("reading-validation")
    speed = measured.get("reading-speed", {})
    if not accuracy:
        return ""
    words = _WORDS[language]
    columns = words["columns"].split("|")
    lines = [_line(columns), _line(["---"] * len(columns))]
    for row in ROWS:
        found = _found(accuracy if row.file == "reading" else speed, row.keys)
        if found is not None:
            lines.append(_line([row.titles[language], *_cells(row, found, accuracy, words)]))
    about = {**accuracy["machine"], **accuracy["versions"], "measured": accuracy["measured"]}
    return "\n".join([*lines, "", words[accuracy["part"]] + " " + words["notes"].format(**about), ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _found(results: Mapping[str, Any], keys: Sequence[str]) -> float | None:
    value: Any = results
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None else float(value)


_UNITS: Mapping[str, Callable[[float], str]] = {
    "%": lambda value: f"{100 * value:.2f} %",
    "ms": lambda value: f"{1000 * value:.2f} ms",
    "s": lambda value: f"{value:.2f} s",
    "MB": lambda value: f"{value:,.0f} MB",
    "": lambda value: f"{value:,.0f}",
}


def _cells(row: Row, value: float, accuracy: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    part = accuracy.get(row.keys[0], {}) if row.file == "reading" else {}
    n = part.get("n_cells" if row.keys[-1] == "cells_right" else "n", "")
    is_reached = value >= row.target if row.at_least else value * _scale(row) <= row.target
    peers = accuracy.get("peers", {}) if row.keys[-1] == "right" else {}
    theirs = [(peers.get(name) or {}).get(row.keys[0]) for name in ("rapidocr", "tesseract")]
    return [
        f"{n:,}" if n else "",
        _UNITS[row.unit](value) + _beside(row, part, words),
        f"{'≥' if row.at_least else '≤'} {_target(row)} {'✓' if is_reached else '✗'}",
        *(f"{100 * share:.1f} %" if share is not None else "" for share in theirs),
    ]


def _scale(row: Row) -> float:
    return 1000.0 if row.unit == "ms" else 1.0


def _target(row: Row) -> str:
    return f"{100 * row.target:.4g} %" if row.unit == "%" else f"{row.target:,g} {row.unit}".strip()


def _beside(row: Row, part: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """In brackets what tells how far to believe the figure."""
    if row.keys[-1] == "accepted":
        accepted = round(part["n"] * part["accepted"])
        wrong = round(accepted * (part["wrong_of_accepted"] or 0.0))
        return f" ({words['wrong'].format(wrong=wrong, accepted=accepted)})" if accepted else ""
    names = {"right": "interval", "photos_right": "photos_interval"}
    low_high = part.get(names.get(row.keys[-1], ""))
    return f" ({100 * low_high[0]:.1f}–{100 * low_high[1]:.1f})" if low_high else ""
