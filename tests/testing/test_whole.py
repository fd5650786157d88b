"""TEST-1: everything at once against one app: plain, in a loop, under each pytest plugin."""

import asyncio
import os
import subprocess
import sys
from typing import cast

import pytest
from flasgo import Flasgo, HasScope, Request, StreamingResponse, User, WebSocket, redirect

SETTINGS = {"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"}


@pytest.fixture
def app():
    made = Flasgo(settings=SETTINGS)
    made.state.log = []

    @made.lifespan
    async def shop():
        made.state.log.append("open")
        yield
        made.state.log.append("closed")

    @made.post("/cart")
    async def add(request: Request):
        form = await request.form()
        cart = cast("list[object]", request.session.get("cart", []))
        request.session["cart"] = [*cart, form.get("item")]
        return redirect("/cart", 303)

    @made.get("/cart")
    async def cart(request: Request):
        return {"cart": request.session.get("cart", [])}

    @made.post("/upload")
    async def upload(request: Request):
        file = (await request.form()).file("doc")
        assert file is not None
        return {"name": file.filename, "text": (await file.read()).decode()}

    @made.get("/export")
    async def export():
        async def rows():
            for number in range(3):
                yield f"{number}\n"
                await asyncio.sleep(0)

        return StreamingResponse(rows(), content_type="text/csv")

    @made.delete("/cart")
    @made.authorize(HasScope("shop"))
    async def empty(request: Request):
        request.session.clear()

    @made.websocket("/chat")
    async def chat(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_json({"cart": websocket.session.get("cart")})

    return made


def test_one_visit(app):
    with app.test_client(follow_redirects=True) as client:
        assert app.state.log == ["open"]
        answer = client.post("/cart", data={"item": "tea"})
        assert answer.json() == {"cart": ["tea"]}
        assert [step.status_code for step in answer.history] == [303]
        with client.session_transaction() as session:
            session["cart"].append("milk")
        assert client.get("/cart").json() == {"cart": ["tea", "milk"]}
        answer = client.post("/upload", files={"doc": ("a.txt", b"hello", "text/plain")})
        assert answer.json() == {"name": "a.txt", "text": "hello"}
        with client.stream("GET", "/export") as answer:
            assert list(answer.iter_lines()) == ["0", "1", "2"]
        with client.websocket_connect("/chat") as websocket:
            assert websocket.receive_json() == {"cart": ["tea", "milk"]}
        assert client.delete("/cart").status_code == 401
        client.login(User(id=1, scopes=frozenset({"shop"})))
        assert client.delete("/cart").status_code == 204
        assert client.get("/cart").json() == {"cart": []}
    assert app.state.log == ["open", "closed"]


async def test_the_same_visit_awaited(app):
    async with app.test_client(follow_redirects=True) as client:
        answer = await client.apost("/cart", data={"item": "tea"})
        assert answer.json() == {"cart": ["tea"]}
        async with client.asession_transaction() as session:
            session["cart"].append("milk")
        assert (await client.aget("/cart")).json() == {"cart": ["tea", "milk"]}
        answer = await client.apost("/upload", files={"doc": ("a.txt", b"hello", "text/plain")})
        assert answer.json() == {"name": "a.txt", "text": "hello"}
        async with client.astream("GET", "/export") as answer:
            assert [line async for line in answer.aiter_lines()] == ["0", "1", "2"]
        async with client.awebsocket_connect("/chat") as websocket:
            assert await websocket.receive_json() == {"cart": ["tea", "milk"]}
        client.login(User(id=1, scopes=frozenset({"shop"})))
        assert (await client.adelete("/cart")).status_code == 204
    assert app.state.log == ["open", "closed"]


def test_a_visit_inside_of_a_loop_that_the_test_runs(app):
    async def main():
        async with app.test_client() as client:
            plain = client.get("/cart")
            awaited = await client.arequest("GET", "/cart")
            return plain.json() == awaited.json() == {"cart": []}

    assert asyncio.run(main())


TESTS = """
from flasgo import Flasgo
import pytest

app = Flasgo(settings={{"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"}})

@app.get("/<int:number>")
async def show(number: int):
    return {{"number": number}}

@app.websocket("/ws")
async def ws(websocket):
    await websocket.accept()
    await websocket.send_text("hi")

@pytest.fixture
def flasgo_app():
    return app

{marker}
async def test_arequest(client):
    assert (await client.arequest("GET", "/3")).json() == {{"number": 3}}
    assert client.get("/4").json() == {{"number": 4}}

{marker}
async def test_websocket(client):
    async with client.awebsocket_connect("/ws") as websocket:
        assert await websocket.receive_text() == "hi"
"""


@pytest.mark.parametrize(
    ("marker", "options"),
    [
        ("@pytest.mark.asyncio", ["-p", "no:anyio"]),
        ("@pytest.mark.anyio", ["-p", "no:asyncio"]),
        ("", ["-p", "no:anyio", "-o", "asyncio_mode=auto"]),
    ],
    ids=["pytest-asyncio", "anyio", "pytest-asyncio-auto"],
)
def test_each_async_plugin_of_pytest(tmp_path, marker, options):
    (tmp_path / "test_app.py").write_text(TESTS.format(marker=marker))
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
        if "no:asyncio" not in options
        else "[pytest]\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    environment = {key: value for key, value in os.environ.items() if key != "FLASGO_APP"}
    done = subprocess.run(
        [*command, *options],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
