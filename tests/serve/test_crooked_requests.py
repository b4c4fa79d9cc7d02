"""Requests that were found to break something, or to take too much, and mustn't."""

from typing import Any

import httpx
import pytest
from tests.serve import pictures
from tests.serve.running import Running

FORM = (
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="a\\ud800.png"\r\n\r\nabc\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="b.png"\r\n\r\nabc\r\n--x--\r\n'
)


def infer(service: Running, **more: Any) -> httpx.Response:
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": [0] * 784}
    outputs = more.pop("outputs", [{"name": "labels"}])
    body = {"inputs": [tensor | more.pop("tensor", {})], "outputs": outputs, **more}
    return httpx.post(f"{service.url}/v2/models/digits/infer", json=body, timeout=60)


def test_texts_among_the_data_take_no_memory(service: Running) -> None:
    answer = infer(
        service, tensor={"data": ["a" * 100_000, *[""] * 1_000_000]}
    )  # 400 GB, as an array of texts
    assert answer.status_code == 400
    assert "whole numbers" in answer.json()["detail"]


def test_an_output_is_given_once(service: Running) -> None:
    assert infer(service, outputs=[{"name": "scores"}] * 2).status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"id": 7},
        {"parameters": {"binary_data_output": 1}},
        {"outputs": [{"name": "scores", "parameters": {"binary_data": "yes"}}]},
        {"tensor": {"parameters": {"binary_data_size": "0"}}},
    ],
)
def test_what_has_another_type_than_the_protocol_says_is_refused(
    service: Running, more: dict[str, Any]
) -> None:
    assert infer(service, **more).status_code == 400


@pytest.mark.parametrize("n_figures", [20, 5000])
def test_numbers_too_long_to_be_one_are_refused(service: Running, n_figures: int) -> None:
    number = "9" * n_figures
    withdraw = f"{service.url}/v1/corrections/{number}/withdraw"
    assert httpx.post(withdraw, json={"undo": ""}).status_code == 422
    headers = {"Inference-Header-Content-Length": number}
    answer = httpx.post(f"{service.url}/v2/models/digits/infer", content=b"{}", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("charset", "status"), [("undefined", 400), ("punycode", 400), ("unicode_escape", 200), ("none", 200)]
)
def test_a_form_may_say_any_charset(service: Running, charset: str, status: int) -> None:
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    assert httpx.post(f"{service.url}/v1/read", content=FORM, headers=headers).status_code == status


def test_a_form_may_have_as_many_files_as_it_may(service: Running) -> None:
    picture = pictures.png(pictures.page([]))
    answer = httpx.post(f"{service.url}/v1/read", files=[("file", picture)] * 20, timeout=60)
    assert (answer.status_code, len(answer.json())) == (200, 20)


def test_a_method_that_is_not_there_is_told_which_are(service: Running) -> None:
    for path in ("/v1/corrections", "/v1/jobs"):
        answer = httpx.put(service.url + path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_seen_is_true_or_false(service: Running) -> None:
    answer = httpx.post(f"{service.url}/v1/read?seen=yes", content=b"x")
    assert (answer.status_code, "'yes'" in answer.json()["detail"]) == (422, True)
