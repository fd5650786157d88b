"""Cases about requests: every outcome, every shape, bad company."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flasgo_testing.asgi import Scope
from flasgo_testing.recording import HookCall

from .faults import CaseStopped
from .probes import MISDEEDS, PREFIX, STAGES, Neighbour
from .rig import Rig
from .subject import Subject
from .watch import current_call

__all__ = [
    "calls_no_pluggy",
    "does_not_block",
    "keeps_streams_streaming",
    "serves_bare_requests",
    "serves_every_outcome",
    "serves_websockets",
    "survives_neighbours",
    "works_alone",
    "works_beside_others",
]


def works_alone(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong without any other plugin."""
    with Rig(subject) as rig:
        for path in rig.probes.paths:
            answer = rig.ask(path, situation=f"GET {path} without any other plugin")
            by = rig.refusal(path)
            yield from rig.judge()
            if answer is not None and answer.status >= 500:
                status = answer.status
                yield f"As soon as the plugin is there GET {path} is answered with {status}{by}."


def works_beside_others(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong next to everything that is installed."""
    with Rig(subject, discover=True) as rig:
        for path in rig.probes.paths:
            rig.ask(path, situation=f"GET {path} next to the installed plugins")
        rig.ask(f"{PREFIX}/missing")
        rig.converse(rig.scope(f"{PREFIX}/socket", situation="a WebSocket"))
        yield from rig.judge()


def serves_every_outcome(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong with any kind of answer."""
    with Rig(subject) as rig:
        rig.probes.gate.set()
        for name, method, path in (
            ("a 404", "GET", "/nothing-here"),
            ("a 404 of a handler", "GET", "/abort"),
            ("a 405", "DELETE", "/plain"),
            ("an unknown method", "BREW", "/plain"),
            ("automatic OPTIONS", "OPTIONS", "/plain"),
            ("a handler that raises", "GET", "/raise"),
            ("a redirect", "GET", "/elsewhere"),
            ("a redirect of the router", "GET", "/plain/"),
            ("a 204", "GET", "/nothing"),
            ("a streamed response", "GET", "/stream"),
            ("HEAD of a streamed response", "HEAD", "/stream"),
            ("HEAD of a 404", "HEAD", "/nothing-here"),
            ("HEAD of a handler that raises", "HEAD", "/raise"),
            ("a refused body", "POST", "/body"),
            ("OPTIONS *", "OPTIONS", "*"),
        ):
            rig.ask(path if path == "*" else PREFIX + path, method, situation=name)
            yield from rig.judge()
        for path in rig.probes.paths:
            yield from _head_like_get(rig, path)
        yield from rig.judge()


def _head_like_get(rig: Rig, path: str) -> Iterator[str]:
    get, head = rig.ask(path), rig.ask(path, "HEAD", situation=f"HEAD {path}")
    if get is None or head is None:
        return
    if get.status != head.status:
        yield f"GET {path} is answered with {get.status}, HEAD with {head.status}."
    lengths = [dict(answer.headers).get(b"content-length") for answer in (get, head)]
    if None not in lengths and lengths[0] != lengths[1]:
        yield f"GET {path} has the Content-Length {lengths[0]!r}, HEAD {lengths[1]!r}."


_LONG = b"x" * 8000
_HEADERS: tuple[tuple[str, list[tuple[bytes, bytes]]], ...] = (
    ("no headers at all", []),
    ("an empty Host", [(b"host", b"")]),
    ("a Host that is none", [(b"host", b"\xff:\xff")]),
    ("two Hosts", [(b"host", b"localhost"), (b"host", b"evil.example")]),
    ("cookies that are none", [(b"host", b"localhost"), (b"cookie", b"=;\xff; a==b;;\x01")]),
    ("a long cookie", [(b"host", b"localhost"), (b"cookie", b"session=" + _LONG)]),
    ("credentials that are none", [(b"host", b"localhost"), (b"authorization", b"\xff \x00")]),
    ("an empty Authorization", [(b"host", b"localhost"), (b"authorization", b"")]),
    (
        "an Origin and a Referer that are none",
        [(b"host", b"localhost"), (b"origin", b"://"), (b"referer", b"http://[")],
    ),
    (
        "conditions that are none",
        [
            (b"host", b"localhost"),
            (b"range", b"bytes=-"),
            (b"if-none-match", b'"'),
            (b"if-modified-since", b"yesterday"),
        ],
    ),
    (
        "forwarding headers that are none",
        [(b"host", b"localhost"), (b"x-forwarded-for", b",,"), (b"forwarded", b"for=;;")],
    ),
    (
        "preferences that are none",
        [(b"host", b"localhost"), (b"accept", b";q=x,,"), (b"accept-encoding", b"\xff")],
    ),
    ("a long header", [(b"host", b"localhost"), (b"x-long", _LONG)]),
    ("too many headers", [(b"host", b"localhost"), *[(b"x-many", _LONG)] * 12]),
)
_CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("no peer address", {"client": None}),
    ("a peer address that is empty", {"client": ("", 0)}),
    ("a peer on IPv6", {"client": ("2001:db8::1%eth0", 9)}),
    ("a peer that is not an address", {"client": ("unix:/run/app.sock", 0)}),
    ("no server address", {"server": None}),
    ("a Unix socket as server", {"server": ("/run/app.sock", None)}),
    ("a prefix from a proxy", {"root_path": "/shop"}),
    ("HTTPS", {"scheme": "https"}),
    ("HTTP/2", {"http_version": "2"}),
    ("a broken query", {"query_string": b"a=%zz&%ff=\xff&&="}),
)
_OPTIONAL_KEYS = ("client", "server", "root_path", "raw_path", "scheme", "state", "extensions")
_PATHS = ("//", "/\x00", "/\udcff", "/../..", "/" + "a" * 8000, f"{PREFIX}//plain", "/%2e%2e", "/ü")
_BODIES: tuple[tuple[str, str, str, bytes], ...] = (
    ("/body", "application/json", "broken JSON", b'{"a": '),
    ("/body", "application/json", "deep JSON", b"[" * 5000),
    ("/form", "multipart/form-data", "a form without a boundary", b"--x\r\n\r\n"),
    ("/form", "multipart/form-data; boundary=x", "a truncated form", b"--x\r\nContent-Dis"),
    ("/form", "application/x-www-form-urlencoded", "a broken form", b"%zz=&\xff"),
    ("/plain", "", "a body of no type", b"\x00\xff"),
)


def serves_bare_requests(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong with requests that a test client would not send."""
    with Rig(subject) as rig:
        paths = [rig.probes.paths[0], *rig.probes.paths[4:]]
        for path in paths:
            for scope in _odd_scopes(rig, path):
                rig.send(scope)
            yield from rig.judge()
        for path in _PATHS:
            rig.ask(path, situation=f"the path {path[:40]!r}")
        for path, kind, name, body in _BODIES:
            headers = {"content-type": kind} if kind else {}
            rig.ask(PREFIX + path, "POST", situation=name, headers=headers, body=body)
        yield from rig.judge()


def _odd_scopes(rig: Rig, path: str) -> Iterator[Scope]:
    for name, headers in _HEADERS:
        for method in ("GET", "POST"):
            yield rig.scope(path, method, headers, situation=f"{method} with {name}")
    for name, changes in _CHANGES:
        yield rig.scope(path, situation=f"a request with {name}", **changes)
    bare = rig.scope(path, headers=(), situation="a scope with what ASGI demands and no more")
    for key in _OPTIONAL_KEYS:
        del bare[key]
    yield bare


def serves_websockets(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong with WebSocket connections."""
    with Rig(subject) as rig:
        for path in rig.probes.websockets:
            rig.converse(rig.scope(path, situation="a WebSocket"))
            rig.converse(rig.scope(path, headers=(), situation="a WebSocket without headers"))
            situation = "a WebSocket without a peer address"
            rig.converse(rig.scope(path, situation=situation, client=None))
            yield from rig.judge()
        for name, path in (
            ("a WebSocket that the handler closes", f"{PREFIX}/hung-up"),
            ("a WebSocket whose handler raises", f"{PREFIX}/broken"),
            ("a WebSocket to nowhere", "/nothing-here"),
        ):
            rig.converse(rig.scope(path, situation=name))
        yield from rig.judge()


def keeps_streams_streaming(subject: Subject) -> Iterator[str]:
    """Yield it when a piece of a stream does not leave before the next one is made."""
    with Rig(subject) as rig:
        exchange = rig.exchange(
            rig.scope(f"{PREFIX}/stream", situation="a streamed response"), buffered=False
        )

        async def first_piece() -> bool:
            answer = await exchange.begin()
            return answer.status >= 400 or bool(await exchange.next_pieces())

        async def rest() -> None:
            rig.probes.gate.set()
            while await exchange.next_pieces():
                pass

        try:
            rig.take(exchange, first_piece)
        except CaseStopped as stop:
            yield from rig.judge()
            raise CaseStopped(
                "The first piece of a streamed response does not leave while the second is not "
                f"made: response_finalize must not read or wait for a stream's body. {stop}"
            ) from None
        rig.take(exchange, rest)
        rig.leave(rig.scope(f"{PREFIX}/stream", situation="a stream whose client leaves"))
        yield from rig.judge()


def survives_neighbours(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong when other plugins or the client do."""
    with Rig(subject, neighbours=[Neighbour()]) as rig:
        paths = [rig.probes.paths[0], *rig.probes.paths[4:]]
        for stage in STAGES:
            for misdeed in MISDEEDS:
                for path in paths:
                    rig.ask(
                        path,
                        situation=f"a request where another plugin {misdeed} in {stage}",
                        headers=Neighbour.headers(stage, misdeed),
                    )
                yield from rig.judge()
        for path in (f"{PREFIX}/forever", f"{PREFIX}/stream"):
            rig.leave(rig.scope(path, situation="a request whose client leaves"))
        yield from rig.judge()


def _ordinary_traffic(rig: Rig) -> None:
    rig.probes.gate.set()
    for path in (*rig.probes.paths, f"{PREFIX}/missing", f"{PREFIX}/stream"):
        rig.ask(path)
    rig.ask(rig.probes.paths[0], "POST")
    for path in rig.probes.websockets:
        rig.converse(rig.scope(path, situation="a WebSocket"))


_TIMED_ROUNDS = 3
_MOST_PROCESSOR_SECONDS = 0.02
_MOST_WAIT_SECONDS = 0.05


def does_not_block(subject: Subject) -> Iterator[str]:
    """Yield what hooks do that keeps the event loop from everybody else."""
    with Rig(subject, is_profiled=True) as rig:
        try:
            # What is done once, at the first request, is done twice here and forgiven once.
            _ordinary_traffic(rig)
            first = {_blamed(call, what) for call, what in rig.watch.found if "open()" in what}
            stalls = [pair for pair in rig.watch.found if "open()" not in pair[1]]
            rig.watch.found[:] = stalls
            _ordinary_traffic(rig)
        except CaseStopped:
            yield from _blocking(rig, set())
            raise
        yield from _blocking(rig, first)
        if not rig.watch.found:
            rig.call(rig.watch.profile_no_more)
            rig.watch.times.clear()
            for _ in range(_TIMED_ROUNDS):
                _ordinary_traffic(rig)
            yield from _slow(rig)


def _blocking(rig: Rig, first: set[str]) -> Iterator[str]:
    seen: set[str] = set()
    for call, what in rig.watch.found:
        fault = _blamed(call, what)
        if not rig.made.owns(call.plugin) or fault in seen:
            continue
        seen.add(fault)
        again = " at every request" if fault in first else ""
        yield f"{fault}{again}, {_ON_THE_LOOP}"


_ON_THE_LOOP = (
    "on the event loop: no other request is served meanwhile. Use an async library, or `await "
    "request.app.threads.run(function)`."
)


def _slow(rig: Rig) -> Iterator[str]:
    """Yield the hooks whose quickest call for one and the same request is too slow."""
    quickest: dict[tuple[object, ...], tuple[int, float, float]] = {}
    for call, processor, waited in rig.watch.times:
        if call.connection is not None and rig.made.owns(call.plugin):
            key = (call.hook, call.plugin, call.method, call.path)
            times, least, shortest = quickest.get(key, (0, processor, waited))
            quickest[key] = times + 1, min(least, processor), min(shortest, waited)
    seen: set[object] = set()
    for (hook, plugin, *_), (times, processor, waited) in quickest.items():
        if times < _TIMED_ROUNDS or (hook, plugin) in seen:
            continue
        if processor > _MOST_PROCESSOR_SECONDS:
            what = f"needs {processor * 1000:.0f} ms of processor time for each request"
        elif waited > _MOST_WAIT_SECONDS:
            what = f"waits {waited * 1000:.0f} ms in each request, for a lock or a device"
        else:
            continue
        seen.add((hook, plugin))
        yield f"{hook} of {plugin!r} {what}, {_ON_THE_LOOP}"


def _blamed(call: HookCall, what: str) -> str:
    return f"{call.hook} of {call.plugin!r} {what}"


def calls_no_pluggy(subject: Subject) -> Iterator[str]:
    """Yield the hooks that are called through pluggy while a request is served."""
    with Rig(subject) as rig:
        _ordinary_traffic(rig)
        called: dict[str, str] = {}

        def before(name: str, impls: object, arguments: object) -> None:
            call = current_call.get()
            called.setdefault(name, f" in {call.hook} of {call.plugin!r}" if call else "")

        undo = rig.app.plugins.manager.add_hookcall_monitoring(before, lambda *_: None)
        try:
            _ordinary_traffic(rig)
        finally:
            undo()
        for name, where in called.items():
            yield (
                f"{name} is called through pluggy{where} while a request is served. Ask once, at "
                f"set-up: app.plugins.hook_callables({name!r})."
            )
