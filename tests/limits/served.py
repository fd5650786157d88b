"""The app under test: small limits, the whole bundle, and a count of what is under way."""

import asyncio
import threading
from typing import Annotated, Any

from flasgo import Body, Flasgo, Request, WebSocket

app = Flasgo(
    settings={
        "SECRET_KEY": "0f3b1c9a7d5e42608b1f6c2d9e7a4b53",
        "MAX_REQUEST_BODY_BYTES": 50_000,
        "MAX_REQUEST_HEAD_BYTES": 4096,
        "REQUEST_READ_TIMEOUT_SECONDS": 1.0,
        "SYNC_WORKERS": 2,
        "ALLOWED_HOSTS": {"localhost", "127.0.0.1"},
    }
)
counts = {"reading": 0, "read": 0, "finished": 0}


@app.teardown_request
async def finished(request: Request, error: BaseException | None) -> None:
    counts["finished"] += 1


@app.get("/")
async def index() -> str:
    return "hello"


@app.get("/items/<name>")
async def item(name: str) -> dict[str, int]:
    return {"length": len(name)}


@app.get("/stats")
async def stats() -> dict[str, int]:
    return {**counts, "threads": threading.active_count()}


async def _read(request: Request) -> str:
    counts["reading"] += 1
    try:
        size = len(await request.body())
    finally:
        counts["reading"] -= 1
    counts["read"] += 1
    return str(size)


app.add_route("/read", _read, methods=("POST",), endpoint="read")
app.add_route("/read-get", _read, methods=("GET",), endpoint="read_get")


@app.route("/seen/<path:rest>", methods=("GET", "POST", "OPTIONS"))
async def seen(request: Request, rest: str) -> dict[str, Any]:
    """Read the body, then tell what the server has made of the request."""
    counts["reading"] += 1
    try:
        body = await request.body()
    finally:
        counts["reading"] -= 1
    scope = request.scope
    return {
        "body": body.decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "host": request.host,
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "scheme": scope["scheme"],
    }


@app.post("/small", max_body=100)
async def small(request: Request) -> str:
    return str(len(await request.body()))


@app.post("/large", max_body=200_000)
async def large(request: Request) -> str:
    return str(len(await request.body()))


@app.post("/stream")
async def stream(request: Request) -> str:
    return str(sum([len(piece) async for piece in request.stream()]))


@app.post("/json")
async def json(request: Request) -> str:
    return type(await request.json()).__name__


@app.post("/form")
async def form(request: Request) -> str:
    return str(len(await request.form()))


@app.post("/thread")
def thread(note: Annotated[dict, Body()]) -> str:
    """A `def` handler: it gets a thread when its body is complete, not before."""
    return str(len(note))


@app.get("/thread")
def in_a_thread() -> str:
    return threading.current_thread().name


@app.route("/sleep", methods=("GET", "POST"))
async def sleep() -> str:
    await asyncio.sleep(3)
    return "slept"


@app.post("/ignore")
async def ignore() -> str:
    return "ignored"


@app.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("welcome")


async def mounted(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that reads its body, or does not."""
    size, more = 0, scope["path"].endswith("/read")
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    head = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


app.mount("/mounted", mounted)
