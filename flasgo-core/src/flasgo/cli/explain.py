"""`flasgo explain`: what happens to one request, step by step."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote, unquote

import typer
from msgspec import Struct, structs

from flasgo.app import Flasgo
from flasgo.asgi import Message, Scope
from flasgo.cli.loading import AppOption, JsonOption, app_for_command
from flasgo.cli.output import coloured, fail, table, write, write_json
from flasgo.cli.unreached import reached, why_unreached
from flasgo.interop.mounts import running
from flasgo.kernel.tracing import HeaderChange, Trace, TraceStep
from flasgo.requests.request import Request

__all__ = ["Explanation", "SentHeader", "explain", "explain_request", "request_for"]

WEBSOCKET = "WEBSOCKET"
"""Stands for a method: the handshake of a WebSocket."""

_LONGEST_TALK = 5.0
_PATH_SAFE = "%/:@!$&'()*+,;=-._~"  # RFC 3986, section 3.3; what is escaped already stays


class SentHeader(Struct, frozen=True):
    """A header of the response.

    Attributes:
        name: Its name.
        value: Its value.
        steps: What set or changed it, the first step first; empty for the core's own framing.
    """

    name: str
    value: str
    steps: tuple[str, ...]


class Explanation(Struct, frozen=True):
    """What happened to a request.

    Attributes:
        method: Its method.
        path: Its path.
        route: The route's rule and endpoint; None where no route was reached.
        status: The status of the response.
        microseconds: How long the whole request took.
        steps: Every step, in the order in which they ended.
        headers: The headers of the response.
        removed: The names of headers that a step removed.
        reasons: Why it reached no route, where it did not.
        close_code: The code with which the app closed a WebSocket, where it did.
    """

    method: str
    path: str
    route: str | None
    status: int
    microseconds: float
    steps: tuple[TraceStep, ...]
    headers: tuple[SentHeader, ...]
    removed: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    close_code: int | None = None


def explain(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="Such as GET, or WEBSOCKET.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="With its query.")],
    *,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="A header. Repeatable."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", metavar="BODY", help="The body.")
    ] = None,
    app: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every step of one request, sent through the app in process."""
    loaded = app_for_command(app)
    headers = _headers(header or (), data)
    if not path.startswith("/"):
        fail(f"A path begins with a slash, and {path!r} does not: flasgo explain GET /{path}")
    told = asyncio.run(_with_lifespan(loaded, method.upper(), path, headers, data))
    if as_json:
        write_json(structs.asdict(told) | _plain(told))
    else:
        write(_text(told))


def _plain(told: Explanation) -> dict[str, Any]:
    steps = [structs.asdict(step) for step in told.steps]
    for step in steps:
        step["headers"] = [structs.asdict(change) for change in step["headers"]]
    return {"steps": steps, "headers": [structs.asdict(each) for each in told.headers]}


def _headers(given: list[str] | tuple[str, ...], data: str | None) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    for line in given:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            fail(f"-H takes 'Name: value', not {line!r}.")
        headers.append((name.strip().lower().encode(), value.strip().encode()))
    names = {name for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"host", b"localhost"))
    if data is not None:
        if b"content-type" not in names:
            is_json = data.lstrip()[:1] in ("{", "[")
            kind = "application/json" if is_json else "application/x-www-form-urlencoded"
            headers.append((b"content-type", kind.encode()))
        headers.append((b"content-length", str(len(data.encode())).encode()))
    return headers


async def _with_lifespan(
    app: Flasgo, method: str, path: str, headers: list[tuple[bytes, bytes]], data: str | None
) -> Explanation:
    async with running(app, app.name, {}):
        return await explain_request(app, method, path, headers, (data or "").encode())


async def explain_request(
    app: Flasgo, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> Explanation:
    """Send one request through an app and return what happened to it.

    Args:
        app: The app; it is traced from now on.
        method: The method, in upper case.
        path: The path and query, percent-encoded or not.
        headers: The headers, names in lower case.
        body: The body.
    """
    app._is_traced = True
    app._recompile()
    scope = _scope(method, path, headers)
    trace = Trace()
    scope["flasgo.trace"] = trace
    sent: list[Message] = []
    pending = _handshake(body) if method == WEBSOCKET else []

    async def receive() -> Message:
        if pending:
            return pending.pop(0)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    loop = asyncio.get_running_loop()
    started = loop.time()
    with suppress(TimeoutError):  # a handler may talk to its client for good
        async with asyncio.timeout(_LONGEST_TALK if method == WEBSOCKET else None):
            await app(scope, receive, send)
    took = (loop.time() - started) * 1e6
    status, sent_headers = _outcome(sent)
    route = reached(app, method, scope["path"], dict(headers).get(b"host", b"").decode("latin-1"))
    received = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in sent_headers]
    authors = _authors(trace.steps)
    return Explanation(
        method,
        path,
        None if route is None else f"{route.path} ({route.endpoint})",
        status,
        round(took, 1),
        tuple(trace.steps),
        tuple(SentHeader(n, v, tuple(authors.get(n, ()))) for n, v in received),
        tuple(sorted(set(authors) - {name for name, _ in received})),
        await _reasons(app, method, path, headers) if route is None else (),
        _close_code(sent),
    )


async def _reasons(
    app: Flasgo, method: str, path: str, headers: list[tuple[bytes, bytes]]
) -> tuple[str, ...]:
    host = dict(headers).get(b"host", b"").decode("latin-1")
    told = await why_unreached(app, request_for(app, method, path, host))
    close = (f"Close to it: {', '.join(told.close)}",) if told.close else ()
    return (*told.reasons, *close)


def _handshake(body: bytes) -> list[Message]:
    """Return what a client does: it connects, sends the text, where there is one, and leaves."""
    text = [{"type": "websocket.receive", "text": body.decode()}] if body else []
    return [
        {"type": "websocket.connect"},
        *text,
        *({"type": "websocket.disconnect", "code": 1000} for _ in range(2)),
    ]


def _outcome(sent: list[Message]) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Return the status of the answer and its headers; 101 for a handshake that was accepted."""
    for message in sent:
        kind = message["type"].removeprefix("websocket.")
        if kind == "http.response.start":
            return message["status"], message["headers"]
        if kind == "accept":
            return 101, list(message.get("headers") or ())
        if kind == "close":
            return 403, []
    return fail("The app sent no response.")


def _close_code(sent: list[Message]) -> int | None:
    codes = (each.get("code", 1000) for each in sent if each["type"] == "websocket.close")
    return next(codes, None)


def request_for(app: Flasgo, method: str, path: str, host: str | None = None) -> Request:
    """Return a request that is not served, for the questions that commands ask.

    Args:
        app: The app.
        method: The method, in upper case; `WEBSOCKET` for a handshake.
        path: The path and query, percent-encoded or not.
        host: The Host header.
    """
    from flasgo.http.headers import read_head

    headers = [(b"host", (host or "localhost").encode())]
    scope = _scope(method, path, headers)
    head = read_head(headers, app.settings.MAX_REQUEST_HEAD_BYTES, scope["raw_path"], b"")
    return Request(app, scope, _receive_nothing, head)


async def _receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _scope(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> Scope:
    target, _, query = path.partition("?")
    raw = quote(target, safe=_PATH_SAFE)
    kind = {"type": "http", "method": method, "scheme": "http"}
    if method == WEBSOCKET:
        extensions = {"websocket.http.response": {}}
        kind = {"type": "websocket", "scheme": "ws", "subprotocols": [], "extensions": extensions}
    return {
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        **kind,
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("localhost", 80),
    }


def _authors(steps: list[TraceStep]) -> dict[str, list[str]]:
    """Return the steps that touched each header, in their order."""
    authors: dict[str, list[str]] = {}
    for step in steps:
        for change in step.headers:
            authors.setdefault(change.name, []).append(_author(step, change))
    return authors


def _author(step: TraceStep, change: HeaderChange) -> str:
    where = step.stage if step.plugin == "app" else f"{step.plugin} ({step.stage})"
    return where if change.change == "set" else f"{change.change} by {where}"


def _text(told: Explanation) -> str:
    reason = next((each.phrase for each in HTTPStatus if each == told.status), "")
    lines = [
        f"{told.method} {told.path} -> "
        + coloured(f"{told.status} {reason}".rstrip(), "red" if told.status >= 400 else "green")
        + f"   {told.microseconds:.0f} us, traced",
        f"route: {told.route or 'none'}",
        *(f"  {reason}" for reason in told.reasons),
        *(() if told.close_code is None else (f"closed by the app with {told.close_code}",)),
        "",
        table(
            ("Step", "Plugin", "Decision", "us", "Callable"),
            [
                (s.stage, s.plugin, s.decision, f"{s.microseconds:.1f}", s.callable)
                for s in told.steps
            ],
        ),
        "",
        table(
            ("Response header", "Value", "Set by"),
            [(each.name, each.value, ", ".join(each.steps) or "core") for each in told.headers],
        ),
    ]
    if told.removed:
        lines += ["", f"Removed: {', '.join(told.removed)}"]
    return "\n".join(lines)
