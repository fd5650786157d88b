"""Finds the app of the project under test."""

from __future__ import annotations

from collections.abc import Mapping

from flasgo import ConfigurationError, Flasgo
from flasgo.plugin import NoTargetError, convert_value, find_target, load_target

from .asgi import ASGIApp

__all__ = ["check_settings", "configured_app"]

_ADVICE = """\
The fixture 'flasgo_app' does not know your app. Define it in conftest.py:

    @pytest.fixture
    def flasgo_app():
        from myproject.app import app
        return app

or name the app in pyproject.toml: [tool.flasgo] app = "myproject.app:app"."""


def configured_app(settings: Mapping[str, object] | None = None) -> Flasgo:
    """Load the app that the project's configuration points to, as `flasgo run` would.

    Args:
        settings: What to hand to the factory that the target names.

    Returns:
        The app.

    Raises:
        TargetError: If no app is configured, or it cannot be found, or settings are given and
            it does not come from a factory that takes them; the message says what to do.
    """
    try:
        return load_target(find_target(), settings=settings)
    except NoTargetError as error:
        raise NoTargetError(f"{_ADVICE}\n\n{error}", target=error.target) from None


def check_settings(app: ASGIApp, wanted: Mapping[str, object]) -> None:
    """Make sure that an app has the settings that a test asks for.

    Args:
        app: What the fixture `flasgo_app` gave.
        wanted: What `@pytest.mark.flasgo_settings` says.

    Raises:
        ConfigurationError: If it has others: the fixture did not pass them on.
    """
    if not isinstance(app, Flasgo):
        raise ConfigurationError(
            f"flasgo_settings is for Flasgo apps; the fixture 'flasgo_app' gave {app!r}."
        )
    for name, value in wanted.items():
        has = app.settings[name]
        if has != value and has != convert_value(value, app.settings.spec(name).type):
            raise ConfigurationError(
                f"@pytest.mark.flasgo_settings asks for {name}, and the app of the fixture "
                "'flasgo_app' was made without it. Let the fixture take the settings and pass "
                "them on:\n\n"
                "    @pytest.fixture\n"
                "    def flasgo_app(flasgo_settings):\n"
                "        return create_app(settings=flasgo_settings)"
            )
