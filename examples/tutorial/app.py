import asyncio
from collections.abc import AsyncIterator, Mapping

from flasgo import Flasgo, IsAuthenticated, session_backend

from admin import admin, load_user
from database import Book
from pages import pages
from settings import Settings

PUBLIC = {"static", "health", "pages.home", "pages.sign", "admin.login_page", "admin.log_in"}


def create_app(settings: Mapping[str, object] | None = None) -> Flasgo:
    app = Flasgo(
        "guestbook",
        static_folder="static",
        settings={
            "DEFAULT_PERMISSIONS": [IsAuthenticated()],
            "DEFAULT_PERMISSIONS_EXEMPT": PUBLIC,
            "LOGIN_URL": "/admin/login",
            **(settings or {}),
        },
        own_settings=Settings,
    )
    app.configure_templates("templates")
    app.register_auth_backend("session", session_backend(load_user))
    app.register_blueprint(pages)
    app.register_blueprint(admin)
    book = app.state.book = Book(app.settings.own(Settings).GUESTBOOK_FILE)

    @app.lifespan
    async def prepare() -> AsyncIterator[None]:
        await asyncio.to_thread(book.create)
        yield

    return app
