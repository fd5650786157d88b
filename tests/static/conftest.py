"""A folder, an app that serves it, and clients for it."""

import os
from pathlib import Path

import pytest
from flasgo import Flasgo
from flasgo_static import StaticPlugin

MODIFIED = 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT


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


def no_header_twice(answer):
    """Check what holds for every answer."""
    names = [name.lower() for name, _ in answer.headers.multi_items()]
    assert len(names) == len(set(names)), names


@pytest.fixture
def connect(connect):
    """Make clients that ask for no encoding by themselves, and look at the headers they get."""

    def make(app, **options):
        client = connect(app, **options)
        del client.headers["accept-encoding"]
        client.event_hooks = {"response": [no_header_twice]}
        return client

    return make
