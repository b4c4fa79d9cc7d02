"""What the READMEs say of judging: each figure beside its target, in English and Chinese."""

from collections.abc import Mapping
from typing import Any

from bench import rows
from bench.rows import Figures, Row
from inkdigits import stats
from inkdigits.evaluate.table import percent

PGD = "PGD"
_OF_NETWORK_BEST = ("best", "robust")


def _calibration(found: Figures) -> dict[str, stats.Summary]:
    """The calibration error of each preset, over its seeds."""
    return {name: stats.summary([run["ece"] for run in runs]) for name, runs in found["presets"].items()}


def _told_calibration(name: str, error: stats.Summary) -> str:
    spread = "" if error.sd is None else f" ± {100 * error.sd:.2f}"
    return f"`{name}` {100 * error.mean:.2f}{spread}"


def _corrupted(found: Figures, name: str) -> float:
    runs = found["presets"].get(name) or [found["shipped"][name]]
    return stats.summary([run["robustness"]["mean_corrupted_accuracy"] for run in runs]).mean


def _costliest(found: Figures, name: str) -> Mapping[str, Any]:
    """Of the ways in which pages show digits, the one that costs a preset most."""
    (first, *_) = found["presets"][name]
    pages: list[Mapping[str, Any]] = first["robustness"]["pages"]
    return max(pages, key=_cost)


def _cost(way: Mapping[str, Any]) -> float:
    """In points, to a tenth, as a thousand images tell it."""
    return round(100 * float(way["cost"]), 1)


def _told_costliest(found: Figures, name: str) -> str:
    way = _costliest(found, name)
    return f"`{name}` {way['name']}, {_cost(way)}"


def _attacked(found: Figures) -> Mapping[str, Any]:
    """What is left under the strongest attack."""
    attacks: list[Mapping[str, Any]] = found["hardened"]["attacks"]
    return max(
        (each for each in attacks if each["attack"].startswith(PGD)), key=lambda each: float(each["epsilon"])
    )


ROWS = (
    Row(
        titles=(
            "calibration error on MNIST's test images, by preset",
            "MNIST 测试图像上的校准误差，按预设",
        ),
        shown=lambda found: (
            ", ".join(_told_calibration(*each) for each in _calibration(found).items()) + " %"
        ),
        targets=("≤ 0.3 %", "≤ 0.3 %"),
        reached=lambda found: max(error.mean for error in _calibration(found).values()) <= 0.003,
    ),
    Row(
        titles=(
            "read right, mean over the fifteen corruptions of MNIST-C, by preset",
            "MNIST-C 十五种损坏下的平均准确率，按预设",
        ),
        shown=lambda found: ", ".join(
            f"`{name}` {percent(_corrupted(found, name), digits=1)}"
            for name in (*_calibration(found), *found["shipped"])
        ),
        targets=("`best` ≥ 95 %", "`best` ≥ 95 %"),
        reached=lambda found: _corrupted(found, "best") >= 0.95,
    ),
    Row(
        titles=(
            "polarity, alpha, corner, size, stroke, slant, turns, JPEG: the one that costs most, in points",
            "极性、透明、偏角、大小、笔画、倾斜、旋转、JPEG：损失最多的一种（百分点）",
        ),
        shown=lambda found: "; ".join(_told_costliest(found, name) for name in _OF_NETWORK_BEST),
        targets=("≤ 0.3 each", "均 ≤ 0.3"),
        reached=lambda found: all(_cost(_costliest(found, name)) <= 0.3 for name in _OF_NETWORK_BEST),
    ),
    Row(
        titles=(
            "`hardened`, each pixel changed by up to 0.3 of white: read right under PGD-50, 10 starts",
            "`hardened`：每个像素至多改变白色的 0.3，PGD-50、10 次起始下的准确率",
        ),
        shown=lambda found: (
            f"{percent(_attacked(found)['accuracy'], digits=1)} (n = {_attacked(found)['n']:,})"
        ),
        targets=("≥ 88 %", "≥ 88 %"),
        reached=lambda found: float(_attacked(found)["accuracy"]) >= 0.88,
    ),
    Row(
        titles=(
            "of the 15 test images whose label annotators dispute, among the first 50 suspects, by seed",
            "标注者有争议的 15 张测试图像中，列入前 50 个可疑者的，按种子",
        ),
        shown=lambda found: ", ".join(str(each["among"]) for each in found["disputed"]),
        targets=("≥ 10", "≥ 10"),
        reached=lambda found: min(int(each["among"]) for each in found["disputed"]) >= 10,
    ),
)

_CHINESE = {
    "stroke 1 to 6 px": "笔画 1–6 像素",
    "clothes": "服装",
    "letters w x y z": "字母 w x y z",
    "signs + − · /": "符号 + − · /",
    "Kannada": "卡纳达数字",
    "Bangla": "孟加拉数字",
    "Devanagari": "天城文数字",
    "Telugu": "泰卢固数字",
    "blank, or a few specks": "空白或几个斑点",
    "uniform noise": "均匀噪声",
    "Gaussian noise": "高斯噪声",
    "pixels of digits, shuffled": "打乱像素的数字",
}
"""Names of the results that the Chinese table has otherwise."""

_WORDS: tuple[Mapping[str, str], ...] = (
    {
        "columns": "what|measured|target",
        "notes": "Presets trained with `--validation 0.1667`, on which the temperature is found; seeds:"
        " {seeds} (mean ± standard deviation). `robust` has the network of `best`."
        " Corruptions and pages of every tenth of MNIST's test images. {processor}, {cores} cores,"
        " commit {commit:.7}, {measured}.\n\nHow surely `reader` tells digits from what is none (AUROC):"
        " {unseen}.",
    },
    {
        "columns": "内容|测得|目标",
        "notes": "预设以 `--validation 0.1667` 训练，温度在留出的图像上求得；种子数：{seeds}"
        "（均值 ± 标准差）。`robust` 用的是 `best` 的网络。"
        "损坏与页面取 MNIST 测试图像的每十张之一。{processor}，{cores} 核，提交 {commit:.7}，{measured}。"
        "\n\n`reader` 区分数字与非数字的把握（AUROC）：{unseen}。",
    },
)


def table(measured: Mapping[str, Figures], *, language: int) -> str:
    """The table of one machine's results in English (0) or Chinese (1); empty where nothing was measured."""
    found = measured.get("judging")
    if not found:
        return ""
    words = _WORDS[language]
    kinds = found["shipped"]["reader"]["unseen"]
    notes = words["notes"].format(
        **{**found["machine"], **found["versions"], "measured": found["measured"]},
        seeds=", ".join(f"{name} {len(runs)}" for name, runs in found["presets"].items()),
        unseen=", ".join(f"{each['name']} {each['auroc']:.3f}" for each in kinds),
    )
    lines = rows.lines(ROWS, found, words["columns"].split("|"), language=language)
    text = "\n".join([*lines, "", notes, ""])
    for name, other in _CHINESE.items() if language else ():
        text = text.replace(name, other)
    return text
