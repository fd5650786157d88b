"""What the `faults` script works with: servers, a Redis, and checks."""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.soak import figures, free_port, serving
from benchmarks.soak_load import Answer, Client

__all__ = [
    "Broken",
    "Fault",
    "Lab",
    "Redis",
    "Running",
    "be_patient",
    "check",
    "check_time",
    "exchange",
    "timed",
    "until",
]

APP = "benchmarks.soak_app:make_app"
# Clients are cut after two seconds, so that nothing here takes long.
ENVIRONMENT = {
    "FLASGO_REQUEST_READ_TIMEOUT_SECONDS": "2",
    "FLASGO_WEBSOCKET_MAX_MESSAGE_BYTES": "65536",
    "FLASGO_SESSION_STORE_TIMEOUT_SECONDS": "0.5",
    "FLASGO_RATELIMIT_STORAGE_TIMEOUT_SECONDS": "0.5",
}


_patience = 1.0


def be_patient() -> None:
    """Let everything take longer: on a busy machine only what hangs is a fault."""
    global _patience
    _patience = 10.0
    ENVIRONMENT["FLASGO_REQUEST_READ_TIMEOUT_SECONDS"] = "4"


def check_time(took: float, most: float, what: str) -> None:
    """Fail when something has taken too long.

    Raises:
        Broken: When it has.
    """
    check(took <= most * _patience, f"{what} takes {took:.2f} s")


class Broken(AssertionError):
    """A promise that was not kept."""


def check(holds: object, what: str) -> None:
    """Fail unless something holds.

    Raises:
        Broken: When it does not.
    """
    if not holds:
        raise Broken(what)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: What goes wrong.
        promised: What is to happen.
        run: Brings it about, and returns what was seen.
        is_quick: Whether CI does it too.
        group: What it shares with others; those of a group are brought about one after the other.
    """

    name: str
    promised: str
    run: Callable[["Lab"], Awaitable[str]]
    is_quick: bool = True
    group: str = "own"


@dataclass
class Redis:
    """A redis-server of our own, ended by its process id."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self.process = subprocess.Popen(
            [
                *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--dir", str(self.folder), "--save", "", "--appendonly", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        await until(lambda: self.answers("PING"), "redis-server answers")

    async def answers(self, *words: str) -> bytes:
        """Send one command and return what comes back, nothing when it is down."""
        sent = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(sent.encode())
            answer = await asyncio.wait_for(reader.readline(), 5)
            writer.close()
            return answer
        return b""

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self.process is not None:
            self.process.send_signal(number)

    def stop(self) -> None:
        """Kill it: what it held is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)
            self.process = None


@dataclass
class Running:
    """A server with its app."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def client(self) -> Client:
        """Return a new user."""
        return Client(self.port)

    async def figures(self) -> dict[str, float]:
        """Return memory, threads, descriptors and tasks of the process that answers."""
        client = self.client()
        try:
            return await figures(client)
        finally:
            client.close()

    async def worker(self) -> int:
        """Return the id of the process that answers."""
        client = self.client()
        try:
            return int((await client.ask("GET", "/figures")).expect(200).json()["pid"])
        finally:
            client.close()

    async def serves(self, seconds: float = 2.0) -> float:
        """Return how long a simple request takes, in seconds.

        Raises:
            Broken: When it takes longer than it may.
        """
        client = self.client()
        try:
            took, answer = await timed(client.ask("GET", "/json"))
        finally:
            client.close()
        check(answer.status == 200, f"/json is answered {answer.status}")
        check_time(took, seconds, "/json")
        return took

    async def settles(self, before: dict[str, float]) -> None:
        """Wait until no more tasks and descriptors are left than there were before.

        Raises:
            Broken: When it does not happen.
        """

        async def is_settled() -> bool:
            now = await self.figures()
            return all(now[name] <= before[name] + 2 for name in ("tasks", "descriptors"))

        await until(is_settled, f"tasks and descriptors go back to {before}")

    def logged(self, text: str) -> int:
        """Return how often a text is in the log."""
        return self.log.read_text(errors="replace").count(text)


@dataclass
class Lab:
    """Starts what faults need; servers without options are shared."""

    folder: Path
    stack: contextlib.AsyncExitStack
    servers: dict[str, Running] = field(default_factory=dict)
    redis: Redis | None = None
    server: str = "flasgo-run"

    @contextlib.asynccontextmanager
    async def serving(
        self, server: str = "", options: Sequence[str] = (), **environment: str
    ) -> AsyncGenerator[Running]:
        """Serve the app by a server of one's own; what has options is `flasgo run`."""
        server = server or ("flasgo-run" if options else self.server)
        folder = self.folder / f"own-{time.monotonic_ns()}"
        more = {**ENVIRONMENT, **environment}
        context = serving(server, APP, folder, options, **more)
        process, port = await asyncio.to_thread(context.__enter__)
        try:
            yield Running(process, port, folder / f"{server}.log")
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)

    async def shared(self, server: str = "") -> Running:
        """Return a server that several faults use."""
        server = server or self.server
        if server not in self.servers:
            self.servers[server] = await self.stack.enter_async_context(self.serving(server))
        return self.servers[server]

    async def with_redis(self) -> tuple[Running, Redis]:
        """Return a server that keeps sessions and quotas in Redis, and the Redis."""
        if self.redis is None:
            self.redis = Redis(self.folder)
            self.stack.callback(self.redis.stop)
            await self.redis.start()
            context = self.serving(SOAK_REDIS=self.redis.uri)
            self.servers["redis"] = await self.stack.enter_async_context(context)
        return self.servers["redis"], self.redis


@contextlib.contextmanager
def limited(pid: int, what: int, limit: int) -> Generator[None]:
    """Lower a resource limit of a running process for a while."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


async def until(holds: Callable[[], Awaitable[object]], what: str, seconds: float = 10.0) -> float:
    """Wait until something holds, and return how long it took.

    Raises:
        Broken: When it does not happen in time.
    """
    started = time.monotonic()
    while not await holds():
        if time.monotonic() - started > seconds * _patience:
            raise Broken(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def timed(work: Awaitable[Answer]) -> tuple[float, Answer]:
    """Return how long a request took, and its answer."""
    started = time.monotonic()
    async with asyncio.timeout(30):
        answer = await work
    return time.monotonic() - started, answer


async def exchange(port: int, sent: bytes, seconds: float = 5.0, *, ends: bool = False) -> bytes:
    """Write bytes, and return all that comes back until the connection ends or nothing comes.

    Args:
        port: Where to.
        sent: The bytes.
        seconds: How long to wait for more.
        ends: Whether the client's side is closed after them.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with contextlib.suppress(OSError, TimeoutError):
        writer.write(sent)
        if ends:
            writer.write_eof()
        while piece := await asyncio.wait_for(reader.read(65536), seconds):
            received += piece
    writer.transport.abort()
    return received


def cpu_seconds(pid: int) -> float:
    """Return how much processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
