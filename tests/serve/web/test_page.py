"""The page, driven as its users do: in a real browser, against a real server."""

import base64
import itertools
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.serve.web.browsing import (
    CLOSE,
    SEVEN,
    Opens,
    Service,
    corrections,
    draw,
    expect_answer,
    expect_number,
    file_of,
    only_new,
    read_of,
    tab_to,
)

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Route


@pytest.mark.parametrize("inverted", [False, True])
def test_a_seven_in_a_corner_is_read_as_a_seven(opens: Opens, inverted: bool) -> None:
    page = opens()
    page.locator("#invert").set_checked(inverted)
    draw(page, scale=0.4)
    expect_answer(page, "7")
    assert page.locator("#drawn .badge").inner_text()
    expect_number(page, "#drawn .bars li", 4)


def test_a_finger_draws_too_and_a_phone_never_scrolls_sideways(opens: Opens) -> None:
    page = opens(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    box = page.locator("#paper").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 280
    touch = page.context.new_cdp_session(page)
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in SEVEN]
    steps = np.linspace(0, 1, 9)
    between = [
        {key: start[key] + step * (end[key] - start[key]) for key in "xy"}
        for start, end in itertools.pairwise(places)
        for step in steps
    ]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [places[0]]})
    for place in between:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [place]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_answer(page, "7")
    for view in ("read", "models"):
        page.locator(f"#to-{view}").click()
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_what_is_blank_or_undone_has_no_answer_and_clearing_can_be_undone(opens: Opens) -> None:
    page = opens()
    draw(page)
    expect_answer(page, "7")
    page.keyboard.press("Delete")
    expect_answer(page)
    assert page.locator("#drawn-hint").is_visible()
    page.keyboard.press("Control+z")
    expect_answer(page, "7")
    page.locator("#undo").click()
    expect_answer(page)


def test_an_answer_that_is_out_of_date_is_never_shown(opens: Opens) -> None:
    page = opens()
    held: list[Route] = []
    page.route("**/v1/read*", lambda route: route.continue_() if held else held.append(route))
    draw(page, ((0.5, 0.2), (0.5, 0.8)))
    while not held:
        page.wait_for_timeout(50)
    page.locator("#clear").click()
    draw(page)
    expect_answer(page, "7")
    held[0].fulfill(json=read_of("1"))
    page.wait_for_timeout(300)
    expect_answer(page, "7")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("blank", "blank"),
        ("not a digit", "not a digit"),
        ("several digits", "several digits"),
        ("unsure", "unsure"),
        ("its check digit is wrong", "its check digit is wrong"),
    ],
)
def test_what_is_refused_says_why(opens: Opens, reason: str, said: str) -> None:
    page = opens()
    refused = read_of("5", accepted=False, reason=reason, text="", digits=[])
    page.route("**/v1/read*", lambda route: route.fulfill(json=refused))
    draw(page)
    assert said in page.locator("#drawn .badge").inner_text()


def test_a_page_shows_a_box_on_each_of_its_numbers(opens: Opens, numbers: Image.Image) -> None:
    page = opens()
    page.locator("#files").set_input_files([file_of(numbers, "png")])
    expect_number(page, ".line", 2)
    texts = ["".join(line.locator(".digit-label").all_inner_texts()) for line in page.locator(".line").all()]
    assert texts == ["7210", "41395"]
    expect_number(page, ".sheet img", 1)
    paper = page.locator(".sheet img").bounding_box()
    assert paper is not None
    scale = numbers.width / paper["width"]
    for box, at in zip(page.locator(".outline").all(), (slice(0, 300), slice(300, 700)), strict=True):
        shown = box.bounding_box()
        assert shown is not None
        rows, columns = np.nonzero(np.asarray(numbers)[at] < 150)
        left, top = scale * (shown["x"] - paper["x"]), scale * (shown["y"] - paper["y"])
        assert left == pytest.approx(columns.min(), abs=CLOSE)
        assert top == pytest.approx(at.start + rows.min(), abs=CLOSE)
        assert left + scale * shown["width"] == pytest.approx(columns.max(), abs=CLOSE)
        assert top + scale * shown["height"] == pytest.approx(at.start + rows.max(), abs=CLOSE)


def test_a_pdf_shows_its_digits_on_paper(opens: Opens, numbers: Image.Image) -> None:
    page = opens()
    page.locator("#files").set_input_files([file_of(numbers, "pdf")])
    expect_number(page, ".paper image", 9)
    expect_number(page, ".paper .mark", 2)


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_pictures_are_pasted_and_dropped(opens: Opens, numbers: Image.Image, way: str) -> None:
    page = opens()
    content = base64.b64encode(file_of(numbers, "png")["buffer"]).decode()
    page.evaluate(
        """([way, content]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], "numbers.png", { type: "image/png" }));
            const event = way === "paste"
                ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true })
                : new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
            document.body.dispatchEvent(event);
        }""",
        [way, content],
    )
    expect_number(page, ".line", 2)


def test_a_correction_is_sent_and_can_be_undone(opens: Opens, service: Service) -> None:
    page = opens()
    before = corrections(page, service)
    draw(page, ((0.3, 0.25), (0.7, 0.3), (0.4, 0.8)))
    expect_answer(page, "7")
    page.locator("#drawn .digit").click()
    page.locator("#panel-labels").get_by_text("1", exact=True).click()
    page.locator("#panel-undo").wait_for()
    sent = only_new(corrections(page, service), before)
    assert (sent["label"], sent["answer"], sent["state"]) == ("1", "7", "waiting")
    assert 0 < sent["confidence"] <= 1
    assert sent["model"]
    page.locator("#panel-undo").click()
    page.locator("#panel-undo").wait_for(state="detached")
    assert corrections(page, service) == before


def test_a_digit_is_corrected_with_the_keyboard_alone(opens: Opens, service: Service) -> None:
    page = opens()
    before = corrections(page, service)
    draw(page, ((0.25, 0.2), (0.7, 0.25), (0.5, 0.8)))
    expect_answer(page, "7")
    tab_to(page, "#drawn .digit")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    page.locator("#panel-undo").wait_for()
    assert only_new(corrections(page, service), before)["label"] == "2"
    page.keyboard.press("Control+z")
    page.locator("#panel-undo").wait_for(state="detached")
    assert corrections(page, service) == before
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('#drawn .digit')")


@pytest.mark.parametrize(
    "control", ["#to-models", "#language", "#drawing-kind", "#invert", "#files", "#picture-kind"]
)
def test_tab_comes_to_every_control(opens: Opens, control: str) -> None:
    tab_to(opens(), control)


def test_the_least_sure_come_first_and_leave_when_they_are_checked(
    opens: Opens, numbers: Image.Image
) -> None:
    page = opens()
    page.locator("#files").set_input_files([file_of(numbers, "png")])
    expect_number(page, "#queue .entry", 9)
    told = page.locator("#queue .entry").all_inner_texts()
    shares = [float(each.split("·")[1].strip(" %\n")) for each in told]
    assert shares == sorted(shares)
    page.locator("#queue .entry").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")  # opens the second
    page.keyboard.press("Enter")  # keeps its answer
    expect_number(page, "#queue .entry", 8)
    page.keyboard.press("Escape")
    assert page.locator("#queue .entry").all_inner_texts() == told[:1] + told[2:]


def test_the_page_is_chinese_where_the_browser_is_and_english_when_chosen(opens: Opens) -> None:
    page = opens(locale="zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("#to-read").inner_text() == "识别"
    draw(page)
    expect_answer(page, "7")
    assert "置信度" in str(page.locator("#drawn .digit").get_attribute("aria-label"))
    page.locator("#language").select_option("en")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("#to-read").inner_text() == "Read"
    assert "sure" in str(page.locator("#drawn .digit").get_attribute("aria-label"))


def test_both_languages_say_the_same_things(opens: Opens) -> None:
    words = opens().evaluate("import('/web/words.js').then((words) => words.WORDS)")
    assert words["en"].keys() == words["zh"].keys()
    page_texts = opens().evaluate(
        "[...document.querySelectorAll('[data-say]')].map((each) => each.dataset.say)"
    )
    assert set(page_texts) <= words["en"].keys()


def test_what_a_server_says_is_text_and_never_markup(opens: Opens) -> None:
    evil = "<img src=x onerror=window.broken=1>"
    page = opens()
    page.route("**/v1/read*", lambda route: route.fulfill(json=read_of(evil, accepted=False, reason=evil)))
    draw(page)
    expect_answer(page, evil)
    assert evil in page.locator("#drawn .badge").inner_text()
    assert page.locator("#drawn img").count() == 0
    assert page.evaluate("window.broken") is None


def test_while_the_server_is_away_nothing_drawn_is_lost(opens: Opens, troubles: list[str]) -> None:
    page = opens()
    page.route("**/v1/read*", lambda route: route.abort())
    draw(page)
    page.locator("#drawn .complaint button").wait_for()
    page.unroute("**/v1/read*")
    page.locator("#drawn .complaint button").click()
    expect_answer(page, "7")
    assert all("ERR_FAILED" in trouble for trouble in troubles)
    troubles.clear()


def test_a_busy_server_is_asked_again_when_it_said(opens: Opens, troubles: list[str]) -> None:
    page = opens()
    busy = {"status": 503, "headers": {"Retry-After": "1"}, "json": {"detail": "too busy"}}
    page.route("**/v1/read*", lambda route: route.fulfill(**busy), times=1)
    draw(page)
    page.get_by_text("trying again in 1 second").wait_for()
    expect_answer(page, "7")
    assert all("503" in trouble for trouble in troubles)
    troubles.clear()


def test_a_file_that_cannot_be_read_says_so(opens: Opens, troubles: list[str]) -> None:
    page = opens()
    torn: FilePayload = {"name": "torn.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n"}
    page.locator("#files").set_input_files([torn])
    page.locator(".picture .complaint").wait_for()
    assert page.locator(".picture .complaint p").count() == 2
    assert all("42" in trouble or "415" in trouble for trouble in troubles)
    troubles.clear()


def test_every_script_is_fetched_at_once() -> None:
    folder = resources.files("inkdigits.serve") / "web"
    index = (folder / "index.html").read_text(encoding="utf-8")
    scripts = {each.name for each in folder.iterdir() if each.name.endswith(".js")}
    of_the_docs = {"docs.js", "schema.js"}
    assert {name for name in scripts if f'href="web/{name}"' in index} == scripts - {"main.js"} - of_the_docs
