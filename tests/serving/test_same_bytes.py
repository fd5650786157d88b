"""SERVE-1: our quick protocols write the same bytes as uvicorn's own, and log the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.serving.uvicorn_twins import LAST, Play, Served, answer

Twins = tuple[Served, Served]

LENGTH_5 = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
GET = b"GET /it HTTP/1.1\r\nhost: x\r\n\r\n"


def both(twins: Twins, play: Play, *segments: bytes) -> tuple[bytes, bytes]:
    """Return what both servers answer; what they log has to be the same."""
    answers, logs = [], []
    for served in twins:
        served.script.plays = {"/it": play}
        served.script.seen.clear()
        served.records.lines.clear()
        answers.append(served.exchange(*segments))
        logs.append(list(served.records.lines))
    assert logs[0] == logs[1]
    return answers[0], answers[1]


def request(
    method: bytes = b"GET", version: bytes = b"1.1", *lines: bytes, body: bytes = b""
) -> bytes:
    head = [b"%b /it HTTP/%b" % (method, version), b"host: x", *lines]
    if body:
        head.append(b"content-length: %d" % len(body))
    return b"\r\n".join([*head, b"", b""]) + body


# --- apps that do not keep to ASGI, or do so in unusual ways ----------------------------------


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise LookupError("at once")


async def raises_after_its_head(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
    raise LookupError("after the head")


async def raises_in_the_body(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
    await send({"type": "http.response.body", "body": b"he", "more_body": True})
    raise LookupError("in the body")


async def returns_something(scope: Any, receive: Any, send: Any) -> str:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
    await send({"type": "http.response.body", "body": b"hello"})
    return "something"


async def returns_something_early(scope: Any, receive: Any, send: Any) -> str:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
    return "something"


async def returns_nothing(scope: Any, receive: Any, send: Any) -> None:
    return


async def returns_after_its_head(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})


async def body_without_head(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.body", "body": b"hello"})


async def two_heads(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})


async def too_many_bodies(scope: Any, receive: Any, send: Any) -> None:
    await answer(b"hello", headers=LENGTH_5)(scope, receive, send)
    await send({"type": "http.response.body", "body": b"more"})


async def text_for_a_body(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
    await send({"type": "http.response.body", "body": "hello"})


async def cancels_itself(scope: Any, receive: Any, send: Any) -> None:
    raise asyncio.CancelledError


async def echoes(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(b"content-length", str(len(body)).encode())]
    await answer(body, headers=headers)(scope, receive, send)


async def reads_after_its_head(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
    message = await receive()
    await send({"type": "http.response.body", "body": message["body"][:5]})


MANNERS: dict[str, Play] = {
    play.__name__: play
    for play in (
        raises_at_once,
        raises_after_its_head,
        raises_in_the_body,
        returns_something,
        returns_something_early,
        returns_nothing,
        returns_after_its_head,
        body_without_head,
        two_heads,
        too_many_bodies,
        text_for_a_body,
        cancels_itself,
        echoes,
        reads_after_its_head,
    )
}
MANNERS |= {
    "one piece": answer(b"hello", headers=LENGTH_5),
    "pieces": answer(b"he", b"", b"llo", headers=LENGTH_5),
    "chunks": answer(b"he", b"", b"llo"),
    "own chunks": answer(b"hello", headers=[(b"Transfer-Encoding", b"CHUNKED")]),
    "no body": answer(b"", headers=[(b"content-length", b"0")]),
    "204": answer(b"", status=204),
    "204 with a body": answer(b"hello", status=204),
    "304": answer(b"", status=304, headers=[(b"etag", b'"x"')]),
    "599": answer(b"hello", status=599, headers=LENGTH_5),
    "no such status": answer(b"hello", status=999, headers=LENGTH_5),
    "too long": answer(b"hello there", headers=LENGTH_5),
    "too short": answer(b"he", headers=LENGTH_5),
    "no number": answer(b"hello", headers=[(b"content-length", b"five")]),
    "two lengths": answer(b"hello", headers=[*LENGTH_5, (b"content-length", b"4")]),
    "length and chunks": answer(b"hello", headers=[*LENGTH_5, (b"transfer-encoding", b"chunked")]),
    "closes": answer(b"hello", headers=[*LENGTH_5, (b"Connection", b"Keep-Alive, Close")]),
    "keeps": answer(b"hello", headers=[*LENGTH_5, (b"connection", b"keep-alive")]),
    "lists": answer(b"hello", headers=[[b"X-A", b"1"], [b"content-length", b"5"]]),
    "generator": answer(b"hello", headers=tuple((b"x-%d" % n, b"1") for n in range(3))),
    "large": answer(b"x" * 300_000, headers=[(b"content-length", b"300000")]),
    "buffers": answer(bytearray(b"he"), b"llo", headers=LENGTH_5),
    "bad name": answer(b"hello", headers=[*LENGTH_5, (b"x y", b"1")]),
    "bad value": answer(b"hello", headers=[*LENGTH_5, (b"x-y", b"1\r\nset-cookie: a=b")]),
    "text for a name": answer(b"hello", headers=[*LENGTH_5, ("x", "1")]),
    "same line twice": answer(b"hello", headers=[*LENGTH_5, (b"vary", b"a"), (b"vary", b"a")]),
}


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(
    "segment",
    [
        request(),
        request(b"HEAD"),
        request(b"GET", b"1.0"),
        request(b"GET", b"1.0", b"connection: keep-alive"),
        request(b"GET", b"1.1", b"connection: close"),
        request(b"POST", b"1.1", body=b"hello"),
        request(b"POST", b"1.1", b"expect: 100-continue", body=b"hello"),
    ],
    ids=["get", "head", "1.0", "1.0 keep-alive", "close", "post", "continue"],
)
def test_each_manner_of_an_app(twins: Twins, manner: str, segment: bytes) -> None:
    for _ in range(2):  # the second time, lines come from the table
        stock, ours = both(twins, MANNERS[manner], segment + LAST)
        assert ours == stock


@pytest.mark.parametrize("manner", ["one piece", "chunks", "echoes", "closes", "raises_at_once"])
def test_pipelined_requests(twins: Twins, manner: str) -> None:
    segment = request(b"POST", b"1.1", body=b"hello") * 3 + request(b"HEAD") + GET
    stock, ours = both(twins, MANNERS[manner], segment + LAST)
    assert ours == stock


def test_a_head_in_small_pieces(twins: Twins) -> None:
    segments = [bytes([byte]) for byte in GET + request(b"POST", b"1.1", body=b"hello") + LAST]
    stock, ours = both(twins, MANNERS["echoes"], *segments)
    assert ours == stock


@pytest.mark.parametrize(
    "target", [b"/it?a=1&b=%20", b"/%69t", b"/it;x", b"/it?", b"/it?a=?", b"//it", b"/it/~.-_"]
)
def test_targets_are_read_alike(twins: Twins, target: bytes) -> None:
    seen = []

    async def play(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["path"], scope["raw_path"], scope["query_string"]))
        await MANNERS["one piece"](scope, receive, send)

    for served in twins:
        served.script.plays = dict.fromkeys(("/it", "/it;x", "//it", "/it/~.-_"), play)
        served.exchange(GET.replace(b"/it", target) + LAST)
    assert len(seen) == 2
    assert seen[0] == seen[1]


# --- anything ---------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [b"content-type", b"Vary", b"x-one", b"set-cookie", b"connection", b"content-length",
     b"transfer-encoding", b"content-security-policy", b"x y", b""]
)  # fmt: skip
VALUES = st.sampled_from(
    [b"text/plain", b"5", b"0", b"-1", b"1_0", b"close", b"chunked", b"a\r\nb: c", b"", b" x ",
     b"nonce-abc", b"\xff"]
)  # fmt: skip
STEPS = st.one_of(
    st.just(("receive",)),
    st.just(("raise",)),
    st.tuples(
        st.just("start"),
        st.sampled_from([200, 204, 206, 304, 404, 500, 599]),
        st.lists(st.tuples(NAMES, VALUES), max_size=4),
    ),
    st.tuples(st.just("body"), st.sampled_from([b"", b"hello", b"x" * 70_000]), st.booleans()),
)
SCRIPTS = st.one_of(
    st.lists(STEPS, max_size=5),
    st.lists(STEPS, max_size=3).map(lambda rest: [("start", 200, LENGTH_5), *rest]),
    st.lists(STEPS, max_size=3).map(
        lambda rest: [("start", 200, LENGTH_5), ("body", b"hello", False), *rest]
    ),
)
REQUESTS = st.builds(
    request,
    st.sampled_from([b"GET", b"HEAD", b"POST", b"OPTIONS"]),
    st.sampled_from([b"1.1", b"1.1", b"1.0"]),
    st.sampled_from([b"x: y", b"connection: close", b"connection: keep-alive"]),
    st.sampled_from([b"x: y", b"expect: 100-continue"]),
    body=st.sampled_from([b"", b"hello", b"y" * 3000]),
)


def played(steps: list[Any]) -> Play:
    async def play(scope: Any, receive: Any, send: Any) -> None:
        for kind, *rest in steps:
            if kind == "receive":
                await asyncio.wait_for(receive(), 0.05)
            elif kind == "raise":
                raise LookupError
            elif kind == "start":
                status, headers = rest
                await send({"type": "http.response.start", "status": status, "headers": headers})
            else:
                body, more = rest
                await send({"type": "http.response.body", "body": body, "more_body": more})

    return play


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=SCRIPTS, requests=st.lists(REQUESTS, min_size=1, max_size=3))
def test_anything(twins: Twins, steps: list[Any], requests: list[bytes]) -> None:
    stock, ours = both(twins, played(steps), b"".join(requests) + LAST)
    assert ours == stock
