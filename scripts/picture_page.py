#!/usr/bin/env python3
"""Draws the README's pictures of the page: `python scripts/picture_page.py`, with Chromium on the machine.

A service is started, a 7 is drawn with the mouse, and some digits are corrected, of which half are accepted
and learnt from while the second picture is taken.
"""

import itertools
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.serve import pictures  # noqa: E402
from tests.serve.running import Running, running  # noqa: E402

SEVEN = [(90, 90), (210, 85), (175, 150), (135, 245)]
N_CORRECTED, N_ACCEPTED = 48, 40


def main() -> None:
    """Writes both pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 760})
        page.goto(f"{service.url}/#token={service.token}")
        _draw(page)
        page.screenshot(path=ROOT / "docs" / "serve-draw.png")
        _correct(service)
        page.click("#to-models")
        page.wait_for_timeout(6000)
        page.screenshot(path=ROOT / "docs" / "serve-models.png")
        job = service.get("/v1/jobs").json()["jobs"][0]["id"]
        service.post(f"/v1/jobs/{job}/stop")
        browser.close()


def _draw(page: Page) -> None:
    canvas = page.locator("canvas").first
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + SEVEN[0][0], box["y"] + SEVEN[0][1])
    page.mouse.down()
    for (x, y), (next_x, next_y) in itertools.pairwise(SEVEN):
        for step in range(1, 11):
            share = step / 10
            page.mouse.move(box["x"] + x + share * (next_x - x), box["y"] + y + share * (next_y - y))
    page.mouse.up()
    page.wait_for_timeout(2500)


def _correct(service: Running) -> None:
    digits = pictures.digits()
    for image, label in zip(digits.images[:N_CORRECTED], digits.labels, strict=False):
        said = {"label": str(label), "answer": str((label + 3) % 10), "confidence": 0.41, "model": "reader"}
        service.post("/v1/corrections", json={"image": pictures.base64_of(image), **said})
    waiting = service.get("/v1/corrections", params={"limit": N_ACCEPTED}).json()["corrections"]
    ids = [each["id"] for each in waiting]
    service.post("/v1/corrections/review", json={"ids": ids, "accept": True})
    service.post("/v1/jobs", json={})


if __name__ == "__main__":
    main()
