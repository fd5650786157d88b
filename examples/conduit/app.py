"""Puts the API together: settings, tokens, blueprints, and the one form of its errors."""

from dataclasses import dataclass
from typing import cast

from flasgo import Flasgo, HTTPException, OwnSettings

from .accounts import accounts, set_up_tokens
from .articles import articles


@dataclass
class Config(OwnSettings):
    """The settings of the app's own."""

    DATABASE: str = "conduit.sqlite"


def create_app(settings: dict[str, object] | None = None) -> Flasgo:
    """Return the application."""
    # No cookie says who asks, so a page of another site can do nothing in a visitor's name.
    defaults = {"CSRF_ENABLED": False, "ENABLE_DOCS": True, "API_TITLE": "Conduit"}
    app = Flasgo[Config]("conduit", own_settings=Config, settings=defaults | (settings or {}))
    set_up_tokens(app, app.settings.SECRET_KEY)
    app.register_error_handler(HTTPException, as_errors)
    app.register_blueprint(accounts)
    app.register_blueprint(articles)
    return app


def as_errors(error: HTTPException) -> dict[str, dict[str, list[str]]]:
    """Return every error in the API's own form: `{"errors": {"title": ["is required"]}}`."""
    found: dict[str, list[str]] = {}
    for each in error.errors:
        places = cast("list[str]", each["loc"])
        found.setdefault(places[-1], []).append(str(each["msg"]))
    return {"errors": found or {"request": [error.detail]}}
