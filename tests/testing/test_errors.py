"""TEST-1: what the app raises surfaces, and no app can hang a test."""

import asyncio
import threading

import pytest
from flasgo import Flasgo, HTTPException
from flasgo_testing import AppProtocolError, AppTimeoutError, TestClient

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"ok"}


@pytest.fixture
def make():
    clients = []

    def make_client(app, **options):
        clients.append(TestClient(app, **options))
        return clients[-1]

    yield make_client
    for client in clients:
        client.close()


async def broken(scope, receive, send):
    raise ZeroDivisionError("in the app")


async def broken_halfway(scope, receive, send):
    await send(START)
    await send({**END, "more_body": True})
    raise ZeroDivisionError("in the app")


@pytest.mark.parametrize("app", [broken, broken_halfway])
async def test_exceptions_of_any_app_surface(make, app):
    client = make(app)
    with pytest.raises(ZeroDivisionError, match="in the app"):
        client.get("/")
    with pytest.raises(ZeroDivisionError, match="in the app"):
        await client.aget("/")
    with pytest.raises(ZeroDivisionError), client.stream("GET", "/") as answer:
        answer.read()


def test_exceptions_can_be_shown_as_the_answer_instead(make):
    answer = make(broken, raise_server_exceptions=False).get("/")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert isinstance(answer.extensions["exception"], ZeroDivisionError)
    with pytest.raises(AppProtocolError, match="middle of its response"):
        make(broken_halfway, raise_server_exceptions=False).get("/")


def test_exceptions_of_flasgo_handlers_surface(make):
    app = Flasgo(discover=False)

    @app.get("/broken")
    async def index():
        raise ZeroDivisionError("in the handler")

    @app.get("/gone")
    def gone():
        raise HTTPException(410, "It was here once.")

    with pytest.raises(ZeroDivisionError, match="in the handler") as caught:
        make(app).get("/broken")
    assert caught.traceback[-1].name == "index"
    gone_answer = make(app).get("/gone")
    assert (gone_answer.status_code, "exception" in gone_answer.extensions) == (410, False)
    answer = make(app, raise_server_exceptions=False).get("/broken")
    assert answer.status_code == 500
    assert str(answer.extensions["exception"]) == "in the handler"
    assert "in the handler" not in answer.text


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_an_app_that_exits_ends_the_test_and_not_the_client(make, error):
    app = Flasgo(discover=False)

    @app.get("/exit")
    async def leave():
        raise error

    @app.get("/thread")
    def leave_from_a_thread():
        raise error

    @app.websocket("/ws")
    async def talk(websocket):
        raise error

    app.get("/")(lambda: "still here")
    client = make(app)
    for path in ("/exit", "/thread"):
        with pytest.raises(type(error)):
            client.get(path)
        with pytest.raises(type(error)):
            await client.aget(path)
    with pytest.raises(type(error)), client.websocket_connect("/ws"):
        pass
    assert client.get("/").text == "still here"
    shown = make(app, raise_server_exceptions=False)
    assert shown.get("/exit").status_code == 500


def test_a_start_up_that_exits_ends_the_test(make):
    app = Flasgo(discover=False)

    @app.lifespan
    async def missing():
        raise SystemExit("no database")
        yield

    with pytest.raises(SystemExit, match="no database"), make(app):
        pass


def test_failing_inside_the_app_fails_the_test(make):
    async def app(scope, receive, send):
        pytest.fail("the handler should not be reached")

    with pytest.raises(pytest.fail.Exception, match="should not be reached"):
        make(app).get("/")


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "returned without a response"),
        ([START], "middle of its response"),
        ([START, {**END, "more_body": True}], "middle of its response"),
        ([END], "before http.response.start"),
        ([START, START], "started its response twice"),
        ([START, END, END], "after the end"),
        ([{"type": "http.response.begin"}], "unknown message"),
        ([{**START, "headers": [(b"content-length", b"5")]}, END], "2 bytes.*says 5"),
        ([{**START, "headers": [(b"Content-Length", b"1")]}, END], "2 bytes.*says 1"),
    ],
)
def test_answers_that_break_the_protocol(make, respond, messages, complaint):
    with pytest.raises(AppProtocolError, match=f"GET /here: .*{complaint}"):
        make(respond(*messages)).get("/here")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
def test_answers_without_a_body_may_announce_a_length(make, respond, method, status):
    start = {**START, "status": status, "headers": [(b"content-length", b"5")]}
    app = respond(start, {"type": "http.response.body"})
    assert make(app).request(method, "/").headers["content-length"] == "5"


async def hanging(scope, receive, send):
    await asyncio.Event().wait()


async def test_a_hanging_app_fails_the_test(make):
    client = make(hanging, timeout=0.1)
    with pytest.raises(AppTimeoutError, match=r"POST /slow .* 0\.1 s.*hanging\(\)"):
        client.post("/slow")
    with pytest.raises(AppTimeoutError, match="GET /slow"):
        await client.aget("/slow")
    with pytest.raises(AppTimeoutError, match="GET /slow"), client.stream("GET", "/slow"):
        pass


def test_one_request_may_have_a_bound_of_its_own(make):
    with pytest.raises(AppTimeoutError, match=r"0\.05 s"):
        make(hanging).get("/", timeout=0.05)


def test_an_app_that_never_stops_streaming_is_hanging(make):
    async def app(scope, receive, send):
        await send(START)
        while True:
            await send({**END, "more_body": True})
            await asyncio.sleep(0)

    with pytest.raises(AppTimeoutError):
        make(app, timeout=0.1).get("/")


def test_an_app_that_blocks_its_loop_is_named(make):
    release = threading.Event()

    async def blocking(scope, receive, send):
        release.wait(10)

    client = make(blocking, timeout=0.1)
    try:
        with pytest.raises(AppTimeoutError, match=r"GET /slow .*blocks its event loop"):
            client.get("/slow")
    finally:
        release.set()


def test_a_handler_that_hangs_in_a_thread_is_named(make):
    release = threading.Event()
    app = Flasgo(discover=False)

    @app.get("/slow")
    def slow():
        release.wait(10)

    try:
        with pytest.raises(
            AppTimeoutError, match=r"worker thread, at .*test_errors.py:\d+ in slow"
        ):
            make(app, timeout=0.1).get("/slow")
    finally:
        release.set()


def test_the_clients_default_bound_is_ten_seconds(make):
    assert make(hanging).timeout.read == 10


def test_an_app_that_cancels_itself(make):
    async def app(scope, receive, send):
        raise asyncio.CancelledError

    with pytest.raises(AppProtocolError, match="cancelled itself"):
        make(app).get("/")


def test_a_timeout_error_of_the_app_is_its_own(make):
    async def app(scope, receive, send):
        raise TimeoutError("database")

    with pytest.raises(TimeoutError, match="database") as caught:
        make(app).get("/")
    assert not isinstance(caught.value, AppTimeoutError)
