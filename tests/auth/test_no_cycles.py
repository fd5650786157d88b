"""A request leaves nothing behind for the garbage collector, whatever the answer was."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Connection, Flasgo, Request
from flasgo_auth import HasScope, IsAuthenticated, User

SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "query_string": b"",
    "root_path": "",
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 8000),
}


def make_app() -> Flasgo:
    app = Flasgo(settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})

    async def who(request: Connection) -> User | None:
        return User("alice") if request.raw_header(b"x-user") else None

    app.register_auth_backend("key", who)

    def add(path: str, *decorators: Callable[..., Any]) -> None:
        async def handler(request: Request) -> dict[str, object]:
            return {"new": request.session.new} if path == "/session" else {}

        for decorate in decorators:
            decorate(handler)
        app.get(path, endpoint=f"at{path}")(handler)

    add("/")
    add("/session")
    add("/members", app.authorize(IsAuthenticated()))
    add("/admins", app.authorize(HasScope("admin")))
    add("/limited", app.ratelimit(1, per=3600))
    return app


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/session", 200), ("/none", 404), ("/members", 401), ("/admins", 403),
     ("/limited", 429)],
)  # fmt: skip
async def test_no_cycles(path: str, status: int) -> None:
    app = make_app()
    headers = [(b"host", b"localhost")]
    if path == "/admins":
        headers.append((b"x-user", b"alice"))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        sent.clear()
        scope = {**SCOPE, "path": path, "raw_path": path.encode(), "headers": headers}
        await app(scope, receive, send)

    for _ in range(3):
        await ask()
    assert sent[0]["status"] == status
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await ask()
        sent.clear()
        assert gc.collect() < 10  # less than one object for each request
    finally:
        gc.enable()
