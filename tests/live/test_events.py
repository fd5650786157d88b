"""CORE-11: what an event may hold, and how it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from flasgo import EventSourceResponse, Flasgo, NDJSONResponse, ServerSentEvent, StreamingResponse
from flasgo_testing import TestClient

Message = MutableMapping[str, Any]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ServerSentEvent(data="hello"), b"data: hello\n\n"),
        (ServerSentEvent(data=""), b"data: \n\n"),
        (ServerSentEvent(data={"a": [1]}), b'data: {"a":[1]}\n\n'),
        (ServerSentEvent(data="a\nb\r\nc\rd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        # Unicode's other line breaks are none for an EventSource.
        (ServerSentEvent(data="a\u2028b\x85c\x0bd"), "data: a\u2028b\x85c\x0bd\n\n".encode()),
        (ServerSentEvent(comment="one\ntwo"), b": one\n: two\n\n"),
        (ServerSentEvent(retry=0), b"retry: 0\n\n"),
        (
            ServerSentEvent(data="d", event="e", id="i", retry=5, comment="c"),
            b": c\nevent: e\nid: i\nretry: 5\ndata: d\n\n",
        ),
        (ServerSentEvent(data="x\n\nevent: evil"), b"data: x\ndata: \ndata: event: evil\n\n"),
    ],
)
def test_events(event: ServerSentEvent, expected: bytes) -> None:
    assert event.encode() == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "a\nb"},
        {"event": "a\rdata: evil"},
        {"id": "1\n\ndata: evil"},
        {"id": "1\0"},
        {"id": 1},
        {"event": b"bytes"},
        {"retry": -1},
        {"retry": 1.5},
        {"retry": True},
    ],
)
def test_what_could_begin_another_event_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        ServerSentEvent(**fields)


def test_it_is_checked_again_when_it_is_sent() -> None:
    event = ServerSentEvent(data="x", id="1")
    object.__setattr__(event, "id", "1\ndata: evil")
    with pytest.raises(ValueError, match="line breaks"):
        event.encode()


@pytest.mark.parametrize("heartbeat", [0, -1, float("nan")])
def test_bad_heartbeats(heartbeat: float) -> None:
    with pytest.raises(ValueError, match="heartbeat"):
        EventSourceResponse([], heartbeat=heartbeat)


@pytest.mark.parametrize("kind", [StreamingResponse, EventSourceResponse, NDJSONResponse])
def test_what_cannot_be_iterated_over(kind: Any) -> None:
    with pytest.raises(TypeError, match="iterator"):
        kind(3)


def test_own_headers_win(app: Flasgo) -> None:
    headers = {"cache-control": "private, no-cache", "x-accel-buffering": "yes"}
    app.add_route("/", lambda: EventSourceResponse(["x"], status_code=201, headers=headers))
    answer = TestClient(app).get("/")

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-accel-buffering"] == "yes"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"7", "7"), ("ü".encode(), "ü"), (b"\xff", None), (b"", None), (None, None)],
)
def test_last_event_id(app: Flasgo, raw: bytes | None, expected: str | None) -> None:
    app.add_route("/", lambda request: {"id": request.last_event_id})
    headers = [] if raw is None else [(b"last-event-id", raw)]
    assert TestClient(app).get("/", headers=headers).json() == {"id": expected}


def test_a_line_of_ndjson_stays_one_line() -> None:
    """JSON that came from somewhere else may have line breaks between its values."""
    encode = NDJSONResponse(()).encode
    assert encode(msgspec.Raw(b'{"a":\n1}')) == b'{"a":1}\n'
    assert encode({"a": msgspec.Raw(b'[\r\n"x\\n"]')}) == b'{"a":["x\\n"]}\n'
    with pytest.raises(TypeError, match="cannot be sent as JSON"):
        encode(msgspec.Raw(b"not\njson"))


async def test_heartbeats_keep_out_of_the_way_of_events() -> None:
    """No comment within an event's interval, none while one is being sent, none after the end."""
    sent: list[bytes] = []
    is_sending = False

    async def events() -> Any:
        for number in range(3):
            await asyncio.sleep(0.02)
            yield str(number)

    async def send(message: Any) -> None:
        nonlocal is_sending
        assert not is_sending
        is_sending = True
        await asyncio.sleep(0.03)
        is_sending = False
        if message["type"] == "http.response.body":
            sent.append(message["body"])

    await EventSourceResponse(events(), heartbeat=0.005)._emit(send)
    await asyncio.sleep(0.05)

    assert b":\n\n" in sent
    assert [part for part in sent if part != b":\n\n"] == [
        b"data: 0\n\n",
        b"data: 1\n\n",
        b"data: 2\n\n",
        b"",
    ]
    assert sent[-1] == b""
    assert len(asyncio.all_tasks()) == 1


async def test_a_client_that_leaves_during_a_heartbeat() -> None:
    async def events() -> Any:
        await asyncio.sleep(0.05)
        yield "late"

    bodies = 0

    async def send(message: Any) -> None:
        nonlocal bodies
        if message["type"] == "http.response.body":
            bodies += 1
            raise OSError("gone")

    with pytest.raises(Exception, match="client left"):
        await EventSourceResponse(events(), heartbeat=0.005)._emit(send)
    assert bodies > 1


@pytest.fixture
def app() -> Flasgo:
    return Flasgo(discover=False, settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})


# --- The stop of a server ------------------------------------------------------------------------


async def never() -> AsyncIterator[str]:
    yield "first"
    await asyncio.Event().wait()


async def test_streams_end_with_the_server_and_stay_open_in_its_next_life() -> None:
    app = Flasgo(discover=False)
    app.add_route("/events", lambda: EventSourceResponse(never()))
    sent: list[Message] = []
    has_left = asyncio.Event()

    async def receive() -> Message:
        await has_left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body"):
            in_mid_stream()

    scope = {"type": "http", "method": "GET", "path": "/events", "headers": []}
    async with AsyncExitStack() as stack:
        await app._lifespan.start(stack)
        in_mid_stream = app.end_streams
        # The second one is opened when the stop has begun.
        for _ in range(2):
            await app(dict(scope), receive, send)
            assert sent.pop() == {"type": "http.response.body", "body": b"", "more_body": False}
    async with AsyncExitStack() as stack:
        await app._lifespan.start(stack)
        in_mid_stream = has_left.set
        await app(dict(scope), receive, send)
        assert sent.pop()["more_body"], "it was not ended, but left by its client"
    assert len(app._event_streams) == 0


async def test_a_client_that_leaves_during_the_stop_is_no_error() -> None:
    app = Flasgo(discover=False)
    app.add_route("/events", lambda: EventSourceResponse(never()))

    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        if message.get("body"):
            app.end_streams()
        elif message["type"] == "http.response.body":
            raise OSError("the client has gone")

    await app({"type": "http", "method": "GET", "path": "/events", "headers": []}, receive, send)
    assert len(app._event_streams) == 0
