"""The whole way round: corrections of a new hand, a new model, the gate, the swap, and back."""

import json
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from tests.serve import pictures
from tests.serve.running import PROGRAM, Running, running, workers

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


def retrain(
    service: Running, *arguments: str, most_bytes: int = resource.RLIM_INFINITY
) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "retrain", "--folder", str(service.folder), "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
        out, error = process.communicate(timeout=300)
    return subprocess.CompletedProcess(command, process.returncode, out, error)


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


def test_a_disk_that_is_full_ends_it_with_a_sentence_and_tells_nobody_where_the_folder_is(
    service: Running, digits: Dataset
) -> None:
    correct(service, some(digits, 0, N_EACH))
    for pid in workers(service):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    for path in ("/v1/jobs", "/v1/models/house/promote"):
        answer = service.post(path, json={})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert answer.json()["detail"] == "nothing can be written here now; try again later"
    assert service.get("/v1/status").json()["model"] == "reader"
    done = retrain(service, most_bytes=1000)
    assert done.returncode == 1
    assert f"cannot write {service.folder}" in done.stderr
    assert not list(service.folder.rglob("*.npz"))
    (job,) = service.get("/v1/jobs").json()["jobs"]
    assert (job["state"], str(service.folder) in job["error"]) == ("failed", False)
    assert "corrections.npz: File too large" in job["error"]
