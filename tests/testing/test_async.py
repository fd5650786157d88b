"""TEST-1: awaited requests, and plain ones inside a running loop."""

import asyncio
import threading

import pytest
from flasgo_testing import TestClient


def test_the_app_runs_on_one_background_thread():
    threads = set()

    async def app(scope, receive, send):
        threads.add(threading.current_thread())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with TestClient(app) as client:
        client.get("/")
        client.get("/")
        (thread,) = threads - {threading.current_thread()}
        assert thread.daemon
    assert not thread.is_alive()


async def test_a_plain_call_works_inside_a_running_loop(echo):
    with TestClient(echo) as client:
        assert client.get("/x").json()["path"] == "/x"


async def test_arequest(echo):
    async with TestClient(echo) as client:
        answer = await client.arequest("POST", "/x//y", json={"a": 1})
        assert answer.json()["path"] == "/x//y"
        assert answer.json()["body"] == '{"a":1}'


@pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "patch", "delete"])
async def test_each_awaitable_twin(echo, method):
    async with TestClient(echo) as client:
        answer = await getattr(client, f"a{method}")("/x")
        assert answer.status_code == 200
        assert echo.scope["method"] == method.upper()


async def test_requests_really_run_at_the_same_time():
    everybody = asyncio.Barrier(50)

    async def app(scope, receive, send):
        await everybody.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"together"})

    client = TestClient(app)
    answers = await asyncio.gather(*(client.aget("/") for _ in range(50)))
    client.close()
    assert {answer.text for answer in answers} == {"together"}


async def test_a_body_from_the_tests_own_loop(echo):
    here = asyncio.get_running_loop()

    async def body():
        for part in (b"one ", b"", b"two"):
            await asyncio.sleep(0)
            assert asyncio.get_running_loop() is here
            yield part

    async with TestClient(echo) as client:
        assert (await client.apost("/", content=body())).json()["body"] == "one two"


async def test_a_synchronous_body_in_an_awaited_request(echo):
    async with TestClient(echo) as client:
        answer = await client.apost("/", content=iter([b"one ", b"two"]))
        assert answer.json()["body"] == "one two"
        answer = await client.apost("/", files={"f": b"data"})
        assert "data" in answer.json()["body"]


async def test_settings_of_the_client_hold_for_both_kinds(echo):
    client = TestClient(echo, headers={"X-A": "1"}, auth=("ada", "secret"))
    client.headers["X-B"] = "2"
    headers = dict((await client.aget("/")).json()["headers"])
    assert headers["x-a"] == "1"
    assert headers["x-b"] == "2"
    assert headers["authorization"].startswith("Basic ")
    client.close()


async def test_awaited_redirects():
    async def app(scope, receive, send):
        status = 307 if scope["path"] == "/old" else 200
        headers = [(b"location", b"/new")] if status == 307 else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": scope["method"].encode()})

    async with TestClient(app, follow_redirects=True) as client:
        answer = await client.apost("/old", content=b"x")
        assert (answer.status_code, answer.text) == (200, "POST")
        assert (await client.aget("/old", follow_redirects=False)).status_code == 307


async def test_a_cancelled_request_cancels_the_app():
    started, cancelled = threading.Event(), threading.Event()

    async def app(scope, receive, send):
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    client = TestClient(app)
    task = asyncio.create_task(client.aget("/"))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(cancelled.wait, 5)
    client.close()


def test_an_app_that_calls_its_own_client_is_told():
    async def app(scope, receive, send):
        client.get("/again")

    client = TestClient(app)
    with pytest.raises(RuntimeError, match="event loop that runs its app"):
        client.get("/")
    client.close()


def test_an_async_body_needs_an_awaited_request(echo):
    async def body():
        yield b""

    client = TestClient(echo)
    with pytest.raises(RuntimeError):
        client.post("/", content=body())
    client.close()


def test_awaiting_on_another_kind_of_loop_is_explained(echo):
    async def open_a_websocket():
        async with client.awebsocket_connect("/"):
            pass

    with TestClient(echo) as client:
        for coroutine in (client.aget("/"), open_a_websocket()):
            with pytest.raises(RuntimeError, match="need a test that runs on asyncio"):
                coroutine.send(None)  # as trio would
