"""Requests that are meant to hurt: what is answered to them, how soon, and in how much memory."""

import io
import socket
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
from PIL import Image

from bench import serving_processes as processes
from bench.serving_processes import Answer, Memory, Service, post
from inkdigits.types import Gray

N_TIMES = 5
N_SLOW = 20
"""Of each kind of those who send a byte a second."""

SHARES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.999)
"""Where files are cut off."""

READ, DIGIT = "/v1/read", "/v1/read?as=digit"
_FORM = "multipart/form-data; boundary=b"
_PART = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
_MILLION = 1_000_000


def bombs() -> dict[str, bytes]:
    """The requests, by name."""
    pdf = pages(10_000)
    many = _PART * _MILLION
    chunked = f"{len(many):x}\r\n".encode() + many + b"\r\n0\r\n\r\n"
    unannounced = (
        f"POST {READ} HTTP/1.1\r\nHost: x\r\nContent-Type: {_FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    deep = b'{"images": ' + b"[" * 500_000
    return {
        "png_50000": post(DIGIT, png(50_000, 50_000)),
        "png_50000_auto": post(READ, png(50_000, 50_000)),
        "tiff_1gb": post(DIGIT, tiff(32_768, 32_768)),
        "tiff_1gb_strip": post(READ, tiff(2_000, 2_000, n_bytes=1 << 30)),
        "pdf_10000": post(READ, pdf),
        "parts": post(READ, many, kind=_FORM),
        "parts_under_the_limit": post(READ, _PART * (600_000), kind=_FORM),
        "parts_unannounced": unannounced.replace("Host: x", f"Host: {processes.HOST}").encode() + chunked,
        "parts_bare": post(READ, b"--b\r\n\r\n\r\n" * _MILLION, kind=_FORM),
        "one_part_of_many_heads": post(READ, b"--b\r\n" + b"a: b\r\n" * _MILLION, kind=_FORM),
        "json_deep": post("/v1/classify", deep, kind="application/json"),
        "head_long": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * (1 << 20),
        "nothing": post(READ, b""),
        "gzip": post(READ, zlib.compress(bytes(1 << 20)), more="Content-Encoding: gzip\r\n"),
    }


def within_limits() -> dict[str, bytes]:
    """Small files of the largest pictures that are still read: what they cost is told, not judged."""
    white = np.full((7_000, 7_000), 255, np.uint8)
    return {"largest_grey": post(DIGIT, _saved(Image.fromarray(white), "PNG"))}


def figures(service: Service, *, n_slow: int = N_SLOW) -> dict[str, Any]:
    """Of every bomb: statuses, the slowest answer in s, and the growth of memory in MB."""
    return {
        "bombs": {name: _of(service, [each] * N_TIMES) for name, each in bombs().items()},
        "truncated": {name: _of(service, each) for name, each in truncated().items()},
        "cut_off": _of(service, list(_cut_off()), ends_early=True),
        "within_limits": {name: _of(service, [each]) for name, each in within_limits().items()},
        "slow": slow(service, n=n_slow),
    }


def _of(service: Service, requests: list[bytes], *, ends_early: bool = False) -> dict[str, Any]:
    with Memory(service) as memory:
        answers = [processes.ask(service.port, each, ends_early=ends_early) for each in requests]
    return {**_told(answers), "grew_mb": memory.grew_mb}


def _told(answers: list[Answer]) -> dict[str, Any]:
    return {
        "n": len(answers),
        "statuses": dict(Counter(str(each.status) for each in answers)),
        "slowest": max(each.seconds for each in answers),
    }


def truncated() -> dict[str, list[bytes]]:
    """Files of every format, cut off at several places, each whole as a request."""
    picture = _drawn()
    kinds = {form: _saved(Image.fromarray(picture), form) for form in ("PNG", "JPEG", "WebP", "BMP", "TIFF")}
    form = _PART + b'--b\r\nContent-Disposition: form-data; name=f; filename="a"\r\n\r\n' + kinds["PNG"]
    found = {name: (READ, "image/*", content) for name, content in {**kinds, "PDF": pages(3)}.items()}
    found["form"] = (READ, _FORM, form + b"\r\n--b--\r\n")
    found["bytes"] = ("/v1/classify", "application/octet-stream", bytes(784))
    found["json"] = ("/v1/classify", "application/json", b'{"images": ["' + b"A" * 1_048 + b'"]}')
    found["infer"] = (
        "/v2/models/digits/infer",
        "application/json",
        b'{"inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": ['
        + b"0," * 783
        + b"0]}]}",
    )
    return {
        name: [post(path, content[: int(len(content) * share)], kind=kind) for share in SHARES]
        for name, (path, kind, content) in found.items()
    }


def _cut_off() -> Iterator[bytes]:
    """Requests whose sender goes before they are whole."""
    whole = post(DIGIT, _saved(Image.fromarray(_drawn()), "PNG"))
    for share in (0.005, *SHARES):
        yield whole[: int(len(whole) * share)]


def slow(service: Service, *, n: int) -> dict[str, Any]:
    """Heads and bodies that come a byte a second: when they are answered, with what."""
    head = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 100
    body = post(DIGIT, bytes(1_000))
    body = body[: body.index(b"\r\n\r\n") + 4]
    with Memory(service) as memory, ExitStack() as stack:
        started = time.perf_counter()
        open_ = {stack.enter_context(_connected(service.port)): "heads" for _ in range(n)}
        bodies = {stack.enter_context(_connected(service.port)): "bodies" for _ in range(n)}
        for each in bodies:
            each.sendall(body)
        open_ |= bodies
        answers: dict[str, list[Answer]] = {"heads": [], "bodies": []}
        for second in range(60):
            for each, kind in list(open_.items()):
                answer = _a_byte(each, head[second : second + 1], started)
                if answer is not None:
                    answers[kind].append(answer)
                    del open_[each]
            if not open_:
                break
            time.sleep(1)
    left = {kind: list(open_.values()).count(kind) for kind in answers}
    told = {kind: {**_told(each), "never": left[kind]} for kind, each in answers.items() if each}
    return {**told, "grew_mb": memory.grew_mb}


def _connected(port: int) -> socket.socket:
    made = socket.create_connection((processes.HOST, port))
    made.setblocking(False)
    return made


def _a_byte(connection: socket.socket, byte: bytes, started: float) -> Answer | None:
    """Sends a byte; the answer, where there is one by now."""
    received = b""
    with suppress(BlockingIOError, ConnectionError):
        received = connection.recv(1 << 16)
        if not received:
            return Answer(status=None, seconds=time.perf_counter() - started)
    if received:
        return Answer(status=int(received[9:12]), seconds=time.perf_counter() - started)
    with suppress(OSError):
        connection.send(byte)
    return None


def png(width: int, height: int, *, n_bytes: int = 64_000) -> bytes:
    """A PNG of so many bytes that says it is so large."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    squeezed = zlib.compress(bytes(1 << 26), 9)[: n_bytes - 57]
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", squeezed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def tiff(width: int, height: int, *, n_bytes: int | None = None) -> bytes:
    """A TIFF that says it has so many pixels, in one strip of as many bytes, and has a few."""
    n = width * height if n_bytes is None else n_bytes
    fields = (
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 200),
        (277, 1),
        (278, height),
        (279, n),
    )
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields)) + entries + bytes(4)
    return head.ljust(200, b"\0") + bytes(1_000)


def pages(n: int) -> bytes:
    """A PDF of so many empty pages."""
    kids = b" ".join(b"%d 0 R" % (3 + number) for number in range(n))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %d/Kids[%s]>>" % (n, kids)]
    objects += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"] * n
    content = io.BytesIO()
    content.write(b"%PDF-1.4\n")
    places = []
    for number, each in enumerate(objects, 1):
        places.append(content.tell())
        content.write(b"%d 0 obj%s\nendobj\n" % (number, each))
    start = content.tell()
    content.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    content.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    content.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))
    return content.getvalue()


def _drawn() -> Gray:
    picture = np.full((280, 280), 255, np.uint8)
    picture[60:220, 130:150] = 20
    return picture


def _saved(picture: Image.Image, form: str) -> bytes:
    held = io.BytesIO()
    picture.save(held, form)
    return held.getvalue()
