"""Apps of the core alone, and a client for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flasgo import Flasgo, Policy, Registry, Request, Response, hookimpl
from flasgo_testing import TestClient

SECRET_KEY = "for-tests-only-0123456789-abcdefghij"


@dataclass(frozen=True)
class Named(Policy):
    """A policy that the `Witness` enforces by noting it."""

    name: str


@dataclass
class Witness:
    """A plugin that notes the policies it meets, stamps responses, and refuses where told to."""

    name: str = "witness"
    seen: list[tuple[str, ...]] = field(default_factory=list)
    finished: list[tuple[str, int | None, str | None]] = field(default_factory=list)
    refuse: bool = False

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.enforces(Named)

    @hookimpl
    def authorize(self, request: Request) -> Response | None:
        assert request.route is not None
        self.seen.append(tuple(policy.name for policy in request.route.policies_of(Named)))
        return Response.text("refused", status_code=403) if self.refuse else None

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> None:
        response.headers["x-finalized"] = str(response.status_code)

    @hookimpl
    def request_finished(
        self, request: Request, response: Response | None, error: Exception | None
    ) -> None:
        status = None if response is None else response.status_code
        self.finished.append((request.path, status, type(error).__name__ if error else None))


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def app(witness: Witness) -> Flasgo:
    """An app of the core with the witness."""
    return Flasgo(plugins=[witness], discover=False, settings={"SECRET_KEY": SECRET_KEY})


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    """Return a function that makes an app of the core alone; plugins go as arguments."""

    def make(*plugins: object, **settings: Any) -> Flasgo:
        return Flasgo(
            plugins=plugins, discover=False, settings={"SECRET_KEY": SECRET_KEY, **settings}
        )

    return make


@pytest.fixture
def client(app: Flasgo) -> TestClient:
    """A client that shows the answers to failures rather than raising them."""
    return TestClient(app, raise_server_exceptions=False)


class Handshake:
    """Opens WebSockets in process: sends what the test says, then leaves."""

    def __init__(self, app: Flasgo) -> None:
        self.app = app

    async def __call__(
        self,
        path: str,
        *texts: str,
        headers: dict[str, str] | None = None,
        root_path: str = "",
        raw_path: bytes | None = None,
    ) -> list[dict[str, Any]]:
        """Return what the app sent."""
        incoming: list[dict[str, Any]] = [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": text} for text in texts),
            {"type": "websocket.disconnect", "code": 1001},
        ]
        sent: list[dict[str, Any]] = []
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": root_path + path,
            "raw_path": raw_path or (root_path + path).encode(),
            "query_string": b"",
            "root_path": root_path,
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in {"host": "localhost", **(headers or {})}.items()
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }

        async def receive() -> Any:
            return incoming.pop(0)

        async def send(message: Any) -> None:
            sent.append(dict(message))

        await self.app(scope, receive, send)
        return sent


@pytest.fixture
def handshake(app: Flasgo) -> Handshake:
    return Handshake(app)
