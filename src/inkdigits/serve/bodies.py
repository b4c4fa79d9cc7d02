"""What comes with a request, read up to its limits and no further."""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from inkdigits.serve.problems import Problem
from inkdigits.serve.settings import Limits
from inkdigits.types import SIDE, Images

IMAGE_BYTES = SIDE * SIDE

JSON = "application/json"
BYTES = "application/octet-stream"
FORM = "multipart/form-data"

_MOST_NAME = 255
_MOST_FIGURES = 15


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that came with a request, under the name that its sender gave it."""

    name: str
    content: bytes


def media_type(request: Request) -> str:
    """What the request says its body is, in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def refuse_encoded(request: Request) -> None:
    """Raises Problem for a compressed body: a few kilobytes of it can become gigabytes."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise Problem(415, "a body has to come as it is, without Content-Encoding", closes=True)


async def whole(request: Request, *, most: int, deadline: float) -> bytes:
    """The body. Raises Problem where it is too long, or not there by the deadline (`time.monotonic`)."""
    refuse_encoded(request)
    _refuse_announced(request, most=most)
    parts: list[bytes] = []
    n_bytes = 0
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            async for part in request.stream():
                n_bytes += len(part)
                if n_bytes > most:
                    raise _too_large(most)
                parts.append(part)
    except TimeoutError as error:
        raise Problem(408, "the body didn't come in time", closes=True) from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def files(request: Request, limits: Limits, *, deadline: float) -> list[File]:
    """The files of a request: its body, or the parts of a form. Raises Problem where there is none."""
    if media_type(request) == FORM:
        found = await _form(request, limits, deadline=deadline)
    else:
        found = [File(name="the file", content=await whole(request, most=limits.n_bytes, deadline=deadline))]
    if not found or not all(file.content for file in found):
        raise Problem(
            422, "there is no file in the request, or an empty one: send a picture or PDF as the body"
        )
    return found


async def _form(request: Request, limits: Limits, *, deadline: float) -> list[File]:
    refuse_encoded(request)
    _refuse_announced(request, most=limits.n_bytes)
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            parser = MultiPartParser(
                request.headers,
                _limited(request, most=limits.n_bytes),
                max_files=limits.n_files,
                max_fields=limits.n_files,
            )
            parser.spool_max_size = limits.n_bytes  # in memory: nothing of a request goes to the disk
            form = await parser.parse()
    except TimeoutError as error:
        raise Problem(408, "the body didn't come in time", closes=True) from error
    except (MultiPartException, ValueError) as error:  # of its charset, which may be any that Python knows
        many = "Too many" in str(error)
        detail = f"a form may have {limits.n_files} files" if many else "the form is torn"
        raise Problem(413 if many else 400, detail, closes=True) from error
    try:
        return [
            File(name=_name(part.filename or "the file"), content=await part.read())
            for _, part in form.multi_items()
            if isinstance(part, UploadFile)
        ]
    finally:
        await form.close()


def _name(text: str) -> str:
    """A file's name, without halves of characters, which can't be told in an answer."""
    return text[:_MOST_NAME].encode("utf-8", "replace").decode()


async def _limited(request: Request, *, most: int) -> AsyncGenerator[bytes, None]:
    n_bytes = 0
    async for part in request.stream():
        n_bytes += len(part)
        if n_bytes > most:
            raise _too_large(most)
        yield part


async def values(request: Request, *, most: int, deadline: float) -> Mapping[str, Any]:
    """The JSON object that is the body. Raises Problem where it is none."""
    if media_type(request) != JSON:
        raise Problem(415, f"the body has to be {JSON}")
    content = await whole(request, most=most, deadline=deadline)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "the body is no JSON") from error
    if not isinstance(found, dict):
        raise Problem(422, "the body has to be a JSON object")
    return found


def images(texts: object, *, most: int) -> Images:
    """Digit images from base64 of their 784 bytes each. Raises Problem where they aren't that."""
    if not isinstance(texts, list) or not texts:
        raise Problem(422, "images has to be a list with one image or more")
    if len(texts) > most:
        raise Problem(413, f"there are {len(texts):,} images; one request may have {most:,}")
    return np.stack([image(each) for each in texts])


def image(text: object) -> Images:
    """One digit image, uint8 (28, 28), from base64 of its bytes. Raises Problem where it isn't that."""
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != IMAGE_BYTES:
        raise Problem(422, f"an image has to be base64 of {IMAGE_BYTES} bytes, row by row")
    return np.frombuffer(content, np.uint8).reshape(SIDE, SIDE)


def raw_images(content: bytes, *, most: int) -> Images:
    """Digit images from their bytes, one behind the other. Raises Problem where they aren't that."""
    if not content or len(content) % IMAGE_BYTES:
        raise Problem(
            422, f"the body has {len(content)} bytes, and should have {IMAGE_BYTES} for every image"
        )
    n = len(content) // IMAGE_BYTES
    if n > most:
        raise Problem(413, f"there are {n:,} images; one request may have {most:,}")
    return np.frombuffer(content, np.uint8).reshape(n, SIDE, SIDE)


def is_number(text: str) -> bool:
    """Whether a text is a whole number that isn't too long to be one of anything."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_FIGURES


def text(image: Images) -> str:
    """The base64 of an image's bytes."""
    return base64.b64encode(np.ascontiguousarray(image, np.uint8).tobytes()).decode("ascii")


def _refuse_announced(request: Request, *, most: int) -> None:
    """Raises Problem where the head says already that the body is too long."""
    length = request.headers.get("content-length", "0")
    if not is_number(length) or int(length) > most:
        raise _too_large(most)


def _too_large(most: int) -> Problem:
    return Problem(413, f"the request is too large; it may have {most:,} bytes", closes=True)
