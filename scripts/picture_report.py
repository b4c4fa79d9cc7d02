#!/usr/bin/env python3
"""Draws the README's picture of a report: `python scripts/picture_report.py`, with Chromium on the machine.

It is that of the model that ships on MNIST's test images, against the one that it asks: its head, its
calibration and its mistakes.
"""

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from inkdigits.cli import judgement, judging

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
WIDTH = 1180
SHOWN = ("header", ".tiles", ".two", "section:has(.pictures)")
GAP = 20
COLOURS = 128


def main() -> None:
    """Writes the picture."""
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
    whole.quantize(COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
