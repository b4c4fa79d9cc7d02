"""LitServe with its batches: `python -m bench.serving_peers.lit PORT WORKERS FRONTS BATCH TIMEOUT QUEUE`.

WORKERS read, FRONTS speak HTTP, QUEUE is how they talk to each other: `mp` or `zmq`.
"""

import sys
from collections.abc import Sequence
from typing import Any

import litserve  # type: ignore[import-not-found,unused-ignore]
from fastapi import Request  # type: ignore[import-not-found,unused-ignore]

from bench.serving_peers import work
from inkdigits.types import Images


class Digits(litserve.LitAPI):  # type: ignore[misc,unused-ignore]
    """Reads single digits, several at once."""

    def setup(self, device: str) -> None:
        """Loads the model."""
        del device
        work.model()

    def decode_request(self, request: Request) -> Images:
        """The digit image of a form's file."""
        return work.seen(request["file"].file.read())

    def batch(self, inputs: Sequence[Images]) -> Sequence[Images]:
        """Them together."""
        return inputs

    def predict(self, x: Sequence[Images]) -> list[dict[str, Any]]:
        """What they are."""
        return work.read(x)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each by itself."""
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """The answer."""
        return output


if __name__ == "__main__":
    port, workers, fronts, batch, seconds, queue = sys.argv[1:]
    api = Digits(max_batch_size=int(batch), batch_timeout=float(seconds))
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=int(workers), fast_queue=queue == "zmq"
    )
    server.run(
        host="127.0.0.1",
        port=int(port),
        num_api_servers=int(fronts),
        log_level="error",
        generate_client_file=False,
    )
