"""STA-1: files that are larger than memory should be."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE_SECONDS = 120
MIB = 1024 * 1024
GIB = 1024 * MIB

SOURCE = """
from flasgo import FileResponse, Flasgo

app = Flasgo(static_folder="public")


@app.get("/download")
async def download():
    return FileResponse("public/big.bin")
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="looks into /proc for the memory of a process"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    (folder / "public").mkdir()
    (folder / "app.py").write_text(SOURCE)
    with (folder / "public" / "big.bin").open("wb") as file:
        file.truncate(GIB)  # sparse: it takes no room on the disk
        file.seek(GIB - 3)
        file.write(b"end")
    with socket.socket() as listener:
        # Connections wait here until the server is up.
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app:app", "--fd", str(listener.fileno())],
            cwd=folder,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = listener.getsockname()[1]
    try:
        yield process, port
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait(PATIENCE_SECONDS)


def status_kib(process, field):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise LookupError(field)


def download(port, path, headers=""):
    """Ask for a file; return the head of the answer, the length of the body and its end."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        connection.sendall(request.encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        length, end = len(body), body[-16:]
        buffer = bytearray(MIB)
        while count := connection.recv_into(buffer):
            length += count
            end = (end + bytes(buffer[max(0, count - 16) : count]))[-16:]
    return head.decode(), length, end


@pytest.mark.parametrize("path", ["/static/big.bin", "/download"])
def test_memory_stays_flat(server, path):
    process, port = server
    download(port, path, "Range: bytes=0-9999999\r\n")  # imports and threads are there now
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    before = status_kib(process, "VmRSS")
    head, length, end = download(port, path)
    grown = status_kib(process, "VmHWM") - before
    assert head.startswith("HTTP/1.1 200 ")
    assert f"content-length: {GIB}" in head
    assert (length, end[-3:]) == (GIB, b"end")
    assert grown * 1024 < 8 * MIB, f"{grown} KiB"


def test_the_end_of_a_large_file_is_near(server):
    head, length, end = download(server[1], "/static/big.bin", "Range: bytes=-3\r\n")
    assert head.startswith("HTTP/1.1 206 ")
    assert (length, end) == (3, b"end")
    assert f"content-range: bytes {GIB - 3}-{GIB - 1}/{GIB}" in head


def test_a_client_that_leaves_ends_the_reading(server):
    process, port = server
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
            connection.sendall(b"GET /static/big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(65536)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _open_files(process):
        assert time.monotonic() < deadline, _open_files(process)
        time.sleep(0.02)


def _open_files(process):
    found = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [target for target in found if target.endswith("big.bin")]
