"""FastAPI and ONNX Runtime as one would write it by their documentation, in three ways.

`uvicorn bench.serving_peers.plain:app --workers N`
"""

from typing import Any

from fastapi import FastAPI, Request, UploadFile  # type: ignore[import-not-found,unused-ignore]
from fastapi.concurrency import run_in_threadpool  # type: ignore[import-not-found,unused-ignore]

from bench.serving_peers import work

app = FastAPI()
work.model()


@app.post("/form")  # type: ignore[untyped-decorator,unused-ignore]
def form(file: UploadFile) -> dict[str, Any]:
    """A file of a form, in one of FastAPI's threads."""
    return work.read([work.seen(file.file.read())])[0]


@app.post("/threads")  # type: ignore[untyped-decorator,unused-ignore]
async def threads(request: Request) -> dict[str, Any]:
    """The body, in one of FastAPI's threads."""
    content = await request.body()
    found: dict[str, Any] = await run_in_threadpool(lambda: work.read([work.seen(content)])[0])
    return found


@app.post("/inline")  # type: ignore[untyped-decorator,unused-ignore]
async def inline(request: Request) -> dict[str, Any]:
    """The body, in the event loop itself."""
    return work.read([work.seen(await request.body())])[0]
