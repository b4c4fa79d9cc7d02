"""The page of a form is found in photos and scans to a part of a pixel; other pages are refused."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkdigits.errors import UserError
from inkdigits.read import registration
from inkdigits.read.flattening import flat, projected
from inkdigits.read.form_spec import Area, FieldSpec, FormSpec, Mark
from inkdigits.read.registration import Form
from inkdigits.types import Gray

DPI = 200
PER_MM = DPI / 25.4
WORDS = ["please", "write", "one", "digit", "in", "each", "box", "with", "a", "dark", "pen", "total", "paid"]
HALF_A_PIXEL = 0.15
"""In millimetres: the photos here show 3 to 4 pixels for each."""

WAYS = ("marks", "template", "both")


def spec(way: str = "marks", *, row: float = 60, odd: str = "disc") -> FormSpec:
    """Two combs and a choice; one of the marks may be of another shape."""
    comb = tuple(Area(x=60 + 8 * n, y=row, width=8, height=9) for n in range(8))
    boxes = tuple(Area(x=60 + 9 * n, y=row + 20, width=7, height=9) for n in range(6))
    options = tuple(Area(x=60 + 20 * n, y=row + 70, width=4.5, height=4.5) for n in range(4))
    places = [(15, 15), (195, 15), (15, 282), (195, 282)]
    marks = [Mark(x=x, y=y, size=6, shape="square" if n else odd) for n, (x, y) in enumerate(places)]
    return FormSpec(
        name="survey",
        width=210,
        height=297,
        unit="mm",
        fields=(
            FieldSpec(name="id", kind="boxes", boxes=comb, length=8),
            FieldSpec(name="date", kind="boxes", boxes=boxes, length=6),
            FieldSpec(name="answer", kind="choice", boxes=options, labels=("a", "b", "c", "d")),
        ),
        template=None if way == "marks" else Path("blank.png"),
        marks=() if way == "template" else tuple(marks),
    )


def printed(form: FormSpec, *, seed: int = 0) -> Gray:
    """The form's page at 200 dots per inch, with words of that seed."""
    page = Image.new("L", (round(form.width * PER_MM), round(form.height * PER_MM)), 255)
    draw = ImageDraw.Draw(page)
    words, font = np.random.default_rng(seed), ImageFont.load_default(3.5 * PER_MM)
    for y in [*range(25, 55, 7), 104, 112, 120, *range(150, 270, 8)]:
        said = " ".join(words.choice(WORDS, words.integers(3, 10)))
        draw.text((25 * PER_MM, y * PER_MM), said, fill=0, font=font)
    for mark in form.marks:
        corners = [(mark.x - 3) * PER_MM, (mark.y - 3) * PER_MM, (mark.x + 3) * PER_MM, (mark.y + 3) * PER_MM]
        (draw.rectangle if mark.shape == "square" else draw.ellipse)(corners, fill=0)
    for box in (box for field in form.fields for box in field.boxes):
        edges = [box.x, box.y, box.x + box.width, box.y + box.height]
        draw.rectangle([PER_MM * edge for edge in edges], outline=40, width=2)
    return np.array(page)


@cache
def prepared(way: str) -> tuple[Form, Gray]:
    """The form, and its printed page."""
    form = spec(way)
    page = printed(form)
    return registration.prepare(form, None if way == "marks" else page), page


def photo(
    page: Gray, *, turn: float = 0, tilt: float = 0.05, seed: int = 0
) -> tuple[Gray, NDArray[np.float64]]:
    """The page on a desk, turned, tilted, in the shade and grainy; and the map from its pixels."""
    random = np.random.default_rng(seed)
    height, width = page.shape
    scale, angle = 1100 / math.hypot(height, width), math.radians(turn)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    turned = (corners - [width / 2, height / 2]) @ np.array(
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    )
    tilted = scale * (turned + random.uniform(-tilt, tilt, (4, 2)) * width) + 600
    to_picture = np.asarray(
        cv2.getPerspectiveTransform(corners.astype(np.float32), tilted.astype(np.float32)), np.float64
    )
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    soft = cv2.GaussianBlur(page, (0, 0), 0.25 / scale)
    seen = cv2.warpPerspective(soft, np.linalg.inv(half) @ to_picture @ half, (1200, 1200), borderValue=70)
    shade = np.linspace(1, 0.5, 1200) * np.linspace(1, 0.8, 1200)[:, np.newaxis]
    shade[:, 500:600] *= 0.8
    grainy = cv2.GaussianBlur(seen * shade, (0, 0), 0.8) + random.normal(0, 4, seen.shape)
    return np.clip(grainy, 0, 255).astype(np.uint8), to_picture


def error(picture: Gray, form: Form, to_picture: NDArray[np.float64]) -> float:
    """How far off in millimetres the farthest of many points of the page is found."""
    found = registration.register(picture, form)
    points = np.array([[x, y] for x in np.linspace(10, 200, 7) for y in np.linspace(10, 287, 7)])
    back = (
        projected(np.asarray(np.linalg.inv(to_picture), np.float64), projected(found.to_picture, points))
        / PER_MM
    )
    return float(np.linalg.norm(back - points, axis=1).max())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("turn", [0, 8, -40, 90, 180, 275])
def test_the_page_is_found_to_half_a_pixel(way: str, turn: float) -> None:
    form, page = prepared(way)
    picture, to_picture = photo(page, turn=turn, seed=round(abs(turn)))
    assert error(picture, form, to_picture) < HALF_A_PIXEL


@pytest.mark.parametrize("way", WAYS)
def test_a_scan_is_found_too(way: str) -> None:
    form, page = prepared(way)
    picture = cv2.resize(page, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    assert error(np.asarray(picture, np.uint8), form, np.diag([0.75, 0.75, 1])) < HALF_A_PIXEL


def test_without_an_odd_mark_the_boxes_tell_which_side_is_up() -> None:
    form = spec(odd="square")
    picture, to_picture = photo(printed(form), turn=180)
    assert error(picture, registration.prepare(form, None), to_picture) < HALF_A_PIXEL


@pytest.mark.parametrize("scale", [0.1, 0.5, 1, 3])
def test_a_part_laid_flat_shows_each_place_where_it_is(scale: float) -> None:
    rows, columns = np.indices((400, 600)) + 0.5
    picture = np.asarray(columns / 4 + rows / 8, np.uint8)
    area = Area(x=30, y=20, width=60, height=50)
    seen = flat(picture, np.diag([5.0, 4.0, 1.0]), area, scale=scale)
    assert seen.shape == (50 * scale, 60 * scale)
    down, across = (np.mgrid[: seen.shape[0], : seen.shape[1]] + 0.5) / scale
    expected = 5 * (30 + across) / 4 + 4 * (20 + down) / 8
    assert abs(expected - 0.5 - seen).max() <= 1.5


def landscape() -> Gray:
    """Light and dark of all sizes, as hills and trees are."""
    random = np.random.default_rng(3)
    layers = [
        cv2.resize(random.normal(0, 1, (side, side)), (1200, 1200), interpolation=cv2.INTER_CUBIC) / side**0.5
        for side in (4, 8, 16, 32, 64, 128, 256)
    ]
    field = sum(layers)
    return np.asarray(255 * (field - np.min(field)) / np.ptp(field), np.uint8)


OTHERS: dict[str, Callable[[], Gray]] = {
    "another form with the same marks": lambda: photo(printed(spec(row=48), seed=5))[0],
    "a blank sheet": lambda: photo(np.full((2339, 1654), 250, np.uint8))[0],
    "a bare sheet with the marks": lambda: photo(printed(replace(spec(), fields=()), seed=7))[0],
    "a landscape": landscape,
    "half the page": lambda: photo(prepared("both")[1])[0][:550],
    "its mirror image": lambda: np.ascontiguousarray(photo(prepared("both")[1])[0][:, ::-1]),
    "nothing but grey": lambda: np.full((900, 700), 128, np.uint8),
    "one pixel": lambda: np.zeros((1, 1), np.uint8),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("other", OTHERS)
def test_another_page_is_refused(way: str, other: str) -> None:
    with pytest.raises(UserError, match="the page doesn't match the form 'survey': ") as raised:
        registration.register(OTHERS[other](), prepared(way)[0])
    assert any(said in str(raised.value) for said in ("only", "aren't found", "nothing in it"))


def test_a_template_that_cant_be_one_is_refused() -> None:
    form = spec("template")
    with pytest.raises(UserError, match=r"has 300×300 pixels, but its page is 210×297 mm"):
        registration.prepare(form, np.full((300, 300), 255, np.uint8))
    with pytest.raises(UserError, match=r"shows 0 features; it takes 12"):
        registration.prepare(form, np.full((2970, 2100), 255, np.uint8))
