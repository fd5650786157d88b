"""The application of the `soak` and `faults` scripts: a little of everything, and its figures."""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from flasgo import EventSourceResponse, FileResponse, Flasgo, Request, Response, WebSocket
from flasgo_auth import User, bearer_token_backend, login, session_backend
from flasgo_security import csrf_exempt

from benchmarks.workload import SECRET_KEY

__all__ = ["DOWNLOAD_BYTES", "QUOTA", "TOKEN", "make_app"]

DOWNLOAD_BYTES = 262_144
QUOTA = 50
TOKEN = "a-token-of-the-soak-0123456789"
_PAGE = """<!doctype html><title>{{ title }}</title>
<ul>{% for row in rows %}<li>{{ row }} &amp; {{ name }}</li>{% endfor %}</ul>"""
_FORM = '<form method="post">{{ csrf_input() }}<input name="note"></form>'


def make_app() -> Flasgo:
    """Make the app below the folder that SOAK_FOLDER names.

    SOAK_REDIS is the URI of a Redis, SOAK_QUOTA the number of requests that `/limited` admits.
    """
    folder = Path(os.environ["SOAK_FOLDER"])
    redis = os.environ.get("SOAK_REDIS")
    for name in ("static", "templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "static" / "download.bin").write_bytes(bytes(DOWNLOAD_BYTES))
    (folder / "templates" / "page.html").write_text(_PAGE)
    (folder / "templates" / "form.html").write_text(_FORM)
    app = Flasgo(
        static_folder=folder / "static",
        settings={
            "SECRET_KEY": SECRET_KEY,
            "ALLOWED_HOSTS": {"127.0.0.1", "localhost"},
            "SESSION_COOKIE_SECURE": False,
            "CSRF_COOKIE_SECURE": False,
            "MAX_UPLOAD_MEMORY_BYTES": 65_536,
            "MAX_REQUEST_BODY_BYTES": 64 * 1024 * 1024,
            **({"SESSION_STORE_URI": redis, "RATELIMIT_STORAGE_URI": redis} if redis else {}),
        },
    )
    app.configure_templates(folder / "templates")
    app.register_auth_backend("session", session_backend(lambda name: User(id=name)))
    app.register_auth_backend("bearer", bearer_token_backend(_user, blocking=False))
    _add_pages(app)
    _add_forms(app)
    _add_live(app, folder)
    return app


def _user(token: str) -> User | None:
    return User(id="ann") if token == TOKEN else None


def _add_pages(app: Flasgo) -> None:
    @app.get("/figures")
    async def figures() -> dict[str, int]:
        """What can be known only from within the process."""
        return {
            "pid": os.getpid(),
            "tasks": len(asyncio.all_tasks()),
            "threads": threading.active_count(),
            "blocks": sys.getallocatedblocks(),
            "uncollected": gc.get_count()[0],
        }

    @app.get("/json")
    async def json(n: int = 0) -> dict[str, object]:
        return {"n": n, "rows": list(range(20))}

    @app.get("/thread")
    def thread() -> dict[str, str]:
        return {"from": "a thread"}

    @app.get("/page")
    async def page() -> Response:
        rows = [f"row {number}" for number in range(30)]
        return Response.html(app.render_template("page.html", title="A page", rows=rows, name="x"))

    @app.get("/me")
    @app.authorize(backend="session")
    async def me(request: Request) -> dict[str, str]:
        return {"user": str(request.user.id)}

    @app.get("/private")
    @app.authorize(backend="bearer")
    async def private(request: Request) -> dict[str, str]:
        return {"user": str(request.user.id)}

    @app.get("/limited")
    @app.ratelimit(int(os.environ.get("SOAK_QUOTA", QUOTA)), per=3600)
    async def limited() -> dict[str, bool]:
        return {"admitted": True}


def _add_forms(app: Flasgo) -> None:
    @app.get("/form")
    async def form() -> Response:
        return Response.html(app.render_template("form.html"))

    @app.post("/form")
    async def send_form(request: Request) -> dict[str, object]:
        fields = await request.form()
        request.session["notes"] = int(str(request.session.get("notes", 0))) + 1
        return {"note": fields["note"], "notes": request.session["notes"]}

    @app.post("/login")
    @csrf_exempt
    async def log_in(request: Request) -> dict[str, bool]:
        login(request, User(id="ann"))
        return {"ok": True}

    @app.post("/upload")
    @csrf_exempt
    async def upload(request: Request) -> dict[str, int]:
        fields = await request.form()
        found = fields.file("file")
        if found is None:
            return {"size": 0}
        return {"size": sum([len(chunk) async for chunk in found.chunks()])}


def _add_live(app: Flasgo, folder: Path) -> None:
    @app.get("/download")
    async def download() -> FileResponse:
        return FileResponse(folder / "static" / "download.bin")

    @app.get("/events/<int:count>")
    async def events(count: int) -> EventSourceResponse:
        async def numbers() -> AsyncIterator[str]:
            for number in range(count):
                yield f"event {number}"
                await asyncio.sleep(0.01)

        return EventSourceResponse(numbers())

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)
