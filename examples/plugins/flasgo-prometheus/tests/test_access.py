"""Who may read the metrics: nobody, unless the settings say so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from flasgo import ConfigurationError, Flasgo
from flasgo_prometheus import PrometheusPlugin, metrics_access
from flasgo_testing import TestClient
from prometheus_client import REGISTRY, Counter

TOKEN = "a-token-for-these-tests-only"


def make_app(**settings: Any) -> Flasgo:
    return Flasgo(plugins=[PrometheusPlugin], discover=False, settings=settings)


def status_for(app: Flasgo, client: str | None = "10.1.2.3", token: str | None = None) -> int:
    """Ask for the metrics from an address, and return the status."""
    found: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    headers = [] if token is None else [(b"authorization", token.encode("latin-1"))]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/metrics",
        "query_string": b"",
        "headers": headers,
        "client": (client, 5000) if client is not None else None,
    }
    asyncio.run(app(scope, receive, send))
    return found[0]


def test_without_settings_nothing_is_served() -> None:
    assert status_for(make_app(), "127.0.0.1") == 404
    assert status_for(make_app(), "127.0.0.1", "Bearer ") == 404


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer \xe9\xff", 401),
    ],
)
def test_a_token_is_asked_for(sent: str | None, status: int) -> None:
    assert status_for(make_app(PROMETHEUS_TOKEN=TOKEN), token=sent) == status


def test_a_refusal_says_how_to_authenticate() -> None:
    answer = TestClient(make_app(PROMETHEUS_TOKEN=TOKEN)).get("/metrics")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("client", "status"),
    [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::1", 200),
        ("11.1.2.3", 404),
        ("::ffff:11.1.2.3", 404),
        ("testclient", 404),
        ("", 404),
        (None, 404),
    ],
)
def test_networks_are_allowed(client: str | None, status: int) -> None:
    app = make_app(PROMETHEUS_ALLOWED_NETWORKS={"10.0.0.0/8", "2001:db8::/64"})
    assert status_for(app, client) == status


def test_both_are_needed_where_both_are_set() -> None:
    app = make_app(PROMETHEUS_ALLOWED_NETWORKS={"10.0.0.0/8"}, PROMETHEUS_TOKEN=TOKEN)
    assert status_for(app, "10.1.2.3", f"Bearer {TOKEN}") == 200
    assert status_for(app, "10.1.2.3") == 401
    assert status_for(app, "11.1.2.3", f"Bearer {TOKEN}") == 404


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PROMETHEUS_TOKEN", "short", "16 characters"),
        ("PROMETHEUS_TOKEN", "with spaces in the middle", "without spaces"),
        ("PROMETHEUS_TOKEN", "sixteen-and-more-\xe9", "ASCII"),
        ("PROMETHEUS_ALLOWED_NETWORKS", {"10.0.0.1/8"}, "10.0.0.1/8"),
        ("PROMETHEUS_ALLOWED_NETWORKS", {"intranet"}, "intranet"),
        ("PROMETHEUS_PATH", "metrics", "/metrics"),
        ("PROMETHEUS_PATH", "/<metrics>", "parameter"),
        ("PROMETHEUS_BUCKETS", (), "at least one"),
        ("PROMETHEUS_BUCKETS", (0.0, 1.0), "above 0"),
        ("PROMETHEUS_BUCKETS", (float("nan"),), "above 0"),
        ("PROMETHEUS_BUCKETS", (2.0, 1.0), "ascend"),
    ],
)
def test_settings_are_checked(name: str, value: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        make_app(**{name: value})
    assert told in str(caught.value)


def test_the_path_is_a_setting() -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    moved = TestClient(make_app(PROMETHEUS_TOKEN=TOKEN, PROMETHEUS_PATH="/internal/metrics"))
    assert moved.get("/internal/metrics", headers=headers).status_code == 200
    assert moved.get("/metrics", headers=headers).status_code == 404
    none = TestClient(make_app(PROMETHEUS_TOKEN=TOKEN, PROMETHEUS_PATH=""))
    assert none.get("/metrics", headers=headers).status_code == 404


def test_a_route_of_the_app_can_carry_the_policy() -> None:
    app = make_app(PROMETHEUS_TOKEN=TOKEN)

    @app.get("/queue-length")
    @metrics_access
    async def queue_length() -> str:
        return "3"

    client = TestClient(app)
    assert client.get("/queue-length").status_code == 401
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert client.get("/queue-length", headers=headers).text == "3"


def test_metrics_of_the_app_are_served_too() -> None:
    orders = Counter("flasgo_prometheus_test_orders", "Orders.")
    try:
        orders.inc()
        client = TestClient(make_app(PROMETHEUS_TOKEN=TOKEN))
        answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    finally:
        REGISTRY.unregister(orders)
    assert "flasgo_prometheus_test_orders_total 1.0" in answer.text
    assert "python_info" in answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
