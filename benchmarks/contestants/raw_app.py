"""The floor: an ASGI function that knows its answer."""

from benchmarks.asgi import ASGIApp, Receive, Scope, Send

BODY = b'{"framework":"raw","status":"ok"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


def app(scenario: str) -> ASGIApp:
    """Build the application; the scenario is always `json`."""
    return answer


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request the same."""
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan here")
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    await send({"type": "http.response.body", "body": BODY})
