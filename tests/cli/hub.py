"""A hub of our own on this machine: what it was sent, and what it answers."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

FIRST = "1" * 40
"""The commit that a new repository begins with."""


@dataclass
class Hub:
    """Repositories by their newest commit; `commits` holds what was pushed, whole."""

    address: str = ""
    repositories: dict[str, str] = field(default_factory=dict)
    created: list[dict[str, Any]] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    refusal: tuple[int, str] | None = None
    moves_meanwhile: bool = False
    private: set[str] = field(default_factory=set)
    mode: str = "regular"

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of one request."""
        if path == "/api/validate-yaml":
            self.cards.append(json.loads(body)["content"])
            return 200, {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            self.created.append(asked)
            self.repositories[name] = FIRST
            return 200, {"url": f"{self.address}/{name}"}
        name = "/".join(path.removeprefix("/api/models/").split("/")[:2])
        if name not in self.repositories:
            return 404, {"error": "Repository not found"}
        if "/preupload/" in path:
            asked = [each["path"] for each in json.loads(body)["files"]]
            return 200, {
                "files": [{"path": each, "uploadMode": self.mode, "shouldIgnore": False} for each in asked]
            }
        if "/commit/" in path:
            return self._commit(name, body)
        found = {"id": name, "sha": self.repositories[name], "siblings": [], "tags": []}
        return 200, found | {"private": name in self.private}

    def _commit(self, name: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.refusal is not None:
            return self.refusal[0], {"error": self.refusal[1]}
        lines = [json.loads(line) for line in body.splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        if self.moves_meanwhile or header.get("parentCommit") != self.repositories[name]:
            return 412, {"error": "A commit has happened since. Please refresh and try again."}
        files = [line["value"] for line in lines if line["key"] == "file"]
        self.commits.append(
            {"name": name, "files": {each["path"]: base64.b64decode(each["content"]) for each in files}}
        )
        self.repositories[name] = f"{len(self.commits) + 1}" * 40
        url = f"{self.address}/{name}/commit/{self.repositories[name]}"
        return 200, {"commitUrl": url, "commitOid": self.repositories[name]}


@contextmanager
def running() -> Iterator[Hub]:
    """A hub that listens while this is open."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: object) -> None: ...

        def _answer(self, body: bytes) -> None:
            if self.path.startswith(("/api/models/", "/api/repos/")):
                hub.tokens.add(self.headers["Authorization"])
            status, told = hub.answer(self.path.partition("?")[0], body)
            content = json.dumps(told).encode()
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
