"""SEC-17: `request.user` and `current_user` are right on every route."""

import asyncio
import base64
import threading

import pytest
from flasgo import AllowAny, Flasgo, HTTPException, Request, StreamingResponse, hookimpl
from flasgo_auth import (
    AuthBackend,
    AuthPlugin,
    User,
    api_key_backend,
    authorize,
    basic_auth_backend,
    bearer_token_backend,
    current_user,
    login,
    logout,
    session_backend,
)
from flasgo_security import SecurityPlugin
from flasgo_testing import TestingPlugin

KEY = "0123456789abcdef" * 4
asked: list[str] = []


def load(user_id: str) -> User | None:
    asked.append(user_id)
    return User(id=user_id) if user_id != "gone" else None


async def load_async(user_id: str) -> User | None:
    await asyncio.sleep(0)
    return load(user_id)


async def load_at_once(user_id: str) -> User | None:
    return load(user_id)


@pytest.fixture
def make():
    asked.clear()

    def make(**backends) -> Flasgo:
        app = Flasgo(
            settings={"SECRET_KEY": KEY, "SESSION_COOKIE_SECURE": False, "CSRF_ENABLED": False},
            plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
            discover=False,
        )
        for name, backend in backends.items():
            app.register_auth_backend(name, backend)
        return add_routes(app)

    return make


def add_routes(app: Flasgo) -> Flasgo:
    @app.post("/login/<name>")
    def log_in(request: Request, name: str):
        login(request, User(id=name))

    @app.post("/logout")
    async def log_out(request: Request):
        before = current_user.id
        logout(request)
        return {"before": before, "after": request.user.id}

    @app.get("/sync")
    def sync():
        return current_user.id

    @app.get("/async")
    async def asynchronous():
        return current_user.id

    @app.get("/allow")
    @app.authorize(AllowAny())
    async def allow():
        return current_user.id

    @app.get("/public")
    async def public():
        return "the same for all", 200, {"cache-control": "public, max-age=60"}

    @app.get("/private")
    async def private(request):
        return request.user.id, 200, {"cache-control": "public, max-age=60"}

    @app.get("/stream")
    async def stream(request):
        user = request.user
        return StreamingResponse(iter([user.id]))

    @app.get("/abort")
    async def abort():
        raise HTTPException(404)

    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()
        await websocket.send_text(websocket.user.id)

    return app


def known_at(client, path: str, **options) -> str:
    return client.get(path, **options).text


PATHS = ["/sync", "/async", "/allow", "/stream"]


def error_page(app: Flasgo, *, is_async: bool) -> None:
    if is_async:

        @app.errorhandler(HTTPException)
        async def page(request, error):
            return request.user.id, error.status_code
    else:

        @app.errorhandler(HTTPException)
        def page(request, error):
            return request.user.id, error.status_code


@pytest.mark.parametrize("loader", [load, load_async, load_at_once])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_visitor_who_has_logged_in_is_known_everywhere(make, connect, loader, is_async):
    app = make(session=session_backend(loader))
    error_page(app, is_async=is_async)
    client = connect(app)
    assert client.post("/login/ann").is_success
    assert [known_at(client, path) for path in PATHS] == ["ann"] * len(PATHS)
    for path, status in (("/missing", 404), ("/abort", 404), ("/logout", 405)):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (status, "ann")
    with client.websocket_connect("/ws") as websocket:
        assert websocket.receive_text() == "ann"
    assert client.post("/logout").json() == {"before": "ann", "after": ""}
    assert [known_at(client, path) for path in PATHS] == [""] * len(PATHS)


@pytest.mark.parametrize("loader", [load, load_async])
def test_nobody_is_asked_for_a_request_without_credentials(make, connect, loader):
    app = make(
        session=session_backend(loader),
        bearer=bearer_token_backend(loader),
        key=api_key_backend(loader),
        basic=basic_auth_backend(lambda name, password: loader(name)),
    )
    client = connect(app)
    for path in (*PATHS, "/missing", "/public"):
        client.get(path, headers={"cookie": "theme=dark"})
    assert asked == []


@pytest.mark.parametrize("path", ["/sync", "/async", "/missing"])
def test_a_def_backend_is_asked_only_by_those_who_want_to_know(make, connect, path):
    client = connect(make(session=session_backend(load)))
    client.post("/login/ann")
    client.get("/public")
    assert asked == []
    client.get(path)
    assert len(asked) == (0 if path == "/missing" else 1)


@pytest.mark.parametrize("loader", [load, load_async])
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("authorization", "Bearer ann"),
        ("x-api-key", "ann"),
        ("authorization", "Basic " + base64.b64encode(b"ann:x").decode()),
    ],
)
def test_every_kind_of_credentials_counts(make, connect, loader, header, value):
    if loader is load:
        basic = basic_auth_backend(lambda name, password: load(name))
    else:

        async def check(name, password):
            return await load_async(name)

        basic = basic_auth_backend(check)
    app = make(bearer=bearer_token_backend(loader), key=api_key_backend(loader), basic=basic)
    client = connect(app)
    for path in PATHS:
        asked.clear()
        assert known_at(client, path, headers={header: value}) == "ann"
        assert asked == ["ann"]


@pytest.mark.parametrize("loader", [load, load_async])
def test_a_response_that_the_user_does_not_shape_stays_public(make, connect, loader):
    client = connect(make(session=session_backend(loader)))
    client.post("/login/ann")
    public = client.get("/public")
    assert public.headers["cache-control"] == "public, max-age=60"
    assert "Cookie" not in public.headers.get("vary", "")
    private = client.get("/private")
    assert private.text == "ann"
    assert "public" not in private.headers["cache-control"]
    assert "Cookie" in private.headers["vary"]


def test_what_a_token_shapes_stays_out_of_shared_caches(make, connect):
    client = connect(make(key=api_key_backend({"secret": User(id="ann")})))
    answer = client.get("/private", headers={"x-api-key": "secret"})
    assert answer.text == "ann"
    assert "public" not in answer.headers["cache-control"]


def test_an_async_backend_that_fails_concerns_only_those_who_ask(make, connect):
    async def broken(user_id):
        raise HTTPException(503, "The database is down.")

    client = connect(make(session=session_backend(broken)))
    client.post("/login/ann")
    assert client.get("/public").status_code == 200
    assert client.get("/async").status_code == 503
    assert client.get("/allow").status_code == 503


class Custom(AuthBackend):
    """A backend of the app's own that cannot tell whether there are credentials."""

    async def authenticate(self, request):
        await asyncio.sleep(0)
        asked.append(request.path)
        return User(id=request.headers["x-user"]) if "x-user" in request.headers else None


def test_a_backend_of_the_apps_own_is_asked_for_every_request(make, connect):
    client = connect(make(custom=Custom()))
    assert [known_at(client, path, headers={"x-user": "ann"}) for path in PATHS] == ["ann"] * 4
    client.get("/public")
    assert asked == [*PATHS, "/public"]


def test_a_backend_of_the_apps_own_can_say_that_there_are_none(make, connect):
    class Careful(Custom):
        def has_credentials(self, request):
            return "x-user" in request.headers

    client = connect(make(custom=Careful()))
    client.get("/async")
    assert asked == []
    assert known_at(client, "/async", headers={"x-user": "ann"}) == "ann"


def test_a_plain_function_is_asked_in_the_thread_of_the_handler(make, connect):
    threads = []

    def by_header(request):
        threads.append(threading.current_thread().name)
        return User(id=request.headers["x-user"]) if "x-user" in request.headers else None

    client = connect(make(header=by_header))
    assert known_at(client, "/sync", headers={"x-user": "ann"}) == "ann"
    assert known_at(client, "/async", headers={"x-user": "ann"}) == "ann"
    assert known_at(client, "/async") == ""
    assert threads[0].startswith("flasgo_")


def test_a_def_function_that_returns_a_coroutine_is_named(make, connect):
    client = connect(make(bearer=bearer_token_backend(lambda token: load_async(token))))
    answer = client.get("/async", headers={"authorization": "Bearer ann"})
    assert answer.status_code == 500
    assert "has to be awaited" in str(answer.extensions["exception"])


def test_the_first_backend_that_knows_the_user_counts(make, connect):
    app = make(
        session=session_backend(load_async),
        key=api_key_backend({"bob-key": User(id="bob")}),
    )
    client = connect(app)
    client.post("/login/ann")
    assert known_at(client, "/async", headers={"x-api-key": "bob-key"}) == "ann"
    client.post("/logout")
    client.post("/login/gone")
    assert known_at(client, "/async", headers={"x-api-key": "bob-key"}) == "bob"


@pytest.mark.parametrize("loader", [load, load_async])
def test_a_policy_that_names_its_backend_is_not_misled_by_another(make, connect, loader):
    app = make(session=session_backend(loader), key=api_key_backend({"k": User(id="robot")}))
    error_page(app, is_async=True)

    @app.before_request
    def look(request):
        request.g.early = request.user.id

    @app.get("/robots")
    @authorize(backend="key")
    def robots(request):
        return {"early": request.g.early, "user": request.user.id}

    client = connect(app)
    client.post("/login/ann")
    asked.clear()
    answer = client.get("/robots", headers={"x-api-key": "k"})
    assert answer.json() == {"early": "ann", "user": "robot"}
    assert asked == ["ann"]
    denied = client.get("/robots")
    assert (denied.status_code, denied.text) == (401, "ann")


def test_each_backend_is_asked_once(make, connect):
    app = make(session=session_backend(load_async))

    @app.before_request
    async def look(request):
        request.g.early = request.user.id

    @app.get("/twice")
    @authorize()
    @authorize(lambda request: bool(request.user))
    def twice():
        return current_user.id

    client = connect(app)
    client.post("/login/ann")
    asked.clear()
    assert client.get("/twice").text == "ann"
    assert asked == ["ann"]


def test_a_user_that_the_app_assigns_stays(make, connect):
    app = make(session=session_backend(load_async))

    @app.before_request
    def assign(request):
        request.user = User(id="assigned")

    client = connect(app)
    client.post("/login/ann")
    assert [known_at(client, path) for path in PATHS] == ["assigned"] * len(PATHS)


def test_too_early_is_an_error_and_not_anonymous(make, connect):
    class Early:
        name = "early"

        @hookimpl(tryfirst=True, before=("security.hosts", "security.throttle"))
        def request_started(self, request):
            if request.path == "/early":
                assert request.user

    app = make(bearer=bearer_token_backend(load_async))
    app.plugins.register(Early())
    app.get("/early")(lambda: "in")
    answer = connect(app).get("/early", headers={"authorization": "Bearer ann"})
    assert answer.status_code == 500
    assert "await app.authenticate(request)" in str(answer.extensions["exception"])


def test_without_a_backend_nothing_is_in_the_pipelines(make):
    def steps(app):
        return {
            stage.plugin
            for route in app.routes
            for stage in app.explain(route)
            if stage.plugin == "auth.identity"
        }

    assert steps(make()) == set()
    assert steps(make(key=api_key_backend({"k": User(id="x")}))) == {"auth.identity"}


def test_a_backend_that_is_registered_late_counts(make, connect):
    app = make()
    client = connect(app)
    assert known_at(client, "/async") == ""
    app.register_auth_backend("bearer", bearer_token_backend(load_async))
    assert known_at(client, "/async", headers={"authorization": "Bearer ann"}) == "ann"
