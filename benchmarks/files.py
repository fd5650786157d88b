"""Files in both directions: static files and uploads, next to Starlette's, in process."""

import asyncio
import gc
import importlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.asgi import ASGIApp, Exchange, Message, running
from benchmarks.workload import SECRET_KEY, WrongAnswer

KIB = 1024
MIB = 1024 * KIB
SMALL, LARGE, UPLOAD = 8 * KIB, 16 * MIB, MIB
# What uvicorn hands over at a time, about.
PIECE = 64 * KIB
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
CONTESTANTS = ("flasgo", "starlette")


@dataclass(frozen=True)
class Transfer:
    """One kind of transfer, and how long each side took for it.

    Args:
        name: Key in the JSON output.
        label: What the table prints.
        value: Microseconds per request, flasgo with all plugins and defaults.
        rival: Microseconds per request, Starlette; None where it, or what it needs, is missing.
        ratio: Median of the rounds' ratios.
    """

    name: str
    label: str
    value: float
    rival: float | None
    ratio: float | None


@dataclass(frozen=True)
class Case:
    """What is asked for, and what a right answer is.

    Args:
        name: Key in the JSON output.
        label: What the table prints.
        exchange: The request.
        status: The status to expect.
        length: The length of the body to expect; None for any.
        share: Which part of the usual number of requests is enough.
        needs: A module that Starlette needs for it.
    """

    name: str
    label: str
    exchange: Exchange
    status: int
    length: int | None
    share: float = 1.0
    needs: str = "starlette"


def cases(etag_of: Callable[[str], tuple[bytes, bytes]]) -> Callable[[str], list[Case]]:
    """Return a function that gives a contestant's cases: each has entity tags of its own."""

    def made(name: str) -> list[Case]:
        known = Exchange("/static/small.css", headers=(etag_of(name),))
        return [
            Case("static-small", "static file, 8 KiB", Exchange("/static/small.css"), 200, SMALL),
            Case("static-304", "static file, not modified", known, 304, 0),
            Case(
                "static-large",
                "static file, 16 MiB",
                Exchange("/static/large.bin"),
                200,
                LARGE,
                share=0.02,
            ),
            Case(
                "upload",
                "multipart upload, 1 MiB",
                _upload(),
                200,
                None,
                share=0.1,
                needs="python_multipart",
            ),
        ]

    return made


def _upload() -> Exchange:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + os.urandom(UPLOAD) + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = (
        (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"sec-fetch-site", b"same-origin"),
    )
    return Exchange("/upload", "POST", headers, body)


def measure(*, rounds: int, requests: int) -> list[Transfer]:
    """Measure all transfers, the contestants taking turns.

    Args:
        rounds: Values per contestant.
        requests: Requests behind each value of a small transfer.

    Returns:
        One `Transfer` per case.

    Raises:
        WrongAnswer: A contestant does not answer as it should.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "small.css").write_bytes(os.urandom(SMALL))
        (folder / "large.bin").write_bytes(os.urandom(LARGE))
        # Older than a second: nothing looks as if it were being written.
        for path in folder.iterdir():
            os.utime(path, (1_700_000_000, 1_700_000_000))
        return asyncio.run(_measure(folder, rounds, requests))


async def _measure(folder: Path, rounds: int, requests: int) -> list[Transfer]:
    present = [name for name in CONTESTANTS if find_spec(name) is not None]
    async with AsyncExitStack() as stack:
        apps: dict[str, ASGIApp] = {}
        tags: dict[str, tuple[bytes, bytes]] = {}
        for name in present:
            apps[name] = app = _application(name, folder)
            await stack.enter_async_context(running(app))
            tags[name] = (b"if-none-match", await _etag(app))
        made = cases(lambda name: tags[name])
        found = []
        for index, case in enumerate(made(present[0])):
            able = [name for name in present if name == "flasgo" or find_spec(case.needs)]
            count = max(1, int(requests * case.share))
            taken = await _rounds({n: (apps[n], made(n)[index]) for n in able}, rounds, count)
            found.append(_transfer(case, taken))
        return found


async def _rounds(
    entered: dict[str, tuple[ASGIApp, Case]], rounds: int, requests: int
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in entered}
    names = list(entered)
    for turn in range(rounds + 1):
        for step in range(len(names)):
            name = names[(turn + step) % len(names)]
            seconds = await _drive(*entered[name], requests)
            if turn:  # the first one warms up
                taken[name].append(seconds)
    return taken


def _transfer(case: Case, taken: dict[str, list[float]]) -> Transfer:
    own, rival = taken["flasgo"], taken.get("starlette")
    ratio = None
    if rival is not None:
        ratio = median(mine / other for mine, other in zip(own, rival, strict=True))
    return Transfer(
        case.name,
        case.label,
        median(own) * 1e6,
        None if rival is None else median(rival) * 1e6,
        ratio,
    )


async def _drive(app: ASGIApp, case: Case, requests: int) -> float:
    """Send a request again and again; return seconds per request."""
    gc.collect()
    gc.disable()
    try:
        started = time.perf_counter()
        for _ in range(requests):
            await _once(app, case)
        return (time.perf_counter() - started) / requests
    finally:
        gc.enable()


async def _once(app: ASGIApp, case: Case) -> list[tuple[bytes, bytes]]:
    body = case.exchange.body
    position = 0
    status = length = 0
    headers: list[tuple[bytes, bytes]] = []

    async def receive() -> Message:
        nonlocal position
        if position and position >= len(body):
            await asyncio.get_running_loop().create_future()  # the client stays and is silent
        piece = body[position : position + PIECE]
        position += max(1, len(piece))
        return {"type": "http.request", "body": piece, "more_body": position < len(body)}

    async def send(message: Message) -> None:
        nonlocal status, length, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        else:
            length += len(message.get("body", b""))

    await app(case.exchange.scope(), receive, send)
    if status != case.status or case.length not in (None, length):
        raise WrongAnswer(
            f"{case.label}: expected {case.status} with {case.length} bytes, found {status} with "
            f"{length}"
        )
    return headers


async def _etag(app: ASGIApp) -> bytes:
    case = Case("etag", "static file", Exchange("/static/small.css"), 200, SMALL)
    return dict(await _once(app, case))[b"etag"]


def _application(name: str, folder: Path) -> ASGIApp:
    return _flasgo(folder) if name == "flasgo" else _starlette(folder)


def _flasgo(folder: Path) -> ASGIApp:
    from flasgo import Flasgo, Request

    app = Flasgo(static_folder=folder, settings={"SECRET_KEY": SECRET_KEY})

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, int]:
        file = (await request.form()).file("file")
        if file is None:
            return {"size": 0}
        return {"size": sum([len(chunk) async for chunk in file.chunks()])}

    return app


def _starlette(folder: Path) -> ASGIApp:
    applications = importlib.import_module("starlette.applications")
    responses = importlib.import_module("starlette.responses")
    routing = importlib.import_module("starlette.routing")
    static = importlib.import_module("starlette.staticfiles")

    # Any framework's request: what is called on it is Starlette's.
    async def upload(request):
        async with request.form() as form:
            size = 0
            while chunk := await form["file"].read(256 * KIB):
                size += len(chunk)
        return responses.JSONResponse({"size": size})

    return applications.Starlette(
        routes=[
            routing.Route("/upload", upload, methods=["POST"]),
            routing.Mount("/static", static.StaticFiles(directory=folder)),
        ]
    )
