#!/usr/bin/env python3
"""Draws the README's pictures of judging: `python scripts/picture_report.py`, with Chromium on the machine.

One is a report of the model that ships on MNIST's test images, against the one that it asks: its head, its
calibration and its mistakes. The other explains three of its answers.
"""

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from inkdigits.cli import explaining, judgement, judging

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 1180
SHOWN = ("header", ".tiles", ".two", "section:has(.pictures)")
GAP = 20
COLOURS = 128
EXPLAINED = ("mnist:8", "mnist:2130", "mnist:9729")


def main() -> None:
    """Writes both pictures."""
    explained = explaining.Order(
        model=Path("reader"), images=EXPLAINED, method="all", label=None, data=None, neighbours=None
    )
    explaining.explain(explained, DOCS / "explain.png", as_json=False)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "report.html"
        order = judgement.Order(model=Path("reader"), source="mnist", against=Path("house"), report=report)
        judging.evaluate(order, as_json=False)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.goto(report.as_uri())
        parts = []
        for i, selector in enumerate(SHOWN):
            path = Path(folder) / f"{i}.png"
            page.locator(selector).first.screenshot(path=path)
            parts.append(Image.open(path).convert("RGB"))
        browser.close()
    height = sum(part.height + GAP for part in parts) + GAP
    whole = Image.new("RGB", (WIDTH, height), (246, 246, 244))
    top = GAP
    for part in parts:
        whole.paste(part, ((WIDTH - part.width) // 2, top))
        top += part.height + GAP
    whole.quantize(COLOURS).save(DOCS / "report.png", optimize=True)


if __name__ == "__main__":
    main()
