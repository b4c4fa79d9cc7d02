"""What the HTTP service does under load, beside others' servers with the same model on the same two cores.

`python -m bench.run serving` takes about a quarter of an hour; `python -m bench.serving quick CASE…` tries
some of the cases for seconds, to see that they run, and prints what they gave.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from PIL import Image
from tests.serve.pictures import digits, drawn, png
from tests.serve.running import Running

from bench import results, serving_bombs
from bench import serving_processes as processes
from bench.serving_load import Load
from bench.serving_processes import HOST, Memory, Requests, Service, post
from inkdigits import weights

CORES = 2
CONNECTIONS = 32
N_PICTURES = 64
BATCH = 64
"""Images in one request of the Open Inference Protocol."""

OVERLOAD = 5
HOUSE = "house"

_PLAIN = ("uvicorn", "bench.serving_peers.plain:app", "--port", "PORT", "--no-access-log", "--log-level")
_LIT = ("python", "-m", "bench.serving_peers.lit", "PORT")


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How often and long it is measured: seconds of a load, and requests while models are swapped."""

    n: int = 5
    seconds: float = 6.0
    warm_up: float = 2.0
    n_starts: int = 10
    n_swapped: int = 100_000
    overload_seconds: float = 20.0
    n_slow: int = serving_bombs.N_SLOW
    is_quick: bool = False


QUICK = Effort(
    n=1, seconds=2.0, warm_up=0.5, n_starts=1, n_swapped=1_500, overload_seconds=4.0, n_slow=2, is_quick=True
)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to run another server: its command, and what is sent to it."""

    name: str
    command: tuple[str, ...]
    requests: Requests


def measure() -> None:
    """All cases, written to `bench/results`."""
    results.write("serving", figures(Effort(), tuple(CASES)))


def figures(effort: Effort, names: Sequence[str]) -> dict[str, Any]:
    """The figures of some cases; seconds unless the name says otherwise."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:CORES])  # for whatever is started, too
    try:
        return {name: CASES[name](effort) for name in names}
    finally:
        os.sched_setaffinity(0, before)


def peak(effort: Effort) -> dict[str, Any]:
    """Requests a second with 32 connections, of ours and of the best way to run each other, in turns."""
    processes.install_peers()
    tried = {name: {way.name: _tried(way) for way in ways} for name, ways in _ways(effort).items()}
    best = {name: max(ways, key=lambda way: tried[name][way.name]) for name, ways in _ways(effort).items()}
    rounds: dict[str, list[dict[str, Any]]] = {"inkdigits": [], **{name: [] for name in best}}
    for _ in range(effort.n):
        with _fresh() as (service, _running):
            rounds["inkdigits"].append(_loaded(service, pictures(), effort))
        for name, way in best.items():
            with processes.theirs(way.command, way.requests[0]) as other:
                rounds[name].append(_loaded(other, way.requests, effort))
    found = {name: _together(each) for name, each in rounds.items()}
    return {**found, "ways": {name: way.name for name, way in best.items()}, "tried": tried}


def tensors(effort: Effort) -> dict[str, Any]:
    """Images a second over the Open Inference Protocol, in batches."""
    with _fresh() as (service, _):
        found = [_loaded(service, batches(), effort, connections=8) for _ in range(effort.n)]
    return {
        **_together(found),
        "images_per_second": results.spread([BATCH * each["per_second"] for each in found]),
    }


def half(effort: Effort) -> dict[str, Any]:
    """Latencies at half of the peak, with requests due at random times, and at even ones."""
    with _fresh() as (service, _):
        rate = _peak_of(service, effort) / 2
        told = {
            name: [_sent(service, rate, effort, is_even=name == "even") for _ in range(effort.n)]
            for name in ("random", "even")
        }
    return {"rate": rate, **{name: _latencies(each) for name, each in told.items()}}


def start(effort: Effort) -> dict[str, Any]:
    """Seconds from the start to the first answer of /readyz, and MB of each worker then and after load."""
    seconds, fresh, used = [], [], []
    for _ in range(effort.n_starts):
        started = time.perf_counter()
        with _fresh() as (service, _):
            ready = processes.ask(service.port, f"GET /readyz HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            seconds.append(time.perf_counter() - started)
            if ready.status != 200:
                raise SystemExit(f"/readyz answered {ready.status}")
            time.sleep(1)  # what is loaded behind the first answers
            fresh += _each_mb(service)
            processes.load(service.port, pictures(), Load(connections=CONNECTIONS, seconds=1))
            processes.load(service.port, batches(), Load(connections=8, seconds=1))
            used += _each_mb(service)
    return {
        "seconds": results.spread(seconds),
        "worker_mb": results.spread(fresh),
        "used_worker_mb": results.spread(used),
    }


def overload(effort: Effort) -> dict[str, Any]:
    """Five times the peak: what is still answered, how soon the rest is refused, and the memory."""
    with _fresh() as (service, _):
        most = _peak_of(service, effort)
        asked = Load(connections=400, seconds=effort.overload_seconds, rate=OVERLOAD * most)
        before = service.cpu_seconds()
        with Memory(service, every=0.5) as memory:
            told = processes.load(service.port, pictures(), asked)
        cpu, after = service.cpu_seconds() - before, service.memory_mb()
    return {
        "peak": most,
        "share_of_peak": told["per_second"] / most,
        "before_mb": memory.before_mb,
        "most_mb": memory.most_mb,
        "after_mb": after,
        "cpu_seconds": cpu,
        "load": told,
    }


def swap(effort: Effort) -> dict[str, Any]:
    """Another model again and again under load; then models that fail, which leave the one that serves."""
    asked = Load(connections=CONNECTIONS, seconds=3_600, count=effort.n_swapped)
    with _fresh() as (service, running):
        seconds: list[float] = []
        with processes.loading(service.port, pictures(), asked) as process:
            over = threading.Event()
            swapping = threading.Thread(target=_swap, args=(running, seconds, over))
            swapping.start()
            told = json.loads(process.communicate()[0])
            over.set()
            swapping.join()
        failing = _failing(running)
    return {"swap_seconds": results.spread(seconds), "load": told, "failing": failing}


def killed(effort: Effort) -> dict[str, Any]:
    """A worker is killed under load: who isn't answered, and how long until there are two again."""
    asked = Load(connections=CONNECTIONS, seconds=max(4.0, effort.seconds))
    found = []
    for _ in range(effort.n):
        with _fresh() as (service, _), processes.loading(service.port, pictures(), asked) as process:
            time.sleep(2)
            in_hands = [service.connections(pid) for pid in service.workers()]
            os.kill(service.workers()[0], signal.SIGKILL)
            started = time.perf_counter()
            time.sleep(0.1)
            while len(service.ready_workers()) < CORES:
                time.sleep(0.005)
            again = time.perf_counter() - started
            told = json.loads(process.communicate()[0])
            found.append({"in_hands": in_hands, "ready_again": again, **told})
    names = ("cut", "ready_again")
    return {
        **{name: results.spread([each[name] for each in found]) for name in names},
        **{name: sum(each[name] for each in found) for name in ("hung", "refused")},
        "others": sum(sum(each["statuses"].values()) - each["statuses"]["200"] for each in found),
        "connections": [each["in_hands"] for each in found],
        "cut_beyond": sum(max(0, each["cut"] - each["in_hands"][0]) for each in found),
        "slowest": max(each["answered"]["max"] for each in found),
    }


def bombs(effort: Effort) -> dict[str, Any]:
    """Requests that are meant to hurt."""
    with _fresh() as (service, _):
        processes.load(service.port, pictures(), Load(connections=CONNECTIONS, seconds=2))
        whole = post("/v1/read", png(drawn(digits().images[0])))
        for _ in range(20):  # in every worker, what reading as anything needs
            processes.ask(service.port, whole)
        return serving_bombs.figures(service, n_slow=effort.n_slow)


CASES: dict[str, Callable[[Effort], dict[str, Any]]] = {
    "peak": peak,
    "tensors": tensors,
    "half": half,
    "start": start,
    "overload": overload,
    "swap": swap,
    "killed": killed,
    "bombs": bombs,
}


def pictures(path: str = "/v1/read?as=digit") -> Requests:
    """Digits as the page sends them."""
    return [post(path, each) for each in _pngs()]


def batches() -> Requests:
    """Digit images as binary tensors."""
    images = digits().images[: BATCH * 8]
    about = {
        "inputs": [
            {
                "name": "images",
                "datatype": "UINT8",
                "shape": [BATCH, 28, 28],
                "parameters": {"binary_data_size": BATCH * 784},
            }
        ],
        "outputs": [{"name": "scores", "parameters": {"binary_data": True}}],
    }
    head = json.dumps(about).encode()
    more = f"Inference-Header-Content-Length: {len(head)}\r\n"
    parts = (images[at : at + BATCH].tobytes() for at in range(0, len(images), BATCH))
    path = "/v2/models/digits/infer"
    return [post(path, head + part, kind="application/octet-stream", more=more) for part in parts]


def _pngs() -> list[bytes]:
    found = []
    for image in digits().images[:N_PICTURES]:
        page = Image.fromarray(drawn(image)).convert("RGBA")
        found.append(png(np.asarray(page)))
    return found


def _forms(path: str) -> Requests:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    kind = "multipart/form-data; boundary=b"
    return [post(path, head + each + b"\r\n--b--\r\n", kind=kind) for each in _pngs()]


def _ways(effort: Effort) -> dict[str, list[Way]]:
    """Ways to run the others; for plain FastAPI with one worker and with two."""
    sent = {"form": _forms("/form"), "threads": pictures("/threads"), "inline": pictures("/inline")}
    found = {
        f"fastapi_{workers}": [
            Way(name=name, command=(*_PLAIN, "error", "--workers", workers), requests=requests)
            for name, requests in sent.items()
        ]
        for workers in ("1", "2")
    }
    found["litserve"] = [
        Way(name=" ".join(options), command=(*_LIT, *options), requests=_forms("/predict"))
        for options in (
            ("2", "1", "16", "0.005", "mp"),
            ("2", "2", "16", "0.005", "mp"),
            ("2", "1", "16", "0.005", "zmq"),
            ("2", "2", "16", "0.005", "zmq"),
            ("2", "1", "16", "0.001", "mp"),
            ("2", "1", "8", "0.001", "zmq"),
        )
    ]
    return {name: ways[:1] for name, ways in found.items()} if effort.is_quick else found


def _tried(way: Way) -> float:
    with processes.theirs(way.command, way.requests[0]) as other:
        processes.load(other.port, way.requests, Load(connections=CONNECTIONS, seconds=1))
        asked = Load(connections=CONNECTIONS, seconds=3)
        per_second: float = processes.load(other.port, way.requests, asked)["per_second"]
        return per_second


@contextlib.contextmanager
def _fresh() -> Iterator[tuple[Service, Running]]:
    with tempfile.TemporaryDirectory() as folder, processes.ours(Path(folder)) as found:
        yield found


def _loaded(
    service: Service, requests: Requests, effort: Effort, *, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """As many requests as can be answered, after some that don't count."""
    processes.load(service.port, requests, Load(connections=connections, seconds=effort.warm_up))
    before = service.cpu_seconds()
    told = processes.load(service.port, requests, Load(connections=connections, seconds=effort.seconds))
    if set(told["statuses"]) != {"200"} or told["cut"] or told["hung"]:
        raise SystemExit(f"not all were answered: {told}")
    return {**told, "cpu_ms": 1_000 * (service.cpu_seconds() - before) / told["sent"]}


def _peak_of(service: Service, effort: Effort) -> float:
    return fmean(_loaded(service, pictures(), effort)["per_second"] for _ in range(min(3, effort.n)))


def _sent(service: Service, rate: float, effort: Effort, *, is_even: bool) -> dict[str, Any]:
    asked = Load(connections=CONNECTIONS, seconds=effort.seconds, rate=rate, is_even=is_even)
    return processes.load(service.port, pictures(), asked)


def _together(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "per_second": results.spread([each["per_second"] for each in found]),
        "cpu_ms": results.spread([each["cpu_ms"] for each in found]),
        **_latencies(found),
    }


def _latencies(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("median", "p99", "max")
    spreads = {name: results.spread([each["answered"][name] for each in found]) for name in names}
    return {
        **spreads,
        "not_answered": sum(each["sent"] - each["answered"]["n"] + each["unsent"] for each in found),
    }


def _each_mb(service: Service) -> list[float]:
    return [processes.resident_mb(pid) for pid in service.workers()]


def _swap(running: Running, seconds: list[float], over: threading.Event) -> None:
    """One model, then the one before, again and again."""
    path = f"/v1/models/{HOUSE}/promote"
    while not over.is_set():
        started = time.perf_counter()
        answer = running.post(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text}")
        seconds.append(time.perf_counter() - started)
        path = "/v1/models/rollback" if path.endswith("promote") else f"/v1/models/{HOUSE}/promote"


def _failing(running: Running) -> dict[str, Any]:
    """What is said to models that can't serve, and which serves afterwards."""
    folder = running.folder / "models"
    folder.mkdir(exist_ok=True)
    whole = weights.content("house")
    wrong = {"torn": whole[: len(whole) // 2], "lines": weights.content("number"), "empty": b""}
    before = running.get("/v1/status").json()["model"]
    statuses = {}
    for name, content in wrong.items():
        (folder / f"{name}.onnx").write_bytes(content)
        statuses[name] = running.post(f"/v1/models/{name}/promote").status_code
    after = [running.get("/v1/status").json()["model"] for _ in range(8)]
    return {"statuses": statuses, "is_kept": set(after) == {before}}


if __name__ == "__main__":
    is_quick = sys.argv[1:2] == ["quick"]
    wanted = sys.argv[2 if is_quick else 1 :] or list(CASES)
    print(json.dumps(figures(QUICK if is_quick else Effort(), wanted), indent=2))
