"""One page, live: a chat over WebSocket and a ticker over server-sent events.

Run it with `flasgo run examples/live/app.py` and open http://127.0.0.1:8000 in two windows.
"""

import asyncio
import os
import random
import secrets
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from flasgo import (
    Blueprint,
    EventSourceResponse,
    Flasgo,
    Request,
    Response,
    ServerSentEvent,
    WebSocket,
)

HERE = Path(__file__).resolve().parent
TICK_SECONDS = float(os.environ.get("LIVE_TICK_SECONDS", "1"))

app = Flasgo(
    static_folder=HERE / "static",
    settings={
        "SECRET_KEY": os.environ.get("FLASGO_SECRET_KEY", secrets.token_urlsafe(32)),
        "ALLOWED_HOSTS": {"127.0.0.1", "localhost"},
        # A handshake from another site's page is refused: its Origin is not ours.
        "CSRF_ENABLED": True,
        "CSRF_COOKIE_SECURE": False,
        "SESSION_COOKIE_SECURE": False,
    },
)
app.configure_templates(HERE / "templates")


# --- Chat -----------------------------------------------------------------------------------


class Said(msgspec.Struct):
    """What a browser sends."""

    name: str
    text: str

    def cleaned(self) -> "Said | None":
        """Return it without space around it and not too long; None when nothing is left."""
        name, text = self.name.strip()[:24], self.text.strip()[:500]
        return Said(name or "somebody", text) if text else None


class Shown(msgspec.Struct):
    """What all browsers get."""

    kind: Literal["message", "people"]
    name: str = ""
    text: str = ""
    at: str = ""
    people: int = 0


@dataclass
class Room:
    """Everybody who is here, and what was said last.

    A queue per person keeps one slow reader from holding up the others; who falls too far behind
    misses the oldest messages.
    """

    queues: set[asyncio.Queue[Shown]] = field(default_factory=set)
    last: deque[Shown] = field(default_factory=lambda: deque(maxlen=20))

    def enter(self) -> asyncio.Queue[Shown]:
        queue: asyncio.Queue[Shown] = asyncio.Queue(maxsize=100)
        self.queues.add(queue)
        for message in self.last:
            queue.put_nowait(message)
        self.publish(Shown("people", people=len(self.queues)))
        return queue

    def leave(self, queue: asyncio.Queue[Shown]) -> None:
        self.queues.discard(queue)
        self.publish(Shown("people", people=len(self.queues)))

    def say(self, said: Said) -> None:
        message = Shown("message", said.name, said.text, datetime.now(UTC).isoformat())
        self.last.append(message)
        self.publish(message)

    def publish(self, message: Shown) -> None:
        for queue in self.queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)


room = Room()
chat = Blueprint("chat", "/chat")


@chat.websocket("/room", max_message_bytes=4096, max_messages_per_second=10)
async def talk(websocket: WebSocket) -> None:
    """Bring what this person says to everybody, and everything said to this person."""
    await websocket.accept()
    queue = room.enter()

    async def forward() -> None:
        while True:
            await websocket.send_json(await queue.get())

    # Reading and writing at once are two tasks; when the person leaves, the writer ends too.
    writer = asyncio.create_task(forward())
    try:
        async for text in websocket.iter_text():
            said = msgspec.json.decode(text, type=Said).cleaned()
            if said is not None:
                room.say(said)
    except msgspec.DecodeError:
        await websocket.close(1007, "Send an object with name and text.")
    finally:
        writer.cancel()
        room.leave(queue)


# --- Ticker ---------------------------------------------------------------------------------


class Tick(msgspec.Struct):
    """One price of the imaginary metal."""

    number: int
    price: float


@dataclass
class Market:
    """Invents a price every second, and remembers the last minute."""

    ticks: deque[Tick] = field(default_factory=lambda: deque(maxlen=60))
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        dice, price = random.Random(7), 100.0  # noqa: S311 - a show, not a secret
        number = 0
        while True:
            number += 1
            price = max(20.0, price + dice.gauss(0, 1.2) + (100 - price) * 0.02)
            async with self.changed:
                self.ticks.append(Tick(number, round(price, 2)))
                self.changed.notify_all()
            await asyncio.sleep(TICK_SECONDS)

    def _has_news(self, seen: int) -> bool:
        return bool(self.ticks) and self.ticks[-1].number > seen

    async def after(self, seen: int) -> AsyncIterator[Tick]:
        """Yield every tick after one that was seen: first what is remembered, then the news."""
        while True:
            async with self.changed:
                await self.changed.wait_for(partial(self._has_news, seen))
                news = [tick for tick in self.ticks if tick.number > seen]
            for tick in news:
                seen = tick.number
                yield tick


market = Market()
ticker = Blueprint("ticker", "/ticker")


@ticker.get("/prices")
async def prices(request: Request) -> EventSourceResponse:
    """Stream the prices; a browser that reconnects goes on where it was."""
    last = request.last_event_id
    seen = int(last) if last and last.isdigit() and len(last) < 10 else 0

    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment="welcome", retry=1000)
        async for tick in market.after(seen):
            yield ServerSentEvent(event="price", id=str(tick.number), data=tick)

    return EventSourceResponse(events())


@app.lifespan
async def trading() -> AsyncIterator[None]:
    """Keep the market open while the app serves; the group sees to it that no failure is lost."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(market.run())
        yield
        task.cancel()


# --- The page -------------------------------------------------------------------------------


@app.get("/")
async def home() -> Response:
    """Show the page."""
    return Response.template("live.html", templates=app.templates)


app.register_blueprint(chat)
app.register_blueprint(ticker)

if __name__ == "__main__":
    app.run()
