"""TEST-1: `session_transaction()` with sessions that are kept in Redis."""

import shutil
import socket
import subprocess
import time
from typing import cast

import pytest
from flasgo import Flasgo, Request


@pytest.fixture(scope="module")
def redis_uri(tmp_path_factory):
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(
        [server, *options],
        cwd=tmp_path_factory.mktemp("redis"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def test_a_session_in_redis_is_read_and_changed(redis_uri):
    pytest.importorskip("redis")
    settings = {
        "SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824",
        "SESSION_STORE_URI": redis_uri,
    }
    app = Flasgo(settings=settings)

    @app.post("/visits")
    async def visit(request: Request):
        request.session["visits"] = cast("int", request.session.get("visits", 0)) + 1
        return {"visits": request.session["visits"]}

    with app.test_client() as client:
        with client.session_transaction() as session:
            session["visits"] = 41
        assert client.post("/visits").json() == {"visits": 42}
        with client.session_transaction() as session:
            assert session["visits"] == 42
            session.clear()
        assert client.post("/visits").json() == {"visits": 1}
