"""The whole way round: corrections of a new hand, a new model, the gate, the swap, and back."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from tests.serve import pictures
from tests.serve.running import PROGRAM, Running, running

from inkdigits import image
from inkdigits.types import Dataset, Images

N_EACH = 5
OUTLINE = 9


@pytest.fixture(scope="module")
def digits(data_folder: Path) -> Dataset:
    return pictures.digits()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "service", workers=2) as found:
        yield found


def hollow(images: Images) -> Images:
    """The digits as somebody writes them who draws outlines only."""
    found = []
    for each in images:
        large = cv2.resize(each, (168, 168), interpolation=cv2.INTER_CUBIC)
        ink = np.asarray((large > 100) * 255, np.uint8)
        outline = cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((OUTLINE, OUTLINE), np.uint8))
        found.append(image.digit(255 - np.pad(np.asarray(outline, np.uint8), 30)))
    return np.array(found)


def some(digits: Dataset, first: int, end: int) -> Dataset:
    """From the first to before the end of each digit, hollow."""
    rows = np.concatenate([np.flatnonzero(digits.labels == label)[first:end] for label in range(10)])
    chosen = digits.select(rows, split="hollow")
    return Dataset(
        name="hollow",
        split="all",
        images=hollow(chosen.images),
        labels=chosen.labels,
        label_names=chosen.label_names,
    )


def right(service: Running, shown: Dataset) -> float:
    """The share of digits that the service reads right."""
    body = {"images": [pictures.base64_of(each) for each in shown.images]}
    answer = httpx.post(f"{service.url}/v1/classify", json=body, timeout=60).json()
    answers = [answer["labels"][label] for label in np.argmax(answer["scores"], axis=1)]
    return float(np.mean(np.array(answers) == shown.labels.astype(str)))


def correct(service: Running, shown: Dataset) -> None:
    """Corrects every digit, and accepts that."""
    for each, label in zip(shown.images, shown.labels, strict=True):
        said = {"label": str(label), "answer": "none", "confidence": 0.5, "model": "reader"}
        service.post("/v1/corrections", json={"image": pictures.base64_of(each), **said})
    waiting = service.get("/v1/corrections?state=waiting").json()["corrections"]
    assert len(waiting) == len(shown)
    review = {"ids": [each["id"] for each in waiting], "accept": True}
    assert service.post("/v1/corrections/review", json=review).json() == {"reviewed": len(shown)}


def retrain(service: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "retrain", "--folder", str(service.folder), "--json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_fifty_corrections_become_a_model_that_serves_and_is_rolled_back(
    service: Running, digits: Dataset
) -> None:
    others = some(digits, N_EACH, 25)
    before = right(service, others)
    correct(service, some(digits, 0, N_EACH))
    done = retrain(service, "--force")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["state"] == "promoted"
    deadline = time.monotonic() + 10
    while service.get("/v1/status").json()["model"] != result["model"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)  # the other worker
    assert right(service, others) > before + 0.2
    (serving,) = [each for each in service.get("/v1/models").json()["models"] if each["serving"]]
    assert serving["name"] == result["model"]
    assert serving["figures"]["new_accuracy"] > 0.8
    assert service.post("/v1/models/rollback").json() == {"name": "reader", "serving": True, "workers": 2}
    assert right(service, others) == before
    assert not list(service.folder.rglob("*.npz"))  # images are in the store, and nowhere else


def test_a_job_ends_at_the_gate_and_a_refused_model_never_serves(service: Running, digits: Dataset) -> None:
    correct(service, some(digits, 0, N_EACH))
    job = service.post("/v1/jobs", json={})
    assert (job.status_code, job.json()["n_images"]) == (202, 50)
    assert service.post("/v1/jobs", json={}).status_code == 409
    deadline = time.monotonic() + 300
    while (found := service.get("/v1/jobs").json()["jobs"][0])["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found["state"] in {"promoted", "refused"}, found
    assert found["verdict"]["reason"]
    assert found["verdict"]["promote"] == (found["state"] == "promoted")
    assert (found["model"] is not None) == found["verdict"]["promote"]


def test_with_nothing_accepted_there_is_nothing_to_learn(service: Running) -> None:
    answer = service.post("/v1/jobs", json={})
    assert (answer.status_code, service.get("/v1/jobs").json()["jobs"]) == (422, [])
    done = retrain(service)
    assert done.returncode == 1
    assert "no correction was accepted yet" in done.stderr
