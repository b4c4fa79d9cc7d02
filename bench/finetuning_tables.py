"""What the READMEs say of fine-tuning: before, after and from nothing, in English and Chinese."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Figures = Mapping[str, Any]
Means = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case: its key in the results, what it is called and to reach, and whether it did."""

    key: str
    titles: tuple[str, str]
    targets: tuple[str, str]
    reached: Callable[[Means], bool]


def _at_least(share: float) -> Callable[[Means], bool]:
    return lambda means: means["after"] >= share


def _halved(means: Means) -> bool:
    return 1 - means["after"] <= (1 - means["before"]) / 2


def _keeps_mnist(means: Means) -> bool:
    return means["mnist_before"] - means["mnist_after"] <= 0.001


_SCRIPTS = {"bangla": "孟加拉", "devanagari": "天城体", "telugu": "泰卢固"}

CASES = (
    Case(
        key="usps",
        titles=("USPS, all of it", "USPS，全部"),
        targets=("≥ 98 %, MNIST −0.1 at most", "≥ 98 %，MNIST 至多 −0.1"),
        reached=lambda means: _at_least(0.98)(means) and _keeps_mnist(means),
    ),
    Case(
        key="usps_10",
        titles=("USPS, ten of each digit", "USPS，每类十张"),
        targets=("≥ 95 %, 10 points above from nothing", "≥ 95 %，比从零高 10 点"),
        reached=lambda means: _at_least(0.95)(means) and means["after"] - means["nothing"] >= 0.1,
    ),
    Case(
        key="writers",
        titles=("one unseen writer, five of each digit", "一位未见过的书写者，每类五张"),
        targets=("half the mistakes", "错误减半"),
        reached=_halved,
    ),
    Case(
        key="cheque_digits",
        titles=("digits from boxes on cheques", "支票格中的数字"),
        targets=("half the mistakes", "错误减半"),
        reached=_halved,
    ),
    Case(
        key="kannada",
        titles=("Kannada numerals, others' as the test", "卡纳达数字，测试为他人所写"),
        targets=("≥ 88 %", "≥ 88 %"),
        reached=_at_least(0.88),
    ),
    *(
        Case(
            key=key,
            titles=(f"{key.capitalize()} numerals", f"{chinese}数字"),
            targets=("≥ 98.5 %", "≥ 98.5 %"),
            reached=_at_least(0.985),
        )
        for key, chinese in _SCRIPTS.items()
    ),
)

_WORDS: tuple[Mapping[str, str], ...] = (
    {
        "columns": "fine-tuned on|before|after|promoted|from nothing|MNIST before, after|seconds|target",
        "notes": "Test images read right, mean ± standard deviation of {n} seeds, whether or not the gate"
        " promoted them; writers are means over {writers} writers. From nothing: a network of the same shape"
        " learns the same images by the recipe of `--labels replace`. {processor}, {cores} cores, commit"
        " {commit:.7}, {measured}. From the shell, a"
        " hundred images take {seconds_100:.0f} s, ten thousand {seconds_10000:.0f} s and {memory:,.0f} MB at"
        " most (targets 20 s, 180 s, 2,000 MB).",
        "mnist": "From a network `best` after three passes over MNIST, all of USPS gives {mnist}, and ten of"
        " each digit {mnist_10}: the picture.",
        "published": "ImageNet's EfficientNet-Lite0 on a hundred of each digit of USPS: {frozen} with its"
        " features frozen, {unfrozen} without, {nothing} from nothing.",
    },
    {
        "columns": "微调数据|之前|之后|采用|从零训练|MNIST 前、后|秒|目标",
        "notes": "测试图像读对的比例，{n} 个种子的均值 ± 标准差，不论是否被采用；"
        "书写者一行为 {writers} 位书写者的均值。"
        "从零训练：同样形状的网络按 `--labels replace` 的做法学同样的图像。"
        "{processor}，{cores} 核，提交 {commit:.7}，{measured}。从命令行算起，一百张图像需 {seconds_100:.0f} "
        "秒，一万张需 {seconds_10000:.0f} 秒，内存至多 {memory:,.0f} MB（目标 20 秒、180 秒、2,000 MB）。",
        "mnist": "从学过三遍 MNIST 的网络 `best` 起，USPS 全部为 {mnist}，每类十张为 {mnist_10}：见图。",
        "published": "ImageNet 的 EfficientNet-Lite0 学 USPS 每类一百张：冻结特征 {frozen}，"
        "不冻结 {unfrozen}，从零 {nothing}。",
    },
)


def table(measured: Mapping[str, Figures], *, language: int) -> str:
    """The table of one machine's results in English (0) or Chinese (1); empty where nothing was measured."""
    found = measured.get("finetuning")
    if not found:
        return ""
    words = _WORDS[language]
    columns = words["columns"].split("|")
    rows = [_row(case, found, language) for case in CASES]
    lines = [" | ".join(cells) for cells in (columns, ["---"] * len(columns), *rows)]
    about = {**found["machine"], **found["versions"], "measured": found["measured"]}
    cost = found["cost"]
    notes = words["notes"].format(
        n=found["usps"]["after"]["n"],
        writers=len(found["writers"]),
        seconds_100=cost["images_100"]["seconds"]["mean"],
        seconds_10000=cost["images_10000"]["seconds"]["mean"],
        memory=max(each["memory_mb"]["maximum"] for each in cost.values()),
        **about,
    )
    curve = found["curve"]["mnist"]
    mnist = words["mnist"].format(mnist=_with_n(curve["0"]), mnist_10=_with_n(curve["10"]))
    shares = {name: _with_n(each) for name, each in found["published"].items()}
    published = words["published"].format(**shares)
    return "\n".join([*(f"| {line} |" for line in lines), "", notes, "", mnist, published, ""])


def _row(case: Case, found: Figures, language: int) -> list[str]:
    """The cells of a case."""
    spreads = _of_all(list(found["writers"].values())) if case.key == "writers" else found[case.key]
    means = {name: float(each["mean"]) for name, each in spreads.items() if isinstance(each, Mapping)}
    mnist = [f"{100 * means[name]:.2f}" for name in ("mnist_before", "mnist_after") if name in means]
    return [
        case.titles[language],
        *(_spread(spreads[name]) for name in ("before", "after")),
        f"{100 * means['promoted']:.0f} %",
        _spread(spreads["nothing"]),
        ", ".join(mnist),
        f"{means['seconds']:.0f}",
        f"{case.targets[language]} {'✓' if case.reached(means) else '✗'}",
    ]


def _of_all(writers: list[Figures]) -> dict[str, dict[str, float]]:
    """Means over writers, of their means and of their spreads."""
    names = [name for name, value in writers[0].items() if isinstance(value, Mapping)]
    return {
        name: {key: float(np.mean([each[name][key] for each in writers])) for key in ("n", "mean", "sd")}
        for name in names
    }


def _spread(found: Mapping[str, float]) -> str:
    return f"{100 * found['mean']:.2f} ± {100 * found['sd']:.2f} %"


def _with_n(found: Mapping[str, float]) -> str:
    """Of one seed there is no spread."""
    told = _spread(found) if found["n"] > 1 else f"{100 * found['mean']:.2f} %"
    return f"{told} (n = {found['n']})"
