"""More requests than a worker can take: some are answered, the rest refused at once, and no place is lost."""

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from PIL import Image
from tests.serve import pictures
from tests.serve.running import Running, connected, running, workers

N_WAITING = {"digit": 64, "auto": 8}
"""How many requests a worker lets wait, by how they are read."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with one worker, so that all connections are its."""
    with running(tmp_path_factory.mktemp("service")) as found:
        yield found


def request(kind: str) -> bytes:
    """A picture to be read."""
    if kind == "digit":
        body = pictures.png(pictures.drawn(pictures.digits().images[0], side=500))
    else:
        body = pictures.png(pictures.page([list(pictures.digits().images[:8])] * 2))
    head = f"POST /v1/read?as={kind} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answer(connection: socket.socket) -> tuple[http.client.HTTPResponse, bytes]:
    """What comes for a request that was sent."""
    found = http.client.HTTPResponse(connection)
    found.begin()
    return found, found.read()


@contextlib.contextmanager
def sent(service: Running, kind: str, n: int) -> Iterator[list[socket.socket]]:
    """Connections with a request on each, which the worker finds all at once."""
    whole = request(kind)
    (worker,) = workers(service)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(service)) for _ in range(n)]
        for connection in connections:  # so that the worker has accepted all of them
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for connection in connections:
            assert answer(connection)[0].status == 200
        os.kill(worker, signal.SIGSTOP)
        try:
            for connection in connections:
                connection.sendall(whole)
        finally:
            os.kill(worker, signal.SIGCONT)
        yield connections


def burst(service: Running, kind: str, n: int) -> Counter[int]:
    """How many of requests that are sent at once get which status."""
    statuses: Counter[int] = Counter()
    with sent(service, kind, n) as connections:
        for connection in connections:
            found, body = answer(connection)
            statuses[found.status] += 1
            if found.status == 503:
                assert found.getheader("retry-after") == "1"
                assert "more to do than can wait" in json.loads(body)["detail"]
    return statuses


def refused_so_far(service: Running) -> int:
    """Requests that were refused before they were looked at."""
    lines = io.StringIO(service.get("/metrics").text)
    (found,) = [line for line in lines if line.startswith("inkdigits_requests_refused_total")]
    return round(float(found.split()[-1]))


@pytest.mark.parametrize(("kind", "n"), [("digit", 300), ("auto", 60)])
def test_as_many_as_may_wait_are_answered_and_the_rest_refused_again_and_again(
    kind: str, n: int, service: Running
) -> None:
    for _ in range(3):
        statuses = burst(service, kind, n)
        assert set(statuses) == {200, 503}
        assert statuses[200] >= N_WAITING[kind]


def test_most_of_a_burst_is_refused_before_it_is_looked_at(service: Running) -> None:
    before = refused_so_far(service)
    n_refused = burst(service, "auto", 60)[503]
    assert n_refused
    assert refused_so_far(service) - before >= 0.9 * n_refused


def test_who_leaves_gives_the_place_back(service: Running) -> None:
    n = N_WAITING["auto"]
    for _ in range(3):
        with sent(service, "auto", n):
            pass
    until = time.monotonic() + 30
    while burst(service, "auto", n)[503] and time.monotonic() < until:
        time.sleep(0.5)  # what was begun is still being read
    assert burst(service, "auto", n) == {200: n}


def test_whole_requests_on_one_connection_are_answered_in_turn(service: Running) -> None:
    n, whole = 2 * N_WAITING["digit"], request("digit")
    with connected(service) as connection, connection.makefile("rb") as stream:
        sending = threading.Thread(target=connection.sendall, args=(whole * n,))
        sending.start()
        for _ in range(n):
            assert stream.readline().startswith(b"HTTP/1.1 200 ")
            length = int(http.client.parse_headers(stream)["content-length"])
            assert json.loads(stream.read(length))
        sending.join()
    assert burst(service, "digit", N_WAITING["digit"]) == {200: N_WAITING["digit"]}


def test_what_takes_long_to_decode_keeps_nobody_waiting(service: Running) -> None:
    """A JPEG of 500×500 whose last scan comes again and again: seconds of work in a megabyte."""
    stream = io.BytesIO()
    Image.fromarray(pictures.drawn(pictures.digits().images[0], side=500)).save(
        stream, "JPEG", progressive=True
    )
    whole = stream.getvalue()
    last = whole[whole.rindex(b"\xff\xda") : -2]
    slow = whole[:-2] + last * (500_000 // len(last)) + whole[-2:]
    head = f"POST /v1/read?as=digit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(slow)}\r\n\r\n"
    with connected(service) as connection:
        since = time.monotonic()
        connection.sendall(head.encode() + slow)
        lone = []
        while time.monotonic() - since < 1:
            before = time.monotonic()
            assert service.get("/livez").status_code == 200
            lone.append(time.monotonic() - before)
        assert answer(connection)[0].status == 200
        took = time.monotonic() - since
    assert took > 1, "it isn't slow any more: make it longer"
    assert max(lone) < took / 2
