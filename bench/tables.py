"""The READMEs' results tables, made from `bench/results` in English and Chinese."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import (
    finetuning_picture,
    finetuning_tables,
    judging_tables,
    reading_tables,
    results,
    serving_tables,
)

ROOT = Path(__file__).parent.parent

_LANGUAGES: dict[str, dict[str, Any]] = {
    "README.md": {
        "columns": (
            "program",
            "test accuracy",
            "seconds to saved model",
            "share of the article's",
            "peak memory",
            "target",
        ),
        "article": "the article's program, Keras on TensorFlow",
        "machine": "{processor}, {cores} cores, Python {python}, PyTorch {torch},"
        " commit {commit:.7}, {measured}. Accuracy (mean ± standard deviation) is on MNIST's"
        " 10,000 test images, read once after the last epoch; seconds run from process start.",
    },
    "README.zh-CN.md": {
        "columns": ("程序", "测试准确率", "到存好模型的秒数", "占文章程序时间", "内存峰值", "目标"),
        "article": "文章的程序（Keras + TensorFlow）",
        "machine": "{processor}，{cores} 核，Python {python}，PyTorch {torch}，提交 {commit:.7}，{measured}。"
        "准确率（均值 ± 标准差）是在 MNIST 的 10,000 张测试图像上得到的，"
        "最后一轮之后只读一次；秒数从进程启动算起。",
    },
}
TARGETS = {"sprint": (0.99, 1 / 15), "fast": (0.995, 1 / 5), "strong": (0.997, 2.0), "best": (0.9976, None)}
"""What each preset is to reach: mean accuracy, and time as a share of the article program's."""

LONGEST = 900.0
"""Seconds that a run of `best` may take."""

_ROWS = ("article", "sprint", "fast", "strong", "best")


def fill() -> None:
    """Writes the tables between the marks of both READMEs, one for each kind of machine with results."""
    measured = [results.read(folder) for folder in results.folders()]
    found = [rows for each in measured if (rows := _rows(each))]
    for language, (file, words) in enumerate(_LANGUAGES.items()):
        _put(ROOT / file, "results", [_table(rows, words) for rows in found])
        tables = [reading_tables.table(each, language=language) for each in measured]
        _put(ROOT / file, "reading", [table for table in tables if table])
        tables = [finetuning_tables.table(each, language=language) for each in measured]
        _put(ROOT / file, "finetuning", [table for table in tables if table])
        tables = [serving_tables.table(each, language=language) for each in measured]
        _put(ROOT / file, "serving", [table for table in tables if table])
        tables = [judging_tables.table(each, language=language) for each in measured]
        _put(ROOT / file, "judging", [table for table in tables if table])
    for each in measured:
        if "finetuning" in each:
            finetuning_picture.draw(each["finetuning"])


def _put(path: Path, name: str, tables: Sequence[str]) -> None:
    """Writes tables between two marks of a file; where there are none, what stands there stays."""
    if not tables:
        return
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, _, rest = path.read_text().partition(begin)
    _, _, after = rest.partition(end)
    together = "\n".join(tables)
    path.write_text(f"{before}{begin}\n{together}{end}{after}")


def _rows(measured: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    named = {name: measured.get(f"ladder-{name}") for name in _ROWS}
    return {name: found for name, found in named.items() if found}


def _table(rows: dict[str, dict[str, Any]], words: dict[str, Any]) -> str:
    columns = words["columns"]
    whole = rows["article"]["seconds"]["mean"] if "article" in rows else None
    lines = [_row(columns), _row(["---"] * len(columns))]
    for name, found in rows.items():
        title = words["article"] if name == "article" else f"`--preset {name}`"
        accuracy, seconds, peak = found["accuracy"], found["seconds"], found["peak_mb"]["maximum"]
        lines.append(
            _row(
                [
                    title,
                    f"{_percent(accuracy['mean'])} % ± {_percent(accuracy['sd'] or 0)} (n = {accuracy['n']})",
                    f"{seconds['mean']:.1f} ± {seconds['sd'] or 0:.1f}",
                    _share(seconds["mean"], whole),
                    f"{peak:,.0f} MB",
                    _target(name, accuracy["mean"], seconds["mean"], whole),
                ]
            )
        )
    some = next(iter(rows.values()))
    about = {**some["machine"], **some["versions"], "measured": some["measured"]}
    return "\n".join([*lines, "", words["machine"].format(**about), ""])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(seconds: float, whole: float | None) -> str:
    """The time as a part of the article program's, or a multiple of it."""
    if whole is None:
        return "–"
    if seconds == whole:
        return "1"
    return f"1/{whole / seconds:.1f}" if seconds <= whole else f"{seconds / whole:.1f} ×"


def _percent(share: float) -> str:
    return f"{100 * share:.3f}"


def _target(name: str, accuracy: float, seconds: float, whole: float | None) -> str:
    """The preset's target, marked as reached or missed by the means."""
    if name not in TARGETS or whole is None:
        return ""
    least, share = TARGETS[name]
    longest = LONGEST if share is None else share * whole
    words = f"{100 * least:.4g} %, {longest:.3g} s"
    return f"{words} {'✓' if accuracy >= least and seconds <= longest else '✗'}"
