"""AUTH-1: `authorize` on routes: where it stands, what it adds up to, whom handlers see."""

import asyncio
import logging

import pytest
from flasgo import (
    ConfigurationError,
    Flasgo,
    FlasgoError,
    PluginError,
    Request,
    Response,
    UnenforcedPolicyError,
    current_request,
)
from flasgo_auth import (
    AllowAny,
    AuthPolicy,
    HasScope,
    IsAuthenticated,
    User,
    authorize,
    current_user,
)
from flasgo_testing import TestingPlugin

ALICE = {"x-user": "alice"}
BOB = {"x-user": "bob"}


def make_whoami():
    """Make a handler; policies stay on the function, so each test needs its own."""

    def whoami(request: Request) -> dict[str, object]:
        return {"id": request.user.id, "known": bool(current_user)}

    return whoami


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("standalone", [True, False])
def test_it_works_above_and_below_the_route_decorator(guarded, connect, above, standalone):
    guard = (authorize if standalone else guarded.authorize)(HasScope("write"))
    route = guarded.get("/x")

    def handler():
        return "in"

    assert (guard(route(handler)) if above else route(guard(handler))) is handler
    client = connect(guarded)
    assert [client.get("/x", headers=h).status_code for h in ({}, BOB, ALICE)] == [401, 403, 200]


def test_a_decorator_that_comes_after_the_first_request_holds(guarded, connect):
    @guarded.get("/x")
    def handler():
        return "in"

    client = connect(guarded)
    assert client.get("/x").status_code == 200
    guarded.authorize()(handler)
    assert client.get("/x").status_code == 401
    guarded.authorize(HasScope("write"))(handler)
    assert client.get("/x", headers=BOB).status_code == 403
    assert client.get("/x", headers=ALICE).status_code == 200


def test_it_holds_for_every_route_and_method_of_a_function(guarded, connect):
    @guarded.get("/a")
    @guarded.post("/b")
    @guarded.authorize()
    def handler():
        return "in"

    client = connect(guarded)
    for method, path in [("GET", "/a"), ("HEAD", "/a"), ("POST", "/b")]:
        assert client.request(method, path).status_code == 401
        assert client.request(method, path, headers=ALICE).status_code == 200


def test_routes_without_a_policy_ask_nobody(app, connect):
    def backend(request):
        pytest.fail("a backend was asked")

    app.register_auth_backend("never", backend)
    app.get("/open")(lambda: "in")
    client = connect(app)
    assert client.get("/open").text == "in"
    assert client.get("/missing").status_code == 404


def test_several_decorators_all_hold(guarded, connect):
    @guarded.get("/x")
    @guarded.authorize(HasScope("read"))
    @guarded.authorize(lambda request: request.query.get("magic") == "yes")
    def handler():
        return "in"

    client = connect(guarded)
    assert client.get("/x?magic=yes").status_code == 401
    assert client.get("/x?magic=yes", headers=BOB).status_code == 403
    assert client.get("/x", headers=ALICE).status_code == 403
    assert client.get("/x?magic=yes", headers=ALICE).status_code == 200


def test_a_backend_is_asked_once_per_request(app, connect):
    asked = []

    def backend(request):
        asked.append(request.path)
        return User(id="alice")

    app.register_auth_backend("one", backend)
    guard = authorize(backend="one")

    @app.get("/x")
    @guard
    @guard
    @authorize()
    def inner():
        return "in"

    assert connect(app).get("/x").status_code == 200
    assert asked == ["/x"]


def test_a_named_backend_is_the_only_one_asked(app, connect):
    app.register_auth_backend("a", lambda request: User(id="from a"))
    app.register_auth_backend("b", lambda request: None, challenge="B")
    app.get("/x")(app.authorize(backend="b")(make_whoami()))
    answer = connect(app).get("/x")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "B"


def test_allow_any_still_recognises_users(guarded, connect):
    guarded.get("/x")(guarded.authorize(AllowAny())(make_whoami()))
    client = connect(guarded)
    assert client.get("/x").json() == {"id": "", "known": False}
    assert client.get("/x", headers=ALICE).json() == {"id": "alice", "known": True}


def test_a_denial_can_be_shaped_by_the_app(guarded, connect):
    @guarded.errorhandler(401)
    def ask_to_log_in(error):
        return Response.text("Please log in", status_code=401)

    @guarded.errorhandler(403)
    def sorry(error):
        return {"sorry": error.detail}

    @guarded.after_request
    def mark(response):
        response.headers["x-after"] = "1"

    guarded.get("/x")(guarded.authorize(HasScope("write"))(make_whoami()))
    client = connect(guarded)
    answer = client.get("/x")
    assert (answer.status_code, answer.text) == (401, "Please log in")
    assert answer.headers["www-authenticate"] == "header"
    assert answer.headers["x-after"] == "1"
    assert client.get("/x", headers=BOB).json() == {
        "sorry": "You are not allowed to use this endpoint."
    }


def test_denials_are_json_with_a_code(guarded, connect):
    guarded.get("/x")(guarded.authorize(HasScope("write"))(make_whoami()))
    client = connect(guarded)
    assert client.get("/x").json()["error"] == "unauthorized"
    assert client.get("/x", headers=BOB).json()["error"] == "forbidden"


# --- request.user assigned by the app ---------------------------------------------------------


def test_a_user_that_the_app_assigned_counts(app, connect):
    @app.before_request
    def log_in(request):
        if "x-in" in request.headers:
            request.user = User(id="carol")

    app.register_auth_backend("other", lambda request: None)
    app.get("/any")(app.authorize()(make_whoami()))
    app.get("/named")(app.authorize(backend="other")(lambda: "in"))
    client = connect(app)
    assert client.get("/any", headers={"x-in": "1"}).json() == {"id": "carol", "known": True}
    assert client.get("/any").status_code == 401
    # SECURITY: a policy that names its backend accepts nobody else's word.
    assert client.get("/named", headers={"x-in": "1"}).status_code == 401


@pytest.mark.parametrize("value", [True, "carol", {"id": "carol"}, object()], ids=repr)
def test_an_assigned_user_must_be_a_user(guarded, connect, value):
    @guarded.before_request
    def log_in(request):
        request.user = value

    guarded.get("/x")(guarded.authorize(AllowAny())(make_whoami()))
    assert connect(guarded).get("/x", headers=ALICE).status_code == 500


def test_scopes_of_a_user_who_is_not_authenticated_open_nothing(guarded, connect):
    def put_guest(request):
        request.user = User(id="guest", is_authenticated=False, scopes=frozenset({"admin"}))
        return True

    guarded.get("/x")(guarded.authorize(put_guest, HasScope("admin"))(lambda: "in"))
    assert connect(guarded).get("/x", headers=ALICE).status_code == 403


def test_reading_the_user_early_does_not_shut_the_door(guarded, connect):
    @guarded.before_request
    def look(request):
        assert request.user.id == "alice"

    guarded.get("/x")(guarded.authorize()(make_whoami()))
    assert connect(guarded).get("/x", headers=ALICE).json()["id"] == "alice"


def test_two_users_on_one_request_are_refused(app, connect, caplog):
    app.register_auth_backend("a", lambda request: User(id="anna"))
    app.register_auth_backend("b", lambda request: User(id=request.headers["x-b"]))

    @app.get("/x")
    @app.authorize(backend="a")
    @app.authorize(backend="b")
    def handler():
        return current_user.id

    client = connect(app)
    assert client.get("/x", headers={"x-b": "anna"}).text == "anna"
    assert client.get("/x", headers={"x-b": "ben"}).status_code == 403
    assert caplog.records[-1].event == "auth.conflict"


def test_an_open_policy_does_not_forget_the_user(app, connect):
    app.register_auth_backend("a", lambda request: User(id="anna"))
    app.register_auth_backend("b", lambda request: None)
    guard_a, guard_b = authorize(backend="a"), authorize(AllowAny(), backend="b")
    app.get("/ab")(guard_a(guard_b(lambda: current_user.id)))
    app.add_route("/ba", guard_b(guard_a(lambda: current_user.id)), endpoint="ba")
    client = connect(app)
    assert client.get("/ab").text == client.get("/ba").text == "anna"


# --- start-up ---------------------------------------------------------------------------------


def test_an_unknown_backend_stops_the_start_up(app):
    app.register_auth_backend("bearer", lambda request: None)
    app.register_auth_backend("session", lambda request: None)
    app.get("/x")(app.authorize(backend="baerer")(make_whoami()))
    with pytest.raises(FlasgoError) as caught, app.test_client():
        pass
    message = str(caught.value)
    assert "'baerer'" in message
    assert "'bearer', 'session'" in message
    assert "Did you mean 'bearer'?" in message


def test_an_unknown_backend_fails_closed_without_a_start_up(app, connect):
    app.get("/x")(app.authorize(AllowAny(), backend="later")(lambda: "in"))
    client = connect(app)
    assert client.get("/x").status_code == 500
    app.register_auth_backend("later", lambda request: User(id="alice"))
    assert client.get("/x").status_code == 200


def test_a_backend_that_is_registered_late_is_asked(app, connect):
    app.get("/x")(app.authorize()(make_whoami()))
    client = connect(app)
    assert client.get("/x").status_code == 401
    app.register_auth_backend("late", lambda request: User(id="alice"))
    assert client.get("/x").status_code == 200


def test_start_up_warns_where_no_backend_could_recognise_anybody(app, caplog):
    app.get("/shut")(app.authorize()(make_whoami()))
    app.add_route("/open", app.authorize(AllowAny())(lambda: ""), endpoint="open")
    with caplog.at_level(logging.WARNING), app.test_client():
        pass
    warnings = [record for record in caplog.records if "no auth backend" in record.getMessage()]
    assert ["/shut" in record.getMessage() for record in warnings] == [True]


def test_without_the_plugin_the_app_does_not_start():
    app = Flasgo(
        settings={"SECRET_KEY": "0123456789abcdef" * 4}, plugins=[TestingPlugin], discover=False
    )
    app.get("/x")(authorize()(make_whoami()))
    with pytest.raises(UnenforcedPolicyError) as caught:
        app._compile()
    assert caught.value.policy == "AuthPolicy"
    assert caught.value.distribution == "flasgo-auth"
    assert "installed but switched off" in str(caught.value)


@pytest.mark.parametrize("backend", ["", 7, lambda request: None])
def test_backend_takes_a_name(backend):
    with pytest.raises(TypeError, match="name of a registered backend"):
        authorize(backend=backend)


def test_explanations():
    assert AuthPolicy((IsAuthenticated(),)).explain() == "IsAuthenticated() via any backend"
    policy = AuthPolicy((IsAuthenticated(), HasScope("a") | HasScope("b")), "bearer")
    assert policy.explain() == "IsAuthenticated() & (HasScope('a') | HasScope('b')) via bearer"


def test_the_routes_listing_tells_why(guarded):
    guarded.get("/x")(guarded.authorize(HasScope("write"))(make_whoami()))
    stage = next(s for s in guarded.explain(guarded.routes[0]) if s.stage == "authorize")
    assert (stage.plugin, stage.reason) == ("auth", "HasScope('write') via any backend")


def test_a_plugin_that_takes_request_user_as_well_is_refused():
    from flasgo import hookimpl
    from flasgo_auth import AuthPlugin

    class Rival:
        @hookimpl
        def plugin_setup(self, registry):
            registry.request_attribute("user", lambda request: None)

    with pytest.raises(PluginError, match="both bring"):
        Flasgo(plugins=[AuthPlugin, Rival], discover=False)


# --- concurrency ------------------------------------------------------------------------------


async def test_current_user_is_right_under_concurrency(guarded, connect):
    @guarded.get("/x")
    @guarded.authorize()
    async def handler():
        before = current_user.id
        await asyncio.sleep(0.01)
        return {"before": before, "after": current_user.id, "request": current_request().user.id}

    client = connect(guarded)
    callers = ["alice", "bob"] * 10
    answers = await asyncio.gather(
        *(client.arequest("GET", "/x", headers={"x-user": caller}) for caller in callers)
    )
    for caller, answer in zip(callers, answers, strict=True):
        assert answer.json() == {"before": caller, "after": caller, "request": caller}


def test_current_user_outside_of_a_request():
    with pytest.raises(RuntimeError, match="no request here"):
        bool(current_user)


def test_configuration_errors_name_what_to_do(app):
    from flasgo_auth.backends.backend import Backends

    with pytest.raises(ConfigurationError, match="no backend is registered") as caught:
        Backends().named("bearer")
    assert "register_auth_backend('bearer'" in str(caught.value)


# --- Several backends ---------------------------------------------------------------------------


def test_several_backends_are_asked_in_the_order_given(app, connect):
    for name in ("a", "b", "c"):
        app.register_auth_backend(
            name,
            lambda request, name=name: User(id=name) if name in request.query else None,
            challenge=f'X{name} realm="r"',
        )

    @app.get("/x")
    @app.authorize(backend=["c", "a"])
    def handler():
        return current_user.id

    client = connect(app)
    assert client.get("/x?a&b&c").text == "c"
    assert client.get("/x?a&b").text == "a"
    denied = client.get("/x?b")
    assert denied.status_code == 401
    assert denied.headers["www-authenticate"] == 'Xc realm="r", Xa realm="r"'
    route = next(route for route in app.routes if route.endpoint == "handler")
    assert "via c or a" in " ".join(stage.reason for stage in app.explain(route))


def test_an_unknown_one_among_several_stops_the_app(app, connect):
    app.register_auth_backend("a", lambda request: None)
    app.get("/x")(app.authorize(backend=("a", "nope"))(lambda: "in"))
    with pytest.raises(FlasgoError, match="nope"), connect(app):
        pass


@pytest.mark.parametrize("backend", [[], (), [""], [3], "", 3])
def test_backends_are_names(backend):
    with pytest.raises(TypeError, match="backend"):
        authorize(backend=backend)
