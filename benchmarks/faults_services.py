"""Faults of what an app depends on: workers, Redis, disks, descriptors, memory, the clock."""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

from benchmarks.faults_lab import (
    Fault,
    Lab,
    Redis,
    Running,
    check,
    check_time,
    cpu_seconds,
    limited,
    timed,
    until,
)
from benchmarks.soak_load import Client, multipart, upgrade

__all__ = ["SERVICE_FAULTS"]

_DOWN = 1.5  # seconds in which a request is to be refused while a store is down


async def upload(client: Client, size: int) -> int:
    """Send a file, and return the status of the answer."""
    kind, body = multipart(size)
    return (await client.ask("POST", "/upload", kind, body=body)).status


async def log_in(running: Running) -> Client:
    """Return a user who is logged in."""
    client = running.client()
    (await client.ask("POST", "/login")).expect(200)
    (await client.ask("GET", "/me")).expect(200)
    return client


# --- Workers -----------------------------------------------------------------------------------


async def worker_killed(lab: Lab) -> str:
    """Kill one of two workers under load."""
    async with lab.serving(options=("--workers", "2")) as running:
        seen: Counter[int] = Counter()
        broken = 0

        async def user() -> None:
            nonlocal broken
            while time.monotonic() < end:
                try:
                    seen[await running.worker()] += 1
                except (OSError, EOFError):
                    broken += 1
                await asyncio.sleep(0.01)

        end = time.monotonic() + 0.7
        await asyncio.gather(*(user() for _ in range(10)))
        old = set(seen)
        check(len(old) == 2, f"{len(old)} workers answer")
        victim = old.pop()
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        seen.clear()

        async def is_replaced() -> bool:
            nonlocal end
            end = time.monotonic() + 0.1
            await asyncio.gather(*(user() for _ in range(10)))
            return len(seen.keys() - old - {victim}) > 0

        await until(is_replaced, "another worker answers")
        took = time.monotonic() - killed
        check(broken <= 10, f"{broken} requests without an answer")
        total = sum(seen.values())
        return f"replaced after {took:.1f} s; {broken} of {total} requests meanwhile had no answer"


async def quota_of_many(lab: Lab, servers: int, quota: int) -> str:
    """Have several servers of two workers enforce one quota, and kill a worker of theirs."""
    redis = Redis(lab.folder)
    await redis.start()
    more = {
        "SOAK_REDIS": redis.uri,
        "SOAK_QUOTA": str(quota),
        # So many processes at once are slow on a small machine: not what this is about.
        "FLASGO_RATELIMIT_STORAGE_TIMEOUT_SECONDS": "30",
    }
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(redis.stop)
        contexts = [lab.serving(options=("--workers", "2"), **more) for _ in range(servers)]
        running = await asyncio.gather(*map(stack.enter_async_context, contexts))
        exact = await admitted(running, 2 * quota)
        check(exact == {"200": quota, "429": quota}, f"admitted {dict(exact)} of {quota}")
        await redis.answers("FLUSHALL")
        killing = asyncio.create_task(kill_soon(running[0]))
        loose = await admitted(running, 2 * quota)
        await killing
        lost = loose["no answer"]
        check(loose["200"] <= quota <= loose["200"] + lost, f"{dict(loose)} of {quota}")
        check((await admitted(running, 20)) == {"429": 20}, "more are admitted afterwards")
        return (
            f"{2 * servers} workers admit exactly {quota} of {2 * quota}; while one is killed "
            f"{loose['200']}, and {lost} requests have no answer"
        )


async def kill_soon(running: Running) -> None:
    """Kill a worker in a moment."""
    worker = await running.worker()
    await asyncio.sleep(0.05)
    os.kill(worker, signal.SIGKILL)


async def admitted(running: list[Running], count: int) -> Counter[str]:
    """Ask for what has a quota so often, by all servers at once, and count the answers."""
    seen: Counter[str] = Counter()

    async def user(number: int) -> None:
        client = running[number % len(running)].client()
        for _ in range(count // 20):
            try:
                seen[str((await client.ask("GET", "/limited")).status)] += 1
            except (OSError, EOFError):
                seen["no answer"] += 1
            client.close()

    await asyncio.gather(*map(user, range(20)))
    return seen


# --- Redis -------------------------------------------------------------------------------------


async def refused(client: Client, method: str, path: str) -> float:
    """Return how long it takes until a request is answered 503."""
    took, answer = await timed(client.ask(method, path))
    check(answer.status == 503, f"{method} {path} is answered {answer.status}")
    check(answer.header("retry-after"), "503 without Retry-After")
    check_time(took, _DOWN, f"{method} {path}")
    return took


async def redis_paused(lab: Lab) -> str:
    """Let Redis hang: it accepts connections and answers nothing."""
    running, redis = await lab.with_redis()
    client = await log_in(running)
    redis.signal(signal.SIGSTOP)
    try:
        others = [running.client() for _ in range(10)]
        for other in others:
            other.cookies = dict(client.cookies)
        slowest = max(await asyncio.gather(*(refused(o, "GET", "/me") for o in others)))
        free = await running.serves()
    finally:
        redis.signal(signal.SIGCONT)
    back = await until(lambda: answers_ok(client, "/me"), "the session is there again")
    return (
        f"503 after at most {slowest:.1f} s, other routes in {free * 1000:.0f} ms; the same "
        f"session again after {back:.1f} s"
    )


async def answers_ok(client: Client, path: str) -> bool:
    """Return whether a path is answered 200."""
    return (await client.ask("GET", path)).status == 200


async def redis_slow(lab: Lab) -> str:
    """Let Redis take 200 ms for each command for a while."""
    running, redis = await lab.with_redis()
    client = await log_in(running)
    await redis.answers("CLIENT", "PAUSE", "200", "ALL")
    took, answer = await timed(client.ask("GET", "/me"))
    check(answer.status == 200, f"/me is answered {answer.status}")
    return f"answered 200 after {took:.2f} s"


async def redis_full(lab: Lab) -> str:
    """Leave Redis no memory for writes."""
    running, redis = await lab.with_redis()
    client = await log_in(running)
    await redis.answers("CONFIG", "SET", "maxmemory", "1")
    try:
        check(await answers_ok(client, "/me"), "a session cannot be read")
        await refused(running.client(), "POST", "/login")
        free = await running.serves()
    finally:
        await redis.answers("CONFIG", "SET", "maxmemory", "0")
    back = await until(lambda: can_log_in(running), "sessions can be written again")
    return (
        f"reads 200, writes 503, other routes in {free * 1000:.0f} ms; writes again after "
        f"{back:.1f} s"
    )


async def can_log_in(running: Running) -> bool:
    """Return whether a new session can be written."""
    return (await running.client().ask("POST", "/login")).status == 200


async def redis_killed(lab: Lab) -> str:
    """Kill Redis, and start it again, empty."""
    running, redis = await lab.with_redis()
    client = await log_in(running)
    redis.stop()
    try:
        session = await refused(client, "GET", "/me")
        quota = await refused(running.client(), "GET", "/limited")
        free = await running.serves()
    finally:
        await redis.start()
    back = await until(lambda: can_log_in(running), "sessions can be written again")
    status = (await client.ask("GET", "/me")).status
    check(status == 401, f"a session that is gone is answered {status}")
    return (
        f"sessions 503 after {session:.1f} s, quotas 503 after {quota:.1f} s, other routes in "
        f"{free * 1000:.0f} ms; writes again {back:.1f} s after it is back, lost sessions are 401"
    )


# --- Disk --------------------------------------------------------------------------------------


async def disk_full(lab: Lab) -> str:
    """Leave no room for temporary files."""
    running = await lab.shared()
    before, reports = await running.figures(), running.logged("Uploads are answered 507")
    with limited(await running.worker(), resource.RLIMIT_FSIZE, 100_000):
        statuses = Counter([await upload(running.client(), 150_000) for _ in range(10)])
        check(set(statuses) == {507}, f"uploads are answered {dict(statuses)}")
        check(await upload(running.client(), 20_000) == 200, "an upload in memory fails")
        await running.serves()
    check(await upload(running.client(), 150_000) == 200, "uploads fail when there is room again")
    await running.settles(before)
    reports = running.logged("Uploads are answered 507") - reports
    check(reports <= 1, f"it is logged {reports} times")
    return "10 of 10 uploads 507, small ones 200, logged once; 200 when there is room"


async def disk_full_tmpfs(lab: Lab) -> str:
    """The same with a file system of its own, which needs root."""
    folder = lab.folder / "small"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode != 0:
        return "not possible here: mounting needs root"
    try:
        async with lab.serving(TMPDIR=str(folder)) as running:
            one = await upload(running.client(), 150_000)
            (folder / "filler").write_bytes(bytes(380_000))
            full = await upload(running.client(), 150_000)
            (folder / "filler").unlink()
            again = await upload(running.client(), 150_000)
    finally:
        subprocess.run(["umount", str(folder)], check=False)
    check((one, full, again) == (200, 507, 200), f"{one}, {full} while full, {again}")
    return "507 while it is full, 200 before and after"


async def temporary_folder_gone(lab: Lab) -> str:
    """Take the folder for temporary files away from a running server."""
    folder = lab.folder / "temporary"
    folder.mkdir()
    async with lab.serving(TMPDIR=str(folder)) as running:
        check(await upload(running.client(), 150_000) == 200, "an upload fails before")
        shutil.rmtree(folder)
        gone = await upload(running.client(), 150_000)
        check(gone == 507, f"it is answered {gone}")
        await running.serves()
        folder.mkdir()
        check(await upload(running.client(), 150_000) == 200, "an upload fails after")
        return "507 without the folder, 200 when it is there again"


# --- Descriptors and memory --------------------------------------------------------------------


async def descriptors_used_up(lab: Lab) -> str:
    """Open more connections than the process may have descriptors."""
    async with lab.serving(FLASGO_REQUEST_READ_TIMEOUT_SECONDS="60") as running:
        kept = running.client()
        await kept.ask("GET", "/json")
        pid = await running.worker()
        now = (await running.figures())["descriptors"]
        with limited(pid, resource.RLIMIT_NOFILE, int(now) + 20):
            used = cpu_seconds(pid)
            wires = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(60)]
            await asyncio.sleep(1.0)
            used = cpu_seconds(pid) - used
            answer = await kept.ask("GET", "/json")
            check(answer.status == 200, f"a connection it has is answered {answer.status}")
            check(used < 0.5, f"it uses {used:.2f} s of processor time in a second")
            for _, writer in wires:
                writer.transport.abort()
            back = await until(lambda: served(running), "new connections are accepted")
        size = running.log.stat().st_size
        check(size < 200_000, f"its log has {size} bytes")
        return (
            f"connections it had are served, {used:.2f} s of processor time in that second; "
            f"new ones {back:.1f} s after the others closed"
        )


async def served(running: Running) -> bool:
    """Return whether a new connection is served."""
    with contextlib.suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(1):
            await running.serves()
        return True
    return False


async def memory_bounded(lab: Lab) -> str:
    """Send large uploads side by side to a process that may not grow much."""
    async with lab.serving(FLASGO_REQUEST_READ_TIMEOUT_SECONDS="60") as running:
        pid = await running.worker()
        await upload(running.client(), 150_000)
        status = Path(f"/proc/{pid}/status").read_text()
        size = int(status.partition("VmSize:")[2].split()[0]) * 1024
        with limited(pid, resource.RLIMIT_AS, size + 120 * 1024 * 1024):
            statuses = Counter(
                await asyncio.gather(*(upload(running.client(), 30_000_000) for _ in range(8)))
            )
            await running.serves()
        check(set(statuses) == {200}, f"uploads are answered {dict(statuses)}")
        return "8 uploads of 30 MB at once, 120 MiB of address space: all 200"


async def memory_used_up(lab: Lab) -> str:
    """Leave a process no memory at all for a while."""
    async with lab.serving() as running:
        pid = await running.worker()
        client = await log_in(running)
        with limited(pid, resource.RLIMIT_AS, 1):
            seen: Counter[str] = Counter()
            for _ in range(5):
                try:
                    seen[str(await asyncio.wait_for(upload(running.client(), 5_000_000), 20))] += 1
                except (OSError, EOFError):
                    seen["closed"] += 1
        check(running.process.poll() is None, "the server has ended")
        await running.serves()
        check((await client.ask("GET", "/me")).status == 200, "a session is lost")
        return f"uploads of 5 MB: {dict(seen)}; served as before when there is memory again"


# --- The clock ---------------------------------------------------------------------------------

_CLOCK = """
import os, time
_time, _time_ns = time.time, time.time_ns
def _shift():
    try:
        with open(os.environ["SHIFTED_BY"]) as file:
            return float(file.read() or 0)
    except OSError:
        return 0.0
time.time = lambda: _time() + _shift()
time.time_ns = lambda: _time_ns() + int(_shift() * 1e9)
"""


@contextlib.asynccontextmanager
async def shifted(lab: Lab) -> AsyncGenerator[tuple[Running, Path]]:
    """Serve with a clock that can be set; yield the file with its error in seconds."""
    folder = lab.folder / f"clock-{time.monotonic_ns()}"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_CLOCK)
    shift = folder / "shift"
    async with lab.serving(
        PYTHONPATH=str(folder), SHIFTED_BY=str(shift), FLASGO_READY_PATH="/ready"
    ) as running:
        yield running, shift


async def clock_jumps(lab: Lab) -> str:
    """Set the clock a day forward, an hour back, and right again."""
    async with shifted(lab) as (running, shift):
        client = await log_in(running)
        quota = running.client()
        while (await quota.ask("GET", "/limited")).status == 200:
            pass
        statuses = {}
        for name, seconds in (("a day on", 86_400), ("an hour back", -3600), ("right again", 0)):
            shift.write_text(str(seconds))
            await running.serves()
            limited_by = await quota.ask("GET", "/limited")
            check(limited_by.status == 429, f"{name}: the quota is answered {limited_by.status}")
            wait = int(limited_by.header("retry-after"))
            check(0 < wait <= 3600, f"{name}: Retry-After is {wait}")
            check((await client.ask("GET", "/ready")).status == 200, f"{name}: not ready")
            statuses[name] = (await client.ask("GET", "/me")).status
        check(statuses["a day on"] == 200, "a session of 14 days ends after one")
        check(statuses["an hour back"] == 401, "a session from the future is taken")
        check(statuses["right again"] == 200, "the session is lost")
        return f"quotas hold through all; the session: {statuses}"


# --- Stopping ----------------------------------------------------------------------------------


async def stopped_at_work(lab: Lab) -> str:
    """Send SIGTERM during an upload, a stream and a WebSocket."""
    async with lab.serving(
        options=("--grace", "3"), FLASGO_REQUEST_READ_TIMEOUT_SECONDS="30"
    ) as running:
        sender, listener, talker = running.client(), running.client(), running.client()
        kind, body = multipart(150_000)
        reader, writer = await sender.open()
        writer.write(sender.head("POST", "/upload", kind, f"Content-Length: {len(body)}"))
        writer.write(body[:70_000])
        _, stream = await listener.open()
        stream.write(listener.head("GET", "/events/100000"))
        await (await listener.open())[0].readuntil(b"event 3")
        (await upgrade(talker)).expect(101)
        started = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        writer.write(body[70_000:])
        head = await asyncio.wait_for(reader.readline(), 60)
        check(b" 200 " in head, f"the upload is answered {head!r}")
        closing = await asyncio.wait_for((await talker.open())[0].read(), 60)
        check(closing[:1] == b"\x88", f"the WebSocket ends with {closing[:20]!r}")
        code = int.from_bytes(closing[2:4], "big")
        status = await asyncio.to_thread(running.process.wait, 60)
        took = time.monotonic() - started
        check_time(took, 6, "stopping")
        check(running.logged("Traceback") == 0, "there is a traceback in the log")
        return (
            f"the upload 200, the WebSocket closed with {code}, the stream ended, exit status "
            f"{status} after {took:.1f} s"
        )


SERVICE_FAULTS = [
    Fault(
        "a worker is killed",
        "requests on its connections break, another one serves within 10 s",
        worker_killed,
        group="workers",
    ),
    Fault(
        "one quota, two servers, a worker is killed",
        "exactly the quota is admitted, and never more",
        partial(quota_of_many, servers=2, quota=100),
        group="workers",
    ),
    Fault(
        "one quota, four servers, a worker is killed",
        "exactly the quota is admitted, and never more",
        partial(quota_of_many, servers=4, quota=2000),
        is_quick=False,
        group="workers",
    ),
    Fault(
        "Redis hangs",
        "what needs its session is 503 with Retry-After within 3 s, other routes are served; "
        "no session is lost",
        redis_paused,
        group="redis",
    ),
    Fault(
        "Redis is slow",
        "requests wait, up to SESSION_STORE_TIMEOUT_SECONDS",
        redis_slow,
        group="redis",
    ),
    Fault(
        "Redis is full",
        "sessions are read, writes are 503, other routes are served",
        redis_full,
        group="redis",
    ),
    Fault(
        "Redis is killed and comes back empty",
        "503 while it is down, served when it is back",
        redis_killed,
        group="redis",
    ),
    Fault(
        "the disk is full",
        "uploads 507, logged once, nothing left behind",
        disk_full,
        group="shared",
    ),
    Fault("a file system of 400 KB is full", "uploads 507 while it is", disk_full_tmpfs, False),
    Fault("the temporary folder is gone", "uploads 507 while it is", temporary_folder_gone),
    Fault(
        "no file descriptors",
        "connections that exist are served, new ones when others have closed",
        descriptors_used_up,
    ),
    Fault("large uploads, little memory", "files go to disk, memory stays bounded", memory_bounded),
    Fault("no memory", "requests fail, the server does not", memory_used_up),
    Fault(
        "the clock jumps",
        "quotas hold; sessions end by their age and are refused from the future",
        clock_jumps,
    ),
    Fault(
        "SIGTERM at work",
        "requests finish within --grace, WebSockets are closed, streams end",
        stopped_at_work,
    ),
]
