"""Fixtures for pytest, loaded through the `pytest11` entry point.

PERF: pytest imports this file in every project that has the package installed, so it imports
nothing of Flasgo or of the HTTP client until a fixture asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .asgi import ASGIApp
    from .client import TestClient

__all__ = ["client", "flasgo_app"]


@pytest.fixture
def flasgo_app() -> ASGIApp:
    """The app under test.

    Override it in `conftest.py`. Otherwise it is the app that `FLASGO_APP`, or `app` under
    `[tool.flasgo]` in `pyproject.toml`, points to: `"package.module:app"` or `"app.py"`.
    """
    from .app_target import configured_app

    return configured_app()


@pytest.fixture
def client(flasgo_app: ASGIApp) -> Iterator[TestClient]:
    """A test client for `flasgo_app`; its start-up has run, its shut-down follows the test."""
    from .client import TestClient

    with TestClient(flasgo_app) as test_client:
        yield test_client
