"""TEST-1: responses can be read while the app still makes them."""

import asyncio
import itertools
import threading

import pytest
from flasgo import Flasgo, StreamingResponse
from flasgo_testing import AppTimeoutError, TestClient

START = {"type": "http.response.start", "status": 200, "headers": []}


class Ticker:
    """Streams for ever, until the client leaves."""

    def __init__(self):
        self.sent = 0
        self.end = None

    async def __call__(self, scope, receive, send):
        await send(START)
        try:
            while True:
                await send({"type": "http.response.body", "body": b"tick", "more_body": True})
                self.sent += 1
                await asyncio.sleep(0)
        except OSError as error:
            self.end = error
            raise


def test_pieces_arrive_while_the_app_runs():
    app = Ticker()
    with TestClient(app) as client, client.stream("GET", "/") as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        assert [next(pieces), next(pieces)] == [b"tick", b"tick"]
        assert app.end is None
    assert isinstance(app.end, OSError)
    assert app.sent < 1000  # it cannot run far ahead of its reader


async def test_awaited_pieces():
    app = Ticker()
    async with TestClient(app) as client, client.astream("GET", "/") as answer:
        async for piece in answer.aiter_raw():
            assert piece == b"tick"
            break
    assert isinstance(app.end, OSError)


def test_the_app_can_wait_for_the_client_to_leave():
    seen = []

    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        seen.append(await receive())
        seen.append(await receive())

    with TestClient(app) as client, client.stream("GET", "/") as answer:
        assert next(answer.iter_raw()) == b"first"
    assert seen[-1] == {"type": "http.disconnect"}


def test_a_stream_read_to_its_end():
    async def app(scope, receive, send):
        await send(START)
        for part in (b"a", b"b", b""):
            await send({"type": "http.response.body", "body": part, "more_body": part != b""})

    with TestClient(app) as client:
        with client.stream("GET", "/") as answer:
            assert b"".join(answer.iter_bytes()) == b"ab"
        with client.stream("GET", "/") as answer:
            assert answer.read() == b"ab"


def test_an_error_after_the_first_piece_surfaces():
    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise ZeroDivisionError

    with TestClient(app) as client, client.stream("GET", "/") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"a"
        with pytest.raises(ZeroDivisionError):
            next(pieces)


# With Flasgo: server-sent events, read while the app still makes them


@pytest.fixture
def events():
    """An app that makes an event when it is told to, and notes when its producer ends."""
    app = Flasgo(discover=False, settings={"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"})
    app.state.gate = threading.Semaphore(0)
    app.state.ended = threading.Event()

    @app.get("/events")
    async def make():
        async def produce():
            try:
                for number in itertools.count():
                    await asyncio.to_thread(app.state.gate.acquire, timeout=5)
                    yield f"id: {number}\ndata: tick {number}\n\n"
            finally:
                app.state.ended.set()

        return StreamingResponse(produce(), content_type="text/event-stream")

    return app


def test_events_are_read_one_by_one(events):
    with TestClient(events) as client:
        with client.stream("GET", "/events") as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            lines = answer.iter_lines()
            for number in range(3):
                # The app waits for this before it makes the next event.
                events.state.gate.release()
                assert [next(lines) for _ in range(3)] == [
                    f"id: {number}",
                    f"data: tick {number}",
                    "",
                ]
            assert not events.state.ended.is_set()
            events.state.gate.release()
        assert events.state.ended.wait(5)


async def test_events_are_awaited_and_the_producer_ends_with_its_client(events):
    async with TestClient(events) as client:
        async with client.astream("GET", "/events") as answer:
            lines = answer.aiter_lines()
            events.state.gate.release()
            assert [await anext(lines) for _ in range(3)] == ["id: 0", "data: tick 0", ""]
            assert not events.state.ended.is_set()
            events.state.gate.release()
        assert await asyncio.to_thread(events.state.ended.wait, 5)


def test_a_producer_that_stops_producing_is_bounded(events):
    with TestClient(events, timeout=0.1) as client:
        with (
            pytest.raises(AppTimeoutError, match=r"GET /events"),
            client.stream("GET", "/events") as answer,
        ):
            next(answer.iter_lines())
        events.state.gate.release()
