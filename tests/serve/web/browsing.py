"""How tests use the page: drawing, looking, asking what the server knows."""

import base64
import importlib
import importlib.util
import shutil
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Locator, Page

SECONDS = 20_000
"""How long the page may take for anything, in milliseconds: the machine may be busy."""

SEVEN = ((0.2, 0.2), (0.75, 0.2), (0.45, 0.85))
NUMBERS = ((0, 1, 2, 3), (4, 5, 18, 7, 8))
"""The test images of MNIST that a page is drawn with: 7210 and 41395."""

CLOSE = 16
"""Pixels of the drawn page by which a box may be off: lines are drawn some pixels wide, around the ink."""

Opens = Callable[..., "Page"]


class Service(Protocol):
    """A server that runs, and the token that lets one manage it."""

    url: str
    token: str


def lacking() -> str:
    """What these tests need and isn't here; "" where all is."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright isn't installed"
    return "" if shutil.which("chromium") else "chromium isn't installed"


def draw(page: "Page", points: tuple[tuple[float, float], ...] = SEVEN, *, scale: float = 1.0) -> None:
    """A stroke with the mouse through points of the paper, in shares of its sides."""
    box = page.locator("#paper").bounding_box()
    assert box is not None
    places = [(box["x"] + scale * x * box["width"], box["y"] + scale * y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def expect(found: "Locator") -> Any:
    """What has to come true of something on the page, in a while."""
    return importlib.import_module("playwright.sync_api").expect(found)


def expect_answer(page: "Page", *labels: str) -> None:
    """What was drawn has to be read as these."""
    expect(page.locator("#drawn .digit-label")).to_have_text(list(labels))


def expect_number(page: "Page", selector: str, n: int) -> None:
    """There has to be that many of something."""
    expect(page.locator(selector)).to_have_count(n)


def corrections(page: "Page", service: Service) -> list[dict[str, Any]]:
    """The corrections that wait, as the server tells them."""
    authorization = {"Authorization": f"Bearer {service.token}"}
    answer = page.request.get(f"{service.url}/v1/corrections?state=waiting", headers=authorization).json()
    found: list[dict[str, Any]] = answer["corrections"]
    return found


def only_new(found: list[dict[str, Any]], before: list[dict[str, Any]]) -> dict[str, Any]:
    """The one correction that wasn't there before."""
    (new,) = (each for each in found if each not in before)
    return new


def tab_to(page: "Page", selector: str) -> None:
    """Presses Tab until something has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    pytest.fail(f"Tab doesn't come to {selector}")


def file_of(picture: Image.Image, suffix: str) -> "FilePayload":
    """The picture as a file that a user might choose."""
    content = BytesIO()
    picture.save(content, suffix)
    kind = "application/pdf" if suffix == "pdf" else f"image/{suffix}"
    return {"name": f"numbers.{suffix}", "mimeType": kind, "buffer": content.getvalue()}


def read_of(label: str, **more: Any) -> list[dict[str, Any]]:
    """What the server might answer to a drawing."""
    box = {"x": 50, "y": 50, "width": 60, "height": 90}
    seen = base64.b64encode(bytes(400) + b"\xff" * 20 + bytes(364)).decode()
    digit = {"label": label, "confidence": 0.9, "box": box, "seen": seen}
    line = {"text": label, "confidence": 0.9, "accepted": True, "reason": None, "box": box, "digits": [digit]}
    page = {"width": 560, "height": 560, "error": None, "grid": None, "fields": None, "lines": [line | more]}
    return [{"file": "", "error": None, "pages": [page]}]
