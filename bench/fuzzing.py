"""Requests that nobody would send: ten thousand to a service that runs, a million to what reads their bodies.

None may be answered with 5xx or otherwise than described, raise anything but a refusal, or take long.
`python -m bench.run fuzzing` takes about twenty minutes on two cores; what it did of the bodies is kept.
`figures(0.001)` tries a thousandth.
"""

import faulthandler
import functools
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from rich.progress import track
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from tests.serve import described
from tests.serve.running import Running

from bench import fuzzing_bodies, hostile, results
from bench import serving_processes as processes
from bench.hostile import HANGS, Told
from inkdigits.errors import UserError
from inkdigits.serve.problems import Problem

N_REQUESTS, N, CHUNK = 12_000, 1_000_000, 1_000
"""Ten thousand requests are left, where some operations have fewer that differ."""

SEED = 0

_SERVING = {"name": "digits"}
"""Who is asked by the protocol: to other names nobody answers, whatever comes with them."""

_FEW = 10
"""Cases of an operation that takes nothing: all are alike."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What came of a chunk's cases, by what they were sent to; in which process, and what that held after."""

    told: dict[str, Told]
    process: int
    memory_mb: float


def measure() -> None:
    """All of them, written to `bench/results`."""
    results.write("fuzzing", figures())


def figures(share: float = 1.0) -> dict[str, Any]:
    """What came of a share of all cases; ends the program where one ends its process, or hangs."""
    return {
        "requests": requests(round(share * N_REQUESTS)),
        "bodies": bodies(max(1, round(share * N / CHUNK))),
    }


def requests(n: int) -> dict[str, Any]:
    """What a service with two workers answers to cases that schemathesis makes up of its description."""
    told = Told()
    with tempfile.TemporaryDirectory() as folder, processes.ours(Path(folder)) as (service, running):
        _ask_all(n // 10, running, told)  # to have loaded what is loaded when it is first asked for
        before = service.memory_mb()
        _ask_all(n, running, told)
        after = service.memory_mb()
    statuses = {name: count for name, count in told.outcomes.items() if name.isdigit()}
    return {
        "n": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "n_5xx": sum(count for status, count in statuses.items() if status.startswith("5")),
        "not_as_described": told.outcomes["not as described"],
        "broken": told.broken,
        "slowest_seconds": told.slowest,
        "memory_mb": {"before": before, "after": after},
    }


def _ask_all(n: int, running: Running, told: Told) -> None:
    """Each operation, with cases as described and with others; but no fine-tuning is begun."""
    api = described.api().exclude(method="POST", path="/v1/jobs")
    operations = [each.ok() for each in api.get_all_operations() if isinstance(each, Ok)]
    taking = [each for each in operations if each.body or list(each.iter_parameters())]
    n_others = _FEW * (len(operations) - len(taking))
    n_each = max(_FEW, (n - n_others) // (2 * len(taking)))
    for operation in track(operations, description="requests"):
        if operation in taking:
            for mode in GenerationMode:
                known = _SERVING if operation.path.startswith("/v2/models") else {}
                _ask(operation.as_strategy(mode, path_parameters=known), running, told, n_each)
        else:
            _ask(operation.as_strategy(), running, told, _FEW)


def _ask(strategy: Any, running: Running, told: Told, n: int) -> None:
    headers = {"Authorization": f"Bearer {running.token}"}

    @seed(SEED)
    @settings(
        max_examples=n,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def ask(case: Case[Any]) -> None:
        started = time.perf_counter()
        name = f"{case.method} {case.path}"
        try:
            response = described.ask(case, running.url, headers)
            told.outcomes[str(response.status_code)] += 1
            told.slowest = max(told.slowest, time.perf_counter() - started)
            described.check(case, response, running.url, headers)
        except FailureGroup as error:
            _note(told, "not as described", f"{name}: {error}"[:2000])
        except OSError as error:
            _note(told, "no answer", f"{name}: {error!r}")

    try:
        ask()
    except Unsatisfiable:
        told.outcomes["none of this kind"] += 1


def _note(told: Told, outcome: str, words: str) -> None:
    other = Told(broken=[words])
    other.outcomes[outcome] = 1
    told.add(other)


def bodies(n_chunks: int) -> dict[str, Any]:
    """What came of decoding broken pictures and bodies, over all cores."""
    work = results.kept(chunk)
    parts = Parallel(n_jobs=-1, return_as="generator_unordered")(
        delayed(work)(number) for number in range(n_chunks)
    )
    try:
        done = list(track(parts, total=n_chunks, description="bodies"))
    except TerminatedWorkerError as error:
        raise SystemExit("a case ended its process, or hung") from error
    told: dict[str, Told] = {name: Told() for name in fuzzing_bodies.KINDS}
    for part in done:
        for name, each in part.told.items():
            told[name].add(each)
    return {
        "n": sum(sum(each.outcomes.values()) for each in told.values()),
        "unexpected": sum(each.outcomes["broken"] for each in told.values()),
        "slowest_seconds": max(each.slowest for each in told.values()),
        "memory_growth_mb": _growth(done),
        "kinds": {name: _told(each) for name, each in told.items()},
    }


def _told(told: Told) -> dict[str, Any]:
    outcomes = dict(sorted(told.outcomes.items()))
    return {"outcomes": outcomes, "slowest_seconds": told.slowest, "broken": told.broken}


def _growth(parts: Iterable[Part]) -> float:
    """How much more a process held at most after any later chunk than after its first, in MB."""
    held: dict[int, list[float]] = {}
    for part in parts:
        held.setdefault(part.process, []).append(part.memory_mb)
    return max(max(each) - each[0] for each in held.values())


def chunk(number: int) -> Part:
    """A thousand cases, whose random numbers depend on the chunk's number alone."""
    _quiet()
    told = {name: Told() for name in fuzzing_bodies.KINDS}
    for case in range(CHUNK):
        random = np.random.default_rng([number, case])
        name = str(random.choice(list(fuzzing_bodies.KINDS), p=list(fuzzing_bodies.SHARES)))
        faulthandler.dump_traceback_later(HANGS, exit=True, file=hostile._said)
        started = time.perf_counter()
        try:
            told[name].outcomes[_outcome(name, random)] += 1
        except Exception as error:
            _note(told[name], "broken", f"chunk {number}, case {case}: {error!r}"[:500])
        told[name].slowest = max(told[name].slowest, time.perf_counter() - started)
    faulthandler.cancel_dump_traceback_later()
    return Part(told=told, process=os.getpid(), memory_mb=processes.resident_mb(os.getpid()))


@functools.cache
def _quiet() -> None:
    hostile._quiet()


def _outcome(name: str, random: np.random.Generator) -> str:
    try:
        fuzzing_bodies.KINDS[name](random)
    except UserError:
        return "refused"
    except Problem as problem:
        if problem.status >= 500:
            raise
        return f"refused: {problem.status}"
    return "taken"
