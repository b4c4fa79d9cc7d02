"""Bodies of requests and pictures, sound ones that are then broken, and what reads them."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

from numpy.random import Generator
from starlette.requests import Request
from starlette.types import Message

from bench import hostile
from inkdigits import image
from inkdigits.serve import bodies, oip
from inkdigits.serve.settings import Limits
from inkdigits.types import SIDE

_LIMITS = Limits()
_SECONDS = 30.0
_PDFS = 0.005
_BENT = 0.7
"""The share of requests with a strange value in their JSON; the others have damaged bytes."""

_DEEP = "deep"
"""Stands for lists in lists, more of them than can be made as values."""

_STRANGE: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 255, 256, 784, 1.5, 1e308, float("nan"), float("inf")),
    *(2**63, 2**64, 10**4000, "", "images", "a" * 5000, "\0", "\ud800", "\U0001f4a9", _DEEP),
    *([], {}, [[]], [{}], {"": None}, [[1], [2, 3]], [None, 1]),
)
_CHARSETS = (
    "utf-8",
    "latin-1",
    "utf-7",
    "utf-16",
    "idna",
    "punycode",
    "undefined",
    "unicode_escape",
    "none",
    "",
)
_NAMES = ("a.png", "\\ud800", "ä", "../../a", "a" * 300, 'a"b', "", "\\x00")


def _decode(random: Generator) -> None:
    image.decode(hostile.torn(random), limits=_picture_limits())


def _pages(random: Generator) -> None:
    seed = hostile._pdf() if random.random() < _PDFS else None
    for _ in image.pages(hostile.torn(random, seed), limits=_picture_limits()):
        pass


def _picture_limits() -> image.Limits:
    return image.Limits(n_bytes=_LIMITS.n_bytes, n_pixels=_LIMITS.n_pixels, n_pages=_LIMITS.n_pages)


def _images(random: Generator) -> None:
    sound = [
        base64.b64encode(random.bytes(bodies.IMAGE_BYTES)).decode() for _ in range(random.integers(1, 4))
    ]
    if random.random() < _BENT:
        texts = bent(random, sound)
    else:
        texts = [hostile.torn(random, each.encode()).decode("latin-1") for each in sound]
    bodies.images(texts, most=_LIMITS.n_images)


def _raw_images(random: Generator) -> None:
    n = int(random.integers(0, 4)) * bodies.IMAGE_BYTES + int(random.integers(-1, 2))
    bodies.raw_images(random.bytes(max(0, n)), most=2)


def _form(random: Generator) -> None:
    boundary = str(random.choice(["x", "----form", "a b", "", "=" * 80]))
    parts = b"".join(_part(random, boundary) for _ in range(random.integers(0, 25)))
    body = parts + f"--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}; charset={random.choice(_CHARSETS)}"
    if random.random() < _BENT:
        body = hostile.torn(random, body)
    else:
        kind = hostile.torn(random, kind.encode()).decode("latin-1")
    request = _request(random, body, content_type=kind)
    asyncio.run(bodies.files(request, _LIMITS, deadline=time.monotonic() + _SECONDS))


def _part(random: Generator, boundary: str) -> bytes:
    name = "" if random.random() < 0.2 else f'; filename="{random.choice(_NAMES)}"'
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"{name}\r\n\r\n'
    return head.encode() + random.bytes(int(random.integers(0, 300))) + b"\r\n"


def _request(random: Generator, body: bytes, *, content_type: str) -> Request:
    """A request whose body comes in pieces."""
    ends = sorted(int(random.integers(0, len(body) + 1)) for _ in range(random.integers(0, 4)))
    pieces = [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    headers = [(b"content-type", content_type.encode("latin-1", "replace"))]
    return Request({"type": "http", "method": "POST", "path": "/v1/read", "headers": headers}, receive)


def _inference(random: Generator) -> None:
    n = int(random.integers(1, 4))
    binary = random.bytes(n * SIDE * SIDE) if random.random() < 0.5 else b""
    asked = bent(random, _sound(random, n, binary)) if random.random() < _BENT else _sound(random, n, binary)
    depth = int(random.integers(1, 1200))
    head = json.dumps(asked).encode().replace(f'"{_DEEP}"'.encode(), b"[" * depth + b"]" * depth)
    content = head + binary
    if random.random() > _BENT:
        content = hostile.torn(random, content)
    length = str(
        random.choice([str(len(head)), "0", "-1", "²", "9" * 5000, str(len(content) + 1)], p=_LENGTHS)
    )
    read, rest = oip._divided(content, length)
    oip._images(read, rest, most=_LIMITS.n_images)
    oip._wanted(read)


_LENGTHS = (0.75, 0.05, 0.05, 0.05, 0.05, 0.05)


def _sound(random: Generator, n: int, binary: bytes) -> dict[str, Any]:
    tensor: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": [n, SIDE, SIDE]}
    if binary:
        tensor["parameters"] = {"binary_data_size": len(binary)}
    else:
        tensor["data"] = random.integers(0, 256, (n, SIDE, SIDE)).tolist()
    outputs = [{"name": name, "parameters": {"binary_data": True}} for name in ("scores", "labels")]
    return {"id": "7", "inputs": [tensor], "outputs": outputs, "parameters": {"binary_data_output": False}}


def bent(random: Generator, value: Any) -> Any:
    """The value with a strange one in some place of it, deep or not."""
    is_inside = isinstance(value, dict | list) and value and random.random() < 0.8
    if not is_inside:
        return _STRANGE[int(random.integers(len(_STRANGE)))]
    if isinstance(value, list):
        at = int(random.integers(len(value)))
        return [*value[:at], bent(random, value[at]), *value[at + 1 :]]
    name = list(value)[int(random.integers(len(value)))]
    return {**value, name: bent(random, value[name])}


KINDS: dict[str, Callable[[Generator], None]] = {
    "decode": _decode,
    "pages": _pages,
    "images": _images,
    "raw images": _raw_images,
    "forms": _form,
    "inference": _inference,
}
"""What reads, by name."""

SHARES = (0.3, 0.25, 0.1, 0.05, 0.15, 0.15)
"""How many of all cases go to each."""
