"""Faults of clients: slow, silent, hostile, gone; each with either parser of `flasgo run`."""

import asyncio
import contextlib
import random
import resource
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.faults_lab import Fault, Lab, Running, check, check_time, exchange, until
from benchmarks.soak_load import frame, leave_early, multipart, upgrade

__all__ = ["CLIENT_FAULTS", "SMUGGLING"]

PARSERS = {"httptools": "flasgo-run", "h11": "flasgo-run-h11"}
_HEAD = b"GET /json HTTP/1.1\r\nHost: localhost\r\n"


async def in_both(lab: Lab, fault: Callable[[Running], Awaitable[str]]) -> str:
    """Bring a fault about under each parser; return what was seen, once if it is the same."""
    running = [await lab.shared(server) for server in PARSERS.values()]
    found = await asyncio.gather(*map(fault, running))
    seen = dict(zip(PARSERS, found, strict=True))
    if len(set(seen.values())) == 1:
        return next(iter(seen.values()))
    return "; ".join(f"{name}: {text}" for name, text in seen.items())


async def hold(running: Running, opening: bytes, count: int) -> list[asyncio.StreamWriter]:
    """Open so many connections that send the same beginning of a request."""
    writers: list[asyncio.StreamWriter] = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(opening)
        writers.append(writer)
    return writers


async def half_closed(running: Running) -> str:
    """Close the client's side right after a request."""
    before, seen = await running.figures(), Counter[str]()
    kind, body = multipart(100_000)
    post = f"POST /upload HTTP/1.1\r\nHost: localhost\r\n{kind}\r\nContent-Length: {len(body)}\r\n"
    for sent in (
        _HEAD + b"\r\n",
        post.encode() + b"\r\n" + body,
        _HEAD.replace(b"/json", b"/events/3") + b"\r\n",
    ):
        received = await exchange(running.port, sent, ends=True)
        seen[received[9:12].decode() or "closed"] += 1
    check(set(seen) <= {"200", "closed"}, f"{dict(seen)}")
    await running.settles(before)
    return "answered, or closed without an answer; nothing left behind"


async def reset(running: Running) -> str:
    """Reset connections in heads, uploads, downloads, streams and WebSockets."""
    before, tracebacks = await running.figures(), running.logged("Traceback")
    for _ in range(10):
        await leave_early(running.client())
    await running.settles(before)
    tracebacks = running.logged("Traceback") - tracebacks
    check(tracebacks == 0, f"{tracebacks} tracebacks in the log")
    return "50 connections: no task, descriptor or traceback left"


async def byte_by_byte(running: Running) -> str:
    """Send a head, and a body, one byte at a time."""
    took = {}
    post = b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
    post += b"Content-Type: application/json\r\n\r\n"
    for name, first, then in (("head", b"", _HEAD), ("body", post, b"a" * 900)):
        started, answer = time.monotonic(), b""
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(first)
        with contextlib.suppress(OSError):
            for byte in then:
                writer.write(bytes([byte]))
                with contextlib.suppress(TimeoutError):
                    answer = await asyncio.wait_for(reader.read(64), 0.2)
                    break
        took[name] = time.monotonic() - started
        writer.transport.abort()
        status = answer[9:12].decode()
        expected = {"408"} if name == "head" else {"408", "415"}
        check(status in expected, f"a {name} byte by byte is answered {status!r}")
        check_time(took[name], 5, f"cutting a {name} byte by byte")
    return "cut within 5 s"


async def never_reading(running: Running) -> str:
    """Ask for downloads and WebSocket echoes without reading any."""
    before = await running.figures()
    wires = []
    for _ in range(10):
        wire = socket.socket()
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.setblocking(False)
        await asyncio.get_running_loop().sock_connect(wire, ("127.0.0.1", running.port))
        wire.send((_HEAD.replace(b"/json", b"/download") + b"\r\n") * 50)
        wires.append(wire)
    talker = running.client()
    (await upgrade(talker)).expect(101)
    _, writer = await talker.open()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                writer.write(frame(1, b"x" * 60_000))
                await writer.drain()
    took = await running.serves()
    during = await running.figures()
    for wire in wires:
        wire.close()
    talker.close(abort=True)
    grown = during["memory"] - before["memory"]
    check(grown < 40, f"memory grows by {grown:.0f} MiB")
    await running.settles(before)
    return f"125 MiB asked for and not read: less than 40 MiB more memory, others in {fast(took)}"


def fast(seconds: float) -> str:
    """Return a time as text that does not differ between runs on one machine."""
    return "less than 0.1 s" if seconds < 0.1 else "less than 2 s"


async def slow_heads(running: Running) -> str:
    """Three hundred clients that do not finish their heads."""
    writers = await hold(running, _HEAD + b"X-Slow: ", 300)
    took = max([await running.serves() for _ in range(10)])

    async def are_cut() -> bool:
        return (await running.figures())["descriptors"] < 60

    await until(are_cut, "slow heads are cut")
    for writer in writers:
        writer.transport.abort()
    return f"others in {fast(took)}, all cut"


async def idle(lab: Lab, count: int) -> str:
    """Hold as many idle connections as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, (hard if hard > 0 else count) - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 500)), hard))
    try:
        async with lab.serving(FLASGO_REQUEST_READ_TIMEOUT_SECONDS="60") as running:
            before = await running.figures()
            writers = await hold(running, b"", count)

            async def are_accepted() -> bool:
                return (await running.figures())["descriptors"] >= before["descriptors"] + count

            await until(are_accepted, f"{count} connections are accepted", 60)
            during = await running.figures()
            took = max([await running.serves() for _ in range(20)])
            for writer in writers:
                writer.transport.abort()
            each = (during["memory"] - before["memory"]) * 1024 / count
            await running.settles(before)
            check(each < 64, f"each takes {each:.0f} KiB")
            return f"{count:,} connections, {each:.1f} KiB each, others in {fast(took)}"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def websocket_floods(running: Running) -> str:
    """Send WebSocket messages that are too large, endless in pieces, or nothing but pings."""
    before, seen = await running.figures(), {}
    floods = {
        "too large": [frame(1, b"x" * 60_000, final=False), frame(0, b"x" * 60_000)],
        "endless in pieces": [
            frame(1, b"x", final=False),
            *[frame(0, b"xx", final=False)] * 40_000,
        ],
        "not masked": [b"\x81\x01a"],
        "reserved bits": [b"\xf1\x81" + b"\x00" * 5],
        "a ping of 126 bytes": [frame(9, b"x" * 126)],
        "text that is not UTF-8": [frame(1, b"\xff")],
    }
    for name, frames in floods.items():
        talker = running.client()
        (await upgrade(talker)).expect(101)
        reader, writer = await talker.open()
        with contextlib.suppress(OSError):
            writer.write(b"".join(frames))
            await writer.drain()
        ending = b""
        with contextlib.suppress(OSError):
            ending = await asyncio.wait_for(reader.read(), 10)
        talker.close(abort=True)
        at = ending.find(b"\x88")
        seen[name] = int.from_bytes(ending[at + 2 : at + 4], "big") if at >= 0 else 0
    talker = running.client()
    (await upgrade(talker)).expect(101)
    _, writer = await talker.open()
    writer.write(frame(9, b"x") * 50_000)
    took = await running.serves()
    talker.close(abort=True)
    expected = {"too large": {1009}, "endless in pieces": {1009}}
    for name, code in seen.items():
        allowed = expected.get(name, {1002, 1003, 1007, 0})
        check(code in allowed, f"{name}: closed with {code}")
    await running.settles(before)
    grown = (await running.figures())["memory"] - before["memory"]
    check(grown < 40, f"memory grows by {grown:.0f} MiB")
    return (
        f"too large and endless 1009, malformed closed, others in {fast(took)} during 50,000 pings"
    )


# --- Requests that two programs may take for different ones ------------------------------------

_GET = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
_POST = b"POST /login HTTP/1.1\r\nHost: localhost\r\n"
_CODED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"
_CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"
# What may be answered to the first, and whether the second may be answered too.
SMUGGLING: dict[str, bytes] = {
    "length and chunked": _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2c\r\n" + _GET + b"\r\n0\r\n\r\n",
    "chunked and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n"
    b"0\r\n\r\n" + _GET,
    "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + _GET,
    "a list of lengths": _POST + b"Content-Length: 0, 44\r\n\r\n" + _GET,
    "a length with a sign": _POST + b"Content-Length: +0\r\n\r\n" + _GET,
    "a negative length": _POST + b"Content-Length: -1\r\n\r\n" + _GET,
    "a length in hexadecimal": _POST + b"Content-Length: 0x0\r\n\r\n" + _GET,
    "a length with a blank in it": _POST + b"Content-Length: 0 0\r\n\r\n" + _GET,
    "a length with letters": _POST + b"Content-Length: 0abc\r\n\r\n" + _GET,
    "an empty length": _POST + b"Content-Length:\r\n\r\n" + _GET,
    "another coding": _POST + b"Transfer-Encoding: xchunked\r\n\r\n" + _CHUNKS + _GET,
    "a coding after chunked": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n"
    + _CHUNKS + _GET,
    "chunked twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
    + _CHUNKS + _GET,
    "a blank before the colon": _POST + b"Transfer-Encoding : chunked\r\n\r\n" + _CHUNKS + _GET,
    "a vertical tab before chunked": _POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n"
    + _CHUNKS + _GET,
    "chunked under HTTP/1.0": _POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n"
    b"Connection: keep-alive\r\n\r\n" + _CHUNKS + _GET,
    "a chunk size in 0x form": _CODED + b"0x3\r\nabc\r\n" + _END + _GET,
    "a chunk size with a sign": _CODED + b"+3\r\nabc\r\n" + _END + _GET,
    "a chunk size with a line feed": _CODED + b"3\nabc\r\n" + _END + _GET,
    "a chunk that is longer": _CODED + b"3\r\nabcd\r\n" + _END + _GET,
    "a chunk size of 17 digits": _POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\n"
    b"abc\r\n0\r\n\r\n" + _GET,
    "a line feed in an extension": _POST + b"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n"
    b"0\r\n\r\n" + _GET,
    "NUL in a header": _POST + b"X-A: b\x00Content-Length: 44\r\n\r\n" + _GET,
    "a carriage return in a header": _POST + b"X-A: b\rContent-Length: 44\r\n\r\n" + _GET,
    "a header without a colon": _POST + b"Content-Length 44\r\n\r\n" + _GET,
    "a header name with a blank": _POST + b"X A: b\r\n\r\n" + _GET,
    "a body of GET": _HEAD + b"Content-Length: 44\r\n\r\n" + _GET,
}  # fmt: skip
_PIPELINED = _POST + b"Content-Length: 0\r\n\r\n" + _GET


async def smuggling(running: Running) -> str:
    """Send two requests that some take for one, or for others."""
    await running.serves()
    # Both answers come where there is no doubt: the check can fail.
    both = await exchange(running.port, _PIPELINED, 1.0)
    check(both.count(b"HTTP/1.1 ") == 2, f"two plain requests: {both[:100]!r}")
    refused, answered = 0, []
    for name, sent in SMUGGLING.items():
        received = await exchange(running.port, sent, 0.5)
        count = received.count(b"HTTP/1.1 ")
        status = received[9:12].decode()
        check(b"HTTP/1.1 404" not in received, f"{name}: the second request is answered")
        check(count == 1, f"{name}: {count} answers: {received[:100]!r}")
        if status == "400":
            refused += 1
        else:
            answered.append(f"{name} {status}")
    rest = ", ".join(answered)
    return f"{refused} of {len(SMUGGLING)} are 400, no second request is ever answered ({rest})"


async def garbage(running: Running) -> str:
    """Send bytes that are no HTTP, and requests that are cut or changed at random."""
    before, chance = await running.figures(), random.Random(1)
    kind, body = multipart(640)
    whole = f"POST /upload HTTP/1.1\r\nHost: localhost\r\n{kind}\r\nContent-Length: {len(body)}\r\n"
    request = whole.encode() + b"\r\n" + body
    seen: Counter[str] = Counter()
    for _ in range(60):
        data = bytearray(request)
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        received = await exchange(running.port, bytes(data), 3, ends=True)
        seen[received[9:12].decode() or "closed"] += 1
    check(not any(status.startswith("5") for status in seen), f"{dict(seen)}")
    await running.settles(before)
    return "60 requests with random bytes: no 500, nothing left behind"


def both(name: str, promised: str, fault: Callable[[Running], Awaitable[str]]) -> Fault:
    """Return a fault that is brought about under each parser, on servers that several share."""
    return Fault(name, promised, partial(in_both, fault=fault), group="shared")


CLIENT_FAULTS = [
    both("clients half-close", "answered or closed, nothing left behind", half_closed),
    both("clients reset", "handlers are cancelled, nothing left behind", reset),
    both("clients send byte by byte", "408 after REQUEST_READ_TIMEOUT_SECONDS", byte_by_byte),
    both("clients never read", "memory stays bounded, others are served", never_reading),
    both("300 slow heads", "others are served, all are cut", slow_heads),
    Fault("500 idle connections", "others are served", partial(idle, count=500)),
    Fault("10,000 idle connections", "others are served", partial(idle, count=10_000), False),
    both(
        "WebSocket floods", "1009 and malformed frames close, others are served", websocket_floods
    ),
    both("ambiguous requests", "one answer, never two", smuggling),
    both("random bytes", "never a 500", garbage),
]
