"""CORE-8, AUTH-1: policies on blueprints hold for all of their routes, WebSockets included."""

import pytest
from flasgo import Blueprint, WebSocket
from flasgo_auth import AllowAny, AuthPolicy, HasScope, IsAuthenticated, authorize

from tests.conftest import refusal

ALICE, BOB = {"x-user": "alice"}, {"x-user": "bob"}


def make(name="staff", prefix="/staff"):
    blueprint = Blueprint(name, prefix)
    blueprint.get("/list", endpoint="list")(lambda: "in")
    blueprint.get("/secret", endpoint="secret")(authorize(HasScope("write"))(lambda: "in"))
    return blueprint


def statuses(client, path):
    return [client.get(path, headers=headers).status_code for headers in ({}, BOB, ALICE)]


@pytest.mark.parametrize("when", ["before", "after", "at the first request"])
@pytest.mark.parametrize("standalone", [True, False])
def test_a_blueprint_is_guarded_as_a_whole(guarded, connect, when, standalone):
    guard = (authorize if standalone else guarded.authorize)()
    blueprint = make()
    if when == "before":
        assert guard(blueprint) is blueprint
    guarded.register_blueprint(blueprint)
    client = connect(guarded)
    if when == "at the first request":
        assert statuses(client, "/staff/list") == [200, 200, 200]
    if when != "before":
        guard(blueprint)
    assert statuses(client, "/staff/list") == [401, 200, 200]
    # The route's own policy holds besides.
    assert statuses(client, "/staff/secret") == [401, 403, 200]


def test_the_policies_argument_will_do(guarded, connect):
    blueprint = Blueprint("staff", "/staff", policies=[AuthPolicy((HasScope("read"),))])
    blueprint.get("/x", endpoint="x")(lambda: "in")
    guarded.register_blueprint(blueprint)
    guarded.get("/y", endpoint="y", policies=[AuthPolicy((IsAuthenticated(),))])(lambda: "in")
    client = connect(guarded)
    assert statuses(client, "/staff/x") == [401, 403, 200]
    assert statuses(client, "/y") == [401, 200, 200]


def test_a_route_cannot_open_what_its_blueprint_closes(guarded, connect):
    blueprint = Blueprint("staff", "/staff")
    blueprint.get("/x", endpoint="x")(authorize(AllowAny())(lambda: "in"))
    guarded.authorize()(blueprint)
    guarded.register_blueprint(blueprint)
    assert statuses(connect(guarded), "/staff/x") == [401, 200, 200]


def test_nested_blueprints_inherit(guarded, connect):
    outer, inner = Blueprint("outer", "/outer"), make("inner", "/inner")
    outer.register_blueprint(inner)
    guarded.authorize()(outer)
    guarded.authorize(HasScope("read"))(inner)
    guarded.register_blueprint(outer)
    client = connect(guarded)
    assert statuses(client, "/outer/inner/list") == [401, 403, 200]


def test_other_routes_are_not_touched(guarded, connect):
    blueprint = make()
    guarded.authorize()(blueprint)
    guarded.register_blueprint(blueprint)
    guarded.get("/list", endpoint="plain")(lambda: "in")
    assert statuses(connect(guarded), "/list") == [200, 200, 200]


def test_the_same_blueprint_twice(guarded, connect):
    blueprint = make()
    guarded.authorize()(blueprint)
    guarded.register_blueprint(blueprint)
    guarded.register_blueprint(blueprint, prefix="/again", name="again")
    client = connect(guarded)
    assert statuses(client, "/staff/list") == statuses(client, "/again/list") == [401, 200, 200]


def test_a_whole_app_can_be_guarded(guarded, connect):
    guarded.register_blueprint(make())
    guarded.get("/x", endpoint="x")(lambda: "in")
    guarded.authorize()(guarded)
    client = connect(guarded)
    assert statuses(client, "/x") == statuses(client, "/staff/list") == [401, 200, 200]


def test_websockets_of_a_blueprint_are_guarded(guarded, connect):
    entered = []
    blueprint = Blueprint("live", "/live")

    @blueprint.websocket("/ws")
    async def talk(websocket: WebSocket):
        entered.append(websocket.user.id)
        await websocket.accept()

    guarded.authorize(HasScope("write"))(blueprint)
    guarded.register_blueprint(blueprint)

    client = connect(guarded)
    assert refusal(client, "/live/ws").status_code == 401
    assert refusal(client, "/live/ws", headers={"x-user": "bob"}).status_code == 403
    assert entered == []
    with client.websocket_connect("/live/ws", headers={"x-user": "alice"}):
        pass
    assert entered == ["alice"]


def test_a_mount_is_guarded(guarded, connect):
    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inner"})

    blueprint = Blueprint("tools", "/tools")
    blueprint.mount("/app", inner)
    guarded.authorize()(blueprint)
    guarded.register_blueprint(blueprint)
    client = connect(guarded)
    for path in ("/tools/app/", "/tools/app/x/y", "/tools/app/%2e%2e/x"):
        assert statuses(client, path)[0] in (401, 404)
    assert statuses(client, "/tools/app/x") == [401, 200, 200]
    assert client.options("/tools/app/x").status_code == 401
