"""SEC-4, SEC-2: what needs a header or a cookie is refused once the headers have been sent."""

import gc
import weakref

import pytest
from flasgo import Request, StreamingResponse, WebSocket
from flasgo_security import flash, get_flashed_messages


def streaming(app, path, late, *, early=None, headers=None):
    """Add an endpoint whose stream calls `late` after its first part, and sends the answer."""

    @app.get(path, endpoint=path)
    async def handler(request: Request):
        if early is not None:
            early(request)

        async def parts():
            yield "first "
            try:
                yield f"{late(request)}"
            except RuntimeError as error:
                yield f"RuntimeError: {error}"

        return StreamingResponse(parts(), headers=headers)


@pytest.fixture
def app(make_app):
    return make_app(CSRF_COOKIE_SECURE=False, SESSION_COOKIE_SECURE=False)


LATE = {
    "nonce": (lambda request: request.csp_nonce, "request.csp_nonce was first asked for after"),
    "token": (lambda request: request.csrf_token, "request.csrf_token was first asked for after"),
    "set": (lambda request: request.session.update(a=1), "session['a'] = ... came after"),
    "pop": (lambda request: request.session.pop("b"), "del session['b'] came after"),
    "clear": (lambda request: request.session.clear(), "session.clear() came after"),
    "regenerate": (lambda request: request.session.regenerate(), "session.regenerate() came after"),
    "modified": (
        lambda request: setattr(request.session, "modified", True),
        "session.modified = ... came after",
    ),
    "flash": (lambda request: flash("hello"), "flash() came after"),
    "flashed": (lambda request: get_flashed_messages(), "get_flashed_messages() came after"),
}


@pytest.mark.parametrize("early", [None, lambda request: request.session])
@pytest.mark.parametrize(("late", "message"), LATE.values(), ids=LATE)
def test_a_stream_is_told_to_ask_before_it_begins(app, connect, late, message, early):
    @app.get("/fill")
    def fill(request):
        request.session["b"] = 1
        flash("waiting")
        return "filled"

    streaming(app, "/", late, early=early)
    client = connect(app)
    client.get("/fill")
    answer = client.get("/")
    assert answer.status_code == 200
    assert message in answer.text
    assert "before the stream begins" in answer.text
    assert client.get("/fill").status_code == 200  # and the app lives on


@pytest.mark.parametrize("name", ["csp_nonce", "csrf_token"])
def test_what_was_asked_for_in_time_is_there_in_the_stream(app, connect, name):
    def ask(request):
        return getattr(request, name)

    streaming(app, "/", ask, early=ask)
    answer = connect(app).get("/")
    value = answer.text.split()[1]
    if name == "csp_nonce":
        assert f"'nonce-{value}'" in answer.headers["content-security-policy"]
    else:
        assert answer.cookies["csrf"]


def test_a_session_may_be_read_in_a_stream(app, connect):
    @app.get("/fill")
    def fill(request):
        request.session["b"] = "there"

    streaming(app, "/", lambda request: request.session["b"])
    streaming(app, "/none", lambda request: get_flashed_messages())
    client = connect(app)
    client.get("/fill")
    assert client.get("/").text == "first there"
    assert client.get("/none").text == "first []"


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({"cache-control": "public, max-age=60"}, True),
        ({"cache-control": "max-age=60"}, True),
        ({"cache-control": "private, max-age=60"}, False),
        ({"cache-control": "private", "cdn-cache-control": "max-age=60"}, True),
        ({}, False),
    ],
)
def test_but_not_first_where_shared_caches_keep_the_response(app, connect, headers, is_refused):
    """CWE-524: the response was sent as one that is the same for every visitor."""
    streaming(app, "/late", lambda request: request.session.get("b"), headers=headers)
    streaming(
        app,
        "/early",
        lambda request: request.session.get("b"),
        early=lambda request: request.session,
        headers=headers,
    )
    client = connect(app)
    assert ("let shared caches keep" in client.get("/late").text) is is_refused
    early = client.get("/early")
    assert early.text == "first None"
    assert {"private", "no-store"} & set(early.headers["cache-control"].split(", "))


def test_background_tasks_and_teardown_are_told_too(app, connect):
    told = []

    def late(request):
        for ask in (lambda: request.csp_nonce, lambda: request.session.update(a=1)):
            try:
                ask()
            except RuntimeError as error:
                told.append(str(error))

    @app.get("/")
    def home(request):
        request.background.add(late, request)
        return "x"

    @app.teardown_request
    def teardown(request, error):
        late(request)

    with connect(app) as client:
        assert client.get("/").text == "x"
    assert len(told) == 4


def test_sessions_on_the_server_are_the_same(make_app, connect, redis):
    app = make_app(SESSION_STORE_URI=redis.uri, SESSION_COOKIE_SECURE=False)

    @app.get("/fill")
    def fill(request):
        request.session["b"] = 1
        return "filled"

    streaming(app, "/set", LATE["set"][0])
    streaming(app, "/modified", LATE["modified"][0], early=lambda request: request.session)
    with connect(app) as client:
        client.get("/fill")
        assert "session['a'] = ... came after" in client.get("/set").text
        assert "session.modified = ... came after" in client.get("/modified").text


def test_on_an_accepted_websocket(app, connect):
    @app.get("/fill")
    def fill(request):
        request.session["b"] = "there"
        return request.csrf_token

    @app.websocket("/ws")
    async def ws(websocket: WebSocket):
        await websocket.accept()
        for ask in (
            lambda: websocket.session.get("b"),
            lambda: websocket.session.update(a=1),
            lambda: websocket.csp_nonce,
            lambda: bool(websocket.csrf_token),
        ):
            try:
                await websocket.send_text(str(ask()))
            except RuntimeError as error:
                await websocket.send_text(f"RuntimeError: {error}")

    client = connect(app)
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_text() == "None"
        assert "session['a'] = ... came after" in socket.receive_text()
        assert "before accept()" in socket.receive_text()
        assert "needs the cookie of a page" in socket.receive_text()
    client.get("/fill")
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_text() == "there"
        assert "came after" in socket.receive_text()
        assert "before accept()" in socket.receive_text()
        assert socket.receive_text() == "True"  # the client has the cookie already


def test_no_request_is_kept_alive_by_it(app, connect):
    seen = []

    @app.get("/")
    def home(request):
        request.session["a"] = 1
        seen.append(weakref.ref(request))
        return "x"

    client = connect(app)
    gc.disable()
    try:
        for _ in range(3):
            client.get("/")
        alive = sum(ref() is not None for ref in seen)
    finally:
        gc.enable()
    assert alive <= 1
