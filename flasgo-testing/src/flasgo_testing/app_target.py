"""Finds the app of the project under test."""

from __future__ import annotations

from flasgo import Flasgo
from flasgo.target import NoTargetError, load_app

__all__ = ["configured_app"]

_ADVICE = """\
The fixture 'flasgo_app' does not know your app. Define it in conftest.py:

    @pytest.fixture
    def flasgo_app():
        from myproject.app import app
        return app

or name the app in pyproject.toml: [tool.flasgo] app = "myproject.app:app"."""


def configured_app() -> Flasgo:
    """Load the app that the project's configuration points to, as `flasgo run` would.

    Returns:
        The app.

    Raises:
        TargetError: If no app is configured, or it cannot be found; the message says what to do.
    """
    try:
        return load_app()
    except NoTargetError as error:
        raise NoTargetError(f"{_ADVICE}\n\n{error}", target=error.target) from None
