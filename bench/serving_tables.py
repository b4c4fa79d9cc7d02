"""What the READMEs say of the HTTP service: each figure beside its target, in English and Chinese."""

from collections.abc import Mapping

from bench import rows
from bench.rows import Figures, Row

LATE_SECONDS = 2.0
"""Seconds after the deadline by when a slow sender has to be gone."""


def _per_second(found: Figures, name: str) -> float:
    return float(found["peak"][name]["per_second"]["mean"])


def _plain(found: Figures) -> str:
    """Plain FastAPI with as many workers as it is fastest with."""
    return max(("fastapi_1", "fastapi_2"), key=lambda name: _per_second(found, name))


def _peak(found: Figures) -> str:
    names = ("inkdigits", "litserve", "fastapi_1", "fastapi_2")
    spreads = [found["peak"][name]["per_second"] for name in names]
    return " / ".join(f"{each['mean']:,.0f} ± {each['sd'] or 0:,.0f}" for each in spreads)


def _times(found: Figures) -> tuple[float, float]:
    """How many times as many requests as LitServe, and as plain FastAPI."""
    own = _per_second(found, "inkdigits")
    return own / _per_second(found, "litserve"), own / _per_second(found, _plain(found))


def _failures(load: Figures) -> int:
    """Of a load, what was not answered with 200."""
    statuses = sum(n for status, n in load["statuses"].items() if status != "200")
    return int(statuses + load["cut"] + load["refused"] + load["hung"])


def _bombs(found: Figures) -> list[Figures]:
    return [*found["bombs"]["bombs"].values(), *found["bombs"]["truncated"].values()]


def _slowest(found: Figures) -> float:
    return max(float(each["slowest"]) for each in _bombs(found))


def _grew(found: Figures) -> float:
    return max(float(each["grew_mb"]) for each in [*_bombs(found), found["bombs"]["slow"]])


def _are_refused(found: Figures) -> bool:
    """Whether bombs had 4xx; files cut off at their very end may be read."""
    bombs = [status for each in found["bombs"]["bombs"].values() for status in each["statuses"]]
    cut = [status for each in found["bombs"]["truncated"].values() for status in each["statuses"]]
    return all(status.startswith("4") for status in bombs) and all(status[0] in "24" for status in cut)


def _are_slow_ended(found: Figures) -> bool:
    deadlines = {"heads": 5.0, "bodies": 30.0}
    told = found["bombs"]["slow"]
    return all(
        not told[kind]["never"] and told[kind]["slowest"] <= seconds + LATE_SECONDS
        for kind, seconds in deadlines.items()
    )


def _goodput(found: Figures) -> bool:
    told = found["overload"]
    return bool(told["share_of_peak"] >= 0.9 and told["most_mb"] - told["before_mb"] <= 50)


ROWS = (
    Row(
        titles=(
            "single digits a second: ours / LitServe / plain FastAPI, one and two workers¹",
            "每秒单个数字：本服务 / LitServe / 普通 FastAPI（一个、两个进程）¹",
        ),
        shown=_peak,
        targets=("≥ 2 × each", "≥ 各自的 2 倍"),
        reached=lambda found: min(_times(found)) >= 2,
    ),
    Row(
        titles=("images a second over OIP, batches of 64", "OIP 每秒图像，每批 64 张"),
        shown=lambda found: f"{found['tensors']['images_per_second']['mean']:,.0f}",
        targets=("≥ 10,000", "≥ 10,000"),
        reached=lambda found: found["tensors"]["images_per_second"]["mean"] >= 10_000,
    ),
    Row(
        titles=("p99 at half of the peak², due evenly / at random", "半峰值负载的 p99²，均匀 / 随机到达"),
        shown=lambda found: " / ".join(
            f"{1_000 * found['half'][name]['p99']['mean']:.1f} ms" for name in ("even", "random")
        ),
        targets=("≤ 10 ms", "≤ 10 ms"),
        reached=lambda found: max(found["half"][name]["p99"]["mean"] for name in ("even", "random")) <= 0.01,
    ),
    Row(
        titles=("from the start to ready", "从启动到就绪"),
        shown=lambda found: f"{found['start']['seconds']['mean']:.2f} s",
        targets=("≤ 1.0 s", "≤ 1.0 s"),
        reached=lambda found: found["start"]["seconds"]["mean"] <= 1,
    ),
    Row(
        titles=(
            "memory of a worker: at first / after load, at most",
            "每个进程的内存：启动后 / 负载后，至多",
        ),
        shown=lambda found: " / ".join(
            f"{found['start'][name]['maximum']:.0f} MB" for name in ("worker_mb", "used_worker_mb")
        ),
        targets=("≤ 200 MB", "≤ 200 MB"),
        reached=lambda found: found["start"]["used_worker_mb"]["maximum"] <= 200,
    ),
    Row(
        titles=(
            "5 × the peak: answered, as a share of the peak / p99 of refusals / memory",
            "5 倍峰值：答复数占峰值之比 / 拒绝的 p99 / 内存增长",
        ),
        shown=lambda found: (
            f"{100 * found['overload']['share_of_peak']:.0f} % /"
            f" {1_000 * (found['overload']['load']['others'] or {'p99': 0})['p99']:.0f} ms /"
            f" +{found['overload']['most_mb'] - found['overload']['before_mb']:.0f} MB"
        ),
        targets=("≥ 90 %, flat", "≥ 90 %，持平"),
        reached=_goodput,
    ),
    Row(
        titles=("models swapped under load: failures", "负载下更换模型：失败数"),
        shown=lambda found: (
            f"{_failures(found['swap']['load'])} / {found['swap']['load']['sent']:,}"
            f" ({found['swap']['swap_seconds']['n']} ×)"
        ),
        targets=("0; a failing model leaves the old one", "0；坏模型不取代旧模型"),
        reached=lambda found: _failures(found["swap"]["load"]) == 0 and found["swap"]["failing"]["is_kept"],
    ),
    Row(
        titles=(
            "kill −9 of a worker: hanging / failed / failed that it didn't hold",
            "kill −9 一个进程：挂起 / 失败 / 并非由它处理的失败",
        ),
        shown=lambda found: (
            f"{found['killed']['hung']} / {found['killed']['cut']['mean']:.0f} ×"
            f" {found['killed']['cut']['n']} / {found['killed']['cut_beyond']}"
        ),
        targets=("0 / – / 0", "0 / – / 0"),
        reached=lambda found: (
            not any(found["killed"][name] for name in ("hung", "refused", "others", "cut_beyond"))
        ),
    ),
    Row(
        titles=("bombs and torn files: slowest answer / memory", "炸弹与残缺文件：最慢的答复 / 内存增长"),
        shown=lambda found: f"{1_000 * _slowest(found):.0f} ms / +{_grew(found):.0f} MB",
        targets=("4xx, ≤ 100 ms, ≤ 50 MB", "4xx，≤ 100 ms，≤ 50 MB"),
        reached=lambda found: _are_refused(found) and _slowest(found) <= 0.1 and _grew(found) <= 50,
    ),
    Row(
        titles=("a byte a second: heads / bodies ended after", "每秒一字节：请求头 / 请求体被终止于"),
        shown=lambda found: " / ".join(
            f"{found['bombs']['slow'][kind]['slowest']:.0f} s" for kind in ("heads", "bodies")
        ),
        targets=("5 s / 30 s", "5 s / 30 s"),
        reached=_are_slow_ended,
    ),
)

_WORDS: tuple[Mapping[str, str], ...] = (
    {
        "columns": "what|measured|target",
        "notes": "Two workers; the load comes from a second process on the same {cores} cores ({processor},"
        " commit {commit:.7}, {measured}). ¹ PNG pictures of 280 × 280, 32 connections; in turns, mean ±"
        " standard deviation of {n}. The others decode the same pictures to the same digit images and ask the"
        " same model; LitServe as it is fastest: `{litserve}`. {litserve_times:.1f} × LitServe,"
        " {fastapi_times:.1f} × FastAPI; milliseconds of the processor for one request: {cpu}. ² {rate:,.0f}"
        " requests a second, counted from when each was due. No bomb by the limits: the largest picture that"
        " is still read, 63 kB of 49 million pixels, takes {largest_seconds:.1f} s and {largest_mb:.0f} MB.",
    },
    {
        "columns": "内容|测得|目标",
        "notes": "两个进程；负载来自同样 {cores} 个核上的另一进程（{processor}，提交 {commit:.7}，"
        "{measured}）。¹ 280 × 280 的 PNG 图片，32 个连接；轮流测量，{n} 次的均值 ± 标准差。"
        "其他服务把同样的图片解码成同样的数字图像并使用同一模型；LitServe 取其最快的设置：`{litserve}`。"
        "为 LitServe 的 {litserve_times:.1f} 倍，FastAPI 的 {fastapi_times:.1f} 倍；"
        "每个请求的处理器毫秒数：{cpu}。² 每秒 {rate:,.0f} 个请求，延迟从应发出的时刻算起。"
        "不算炸弹的：仍会读取的最大图片（63 kB，4,900 万像素）需 {largest_seconds:.1f} s、"
        "{largest_mb:.0f} MB。",
    },
)


def table(measured: Mapping[str, Figures], *, language: int) -> str:
    """The table of one machine's results in English (0) or Chinese (1); empty where nothing was measured."""
    found = measured.get("serving")
    if not found:
        return ""
    words = _WORDS[language]
    lines = rows.lines(ROWS, found, words["columns"].split("|"), language=language)
    litserve, fastapi = _times(found)
    names = ("inkdigits", "litserve", "fastapi_1", "fastapi_2")
    largest = found["bombs"]["within_limits"]["largest_grey"]
    notes = words["notes"].format(
        **{**found["machine"], **found["versions"], "measured": found["measured"]},
        n=found["peak"]["inkdigits"]["per_second"]["n"],
        litserve=found["peak"]["ways"]["litserve"],
        litserve_times=litserve,
        fastapi_times=fastapi,
        cpu=", ".join(f"{found['peak'][name]['cpu_ms']['mean']:.2f}" for name in names),
        rate=found["half"]["rate"],
        largest_seconds=largest["slowest"],
        largest_mb=largest["grew_mb"],
    )
    return "\n".join([*lines, "", notes, ""])
