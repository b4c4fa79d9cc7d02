"""Reading over HTTP, by a service that runs."""

import base64
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.serve import pictures
from tests.serve.running import Running

from inkdigits import image
from inkdigits.read import engine, reader
from inkdigits.types import Dataset


@pytest.fixture(scope="module")
def digits(data_folder: Path) -> Dataset:
    return pictures.digits()


def read(service: Running, content: bytes, **query: str) -> httpx.Response:
    return httpx.post(f"{service.url}/v1/read", params=query, content=content, timeout=60)


def test_a_digit_is_read_as_the_command_line_reads_it(
    service: Running, digits: Dataset, tmp_path: Path
) -> None:
    file = tmp_path / "7.png"
    file.write_bytes(pictures.png(pictures.drawn(digits.images[0])))
    (answer,) = read(service, file.read_bytes(), **{"as": "digit"}).json()
    expected = reader.read(file, reader.build(reader.Order(kind="digit")))
    assert answer == json.loads(json.dumps(expected, default=vars)) | {"file": "the file"}
    assert answer["pages"][0]["lines"][0]["text"] == "7"


def test_a_page_of_numbers_is_read_line_by_line(service: Running, digits: Dataset) -> None:
    sheet = pictures.page([list(digits.images[:4]), list(digits.images[4:7])])
    (answer,) = read(service, pictures.png(sheet)).json()
    texts = [line["text"] for line in answer["pages"][0]["lines"]]
    assert texts == ["".join(str(label) for label in digits.labels[part]) for part in (slice(4), slice(4, 7))]


def test_several_files_come_back_in_order_and_a_broken_one_says_why(
    service: Running, digits: Dataset
) -> None:
    whole = pictures.png(pictures.drawn(digits.images[0]))
    files = [("file", ("a.png", whole)), ("file", ("b.png", whole[:200])), ("file", ("c.png", whole))]
    answer = httpx.post(f"{service.url}/v1/read?as=digit", files=files, timeout=60).json()
    assert [each["file"] for each in answer] == ["a.png", "b.png", "c.png"]
    assert [each["error"] is None for each in answer] == [True, False, True]
    assert "b.png is damaged" in answer[1]["error"]


@pytest.mark.parametrize("kind", ["digit", "auto"])
def test_seen_is_the_digit_image_that_the_model_sees(service: Running, digits: Dataset, kind: str) -> None:
    drawn = pictures.drawn(digits.images[0])
    (answer,) = read(service, pictures.png(drawn), **{"as": kind, "seen": "true"}).json()
    (digit,) = answer["pages"][0]["lines"][0]["digits"]
    seen = np.frombuffer(base64.b64decode(digit["seen"]), np.uint8).reshape(28, 28)
    assert np.mean(np.abs(seen.astype(int) - image.digit(drawn).astype(int))) < (1 if kind == "digit" else 12)


def test_a_blank_picture_is_refused_with_its_reason(service: Running) -> None:
    (answer,) = read(service, pictures.png(np.full((280, 280), 255, np.uint8)), **{"as": "digit"}).json()
    (line,) = answer["pages"][0]["lines"]
    assert (line["accepted"], line["reason"], line["digits"]) == (False, "blank", [])


def test_images_are_classified_as_the_model_does(service: Running, digits: Dataset) -> None:
    shown = digits.images[:20]
    expected = engine.shipped("reader").classify(shown)
    as_json = {"images": [pictures.base64_of(each) for each in shown]}
    for answer in (
        httpx.post(f"{service.url}/v1/classify", json=as_json),
        httpx.post(
            f"{service.url}/v1/classify",
            content=shown.tobytes(),
            headers={"content-type": "application/octet-stream"},
        ),
    ):
        assert answer.json()["model"] == "reader"
        np.testing.assert_allclose(answer.json()["scores"], expected, atol=1e-5)


def test_where_the_model_looked_is_where_the_ink_is(service: Running, digits: Dataset) -> None:
    body = {"images": [pictures.base64_of(each) for each in digits.images[:4]]}
    found = httpx.post(f"{service.url}/v1/explain", json=body, timeout=60).json()
    assert found["answers"] == [str(label) for label in digits.labels[:4]]
    for looked_at, ink in zip(np.array(found["looked_at"]), digits.images, strict=False):
        assert looked_at[ink > 128].mean() > looked_at[ink == 0].mean()


@pytest.mark.parametrize(
    ("query", "content", "status", "words"),
    [
        ("?as=form", b"x", 422, "unknown kind 'form'"),
        ("?as=digit", b"", 422, "no file in the request"),
        ("?as=digit", b"no picture at all", 415, "no picture"),
        ("", b"no picture at all", 415, "no picture or document"),
        ("", b"\x89PNG\r\n\x1a\n" + b"torn", 422, "damaged"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    service: Running, query: str, content: bytes, status: int, words: str
) -> None:
    answer = httpx.post(f"{service.url}/v1/read{query}", content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert words in problem["detail"]
    assert problem["error"] == problem["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"images": []}, 422), ({"images": ["AAAA"]}, 422), ({"images": "x"}, 422), ([], 422), ({}, 422)],
)
def test_images_that_are_none_are_refused(service: Running, body: object, status: int) -> None:
    assert httpx.post(f"{service.url}/v1/classify", json=body).status_code == status
