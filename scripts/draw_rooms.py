#!/usr/bin/env python3
"""Draws the picture of the rooms in both languages: `scripts/draw_rooms.py [FOLDER]`, docs by default.

Boxes carry their own background and the lines are mid-grey, so that the picture reads on white and on
black pages alike.
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

SANS = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LINE = "#7d8590"
WIDTH, HEIGHT = 1000, 452


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one kind of box is drawn."""

    fill: str
    edge: str
    ink: str
    radius: int = 10


ROOM = Look(fill="#dbeafe", edge="#3b82f6", ink="#0b2a5b")
SOURCE = Look(fill="#fef3c7", edge="#d4a017", ink="#5c4200", radius=26)
FILE = Look(fill="#dcfce7", edge="#2da44e", ink="#0f4d23", radius=2)
SHELF = Look(fill="#ede9fe", edge="#8b5cf6", ink="#3b1f7a")


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle in pixels, y down, with a key into the words."""

    key: str
    x: int
    y: int
    width: int
    height: int
    look: Look


BOXES = (
    Box(key="cli", x=192, y=16, width=788, height=46, look=SHELF),
    Box(key="datasets", x=20, y=152, width=136, height=80, look=SOURCE),
    Box(key="data", x=192, y=152, width=144, height=80, look=ROOM),
    Box(key="learn", x=372, y=152, width=150, height=80, look=ROOM),
    Box(key="model", x=558, y=152, width=142, height=80, look=FILE),
    Box(key="read", x=736, y=152, width=106, height=80, look=ROOM),
    Box(key="serve", x=874, y=152, width=106, height=80, look=ROOM),
    Box(key="evaluate", x=372, y=276, width=150, height=80, look=ROOM),
    Box(key="image", x=736, y=276, width=106, height=80, look=ROOM),
    Box(key="photos", x=874, y=276, width=106, height=80, look=SOURCE),
    Box(key="shared", x=192, y=390, width=508, height=46, look=SHELF),
)

ARROWS = (
    "M156 192 H188",
    "M336 192 H368",
    "M522 192 H554",
    "M264 232 V316 H368",
    "M629 232 V316 H526",
    "M700 192 H732",
    "M842 192 H870",
    "M874 316 H846",
    "M789 276 V236",
    "M927 152 V108 H264 V148",
)

NOTES = (("corrections", 596, 99), ("test", 316, 334), ("scores", 578, 334))

WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "rooms.svg": {
        "title": ("The rooms of inkdigits and what flows between them",),
        "cli": ("cli", "one verb per job: train · finetune · read · serve"),
        "datasets": ("datasets", "MNIST, other sets,", "your own folder"),
        "data": ("data", "fetch, check, load,", "split by writer"),
        "learn": ("learn", "networks, training,", "search (PyTorch)"),
        "model": ("model file", "weights, options,", "labels, provenance"),
        "read": ("read", "page → lines", "→ digits"),
        "serve": ("serve", "HTTP API,", "web page"),
        "evaluate": ("evaluate", "figures, intervals,", "comparing models"),
        "image": ("image", "the one digit", "image"),
        "photos": ("photos", "scans, PDFs,", "canvas"),
        "shared": ("types · stats · files", "the words every room shares"),
        "corrections": ("corrections → fine-tuning → gate → swap",),
        "test": ("test split",),
        "scores": ("scores",),
    },
    "rooms.zh-CN.svg": {
        "title": ("inkdigits 的各个房间与其间的数据流",),
        "cli": ("cli", "一个动词一件事：train · finetune · read · serve"),
        "datasets": ("数据集", "MNIST 等数据集、", "自己的文件夹"),
        "data": ("data", "获取、检查、读取，", "按书写者划分"),
        "learn": ("learn", "网络、训练、", "搜索（PyTorch）"),
        "model": ("模型文件", "权重、选项、", "标签、来历"),
        "read": ("read", "页 → 行", "→ 数字"),
        "serve": ("serve", "HTTP 接口、", "网页"),
        "evaluate": ("evaluate", "指标、区间、", "两个模型的比较"),
        "image": ("image", "唯一的", "数字图像"),
        "photos": ("照片", "扫描件、PDF、", "手绘"),
        "shared": ("types · stats · files", "各房间共用的词汇"),
        "corrections": ("更正 → 微调 → 把关 → 替换",),
        "test": ("测试集",),
        "scores": ("概率",),
    },
}


def main(folder: Path) -> None:
    """Write one picture for each language into the folder."""
    for name, words in WORDS.items():
        (folder / name).write_text(picture(words), encoding="utf-8")


def picture(words: dict[str, tuple[str, ...]]) -> str:
    """The SVG with these words in it."""
    arrows = [arrow(path) for path in ARROWS]
    boxes = [drawn(box, words[box.key]) for box in BOXES]
    notes = [text(words[key][0], x=x, y=y, size=13, ink=LINE) for key, x, y in NOTES]
    title = escape(words["title"][0])
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{title}" font-family="{SANS}" text-anchor="middle">',
            f"<title>{title}</title>",
            '<marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0 L8 4 L0 8 Z" fill="{LINE}"/></marker>',
            *arrows,
            *boxes,
            *notes,
            "</svg>\n",
        ]
    )


def arrow(path: str) -> str:
    """A line with a head."""
    return (
        f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="2" stroke-linejoin="round"'
        ' marker-end="url(#head)"/>'
    )


def drawn(box: Box, words: tuple[str, ...]) -> str:
    """The rectangle with its title and the lines below it, or beside it where the box is low."""
    look = box.look
    shape = (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="{look.radius}" '
        f'fill="{look.fill}" stroke="{look.edge}" stroke-width="1.6"/>'
    )
    title, *lines = words
    middle = box.x + box.width // 2
    if len(lines) == 1:
        left = text(title, x=box.x + 18, y=box.y + 29, size=16, ink=look.ink, mono=True, anchor="start")
        right = text(lines[0], x=box.x + box.width - 18, y=box.y + 28, size=14, ink=look.ink, anchor="end")
        return "\n".join([shape, left, right])
    rows = [text(title, x=middle, y=box.y + 27, size=16, ink=look.ink, mono=True)]
    rows += [
        text(line, x=middle, y=box.y + 49 + 18 * i, size=13, ink=look.ink) for i, line in enumerate(lines)
    ]
    return "\n".join([shape, *rows])


def text(words: str, *, x: int, y: int, size: int, ink: str, mono: bool = False, anchor: str = "") -> str:
    """One line of text on the baseline y; centred on x unless anchored."""
    face = f' font-family="{MONO}" font-weight="600"' if mono else ""
    side = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{ink}"{face}{side}>{escape(words)}</text>'


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs")
