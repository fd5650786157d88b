"""Fixtures for pytest, loaded through the `pytest11` entry point.

PERF: pytest imports this file in every project that has the package installed, so it imports
nothing of Flasgo or of the HTTP client until a fixture asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flasgo import Flasgo

    from .asgi import ASGIApp
    from .client import TestClient
    from .recording import HookRecorder

__all__ = ["client", "flasgo_app", "flasgo_settings", "recorded_hooks"]

_MARKER = "flasgo_settings"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, so that `--strict-markers` knows it."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(NAME=value, ...): settings of the app for this test, over those of the "
        "project; the app has to come from a factory with a `settings` parameter.",
    )


@pytest.fixture
def flasgo_settings(request: pytest.FixtureRequest) -> dict[str, object]:
    """The settings that `@pytest.mark.flasgo_settings(NAME=value)` asks for.

    Markers of the function win over those of its class, and those over the module's. Empty
    without a marker.
    """
    settings: dict[str, object] = {}
    for marker in reversed(list(request.node.iter_markers(_MARKER))):
        if marker.args:
            raise pytest.UsageError(
                f"@pytest.mark.{_MARKER} takes settings by name, such as "
                f"@pytest.mark.{_MARKER}(DEBUG=True); it was given {marker.args[0]!r}."
            )
        settings.update(marker.kwargs)
    return settings


@pytest.fixture
def flasgo_app(flasgo_settings: dict[str, object]) -> ASGIApp:
    """The app under test.

    Override it in `conftest.py`. Otherwise it is the app that `FLASGO_APP`, or `app` under
    `[tool.flasgo]` in `pyproject.toml`, points to: `"package.module:app"`, `"app.py"` or
    `"package.module:create_app()"`.
    """
    from .app_target import configured_app

    return configured_app(flasgo_settings)


@pytest.fixture
def client(flasgo_app: ASGIApp, flasgo_settings: dict[str, object]) -> Iterator[TestClient]:
    """A test client for `flasgo_app`; its start-up has run, its shut-down follows the test."""
    from .client import TestClient

    if flasgo_settings:
        from .app_target import check_settings

        check_settings(flasgo_app, flasgo_settings)
    with TestClient(flasgo_app) as test_client:
        yield test_client


@pytest.fixture
def recorded_hooks(flasgo_app: Flasgo) -> Iterator[HookRecorder]:
    """The hook calls of `flasgo_app` during the test: a sequence of `HookCall`."""
    from .recording import HookRecorder

    recorder = HookRecorder(flasgo_app)
    recorder.start()
    yield recorder
    recorder.stop()
