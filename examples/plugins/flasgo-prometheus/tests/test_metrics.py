"""What is measured, and that clients cannot choose the labels."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from flasgo import Blueprint, Flasgo, HTTPException, StreamingResponse, WebSocket, hookimpl
from flasgo_prometheus import PrometheusPlugin
from flasgo_testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "a-token-for-these-tests-only"
CREDENTIALS = {"authorization": f"Bearer {TOKEN}"}
Labels = dict[str, str]


class SlowPlugin:
    """Has hooks of both kinds, one of which fails for a path."""

    name = "slow"

    @hookimpl
    async def authorize(self, request: Any) -> None:
        await asyncio.sleep(0.02)

    @hookimpl
    def response_finalize(self, request: Any) -> None:
        if request.path == "/broken-hook":
            raise RuntimeError("broken")


def make_app(**settings: Any) -> Flasgo:
    return Flasgo(
        plugins=[PrometheusPlugin, SlowPlugin],
        discover=False,
        settings={"PROMETHEUS_TOKEN": TOKEN, **settings},
    )


@pytest.fixture
def app() -> Flasgo:
    app = make_app()

    @app.get("/users/<int:number>")
    async def user(number: int) -> dict[str, int]:
        return {"number": number}

    @app.get("/failing")
    async def failing() -> None:
        raise ValueError("failing")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    @app.get("/broken-hook")
    async def broken_hook() -> str:
        return "never"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"1"
            await asyncio.sleep(0.01)
            yield b"2"

        return StreamingResponse(parts())

    @app.websocket("/live/<room>")
    async def live(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        await websocket.send_text(room)

    api = Blueprint("api")

    @api.get("/things/<thing>")
    async def thing(thing: str) -> str:
        return thing

    app.register_blueprint(api, url_prefix="/api")
    return app


@pytest.fixture
def client(app: Flasgo) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def samples(client: TestClient, name: str) -> list[tuple[Labels, float]]:
    """Return the samples of a name, those of the metrics' own route left out."""
    answer = client.get("/metrics", headers=CREDENTIALS)
    assert answer.status_code == 200
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and sample.labels.get("route") != "/metrics"
    ]


def counted(client: TestClient) -> dict[tuple[str, str, str], float]:
    """Return the number of requests by method, route and status."""
    return {
        (labels["method"], labels["route"], labels["status"]): value
        for labels, value in samples(client, "flasgo_requests_total")
    }


def test_requests_are_counted_by_method_route_and_status(client: TestClient) -> None:
    for number in range(3):
        client.get(f"/users/{number}")
    client.get("/api/things/lamp")
    client.get("/failing")
    client.get("/teapot")
    client.get("/broken-hook")
    client.post("/users/1")
    assert client.get("/stream").text == "12"
    assert counted(client) == {
        ("GET", "/users/<int:number>", "200"): 3,
        ("GET", "/api/things/<thing>", "200"): 1,
        ("GET", "/failing", "500"): 1,
        ("GET", "/teapot", "418"): 1,
        ("GET", "/broken-hook", "500"): 1,
        ("POST", "(unmatched)", "405"): 1,
        ("GET", "/stream", "200"): 1,
    }


def test_paths_and_methods_of_clients_are_no_labels(client: TestClient) -> None:
    for number in range(50):
        client.get(f"/missing-{number}")
        client.request(f"MADEUP{number}", f"/users/{number}")
    assert counted(client) == {
        ("GET", "(unmatched)", "404"): 50,
        ("OTHER", "(unmatched)", "405"): 50,
    }


def test_a_method_that_a_route_has_is_a_label() -> None:
    app = make_app()

    @app.route("/search", methods=["QUERY"])
    async def search() -> str:
        return "found"

    client = TestClient(app)
    assert client.request("QUERY", "/search").status_code == 200
    assert counted(client) == {("QUERY", "/search", "200"): 1}


def test_websockets_are_counted(client: TestClient) -> None:
    with client.websocket_connect("/live/tea") as websocket:
        assert websocket.receive_text() == "tea"
    assert counted(client) == {("WEBSOCKET", "/live/<room>", "101"): 1}


def test_a_request_with_refused_headers_is_counted_and_not_in_progress(client: TestClient) -> None:
    refused = client.get("/users/1", headers={"x-long": "x" * 200_000})
    assert refused.status_code == 431
    assert samples(client, "flasgo_requests_in_progress") == [({}, 1.0)]
    assert sum(counted(client).values()) == 1


def test_durations_are_measured(client: TestClient) -> None:
    client.get("/users/1")
    labels = {"method": "GET", "route": "/users/<int:number>", "status": "200"}
    assert samples(client, "flasgo_request_duration_seconds_count") == [(labels, 1.0)]
    ((_, seconds),) = samples(client, "flasgo_request_duration_seconds_sum")
    assert 0.02 <= seconds < 5


def test_buckets_are_a_setting() -> None:
    client = TestClient(make_app(PROMETHEUS_BUCKETS=(0.5, 2)))
    client.get("/missing")
    found = samples(client, "flasgo_request_duration_seconds_bucket")
    assert [labels["le"] for labels, _ in found] == ["0.5", "2.0", "+Inf"]


def test_only_what_is_served_is_in_progress(client: TestClient) -> None:
    client.get("/failing")
    client.get("/missing")
    # The request for the metrics itself.
    assert samples(client, "flasgo_requests_in_progress") == [({}, 1.0)]


def test_a_cancelled_request_is_no_longer_in_progress() -> None:
    plugin = PrometheusPlugin()
    app = Flasgo(plugins=[plugin], discover=False, settings={"PROMETHEUS_TOKEN": TOKEN})
    arrived = asyncio.Event()

    @app.get("/waits")
    async def waits() -> None:
        arrived.set()
        await asyncio.sleep(60)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        return None

    async def cancel_it() -> None:
        scope = {"type": "http", "method": "GET", "path": "/waits", "headers": []}
        task = asyncio.create_task(app({**scope, "query_string": b""}, receive, send))
        await arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel_it())
    client = TestClient(app)
    assert samples(client, "flasgo_requests_in_progress") == [({}, 1.0)]
    assert counted(client) == {("GET", "/waits", "none"): 1}


def test_hooks_are_measured_by_plugin(client: TestClient) -> None:
    client.get("/users/1")
    client.get("/broken-hook")

    def of_slow(name: str) -> dict[str, float]:
        return {
            labels["hook"]: value
            for labels, value in samples(client, name)
            if labels["plugin"] == "slow"
        }

    # With the request for the metrics, which is not through its own `response_finalize` yet.
    assert of_slow("flasgo_hook_duration_seconds_count") == {
        "authorize": 3,
        "response_finalize": 2,
    }
    assert of_slow("flasgo_hook_duration_seconds_sum")["authorize"] >= 0.06


def test_hooks_are_not_measured_where_that_is_off() -> None:
    app = make_app(PROMETHEUS_HOOK_TIMINGS=False)
    plain = Flasgo(plugins=[SlowPlugin], discover=False)
    (mine,), (other,) = (each.plugins.implementations("authorize")[-1:] for each in (app, plain))
    assert mine.call.__qualname__ == other.call.__qualname__
    assert samples(TestClient(app), "flasgo_hook_duration_seconds_count") == []


def test_a_hook_keeps_what_it_is_but_for_the_call() -> None:
    app = make_app()
    (found,) = [each for each in app.plugins.implementations("authorize") if each.plugin == "slow"]
    plain = Flasgo(plugins=[SlowPlugin], discover=False).plugins.implementations("authorize")[-1]
    kept = ("plugin", "hook", "is_async", "label")
    assert [getattr(found, name) for name in kept] == [getattr(plain, name) for name in kept]
    assert dataclasses.fields(found)


def test_two_apps_count_for_themselves() -> None:
    first, second = TestClient(make_app()), TestClient(make_app())
    first.get("/missing")
    assert counted(first)
    assert counted(second) == {}


def test_a_mounted_app_and_the_app_around_it_both_count() -> None:
    inner, outer = make_app(), make_app()

    @inner.get("/users/<name>")
    async def user(name: str) -> str:
        return name

    outer.mount("/inner", inner)
    client = TestClient(outer)
    assert client.get("/inner/users/ada").text == "ada"
    ((_, _, status),) = counted(client)
    assert status == "200"
    assert counted(TestClient(inner)) == {("GET", "/users/<name>", "200"): 1}
    assert samples(TestClient(inner), "flasgo_requests_in_progress") == [({}, 1.0)]


def test_headers_that_only_a_mounted_app_refuses_leave_its_gauge_alone() -> None:
    inner, outer = make_app(MAX_REQUEST_HEAD_BYTES=1024), make_app()
    outer.mount("/inner", inner)
    refused = TestClient(outer).get("/inner/", headers={"x-long": "x" * 4096})
    assert refused.status_code == 431
    assert samples(TestClient(inner), "flasgo_requests_in_progress") == [({}, 1.0)]
