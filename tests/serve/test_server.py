"""The service as a whole: starting, ending, workers that die, models that take over, limits."""

import os
import signal
import socket
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.serve import pictures
from tests.serve.running import PROGRAM, Running, connected, running, workers

from inkdigits import weights


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "service", workers=2) as found:
        yield found


def answered(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def test_it_is_live_and_ready_and_says_what_it_did(service: Running) -> None:
    assert httpx.get(f"{service.url}/livez").status_code == 200
    assert httpx.get(f"{service.url}/readyz").status_code == 200
    figures = httpx.get(f"{service.url}/metrics").text
    assert 'inkdigits_requests_total{route="live",status="200"} 1.0' in figures


def test_a_killed_worker_is_replaced_within_a_second_and_the_others_answer(service: Running) -> None:
    killed = workers(service)[0]
    os.kill(killed, signal.SIGKILL)
    since = time.monotonic()
    while killed in workers(service) or len(workers(service)) < 2:
        assert time.monotonic() - since < 1
        assert httpx.get(f"{service.url}/livez", timeout=5).status_code == 200
        time.sleep(0.01)


def test_no_process_of_the_service_has_pytorch(service: Running) -> None:
    httpx.post(f"{service.url}/v1/read", content=pictures.png(np.full((90, 90), 255, np.uint8)))
    for pid in (service.process.pid, *workers(service)):
        assert "torch" not in Path(f"/proc/{pid}/maps").read_text()


def test_a_request_in_hand_is_finished_before_it_ends(service: Running) -> None:
    body = pictures.png(np.full((280, 280), 255, np.uint8))
    with connected(service) as connection:
        head = f"POST /v1/read?as=digit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:100])
        time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.sendall(body[100:])
        assert answered(connection).startswith(b"HTTP/1.1 200 ")
    assert service.process.wait(timeout=10) == 0


def test_a_second_signal_ends_it_at_once(service: Running) -> None:
    with connected(service) as connection:
        connection.sendall(b"POST /v1/read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n")
        time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert service.process.poll() is None
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=2)


def test_workers_end_with_a_supervisor_that_is_killed(service: Running) -> None:
    left = workers(service)
    service.process.kill()
    service.process.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in left):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_swap_reaches_every_worker_and_loses_no_request(service: Running, data_folder: Path) -> None:
    image = pictures.base64_of(pictures.digits().images[0])
    statuses: list[int] = []
    is_over = threading.Event()

    def ask() -> None:
        with httpx.Client() as client:
            while not is_over.is_set():
                answer = client.post(f"{service.url}/v1/classify", json={"images": [image]})
                statuses.append(answer.status_code)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    for _ in range(3):
        promoted = service.post("/v1/models/house/promote")
        assert promoted.json() == {"name": "house", "serving": True, "workers": 2}
        assert service.get("/v1/status").json()["model"] == "house"
        assert service.post("/v1/models/rollback").json()["name"] == "reader"
    is_over.set()
    for thread in asking:
        thread.join()
    assert len(statuses) > 50
    assert set(statuses) == {200}


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07torn"])
def test_a_model_that_cannot_serve_leaves_the_one_before(service: Running, content: bytes) -> None:
    (service.folder / "models").mkdir(parents=True)
    (service.folder / "models" / "torn.onnx").write_bytes(content)
    answer = service.post("/v1/models/torn/promote")
    assert answer.status_code == 409
    assert str(service.folder) not in answer.text
    assert service.get("/v1/status").json()["model"] == "reader"
    assert service.post("/v1/models/nobody/promote").status_code == 404
    assert service.post("/v1/models/..%2Fx/promote").status_code == 404


def test_a_worker_that_finds_its_model_gone_serves_the_one_before(service: Running) -> None:
    models = service.folder / "models"
    models.mkdir(parents=True)
    (models / "mine.onnx").write_bytes(weights.content("house"))
    assert service.post("/v1/models/mine/promote").status_code == 200
    (models / "mine.onnx").unlink()
    for pid in workers(service):
        os.kill(pid, signal.SIGKILL)
    assert httpx.get(f"{service.url}/v1/status", timeout=30).json()["model"] == "reader"
    assert service.process.poll() is None


def test_another_host_is_not_answered_on_this_machine(service: Running) -> None:
    answer = httpx.get(f"{service.url}/v1/status", headers={"host": "evil.example"})
    assert answer.status_code == 421


def test_a_head_that_is_too_long_is_refused(service: Running) -> None:
    with connected(service) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: " + b"x" * 20_000)
        assert answered(connection).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_comes_too_slowly_is_refused(service: Running) -> None:
    with connected(service) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        since = time.monotonic()
        assert answered(connection).startswith(b"HTTP/1.1 408 ")
        assert 4 < time.monotonic() - since < 8


def test_too_much_is_refused_by_what_it_says_of_itself(service: Running) -> None:
    with connected(service) as connection:
        head = b"POST /v1/read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999999\r\n\r\n"
        connection.sendall(head)
        assert answered(connection).startswith(b"HTTP/1.1 413 ")


def test_a_bomb_of_a_picture_is_refused_before_it_is_decoded(service: Running) -> None:
    answer = httpx.post(f"{service.url}/v1/read?as=digit", content=bomb(50_000, 50_000))
    assert answer.status_code == 413
    assert "50000×50000 pixels" in answer.json()["detail"]


def bomb(width: int, height: int) -> bytes:
    """The head of a PNG of that size, and nothing but black below it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_form_of_many_parts_is_refused(service: Running) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{service.url}/v1/read", content=part * 100_000 + b"--b--", headers=headers)
    assert answer.status_code == 413


def test_a_compressed_body_is_refused(service: Running) -> None:
    headers = {"content-encoding": "gzip"}
    assert httpx.post(f"{service.url}/v1/read", content=b"x", headers=headers).status_code == 415


def test_elsewhere_nobody_manages_without_a_token(tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104
    with running(tmp_path / "service", "--host", everywhere) as service:
        url = service.url.replace(everywhere, "127.0.0.1")
        assert service.token == ""
        assert httpx.get(f"{url}/v1/status", headers={"host": "digits.example"}).json()["manages"] is False
        assert httpx.post(f"{url}/v1/models/house/promote").status_code == 403


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--port", "0", "--workers", "0"], 2, "workers is 0"),
        (["--port", "99999"], 2, "port is 99999"),
        (["--port", "0", "--max-error", "7"], 2, "max-error is 7"),
        (["--port", "0", "--host", "203.0.113.7"], 1, "cannot listen on 203.0.113.7"),
        (["--port", "0", "--token-file", "/nowhere"], 1, "cannot read the token"),
        (["--port", "0", "--store", "mysql://x"], 2, "mysql"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    tmp_path: Path, arguments: list[str], status: int, words: str
) -> None:
    command = [*PROGRAM, "serve", "--folder", str(tmp_path / "f"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
