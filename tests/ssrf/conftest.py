"""Guards with a resolver of their own, and a server that tells who connected to it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from flasgo_security import SSRFConfig, SSRFGuard

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946"


@dataclass
class Names:
    """A resolver that answers from a table, and remembers what it was asked.

    A name with several lists of answers gives one after the other: that is DNS rebinding.
    """

    table: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def add(self, name: str, *answers: Sequence[str]) -> None:
        self.table[name] = [list(answer) for answer in answers]

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        self.threads.add(threading.current_thread().name)
        answers = self.table.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]


MakeGuard = Callable[..., SSRFGuard]


@pytest.fixture
def names() -> Names:
    found = Names()
    found.add("example.com", [PUBLIC])
    return found


@pytest.fixture
def make_guard(names: Names) -> MakeGuard:
    """Make a guard that resolves with `names`; the configuration as keywords."""

    def make(**options: object) -> SSRFGuard:
        return SSRFGuard(SSRFConfig(**options), resolver=names)  # ty: ignore[invalid-argument-type]

    return make


class Listener:
    """A tiny HTTP server on one loopback address that counts the connections to it."""

    def __init__(self, address: str, port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._socket.listen()
        self.address = address
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self.heads: list[str] = []
        self.answers: dict[str, str] = {}
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def redirect(self, path: str, location: str) -> None:
        self.answers[path] = location

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            while True:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    head += piece
                self.heads.append(head.decode("latin-1"))
                path = head.split(b" ", 2)[1].decode()
                location = self.answers.get(path)
                if location is None:
                    body = f"from {self.address}".encode()
                    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
                else:
                    answer = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n"
                    answer += b"location: " + location.encode() + b"\r\n\r\n"
                connection.sendall(answer)

    def hosts(self) -> list[str]:
        """The Host headers received."""
        return [
            line.partition(":")[2].strip()
            for head in self.heads
            for line in head.split("\r\n")
            if line.lower().startswith("host:")
        ]

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Start a server on an address of the loopback network."""
    started: list[Listener] = []

    def start(address: str = "127.0.0.1", port: int = 0) -> Listener:
        started.append(Listener(address, port))
        return started[-1]

    yield start
    for listener in started:
        listener.close()


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made
