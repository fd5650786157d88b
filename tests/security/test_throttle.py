"""SEC-5: clients that keep failing security checks are turned away."""

import logging

import pytest
from flasgo import HTTPException, SettingError, hookimpl
from flasgo_security import security_event


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


def test_past_the_limit_it_is_429_before_auth_until_the_window_is_over(app, call, clock, door):
    for _ in range(3):
        assert call(app, "/private").status == 401
        clock.advance(5)
    door.asked = 0
    refused = call(app, "/private", headers=[(b"authorization", b"Bearer good")])
    assert refused.status == 429
    assert refused.header("retry-after") == "45"
    assert refused.header("x-frame-options") == "DENY"
    assert call(app).status == 429
    assert door.asked == 0
    clock.advance(44)
    assert call(app).status == 429
    clock.advance(1)
    assert call(app).status == 200


def test_answers_of_the_throttle_do_not_count(app, call, clock):
    for _ in range(3):
        call(app, "/private")
    for _ in range(50):
        clock.advance(1)
        assert call(app).status == 429
    clock.advance(10)
    assert call(app).status == 200


FAILURES = {
    "host": {"host": b"evil.example"},
    "csrf": {"path": "/post", "method": "POST"},
    "auth": {"path": "/private"},
    "tampering": {"path": "/session", "headers": [(b"cookie", b"__Host-session=forged.x")]},
    "several events": {"path": "/several"},
}


@pytest.mark.parametrize("kind", FAILURES)
def test_each_failure_counts_once(app, call, kind):
    for _ in range(3):
        assert call(app, **FAILURES[kind]).status != 429
    assert call(app).status == 429


@pytest.mark.parametrize("path", ["/missing", "/post"])
def test_ordinary_errors_do_not_count(app, call, path):
    for _ in range(10):
        assert call(app, path).status in {404, 405}
    assert call(app).status == 200


def test_clients_are_counted_apart(app, call):
    for _ in range(3):
        call(app, "/private")
    assert call(app).status == 429
    assert call(app, client=("192.0.2.2", 1)).status == 200


def test_a_missing_address_never_shares_a_bucket(app, call):
    for _ in range(10):
        assert call(app, "/private", client=None).status == 401
    assert call(app, client=None).status == 200


def test_websockets_are_turned_away_too(app, call):
    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()

    assert call.websocket(app, "/ws")[0]["type"] == "websocket.accept"
    for _ in range(3):
        call(app, "/private")
    assert call.websocket(app, "/ws")[0]["type"] == "websocket.close"


def test_the_log_tells_of_denials_and_of_the_moment_of_throttling(app, call, caplog):
    for _ in range(5):
        call(app, "/private")
    events = [record.event for record in caplog.records if record.name == "flasgo.security"]
    assert events == ["denied", "denied", "denied", "throttled"]


@pytest.mark.parametrize("limit", [None, 0])
def test_off_means_no_hook_at_all(make_app, call, limit):
    app = make_app(Door(), SECURITY_FAILURE_RATE_LIMIT=limit)

    @app.get("/private")
    async def private():
        return {}

    for _ in range(50):
        assert call(app, "/private").status == 401
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
def test_a_head_that_is_refused_before_the_hooks_is_told_of_and_counts(app, call, caplog, name):
    """SEC-1: a second Host is a failure like a wrong one (CWE-444)."""
    twice = [(name, b"1"), (name, b"secret")]
    with caplog.at_level(logging.WARNING, "flasgo.security"):
        assert call(app, "/a\nb", headers=twice).status == 400
    [record] = [each for each in caplog.records if getattr(each, "event", "") == "head"]
    assert name.decode().title() in record.reason
    assert (record.path, record.client_ip) == ("/a\\nb", "192.0.2.1")
    assert "secret" not in record.getMessage()
    for _ in range(2):
        assert call(app).status == 200
        assert call(app, headers=twice).status == 400
    assert call(app).status == 429


def test_a_head_that_is_too_large_is_no_failure(app, call):
    for _ in range(20):
        assert call(app, headers=[(b"x", b"y" * 100_000)]).status == 431
    assert call(app).status == 200
