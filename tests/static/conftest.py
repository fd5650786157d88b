"""A folder, an app that serves it, and requests as raw as a hostile client's."""

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

import pytest
from flasgo import Flasgo
from flasgo_static import StaticPlugin

MODIFIED = 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def open_descriptors():
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture
def secret(tmp_path):
    """A file next to the folder, which must never be served."""
    path = tmp_path / "secret.txt"
    path.write_bytes(b"TOP SECRET")
    return path


@pytest.fixture
def folder(tmp_path, secret):
    root = tmp_path / "public"
    (root / "css" / "deep").mkdir(parents=True)
    for name in ("hello.txt", "css/site.css", "css/deep/x.js", "a b.txt", "ü.txt"):
        (root / name).write_bytes(f"content of {name}".encode())
        os.utime(root / name, (MODIFIED, MODIFIED))
    (root / ".env").write_bytes(b"TOP SECRET")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"TOP SECRET")
    (root / "css" / ".hidden").write_bytes(b"TOP SECRET")
    return root


@pytest.fixture
def make_app():
    def make(settings=None, **options):
        settings = {"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824", **(settings or {})}
        return Flasgo(plugins=[StaticPlugin()], discover=False, settings=settings, **options)

    return make


@pytest.fixture
def app(make_app, folder):
    return make_app(static_folder=folder)


async def ask(app, path, *, raw_path=None, method="GET", headers=()):
    """Send one request and return the whole answer; what the app raises is raised."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), *((n.encode(), v.encode()) for n, v in headers)],
        "client": ("127.0.0.1", 50000),
        "server": ("localhost", 80),
    }
    if raw_path is not None:
        scope["raw_path"] = raw_path
    sent = []

    async def receive():
        if sent and not sent[-1].get("more_body", True):
            return {"type": "http.disconnect"}
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    start, *parts = sent
    fields = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    assert len(fields) == len(start["headers"]), "no header comes twice"
    return Answer(start["status"], fields, b"".join(part.get("body", b"") for part in parts))


@pytest.fixture(name="ask")
def ask_fixture():
    return ask
