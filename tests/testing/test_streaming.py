"""TEST-1: responses can be read while the app still makes them."""

import asyncio

import pytest
from flasgo_testing import TestClient

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
