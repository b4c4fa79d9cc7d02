"""What the service did, as Prometheus reads it; over all workers, where they keep it in one folder."""

import functools
import os
from collections.abc import Callable
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder where workers keep their figures; prometheus_client reads it."""

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


@functools.cache
def _requests() -> Counter:
    return Counter("inkdigits_requests", "Requests answered", ("route", "status"))


@functools.cache
def _seconds() -> Histogram:
    return Histogram("inkdigits_request_seconds", "Time to an answer", ("route",), buckets=_SECONDS)


@functools.cache
def _batches() -> Histogram:
    return Histogram("inkdigits_batch_requests", "Requests in one call", ("of",), buckets=_SIZES)


@functools.cache
def _swaps() -> Counter:
    return Counter("inkdigits_models_taken", "Models that began to serve", ("model",))


@functools.cache
def counted(route: str, status: int) -> tuple[Any, Any]:
    """The counter and the clock of a route's answers with a status."""
    return _requests().labels(route, str(status)), _seconds().labels(route)


def answered(route: str, status: int, seconds: float) -> None:
    """Counts one answer."""
    counter, clock = counted(route, status)
    counter.inc()
    clock.observe(seconds)


@functools.cache
def _refusals() -> Counter:
    return Counter("inkdigits_requests_refused", "Requests refused as too many waited")


def refused() -> None:
    """Counts a request that was refused before it was looked at."""
    _refusals().inc()


def batch(of: str) -> Callable[[int], None]:
    """What counts how many requests go into one call."""
    observe: Callable[[int], None] = _batches().labels(of).observe
    return observe


def serves(name: str) -> None:
    """Counts a model that begins to serve."""
    _swaps().labels(name).inc()


def exposition() -> bytes:
    """All figures of all workers, in Prometheus' text format."""
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
