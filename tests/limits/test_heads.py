"""REQ-4, LESSONS 3: heads that are too large or say one thing twice, under every server."""

from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
from flasgo import Flasgo, Request, Response, WebSocket, hookimpl
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .conftest import Server, head

LIMIT = 4096


@pytest.mark.parametrize(
    "request_head",
    [
        head("GET", "/items/" + "x" * 6000),
        head("GET", "/nowhere/" + "x" * 6000),
        # 500 characters once they are decoded.
        head("GET", "/items/" + "%F0%9F%8D%86" * 500),
        head("GET", "/?" + "q" * 6000),
        head("GET", "/items/" + "x" * 2000 + "?" + "q" * 2000, "x-more: " + "m" * 500),
        head("GET", "/", "x-one: " + "v" * 6000),
        head("GET", "/", "n" * 6000 + ": v"),
        head("GET", "/", *[f"x-{number}: {'v' * 60}" for number in range(80)]),
        head("GET", "/", *["x-same: " + "v" * 60] * 80),
        head("GET", "/", *["cookie: " + "v" * 60] * 80),
    ],
    ids=[
        "path",
        "unmatched",
        "escapes",
        "query",
        "sum",
        "value",
        "name",
        "many",
        "same",
        "cookies",
    ],
)
def test_a_large_head_is_431(server: Server, request_head: bytes) -> None:
    with server.connect() as wire:
        wire.send(request_head)
        answer = wire.answer()
        assert answer.status == 431
        # Hardened like every other answer.
        assert answer.headers.get("x-content-type-options") == "nosniff"
    assert server.get().text == "hello"


@pytest.mark.parametrize("size", [200_000, 1_000_000])
@pytest.mark.parametrize("where", ["path", "query", "header"])
def test_a_huge_head_is_refused(server: Server, where: str, size: int) -> None:
    """Past what a server itself takes, it may answer by itself, or only close."""
    with server.connect() as wire:
        filler = "x" * size
        wire.send(
            {
                "path": head("GET", f"/items/{filler}"),
                "query": head("GET", f"/?{filler}"),
                "header": head("GET", "/", f"x-large: {filler}"),
            }[where]
        )
        received = wire.rest() if size > 200_000 and server.kind != "granian" else b""
        received = received or (wire._more() and wire.received) or b""
        assert received == b"" or received.split()[1] in {b"400", b"414", b"431"}
    assert server.get().text == "hello"


@pytest.mark.parametrize("size", [5000, 60_000, 70_000, 200_000])
@pytest.mark.parametrize("target", ["/items/", "/nowhere/", "/?"])
def test_under_flasgo_run_a_huge_address_is_431(flasgo_run: Server, target: str, size: int) -> None:
    """Whoever finds it first: the connection, the parser or the app."""
    with flasgo_run.connect() as wire:
        wire.send(head("GET", target + "x" * size))
        assert wire.answer().status == 431


def test_what_is_malformed_is_still_400(flasgo_run: Server) -> None:
    with flasgo_run.connect() as wire:
        wire.send(b"GET / HTTP/1.1\r\nhost localhost\r\n\r\n")
        assert wire.answer().status == 400


def test_the_message_names_what_is_too_long(flasgo_run: Server) -> None:
    with flasgo_run.connect() as wire:
        wire.send(head("GET", "/items/" + "x" * 6000))
        assert b"shorter address" in wire.answer().body
    with flasgo_run.connect() as wire:
        wire.send(head("GET", "/", "x-one: " + "v" * 6000))
        assert b"smaller headers" in wire.answer().body


@pytest.mark.parametrize("second", ["host: localhost", "Host: localhost", "hOST: evil.example"])
def test_two_hosts_in_any_case(server: Server, second: str) -> None:
    with server.connect() as wire:
        wire.send(head("GET", "/", second))
        assert wire.answer().status == 400


@pytest.mark.parametrize(
    ("first", "second"),
    [("authorization: Bearer a", "AUTHORIZATION: Bearer b"),
     ("content-type: application/json", "Content-Type: text/plain"),
     ("content-length: 2", "Content-Length: 3")],
)  # fmt: skip
def test_singletons_in_two_cases(server: Server, first: str, second: str) -> None:
    """Servers give names in lower case, as ASGI demands; so two cases are two of one."""
    with server.connect() as wire:
        wire.send(head("POST", "/ignore", first, second))
        assert wire.answer().status == 400


# --- Servers that do not keep to ASGI ------------------------------------------------------------


Ask = Callable[..., list[MutableMapping[str, Any]]]


async def ask(app: Flasgo, **parts: Any) -> list[MutableMapping[str, Any]]:
    """Send a scope; return what the app sends."""
    kind = parts.get("type", "http")
    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 80),
        **parts,
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def _seen(request: Request) -> str:
    return f"{request.headers['host']} {request.headers.get('cookie')} {dict(request.cookies)}"


def watched_app(log: list[str]) -> Flasgo:
    """An app of the whole bundle, with a plugin that notes what it sees of requests."""

    class Watcher:
        name = "watcher"

        @hookimpl
        def request_started(self, request: Request) -> None:
            log.append("started")

        @hookimpl
        def response_finalize(self, request: Request, response: Response) -> None:
            log.append(f"finalize {response.status_code}")

        @hookimpl
        def request_finished(self, request: Request, response: Response | None) -> None:
            log.append(f"finished {None if response is None else response.status_code}")

    app = Flasgo(settings={"SECRET_KEY": "x1" * 20, "MAX_REQUEST_HEAD_BYTES": LIMIT})
    app.plugins.register(Watcher())
    app.add_route("/", _seen, endpoint="index")
    app.add_route("/<path:rest>", lambda rest: str(len(rest)), endpoint="rest")

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        log.append("handler")
        await websocket.accept()

    return app


async def test_names_in_upper_case_are_no_headers() -> None:
    """A server that does not fold case: its names are not found, so nothing can differ."""
    log: list[str] = []
    app = watched_app(log)
    alone = await ask(app, headers=[(b"Host", b"localhost")])
    assert alone[0]["status"] == 400
    both = await ask(
        app, headers=[(b"host", b"localhost"), (b"Host", b"evil.example"), (b"Cookie", b"a=b")]
    )
    assert both[0]["status"] == 200
    assert both[1]["body"] == b"localhost None {}"


@pytest.mark.parametrize("raw_path", [None, b"/" + b"x" * 6000])
async def test_servers_without_a_raw_path(raw_path: bytes | None) -> None:
    parts: dict[str, Any] = {"path": "/" + "x" * 6000, "raw_path": raw_path}
    assert (await ask(watched_app([]), **parts))[0]["status"] == 431
    short: dict[str, Any] = {"path": "/" + "x" * 3000, "raw_path": raw_path and raw_path[:3001]}
    assert (await ask(watched_app([]), **short))[0]["status"] == 200


async def test_a_limit_is_met_to_the_byte() -> None:
    app = watched_app([])
    headers = [(b"host", b"localhost")]
    rest = LIMIT - len(b"hostlocalhost") - len(b"/")
    for query, status in ((b"q" * rest, 200), (b"q" * (rest + 1), 431)):
        assert (await ask(app, headers=headers, query_string=query))[0]["status"] == status


# --- WebSocket handshakes ------------------------------------------------------------------------


BAD_HANDSHAKES: list[tuple[dict[str, Any], int]] = [
    ({"headers": [(b"host", b"localhost"), (b"x", b"v" * 6000)]}, 431),
    ({"query_string": b"q" * 6000}, 431),
    ({"raw_path": b"/ws" + b"%20" * 2000}, 431),
    ({"headers": [(b"host", b"localhost"), (b"host", b"evil.example")]}, 400),
    ({"headers": [(b"host", b"localhost"), *[(b"authorization", b"Basic x")] * 2]}, 400),
]


@pytest.mark.parametrize(("parts", "status"), BAD_HANDSHAKES)
async def test_a_bad_handshake_is_denied_like_any_other(parts: dict[str, Any], status: int) -> None:
    """It passes response_finalize and request_finished, and gets an HTTP answer."""
    log: list[str] = []
    sent = await ask(
        watched_app(log),
        type="websocket",
        scheme="ws",
        path="/ws",
        extensions={"websocket.http.response": {}},
        **parts,
    )
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == status
    assert b"x-content-type-options" in dict(sent[0]["headers"])
    assert log == [f"finalize {status}", f"finished {status}"]


@pytest.mark.parametrize(("parts", "status"), BAD_HANDSHAKES)
async def test_without_denial_responses_it_is_closed(parts: dict[str, Any], status: int) -> None:
    log: list[str] = []
    sent = await ask(watched_app(log), type="websocket", scheme="ws", path="/ws", **parts)
    assert [(message["type"], message.get("code")) for message in sent] == [
        ("websocket.close", 1008)
    ]
    assert log == [f"finalize {status}", f"finished {status}"]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/ws", {"x-large": "v" * 6000}, 431), ("/ws?" + "q" * 6000, {}, 431),
     ("/ws", [("authorization", "a"), ("Authorization", "b")], 400)],
)  # fmt: skip
def test_handshakes_over_the_wire(flasgo_run: Server, path: str, headers: Any, status: int) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://localhost:{flasgo_run.port}{path}", additional_headers=headers, origin=None)
    assert caught.value.response.status_code == status
    with connect(f"ws://localhost:{flasgo_run.port}/ws") as websocket:
        assert websocket.recv(timeout=60) == "welcome"


@pytest.mark.parametrize(
    "fields",
    [
        ("content-length: 4", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "content-length: 4"),
    ],
)
def test_a_body_that_ends_in_two_ways_is_refused(guarded: Server, fields: tuple[str, str]) -> None:
    """What a proxy that goes by the length takes for the next request is never one."""
    with guarded.connect() as wire:
        wire.send(head("POST", "/ignore", *fields) + b"0\r\n\r\n" + head("GET", "/"))
        assert wire.answer().status == 400
        assert wire.rest() == b""
