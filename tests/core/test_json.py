"""JSON as the app sends and takes it, the same in answers, streams, events and messages."""

from __future__ import annotations

import inspect
import ipaddress
import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from flasgo import EventSourceResponse, Flasgo, NDJSONResponse, Request, Response, WebSocket
from flasgo.http.json import MAX_DEPTH, check_depth, decode, encode
from hypothesis import given, strategies as st

from tests.conftest import Connect


class Marked(str):
    __slots__ = ()


class Amount(float):
    __slots__ = ()


VALUES = {
    "markup": Marked("<b>"),
    "path": Path("a/b"),
    "pure": PurePosixPath("/c"),
    "ip": ipaddress.ip_address("127.0.0.1"),
    "network": ipaddress.ip_network("fe80::/10"),
    "interface": ipaddress.ip_interface("10.0.0.1/8"),
    "amount": Amount(1.5),
    "view": MappingProxyType({"a": 1}),
    Marked("key"): {ipaddress.ip_address("::1"): 1},
}
TEXT = {
    "markup": "<b>",
    "path": "a/b",
    "pure": "/c",
    "ip": "127.0.0.1",
    "network": "fe80::/10",
    "interface": "10.0.0.1/8",
    "amount": 1.5,
    "view": {"a": 1},
    "key": {"::1": 1},
}


async def forgotten() -> int:
    return 1


def test_values_that_msgspec_does_not_know() -> None:
    assert decode(encode(VALUES)) == TEXT


def test_answers_streams_and_events_take_the_same_values(connect: Connect) -> None:
    app = Flasgo()

    async def values() -> AsyncIterator[object]:
        yield VALUES

    app.add_route("/dict", lambda: VALUES, endpoint="dict")
    app.add_route("/json", lambda: Response.json(VALUES), endpoint="json")
    app.add_route("/lines", lambda: NDJSONResponse(values()), endpoint="lines")
    app.add_route("/events", lambda: EventSourceResponse(values()), endpoint="events")
    app.add_route("/model", lambda: VALUES, endpoint="model", response_model=dict[str, Any])
    app.add_route("/ip", lambda: VALUES["ip"], endpoint="ip")

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(VALUES)

    client = connect(app)
    for path in ("/dict", "/json", "/lines", "/model"):
        assert decode(client.get(path).content) == TEXT, path
    assert client.get("/ip").json() == "127.0.0.1"
    line = next(line for line in client.get("/events").text.splitlines() if line.startswith("data"))
    assert decode(line.partition(":")[2]) == TEXT
    with client.websocket_connect("/ws") as websocket:
        assert websocket.receive_json() == TEXT


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "wrap", [lambda it: {"a": [it]}, lambda it: [it], lambda it: ({"a": it}, 201)]
)
def test_a_coroutine_in_a_result_says_that_an_await_is_missing(connect: Connect, wrap: Any) -> None:
    app = Flasgo()

    @app.get("/")
    async def show() -> Any:
        return wrap(forgotten())

    answer = connect(app).get("/")
    assert answer.status_code == 500
    message = str(answer.extensions["exception"])
    assert "coroutine of forgotten in it: an `await` is missing" in message
    assert "Convert" not in message


# --- Depth ----------------------------------------------------------------------------------------


def nested(depth: int, leaf: str = "1") -> bytes:
    return ('{"a":[' * (depth // 2) + leaf + "]}" * (depth // 2)).encode()


@pytest.mark.parametrize("padding", ["", '"]]]]]]" , ' * 600, '"\\"[[[", ' * 600])
def test_the_limit_of_depth_does_not_depend_on_the_interpreter(padding: str) -> None:
    check_depth(b"[" + padding.encode() + nested(MAX_DEPTH - 2) + b"]")
    with pytest.raises(RecursionError, match=f"deeper than {MAX_DEPTH} levels"):
        check_depth(b"[" + padding.encode() + nested(MAX_DEPTH) + b"]")
    with pytest.raises(RecursionError):
        check_depth(f"[{padding}" + nested(MAX_DEPTH).decode() + "]")


def test_wide_json_is_not_deep() -> None:
    for item in (b"{}", b"[]", b'{"a":"]["}', b'{"a":[{"b":[[[[1]]]]}]}'):
        check_depth(b"[" + b",".join([item] * 5_000) + b"]")
    # Deeper than the quick look sees, and not too deep.
    check_depth(b"[" + b",".join([nested(100)] * 500) + b"]")


@given(
    st.recursive(
        st.text(alphabet='[]{}"\\a', max_size=4) | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text('["', max_size=2), inner)
        ),
        max_leaves=20,
    )
)
def test_the_depth_is_that_of_the_value(value: object) -> None:
    def depth(part: object) -> int:
        if not isinstance(part, list | dict):
            return 0
        return 1 + max(map(depth, part.values() if isinstance(part, dict) else part), default=0)

    outer = MAX_DEPTH - max(depth(value), 1)
    text = b"[],[]," * 9 + msgspec.json.encode(value)
    check_depth(b"[" * outer + text + b"]" * outer)
    with pytest.raises(RecursionError):
        check_depth(b"[" * (outer + 1) + text + b"]" * (outer + 1))


def test_bodies_and_messages_have_one_limit(connect: Connect) -> None:
    app = Flasgo()

    @app.post("/any")
    async def read(request: Request) -> str:
        return str(len(await request.json()))

    @app.post("/typed")
    async def typed(tree: dict[str, Any]) -> str:
        return str(len(tree))

    client = connect(app)
    for path, (depth, status) in itertools.product(
        ("/any", "/typed"), ((MAX_DEPTH, 200), (MAX_DEPTH + 2, 400), (100_000, 400))
    ):
        answer = client.post(
            path, content=nested(depth), headers={"content-type": "application/json"}
        )
        assert answer.status_code == status, (path, depth)
        if status == 400:
            assert "nested too deeply" in answer.json()["detail"]


def test_python_can_take_what_the_limit_allows() -> None:
    """Else the interpreter would decide after all."""
    assert sys.getrecursionlimit() - len(inspect.stack()) > MAX_DEPTH
    decode(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
