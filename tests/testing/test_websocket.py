"""TEST-1: WebSocket sessions, plain and awaited, against raw ASGI apps and against Flasgo."""

import asyncio
import threading

import pytest
from flasgo import Flasgo, HTTPException, WebSocket
from flasgo_testing import (
    AppProtocolError,
    AppTimeoutError,
    TestClient,
    WebSocketClosedError,
    WebSocketDeniedError,
)

ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}


@pytest.fixture
def app():
    made = Flasgo(discover=False, settings={"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"})
    made.state.ended = []

    @made.websocket("/echo/<name>")
    async def echo(websocket: WebSocket, name: str):
        await websocket.accept()
        await websocket.send_text(f"hello {name}")
        async for text in websocket.iter_text():
            await websocket.send_text(text)
        made.state.ended.append(name)

    @made.websocket("/kinds")
    async def kinds(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_bytes(await websocket.receive_bytes())
        await websocket.send_json(await websocket.receive_json())
        await websocket.send_json({"query": websocket.query["q"]})
        await websocket.close(4001, "enough")

    @made.websocket("/denied")
    async def denied(websocket: WebSocket):
        raise HTTPException(403, "Members only.", headers={"set-cookie": "seen=1"})

    @made.websocket("/closed")
    async def closed(websocket: WebSocket):
        await websocket.close(1008, "go away")

    @made.websocket("/broken")
    async def broken(websocket: WebSocket):
        await websocket.accept()
        raise ZeroDivisionError("app")

    @made.websocket("/broken-early")
    async def broken_early(websocket: WebSocket):
        raise ZeroDivisionError("early")

    @made.websocket("/mute")
    async def mute(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive()

    @made.websocket("/cookies")
    async def cookies(websocket: WebSocket):
        await websocket.accept("chat", headers=[("set-cookie", "fresh=1; Path=/")])
        await websocket.send_json(dict(websocket.cookies))

    return made


@pytest.fixture
def client(app):
    with TestClient(app) as made:
        yield made


def raw(*messages, then=None):
    async def app(scope, receive, send):
        await receive()
        for message in messages:
            await send(message)
        if then is not None:
            await then(receive, send)

    return app


# Talking


def test_text(client, app):
    with client.websocket_connect("/echo/ada") as websocket:
        assert websocket.receive_text() == "hello ada"
        websocket.send_text("one")
        websocket.send("two")
        assert [websocket.receive_text(), websocket.receive()] == ["one", "two"]
        assert app.state.ended == []
    assert app.state.ended == ["ada"]


def test_bytes_json_query_and_the_apps_close(client):
    with client.websocket_connect("/kinds?q=ä") as websocket:
        websocket.send_bytes(b"\x00\xff")
        assert websocket.receive_bytes() == b"\x00\xff"
        websocket.send_json({"a": [1, None]})
        assert websocket.receive_json() == {"a": [1, None]}
        assert websocket.receive_json() == {"query": "ä"}
        with pytest.raises(WebSocketClosedError, match=r"/kinds was closed .* 4001: enough") as end:
            websocket.receive()
        assert (end.value.code, end.value.reason) == (4001, "enough")
        with pytest.raises(WebSocketClosedError):
            websocket.send_text("too late")


async def test_the_awaited_twin(client, app):
    async with client.awebsocket_connect("/echo/bob") as websocket:
        assert await websocket.receive_text() == "hello bob"
        await websocket.send_text("x")
        assert await websocket.receive() == "x"
    assert app.state.ended == ["bob"]
    async with client.awebsocket_connect("/kinds", params={"q": "1"}) as websocket:
        await websocket.send_bytes(b"b")
        assert await websocket.receive_bytes() == b"b"
        await websocket.send_json([1])
        assert await websocket.receive_json() == [1]
        assert await websocket.receive_json() == {"query": "1"}
        with pytest.raises(WebSocketClosedError):
            await websocket.receive()
    with pytest.raises(WebSocketDeniedError):
        async with client.awebsocket_connect("/denied"):
            pytest.fail("it was denied")


async def test_a_plain_session_works_inside_a_running_loop(client):
    with client.websocket_connect("/echo/ada") as websocket:
        assert websocket.receive_text() == "hello ada"


async def test_many_at_once(client):
    async def talk(name):
        async with client.awebsocket_connect(f"/echo/{name}") as websocket:
            await websocket.send_text(name)
            return [await websocket.receive_text(), await websocket.receive_text()]

    answers = await asyncio.gather(*(talk(str(n)) for n in range(20)))
    assert answers == [[f"hello {n}", str(n)] for n in range(20)]


def test_the_wrong_kind_of_message_is_a_mistake_of_the_test(client):
    with client.websocket_connect("/echo/ada") as websocket:
        with pytest.raises(TypeError, match=r"text message, 'hello ada'.*receive_text"):
            websocket.receive_bytes()
        for send, wrong in [
            (websocket.send_text, b"x"),
            (websocket.send_bytes, "x"),
            (websocket.send, 1),
        ]:
            with pytest.raises(TypeError, match="has to be"):
                send(wrong)


# The handshake


def test_the_scope_is_that_of_a_handshake():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        assert await receive() == {"type": "websocket.connect"}
        await send({**ACCEPT, "subprotocol": "v2", "headers": [(b"x-a", b"1")]})

    client = TestClient(app, base_url="https://shop.example", cookies={"c": "1"}, auth=("a", "b"))
    with client.websocket_connect(
        "/a//b?x=1", ["v2", "v1"], headers={"X-B": "2", "Origin": "https://shop.example"}
    ) as websocket:
        assert websocket.subprotocol == "v2"
        assert websocket.headers["x-a"] == "1"
    headers = dict(seen["headers"])
    assert (seen["type"], seen["scheme"], seen["path"]) == ("websocket", "wss", "/a//b")
    assert seen["query_string"] == b"x=1"
    assert seen["subprotocols"] == ["v2", "v1"]
    assert seen["extensions"] == {"websocket.http.response": {}}
    assert "method" not in seen
    assert headers[b"sec-websocket-protocol"] == b"v2, v1"
    assert headers[b"upgrade"] == b"websocket"
    assert headers[b"cookie"] == b"c=1"
    assert headers[b"authorization"].startswith(b"Basic ")
    assert headers[b"x-b"] == b"2"
    client.close()


@pytest.mark.parametrize("url", ["ws://localhost/echo/x", "http://localhost/echo/x"])
def test_whole_urls(client, url):
    with client.websocket_connect(url) as websocket:
        assert websocket.receive_text() == "hello x"


def test_cookies_go_and_come(client):
    client.cookies["session"] = "s1"
    with client.websocket_connect("/cookies", ["chat"]) as websocket:
        assert websocket.receive_json() == {"session": "s1"}
        assert websocket.subprotocol == "chat"
    assert client.cookies["fresh"] == "1"


def test_a_denial_carries_the_answer(client):
    with (
        pytest.raises(WebSocketDeniedError, match="denied with 403") as caught,
        client.websocket_connect("/denied"),
    ):
        pytest.fail("it was denied")
    response = caught.value.response
    assert response.status_code == 403
    assert response.json()["detail"] == "Members only."
    assert response.request.url.path == "/denied"
    assert caught.value.code is None
    assert client.cookies["seen"] == "1"


def test_a_close_before_accepting_is_a_403(client):
    with pytest.raises(WebSocketDeniedError, match="go away") as caught:
        client.websocket_connect("/closed").__enter__()
    assert caught.value.response.status_code == 403
    assert (caught.value.code, caught.value.reason) == (1008, "go away")


def test_a_denial_comes_when_the_app_has_ended(app):
    steps = []

    @app.teardown_request
    async def last():
        await asyncio.sleep(0.01)
        steps.append("torn down")

    with TestClient(app) as client:
        with pytest.raises(WebSocketDeniedError), client.websocket_connect("/nowhere"):
            pass
        assert steps == ["torn down"]


def test_an_app_that_denies_and_asks_on_is_told_that_the_client_left():
    told = []

    async def then(receive, send):
        told.append(await receive())

    client = TestClient(raw({"type": "websocket.close"}, then=then))
    with pytest.raises(WebSocketDeniedError), client.websocket_connect("/"):
        pass
    client.close()
    assert [message["type"] for message in told] == ["websocket.disconnect"]


def test_no_such_route(client):
    with pytest.raises(WebSocketDeniedError) as caught:
        client.websocket_connect("/nothing").__enter__()
    assert caught.value.response.status_code == 404


# Closing


def test_the_app_gets_the_clients_close():
    got = []

    async def then(receive, send):
        got.append(await receive())
        got.append(await receive())

    client = TestClient(raw(ACCEPT, then=then))
    with client.websocket_connect("/") as websocket:
        websocket.close(4000, "bye")
        with pytest.raises(WebSocketClosedError, match="4000: bye"):
            websocket.receive()
    assert got == [{"type": "websocket.disconnect", "code": 4000, "reason": "bye"}] * 2
    with client.websocket_connect("/"):
        got.clear()
    assert got[0] == {"type": "websocket.disconnect", "code": 1000, "reason": ""}
    client.close()


def test_a_test_that_fails_inside_keeps_its_own_error(client, app):
    with pytest.raises(LookupError), client.websocket_connect("/echo/ada"):
        raise LookupError
    assert app.state.ended == ["ada"]


def test_an_app_that_sends_to_a_client_that_left_gets_an_oserror():
    ended = threading.Event()

    async def then(receive, send):
        try:
            while True:
                await send({"type": "websocket.send", "text": "tick"})
        except OSError:
            ended.set()
            raise

    with TestClient(raw(ACCEPT, then=then)) as client, client.websocket_connect("/") as websocket:
        assert websocket.receive_text() == "tick"
    assert ended.is_set()


# What goes wrong in the app


@pytest.mark.parametrize("path", ["/broken", "/broken-early"])
async def test_the_apps_exception_surfaces(client, path):
    with pytest.raises(ZeroDivisionError), client.websocket_connect(path) as websocket:
        websocket.receive()
    with pytest.raises(ZeroDivisionError), client.websocket_connect(path):
        pass
    with pytest.raises(ZeroDivisionError):
        async with client.awebsocket_connect(path):
            pass


def test_unless_the_test_wants_to_see_what_a_client_sees(app):
    with TestClient(app, raise_server_exceptions=False) as client:
        with client.websocket_connect("/broken") as websocket:
            with pytest.raises(WebSocketClosedError) as closed:
                websocket.receive()
            assert closed.value.code == 1011
        with pytest.raises(WebSocketDeniedError) as denied:
            client.websocket_connect("/broken-early").__enter__()
        assert denied.value.response.status_code == 500


async def test_waits_are_bounded(app):
    with TestClient(app, timeout=0.1) as client:
        with client.websocket_connect("/mute") as websocket:
            with pytest.raises(AppTimeoutError, match=r"/mute sent no message within 0\.1 s.*mute"):
                websocket.receive()
            with pytest.raises(AppTimeoutError, match=r"0\.05 s"):
                websocket.receive_text(timeout=0.05)
            websocket.send_text("still open")
        async with client.awebsocket_connect("/mute", timeout=0.05) as websocket:
            with pytest.raises(AppTimeoutError, match=r"0\.05 s"):
                await websocket.receive()


async def hang(receive, send):
    await asyncio.Event().wait()


def test_an_app_that_never_accepts_or_never_ends():
    client = TestClient(raw(then=hang), timeout=0.1)
    with pytest.raises(AppTimeoutError, match="was not answered"):
        client.websocket_connect("/").__enter__()
    client.close()
    client = TestClient(raw(ACCEPT, then=hang), timeout=0.1)
    with (
        pytest.raises(AppTimeoutError, match=r"did not end.*hang\(\)"),
        client.websocket_connect("/"),
    ):
        pass
    client.close()


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "without accepting"),
        ([{"type": "websocket.send", "text": "x"}], "belongs where it is accepted"),
        ([ACCEPT, ACCEPT], "belongs where it is connecting"),
        ([ACCEPT, {"type": "websocket.send"}], "either text or bytes"),
        ([ACCEPT, {"type": "websocket.send", "text": "a", "bytes": b"b"}], "either text or bytes"),
        ([ACCEPT, {"type": "websocket.send", "text": b"a"}], "text as str"),
        ([{**ACCEPT, "subprotocol": "v9"}], "offered"),
        ([ACCEPT, CLOSE, CLOSE], "twice"),
        ([ACCEPT, {**CLOSE, "code": 1006}], "no close code"),
        ([ACCEPT, {**CLOSE, "code": 99}], "no close code"),
        ([ACCEPT, {**CLOSE, "reason": "x" * 124}], "123 bytes"),
        ([{"type": "http.response.start"}], "unknown message"),
        ([ACCEPT, {"type": "websocket.http.response.start", "status": 403}], "connecting"),
    ],
)
def test_what_a_server_would_refuse(messages, complaint):
    client = TestClient(raw(*messages), raise_server_exceptions=False)
    with pytest.raises(AppProtocolError, match=complaint), client.websocket_connect("/") as ws:
        ws.receive()
    client.close()


def test_an_app_that_just_returns_has_lost_the_connection():
    client = TestClient(raw(ACCEPT))
    with client.websocket_connect("/") as websocket, pytest.raises(WebSocketClosedError) as closed:
        websocket.receive()
    assert closed.value.code == 1006
    client.close()
