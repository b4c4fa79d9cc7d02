"""A real browser, the page opened in it, and a picture to read."""

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.serve.web.browsing import NUMBERS, SECONDS, Opens, Service, expect, lacking

from inkdigits import data

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    missing = lacking()
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    sync_api = importlib.import_module("playwright.sync_api")
    sync_api.expect.set_options(timeout=SECONDS)
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def troubles() -> list[str]:
    """What the browser found wrong with the page: errors of its scripts, and all that its policy forbids."""
    return []


@pytest.fixture
def opens(browser: "Browser", service: Service, troubles: list[str]) -> Iterator[Opens]:
    """Opens the page in a browser with some settings; at the end the browser must have found no fault."""
    contexts = []

    def opened(path: str = "/", *, ready: str = "#model-name", **settings: Any) -> "Page":
        context = browser.new_context(**{"locale": "en-GB", **settings})
        contexts.append(context)
        context.set_default_timeout(SECONDS)
        page = context.new_page()
        page.on("console", lambda told: troubles.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(service.url + path)
        expect(page.locator(ready)).not_to_be_empty()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="module")
def numbers(data_folder: Path) -> Image.Image:
    """A page with two numbers of real digits, one above and one below its 300th row."""
    digits = data.load("mnist", "test").images
    paper = np.full((700, 900), 244.0)
    for rows, (left, top) in zip(NUMBERS, ((120, 120), (420, 330)), strict=True):
        for at, row in enumerate(rows):
            ink = np.asarray(Image.fromarray(digits[row]).resize((56, 56)), float)
            place = np.s_[top : top + 56, left + 48 * at : left + 48 * at + 56]
            paper[place] = np.minimum(paper[place], 244 - 0.8 * ink)
    return Image.fromarray(paper.astype(np.uint8))
