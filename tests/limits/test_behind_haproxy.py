"""SEC-18 through HAProxy, which removes headers that the app believes, and passes trailers on."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Server, free_port, get_server, head, stop_server

HAPROXY = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")
pytestmark = pytest.mark.skipif(
    HAPROXY is None, reason="haproxy is not installed: apt-get install haproxy"
)

CONFIGURATION = """
defaults
    mode http
    timeout connect 10s
    timeout client 10s
    timeout server 10s
frontend in
    bind 127.0.0.1:{port}
    http-request del-header X-Forwarded-For
    http-request del-header X-Remote-User
    default_backend app
backend app
    http-reuse always
    server app 127.0.0.1:{app_port}
"""


@pytest.fixture(params=["proxied", "proxied-h11"])
def haproxy(
    request: pytest.FixtureRequest,
    servers: dict[str, Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """HAProxy in front of `flasgo run`."""
    app = get_server(servers, request.param, tmp_path_factory)
    folder: Path = tmp_path_factory.mktemp("haproxy")
    port, log = free_port(), folder / "log"
    (folder / "cfg").write_text(CONFIGURATION.format(port=port, app_port=app.port))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(HAPROXY), "-db", "-f", str(folder / "cfg")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    proxy = Server("haproxy", port, process, log)
    try:
        for _ in range(200):
            try:
                proxy.connect().socket.close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield proxy
    finally:
        stop_server(proxy)


def request(client: int) -> bytes:
    name = f"203.0.113.{client}"
    return (
        head("POST", "/quota", "transfer-encoding: chunked", f"X-Forwarded-For: {name}")
        + b"3\r\nabc\r\n0\r\n"
        + f"X-Forwarded-For: {name}\r\nX-Remote-User: admin\r\n\r\n".encode()
    )


def test_trailers_do_not_pass_a_quota(haproxy: Server) -> None:
    statuses = []
    for client in range(10):
        with haproxy.connect() as wire:
            wire.send(request(client))
            answer = wire.answer()
        statuses.append(answer.status)
        if answer.status == 200:
            assert json.loads(answer.body) == {"client": "127.0.0.1", "user": None}
    assert statuses == [200] * 3 + [429] * 7


def test_one_client_does_not_end_the_connections_of_others(haproxy: Server) -> None:
    """What is refused by the app does not leave an answer behind for the next request."""
    for _ in range(20):
        with haproxy.connect() as wire:
            fields = b"x-more: %s\r\n" % (b"v" * 1000) * 100
            wire.send(head("POST", "/read", "transfer-encoding: chunked"))
            wire.send(b"3\r\nabc\r\n0\r\n" + fields + b"\r\n")
            assert wire.answer().status in (400, 413, 431, 502)
        with haproxy.connect() as wire:
            wire.send(head("GET", "/"))
            assert wire.answer().body == b"hello"
