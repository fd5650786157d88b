"""CLI-1: serving over real sockets: targets, workers, reload, limits, shutdown, errors."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flasgo.kernel.log_lines import UnclaimedHandler
from flasgo.serving.runner import ServingError, _is_public, run

Write = Callable[[str, str], Path]
# What the fixtures of conftest.py give; test folders are no packages to import from.
Server = Any
Serve = Callable[..., Any]
Flasgo = Callable[..., "subprocess.CompletedProcess[str]"]

PATIENCE_SECONDS = 60

APP = """
import os
from flasgo import Flasgo, Request

app = Flasgo({name!r}, settings={settings!r})

@app.get("/")
async def home():
    return "{answer}"

@app.get("/pid")
async def pid():
    return str(os.getpid())

@app.get("/client")
async def client(request: Request):
    return [request.client_ip, request.scheme]
"""


def source(answer: str = "hello", **settings: object) -> str:
    return APP.format(name="site", answer=answer, settings=settings)


# --- targets ----------------------------------------------------------------------------------


def test_run_serves_a_file(serve: Serve, write: Write) -> None:
    write("app.py", source())
    server = serve("app.py")
    response = server.get()
    assert (response.status_code, response.text) == (200, "hello")
    assert "server" not in response.headers
    assert "plugins: auth, security, static, templates, testing" in server.log()
    assert "debug off" in server.log()
    assert '"GET / HTTP/1.1" 200' in server.log()
    assert server.stop() == 0
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("target", ["shop/web.py", "shop.web:app", "shop.web:create_app()"])
def test_run_serves_a_package(serve: Serve, write: Write, target: str) -> None:
    write("shop/__init__.py", "")
    write("shop/web.py", source("packaged") + "\ndef create_app():\n    return app\n")
    assert serve(target).get().text == "packaged"


def test_run_finds_the_configured_app(serve: Serve, write: Write) -> None:
    write("pyproject.toml", '[tool.flasgo]\napp = "site.py:app"\n')
    write("site.py", source("configured"))
    assert serve().get().text == "configured"


def test_the_client_is_the_peer_whatever_the_headers_say(serve: Serve, write: Write) -> None:
    write("app.py", source())
    forwarded = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    assert serve().get("/client", headers=forwarded).json() == ["127.0.0.1", "http"]


def test_plugins_can_be_disabled(serve: Serve, write: Write) -> None:
    write("app.py", source())
    server = serve(
        "app.py",
        "--disable-plugin",
        "static",
        "--disable-plugin",
        "testing",
        FLASGO_DISABLE_PLUGINS="auth",
    )
    assert server.get().text == "hello"
    assert "plugins: security, templates." in server.log()


def test_localhost_is_served(serve: Serve, write: Write) -> None:
    write("app.py", source())
    assert serve("app.py", "--host", "localhost").get().text == "hello"


# --- errors -----------------------------------------------------------------------------------


def test_a_port_in_use_is_one_line(flasgo: Flasgo, write: Write) -> None:
    write("app.py", source())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = flasgo("run", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: Cannot listen on 127.0.0.1:{port}: the port is in use. Stop the other program, "
        f"or take another port, such as {port + 1}.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "no-such-host.invalid"), "there is no such host"),
        (("--host", "a..b"), "there is no such host"),
        (("--host", "192.0.2.1"), "this machine does not have that address"),
        (("--port", "70000"), "ports go from 0"),
        (("--port", "-1"), "ports go from 0"),
        (("--workers", "0"), "at least 1"),
        (("--workers", "2", "--reload"), "do not go together"),
        # An environment variable that is not set must not open the server to every network.
        (("--host", ""), "The host is empty"),
        (("--grace", "-1"), "0 or more"),
        (("--reload-dir", "."), "with reload only"),
        (("--reload", "--reload-dir", "nowhere"), "there is no such folder"),
        (("nothing.py",), "there is no file"),
        (("app:nothing",), "Its apps are: app."),
    ],
)
def test_bad_arguments_are_one_line(
    flasgo: Flasgo, write: Write, arguments: tuple[str, ...], said: str
) -> None:
    write("app.py", source())
    done = flasgo("run", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_an_app(flasgo: Flasgo) -> None:
    done = flasgo("run")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No app was named.")


@pytest.mark.parametrize("more", [(), ("--workers", "2")])
def test_an_error_in_the_module_shows_the_users_traceback(
    flasgo: Flasgo, write: Write, tmp_path: Path, more: tuple[str, ...]
) -> None:
    write("app.py", "import helper\n")
    write("helper.py", "import no_such_module_w\n")
    done = flasgo("run", *more)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].strip().startswith(f'File "{tmp_path / "app.py"}", line 1')
    assert lines[-1] == "ModuleNotFoundError: No module named 'no_such_module_w'"


@pytest.mark.parametrize("more", [(), ("--workers", "2")])
def test_an_app_that_does_not_start(flasgo: Flasgo, write: Write, more: tuple[str, ...]) -> None:
    write(
        "app.py",
        """
        from flasgo import Flasgo, hookimpl

        class Broken:
            @hookimpl
            def app_startup(self, app):
                raise RuntimeError("no database")

        app = Flasgo(plugins=[Broken])
        """.replace("\n        ", "\n"),
    )
    done = flasgo("run", "--port", "0", *more)
    assert done.returncode == 1
    assert "no database" in done.stderr
    assert "Flasgo serves" not in done.stderr or more


@pytest.mark.parametrize(
    "arguments",
    [
        {"port": -1},
        {"workers": 0},
        {"reload": True, "workers": 2},
        {"log_level": "loud"},
        {"graceful_seconds": -1},
        {"reload_dirs": ["."]},
        {"host": ""},
    ],
)
def test_run_refuses_what_does_not_fit(arguments: dict[str, Any]) -> None:
    with pytest.raises(ServingError):
        run("app.py", **arguments)


def test_without_uvicorn_the_remedy_is_named(write: Write, tmp_path: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from flasgo import Flasgo; Flasgo().run()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert "pip install 'flasgo-core[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_on_a_public_address_is_loud() -> None:
    assert _is_public(["127.0.0.1", "0.0.0.0"])
    assert _is_public(["::"])
    assert not _is_public(["127.0.0.1", "127.0.0.2", "::1"])


def test_our_log_handler_stands_back_for_the_applications_own() -> None:
    # pytest's own handlers are on the root logger here.
    import io
    import logging

    stream = io.StringIO()
    record = logging.LogRecord("flasgo.x", logging.INFO, "f", 1, "told", None, None)
    UnclaimedHandler(stream).handle(record)
    handlers, logging.root.handlers = logging.root.handlers, []
    try:
        UnclaimedHandler(stream).handle(record)
    finally:
        logging.root.handlers = handlers
    assert stream.getvalue() == "told\n"


# --- workers and shutdown ---------------------------------------------------------------------


def test_workers(serve: Serve, write: Write) -> None:
    write("app.py", source())
    server = serve("app.py", "--workers", "2")
    server.wait_for("(Application startup complete)", times=2)
    assert "2 workers; debug off" in server.log()
    workers = {int(server.get("/pid").text)}
    assert server.process.pid not in workers
    assert server.stop(signal.SIGTERM) == 0
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_finished(
    serve: Serve, write: Write, tmp_path: Path, how: signal.Signals
) -> None:
    write(
        "app.py",
        source()
        + textwrap.dedent(
            """
            import asyncio, pathlib

            @app.get("/slow")
            async def slow():
                pathlib.Path("begun").touch()
                while not pathlib.Path("end").exists():
                    await asyncio.sleep(0.02)
                return "finished"
            """
        ),
    )
    server = serve("app.py")
    answers: list[httpx2.Response] = []
    url = server.url
    asking = threading.Thread(
        target=lambda: answers.append(httpx2.get(f"{url}/slow", timeout=PATIENCE_SECONDS))
    )
    asking.start()
    wait_for_file(tmp_path / "begun", server)
    server.process.send_signal(how)
    server.wait_for("(Shutting down)")
    (tmp_path / "end").touch()
    asking.join(PATIENCE_SECONDS)
    assert [answer.text for answer in answers] == ["finished"]
    assert server.process.wait(PATIENCE_SECONDS) in {0, -how}


def test_a_grace_that_is_over_ends_what_is_under_way(serve: Serve, write: Write) -> None:
    write(
        "app.py",
        source()
        + textwrap.dedent(
            """
            import asyncio

            @app.get("/stuck")
            async def stuck():
                print("stuck", flush=True)
                await asyncio.Event().wait()
            """
        ),
    )
    server = serve("app.py", "--grace", "0")
    with connect(server) as connection:
        connection.sendall(b"GET /stuck HTTP/1.1\r\nhost: localhost\r\n\r\n")
        server.wait_for("(stuck)")
        server.process.send_signal(signal.SIGTERM)
        assert connection.recv(4096).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert server.process.wait(PATIENCE_SECONDS) in {0, -signal.SIGTERM}
    assert "timeout graceful shutdown exceeded" in server.log()
    assert "GET /stuck was cut" in server.log()
    assert "Traceback" not in server.log()


EVENTS = """
import asyncio, pathlib
from flasgo import EventSourceResponse, StreamingResponse

async def ticks():
    try:
        yield "first"
        await asyncio.Event().wait()
    finally:
        pathlib.Path("producer closed").touch()

@app.get("/events")
async def events():
    return EventSourceResponse(ticks())

@app.get("/silent")
async def silent():
    return EventSourceResponse(ticks(), heartbeat=None)

async def rows():
    yield "1,"
    while not pathlib.Path("end").exists():
        await asyncio.sleep(0.02)
    yield "2"

@app.get("/rows")
async def all_rows():
    return StreamingResponse(rows())

inner = Flasgo("inner", settings={"SECRET_KEY": "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"})
inner.add_route("/events", events)
app.mount("/inner", inner)
"""


@pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--reload",)])
def test_open_event_streams_do_not_delay_the_stop(
    serve: Serve, write: Write, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """They are ended as if the producer had ended them; nobody has to be cancelled."""
    write("app.py", source() + EVENTS)
    server = serve("app.py", *more)
    server.wait_for("(Application startup complete)", times=2 if "2" in more else 1)
    with ExitStack() as stack:
        client = stack.enter_context(httpx2.Client(timeout=PATIENCE_SECONDS, trust_env=False))
        streams = [
            stack.enter_context(client.stream("GET", server.url + path)).iter_bytes()
            for path in ("/events", "/silent", "/inner/events")
        ]
        assert [next(stream) for stream in streams] == [b"data: first\n\n"] * 3
        server.process.send_signal(signal.SIGTERM)
        # A body that is cut off raises here.
        assert [list(stream) for stream in streams] == [[], [], []]
    assert server.process.wait(PATIENCE_SECONDS) in {0, -signal.SIGTERM}
    assert "Cancel " not in server.log()
    assert "Traceback" not in server.log()
    assert (tmp_path / "producer closed").exists()


def test_other_streams_may_finish(serve: Serve, write: Write, tmp_path: Path) -> None:
    write("app.py", source() + EVENTS)
    server = serve("app.py")
    with httpx2.stream("GET", f"{server.url}/rows", timeout=PATIENCE_SECONDS) as answer:
        stream = answer.iter_bytes()
        assert next(stream) == b"1,"
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("(Shutting down)")
        (tmp_path / "end").touch()
        assert b"".join(stream) == b"2"


def wait_for_file(path: Path, server: Server) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)


# --- reload -----------------------------------------------------------------------------------


def test_reload_of_a_file_target(serve: Serve, write: Write) -> None:
    write("examples/quickstart/app.py", source("one"))
    server = serve("examples/quickstart/app.py", "--reload")
    server.wait_until_answer("one")
    write("examples/quickstart/app.py", source("two"))
    server.wait_until_answer("two")
    # A mistake is shown, and its correction is all it takes to go on.
    write("examples/quickstart/app.py", source("three") + "\n1 / 0\n")
    server.wait_for("(Waiting for a change)")
    assert "ZeroDivisionError" in server.log()
    write("examples/quickstart/app.py", source("four"))
    server.wait_until_answer("four")
    assert server.stop() == 0


def test_reload_starts_with_a_broken_app(serve: Serve, write: Write, tmp_path: Path) -> None:
    write("app.py", "from flasgo import Flasgo\napp = Flsgo()\n")
    server = serve("app.py", "--reload")
    server.wait_for("(Waiting for a change)")
    traceback = server.log().partition("Traceback")[2]
    assert traceback.splitlines()[1].strip().startswith(f'File "{tmp_path / "app.py"}", line 2')
    write("app.py", source("mended"))
    server.wait_until_answer("mended")


@pytest.mark.parametrize("name", ["templates/home.html", "templates/mail.jinja2", ".env"])
def test_reload_watches_templates_and_dotenv(serve: Serve, write: Write, name: str) -> None:
    write("app.py", source())
    write("templates/other.txt", "")
    write(name, "")
    server = serve("app.py", "--reload")
    first = server.get("/pid").text
    write(name, "# changed")
    server.wait_for("(Flasgo serves)", times=2)
    assert server.get("/pid").text != first


def test_reload_of_dotted_targets_and_their_settings(serve: Serve, write: Write) -> None:
    write("src/shop/__init__.py", "")
    write("src/shop/web.py", source())
    write("pyproject.toml", '[tool.flasgo]\napp = "src/shop/web.py"\n')
    write(".env", "FLASGO_SYNC_WORKERS=3\n")
    server = serve("--reload", "--disable-plugin", "auth")
    assert server.get().text == "hello"
    assert "plugins: security, static, templates, testing." in server.log()
    write("src/shop/web.py", source("again"))
    server.wait_until_answer("again")


def test_a_wrong_target_does_not_wait_for_changes(flasgo: Flasgo) -> None:
    done = flasgo("run", "nothing.py", "--reload")
    assert done.returncode == 1
    assert "there is no file" in done.stderr


SCRIPT = """
if __name__ == "__main__":
    site.run(port=0, reload=True)
"""


def test_app_run_with_reload(serve: Serve, write: Write) -> None:
    def script(answer: str) -> str:
        return source(answer).replace("app", "site") + SCRIPT + "print('once per process')\n"

    write("my_script.py", script("one"))
    server = serve(python=("my_script.py",))
    server.wait_until_answer("one")
    # The parent and one child, which does not import the script a second time.
    assert server.log().count("once per process") <= 2
    write("my_script.py", script("two"))
    server.wait_until_answer("two")
    assert server.stop() == 0


def test_app_run_as_a_module(serve: Serve, write: Write) -> None:
    write("shop/__init__.py", "")
    write("shop/web.py", source("module").replace("app", "site") + SCRIPT)
    server = serve(python=("-m", "shop.web"))
    server.wait_until_answer("module")
    write("shop/web.py", source("changed").replace("app", "site") + SCRIPT)
    server.wait_until_answer("changed")


def test_app_run_of_an_app_from_elsewhere(serve: Serve, write: Write) -> None:
    write("web.py", source("imported"))
    write(
        "start.py", "import web\nif __name__ == '__main__':\n    web.app.run(port=0, reload=True)"
    )
    server = serve(python=("start.py",))
    server.wait_until_answer("imported")


def test_app_run_without_reload(serve: Serve, write: Write) -> None:
    write("start.py", source("plain") + "\napp.run(port=0)\n")
    server = serve(python=("start.py",))
    assert server.get().text == "plain"
    assert server.stop() == 0


def test_app_run_with_reload_of_an_app_without_a_name(write: Write, tmp_path: Path) -> None:
    write("start.py", "from flasgo import Flasgo\nFlasgo().run(port=0, reload=True)\n")
    done = subprocess.run(
        [sys.executable, "start.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "no module-level variable holds it" in done.stderr


# --- the guarded head -------------------------------------------------------------------------


IMPATIENT = (
    "import asyncio\n"
    + source(REQUEST_READ_TIMEOUT_SECONDS=1.0, MAX_REQUEST_HEAD_BYTES=4096)
    + """
@app.websocket("/ws")
async def ws(websocket):
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message.upper())

@app.websocket("/long", max_message_bytes=3 * 1024 * 1024)
async def long(websocket):
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(str(len(message)))

@app.get("/slow")
async def slow():
    await asyncio.sleep(1.5)
    return "slow"

@app.post("/early")
async def early():
    return "early"

@app.post("/read")
async def read(request: Request):
    return str(len(await request.body()))
"""
)


@pytest.fixture(scope="module")
def impatient(serve_source: Callable[..., Server]) -> Server:
    """A server that waits one second for a request and takes heads of 4 KiB."""
    return serve_source(IMPATIENT, "app.py", "--no-access-log")


@pytest.fixture(scope="module", params=["httptools", "h11"])
def either_parser(request: pytest.FixtureRequest, serve_source: Callable[..., Server]) -> Server:
    """The same with either of uvicorn's parsers."""
    other = "import sys; sys.modules['httptools'] = None; "
    code = "from flasgo.serving.runner import run; run('app.py', port=0)"
    return serve_source(
        IMPATIENT, python=("-c", code if request.param == "httptools" else other + code)
    )


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            return received
        if not chunk:
            return received
        received += chunk


def connect(server: Server) -> socket.socket:
    return socket.create_connection(server.address, timeout=PATIENCE_SECONDS)


def test_a_silent_connection_is_closed(either_parser: Server) -> None:
    with connect(either_parser) as connection:
        assert until_closed(connection) == b""


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ", b"\r\n"])
def test_a_slow_head_is_cut(either_parser: Server, begun: bytes) -> None:
    with connect(either_parser) as connection:
        connection.sendall(begun)
        # h11 refuses a blank line at once.
        assert until_closed(connection).startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))


def test_a_dripping_head_is_cut(either_parser: Server) -> None:
    with connect(either_parser) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        connection.settimeout(0.1)
        received = b""
        for number in range(PATIENCE_SECONDS * 10):
            try:
                received += connection.recv(65536)
                break
            except TimeoutError:
                connection.sendall(b"x-%d: 1\r\n" % number)
    assert received.startswith(b"HTTP/1.1 408 ")


def test_a_slow_second_head_is_cut(either_parser: Server) -> None:
    with connect(either_parser) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        received = b""
        while not received.endswith(b"hello"):
            received += connection.recv(65536)
        connection.sendall(b"GET / HTTP/1.1\r\nx-slow: ")
        answer = until_closed(connection)
    # With h11 it cannot be told from the rest of a body, and nothing is said.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_an_endless_head_is_refused(impatient: Server) -> None:
    """However much follows: what is thrown away is bounded."""
    with connect(impatient) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            connection.sendall(b"x-more: 1\r\n" * 4 * 1024 * 1024)
    assert impatient.get().text == "hello"


def test_a_client_that_sends_a_huge_head_first_gets_its_answer(impatient: Server) -> None:
    """`sendall` fails where the connection is closed while more is on its way."""
    with connect(impatient) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-large: ")
        connection.sendall(b"x" * 8 * 1024 * 1024 + b"\r\n\r\n")
        answer = until_closed(connection)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert answer.endswith(b"content-length: 0\r\n\r\n")


def test_a_refused_client_that_stays_is_cut(impatient: Server) -> None:
    with connect(impatient) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        connection.sendall(b"x-large: " + b"x" * 100_000)
        assert until_closed(connection).startswith(b"HTTP/1.1 431 ")
        # Its own end is closed as well, sooner or later.
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            drip(connection)


def drip(connection: socket.socket) -> None:
    for _ in range(PATIENCE_SECONDS * 100):
        connection.sendall(b"x")
        time.sleep(0.01)


def test_a_large_head_in_small_pieces_is_refused(impatient: Server) -> None:
    with connect(impatient) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        for _ in range(5):
            connection.sendall(b"x-more: " + b"x" * 1000 + b"\r\n")
            time.sleep(0.01)
        assert until_closed(connection).startswith(b"HTTP/1.1 431 ")


def test_heads_in_pieces_keep_alive_and_pipelines_work(either_parser: Server) -> None:
    request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
    with connect(either_parser) as connection:
        for part in (request[:10], request[10:25], request[25:] + request[:7], request[7:]):
            connection.sendall(part)
            time.sleep(0.05)
        connection.sendall(request * 3)
        received = b""
        while received.count(b"hello") < 5:
            received += connection.recv(65536)
    assert received.count(b"HTTP/1.1 200 ") == 5


def test_a_long_answer_outlives_the_head_timeout(impatient: Server) -> None:
    assert impatient.get("/slow").text == "slow"


def test_a_websocket_outlives_the_head_timeout(impatient: Server) -> None:
    from websockets.sync.client import connect as connect_websocket

    host, port = impatient.address
    with connect_websocket(f"ws://{host}:{port}/ws", origin=None) as websocket:
        time.sleep(1.5)
        websocket.send("still here")
        assert websocket.recv(timeout=PATIENCE_SECONDS) == "STILL HERE"


LONGEST = 3 * 1024 * 1024


def test_a_long_websocket_message_is_refused_before_it_is_there(impatient: Server) -> None:
    """The head of its frame is enough: nobody waits for what no route takes, or keeps it."""
    with connect(impatient) as connection:
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n"
            b"connection: upgrade\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 101 ")
        connection.sendall(b"\x81\xff" + (LONGEST + 1).to_bytes(8, "big") + b"mask")
        frame = connection.recv(65536)
        assert (frame[:1], int.from_bytes(frame[2:4], "big")) == (b"\x88", 1009)


def test_a_route_may_take_longer_websocket_messages(impatient: Server) -> None:
    from websockets.sync.client import connect as connect_websocket

    host, port = impatient.address
    with connect_websocket(f"ws://{host}:{port}/long", origin=None) as websocket:
        websocket.send("x" * LONGEST)
        assert websocket.recv(timeout=PATIENCE_SECONDS) == str(LONGEST)


def test_a_slow_body_is_cut(impatient: Server) -> None:
    with connect(impatient) as connection:
        connection.sendall(
            b"POST /read HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\n"
            b"content-length: 10\r\n\r\nabc"
        )
        assert until_closed(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_nobody_reads_does_not_hold_the_connection(either_parser: Server) -> None:
    with connect(either_parser) as connection:
        connection.sendall(
            b"POST /early HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\n"
            b"content-length: 1000000\r\n\r\nabc"
        )
        assert b"HTTP/1.1 200 " in connection.recv(65536)
        connection.settimeout(0.1)
        for _ in range(PATIENCE_SECONDS * 10):
            try:
                if not connection.recv(65536):
                    break
            except TimeoutError:
                connection.sendall(b"x")
            except ConnectionError:
                break
        else:
            pytest.fail("the connection is still open")
