"""The driver of the core's tests, and shorthands for requests with a body."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo

_PATH = Path(__file__).resolve().parents[1] / "core" / "conftest.py"
_spec = importlib.util.spec_from_file_location("flasgo_core_test_driver", _PATH)
assert _spec is not None
assert _spec.loader is not None
_core: Any = importlib.util.module_from_spec(_spec)
sys.modules["flasgo_core_test_driver"] = _core
_spec.loader.exec_module(_core)

make_app = _core.make_app
drive = _core.drive

Send = Callable[..., Awaitable[Any]]


@pytest.fixture
def app(make_app: Callable[..., Flasgo]) -> Flasgo:
    """An app of the core alone."""
    return make_app()


@pytest.fixture
def get(app: Flasgo) -> Send:
    """Send a GET request."""
    return lambda target, headers=(): _core.Driver(app)(target, headers=list(headers))


@pytest.fixture
def post(app: Flasgo) -> Send:
    """Send a JSON body: bytes as they are, anything else encoded."""

    def send(target: str, body: object = b"", kind: str = "application/json") -> Awaitable[Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = [("content-type", kind)] if kind else []
        return _core.Driver(app)(target, "POST", headers, body=data)

    return send


@pytest.fixture
def submit(app: Flasgo) -> Send:
    """Send an urlencoded form."""

    def send(target: str, form: str) -> Awaitable[Any]:
        headers = [("content-type", "application/x-www-form-urlencoded")]
        return _core.Driver(app)(target, "POST", headers, body=form.encode())

    return send
