"""Puts the application together.

Run it from the root of the repository:

    flasgo run examples/notes/app.py --reload
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path

from flasgo import (
    AllowAny,
    Flasgo,
    IsAuthenticated,
    Registry,
    Response,
    authorize,
    current_user,
    hookimpl,
    redirect,
    render_template,
)
from flasgo_auth import session_backend

from .accounts import Accounts, Member
from .auth import auth
from .db import Database
from .error_pages import add_error_pages
from .notes import Notebook, notes
from .pictures import Pictures
from .recovery import recovery

# Plain http on your own machine: some browsers drop `Secure` cookies there.
IS_HTTPS = os.environ.get("NOTES_HTTPS") == "1"


class NotesPlugin:
    """Declares the application's own setting: it is checked, and `flasgo settings` lists it."""

    name = "notes"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the setting; the variable FLASGO_NOTES_DATA sets it as well."""
        registry.setting(
            "NOTES_DATA",
            str,
            default=str(Path(__file__).parent / "data"),
            help="The folder of the database and the pictures.",
        )


def create_app(settings: Mapping[str, object] | None = None) -> Flasgo:
    """Make the application.

    Args:
        settings: Settings that win over those below; tests pass some.
    """
    app = Flasgo(
        "notes",
        static_folder="static",
        plugins=[NotesPlugin],
        settings={
            # Pages are closed unless they say otherwise, with AllowAny().
            "DEFAULT_PERMISSIONS": [IsAuthenticated()],
            "DEFAULT_PERMISSIONS_EXEMPT": {"static"},
            "SESSION_COOKIE_SECURE": IS_HTTPS,
            "CSRF_COOKIE_SECURE": IS_HTTPS,
            **(settings or {}),
        },
    )
    app.configure_templates("templates")
    data = Path(app.settings.read("NOTES_DATA", str))
    database = Database(data / "notes.sqlite3")
    accounts = app.state.accounts = Accounts(database)
    app.state.notebook = Notebook(database, Pictures(data / "pictures"))

    # Runs before the first request. Every worker process does this; the database sorts them out.
    @app.lifespan
    async def prepare() -> AsyncIterator[None]:
        await asyncio.to_thread(database.migrate)
        yield

    @app.template_filter()
    def day(moment: datetime) -> str:
        return f"{moment.day} {moment:%B %Y}"

    def generation(user: Member) -> int:
        return user.password_changes  # a new password ends the logins with the old one

    backend = session_backend(accounts.load_user, generation=generation)
    app.register_auth_backend("session", backend)
    app.register_blueprint(auth)
    app.register_blueprint(recovery)
    app.register_blueprint(notes)
    add_error_pages(app)

    @app.get("/")
    @authorize(AllowAny())
    async def home() -> str | Response:
        if current_user:
            return redirect(app.url_for("notes.index"))
        return render_template("welcome.html")

    return app
