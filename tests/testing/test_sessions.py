"""TEST-1: `session_transaction()` and `login()`, without knowing who keeps sessions and users."""

import asyncio
from dataclasses import dataclass
from typing import cast

import pytest
from flasgo import (
    ANONYMOUS,
    Flasgo,
    HasScope,
    HTTPException,
    Request,
    User,
    WebSocket,
    hookimpl,
)
from flasgo_testing import TestClient, TestingPlugin, WebSocketDeniedError

SETTINGS = {"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"}
ADA = User(id="ada", scopes=frozenset({"admin"}))


@pytest.fixture
def app():
    made = Flasgo(settings=SETTINGS)
    asked = made.state.asked = []

    @made.get("/")
    async def index(request: Request):
        return {"visits": request.session.get("visits"), "user": request.user.id}

    @made.post("/visits")
    async def visit(request: Request):
        request.session["visits"] = cast("int", request.session.get("visits", 0)) + 1
        return {"by": request.user.id}

    @made.get("/admin")
    @made.authorize(HasScope("admin"))
    async def admin(request: Request):
        return {"user": request.user.id}

    @made.websocket("/feed")
    @made.authorize(HasScope("admin"))
    async def feed(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(str(websocket.user.id))

    def nobody(request):
        asked.append(request.path)

    made.register_auth_backend("nobody", nobody, blocking=False)
    return made


@pytest.fixture
def client(app):
    with app.test_client() as made:
        yield made


# session_transaction


def test_a_session_can_be_prepared(client):
    with client.session_transaction() as session:
        assert dict(session) == {}
        session["visits"] = 41
    client.post("/visits")
    assert client.get("/").json()["visits"] == 42


def test_a_session_can_be_read(client):
    client.post("/visits")
    with client.session_transaction() as session:
        assert session["visits"] == 1
    assert client.get("/").json()["visits"] == 1


def test_a_session_can_be_emptied(client):
    client.post("/visits")
    with client.session_transaction() as session:
        session.clear()
    assert client.get("/").json()["visits"] is None
    assert dict(client.cookies) == {}


async def test_the_awaited_twin(client):
    async with client.asession_transaction() as session:
        session["visits"] = 1
        await asyncio.sleep(0)
    assert (await client.aget("/")).json()["visits"] == 1
    with client.session_transaction() as session:
        assert session["visits"] == 1

    async def fail():
        async with client.asession_transaction() as session:
            session["visits"] = 2
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert (await client.aget("/")).json()["visits"] == 1


def test_a_failing_block_saves_nothing(client):
    def fail():
        with client.session_transaction() as session:
            session["visits"] = 41
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert client.get("/").json()["visits"] is None


def test_what_cannot_be_saved_is_the_tests_error(client):
    def save():
        with client.session_transaction() as session:
            session["visits"] = object()

    with pytest.raises(Exception, match="not JSON"):
        save()


def test_the_handlers_do_not_run(app, client):
    @app.before_request
    def before():
        pytest.fail("no code of the app is to run")

    with client.session_transaction() as session:
        session["a"] = 1


def test_two_clients_have_two_sessions(app):
    with app.test_client() as one, TestClient(app) as two:
        with one.session_transaction() as session:
            session["visits"] = 1
        with two.session_transaction() as session:
            assert dict(session) == {}
        assert two.get("/").json()["visits"] is None


def test_an_app_without_sessions_is_told_so():
    app = Flasgo(settings=SETTINGS, disable_plugins={"security"})
    with (
        app.test_client() as client,
        pytest.raises(RuntimeError, match=r"request\.session.*active: auth.*flasgo-security"),
    ):
        client.session_transaction().__enter__()


def test_another_framework_is_told_so(echo):
    with TestClient(echo) as client:
        with pytest.raises(RuntimeError, match=r"Flasgo apps; .* type Echo"):
            client.session_transaction().__enter__()
        with pytest.raises(RuntimeError, match="Flasgo apps"):
            client.login(ADA)


def test_a_refused_request_is_told(app):
    with (
        app.test_client(base_url="http://elsewhere.example") as client,
        pytest.raises(RuntimeError, match="got no session: the app answered GET / with 400"),
    ):
        client.session_transaction().__enter__()


def test_sessions_of_another_plugin_work_alike():
    class Sessions:
        name = "kept"

        def __init__(self):
            self.kept = {}

        @hookimpl
        def plugin_setup(self, registry):
            registry.request_attribute("session", self.load)

        def load(self, request):
            return dict(self.kept)

        @hookimpl
        async def response_finalize(self, request, response):
            session = request.peek("session")
            if session is not None:
                self.kept.update(session)

    app = Flasgo(plugins=[Sessions(), TestingPlugin()], discover=False, settings=SETTINGS)
    app.add_route("/", lambda request: request.session)
    with app.test_client() as client:
        with client.session_transaction() as session:
            session["a"] = 1
        assert client.get("/").json() == {"a": 1}


def test_middleware_around_the_app(app):
    @dataclass
    class Middleware:
        app: Flasgo

        async def __call__(self, scope, receive, send):
            await self.app(scope, receive, send)

    with TestClient(Middleware(app)) as client:
        with client.session_transaction() as session:
            session["visits"] = 1
        client.login(ADA)
        assert client.get("/").json() == {"visits": 1, "user": "ada"}


# login


def test_a_logged_in_client(app, client):
    assert client.get("/admin").status_code == 401
    client.login(ADA)
    app.state.asked.clear()
    assert client.get("/admin").json() == {"user": "ada"}
    assert client.post("/visits").json() == {"by": "ada"}
    assert app.state.asked == []
    client.logout()
    client.logout()
    assert client.get("/admin").status_code == 401


def test_endpoints_that_ask_one_backend_by_name(app, client):
    @app.get("/api")
    @app.authorize(HasScope("admin"), backend="nobody")
    async def api(request: Request):
        return {"user": request.user.id}

    assert client.get("/api").status_code == 401
    client.login(ADA)
    app.state.asked.clear()
    assert client.get("/api").json() == {"user": "ada"}
    assert app.state.asked == []
    client.login(User(id="bob"))
    assert client.get("/api").status_code == 403
    client.login(ANONYMOUS)
    assert client.get("/api").status_code == 401
    client.logout()
    assert client.get("/api").status_code == 401


def test_what_is_no_user_is_not_taken_for_one(app, client):
    client.login("ada")
    with pytest.raises(Exception, match="User"):
        client.get("/admin")


def test_permissions_are_still_checked(client):
    client.login(User(id="bob"))
    assert client.get("/admin").status_code == 403


async def test_awaited_requests_and_websockets_too(client):
    with pytest.raises(WebSocketDeniedError) as denied:
        client.websocket_connect("/feed").__enter__()
    assert denied.value.response.status_code == 401
    client.login(ADA)
    assert (await client.aget("/admin")).status_code == 200
    async with client.awebsocket_connect("/feed") as websocket:
        assert await websocket.receive_text() == "ada"


def test_a_login_is_the_clients_own(app, client):
    client.login(ADA)
    with app.test_client() as other:
        assert other.get("/").json()["user"] == ANONYMOUS.id
        other.login(User(id="bob"))
        assert other.get("/").json()["user"] == "bob"
    assert client.get("/").json()["user"] == "ada"


def test_nobody_is_not_a_user(client):
    with pytest.raises(TypeError, match=r"logout\(\)"):
        client.login(None)


def test_an_app_without_users_is_told_so():
    app = Flasgo(settings=SETTINGS, disable_plugins={"auth"})
    with app.test_client() as client, pytest.raises(RuntimeError, match="flasgo-auth"):
        client.login(ADA)


def test_csrf_is_checked_again_when_enforced(app):
    with app.test_client(enforce_csrf=True) as client:
        client.login(ADA)
        assert client.post("/visits").status_code == 403


# No request of a real client can do any of this


def test_a_served_app_has_no_such_hooks(app):
    app._compile()
    stages = {stage.plugin for route in app.routes for stage in app.explain(route)}
    assert "test_client" not in app.plugins
    assert not {name for name in stages if "test_client" in name or "testing" in name}


@pytest.mark.parametrize("value", ["ada", {"user": "ada"}, ADA, True])
def test_what_stands_in_a_scope_is_not_believed(app, client, value):
    client.login(ADA)
    client.logout()
    client._app_transport.extensions["flasgo_testing.login"] = value
    client._app_transport.extensions["flasgo_testing.session"] = value
    answer = client.get("/admin", headers={"flasgo_testing.login": "ada"})
    assert answer.status_code == 401


def test_the_hooks_join_an_app_once(app, client):
    client.login(ADA)
    client.login(User(id="bob"))
    with client.session_transaction():
        pass
    assert [info.name for info in app.plugins if info.name == "test_client"] == ["test_client"]


def test_a_request_under_way_keeps_its_pipeline(app, client):
    @app.get("/joins")
    def joins():
        client.login(ADA)
        raise HTTPException(418, "joined")

    assert client.get("/joins").status_code == 418
    assert client.get("/admin").status_code == 200
