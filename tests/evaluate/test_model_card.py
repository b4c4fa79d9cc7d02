"""The model card: the hub's own loader reads it, its figures are those measured, names can't break it."""

import ast
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from markdown_it.token import Token
from scipy.stats import binomtest

from inkdigits import weights
from inkdigits.card import NONE, Card
from inkdigits.data import known
from inkdigits.data.known import DIGITS
from inkdigits.evaluate import model_card, origins
from inkdigits.evaluate.metrics import Evaluation, score
from inkdigits.evaluate.model_card import Judged, Subject, Training, markdown

NASTY = (
    "<b>bold</b>",
    "a|b",
    "*star*",
    "_under_ and in_side",
    "`tick`",
    "- k: [v](w)",
    "# h ~~x~~ &amp; \\n",
)


def evaluation(names: tuple[str, ...] = DIGITS, n: int = 500) -> Evaluation:
    """Of a model that is wrong a tenth of the time."""
    random = np.random.default_rng(1)
    labels = random.integers(0, len(names), n)
    answers = np.where(random.random(n) < 0.9, labels, random.integers(0, len(names), n))
    scores = np.full((n, len(names)), 0.2 / (len(names) - 1), np.float32)
    scores[np.arange(n), answers] = 0.8
    return score(scores, labels, label_names=names, seconds=1)


def subject(provenance: Mapping[str, Any], names: tuple[str, ...] = DIGITS, **more: Any) -> Subject:
    card = Card(network={"model": "fast", "width": 1.0}, label_names=names, provenance=provenance)
    return Subject(**{"name": "mine", "card": card, "files": ("model.safetensors",), **more})


def about(text: str) -> dict[str, Any]:
    """The front matter, as the hub's own library reads it."""
    found: dict[str, Any] = ModelCard(text).data.to_dict()  # type: ignore[no-untyped-call]
    return found


def rendered(text: str) -> tuple[list[str], list[Token]]:
    """The texts of a card's cells, and all its tokens, by a renderer of Markdown."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(ModelCard(text).text)
    cells = [
        "".join(child.content for child in inner.children or ())
        for outer, inner in itertools.pairwise(tokens)
        if outer.type in {"td_open", "th_open"}
    ]
    return cells, [*tokens, *(child for token in tokens for child in token.children or ())]


def test_the_hub_reads_what_was_measured() -> None:
    figures = evaluation()
    judged = Judged(evaluation=figures, data="mnist", split="test", sha256="5" * 64)
    text = markdown(subject({"data": "mnist", "sha256": "6" * 64}, licence="mit", judged=judged))
    read = about(text)
    assert (read["license"], read["pipeline_tag"], read["library_name"]) == (
        "mit",
        "image-classification",
        "inkdigits",
    )
    assert read["datasets"] == ["ylecun/mnist"]
    (index,) = read["model-index"]
    (result,) = index["results"]
    assert index["name"] == "mine"
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {
        "name": "mnist",
        "type": "ylecun/mnist",
        "split": "test",
    }
    assert result["metrics"] == [{"type": "accuracy", "value": figures.accuracy, "verified": False}]
    assert "6" * 64 in text


def test_the_intervals_of_classes_are_wilsons() -> None:
    figures = evaluation()
    cells, _ = rendered(markdown(subject({}, judged=Judged(evaluation=figures))))
    for label, each in enumerate(figures.per_class):
        hits = figures.confusion[label][label]
        low, high = binomtest(hits, each.support).proportion_ci(method="wilson")
        assert f"{100 * low:.2f} % to {100 * high:.2f} %" in cells
        row = [str(label), str(each.support), f"{100 * hits / each.support:.2f} %"]
        assert any(cells[at : at + 3] == row for at in range(len(cells)))


def test_the_worst_mistakes_are_told_first() -> None:
    confusion = [[9, 3, 0], [0, 20, 1], [7, 0, 5]]
    labels = np.repeat([0, 1, 2], [12, 21, 12])
    answers = np.concatenate([np.repeat([0, 1, 2], row) for row in confusion])
    figures = score(np.eye(3, dtype=np.float32)[answers], labels, label_names=("a", "b", "c"), seconds=1)
    text = markdown(subject({}, ("a", "b", "c"), judged=Judged(evaluation=figures)))
    said = "c read as a (7 times), a read as b (3 times), b read as c (1 time)."
    assert said in " ".join(text.split())


def test_names_show_as_they_are_whatever_they_hold() -> None:
    figures = evaluation(NASTY)
    data = "/srv/me/<i>set</i> #1: *all*"
    provenance = {"data": data, "sha256": "7" * 64, "n_training": 10}
    name = "model: *one* | #2 <script>"
    text = markdown(
        subject(provenance, NASTY, name=name, judged=Judged(evaluation=figures, data=data, split="test: [a]"))
    )
    (index,) = about(text)["model-index"]
    assert index["name"] == name
    assert index["results"][0]["dataset"]["split"] == "test: [a]"
    cells, tokens = rendered(text)
    assert not {"html_block", "html_inline", "em_open", "link_open", "s_open", "image"} & {
        token.type for token in tokens
    }
    assert ", ".join(NASTY) in cells
    for each in NASTY:
        assert each in cells
    heading = next(inner for outer, inner in itertools.pairwise(tokens) if outer.tag == "h1")
    assert "".join(child.content for child in heading.children or ()) == name


def test_where_data_lie_is_not_told() -> None:
    provenance = {"data": "/srv/jane/patients/digits.npz", "sha256": "7" * 64}
    judged = Judged(evaluation=evaluation(), data="/srv/jane/patients/digits.npz", split="test")
    text = markdown(subject(provenance, judged=judged))
    assert "jane" not in text
    assert "digits.npz" in text
    assert "It learnt from other images of the same set" in text


def test_a_file_that_says_nothing_gives_a_card_that_says_so() -> None:
    text = markdown(subject({}))
    read = about(text)
    assert "model-index" not in read
    assert "datasets" not in read
    assert read["license"] == "unknown"
    for said in (
        "How well it reads was not measured",
        "Its file does not say.",
        "Time: not recorded.",
        "Energy: not recorded.",
        "Its file does not say how it was made.",
        "No licence of the weights themselves was stated.",
        "Its file holds no thresholds",
    ):
        assert said in text


@pytest.mark.parametrize("provenance", [{"data": 5, "options": "x", "n_training": "many"}, {"start": 3}])
def test_a_strange_file_gives_a_card_all_the_same(provenance: Mapping[str, Any]) -> None:
    assert about(markdown(subject({**provenance, "versions": 7, "learnt": [1], "verdict": ""})))


def test_licences_are_those_of_the_catalogue_and_what_forbids_is_named() -> None:
    text = markdown(subject({"data": "usps"}))
    assert "Weights that learnt from usps are not to be given away" in text
    entry = known.require("usps")
    cells, _ = rendered(text)
    assert [entry.title, entry.licence, entry.source] == cells[-3:]
    allowed = markdown(subject({"data": "mnist"}))
    assert "not to be given away" not in allowed
    own = markdown(subject({"data": "my digits"}))
    assert "Whoever gives this model away has to know what the licence of my digits allows." in own


def test_what_a_model_began_with_is_told_too() -> None:
    house = {"data": "drawn digits and mnist", "options": {}}
    lesson = {"data": "new", "sha256": "8" * 64, "learnt": ["house", "/srv/me/new"]}
    found = origins.origins(subject({**lesson, "start": {"model": "house", "provenance": house}}).card)
    assert [each.name for each in found] == [*weights.LEARNT, weights.FONTS, "new"]
    assert [each.sha256 for each in found if each.sha256] == ["8" * 64]
    assert [each.name for each in found if each.may_be_given_away is None] == ["new"]
    published = subject({**lesson, "learnt": ["new"], "start": {"model": "resnet18", "provenance": {}}}).card
    assert [each.name for each in origins.origins(published)] == ["the weights of resnet18", "new"]


def test_a_forbidden_set_of_an_earlier_lesson_counts() -> None:
    earlier = {"data": "usps", "options": {}}
    card = subject({"data": "mnist", "start": {"model": "m", "provenance": earlier}}).card
    assert [each.name for each in origins.origins(card) if each.may_be_given_away is False] == ["usps"]


def test_energy_is_an_estimate_with_its_assumption_or_nothing() -> None:
    assumed = model_card.energy(Training(seconds=720, n_threads=4, device="cpu"))
    assert f"perhaps {720 * 4 * 10 / 3600:.0f} Wh. It was not measured" in assumed  # 8 Wh
    assert "4 threads at 10 W each, which is an assumption" in assumed
    told = model_card.energy(Training(seconds=7200, device="cuda", watts=350))
    assert "about 0.7 kWh" in told
    assert "350 W that its owner gives" in told
    for unknown in (
        Training(),
        Training(n_threads=2, device="cpu"),
        Training(seconds=9, n_threads=2, device="cuda"),
    ):
        assert model_card.energy(unknown) == "Energy: not recorded."


def test_labels_that_no_image_had_are_named() -> None:
    names = (*DIGITS, NONE)
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 200)
    figures = score(np.eye(11, dtype=np.float32)[labels], labels, label_names=names, seconds=1)
    text = markdown(subject({}, names, judged=Judged(evaluation=figures)))
    assert "say nothing of labels that no image had: “none”." in text
    assert "macro F1" not in text


def test_commands_and_code_stay_whole() -> None:
    nasty = "inkdigits train 'a\n```\nb' --seed 1"
    text = markdown(subject({}, files=("it's ```.onnx",), steps=(nasty,)))
    fences = [token for token in rendered(text)[1] if token.type == "fence"]
    assert fences[0].content == f"{nasty}\n"
    python = next(fence.content for fence in fences if fence.info == "python")
    assert "it's ```.onnx" in {
        node.value for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Constant)
    }
