"""The guard of an app: settings, methods, answers and events."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from flasgo import Flasgo, Request, SettingError
from flasgo_security import SecurityPlugin, SSRFGuard, SSRFViolation
from flasgo_security.outbound.transport import SSRFTransport
from flasgo_testing import TestClient

from .conftest import PUBLIC, Listener, Names

SECRET_KEY = "0123456789abcdefghijklmnopqrstuvwxyz"


def make_app(names: Names, **settings: Any) -> Flasgo:
    app = Flasgo(
        settings={"SECRET_KEY": SECRET_KEY, **settings},
        plugins=[SecurityPlugin(resolver=names)],
        discover=False,
    )

    @app.get("/fetch")
    async def fetch(request: Request) -> dict[str, str]:
        target = await app.aresolve_outbound_url(request.query["url"])
        return {"url": target.url, "host": target.host_header}

    @app.get("/fetch-in-a-thread")
    def fetch_in_a_thread(request: Request) -> str:
        return app.resolve_outbound_url(request.query["url"]).url

    return app


def test_the_seeds_example(names: Names) -> None:
    names.add("api.example.com", [PUBLIC])
    app = make_app(names, SSRF_ALLOWED_SCHEMES={"https"}, SSRF_ALLOWED_HOSTS={"api.example.com"})
    target = app.resolve_outbound_url("https://api.example.com/data")
    assert target.url == f"https://{PUBLIC}/data"
    assert target.host_header == "api.example.com"
    assert asyncio.run(app.aresolve_outbound_url("https://api.example.com/data")) == target
    for url in ("http://api.example.com/", "https://example.com/", "https://10.0.0.1/"):
        with pytest.raises(SSRFViolation):
            app.resolve_outbound_url(url)


@pytest.mark.parametrize("path", ["/fetch", "/fetch-in-a-thread"])
def test_a_refused_url_is_a_400_and_an_event(
    names: Names, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    names.add("inside.example", ["10.0.0.7"])
    client = TestClient(make_app(names))
    with caplog.at_level(logging.WARNING, logger="flasgo.security"):
        answer = client.get(path, params={"url": "https://inside.example/"})

    assert (answer.status_code, answer.json()["error"]) == (400, "url_not_allowed")
    assert "10.0" not in answer.text
    (record,) = [r for r in caplog.records if r.name == "flasgo.security"]
    assert (record.event, record.path) == ("ssrf", path)  # ty: ignore[missing-attribute]
    assert "10.0.0.7" in record.reason  # ty: ignore[missing-attribute]


def test_refused_urls_count_against_the_client_and_unresolved_ones_do_not(names: Names) -> None:
    client = TestClient(make_app(names, SECURITY_FAILURE_RATE_LIMIT=2))
    for _ in range(5):
        assert client.get("/fetch", params={"url": "https://nowhere.example/"}).status_code == 400
    for _ in range(2):
        assert client.get("/fetch", params={"url": "https://127.0.0.1/"}).status_code == 400
    assert client.get("/fetch", params={"url": "https://example.com/"}).status_code == 429


def test_outside_of_a_request_it_is_logged_as_well(
    names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(names)
    with (
        caplog.at_level(logging.WARNING, logger="flasgo.security"),
        pytest.raises(SSRFViolation),
    ):
        app.resolve_outbound_url("https://evil.\r\nexample/")
    (record,) = caplog.records
    assert "\n" not in record.getMessage()


def test_an_errorhandler_may_answer(names: Names) -> None:
    app = make_app(names)

    @app.errorhandler(SSRFViolation)
    async def refused(request: Request, error: SSRFViolation) -> tuple[dict[str, str], int]:
        return {"why": error.reason}, 422

    answer = TestClient(app).get("/fetch", params={"url": "ftp://example.com/"})
    assert (answer.status_code, answer.json()) == (422, {"why": "scheme"})


def test_the_transport_of_an_app(names: Names, listen: Callable[..., Listener]) -> None:
    server = listen("127.0.0.2")
    names.add("api.example", ["127.0.0.2"])
    app = make_app(names, SSRF_ALLOWED_NETWORKS={"127.0.0.2/32"})
    transport = app.outbound_transport()
    assert isinstance(transport, SSRFTransport)
    assert isinstance(app.ssrf_guard, SSRFGuard)
    with httpx2.Client(transport=transport) as client:
        assert client.get(f"http://api.example:{server.port}/").status_code == 200


@pytest.mark.parametrize(("name", "value"), [
    ("SSRF_ALLOWED_SCHEMES", {"file"}), ("SSRF_ALLOWED_HOSTS", {"*"}),
    ("SSRF_ALLOWED_PORTS", {70000}), ("SSRF_ALLOWED_NETWORKS", {"internal"}),
    ("SSRF_FORBIDDEN_NETWORKS", {"1.2.3.4/8"}), ("SSRF_RESOLVE_TIMEOUT_SECONDS", 0),
])  # fmt: skip
def test_settings_are_checked_at_start(names: Names, name: str, value: object) -> None:
    with pytest.raises(SettingError, match=name):
        make_app(names, **{name: value})


def test_two_apps_have_two_guards(names: Names) -> None:
    strict = make_app(names, SSRF_ALLOWED_HOSTS={"other.example"})
    open_one = make_app(names)
    assert open_one.resolve_outbound_url("https://example.com/").address == PUBLIC
    with pytest.raises(SSRFViolation):
        strict.resolve_outbound_url("https://example.com/")


def test_settings_from_the_environment(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASGO_SSRF_ALLOWED_PORTS", "443,8443")
    monkeypatch.setenv("FLASGO_SSRF_ALLOWED_HOSTS", "example.com")
    app = make_app(names)
    assert app.ssrf_guard.config.allowed_ports == {443, 8443}
    assert app.resolve_outbound_url("https://example.com:8443/").port == 8443
