"""AUTH-2, SEC-3: logins in sessions on the server: logging out ends them everywhere at once."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flasgo import Flasgo, Request
from flasgo_auth import AuthPlugin, User, login, logout, session_backend
from flasgo_security import SecurityPlugin
from flasgo_testing import TestClient, TestingPlugin

pytest.importorskip("redis")

KEY = "0123456789abcdef" * 4
START_SECONDS = 20.0


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server of the test's own, ended by its process id."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    folder: Path = tmp_path_factory.mktemp("redis")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([command, *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, "redis-server did not start"
            assert time.monotonic() < deadline, "redis-server did not listen"
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)


@pytest.fixture
def app(redis_url: str) -> Flasgo:
    app = Flasgo(
        settings={
            "SECRET_KEY": KEY,
            "SESSION_STORE_URI": redis_url,
            "SESSION_COOKIE_SECURE": False,
            "CSRF_COOKIE_SECURE": False,
        },
        plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
        discover=False,
    )
    app.register_auth_backend(
        "session", session_backend(lambda user_id: User(id=user_id), blocking=False)
    )

    @app.post("/in/<name>")
    def log_in(request: Request, name: str):
        login(request, User(id=name))
        return ""

    @app.post("/out")
    def log_out(request: Request):
        logout(request)
        return ""

    @app.post("/basket")
    def fill(request: Request):
        request.session["basket"] = ["apple"]
        return ""

    @app.get("/me")
    @app.authorize()
    def me(request: Request):
        return {"id": request.user.id, "keys": sorted(request.session)}

    return app


def status_with(client: TestClient, session: str) -> int:
    """The status of a request by somebody who has this session cookie and no other."""
    kept = client.cookies.get("session")
    client.cookies.clear()
    status = client.get("/me", headers={"cookie": f"session={session}"}).status_code
    client.cookies.clear()
    if kept is not None:
        client.cookies.set("session", kept)
    return status


def test_a_stolen_cookie_dies_with_the_logout(app):
    with app.test_client() as client:
        client.post("/in/alice")
        stolen = client.cookies["session"]
        assert status_with(client, stolen) == 200
        client.post("/out")
        assert client.get("/me").status_code == 401
        assert status_with(client, stolen) == 401


def test_a_login_ends_the_session_of_before(app):
    with app.test_client() as client:
        client.post("/basket")
        before = client.cookies["session"]
        client.post("/in/alice")
        assert client.cookies["session"] != before
        assert client.get("/me").json() == {"id": "alice", "keys": ["_auth", "basket"]}
        # Whoever planted the session has no part in the login.
        assert status_with(client, before) == 401
        assert client.get("/me").status_code == 200


def test_another_user_starts_empty(app):
    with app.test_client() as client:
        client.post("/in/alice")
        client.post("/basket")
        alices = client.cookies["session"]
        client.post("/in/bob")
        assert client.get("/me").json() == {"id": "bob", "keys": ["_auth"]}
        assert status_with(client, alices) == 401
