"""AUTH-1: `request.user` in handlers, templates, `key_func`, hooks and logs."""

import asyncio
import logging
import threading

import pytest
from flasgo import Flasgo, Request, hookimpl
from flasgo_auth import AllowAny, AuthPlugin, User, authorize, bearer_token_backend, current_user
from flasgo_security import SecurityPlugin
from flasgo_templates import TemplatesPlugin
from flasgo_testing import TestingPlugin

KEY = "0123456789abcdef" * 4
TOKENS = {"token-of-alice": User(id="alice", name="Alice <b>"), "token-of-bob": User(id="bob")}
ALICE = {"authorization": "Bearer token-of-alice"}
BOB = {"authorization": "Bearer token-of-bob"}


class AccessLog:
    """What a plugin that writes access logs would do."""

    name = "access"

    def __init__(self):
        self.lines = []

    @hookimpl
    def request_finished(self, request, response):
        user = request.peek("user")
        status = None if response is None else response.status_code
        self.lines.append((request.path, status, user.id if user else None))


@pytest.fixture
def log():
    return AccessLog()


@pytest.fixture
def app(tmp_path, log) -> Flasgo:
    (tmp_path / "me.html").write_text(
        "{% if current_user %}{{ current_user.id }}|{{ request.user.name }}{% else %}nobody"
        "{% endif %}"
    )
    app = Flasgo(
        settings={"SECRET_KEY": KEY},
        plugins=[AuthPlugin, SecurityPlugin, TemplatesPlugin, TestingPlugin, log],
        discover=False,
    )
    app.configure_templates(tmp_path)
    app.register_auth_backend("bearer", bearer_token_backend(TOKENS))
    return app


def test_templates_know_the_user(app, connect):
    from flasgo_templates import render_template

    @app.get("/page")
    @app.authorize(AllowAny())
    def page(request: Request):
        return render_template("me.html", request=request)

    client = connect(app)
    assert client.get("/page").text == "nobody"
    assert client.get("/page", headers=ALICE).text == "alice|Alice &lt;b&gt;"


@pytest.mark.parametrize("kind", ["def", "async def", "inline"])
def test_handlers_of_every_kind_know_the_user(app, connect, kind):
    def plain(request: Request):
        return {"request": request.user.id, "global": current_user.id}

    async def coroutine(request: Request):
        await asyncio.sleep(0)
        return plain(request)

    handler = coroutine if kind == "async def" else plain
    app.get("/x", blocking=kind == "def")(authorize()(handler))
    assert connect(app).get("/x", headers=BOB).json() == {"request": "bob", "global": "bob"}


def test_a_quota_per_user(app, connect):
    @app.get("/x")
    @app.ratelimit(2, per=60, key_func=lambda request: str(request.user.id))
    @app.authorize()
    def handler():
        return "in"

    client = connect(app)
    assert [client.get("/x", headers=ALICE).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/x", headers=BOB).status_code == 200
    # Who is denied takes nothing from anybody's quota.
    assert [client.get("/x").status_code for _ in range(3)] == [401] * 3
    assert client.get("/x", headers=BOB).status_code == 200


def test_logs_and_later_hooks_know_the_user(app, connect, log):
    app.get("/x", endpoint="x")(app.authorize()(lambda: "in"))
    app.get("/open", endpoint="open")(lambda: "in")

    @app.after_request
    def mark(request, response):
        response.headers["x-user"] = str(request.user.id)

    client = connect(app)
    assert client.get("/x", headers=ALICE).headers["x-user"] == "alice"
    client.get("/x")
    client.get("/open", headers=ALICE)
    assert log.lines == [("/x", 200, "alice"), ("/x", 401, None), ("/open", 200, "alice")]


def test_denials_in_the_log_name_the_user(app, connect, caplog):
    caplog.set_level(logging.WARNING, logger="flasgo.security")
    app.get("/x")(app.authorize(lambda request: False)(lambda: "in"))
    connect(app).get("/x", headers=BOB)
    [event] = [r for r in caplog.records if r.__dict__.get("event") == "auth.forbidden"]
    assert event.__dict__["user"] == "bob"
    assert "token-of-bob" not in caplog.text + str(event.__dict__)


# --- slow backends ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_slow_backend_holds_up_nobody_else(app, connect, kind):
    asked, go_on = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        assert go_on.wait(20), "the other request was not served meanwhile"
        return User(id="slow")

    async def slow_async(request):
        asked.set()
        while not go_on.is_set():
            await asyncio.sleep(0.001)
        return User(id="slow")

    app.register_auth_backend("slow", slow if kind == "def" else slow_async)
    app.get("/slow", endpoint="slow")(
        app.authorize(backend="slow")(lambda request: str(request.user.id))
    )
    app.get("/quick", endpoint="quick")(app.authorize(backend="bearer")(lambda: "quick"))
    client = connect(app)
    waiting = asyncio.create_task(client.arequest("GET", "/slow"))
    while not asked.is_set():
        await asyncio.sleep(0.001)
    assert (await client.arequest("GET", "/quick", headers=ALICE)).text == "quick"
    assert not waiting.done()
    go_on.set()
    assert (await waiting).text == "slow"
