"""Corrections over HTTP: quarantined, reviewed by whoever has the token, taken back, deleted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.serve import pictures
from tests.serve.running import Running, running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "service") as found:
        yield found


def correction(number: int = 0, **other: Any) -> dict[str, Any]:
    image = np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)
    said = {"label": "7", "answer": "1", "confidence": 0.6, "model": "reader"}
    return {"image": pictures.base64_of(image), **said, **other}


def test_a_correction_waits_until_it_is_accepted(service: Running) -> None:
    added = httpx.post(f"{service.url}/v1/corrections", json=correction())
    assert (added.status_code, added.json()["state"]) == (201, "waiting")
    (listed,) = service.get("/v1/corrections?state=waiting").json()["corrections"]
    assert {name: listed[name] for name in ("label", "answer", "confidence", "model", "image")} == {
        name: correction()[name] for name in ("label", "answer", "confidence", "model", "image")
    }
    review = {"ids": [added.json()["id"]], "accept": True}
    assert service.post("/v1/corrections/review", json=review).json() == {"reviewed": 1}
    assert service.post("/v1/corrections/review", json=review).json() == {"reviewed": 0}
    counts = service.get("/v1/corrections").json()["counts"]
    assert counts == {"waiting": 0, "accepted": 1, "rejected": 0, "withdrawn": 0}


def test_the_same_image_never_counts_twice(service: Running) -> None:
    first, second = (httpx.post(f"{service.url}/v1/corrections", json=correction()) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert second.json()["undo"] is None


def test_only_its_maker_takes_a_correction_back(service: Running) -> None:
    added = httpx.post(f"{service.url}/v1/corrections", json=correction()).json()
    path = f"{service.url}/v1/corrections/{added['id']}/withdraw"
    assert httpx.post(path, json={"undo": "guessed"}).status_code == 404
    assert httpx.post(path, json={"undo": added["undo"]}).json() == {"id": added["id"], "state": "withdrawn"}


def test_a_deleted_image_is_gone(service: Running) -> None:
    httpx.post(f"{service.url}/v1/corrections", json=correction())
    (listed,) = service.get("/v1/corrections").json()["corrections"]
    path = f"{service.url}/v1/images/{listed['sha256']}"
    assert httpx.delete(path).status_code == 401
    assert [httpx.delete(path, headers=dict(service.manager)).status_code for _ in range(2)] == [204, 404]
    assert service.get("/v1/corrections").json()["corrections"][0]["image"] is None


def test_one_source_may_not_fill_the_quarantine(service: Running) -> None:
    statuses = [
        httpx.post(f"{service.url}/v1/corrections", json=correction(number)).status_code
        for number in range(201)
    ]
    assert statuses == [201] * 200 + [429]


def test_what_is_no_correction_is_refused(service: Running) -> None:
    for other in (
        {"label": "<img src=x onerror=alert(1)>"},
        {"label": None},
        {"image": "AAAA"},
        {"image": None},
        {"confidence": 2},
        {"confidence": "1"},
        {"answer": "x" * 65},
        {"model": 7},
    ):
        answer = httpx.post(f"{service.url}/v1/corrections", json=correction(**other))
        assert answer.status_code == 422, other
    assert service.get("/v1/corrections").json()["corrections"] == []


def test_a_form_of_another_site_cannot_correct(service: Running) -> None:
    answer = httpx.post(f"{service.url}/v1/corrections", content="{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


def test_managing_needs_the_token(service: Running) -> None:
    for method, path in (
        ("GET", "/v1/corrections"),
        ("POST", "/v1/corrections/review"),
        ("POST", "/v1/models/house/promote"),
        ("POST", "/v1/models/rollback"),
        ("POST", "/v1/jobs"),
        ("POST", "/v1/jobs/1/stop"),
    ):
        for given in ("", "Bearer guessed-guessed-guessed", service.token):
            answer = httpx.request(method, service.url + path, headers={"authorization": given})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path


def test_without_images_nothing_is_kept_but_their_hashes(tmp_path: Path) -> None:
    with running(tmp_path / "service", "--no-images") as service:
        httpx.post(f"{service.url}/v1/corrections", json=correction())
        (listed,) = service.get("/v1/corrections").json()["corrections"]
        assert listed["image"] is None
        assert len(listed["sha256"]) == 64
