"""The applications of the `http` benchmark, all with the JSON route of `benchmarks.contestants`."""

from benchmarks.asgi import ASGIApp, Exchange, Message, Receive, Scope, Send, ask
from benchmarks.contestants import contestant

__all__ = ["blacksheep", "falcon", "flasgo", "flasgo_run", "raw", "raw_run", "starlette"]


def flasgo() -> ASGIApp:
    """Flasgo with the whole bundle and its defaults."""
    return contestant("flasgo").app("json")


def starlette() -> ASGIApp:
    """Starlette, bare."""
    return contestant("starlette").app("json")


def falcon() -> ASGIApp:
    """Falcon, bare."""
    return contestant("falcon").app("json")


def blacksheep() -> ASGIApp:
    """BlackSheep, bare."""
    return contestant("blacksheep").app("json")


def raw() -> ASGIApp:
    """A function that answers, byte for byte, what flasgo answers, and knows nothing else."""
    model = flasgo()
    messages: list[Message] = []

    async def same_bytes(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan here")
        if not messages:
            answer = await ask(model, Exchange("/"))
            start = {"status": answer.status, "headers": list(answer.headers)}
            messages.append({"type": "http.response.start", **start})
            messages.append({"type": "http.response.body", "body": answer.body})
        start, body = messages
        await send(start)
        await send(body)

    return same_bytes


# The same apps, served with the protocol of `flasgo run`.
flasgo_run = flasgo
raw_run = raw
