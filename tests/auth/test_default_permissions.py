"""AUTH-4: deny by default: what nobody opened is closed, docs, static files and mounts too."""

import pytest
from flasgo import Blueprint, Flasgo, Response, SettingError, UnenforcedPolicyError, WebSocket
from flasgo_auth import AllowAny, AuthPlugin, HasScope, IsAuthenticated, User, authorize
from flasgo_auth.default_permissions import resolve_permissions
from flasgo_security import SecurityPlugin
from flasgo_static import StaticPlugin
from flasgo_testing import TestingPlugin

from tests.conftest import refusal

KEY = "0123456789abcdef" * 4
ALICE, BOB = {"x-user": "alice"}, {"x-user": "bob"}


def by_header(request):
    name = request.headers.get("x-user")
    return User(id=name, scopes=frozenset({"read"} if name == "alice" else ())) if name else None


async def mounted(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"mounted"})


@pytest.fixture
def make(tmp_path, connect):
    """Return a function that makes an app with one endpoint of each kind, and its client."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "site.css").write_text("body{}")

    def make(**settings):
        app = Flasgo(
            settings={
                "SECRET_KEY": KEY,
                "ENABLE_DOCS": True,
                "DEFAULT_PERMISSIONS": [IsAuthenticated()],
                **settings,
            },
            static_folder=tmp_path / "static",
            plugins=[AuthPlugin, StaticPlugin, TestingPlugin],
            discover=False,
        )
        app.register_auth_backend("header", by_header, blocking=False, challenge="Header")
        app.get("/plain", endpoint="plain")(lambda: "in")
        app.get("/open", endpoint="open")(app.authorize(AllowAny())(lambda: "in"))
        app.get("/scoped", endpoint="scoped")(app.authorize(HasScope("read"))(lambda: "in"))
        blueprint = Blueprint("notes", "/notes")
        blueprint.get("/", endpoint="index")(lambda: "in")
        app.register_blueprint(blueprint)
        app.mount("/mounted", mounted)
        return connect(app)

    return make


CLOSED = ["/plain", "/static/site.css", "/notes/", "/mounted/", "/mounted/x", "/openapi.json"]


@pytest.mark.parametrize("path", [*CLOSED, "/docs"])
def test_what_nobody_opened_is_closed(make, path):
    client = make()
    for method in ("GET", "HEAD"):
        answer = client.request(method, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Header"
    assert client.get(path, headers=BOB).status_code in ({200} if path != "/docs" else {200, 501})


def test_allow_any_opens_and_other_policies_take_the_place_of_the_default(make):
    client = make(DEFAULT_PERMISSIONS=[HasScope("admin")])
    assert client.get("/open").status_code == 200
    assert client.get("/plain", headers=ALICE).status_code == 403
    assert [client.get("/scoped", headers=h).status_code for h in ({}, BOB, ALICE)] == [
        401,
        403,
        200,
    ]


def test_endpoints_can_be_exempt_by_name(make):
    client = make(DEFAULT_PERMISSIONS_EXEMPT={"static", "notes.index", "mounted"})
    statuses = {path: client.get(path).status_code for path in CLOSED}
    assert statuses == {
        "/plain": 401,
        "/static/site.css": 200,
        "/notes/": 200,
        "/mounted/": 200,
        "/mounted/x": 200,
        "/openapi.json": 401,
    }


def test_an_exemption_does_not_lift_a_policy_of_the_endpoint(make):
    assert make(DEFAULT_PERMISSIONS_EXEMPT={"scoped"}).get("/scoped").status_code == 401


def test_what_reaches_no_endpoint_is_not_asked(make):
    client = make()
    assert client.get("/missing").status_code == 404
    assert client.post("/plain").status_code == 405
    assert client.options("/plain").status_code == 204
    assert client.options("/plain").headers["allow"] == "GET, HEAD, OPTIONS"


def test_several_defaults_all_hold(make):
    client = make(DEFAULT_PERMISSIONS=[HasScope("read"), lambda r: r.query.get("magic") == "yes"])
    assert client.get("/plain?magic=yes").status_code == 401
    assert client.get("/plain", headers=ALICE).status_code == 403
    assert client.get("/plain?magic=yes", headers=ALICE).status_code == 200


def test_websockets_are_closed_as_well(connect):
    app = Flasgo(
        settings={"SECRET_KEY": KEY, "DEFAULT_PERMISSIONS": ["IsAuthenticated"]},
        plugins=[AuthPlugin, TestingPlugin],
        discover=False,
    )
    app.register_auth_backend("header", by_header)

    @app.websocket("/ws")
    async def echo(websocket: WebSocket):
        await websocket.accept()

    client = connect(app)
    assert refusal(client, "/ws").status_code == 401
    with client.websocket_connect("/ws", headers={"x-user": "bob"}):
        pass


def test_a_decorator_that_comes_later_counts(make):
    client = make()
    app = client.app
    handler = next(route.handler for route in app.routes if route.endpoint == "plain")
    assert client.get("/plain").status_code == 401
    app.authorize(AllowAny())(handler)
    assert client.get("/plain").status_code == 200


# --- it costs nothing where it is not used ----------------------------------------------------


def steps(app, endpoint):
    route = next(route for route in app.routes if route.endpoint == endpoint)
    plugins = [stage.plugin for stage in app.explain(route)]
    # Where nothing is asked for, there is still the step that looks whether the user was shown.
    return [name for name in plugins if name.startswith("auth") and name != "auth.identity"]


def test_without_the_setting_a_route_without_a_policy_has_no_step(make):
    app = make(DEFAULT_PERMISSIONS=[]).app
    for endpoint in ("plain", "static", "notes.index", "openapi_document"):
        assert steps(app, endpoint) == []
    assert steps(app, "scoped") == ["auth", "auth"]


def test_with_the_setting_each_route_has_one_guard(make):
    app = make(DEFAULT_PERMISSIONS_EXEMPT={"static"}).app
    assert set(steps(app, "plain")) == {"auth.default_permissions"}
    assert set(steps(app, "scoped")) == {"auth"}
    assert steps(app, "static") == []


# --- the setting ------------------------------------------------------------------------------


def is_staff(request):
    return request.user.id == "bob"


@pytest.mark.parametrize(
    ("configured", "shown"),
    [
        ("IsAuthenticated", "IsAuthenticated()"),
        ("AllowAny", "AllowAny()"),
        ("flasgo_auth.IsAuthenticated", "IsAuthenticated()"),
        ("flasgo_auth:IsAuthenticated", "IsAuthenticated()"),
        ("flasgo_auth.permissions.IsAuthenticated", "IsAuthenticated()"),
        (IsAuthenticated, "IsAuthenticated()"),
        (HasScope("a") | HasScope("b"), "(HasScope('a') | HasScope('b'))"),
        (is_staff, "is_staff"),
    ],
    ids=str,
)
def test_permissions_and_their_names_are_taken(configured, shown):
    [permission] = resolve_permissions([configured])
    assert permission.explain() == shown


@pytest.mark.parametrize(
    ("configured", "message"),
    [
        ("IsAuthentcated", "no such permission"),
        ("HasScope", "needs arguments"),
        ("as_permission", "no such permission"),
        ("nowhere.at.all", "cannot be imported"),
        ("flasgo_auth.Nothing", "cannot be imported"),
        ("flasgo_auth.MAX_TOKEN_BYTES", "not a permission"),
        ("", "cannot be imported"),
        (".", "cannot be imported"),
        (7, "not a permission"),
        (User, "is a class"),
        (lambda: True, "must take the request"),
    ],
    ids=str,
)
def test_what_is_no_permission_stops_the_app(configured, message):
    with pytest.raises(SettingError, match=message) as caught:
        Flasgo(
            settings={"SECRET_KEY": KEY, "DEFAULT_PERMISSIONS": [configured]},
            plugins=[AuthPlugin],
            discover=False,
        )
    assert caught.value.name == "DEFAULT_PERMISSIONS"


def test_it_can_come_from_the_environment(monkeypatch, connect):
    monkeypatch.setenv("FLASGO_DEFAULT_PERMISSIONS", "IsAuthenticated, flasgo_auth.AllowAny")
    monkeypatch.setenv("FLASGO_DEFAULT_PERMISSIONS_EXEMPT", "b")
    app = Flasgo(settings={"SECRET_KEY": KEY}, plugins=[AuthPlugin, TestingPlugin], discover=False)
    app.get("/a", endpoint="a")(lambda: "")
    app.get("/b", endpoint="b")(lambda: "")
    client = connect(app)
    assert client.get("/a").status_code == 401
    assert client.get("/b").status_code == 200


def test_without_the_plugin_the_setting_is_not_ignored():
    with pytest.raises(SettingError, match="DEFAULT_PERMISSIONS"):
        Flasgo(
            settings={"SECRET_KEY": KEY, "DEFAULT_PERMISSIONS": [IsAuthenticated()]},
            plugins=[TestingPlugin],
            discover=False,
        )
    app = Flasgo(settings={"SECRET_KEY": KEY}, plugins=[TestingPlugin], discover=False)
    app.get("/x")(authorize()(lambda: ""))
    with pytest.raises(UnenforcedPolicyError):
        app._compile()


# --- caches -----------------------------------------------------------------------------------


def test_guarded_files_and_answers_stay_out_of_shared_caches(make):
    client = make(DEFAULT_PERMISSIONS_EXEMPT={"static"})
    assert "public" in client.get("/static/site.css").headers["cache-control"]
    closed = make().get("/static/site.css", headers=BOB)
    assert closed.status_code == 200
    assert closed.headers["cache-control"].startswith("private")
    assert "public" not in closed.headers["cache-control"]


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (None, "private"),
        ("public, max-age=60", "private, max-age=60"),
        ("max-age=60, s-maxage=600", "private, max-age=60"),
        ("Public", "private"),
        ("no-store", "no-store"),
        ("private, max-age=5", "private, max-age=5"),
        ("private, public", "private"),
        ("PRIVATE, max-age=5", "PRIVATE, max-age=5"),
        ("no-store, public", "no-store"),
        # What says nothing about whose cache may be any cache: a key of one's own header and a
        # session mean nothing to it.
        ("max-age=600", "private, max-age=600"),
        ("max-age=600, must-revalidate", "private, max-age=600, must-revalidate"),
        ("no-cache", "private, no-cache"),
        ('private="set-cookie, x-name"', 'private, private="set-cookie, x-name"'),
        ("public=1, s-maxage = 9", "private"),
        (",,", "private"),
        ("", "private"),
    ],
)
def test_what_becomes_of_cache_control(guarded, connect, said, becomes):
    headers = {} if said is None else {"cache-control": said}
    guarded.get("/x", endpoint="x")(guarded.authorize()(lambda: ("in", 200, headers)))
    guarded.get("/y", endpoint="y")(guarded.authorize(AllowAny())(lambda: ("in", 200, headers)))
    client = connect(guarded)
    assert client.get("/x", headers=ALICE).headers["cache-control"] == becomes
    # An open route answers everybody the same, until it knows who asks.
    assert client.get("/y").headers.get("cache-control") == said
    assert client.get("/y", headers=ALICE).headers["cache-control"] == becomes


@pytest.mark.parametrize(
    ("lines", "becomes"),
    [
        (["max-age=60", "public"], "private, max-age=60"),
        (["private", "public, max-age=60"], "private, max-age=60"),
        (["no-store", "s-maxage=9"], "no-store"),
        (["private", "max-age=5"], "private, max-age=5"),
    ],
)
def test_a_second_line_of_cache_control_counts_too(guarded, connect, lines, becomes):
    def handler():
        response = Response("in")
        for line in lines:
            response.headers.add("cache-control", line)
        return response

    guarded.get("/x")(guarded.authorize()(handler))
    answer = connect(guarded).get("/x", headers=ALICE)
    assert answer.headers.get_list("cache-control") == [becomes]


def test_the_security_plugins_no_store_stands(connect):
    app = Flasgo(
        settings={"SECRET_KEY": KEY},
        plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
        discover=False,
    )
    app.register_auth_backend("header", by_header)
    app.get("/x")(app.authorize()(lambda: "in"))
    answer = connect(app).get("/x", headers=BOB)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["cache-control"]
