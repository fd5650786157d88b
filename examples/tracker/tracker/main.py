"""Puts the app together."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from flasgo import Flasgo, HTTPException, Response, bearer_token_backend, g
from flasgo_pydantic import PydanticPlugin
from flasgo_sqlalchemy import SQLAlchemyPlugin, database_of

from .config import Settings
from .deps import find_user
from .routers import admin, attachments, login, projects, tasks, users
from .services import ConflictError
from .storage import Storage


@asynccontextmanager
async def lifespan(app: Flasgo) -> AsyncGenerator[None]:
    app.state.storage = Storage(app.state.settings.uploads)
    await database_of(app).create_all()
    yield


def create_app(settings: Settings | None = None) -> Flasgo:
    settings = settings or Settings()
    flasgo_settings = {
        "API_TITLE": "Tracker",
        "API_VERSION": "1.0.0",
        "CORS_ORIGINS": set(settings.cors_origins),
        "CORS_HEADERS": {"authorization", "content-type"},
        "CSRF_ENABLED": False,  # browsers send no token by themselves
        "DATABASE_URL": settings.database_url,
    }
    app = Flasgo(settings=flasgo_settings, plugins=[PydanticPlugin, SQLAlchemyPlugin])
    app.lifespan(lifespan)
    app.state.settings = settings
    app.register_auth_backend("token", bearer_token_backend(find_user, token_url="/login/token"))

    @app.before_request
    async def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    async def time_it(response: Response) -> Response:
        started = g.get("started", time.perf_counter())  # a preflight ends before `start`
        response.headers["X-Process-Time"] = f"{time.perf_counter() - started:.4f}"
        return response

    @app.errorhandler(ConflictError)
    async def conflict(error: ConflictError) -> tuple[dict[str, str], int]:
        return {"detail": str(error)}, 409

    @app.errorhandler(422)
    async def invalid(error: HTTPException) -> tuple[dict[str, object], int]:
        return {"detail": error.errors or error.detail}, 422  # as clients know it

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    for router in (login, users, projects, tasks, attachments, admin):
        if router is not login:
            app.authorize()(router.router)
        app.register_blueprint(router.router)
    return app
