"""What handlers do with it, within one process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from flasgo import EventSourceResponse, Flasgo, Request, SettingError, WebSocket
from flasgo_broadcast import Broadcast, BroadcastError, BroadcastPlugin, memory
from flasgo_testing import TestClient, WebSocketClosedError, WebSocketSession


def make_app(**settings: object) -> Flasgo:
    given = {"SECRET_KEY": "broadcast-tests-0123456789-abcdefgh", **settings}
    app = Flasgo(settings=given, plugins=[BroadcastPlugin()], discover=False)

    @app.websocket("/room/<name>")
    async def room(websocket: WebSocket, name: str, broadcast: Broadcast) -> None:
        await websocket.accept()
        async with broadcast.forwarding(websocket, name, replay=2):
            async for text in websocket.iter_text():
                await broadcast.publish(name, text)

    @app.post("/say/<name>")
    async def say(name: str, request: Request, broadcast: Broadcast) -> dict[str, str]:
        return {"id": await broadcast.publish(name, await request.json())}

    @app.get("/events/<name>")
    async def events(name: str, request: Request, broadcast: Broadcast) -> EventSourceResponse:
        last = request.last_event_id
        return EventSourceResponse(broadcast.events(name, last_event_id=last, event="said"))

    @app.get("/count/<name>")
    async def count(name: str, broadcast: Broadcast) -> dict[str, int]:
        return {"count": await broadcast.count(name)}

    return app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(make_app()) as client:
        yield client


def test_two_people_talk(client: TestClient) -> None:
    with (
        client.websocket_connect("/room/a") as ann,
        client.websocket_connect("/room/a") as bob,
        client.websocket_connect("/room/b") as eve,
    ):
        ann.send_text("hello")
        assert ann.receive_text() == bob.receive_text() == "hello"
        bob.send_text("hi")
        assert ann.receive_text() == bob.receive_text() == "hi"
        assert client.get("/count/a").json() == {"count": 2}
        client.post("/say/b", json={"to": "b"})
        assert eve.receive_text() == '{"to":"b"}'
    assert client.get("/count/a").json() == {"count": 0}
    with client.websocket_connect("/room/a") as late:
        assert [late.receive_text(), late.receive_text()] == ["hello", "hi"]


def test_events_go_on_where_a_browser_was(client: TestClient) -> None:
    ids = [client.post("/say/news", json=number).json()["id"] for number in range(4)]
    with client.stream("GET", "/events/news", headers={"last-event-id": ids[1]}) as answer:
        lines = answer.iter_lines()
        got = [next(lines) for _ in range(7)]
    assert [line for line in got if line.startswith("data")] == ["data: 2", "data: 3"]
    assert f"id: {ids[3]}" in got
    assert "event: said" in got


@pytest.mark.parametrize("last", ["nonsense", "1-1; x", "\xff"])
def test_a_last_event_id_that_is_none_is_ignored(client: TestClient, last: str) -> None:
    client.post("/say/odd", json="before")
    headers = [(b"last-event-id", last.encode("latin-1"))]
    with (
        client.websocket_connect("/room/odd"),
        client.stream("GET", "/events/odd", headers=headers) as answer,
    ):
        assert answer.status_code == 200


def test_limits_are_errors_that_say_what_to_do() -> None:
    app = make_app(BROADCAST_MAX_MESSAGE_BYTES=10)
    broadcast: Broadcast = getattr(app, "broadcast")  # noqa: B009 - checkers do not know it
    with pytest.raises(ValueError, match="BROADCAST_MAX_MESSAGE_BYTES is 10"):
        asyncio.run(broadcast.publish("a", "x" * 11))
    for name in ("", "x" * 201):
        with pytest.raises(ValueError, match="between 1 and 200"):
            asyncio.run(broadcast.publish(name, "x"))

    async def subscribe() -> None:
        async with broadcast.subscribe("a"):
            pass

    with pytest.raises(BroadcastError, match="has not been started"):
        asyncio.run(subscribe())


def test_the_history_is_bounded() -> None:
    with TestClient(make_app(BROADCAST_HISTORY=2)) as client:
        first = client.post("/say/x", json=0).json()["id"]
        for number in range(1, 5):
            client.post("/say/x", json=number)
        with client.stream("GET", "/events/x", headers={"last-event-id": first}) as answer:
            lines = answer.iter_lines()
            got = [next(lines) for _ in range(7)]
    assert [line for line in got if line.startswith("data")] == ["data: 3", "data: 4"]


def test_what_is_remembered_of_all_channels_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST_BYTES", 100)
    monkeypatch.setattr(memory, "_MOST_CHANNELS", 3)
    backend = memory.MemoryBackend(2, 60)

    async def kept(*said: tuple[str, int]) -> list[int]:
        for channel, size in said:
            await backend.publish(channel, b"x" * size)
        return [len(await backend.history(name, None, 9)) for name in "abcd"]

    assert asyncio.run(kept(("a", 1), ("a", 1), ("a", 1), ("b", 1), ("c", 1))) == [2, 1, 1, 0]
    assert asyncio.run(kept(("d", 1))) == [0, 1, 1, 1]
    assert asyncio.run(kept(("b", 98))) == [0, 2, 0, 1]
    assert asyncio.run(kept(("c", 99))) == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROADCAST_URI", "http://localhost"),
        ("BROADCAST_URI", "redis://:hunter2@host:port"),
        ("BROADCAST_QUEUE_SIZE", 0),
        ("BROADCAST_SLOW_READERS", "wait"),
        ("BROADCAST_HISTORY", -1),
        ("BROADCAST_PREFIX", ""),
        ("BROADCAST_TIMEOUT_SECONDS", float("nan")),
    ],
)
def test_settings_are_checked(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=name) as caught:
        make_app(**{name: value})
    assert "hunter2" not in str(caught.value)


def test_slow_readers_can_be_disconnected() -> None:
    app = make_app(BROADCAST_SLOW_READERS="disconnect", BROADCAST_QUEUE_SIZE=1)
    with TestClient(app) as client, client.websocket_connect("/room/a") as slow:
        broadcast: Broadcast = getattr(app, "broadcast")  # noqa: B009

        @app.post("/flood")
        async def flood() -> None:
            await asyncio.gather(*(broadcast.publish("a", str(n)) for n in range(50)))

        client.post("/flood")
        with pytest.raises(WebSocketClosedError, match="1013"):
            read(slow)


def read(slow: WebSocketSession) -> None:
    while True:
        slow.receive_text()


def test_check_deploy_warns_of_messages_that_stay_in_one_worker() -> None:
    app = make_app()
    (plugin,) = [p for p in app.plugins if p.name == "broadcast"]
    assert plugin.status == "active"
    found = list(BroadcastPlugin().check_app(app, deploy=True))
    assert [finding.code for finding in found] == ["broadcast.W001"]
    assert list(BroadcastPlugin().check_app(app, deploy=False)) == []
