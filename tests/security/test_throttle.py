"""SEC-5: clients that keep failing security checks are turned away."""

import logging

import pytest
from flasgo import HTTPException, SettingError, hookimpl
from flasgo_security import security_event

from tests.conftest import refusal


class Door:
    """An auth backend of some third party, which knows nothing of flasgo_security."""

    name = "door"

    def __init__(self) -> None:
        self.asked = 0

    @hookimpl
    def authorize(self, request):
        self.asked += 1
        if request.path == "/private" and request.headers.get("authorization") != "Bearer good":
            raise HTTPException(401, "Send a token.", headers={"www-authenticate": "Bearer"})


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def app(make_app, door):
    app = make_app(
        door, SECURITY_FAILURE_RATE_LIMIT=3, SECURITY_FAILURE_WINDOW_SECONDS=60, SYNC_WORKERS=1
    )

    @app.get("/")
    async def home():
        return {}

    @app.get("/private")
    async def private():
        return {}

    @app.post("/post")
    async def post():
        return {}

    @app.get("/session")
    async def session(request):
        return dict(request.session)

    @app.get("/several")
    async def several(request):
        for _ in range(5):
            security_event("probe", request, "several at once")
        raise HTTPException(403)

    return app


def test_past_the_limit_it_is_429_before_auth_until_the_window_is_over(app, connect, clock, door):
    client = connect(app)
    for _ in range(3):
        assert client.get("/private").status_code == 401
        clock.advance(5)
    door.asked = 0
    refused = client.get("/private", headers={"authorization": "Bearer good"})
    assert refused.status_code == 429
    assert refused.headers.get("retry-after") == "45"
    assert refused.headers.get("x-frame-options") == "DENY"
    assert client.get("/").status_code == 429
    assert door.asked == 0
    clock.advance(44)
    assert client.get("/").status_code == 429
    clock.advance(1)
    assert client.get("/").status_code == 200


def test_answers_of_the_throttle_do_not_count(app, connect, clock):
    client = connect(app)
    for _ in range(3):
        client.get("/private")
    for _ in range(50):
        clock.advance(1)
        assert client.get("/").status_code == 429
    clock.advance(10)
    assert client.get("/").status_code == 200


FAILURES = {
    "host": {"url": "/", "headers": {"host": "evil.example"}},
    "csrf": {"url": "/post", "method": "POST"},
    "auth": {"url": "/private"},
    "tampering": {"url": "/session", "headers": {"cookie": "__Host-session=forged.x"}},
    "several events": {"url": "/several"},
}


@pytest.mark.parametrize("kind", FAILURES)
def test_each_failure_counts_once(app, connect, kind):
    client = connect(app)
    for _ in range(3):
        assert client.request(**{"method": "GET", **FAILURES[kind]}).status_code != 429
    assert client.get("/").status_code == 429


@pytest.mark.parametrize("path", ["/missing", "/post"])
def test_ordinary_errors_do_not_count(app, connect, path):
    client = connect(app)
    for _ in range(10):
        assert client.get(path).status_code in {404, 405}
    assert client.get("/").status_code == 200


def test_clients_are_counted_apart(app, connect):
    for _ in range(3):
        connect(app).get("/private")
    assert connect(app).get("/").status_code == 429
    assert connect(app, client=("192.0.2.2", 1)).get("/").status_code == 200


def test_a_missing_address_never_shares_a_bucket(app, connect):
    for _ in range(10):
        assert connect(app, client=None).get("/private").status_code == 401
        connect(app).get("/private")  # somebody who has one
    assert connect(app).get("/").status_code == 429
    assert connect(app, client=None).get("/").status_code == 200


def test_websockets_are_turned_away_too(app, connect):
    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()

    client = connect(app)
    with client.websocket_connect("/ws"):
        pass
    for _ in range(3):
        client.get("/private")
    assert refusal(client, "/ws").status_code == 429


def test_the_log_tells_of_denials_and_of_the_moment_of_throttling(app, connect, caplog):
    for _ in range(5):
        connect(app).get("/private")
    events = [record.event for record in caplog.records if record.name == "flasgo.security"]
    assert events == ["denied", "denied", "denied", "throttled"]


@pytest.mark.parametrize("limit", [None, 0])
def test_off_means_no_hook_at_all(make_app, connect, limit):
    app = make_app(Door(), SECURITY_FAILURE_RATE_LIMIT=limit)

    @app.get("/private")
    async def private():
        return {}

    for _ in range(50):
        assert connect(app).get("/private").status_code == 401
    [route] = app.routes
    assert not [stage for stage in app.explain(route) if "throttle" in stage.plugin]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECURITY_FAILURE_RATE_LIMIT", -1),
        ("SECURITY_FAILURE_RATE_LIMIT", "many"),
        ("SECURITY_FAILURE_WINDOW_SECONDS", 0),
        ("SECURITY_FAILURE_WINDOW_SECONDS", -5.0),
    ],
)
def test_wrong_settings_stop_the_app(make_app, name, value):
    with pytest.raises(SettingError, match=name):
        make_app(**{name: value})


@pytest.mark.parametrize("name", [b"host", b"authorization", b"content-length"])
def test_a_head_that_is_refused_before_the_hooks_is_told_of_and_counts(app, connect, caplog, name):
    """SEC-1: a second Host is a failure like a wrong one (CWE-444)."""
    twice = [(name, b"1"), (name, b"secret")]
    client = connect(app)
    with caplog.at_level(logging.WARNING, "flasgo.security"):
        assert client.get("/a\nb", headers=twice).status_code == 400
    [record] = [each for each in caplog.records if getattr(each, "event", "") == "head"]
    assert name.decode().title() in record.reason
    assert (record.path, record.client_ip) == ("/a\\nb", "192.0.2.1")
    assert "secret" not in record.getMessage()
    for _ in range(2):
        assert client.get("/").status_code == 200
        assert client.get("/", headers=twice).status_code == 400
    assert client.get("/").status_code == 429


def test_a_head_that_is_too_large_is_no_failure(app, connect):
    client = connect(app)
    for _ in range(20):
        assert client.get("/", headers={"x": b"y" * 100_000}).status_code == 431
    assert client.get("/").status_code == 200
