"""JSON Web Tokens with the keys of an address: fetched through the guard, cached, rotated."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flasgo import ConfigurationError, Flasgo
from flasgo_auth import AuthPlugin, jwt_backend
from flasgo_auth.backends import jwks
from flasgo_security import SecurityPlugin
from flasgo_testing import TestingPlugin
from joserfc import jwt as jose
from joserfc.jwk import ECKey

KEYS = {name: ECKey.generate_key("P-256", {"kid": name}) for name in ("one", "two")}


class Issuer:
    """A server that gives keys, and counts how often it was asked."""

    def __init__(self) -> None:
        issuer = self
        self.asked = 0
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.gives("one")

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                self.send_response(issuer.status)
                for name, value in issuer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(issuer.body)))
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def gives(self, *names: str) -> None:
        self.body = json.dumps({"keys": [KEYS[n].as_dict(private=False) for n in names]}).encode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    found = Issuer()
    yield found
    found.server.shutdown()
    found.server.server_close()


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(jwks.JwksSource.__init__, "__defaults__", (clock,))
    return clock


@pytest.fixture
def app_and_call(issuer, clock, connect):
    """Return what sends a token signed with one of the keys, and the client that it uses."""
    clients = []

    def call(key="one", *, kid=None, **settings):
        if not clients:
            app = Flasgo(
                settings={
                    "SECRET_KEY": "5f0c8e1d7a3b49266e0d9c84b1f7a2d3",
                    "SSRF_ALLOWED_NETWORKS": {"127.0.0.1/32"},
                    **settings,
                },
                plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
                discover=False,
            )
            backend = jwt_backend(jwks_url=issuer.url, algorithm="ES256")
            app.register_auth_backend("jwt", backend)
            app.get("/")(app.authorize()(lambda request: request.user.id))
            app.get("/open")(lambda: "x")
            clients.append(connect(app))
        claims = {"sub": "ann", "exp": int(time.time()) + 60}
        token = jose.encode({"alg": "ES256", "kid": kid or key}, claims, KEYS[key])
        return clients[0].get("/", headers={"authorization": f"Bearer {token}"}).status_code

    return call, clients


@pytest.fixture
def call(app_and_call):
    """Send a token that is signed with one of the keys; return the status."""
    return app_and_call[0]


@pytest.fixture
def clients(app_and_call):
    """The client of `call`, after it was called."""
    return app_and_call[1]


def test_keys_are_fetched_once_and_kept(call, issuer):
    assert [call() for _ in range(5)] == [200] * 5
    assert issuer.asked == 1
    assert call("two", kid="one") == 401


def test_a_request_without_a_token_has_nothing_fetched(call, clients, issuer):
    call()
    issuer.asked = 0
    assert clients[0].get("/").status_code == 401
    assert clients[0].get("/open").status_code == 200
    assert issuer.asked == 0


def test_a_new_key_is_fetched_when_a_token_names_it(call, issuer, clock):
    assert call() == 200
    issuer.gives("one", "two")
    clock.now += 31
    assert call("two") == 200
    assert call("one") == 200
    assert issuer.asked == 2


def test_made_up_names_of_keys_have_it_fetched_at_most_every_half_minute(call, issuer, clock):
    assert call() == 200
    assert [call("one", kid=f"k{number}") for number in range(20)] == [401] * 20
    assert issuer.asked == 1
    clock.now += 31
    assert [call("one", kid=f"k{number}") for number in range(20)] == [401] * 20
    assert issuer.asked == 2


def test_a_key_that_is_withdrawn_is_worthless_when_the_keys_are_fetched_again(call, issuer, clock):
    assert call("one") == 200
    issuer.gives("two")
    clock.now += 601
    assert call("one") == 401
    assert call("two") == 200


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (200, b"junk"), (200, b"[]"), (200, b'{"keys": 1}'), (200, b'{"keys": []}'),
     (200, b'{"keys": [' + b'{"kty": "EC"},' * 101 + b'{}]}'), (200, b" " * 300_000), (200, b""),
     (200, b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}')],
)  # fmt: skip
def test_while_it_gives_no_keys_the_former_ones_are_used_for_a_day(
    call, issuer, clock, caplog, status, body
):
    assert call() == 200
    issuer.status, issuer.body = status, body
    for _ in range(3):
        clock.now += 3600
        assert call() == 200
    assert "cannot be fetched" in caplog.text
    clock.now += 24 * 3600
    assert call() == 503


def test_without_any_keys_nobody_is_taken_for_anonymous(call, clients, issuer, clock):
    issuer.status = 500
    assert call() == 503
    assert call() == 503
    assert issuer.asked == 1
    assert clients[0].get("/").status_code == 401
    issuer.status = 200
    clock.now += 31
    assert call() == 200


def test_a_redirect_is_not_followed(call, issuer):
    issuer.status, issuer.headers = 302, {"location": issuer.url}
    assert call() == 503
    assert issuer.asked == 1


def test_the_guard_is_asked(call, issuer, caplog):
    assert call(SSRF_ALLOWED_NETWORKS=set()) == 503
    assert issuer.asked == 0
    assert "SSRFViolation" in caplog.text


async def test_many_tokens_at_once_have_it_fetched_once(call, clients, issuer, clock):
    call()
    issuer.asked = 0
    clock.now += 601
    claims = {"sub": "ann", "exp": int(time.time()) + 60}
    token = jose.encode({"alg": "ES256", "kid": "one"}, claims, KEYS["one"])
    headers = {"authorization": f"Bearer {token}"}
    client = clients[0]
    answers = await asyncio.gather(*(client.aget("/", headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert issuer.asked == 1


@pytest.mark.parametrize(
    "options",
    [
        {"jwks_url": "http://login.example.com/jwks", "algorithm": "ES256"},
        {"jwks_url": "ftp://login.example.com/jwks", "algorithm": "ES256"},
        {"jwks_url": "/jwks", "algorithm": "ES256"},
        {"jwks_url": "https://u:p@login.example.com/jwks", "algorithm": "ES256"},
        {"jwks_url": 3, "algorithm": "ES256"},
        {"jwks_url": "https://login.example.com/jwks", "algorithm": "HS256"},
        {"jwks_url": "https://login.example.com/jwks", "algorithm": "none"},
        {"jwks_url": "https://login.example.com/jwks", "algorithm": "ES256", "keys": {"a": "b"}},
    ],
)
def test_wrong_arguments_stop_the_app(options):
    with pytest.raises(ConfigurationError, match="jwt_backend"):
        jwt_backend(**options)
