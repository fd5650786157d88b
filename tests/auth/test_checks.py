"""AUTH-4: `flasgo check` lists the routes that nobody protects."""

import pytest
from flasgo import Blueprint, Flasgo, WebSocket
from flasgo.plugins.checks import collect_findings, is_failure
from flasgo_auth import AllowAny, AuthPlugin, HasScope, IsAuthenticated, User

KEY = "0123456789abcdef" * 4


@pytest.fixture
def make():
    def make(**settings):
        app = Flasgo(settings={"SECRET_KEY": KEY, **settings}, plugins=[AuthPlugin], discover=False)
        app.get("/plain", endpoint="plain")(lambda: "")
        return app

    return make


def findings(app, *, deploy=False):
    found = collect_findings(app, deploy=deploy)
    return {each.code: each for each in found if each.code.startswith("auth.")}


def use_auth(app):
    app.register_auth_backend("any", lambda request: User(id="x"))
    app.get("/closed", endpoint="closed")(app.authorize()(lambda: ""))
    app.get("/open", endpoint="open")(app.authorize(AllowAny())(lambda: ""))

    @app.websocket("/ws")
    async def ws(websocket: WebSocket):
        await websocket.accept()

    return app


def test_routes_without_a_policy_are_listed(make):
    app = use_auth(make())
    found = findings(app)
    assert set(found) == {"auth.I001"}
    assert found["auth.I001"].level == "info"
    message = found["auth.I001"].message
    assert "GET/HEAD /plain (plain)" in message
    assert "WEBSOCKET /ws (ws)" in message
    assert "/closed" not in message
    assert "/open" not in message
    assert "AllowAny" in found["auth.I001"].fix


def test_for_production_they_count_where_the_app_has_users(make):
    app = use_auth(make())
    found = findings(app, deploy=True)
    assert found["auth.W003"].level == "warning"
    assert is_failure(found.values(), deploy=True)
    assert findings(make(), deploy=True)["auth.I001"].level == "info"


def test_nothing_to_say(make):
    for settings in (
        {"DEFAULT_PERMISSIONS": [IsAuthenticated()]},
        {"DEFAULT_PERMISSIONS_EXEMPT": {"plain", "ws"}},
    ):
        assert findings(use_auth(make(**settings)), deploy=True) == {}


def test_long_lists_are_cut(make):
    app = make()
    for number in range(60):
        app.get(f"/{number}", endpoint=f"n{number}")(lambda: "")
    message = findings(app)["auth.I001"].message
    assert message.endswith("and 11 more.")


def test_policies_that_cannot_be_satisfied(make):
    app = make()
    app.get("/closed", endpoint="closed")(app.authorize()(lambda: ""))
    app.get("/named", endpoint="named")(app.authorize(backend="baerer")(lambda: ""))
    found = findings(app)
    assert found["auth.W001"].level == "warning"
    assert found["auth.E001"].level == "error"
    assert "'baerer'" in found["auth.E001"].message
    assert is_failure(found.values(), deploy=False)


def test_a_default_without_a_backend(make):
    assert "auth.W001" in findings(make(DEFAULT_PERMISSIONS=["IsAuthenticated"]))


def test_exemptions_that_name_nothing(make):
    app = use_auth(make(DEFAULT_PERMISSIONS_EXEMPT={"plian", "ws"}))
    assert "plian" in findings(app)["auth.W002"].message


def test_a_blueprint_protects_its_routes(make):
    app = use_auth(make(DEFAULT_PERMISSIONS_EXEMPT={"plain", "ws"}))
    blueprint = Blueprint("staff", "/staff")
    blueprint.get("/x", endpoint="x")(lambda: "")
    app.register_blueprint(blueprint)
    assert "/staff/x" in findings(app)["auth.I001"].message
    app.authorize()(blueprint)
    assert findings(app) == {}


BANNED = HasScope("banned")


@pytest.mark.parametrize(
    ("permissions", "is_open"),
    [
        ((~BANNED,), True),
        ((~BANNED & ~HasScope("x"),), True),
        ((~BANNED, ~HasScope("x")), True),
        ((BANNED | ~BANNED,), True),
        ((~(BANNED & (lambda request: True)),), True),
        ((~BANNED | (lambda request: True),), True),
        ((~BANNED, IsAuthenticated()), False),
        ((~BANNED & IsAuthenticated(),), False),
        ((~BANNED & HasScope("x"),), False),
        ((~~BANNED,), False),
        ((BANNED,), False),
        ((~BANNED, lambda request: True), False),  # only asking can tell
        ((AllowAny(),), False),  # says so
        ((~IsAuthenticated(),), False),  # likewise
        ((), False),
    ],
    ids=repr,
)
def test_what_lets_strangers_in_by_accident(make, permissions, is_open):
    app = use_auth(make(DEFAULT_PERMISSIONS_EXEMPT={"plain", "ws"}))
    app.get("/odd", endpoint="odd")(app.authorize(*permissions)(lambda: ""))
    found = findings(app)
    assert ("auth.W004" in found) is is_open
    if is_open:
        assert "GET/HEAD /odd (odd)" in found["auth.W004"].message
        assert "/open" not in found["auth.W004"].message


def test_the_default_can_let_strangers_in_as_well(make):
    app = use_auth(make(DEFAULT_PERMISSIONS=[~BANNED], DEFAULT_PERMISSIONS_EXEMPT={"ws"}))
    message = findings(app)["auth.W004"].message
    assert "/plain" in message
    assert "/ws" not in message
    assert "/closed" not in message


def test_what_a_blueprint_asks_for_counts_too(make):
    app = use_auth(make(DEFAULT_PERMISSIONS_EXEMPT={"plain", "ws"}))
    blueprint = Blueprint("staff", "/staff")
    blueprint.get("/x", endpoint="x")(app.authorize(~BANNED)(lambda: ""))
    app.register_blueprint(blueprint)
    assert "/staff/x" in findings(app)["auth.W004"].message
    app.authorize()(blueprint)
    assert findings(app) == {}
