"""One worker process: the application, on sockets that the supervisor opened.

`python -m inkdigits.serve.worker RUNTIME FD…` reads its settings from standard input, one line, and writes
`ready` to standard output once it can answer, then `alive` again and again. When standard input ends, the
supervisor is gone, and the worker follows.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import cv2
import uvicorn
from starlette.applications import Starlette

from inkdigits.errors import UserError
from inkdigits.serve import logs
from inkdigits.serve.app import build
from inkdigits.serve.protocol import limited
from inkdigits.serve.service import Service
from inkdigits.serve.settings import Settings, parse

READY, ALIVE, FAILED = "ready", "alive", "failed"
"""What a worker says to its supervisor, one word a line; behind `failed` comes the sentence."""

ALIVE_SECONDS = 1.0


def main(arguments: Sequence[str]) -> int:
    """Serves until told to stop; 1 where it couldn't begin."""
    runtime, *descriptors = arguments
    settings = parse(sys.stdin.readline())
    logs.set_up()
    cv2.setNumThreads(1)  # other workers have the other cores
    service = Service(settings, runtime=Path(runtime))
    try:
        service.load()
    except UserError as error:
        _say(f"{FAILED} {error}")
        return 1
    threading.Thread(target=_follow_supervisor, daemon=True).start()
    sockets = [socket.socket(fileno=int(each)) for each in descriptors]
    server = uvicorn.Server(_config(service, settings))
    server.run(sockets=sockets)
    return 0


def _config(service: Service, settings: Settings) -> uvicorn.Config:
    @asynccontextmanager
    async def around(_app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each) for each in (service.follow(), service.warm_up(), _be_alive())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            service.close()

    return uvicorn.Config(
        build(service, around),
        http=limited(settings.limits, service.waits_for),
        loop="auto",
        ws="none",
        lifespan="on",
        interface="asgi3",
        backlog=settings.limits.n_connections,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=int(settings.limits.seconds),
    )


async def _be_alive() -> None:
    """Says that the loop runs; the first time, that requests can be answered."""
    _say(READY)
    while True:
        await asyncio.sleep(ALIVE_SECONDS)
        _say(ALIVE)


def _follow_supervisor() -> None:
    while sys.stdin.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
