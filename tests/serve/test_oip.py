"""The Open Inference Protocol, spoken by Triton's own client."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from tests.serve import pictures
from tests.serve.running import Running
from tritonclient.utils import InferenceServerException

from inkdigits.read import engine
from inkdigits.types import Images


@pytest.fixture
def client(service: Running) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(service.url.removeprefix("http://")) as found:
        yield found


@pytest.fixture(scope="module")
def shown(data_folder: Path) -> Images:
    return pictures.digits().images[:64]


def asked(images: Images, *, binary: bool) -> triton.InferInput:
    found = triton.InferInput("images", list(images.shape), "UINT8")
    found.set_data_from_numpy(images, binary_data=binary)
    return found


def test_the_service_and_its_model_are_live_and_ready(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.is_model_ready("reader")
    assert not client.is_model_ready("nobody")


def test_metadata_tell_what_a_model_takes_and_gives(client: triton.InferenceServerClient) -> None:
    assert client.get_server_metadata()["name"] == "inkdigits"
    about = client.get_model_metadata("digits")
    assert about["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert [each["name"] for each in about["outputs"]] == ["scores", "labels"]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_tensors_go_in_and_out_in_both_forms(
    client: triton.InferenceServerClient, shown: Images, *, binary_in: bool, binary_out: bool
) -> None:
    outputs = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("scores", "labels")]
    answer = client.infer("digits", [asked(shown, binary=binary_in)], outputs=outputs, request_id="7")
    expected = engine.shipped("reader").classify(shown)
    np.testing.assert_allclose(answer.as_numpy("scores"), expected, atol=1e-5)
    names = [name.decode() if binary_out else name for name in answer.as_numpy("labels").tolist()]
    card = engine.shipped("reader").card
    assert names == [card.label_names[label] for label in expected.argmax(axis=1)]
    assert answer.get_response()["id"] == "7"
    assert answer.get_response()["model_name"] == "digits"


def test_all_outputs_come_where_none_is_named(client: triton.InferenceServerClient, shown: Images) -> None:
    answer = client.infer("reader", [asked(shown, binary=True)])
    assert answer.as_numpy("scores").shape == (64, 11)
    assert answer.as_numpy("labels").shape == (64,)


@pytest.mark.parametrize(
    ("name", "shape", "kind", "words"),
    [
        ("nobody", (1, 28, 28), np.uint8, "no model 'nobody' serves"),
        ("digits", (1, 28, 27), np.uint8, "shape of images"),
        ("digits", (28, 28), np.uint8, "shape of images"),
        ("digits", (1, 28, 28), np.float32, "datatype UINT8"),
        ("digits", (5000, 28, 28), np.uint8, "may have"),
    ],
)
def test_what_is_wrong_is_told_in_the_protocols_way(
    client: triton.InferenceServerClient, name: str, shape: tuple[int, ...], kind: type, words: str
) -> None:
    images: NDArray[np.generic] = np.zeros(shape, kind)
    wrong = triton.InferInput("images", list(shape), "FP32" if kind is np.float32 else "UINT8")
    wrong.set_data_from_numpy(images)
    with pytest.raises(InferenceServerException, match=words):
        client.infer(name, [wrong])


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": []},
        {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": [1, 2]}]},
        {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": [256] * 784}]},
        {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": ["a"] * 784}]},
        {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [True, 28, 28], "data": [0] * 784}]},
        {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28], "data": []}]},
    ],
)
def test_broken_requests_are_400(service: Running, body: object) -> None:
    answer = httpx.post(f"{service.url}/v2/models/digits/infer", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
