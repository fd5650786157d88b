"""The same page, for several worker processes: what is said goes through Redis.

It needs the plugin flasgo-broadcast, with which people of all workers are in one chat:

    pip install 'examples/plugins/flasgo-broadcast[redis]'
    export FLASGO_SECRET_KEY="$(openssl rand -hex 32)" FLASGO_BROADCAST_URI=redis://127.0.0.1:6379/0
    flasgo run examples/live/workers.py --workers 2
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from flasgo import Blueprint, Flasgo, Response, WebSocket
from flasgo_broadcast import Broadcast, BroadcastError

from app import HERE, Said, Shown, ticker, trading

COUNT_SECONDS = 5.0

app = Flasgo(
    static_folder=HERE / "static",
    settings={
        "SECRET_KEY": os.environ.get("FLASGO_SECRET_KEY", secrets.token_urlsafe(32)),
        "ALLOWED_HOSTS": {"127.0.0.1", "localhost"},
        "CSRF_COOKIE_SECURE": False,
        "SESSION_COOKIE_SECURE": False,
        "BROADCAST_HISTORY": 20,
    },
)
app.configure_templates(HERE / "templates")
app.lifespan(trading)  # each worker invents the same prices

chat = Blueprint("chat", "/chat")


@chat.websocket("/room", max_message_bytes=4096, max_messages_per_second=10)
async def talk(websocket: WebSocket, broadcast: Broadcast) -> None:
    """Bring what this person says to everybody, and everything said to this person."""
    await websocket.accept()
    try:
        async with (
            broadcast.forwarding(websocket, "people"),
            broadcast.forwarding(websocket, "chat", replay=20),
        ):
            await tell_how_many(broadcast)
            async for text in websocket.iter_text():
                said = msgspec.json.decode(text, type=Said).cleaned()
                if said is not None:
                    at = datetime.now(UTC).isoformat()
                    await broadcast.publish("chat", Shown("message", said.name, said.text, at))
    except msgspec.DecodeError:
        await websocket.close(1007, "Send an object with name and text.")
    finally:
        await tell_how_many(broadcast)


async def tell_how_many(broadcast: Broadcast) -> None:
    """Tell everybody how many people there are, in all workers."""
    with suppress(BroadcastError):  # without Redis the number can wait
        people = await broadcast.count("people")
        await broadcast.publish("people", Shown("people", people=people))


@app.lifespan
async def counting() -> AsyncIterator[None]:
    """Count now and then: where a worker was killed, nobody says goodbye."""

    async def count() -> None:
        while True:
            await asyncio.sleep(COUNT_SECONDS)
            await tell_how_many(app.broadcast)

    task = asyncio.create_task(count())
    yield
    task.cancel()


@app.get("/")
async def home() -> Response:
    """Show the page."""
    return Response.template("live.html", templates=app.templates)


app.register_blueprint(chat)
app.register_blueprint(ticker)
