"""The app that the tests of this folder serve for real."""

import asyncio
import gc
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import starlette.responses
from flasgo import (
    Blueprint,
    EventSourceResponse,
    Flasgo,
    HTTPException,
    NDJSONResponse,
    Policy,
    Request,
    Response,
    ServerSentEvent,
    StreamingResponse,
    WebSocket,
    attach_policy,
    hookimpl,
)

trace = Path(os.environ["LIVE_TRACE"]) if "LIVE_TRACE" in os.environ else None


def note(text: str) -> None:
    """Write to a file what no client could be told any more."""
    if trace is not None:
        with trace.open("a") as file:
            file.write(text + "\n")


class Members(Policy):
    """Only those who say so."""


class Doorman:
    """Checks handshakes: an Origin, a header, a quota."""

    name = "doorman"

    def __init__(self) -> None:
        self.left = 2

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.enforces(Members)

    @hookimpl
    def request_started(self, request: Request) -> None:
        if request.raw_header(b"origin") == b"https://evil.example":
            raise HTTPException(403, "This origin is not allowed.")

    @hookimpl
    async def authorize(self, request: Request) -> None:
        assert request.route is not None
        if request.route.policy(Members) and request.headers.get("x-member") != "yes":
            raise HTTPException(401, headers={"www-authenticate": "Member"})

    @hookimpl
    def ratelimit_check(self, request: Request) -> Response | None:
        if request.path != "/ws/counted":
            return None
        self.left -= 1
        if self.left >= 0:
            return None
        return Response.text("too many", status_code=429, headers={"retry-after": "60"})

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> None:
        response.headers["x-finalized"] = str(response.status_code)


app = Flasgo(
    plugins=[Doorman()],
    discover=False,
    settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij", "SYNC_WORKERS": 4},
)
open_handlers = 0
produced: dict[str, int] = {}
ended: list[str] = []


@app.lifespan
async def first() -> AsyncIterator[dict[str, str]]:
    note("first starts")
    yield {"word": "from the lifespan"}
    note("first stops")


@app.lifespan
async def second() -> AsyncIterator[None]:
    note("second starts")
    if "LIVE_FAIL" in os.environ:
        raise OSError("no port left")
    yield
    note("second stops")


# --- What happens in this process -----------------------------------------------------------


def memory(field: str) -> int:
    """A figure of this process in KiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(field)))


@app.get("/stats")
async def stats(request: Request) -> dict[str, object]:
    gc.collect()
    return {
        "tasks": len(asyncio.all_tasks()),
        "handlers": open_handlers,
        "websockets": sum(isinstance(each, WebSocket) for each in gc.get_objects()),
        "peak_kib": memory("VmHWM"),
        "resident_kib": memory("VmRSS"),
        "produced": produced,
        "ended": ended,
        "word": getattr(request.state, "word", None),
    }


@app.post("/reset-peak")
async def reset_peak() -> None:
    """Have the kernel measure the peak anew."""
    Path("/proc/self/clear_refs").write_text("5")


# --- WebSockets -----------------------------------------------------------------------------


class Counted:
    """Counts the handlers that run."""

    def __enter__(self) -> None:
        global open_handlers
        open_handlers += 1

    def __exit__(self, *_: object) -> None:
        global open_handlers
        open_handlers -= 1


@app.websocket("/ws/echo")
async def echo(websocket: WebSocket) -> None:
    with Counted():
        await websocket.accept()
        async for message in websocket:
            if isinstance(message, str):
                await websocket.send_text(message)
            else:
                await websocket.send_bytes(message)


@app.websocket("/ws/json")
async def json_echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for value in websocket.iter_json():
        await websocket.send_json({"got": value})


@app.websocket("/ws/text")
async def texts(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


@app.websocket("/ws/bytes")
async def binary(websocket: WebSocket) -> None:
    await websocket.accept()
    async for data in websocket.iter_bytes():
        await websocket.send_bytes(data[::-1])


@app.websocket("/ws/protocols")
async def protocols(websocket: WebSocket) -> None:
    chosen = next((p for p in websocket.subprotocols if p in {"chat.v2", "chat.v1"}), None)
    await websocket.accept(chosen, headers=[("x-extra", "1")])
    await websocket.send_text(chosen or "none")


@app.websocket("/ws/close/<int:code>")
async def close(websocket: WebSocket, code: int) -> None:
    await websocket.accept()
    await websocket.close(code, "as you wish")


@app.websocket("/ws/members", policies=[Members()])
async def members(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("welcome")


@app.websocket("/ws/counted")
async def counted(websocket: WebSocket) -> None:
    await websocket.accept()


@app.websocket("/ws/small", max_message_bytes=10)
async def small(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@app.websocket("/ws/slow", max_messages_per_second=5)
async def slow(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@app.websocket("/ws/raise")
async def raises(websocket: WebSocket) -> None:
    with Counted():
        await websocket.accept()
        await websocket.receive()
        raise ValueError("secret")


@app.websocket("/ws/early")
async def early(websocket: WebSocket) -> None:
    with Counted():
        raise ValueError("secret")


@app.websocket("/ws/ticker")
async def ticker(websocket: WebSocket) -> None:
    """Only sends, and so learns only from sending that the client has gone."""
    with Counted():
        await websocket.accept()
        while True:
            await websocket.send_text("tick")
            await asyncio.sleep(0.01)


@app.websocket("/ws/pair")
async def pair(websocket: WebSocket) -> None:
    """Reads and writes at once, in two tasks."""
    with Counted():
        await websocket.accept()

        async def write() -> None:
            while True:
                await websocket.send_text("tick")
                await asyncio.sleep(0.05)

        writer = asyncio.create_task(write())
        try:
            async for _ in websocket:
                pass
        finally:
            writer.cancel()


@app.websocket("/ws/never-waits")
async def never_waits_ws(websocket: WebSocket) -> None:
    with Counted():
        await websocket.accept()
        while True:
            await websocket.send_text("x" * 1000)


@app.websocket("/ws/never-waits/pair")
async def never_waits_pair(websocket: WebSocket) -> None:
    """The same in two tasks, one of which would hear of the end."""
    with Counted():
        await websocket.accept()

        async def write() -> None:
            while True:
                await websocket.send_text("x" * 1000)

        writer = asyncio.create_task(write())
        try:
            async for _ in websocket:
                pass
        finally:
            writer.cancel()


# --- Streams --------------------------------------------------------------------------------


@app.get("/sse")
async def sse(request: Request) -> EventSourceResponse:
    start = int(request.last_event_id or 0)

    async def events() -> AsyncIterator[object]:
        yield ServerSentEvent(comment="hello", retry=2000)
        for number in range(start + 1, start + 4):
            yield ServerSentEvent(data={"number": number}, event="count", id=str(number))
        yield "two\nlines"
        yield {"plain": "data"}

    return EventSourceResponse(events())


@app.get("/sse/silent")
async def silent() -> EventSourceResponse:
    async def events() -> AsyncIterator[str]:
        try:
            await asyncio.sleep(3600)
            yield "never"
        finally:
            ended.append("silent")

    return EventSourceResponse(events(), heartbeat=0.05)


@app.get("/sse/sync")
def sse_sync() -> EventSourceResponse:
    return EventSourceResponse(iter(["one", "two"]))


@app.get("/ndjson")
async def ndjson() -> NDJSONResponse:
    async def items() -> AsyncIterator[object]:
        yield {"a": 1}
        yield [1, 2]
        yield None
        yield "text\nwith a line break"

    return NDJSONResponse(items())


@app.get("/ndjson/sync")
def ndjson_sync() -> NDJSONResponse:
    return NDJSONResponse({"n": n} for n in range(3))


@app.get("/endless/async")
async def endless() -> StreamingResponse:
    produced["async"] = 0

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                produced["async"] += 1
                yield b"x" * 65536
        finally:
            ended.append("async")

    return StreamingResponse(parts())


@app.get("/endless/sync")
def endless_sync() -> StreamingResponse:
    produced["sync"] = 0

    def parts() -> Iterator[bytes]:
        try:
            while True:
                produced["sync"] += 1
                time.sleep(0.001)
                yield b"x" * 65536
        finally:
            ended.append("sync")

    return StreamingResponse(parts())


@app.get("/never-waits/<kind>")
async def never_waits(kind: str) -> Response:
    async def parts() -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * 1000
        finally:
            ended.append(f"never waits: {kind}")

    makers: dict[str, Any] = {
        "plain": StreamingResponse,
        "sse": EventSourceResponse,
        "ndjson": NDJSONResponse,
    }
    return makers[kind](parts())


@app.get("/waiting")
async def waiting() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"begun"
            await asyncio.Event().wait()
        finally:
            ended.append("waiting")

    return StreamingResponse(parts())


@app.get("/cut/<kind>")
async def cut(kind: str) -> Response:
    async def parts() -> AsyncIterator[object]:
        yield "begun"
        await asyncio.sleep(0.05)
        raise ValueError("half way")

    makers: dict[str, Any] = {
        "plain": StreamingResponse,
        "sse": EventSourceResponse,
        "ndjson": NDJSONResponse,
    }
    return makers[kind](parts())


# --- Uploads --------------------------------------------------------------------------------


@app.post("/upload", max_body=2 << 30)
async def upload(request: Request) -> dict[str, object]:
    """Write the body to disk as it comes in."""
    target = Path(os.environ["LIVE_UPLOAD"])
    size, digest = 0, hashlib.blake2b()
    with target.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
    written = target.stat().st_size
    target.unlink()
    return {"size": size, "written": written, "digest": digest.hexdigest()}


@app.post("/upload/small", max_body=1 << 20)
async def upload_small(request: Request) -> dict[str, int]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return {"size": size}


# --- Structure ------------------------------------------------------------------------------

members_area = Blueprint("area", "/area")
attach_policy(members_area, Members())


@members_area.websocket("/ws")
async def area_ws(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("inside")


@members_area.get("/page")
def area_page(request: Request) -> str:
    return app.url_for(".area_page", _anchor="x")


async def mounted_flood(scope: Any, receive: Any, send: Any) -> None:
    """Send without ever waiting."""

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            ended.append("never waits: mounted")

    if scope["type"] == "http":
        await starlette.responses.StreamingResponse(parts())(scope, receive, send)
        return
    with Counted():
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "x" * 1000})


async def mounted(scope: Any, receive: Any, send: Any) -> None:
    """A plain ASGI app with HTTP and WebSocket."""
    if scope.get("path", "").endswith("/never-waits"):
        await mounted_flood(scope, receive, send)
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": scope["root_path"]})
        await send({"type": "websocket.close"})
        return
    if scope["type"] != "http":
        raise NotImplementedError
    body = f"{scope['root_path']} {scope['path']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


app.register_blueprint(members_area)
app.mount("/mounted", mounted)


@app.get("/background")
async def background(request: Request) -> str:
    async def later() -> None:
        await asyncio.sleep(0.2)
        note("background ran")

    request.background.add(later)
    return "promised"
