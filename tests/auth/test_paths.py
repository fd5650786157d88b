"""CORE-4, AUTH-1: no spelling of a path and no method gets past a policy; over a real server."""

import contextlib
import socket
import threading
import time
from collections.abc import Generator, Iterator

import pytest
import uvicorn
from flasgo import Blueprint, Flasgo
from flasgo_auth import AuthPlugin, HasScope, IsAuthenticated, User

KEY = "0123456789abcdef" * 4
TIMEOUT = 20.0


class Site:
    """An app with protected endpoints under a real server, and a note of who got in."""

    def __init__(self, **settings: object) -> None:
        self.entered: list[str] = []
        app = Flasgo(settings={"SECRET_KEY": KEY, **settings}, plugins=[AuthPlugin], discover=False)
        app.register_auth_backend(
            "header",
            lambda request: User(id="root") if request.headers.get("x-user") == "root" else None,
            blocking=False,
        )
        guard = app.authorize(IsAuthenticated())

        def enter(name: str):
            def handler():
                self.entered.append(name)
                return "in"

            return handler

        everything = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
        app.add_route("/admin", guard(enter("admin")), endpoint="admin")
        app.add_route("/every", guard(enter("every")), everything, endpoint="every")
        app.add_route("/admin/<path:rest>", guard(lambda rest: enter("below")()), endpoint="below")
        app.add_route("/folder/", guard(enter("folder")), endpoint="folder")
        app.add_route("/users/<name>", guard(lambda name: enter("user")()), endpoint="user")
        blueprint = Blueprint("staff", "/staff")
        blueprint.add_route("/list", enter("staff"), endpoint="list")
        app.authorize(IsAuthenticated())(blueprint)
        app.register_blueprint(blueprint)
        app.add_route("/", lambda: "open", endpoint="home")
        self.app = app

    @contextlib.contextmanager
    def serve(self) -> Generator["Site"]:
        config = uvicorn.Config(self.app, host="127.0.0.1", port=0, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + TIMEOUT
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            self.port = server.servers[0].sockets[0].getsockname()[1]
            yield self
        finally:
            server.should_exit = True
            thread.join(TIMEOUT)

    def status(self, method: str, target: str, *headers: str) -> int:
        """Send one request as it is written, and return the status of the answer."""
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return int(answer.split(b" ", 2)[1])


@pytest.fixture(scope="module", params=["redirect", "strict", "ignore"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with Site(TRAILING_SLASH=request.param).serve() as site:
        yield site


TRICKS = [
    "/admin",
    "//admin",
    "///admin",
    "/admin/",
    "/admin//",
    "/./admin",
    "/../admin",
    "/x/../admin",
    "/x/./../admin",
    "/admin/.",
    "/admin/..",
    "/admin/x/..",
    "/admin;x=1",
    "/admin/;x",
    "/admin?x",
    "/admin?/../open",
    "/admin#x",
    "/%61dmin",
    "/%61%64%6d%69%6e",
    "/%61%64%6D%69%6E",
    "/%2561dmin",
    "/%2fadmin",
    "/%2Fadmin",
    "/.%2fadmin",
    "/%2e/admin",
    "/%2e%2e/admin",
    "/x%2f..%2fadmin",
    "/admin%2f",
    "/admin%2F",
    "/admin%2fx",
    "/admin/%2e",
    "/admin/%2e%2e%2fopen",
    "/admin%5c",
    "/%5cadmin",
    "/\\admin",
    "/admin\\",
    "/admin%00",
    "/admin%00.css",
    "/admin%20",
    "/%20admin",
    "/admin%09",
    "/admin%0a",
    "/admin%0d%0ax:%20y",
    "/ADMIN",
    "/Admin",
    "/admi%6E",
    "/admin%c0%af",
    "/%c1%a1dmin",
    "/%ff",
    "/%u0061dmin",
    "/&#97;dmin",
    "/\uff41\uff44\uff4d\uff49\uff4e".encode().decode("latin-1"),
    "/admin.json",
    "/admin/x/y/z",
    "/admin/../../etc/passwd",
    "http://localhost/admin",
    "http://localhost//admin",
    "http://evil.example/admin",
    "https://localhost/%61dmin",
    "/folder",
    "/folder/",
    "//folder/",
    "/folder//",
    "/f%6flder",
    "/users/x",
    "/users//x",
    "/users/%2e%2e",
    "/users/a%2fb",
    "//users/x",
    "/every",
    "/every/",
    "//every",
    "/ever%79",
    "/staff/list",
    "//staff/list",
    "/staff//list",
    "/staff/./list",
    "/staff/list/",
    "/%73taff/list",
    "/staff%2flist",
]


@pytest.mark.parametrize("target", TRICKS)
def test_no_spelling_of_a_path_reaches_a_protected_handler(site: Site, target: str) -> None:
    site.entered.clear()
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        status = site.status(method, target)
        assert status in {204, 307, 308, 400, 401, 404, 405}, (method, target)
        # A 204 is the automatic answer to OPTIONS, which runs no handler.
        assert status != 204 or method == "OPTIONS"
    assert site.entered == []


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@pytest.mark.parametrize("method", [*METHODS, "CONNECT", "get", "Get", "X"])
def test_no_method_gets_past_a_policy(site: Site, method: str) -> None:
    site.entered.clear()
    status = site.status(method, "/every")
    assert status in ({401} if method in METHODS else {400, 401, 404, 405})
    # A header that asks for another method is only a header.
    for header in ("X-HTTP-Method-Override: GET", "X-Original-URL: /", "X-Rewrite-URL: /"):
        assert site.status(method, "/every", header) == status
    assert site.entered == []


@pytest.mark.parametrize(
    ("target", "entered"),
    [
        ("/admin", "admin"),
        ("/%61dmin", "admin"),
        ("/admin/x/y", "below"),
        ("/admin/a%2fb", "below"),
        ("/folder/", "folder"),
        ("/users/x", "user"),
        ("/every", "every"),
        ("/staff/list", "staff"),
    ],
)
def test_who_is_allowed_gets_in(site: Site, target: str, entered: str) -> None:
    # Without this, the tables above would pass for an app that serves nothing.
    site.entered.clear()
    assert site.status("GET", target, "X-User: root") == 200
    assert site.status("HEAD", target, "X-User: root") == 200
    assert site.entered == [entered] * 2


def test_head_and_options_of_each_kind(site: Site) -> None:
    # HEAD that comes with GET, OPTIONS of its own, and the automatic one.
    assert site.status("HEAD", "/admin") == 401
    assert site.status("OPTIONS", "/every") == 401
    assert site.status("OPTIONS", "/every", "X-User: root") == 200
    assert site.status("OPTIONS", "/admin") == 204


def test_a_head_route_of_its_own_does_not_borrow_a_policy(guarded, connect):
    ran = []
    guarded.get("/x", endpoint="get")(guarded.authorize(HasScope("write"))(lambda: "in"))
    guarded.head("/x", endpoint="head")(guarded.authorize()(lambda: ran.append(1)))
    client = connect(guarded)
    assert client.head("/x").status_code == 401
    assert ran == []
    assert client.head("/x", headers={"x-user": "bob"}).status_code < 300
    assert client.get("/x", headers={"x-user": "bob"}).status_code == 403
