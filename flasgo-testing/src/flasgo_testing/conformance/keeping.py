"""Cases about what a plugin must not take away: denials, headers, cookies, tasks, unread bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from flasgo import HTTPException, Request, Response, StreamingResponse, hookimpl

from flasgo_testing.exchange import Answer

from .probes import PREFIX, Neighbour
from .rig import Rig
from .subject import Subject
from .watch import current_call

__all__ = [
    "keeps_background_tasks",
    "keeps_denials",
    "keeps_headers",
    "leaves_the_body_to_the_handler",
]

_GATES = ("request_started", "authorize", "ratelimit_check")
_DENIED = (("/denied/401", 401), ("/denied/403", 403), ("/denied/429", 429), ("/raise", 500))


# --- Denials ----------------------------------------------------------------------------------


def keeps_denials(subject: Subject) -> Iterator[str]:
    """Yield the denials and failures that arrive as success."""
    rig = Rig(subject, neighbours=[Neighbour()])
    for path, status in _DENIED[:-1]:
        name = f"conformance.denied-{status}"
        rig.app.add_route(PREFIX + path, _denying(status), endpoint=name, include_in_schema=False)
    with rig:
        for stage in _GATES:
            for misdeed, status in (("aborts", 403), ("answers", 418)):
                situation = f"a request that another plugin denies in {stage} with {status}"
                headers = Neighbour.headers(stage, misdeed)
                for path in (rig.probes.paths[0], *rig.probes.paths[4:]):
                    answer = rig.ask(path, situation=situation, headers=headers)
                    yield from _let_through(answer, situation)
                scope = rig.scope(f"{PREFIX}/socket", situation=f"a WebSocket, {situation}")
                scope["headers"] += [(k.encode(), v.encode()) for k, v in headers.items()]
                if rig.converse(scope):
                    yield f"A WebSocket that another plugin denies in {stage} is accepted. {_KEEP}"
        for path, status in _DENIED:
            situation = f"a handler that answers with {status}"
            for method in ("GET", "HEAD"):
                answer = rig.ask(PREFIX + path, method, situation=situation)
                yield from _let_through(answer, f"{method}, {situation}")
        yield from rig.judge()


_KEEP = (
    "Clients judge an answer by its status: give another answer the status of the one that "
    "it replaces (error.status_code, response.status_code)."
)


def _let_through(answer: Answer | None, situation: str) -> Iterator[str]:
    # A redirect to a login page is a denial too.
    if answer is not None and answer.status < 300:
        yield f"The answer to {situation} leaves with {answer.status}. {_KEEP}"


def _denying(status: int) -> Callable[[], object]:
    async def deny() -> None:
        raise HTTPException(status, "This is denied.")

    return deny


# --- Headers and cookies ----------------------------------------------------------------------

_HEADERS = (
    ("content-security-policy", "default-src 'none'"),
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "private, no-store"),
    ("vary", "X-Conformance"),
    ("x-conformance", "kept"),
)
_COOKIES = (
    "conformance_one=1; Path=/; HttpOnly; Secure; SameSite=Strict",
    "conformance_two=2; Path=/; HttpOnly; SameSite=Lax",
)
_LISTS = ("cache-control", "vary")


def keeps_headers(subject: Subject) -> Iterator[str]:
    """Yield the headers and cookies that a handler or another plugin set, and that are gone."""
    rig = Rig(subject, neighbours=[_Marking()])
    for name, handler in (
        ("plain", _headed),
        ("streamed", _headed_stream),
        ("error", _headed_error),
    ):
        path = f"{PREFIX}/headed/{name}"
        rig.app.add_route(path, handler, endpoint=f"conformance.headed-{name}")
    own = [("retry-after", "7"), ("www-authenticate", "Bearer")]
    expected: tuple[tuple[str, int, Sequence[tuple[str, str]], Sequence[str]], ...] = (
        ("plain", 200, _HEADERS, _COOKIES),
        ("streamed", 200, _HEADERS, _COOKIES),
        ("error", 410, own, ()),
    )
    with rig:
        rig.probes.gate.set()
        for name, status, headers, cookies in expected:
            situation = f"a response with headers of its own ({name})"
            answer = rig.ask(f"{PREFIX}/headed/{name}", situation=situation)
            if answer is None:
                continue
            marks = [("x-conformance-mark", "first")]
            checked = [*marks, *headers] if answer.status == status else marks
            yield from _missing(answer, checked, situation)
            if answer.status == status:
                yield from _missing_cookies(answer, cookies, situation)
        for path in ("/nothing-here", f"{PREFIX}/raise", f"{PREFIX}/elsewhere"):
            answer = rig.ask(path)
            if answer is not None:
                yield from _missing(answer, [("x-conformance-mark", "first")], f"GET {path}")
        yield from rig.judge()


class _Marking:
    """Sets a header before all others."""

    name = "conformance_marking"

    @hookimpl(tryfirst=True)
    def response_finalize(self, response: Response) -> None:
        """Set it."""
        response.headers["x-conformance-mark"] = "first"


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS:
        response.headers[name] = value
    for cookie in _COOKIES:
        response.headers.add("set-cookie", cookie)
    return response


async def _headed() -> Response:
    return _with_headers(Response.json({"headed": True}))


async def _headed_stream() -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"headed"

    return _with_headers(StreamingResponse(parts(), content_type="text/plain"))


async def _headed_error() -> None:
    raise HTTPException(410, headers={"retry-after": "7", "www-authenticate": "Bearer"})


def _missing(answer: Answer, expected: Sequence[tuple[str, str]], situation: str) -> Iterator[str]:
    for name, value in expected:
        found = _values(answer, name)
        if name in _LISTS:
            wanted, have = _items(value), _items(",".join(found))
            if wanted <= have or "*" in have:
                continue
        elif value in found and (len(found) == 1 or name == "www-authenticate"):
            continue
        shown = f"is {', '.join(found)!r}" if found else "is gone"
        yield (
            f"{name} was {value!r} and {shown} in the answer to {situation}. Change the response's "
            "headers in place; where a new Response is needed, take over the headers of the old."
        )


def _missing_cookies(answer: Answer, cookies: Sequence[str], situation: str) -> Iterator[str]:
    found = [_items(value, ";") for value in _values(answer, "set-cookie")]
    for cookie in cookies:
        wanted = _items(cookie, ";")
        if not any(wanted <= have for have in found):
            name = cookie.partition("=")[0]
            shown = [v for v in _values(answer, "set-cookie") if v.startswith(name + "=")]
            became = f"became {shown[0]!r}" if shown else "is gone"
            yield (
                f"The cookie {cookie!r} {became} in the answer to {situation}. Keep each "
                "Set-Cookie line: headers.add, not headers[...] = ..., adds another."
            )


def _values(answer: Answer, name: str) -> list[str]:
    return [v.decode("latin-1") for k, v in answer.headers if k.lower() == name.encode()]


def _items(value: str, separator: str = ",") -> set[str]:
    return {item.strip().lower() for item in value.split(separator)} - {""}


# --- Background tasks -------------------------------------------------------------------------


def keeps_background_tasks(subject: Subject) -> Iterator[str]:
    """Yield it when tasks of a response do not run once."""
    rig, done = Rig(subject), list[str]()

    async def own() -> Response:
        return Response("own", background=lambda: done.append("own"))

    async def streamed() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"streamed"

        return StreamingResponse(parts(), background=lambda: done.append("streamed"))

    async def asked(request: Request) -> dict[str, bool]:
        request.background.add(lambda: done.append("asked"))
        return {"asked": True}

    how = {
        "own": "Response(..., background=task)",
        "streamed": "StreamingResponse(..., background=task)",
        "asked": "request.background.add(task)",
    }
    for handler in (own, streamed, asked):
        name = handler.__name__
        path = f"{PREFIX}/background/{name}"
        rig.app.add_route(path, handler, endpoint=f"conformance.background-{name}")
    with rig:
        for name, written in how.items():
            situation = f"a response with {written}"
            answer = rig.ask(f"{PREFIX}/background/{name}", situation=situation)
            times = done.count(name)
            if answer is not None and answer.status == 200 and times != 1:
                ran = f"ran {times} times" if times else "did not run"
                yield (
                    f"The background task of {written} {ran}. Leave response.background and "
                    "request.background as they are; a Response that replaces another one "
                    "inherits its tasks."
                )
        yield from rig.judge()


# --- Bodies -----------------------------------------------------------------------------------


def leaves_the_body_to_the_handler(subject: Subject) -> Iterator[str]:
    """Yield the hooks that read a body before it is known whether the request is allowed."""
    with Rig(subject) as rig:
        readers: list[tuple[str, str]] = []

        async def body() -> AsyncIterator[bytes]:
            call = current_call.get()
            if call is not None and call.hook in _GATES and rig.made.owns(call.plugin):
                readers.append((call.hook, call.plugin))
            yield b'{"a": 1}'

        for path in ("/plain", "/body", "/nothing-here"):
            for kind in ("application/json", "application/octet-stream"):
                scope = rig.scope(PREFIX + path, "POST", situation=f"a body of {kind}")
                scope["headers"].append((b"content-type", kind.encode()))
                exchange = rig.exchange(scope, body())
                rig.take(exchange, exchange.collect)
        for hook, plugin in dict.fromkeys(readers):
            yield (
                f"{hook} of {plugin!r} reads the body of a request that nothing asks it to judge: "
                "clients that are denied make the app read, and a handler can stream no more. Read "
                "it in the handler, or in a policy's authorize: @hookimpl(when=has_policy(...))."
            )
        yield from rig.judge()
