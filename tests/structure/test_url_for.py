"""CORE-8: `url_for` across blueprints and hosts, with everything a link needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import pytest
from flasgo import Blueprint, BuildError, Converter, Flasgo, Request, RouteError, WebSocket
from flasgo_security import SecurityPlugin
from flasgo_testing import TestClient

from tests.conftest import refusal


@pytest.fixture
def shop(app: Flasgo) -> Flasgo:
    """An app with endpoints at two depths, one of which says where others are."""
    items = Blueprint("items", "/items")
    shop = Blueprint("shop", "/shop/<lang>")

    @items.get("/<int:number>")
    def show(lang: str, number: int) -> str:
        return f"{lang} {number}"

    @items.get("/link")
    def link(request: Request, lang: str) -> str:
        wanted = dict(request.query.multi_items())
        return app.url_for(wanted.pop("endpoint"), **wanted)  # ty: ignore[invalid-argument-type]

    @items.websocket("/live")
    async def live(websocket: WebSocket, lang: str) -> None: ...

    shop.register_blueprint(items)
    app.register_blueprint(shop)
    app.add_route("/", lambda: app.url_for(".home"), endpoint="home")
    return app


def test_outside_of_a_request(shop: Flasgo) -> None:
    assert shop.url_for("shop.items.show", lang="en", number=3) == "/shop/en/items/3"
    assert shop.url_for("shop.items.show", lang="en", number=3, page=[1, 2]) == (
        "/shop/en/items/3?page=1&page=2"
    )


def test_a_leading_dot_means_this_blueprint(shop: Flasgo) -> None:
    client = TestClient(shop)
    link = "/shop/en/items/link?endpoint=.show&lang=de&number=4"

    assert client.get(link).text == "/shop/de/items/4"
    assert client.get("/").text == "/"  # where no blueprint serves, it is the app's own
    with pytest.raises(BuildError, match=r"'.show'\): the leading dot .* no request here"):
        shop.url_for(".show", lang="en", number=3)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("top", "#top"),
        ("a b/ü?#", "#a%20b/%C3%BC?%23"),
        ('"><script>', "#%22%3E%3Cscript%3E"),
        ("", ""),
        (None, ""),
    ],
)
def test_anchors_are_encoded(shop: Flasgo, anchor: str | None, expected: str) -> None:
    url = shop.url_for("shop.items.show", lang="en", number=3, q="x", _anchor=anchor)
    assert url == "/shop/en/items/3?q=x" + expected


def test_external_urls(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(SERVER_NAME="example.com:8443")
    app.add_route("/a", lambda: "", endpoint="a")
    app.add_route("/ws", talk, endpoint="ws", is_websocket=True)

    assert app.url_for("a", _external=True) == "https://example.com:8443/a"
    assert app.url_for("a", _scheme="http") == "http://example.com:8443/a"
    assert app.url_for("a", _external=True, _anchor="x") == "https://example.com:8443/a#x"
    assert app.url_for("ws", _external=True) == "wss://example.com:8443/ws"
    with pytest.raises(BuildError, match="one of http, https, ws, wss"):
        app.url_for("a", _scheme="javascript")


async def talk(websocket: WebSocket) -> None:
    """Take part in no test."""


def test_external_needs_a_host_that_was_checked(make_app: Callable[..., Flasgo]) -> None:
    apps = {
        "unchecked": make_app(),
        "checked": make_app(SecurityPlugin(), ALLOWED_HOSTS={"good.example"}),
    }
    for app in apps.values():
        app.add_route("/a", lambda app=app: app.url_for("a", _external=True), endpoint="a")
    headers = {"host": "good.example"}

    answers = {
        name: TestClient(app, raise_server_exceptions=False).get("/a", headers=headers)
        for name, app in apps.items()
    }

    assert answers["unchecked"].status_code == 500
    assert answers["checked"].text == "http://good.example/a"


@pytest.mark.parametrize(
    ("endpoint", "params", "expected"),
    [
        ("shop.items.shwo", {}, r"'shop.items.shwo'. Did you mean 'shop.items.show'\?"),
        ("show", {}, r"Did you mean 'shop.items.show'\?"),
        ("items.show", {}, r"Did you mean 'shop.items.show'\?"),
        ("shop.items.show", {"lang": "en", "numer": 3}, r"missing 'number'.*Did you mean 'numer'"),
        ("shop.items.show", {"lang": "en", "number": "x"}, r"'number' cannot be 'x'"),
        ("shop.items.show", {"lang": "a/b", "number": 3}, r"'lang' cannot be 'a/b'"),
    ],
)
def test_what_cannot_be_built_says_why(
    shop: Flasgo, endpoint: str, params: dict[str, object], expected: str
) -> None:
    with pytest.raises(BuildError, match=expected) as caught:
        shop.url_for(endpoint, **params)  # ty: ignore[invalid-argument-type]
    assert caught.value.endpoint == endpoint


class Version(Converter):
    """`1.2` in a URL, a tuple in Python."""

    def convert(self, value: str) -> tuple[int, ...]:
        return tuple(int(part) for part in value.split("."))

    def build(self, value: object) -> str:
        if not isinstance(value, tuple):
            raise ValueError("a version is a tuple of numbers")
        return ".".join(str(part) for part in value)


def test_custom_converters_in_both_directions(app: Flasgo) -> None:
    app.add_converter("version", Version)
    docs = Blueprint("docs", "/docs/<version:version>")

    @docs.get("/<path:page>")
    def page(version: object, page: str) -> str:
        assert isinstance(version, tuple)
        return f"{sum(version)} {PurePosixPath(page).name} " + app.url_for(
            "docs.page", version=(*version, 0), page=page
        )

    app.register_blueprint(docs)
    client = TestClient(app)

    assert client.get("/docs/1.2/a/b").text == "3 b /docs/1.2.0/a/b"
    assert client.get("/docs/one/a").status_code == 404
    with pytest.raises(BuildError, match="tuple of numbers"):
        app.url_for("docs.page", version="1.2", page="x")


# --- Hosts ----------------------------------------------------------------------------------


@pytest.fixture
def hosts(make_app: Callable[..., Flasgo]) -> Flasgo:
    """An app that answers differently on different hosts."""
    app = make_app(SecurityPlugin(), ALLOWED_HOSTS={"*"}, CSRF_ENABLED=False)

    def answer(name: str) -> Callable[[Request], dict[str, object]]:
        def handler(request: Request, **_: object) -> dict[str, object]:
            return {"from": name, **request.path_params}

        return handler

    api = Blueprint("api", "/v1", host="api.example.com")
    api.add_route("/x", answer("api"), ["GET", "POST"], endpoint="x")
    api.add_route("/slash/", answer("slash"), endpoint="slash")
    tenants = Blueprint("tenants", host="<tenant>.example.com")
    tenants.add_route("/", answer("tenant"), endpoint="home")
    tenants.add_route("/users/<int:user>", answer("tenant"), endpoint="user")
    app.register_blueprint(api)
    app.register_blueprint(tenants)
    app.add_route("/", answer("customer"), endpoint="deep", host="<who>.<int:n>.example.com")
    app.add_route("/", answer("anywhere"), endpoint="home")
    app.add_route("/v1/x", answer("anywhere"), endpoint="any_x")
    app.add_route("/users/<name>", answer("anywhere"), endpoint="any_user")
    return app


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("api.example.com", "/v1/x", {"from": "api"}),
        ("API.Example.COM:8000", "/v1/x", {"from": "api"}),
        ("api.example.com.", "/v1/x", {"from": "api"}),
        # The exact host has no "/", the pattern that takes it as a tenant does.
        ("api.example.com", "/", {"from": "tenant", "tenant": "api"}),
        ("acme.example.com", "/", {"from": "tenant", "tenant": "acme"}),
        ("acme.example.com", "/users/7", {"from": "tenant", "tenant": "acme", "user": 7}),
        ("acme.example.com", "/users/ann", {"from": "anywhere", "name": "ann"}),
        ("acme.7.example.com", "/", {"from": "customer", "who": "acme", "n": 7}),
        ("acme.x.example.com", "/", {"from": "anywhere"}),
        ("example.com", "/", {"from": "anywhere"}),
        ("other.org", "/v1/x", {"from": "anywhere"}),
        # Text, never a pattern: a dot is a dot, and no prefix or suffix is enough.
        ("apixexample.com", "/v1/x", {"from": "anywhere"}),
        ("api.example.com.evil.org", "/v1/x", {"from": "anywhere"}),
        ("evil-api.example.com", "/v1/x", {"from": "anywhere"}),
        ("127.0.0.1", "/", {"from": "anywhere"}),
        ("[::1]", "/", {"from": "anywhere"}),
    ],
)
def test_which_host_answers(
    hosts: Flasgo, host: str, path: str, expected: dict[str, object]
) -> None:
    assert TestClient(hosts).get(path, headers={"host": host}).json() == expected


def test_the_other_answers_know_hosts_too(hosts: Flasgo) -> None:
    client = TestClient(hosts, follow_redirects=False)
    here, there = {"host": "api.example.com"}, {"host": "other.org"}

    assert client.delete("/v1/x", headers=here).headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert client.delete("/v1/x", headers=there).headers["allow"] == "GET, HEAD, OPTIONS"
    assert client.post("/v1/x", headers=there).status_code == 405
    assert client.get("/v1/slash", headers=here).headers["location"] == "/v1/slash/"
    assert client.get("/v1/slash", headers=there).status_code == 404


def test_urls_of_hosts(hosts: Flasgo) -> None:
    assert hosts.url_for("api.x") == "https://api.example.com/v1/x"
    assert hosts.url_for("tenants.user", tenant="Acme", user=3) == (
        "https://acme.example.com/users/3"
    )
    for tenant in ("a.b", "a/b", "a:80", "a@b", "ü", "-a"):
        with pytest.raises(BuildError, match="cannot be built"):
            hosts.url_for("tenants.home", tenant=tenant)
    with pytest.raises(BuildError, match="missing 'tenant'"):
        hosts.url_for("tenants.home")


def test_urls_of_the_host_that_serves_stay_relative(hosts: Flasgo) -> None:
    @hosts.get("/links", host="<tenant>.example.com")
    def links(request: Request, tenant: str) -> list[str]:
        return [hosts.url_for("tenants.home", tenant=name) for name in (tenant, "other")]

    answer = TestClient(hosts).get("/links", headers={"host": "acme.example.com:8000"})

    assert answer.json() == ["/", "http://other.example.com:8000/"]


def test_websockets_on_hosts(app: Flasgo, client: TestClient) -> None:
    @app.websocket("/ws", host="<tenant>.example.com")
    async def ws(websocket: WebSocket, tenant: str) -> None:
        await websocket.accept()
        await websocket.send_text(tenant)

    with client.websocket_connect("ws://acme.example.com/ws") as websocket:
        assert websocket.receive_text() == "acme"
    assert refusal(client, "ws://example.com/ws").status_code == 404


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("", "is a str"),
        ("https://example.com", "no scheme"),
        ("example.com/x", "no path"),
        ("*.example.com", "no wildcards"),
        ("example.com:8000", "answers on every port"),
        ("exa mple.com", "not a label"),
        ("a..b", "Bad host"),
        ("x<name>.example.com", "fills a whole label"),
        ("<path:name>.example.com", "fills a whole label"),
        ("<nothing:name>.example.com", "no converter"),
        ("<tenant>.example.com", "in both the path and the host"),
    ],
)
def test_bad_hosts(app: Flasgo, host: str, expected: str) -> None:
    with pytest.raises(RouteError, match=expected):
        app.add_route("/<tenant>", lambda **_: "", host=host)
    assert app.routes == ()


def test_hosts_that_take_the_same_names_clash(app: Flasgo) -> None:
    app.add_route("/", lambda one: one, host="<one>.example.com", endpoint="one")
    app.add_route("/more", lambda two: two, host="<two>.example.com", endpoint="two")
    with pytest.raises(RouteError, match="matches the same paths"):
        app.add_route("/", lambda three: three, host="<three>.EXAMPLE.com", endpoint="three")
    client = TestClient(app)

    assert client.get("/", headers={"host": "a.example.com"}).text == "a"
    assert client.get("/more", headers={"host": "b.example.com"}).text == "b"


def test_an_app_without_host_routes_does_not_look_at_the_host(app: Flasgo) -> None:
    app.add_route("/", lambda: "home")
    dispatcher = app._compile()

    assert dispatcher._match == app._router.match
    app.add_route("/", lambda: "other", host="other.example", endpoint="other")
    assert app._compile()._match("GET", "/") is None
