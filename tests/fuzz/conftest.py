"""An app that uses the whole bundle, driven in process as an ASGI server would drive it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
import pytest
from flasgo import FileResponse, Flasgo, FormData, Header, Query, Request, Response, WebSocket
from flasgo_auth import (
    HasScope,
    User,
    basic_auth_backend,
    bearer_token_backend,
    session_backend,
)
from flasgo_security import csrf_exempt, rate_limit

# Only a hang meets it.
PATIENCE = 30.0
SECRET_KEY = "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"
MAX_HEAD, MAX_BODY = 8192, 20_000

# What servers refuse before the app sees it: characters outside these in header names and values.
UNSENDABLE = (b"\r", b"\n", b"\x00")


class Note(msgspec.Struct):
    """What /typed takes."""

    title: str
    tags: list[str] = []
    rank: int = 0
    nested: dict[str, object] = {}


def make_app(folder: Path) -> Flasgo:
    static, templates = folder / "static", folder / "templates"
    static.mkdir()
    templates.mkdir()
    (static / "a.txt").write_text("0123456789" * 50)
    (templates / "form.html").write_text(
        "<form>{{ csrf_input() }}<script nonce='{{ csp_nonce }}'></script>{{ request.url }}</form>"
    )
    app = Flasgo(
        static_folder=str(static),
        settings={
            "SECRET_KEY": SECRET_KEY,
            "ALLOWED_HOSTS": {"localhost", "*.example.com", "[::1]"},
            "TRUSTED_PROXIES": {"192.0.2.0/24", "10.0.0.0/8"},
            "SECURITY_FAILURE_RATE_LIMIT": 1_000_000,
            "CSRF_TRUSTED_ORIGINS": {"https://*.example.org"},
            "CORS_ORIGINS": {"https://app.example.org"},
            "MAX_REQUEST_BODY_BYTES": MAX_BODY,
            "MAX_REQUEST_HEAD_BYTES": MAX_HEAD,
            "MAX_FORM_FIELDS": 20,
            "ENABLE_DOCS": True,
        },
    )
    app.configure_templates(templates)

    def token_user(token: str) -> User | None:
        return User(id="t", scopes=frozenset({"x"})) if token == "token" else None

    def basic_user(name: str, password: str) -> User | None:
        return User(id=name) if password == "password" else None

    app.register_auth_backend("bearer", bearer_token_backend(token_user, blocking=False))
    app.register_auth_backend("basic", basic_auth_backend(basic_user, blocking=False))
    app.register_auth_backend("session", session_backend(lambda user_id: User(id=user_id)))
    _add_pages(app, static)
    _add_forms(app)
    return app


def _add_pages(app: Flasgo, static: Path) -> None:
    @app.get("/")
    async def index(request: Request) -> dict[str, object]:
        return {
            "url": request.url,
            "host": request.host,
            "ip": request.client_ip,
            "scheme": request.scheme,
            "cookies": dict(request.cookies),
            "query": dict(request.query),
        }

    @app.get("/search")
    async def search(
        many: Annotated[list[int], Query()], q: str = "", n: int = 0, f: float = 0
    ) -> dict[str, object]:
        return {"q": q, "n": n, "f": str(f), "many": many}

    @app.get("/header")
    async def header(x_number: Annotated[int, Header()] = 0) -> int | dict[str, int]:
        return {"n": x_number}

    @app.get("/items/<int:number>/<path:rest>")
    @app.ratelimit(10_000_000, per=60)
    async def items(number: int, rest: str) -> dict[str, str]:
        return {"n": str(number), "rest": rest, "url": app.url_for("items", number=1, rest=rest)}

    _add_answers(app, static)
    _add_private_pages(app)


def _add_answers(app: Flasgo, static: Path) -> None:
    @app.get("/session")
    async def session(request: Request) -> dict[str, object]:
        request.session["n"] = int(str(request.session.get("n", 0))) + 1
        return {"n": request.session["n"], "token": request.csrf_token}

    @app.get("/page")
    async def page() -> Response:
        return Response.html(app.render_template("form.html"))

    @app.get("/file")
    async def file() -> FileResponse:
        return FileResponse(static / "a.txt")

    @app.get("/stream")
    async def stream() -> AsyncIterator[str]:
        for number in range(3):
            yield str(number)

    @app.get("/boom")
    async def fail() -> None:
        raise LookupError("on purpose")

    @app.errorhandler(LookupError)
    async def failed(request: Request, error: Exception) -> tuple[str, int]:
        return "handled", 418


def _add_private_pages(app: Flasgo) -> None:
    for name in ("bearer", "basic", "session"):
        private = app.authorize(backend=name)(_private())
        app.add_route(f"/private/{name}", private, endpoint=f"private-{name}")
    scoped = app.authorize(HasScope("x"), backend="bearer")(_private())
    app.add_route("/private/scoped", scoped, endpoint="private-scoped")

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(websocket.client_ip))


def _private():
    async def private(request: Request) -> dict[str, str]:
        return {"id": str(request.user.id)}

    return private


def _add_forms(app: Flasgo) -> None:
    @app.post("/form")
    async def form(request: Request) -> dict[str, object]:
        found: FormData = await request.form()
        return {"fields": len(found), "n": request.session.get("n")}

    @app.post("/open")
    @csrf_exempt
    async def open_form(request: Request) -> dict[str, object]:
        found = await request.form()
        return {"fields": len(found), "names": [upload.filename for upload in found.filelist("f")]}

    @app.post("/json")
    @csrf_exempt
    async def json(request: Request) -> dict[str, str]:
        return {"type": type(await request.json()).__name__}

    @app.post("/typed")
    @csrf_exempt
    async def typed(note: Note) -> Note:
        return note

    @app.post("/text")
    @csrf_exempt
    @rate_limit(10_000_000, per=60)
    async def text(request: Request) -> str:
        return await request.text()


@dataclass
class Answer:
    """What the app sent."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    messages: list[MutableMapping[str, Any]] = field(default_factory=list)

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)


class Driver:
    """Sends requests to the app, and sees to what holds for every answer."""

    def __init__(self, app: Flasgo, runner: asyncio.Runner) -> None:
        self.app = app
        self._runner = runner

    def __call__(
        self,
        target: bytes = b"/",
        method: str = "GET",
        headers: list[tuple[bytes, bytes]] | None = None,
        body: list[bytes] | None = None,
        **scope: Any,
    ) -> Answer:
        """Send a request; `target` is the raw request target, undecoded."""
        given = headers or []
        if not any(name == b"host" for name, _ in given):
            given = [(b"host", b"localhost"), *given]
        answer = self._runner.run(
            asyncio.wait_for(self._exchange(target, method, given, body or [], scope), PATIENCE)
        )
        if scope.get("type") != "websocket":
            self._check(answer, method)
        return answer

    def _check(self, answer: Answer, method: str) -> None:
        assert 200 <= answer.status < 500, (answer.status, answer.body)
        names = [name for name, _ in answer.headers]
        assert b"content-security-policy" in names
        assert b"x-content-type-options" in names
        for name, value in answer.headers:
            assert name == name.lower()
            assert not any(bad in name + value for bad in UNSENDABLE), (name, value)
        if method == "HEAD":
            assert answer.body == b""
        elif answer.status >= 400 and answer.header(b"content-type") == b"application/json":
            assert {"error", "detail"} <= set(msgspec.json.decode(answer.body))

    async def _exchange(
        self,
        target: bytes,
        method: str,
        headers: list[tuple[bytes, bytes]],
        body: list[bytes],
        more: dict[str, Any],
    ) -> Answer:
        raw_path, _, query = target.partition(b"?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            # As uvicorn decodes it.
            "path": unquote(raw_path.decode("ascii", "replace")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": [(name.lower(), value) for name, value in headers],
            "client": ("192.0.2.1", 4711),
            "server": ("127.0.0.1", 80),
            "extensions": {"websocket.http.response": {}},
            "subprotocols": [],
            **more,
        }
        pieces = iter([*body, b""])
        left = len(body)
        answer = Answer()

        async def receive() -> dict[str, Any]:
            nonlocal left
            if scope["type"] == "websocket":
                return {"type": "websocket.connect"}
            piece = next(pieces, None)
            if piece is None:
                return {"type": "http.disconnect"}
            left -= 1
            return {"type": "http.request", "body": piece, "more_body": left >= 0}

        async def send(message: MutableMapping[str, Any]) -> None:
            answer.messages.append(message)
            if message["type"].endswith("http.response.start"):
                answer.status = message["status"]
                answer.headers = list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        await self.app(scope, receive, send)
        return answer


@pytest.fixture(scope="module")
def quiet_loggers() -> Iterator[None]:
    """Keep thousands of refusals from burying everything else; other modules hear their logs."""
    loggers = [logging.getLogger(name) for name in ("flasgo.security", "flasgo.app")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, quiet_loggers: None) -> Iterator[Driver]:
    with asyncio.Runner() as runner:
        yield Driver(make_app(tmp_path_factory.mktemp("app")), runner)
