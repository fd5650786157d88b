"""Finds the app that a project's configuration points to."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .asgi import ASGIApp

__all__ = ["AppTargetError", "configured_app", "configured_target"]


class AppTargetError(Exception):
    """Raised when the `flasgo_app` fixture has no app to give."""


def configured_target(root: Path) -> str | None:
    """Return what `FLASGO_APP`, or `app` under `[tool.flasgo]`, says.

    Args:
        root: The directory of `pyproject.toml`.

    Returns:
        The target as written, or None if neither is set.
    """
    target = os.environ.get("FLASGO_APP")
    if target:
        return target
    project = root / "pyproject.toml"
    if not project.is_file():
        return None
    table = tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {}).get("flasgo", {})
    found = table.get("app")
    return found if isinstance(found, str) and found else None


def configured_app(root: Path) -> ASGIApp:
    """Load the app that the configuration points to.

    Args:
        root: The project's directory.

    Returns:
        The app.

    Raises:
        AppTargetError: If no app is configured; it says how to name one.
    """
    target = configured_target(root)
    if target is None:
        raise AppTargetError(
            "The fixture 'flasgo_app' does not know your app. Define it in conftest.py:\n\n"
            "    @pytest.fixture\n"
            "    def flasgo_app():\n"
            "        from myproject.app import app\n"
            "        return app\n\n"
            'or name the app in pyproject.toml: [tool.flasgo] app = "myproject.app:app" '
            "(or in the environment variable FLASGO_APP)."
        )
    from flasgo.cli.target import load_app

    return load_app(target)
