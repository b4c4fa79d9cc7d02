"""The report: what it holds is what was measured, and nothing in it reaches out."""

import base64
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import cv2
import numpy as np
import pytest

from inkdigits.evaluate import charts, gallery, report
from inkdigits.evaluate.charts import Axis, Chart, Line, Mark
from inkdigits.evaluate.compare import compare
from inkdigits.evaluate.metrics import score
from inkdigits.evaluate.overlay import overlay
from inkdigits.evaluate.report import Course, Subject
from inkdigits.evaluate.robustness import robustness
from inkdigits.evaluate.unseen import unseen
from inkdigits.types import Dataset, Images, Scores

N = 2000
NAMES = ("<b>one</b>", "two & three", "four")


class Seen(HTMLParser):
    """What is on a page: texts, tags, what is fetched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (as its base has it)
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(" ".join(data.split()))


def labelled(n: int = N) -> Dataset:
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    labels = random.integers(0, 3, n)
    return Dataset(name="drawn", split="test", images=images, labels=labels, label_names=NAMES)


def classify(images: Images) -> Scores:
    """As sure as the mean of the image is bright."""
    bright = images.mean(axis=(1, 2)) / 255
    sure = np.clip(bright + np.arange(len(images)) % 7 / 20, 0.4, 0.98)
    found = np.stack([(1 - sure) / 2] * 3, axis=1)
    found[np.arange(len(images)), np.arange(len(images)) % 3] = sure
    return found.astype(np.float32)


def subject(dataset: Dataset, **more: Any) -> Subject:
    scores = classify(dataset.images)
    evaluation = score(scores, dataset.labels, label_names=dataset.label_names, seconds=1)
    return Subject(
        name="a <model>",
        classifier=classify,
        dataset=dataset,
        scores=scores,
        evaluation=evaluation,
        **more,
    )


def test_a_page_is_whole_escapes_what_it_is_given_and_fetches_nothing() -> None:
    made = subject(labelled(), about={"learnt from": "<script>alert(1)</script>"})
    page = report.html(made)
    seen = Seen(page)
    assert seen.open == []
    assert "script" not in seen.tags
    assert seen.fetched
    assert all(each.startswith("data:image/png;base64,") for each in seen.fetched)
    assert not re.search(r"https?://|url\(|@import", page)
    assert {*NAMES, "a <model>", "<script>alert(1)</script>"} <= {*seen.texts}


def test_the_figures_are_those_of_the_evaluation() -> None:
    made = subject(labelled(), thresholds={"0.01": 0.7, "0.5": 0.1})
    texts = Seen(report.html(made)).texts
    figures = made.evaluation
    assert f"{100 * figures.accuracy:.2f} %" in texts
    wrong = N - round(figures.accuracy * N)
    low, high = figures.accuracy_interval
    assert f"{100 * low:.2f} % to {100 * high:.2f} %; {wrong:,} wrong" in texts
    for row in figures.confusion:
        assert {f"{count:,}" for count in row} <= {*texts}
    kept = texts.index("1.0 %, the model's")
    sure = made.scores.max(axis=1) >= 0.7
    assert texts[kept + 2] == f"{100 * sure.mean():.2f} %"
    assert (
        texts[kept + 3] == f"{100 * np.mean(made.scores[sure].argmax(1) != made.dataset.labels[sure]):.2f} %"
    )


def test_what_was_not_measured_has_no_section() -> None:
    dataset = labelled(60)
    bare = Seen(report.html(subject(dataset))).texts
    assert not {"Corrupted images", "What is no digit", "How it was trained"} & {*bare}
    scores = classify(dataset.images)
    course = Course(
        title="loss", series={"training": [(1.0, 2.0), (30.0, 0.5)], "validation": [(30.0, 0.75)]}
    )
    full = subject(
        dataset,
        robustness=robustness(classify, dataset),
        unseen=unseen(
            classify, {"<i>noise</i>": dataset.images}, known=dataset, scores=scores, threshold=None
        ),
        comparison=compare(scores, scores, labels=dataset.labels, names=("a <model>", "b")),
        against="b",
        courses=(course,),
    )
    texts = Seen(report.html(full)).texts
    sections = {"Corrupted images", "What is no digit", "How it was trained", "Against b"}
    assert sections | {"glass blur", "EXIF turns", "<i>noise</i>"} <= {*texts}


def test_a_model_that_is_always_right_has_no_mistakes_to_show() -> None:
    dataset = labelled(40)
    scores = np.eye(3, dtype=np.float32)[dataset.labels]
    figures = score(scores, dataset.labels, label_names=NAMES, seconds=1)
    made = Subject(name="m", classifier=classify, dataset=dataset, scores=scores, evaluation=figures)
    assert "None: every image was read right." in Seen(report.html(made)).texts


@pytest.mark.parametrize(
    ("temperature", "note"), [(2.0, "divides logits by 2."), (1.0, "No temperature is known")]
)
def test_reliability_is_told_before_and_after(temperature: float, note: str) -> None:
    random = np.random.default_rng(4)
    logits = random.normal(0, 3, (4000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (chances.cumsum(axis=1) > random.random((4000, 1))).argmax(axis=1)
    doubled = chances**2 / (chances**2).sum(axis=1, keepdims=True)  # twice as sure as is right
    scores = (chances if temperature == 2 else doubled).astype(np.float32)
    dataset = Dataset(
        name="drawn",
        split="test",
        images=np.zeros((4000, 28, 28), np.uint8),
        labels=labels,
        label_names=NAMES,
    )
    figures = score(scores, labels, label_names=NAMES, seconds=1)
    made = Subject(
        name="m",
        classifier=classify,
        dataset=dataset,
        scores=scores,
        evaluation=figures,
        temperature=temperature,
    )
    found = report.calibrated(made)
    assert note in found.note
    assert found.temperature == pytest.approx(2, rel=0.1)
    assert found.ece_before > 0.05
    assert found.ece_after < 0.02
    assert sum(each.n for each in found.before) == sum(each.n for each in found.after) == 4000


def test_too_few_images_find_no_temperature_and_say_so() -> None:
    found = report.calibrated(subject(labelled(60)))
    assert "too few to find one" in found.note
    assert (found.temperature, found.ece_before) == (1, found.ece_after)


def test_the_worst_and_the_least_sure_are_picked() -> None:
    dataset = labelled(300)
    scores = classify(dataset.images)
    answers, sure = scores.argmax(axis=1), scores.max(axis=1)
    wrong = answers != dataset.labels
    worst = gallery.worst(scores, dataset, n=5)
    assert wrong[worst].all()
    assert sure[worst].tolist() == sorted(sure[wrong].tolist(), reverse=True)[:5]
    unsure = gallery.least_sure(scores, n=5)
    assert sure[unsure].tolist() == sorted(sure.tolist())[:5]
    (pick, *_) = gallery.picks(worst, scores, dataset, classify)
    assert (pick.row, pick.answer, pick.is_right) == (worst[0], NAMES[answers[worst[0]]], False)
    assert pick.confidence == pytest.approx(float(sure[worst[0]]))
    assert pick.looked_at.shape == (28, 28)


def test_an_overlay_is_orange_for_and_blue_against() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[:, 14:] = 200
    looked = np.zeros((28, 28), np.float32)
    looked[4:8, 4:8], looked[20:24, 20:24] = 2, -1
    found = overlay(image, looked, scale=2)
    assert (found.shape, found.dtype.name) == ((56, 56, 3), "uint8")
    red, _, blue = found[12, 12].tolist()
    assert red > 150 > blue
    red, _, blue = found[44, 44].tolist()
    assert blue > red
    assert found[50, 4].tolist() == [0, 0, 0]
    assert found[4, 50].tolist() == [200, 200, 200]
    assert np.array_equal(overlay(image, np.zeros((28, 28)))[..., 1], image)


def test_pictures_on_the_page_are_the_images() -> None:
    dataset = labelled(50)
    page = report.html(subject(dataset))
    first = re.search(r'<figure>\s*<div class="pair"><img src="data:image/png;base64,([^"]+)"', page)
    assert first
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(first[1]), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None
    worst = gallery.worst(classify(dataset.images), dataset, n=1)[0]
    assert np.array_equal(shown, dataset.images[worst])


def test_a_chart_has_its_points_where_its_axes_say() -> None:
    axis = Axis(title="a & b", low=0, high=10, ticks=[(0, "0"), (10, "ten")])
    chart = Chart(
        about='"quoted"',
        across=axis,
        up=axis,
        lines=[Line(title="line", points=[(0, 0), (10, 10), (5, 99)], kind="after")],
        marks=[Mark(title="<mark>", at=(5, 5), kind="chosen")],
    )
    drawn = charts.svg(chart)
    points = re.search(r'points="([^"]+)"', drawn)
    assert points
    (x0, y0), (x1, y1), (x2, y2) = (tuple(map(float, each.split(","))) for each in points[1].split())
    assert x0 < x2 < x1
    assert y0 > y1 == y2  # what lies above is put at the end
    circle: Mapping[str, str] = dict(re.findall(r'(cx|cy)="([\d.]+)"', drawn))
    assert (float(circle["cx"]), float(circle["cy"])) == ((x0 + x1) / 2, (y0 + y1) / 2)
    assert {"a & b", "ten", "line", "<mark>"} <= {*Seen(drawn).texts}
