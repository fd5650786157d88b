"""Requests: read lazily, read once, and never past a limit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from flasgo.asgi import Message
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.http.headers import read_head
from flasgo.http.multidict import MultiDict, State
from flasgo.requests.request import Request
from hypothesis import given, strategies as st


class Client:
    """Plays the server's side of `receive` from a script of messages and pauses (seconds)."""

    def __init__(self, *script: Message | float) -> None:
        self.script = list(script)
        self.calls = 0

    async def __call__(self) -> Message:
        self.calls += 1
        while self.script:
            step = self.script.pop(0)
            if not isinstance(step, float | int):
                return step
            await asyncio.sleep(step)
        await asyncio.Event().wait()
        raise AssertionError


def part(body: bytes = b"", *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


def make_app(**settings: object) -> Any:
    defaults = {"MAX_REQUEST_BODY_BYTES": 1000, "REQUEST_READ_TIMEOUT_SECONDS": 5.0}
    return SimpleNamespace(
        settings=SimpleNamespace(**{**defaults, **settings}),
        _declarations=SimpleNamespace(request_attributes={}),
    )


def make_request(
    *script: Message | float,
    headers: Iterable[tuple[bytes, bytes]] = (),
    app: Any = None,
    **scope: Any,
) -> Request:
    raw = list(headers)
    full = {"type": "http", "method": "POST", "path": "/notes", "headers": raw, **scope}
    receive = Client(*script) if script else Client(part())
    return Request(app or make_app(), full, receive, read_head(raw, 65536))


def typed(content_type: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", content_type)]


def sized(length: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-length", length)]


# --- the scope ----------------------------------------------------------------------------------


def test_what_the_scope_says() -> None:
    request = make_request(
        method="GET", path="/a b", query_string=b"q=1", client=("10.0.0.1", 5), scheme="https"
    )
    assert request.method == "GET"
    assert request.path == "/a b"
    assert request.query_string == b"q=1"
    assert request.client_ip == "10.0.0.1"
    assert request.scheme == "https"
    assert request.is_secure
    assert request.root_path == ""
    assert request.path_params == {}
    assert request.route is None
    assert "GET" in repr(request)


def test_what_a_sparse_scope_leaves_open() -> None:
    request = make_request()
    assert request.scheme == "http"
    assert not request.is_secure
    assert request.client_ip is None
    assert request.query_string == b""
    assert request.query == {}
    assert request.cookies == {}
    assert request.content_type == ""
    assert make_request(client=None).client_ip is None
    assert make_request(type="websocket").scheme == "ws"


def test_headers_and_raw_headers() -> None:
    request = make_request(headers=[(b"host", b"a.b"), (b"x", b"1"), (b"x", b"2")])
    assert request.headers["Host"] == "a.b"
    assert request.headers.getlist("x") == ["1", "2"]
    assert request.headers is request.headers
    assert request.raw_header(b"x") == b"1"
    assert request.raw_header(b"y") is None


def test_cookies_of_several_headers_are_joined() -> None:
    request = make_request(headers=[(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2; a=3")])
    assert request.cookies.multi_items() == [("a", "1"), ("b", "2"), ("a", "3")]
    assert make_request(headers=[(b"cookie", b"a=1")]).cookies == {"a": "1"}


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        (b"a=1&b=2", [("a", "1"), ("b", "2")]),
        (b"a=1&a=2", [("a", "1"), ("a", "2")]),
        (b"a", [("a", "")]),
        (b"a=&=b", [("a", ""), ("", "b")]),
        (b"&&a=1&", [("a", "1")]),
        (b"a+b=c+d", [("a b", "c d")]),
        (b"a%20b=%C3%A9", [("a b", "é")]),
        (b"a=%2B+%26%3D", [("a", "+ &=")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a=%zz%", [("a", "%zz%")]),
        (b"a=%%41%4", [("a", "%A%4")]),
        (b"a=%0A%3D%3d%0d=\n", [("a", "\n==\r=\n")]),
        (b"a=\n \n=\n", [("a", "\n \n=\n")]),
        (b"a=\xc3%A9", [("a", "é")]),
        (b"a=%ff", [("a", "\ufffd")]),
        (b"a=\xc3\xa9", [("a", "é")]),
        (b"a=%252B", [("a", "%2B")]),
        (b"a=b=c", [("a", "b=c")]),
    ],
)
def test_query(raw: bytes, pairs: list[tuple[str, str]]) -> None:
    assert make_request(query_string=raw).query.multi_items() == pairs


def test_a_query_has_a_bounded_number_of_parameters() -> None:
    assert len(make_request(query_string=b"&".join([b"a"] * 1000)).query.getlist("a")) == 1000
    with pytest.raises(HTTPException) as caught:
        _ = make_request(query_string=b"&" * 1000).query
    assert caught.value.status_code == 400


def test_a_query_has_a_bounded_number_of_broken_escapes() -> None:
    assert make_request(query_string=b"a=" + b"%" * 999).query["a"] == "%" * 999
    with pytest.raises(HTTPException) as caught:
        _ = make_request(query_string=b"a=" + b"%" * 100_000).query
    assert caught.value.status_code == 400
    assert "%25" in caught.value.detail


@given(st.lists(st.tuples(st.text(), st.text(min_size=1)), max_size=5))
def test_a_query_survives_the_round_trip(pairs: list[tuple[str, str]]) -> None:
    raw = urlencode(pairs).encode()
    assert make_request(query_string=raw).query.multi_items() == pairs


@given(st.text(st.sampled_from("%4aA=\n\r +\té&."), max_size=30))
def test_queries_are_decoded_as_the_standard_library_does(raw: str) -> None:
    parsed = parse_qsl(raw, keep_blank_values=True, separator="&")
    assert make_request(query_string=raw.encode()).query.multi_items() == parsed


@given(st.binary(max_size=60))
def test_any_query_is_read(raw: bytes) -> None:
    assert isinstance(make_request(query_string=raw).query, MultiDict)


@pytest.mark.parametrize(
    ("scope", "host", "url"),
    [
        ({}, b"a.b", "http://a.b/notes"),
        ({}, b"A.B:8000", "http://a.b:8000/notes"),
        ({}, b"[::1]:80", "http://[::1]:80/notes"),
        ({"query_string": b"a=1&b=%20"}, b"a.b", "http://a.b/notes?a=1&b=%20"),
        ({"query_string": b'"\xff\r\n'}, b"a.b", "http://a.b/notes?%22%FF%0D%0A"),
        ({"path": "/a b/é?#%"}, b"a.b", "http://a.b/a%20b/%C3%A9%3F%23%25"),
        ({"path": "//evil/x"}, b"a.b", "http://a.b//evil/x"),
        ({"path": "/a/b", "raw_path": b"/a%2fb"}, b"a.b", "http://a.b/a%2fb"),
        ({"path": "/é b", "raw_path": b"/%C3%A9%20b"}, b"a.b", "http://a.b/%C3%A9%20b"),
        ({"path": '/\\"<', "raw_path": b'/\\"<'}, b"a.b", "http://a.b/%5C%22%3C"),
        ({"path": "/\ufffd%", "raw_path": b"/%ff%"}, b"a.b", "http://a.b/%ff%"),
        # What does not decode to the path that was routed is not taken.
        ({"path": "/x", "raw_path": b"/y"}, b"a.b", "http://a.b/x"),
        (
            {"path": "/app/x", "raw_path": b"/app/%78", "root_path": "/app"},
            b"",
            "http://localhost/app/%78",
        ),
        ({"path": "/x", "raw_path": b"/%78", "root_path": "/a b"}, b"a.b", "http://a.b/a%20b/%78"),
        ({"root_path": "/app", "path": "/app/x"}, b"a.b", "http://a.b/app/x"),
        ({"root_path": "/app/", "path": "/x"}, b"a.b", "http://a.b/app/x"),
        ({"root_path": "/app", "path": "/application"}, b"a.b", "http://a.b/app/application"),
        ({"scheme": "https"}, b"a.b", "https://a.b/notes"),
        ({"server": ("10.0.0.1", 8000)}, None, "http://10.0.0.1:8000/notes"),
        ({"server": ("10.0.0.1", 80)}, None, "http://10.0.0.1/notes"),
        ({"server": ("::1", 8000)}, None, "http://[::1]:8000/notes"),
        ({"server": ("::1", 80)}, None, "http://[::1]/notes"),
        ({"server": ("/run/app.sock", None)}, None, "http://localhost/notes"),
        ({}, None, "http://localhost/notes"),
        ({}, b"a.b/path", "http://localhost/notes"),
        ({}, b"user@evil", "http://localhost/notes"),
        ({}, b"a.b?x", "http://localhost/notes"),
        ({}, b"a.b#x", "http://localhost/notes"),
        ({}, b"a.b\\x", "http://localhost/notes"),
        ({}, b"a.b\n", "http://localhost/notes"),
        ({}, b"", "http://localhost/notes"),
        ({}, b"a.b:port", "http://localhost/notes"),
    ],
)
def test_url_is_never_built_from_an_odd_host(
    scope: dict[str, Any], host: bytes | None, url: str
) -> None:
    headers = [] if host is None else [(b"host", host)]
    assert make_request(headers=headers, **scope).url == url


@pytest.mark.parametrize(
    ("scope", "full"),
    [
        ({"path": "/x", "query_string": b"a=%20"}, "/x?a=%20"),
        ({"path": "/app/x", "root_path": "/app"}, "/x"),
        ({"path": "/app", "root_path": "/app"}, "/"),
        ({"path": "/app2/x", "root_path": "/app"}, "/app2/x"),
        ({"path": "/app/é", "raw_path": b"/app/%c3%a9", "root_path": "/app"}, "/%c3%a9"),
        ({"path": "/app/é?", "raw_path": b"/%61pp/%c3%a9%3F", "root_path": "/app"}, "/%C3%A9%3F"),
        ({"path": "/x/y", "raw_path": b"/x%2Fy", "root_path": "/app"}, "/x%2Fy"),
    ],
)
def test_full_path(scope: dict[str, Any], full: str) -> None:
    assert make_request(**scope).full_path == full


def test_state_is_this_requests_own() -> None:
    shared = {"pool": 1}
    first, second = make_request(state=shared), make_request(state=shared)
    first.state.user = "ann"
    first.g.count = 2
    assert first.g is first.state
    assert first.state.pool == 1
    assert first.state.count == 2
    assert "user" not in second.state
    assert shared == {"pool": 1}


def test_path_params_are_fresh_per_request() -> None:
    first, second = make_request(), make_request()
    first.path_params["x"] = 1
    assert first.path_params == {"x": 1}
    assert second.path_params == {}
    second.path_params = {"y": 2}
    assert second.path_params == {"y": 2}


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (b"application/json", "application/json"),
        (b"Application/JSON; charset=utf-8", "application/json"),
        (b"  text/plain ;x", "text/plain"),
        (b"", ""),
        (b";", ""),
    ],
)
def test_content_type(header: bytes, kind: str) -> None:
    assert make_request(headers=typed(header)).content_type == kind


# --- attributes of plugins ----------------------------------------------------------------------


def test_a_registered_attribute_is_computed_once() -> None:
    calls: list[Request] = []

    def ticket(request: Request) -> str:
        calls.append(request)
        return "data"

    app = make_app()
    app._declarations.request_attributes["ticket"] = ticket
    request = make_request(app=app)
    assert request.peek("ticket") is None
    assert request.ticket == "data"  # ty: ignore[missing-attribute]
    assert request.ticket == "data"  # ty: ignore[missing-attribute]
    assert request.peek("ticket") == "data"
    assert calls == [request]
    assert make_request(app=app).peek("ticket") is None


def test_a_registered_attribute_may_be_assigned() -> None:
    app = make_app()
    app._declarations.request_attributes["tenant"] = lambda request: pytest.fail("computed")
    request = make_request(app=app)
    request.tenant = "ann"  # ty: ignore[missing-attribute]
    assert request.tenant == "ann"  # ty: ignore[missing-attribute]
    assert request.peek("tenant") == "ann"


def test_builtin_lazies_may_be_assigned_too() -> None:
    request = make_request(client=("10.0.0.1", 1))
    request.client_ip = "192.0.2.1"
    assert request.client_ip == "192.0.2.1"


def test_an_unknown_attribute_says_what_was_meant() -> None:
    app = make_app()
    app._declarations.request_attributes["tenants"] = lambda request: 1
    request = make_request(app=app)
    with pytest.raises(AttributeError, match=r"no attribute 'tenent'.*'tenants'") as caught:
        _ = request.tenent  # ty: ignore[missing-attribute]
    assert caught.value.name == "tenent"
    with pytest.raises(AttributeError, match=r"'headers'"):
        _ = request.header  # ty: ignore[missing-attribute]
    assert not hasattr(request, "nothing_like_it")
    assert not hasattr(request, "__length_hint__")


def test_an_attribute_error_inside_an_attribute_is_not_swallowed() -> None:
    app = make_app()
    app._declarations.request_attributes["tenant"] = lambda request: None.id  # ty: ignore
    request = make_request(app=app)
    with pytest.raises(RuntimeError, match=r"request\.tenant failed"):
        getattr(request, "tenant", None)
    with pytest.raises(RuntimeError, match=r"Request\.read_timeout failed"):
        _ = make_request(app=SimpleNamespace(settings=None)).read_timeout


# --- body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ([part(b"abc")], b"abc"),
        ([part(b"ab", more=True), part(b"c")], b"abc"),
        ([part(b"", more=True), part(b"abc", more=True), part()], b"abc"),
        ([part()], b""),
        ([{"type": "http.request"}], b""),
        ([0.0, part(b"ab", more=True), 0.001, 0.001, part(b"c")], b"abc"),
    ],
)
async def test_body(script: list[Message | float], body: bytes) -> None:
    request = make_request(*script)
    assert await request.body() == body
    assert await request.body() == body
    assert [chunk async for chunk in request.stream()] == ([body] if body else [])
    assert await request.body() == body


async def test_stream_yields_as_it_comes() -> None:
    request = make_request(part(b"ab", more=True), part(b"", more=True), part(b"c"))
    assert [chunk async for chunk in request.stream()] == [b"ab", b"c"]


@pytest.mark.parametrize("second", ["body", "text", "json", "form", "stream"])
async def test_a_streamed_body_is_gone(second: str) -> None:
    request = make_request(
        part(b"abc"), headers=typed(b"application/json" if second != "form" else b"a/b")
    )
    _ = [chunk async for chunk in request.stream()]
    if second == "form":
        request.content_type = "application/x-www-form-urlencoded"
    again = (lambda: anext(request.stream())) if second == "stream" else getattr(request, second)
    with pytest.raises(RuntimeError, match=r"stream\(\) has consumed"):
        await again()


async def test_a_declared_body_over_the_limit_is_refused_unread() -> None:
    request = make_request(part(b"x"), headers=sized(b"1001"))
    for _ in range(2):
        with pytest.raises(HTTPException) as caught:
            await request.body()
        assert caught.value.status_code == 413
        assert "1000" in caught.value.detail
    assert request._receive.calls == 0  # ty: ignore[missing-attribute]


@pytest.mark.parametrize("declared", [None, b"10"])
async def test_received_bytes_are_what_counts(declared: bytes | None) -> None:
    request = make_request(
        *[part(b"x" * 400, more=True)] * 10, headers=sized(declared) if declared else []
    )
    for _ in range(2):
        with pytest.raises(HTTPException) as caught:
            await request.body()
        assert caught.value.status_code == 413
    assert request._receive.calls == 3  # ty: ignore[missing-attribute]


async def test_a_body_of_exactly_the_limit_passes() -> None:
    assert len(await make_request(part(b"x" * 1000), headers=sized(b"1000")).body()) == 1000


@pytest.mark.parametrize(
    "declared", [b"-1", b"1.5", b"abc", b"", b"+1", b"0x10", b"1 2", b"1,1", b"\xb2", b"9" * 5000]
)
async def test_a_length_that_is_not_a_number(declared: bytes) -> None:
    request = make_request(part(b"x"), headers=sized(declared))
    with pytest.raises(HTTPException) as caught:
        await request.body()
    assert caught.value.status_code == 400
    assert "Content-Length" in caught.value.detail


@pytest.mark.parametrize("declared", [b"2", b"4", b"0"])
async def test_a_length_that_is_not_kept(declared: bytes) -> None:
    request = make_request(part(b"ab", more=True), part(b"c"), headers=sized(declared))
    for _ in range(2):
        with pytest.raises(HTTPException) as caught:
            await request.body()
        assert caught.value.status_code == 400
        assert "Content-Length" in caught.value.detail


@pytest.mark.parametrize("script", [[GONE], [part(b"a", more=True), 0.001, GONE]])
async def test_a_client_that_leaves(script: list[Message | float]) -> None:
    request = make_request(*script)
    for _ in range(2):
        with pytest.raises(ClientDisconnect):
            await request.body()


async def test_a_silent_client_is_cut() -> None:
    request = make_request(
        part(b"a", more=True), 60.0, app=make_app(REQUEST_READ_TIMEOUT_SECONDS=0.02)
    )
    with pytest.raises(HTTPException) as caught:
        await request.body()
    assert caught.value.status_code == 408


async def test_a_trickling_client_is_cut() -> None:
    trickle = [step for _ in range(1000) for step in (0.01, part(b"a", more=True))]
    request = make_request(*trickle, app=make_app(REQUEST_READ_TIMEOUT_SECONDS=0.1))
    with pytest.raises(HTTPException) as caught:
        await request.body()
    assert caught.value.status_code == 408


async def test_a_slow_consumer_does_not_spend_the_clients_time() -> None:
    request = make_request(
        *[part(b"a", more=True)] * 3, part(), app=make_app(REQUEST_READ_TIMEOUT_SECONDS=0.02)
    )
    seen = 0
    async for _ in request.stream():
        seen += 1
        await asyncio.sleep(0.03)
    assert seen == 3


async def test_a_cancelled_read_is_cancelled() -> None:
    request = make_request(part(b"a", more=True), 60.0)
    task = asyncio.create_task(request.body())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_server_may_clean_up_when_its_receive_is_cancelled() -> None:
    cleaned: list[str] = []

    async def receive() -> Message:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cleaned.append("yes")
            return part(b"late")
        return GONE

    request = make_request()
    request._receive = receive
    task = asyncio.create_task(request.body())
    await asyncio.sleep(0.01)
    task.cancel()
    assert await task == b"late"  # the server swallowed it, which is its right
    assert cleaned == ["yes"]


async def test_any_awaitable_will_do_as_receive() -> None:
    def receive() -> asyncio.Future[Message]:
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.005, future.set_result, part(b"abc"))
        return future

    request = make_request()
    request._receive = receive
    assert await request.body() == b"abc"


async def test_an_error_of_the_server_comes_through() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0)
        raise LookupError("server")

    request = make_request()
    request._receive = receive
    with pytest.raises(LookupError, match="server"):
        await request.body()


@pytest.mark.parametrize(("route_limit", "allowed"), [(None, 1000), (10, 10), (5000, 5000)])
async def test_a_route_may_have_its_own_limit(route_limit: int | None, allowed: int) -> None:
    request = make_request(part(b"x" * (allowed + 1)))
    request.route = SimpleNamespace(max_body=route_limit)  # ty: ignore[invalid-assignment]
    assert request.max_body == allowed
    with pytest.raises(HTTPException) as caught:
        await request.body()
    assert str(allowed) in caught.value.detail


# --- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "body", "text"),
    [
        (b"text/plain", "é".encode(), "é"),
        (b"", "é".encode(), "é"),
        (b"text/plain; charset=UTF-8", "é".encode(), "é"),
        (b'text/plain; format=x; CHARSET="iso-8859-1"', b"\xe9", "é"),
        (b"text/plain; charset=windows-1252", b"\x80", "€"),
        (b"text/plain; charset=utf-16", "é".encode("utf-16"), "é"),
        (b"text/plain; charset=", b"a", "a"),
    ],
)
async def test_text(header: bytes, body: bytes, text: str) -> None:
    assert await make_request(part(body), headers=typed(header)).text() == text


@pytest.mark.parametrize(
    "charset", [b"klingon", b"idna", b"punycode", b"utf-7", b"zlib", b"rot13", b"\x00", b"x" * 999]
)
async def test_an_unsupported_charset(charset: bytes) -> None:
    request = make_request(part(b"a"), headers=typed(b"text/plain; charset=" + charset))
    with pytest.raises(HTTPException) as caught:
        await request.text()
    assert caught.value.status_code == 415
    assert caught.value.detail.isprintable()


@pytest.mark.parametrize("header", [b"text/plain", b"text/plain; charset=ascii"])
async def test_text_that_is_none(header: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        await make_request(part(b"\xff"), headers=typed(header)).text()
    assert caught.value.status_code == 400


# --- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [b"application/json", b"application/json; charset=utf-8", b"application/problem+json", b""],
)
async def test_json(header: bytes) -> None:
    request = make_request(part(b'{"a": [1, 2.5, null, "\xc3\xa9"]}'), headers=typed(header))
    value = await request.json()
    assert value == {"a": [1, 2.5, None, "é"]}
    assert await request.json() is value
    assert await request.body()
    assert await request.text()


async def test_an_integer_beyond_64_bits_is_still_a_number() -> None:
    assert await make_request(part(b"-" + b"9" * 900)).json() == -int("9" * 900)


async def test_json_null_is_cached_as_well() -> None:
    request = make_request(part(b"null"))
    assert await request.json() is None
    assert await request.json() is None


@pytest.mark.parametrize(
    "header",
    [b"text/plain", b"application/x-www-form-urlencoded", b"application/jsonp", b"text/json+x"],
)
async def test_json_of_another_media_type(header: bytes) -> None:
    request = make_request(part(b"{}"), headers=typed(header))
    with pytest.raises(HTTPException) as caught:
        await request.json()
    assert caught.value.status_code == 415
    assert "Content-Type: application/json" in caught.value.detail


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"{",
        b"{}x",
        b"{'a': 1}",
        b"[1,]",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b"1e999999999",
        b"9" * 5000,
        b"[-" + b"9" * 5000 + b"]",
        b"\xff",
        b'"\xff"',
        b'{"\xc3": 1}',
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b'"\x00"',
        b"undefined",
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_bad_json(body: bytes) -> None:
    app = make_app(MAX_REQUEST_BODY_BYTES=10_000)
    request = make_request(part(body), headers=typed(b"application/json"), app=app)
    with pytest.raises(HTTPException) as caught:
        await request.json()
    assert caught.value.status_code == 400
    assert "Send valid JSON with `Content-Type: application/json`" in caught.value.detail


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 20_000])
async def test_deeply_nested_json(body: bytes) -> None:
    request = make_request(part(body), app=make_app(MAX_REQUEST_BODY_BYTES=1_000_000))
    with pytest.raises(HTTPException) as caught:
        await request.json()
    assert caught.value.status_code == 400
    assert "nested" in caught.value.detail


@given(st.binary(max_size=40))
def test_any_body_is_json_or_refused(body: bytes) -> None:
    async def read() -> None:
        status = 200
        try:
            await make_request(part(body)).json()
        except HTTPException as refusal:
            status = refusal.status_code
        assert status in (200, 400)

    asyncio.run(read())


# --- the end of the connection ------------------------------------------------------------------


async def finishes(waiting: Callable[[], Any]) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await waiting()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    ("script", "options", "noticed"),
    [
        ([part(), 0.001, GONE], {"method": "GET"}, True),
        ([GONE], {"method": "GET"}, True),
        ([part()], {"method": "GET"}, False),
        ([part(b"x"), GONE], {"headers": sized(b"1")}, False),
        ([part(b"x"), GONE], {"headers": [(b"transfer-encoding", b"chunked")]}, False),
        ([part(b"x"), GONE], {"http_version": "2"}, False),
        ([part(), GONE], {"http_version": "2", "method": "GET"}, True),
    ],
)
async def test_waiting_for_the_client_to_leave(
    script: list[Message | float], options: dict[str, Any], noticed: bool
) -> None:
    request = make_request(*script, **options)
    assert await finishes(request._wait_closed) is noticed


async def test_waiting_leaves_an_unread_body_alone() -> None:
    request = make_request(part(b"abc"), headers=sized(b"3"))
    assert not await finishes(request._wait_closed)
    assert await request.body() == b"abc"


async def test_waiting_after_the_body_was_read() -> None:
    request = make_request(part(b"abc"), GONE, headers=sized(b"3"))
    assert await request.body() == b"abc"
    assert await finishes(request._wait_closed)


async def test_waiting_gives_a_body_that_is_not_there() -> None:
    request = make_request(part(), GONE, method="GET")
    assert await finishes(request._wait_closed)
    assert await request.body() == b""


async def test_waiting_does_not_spin() -> None:
    async def receive() -> Message:
        return part()

    request = make_request(method="GET")
    request._receive = receive
    assert not await finishes(request._wait_closed)


def test_closing_a_request_without_a_form() -> None:
    make_request()._close()


# --- MultiDict and State ------------------------------------------------------------------------


def test_multidict() -> None:
    values = MultiDict([("a", "1"), ("b", "2"), ("a", "3")])
    assert values["a"] == "1"
    assert values.get("c") is None
    assert values.get("c", "d") == "d"
    assert values.getlist("a") == ["1", "3"]
    assert values.getlist("c") == []
    assert list(values) == ["a", "b"]
    assert len(values) == 2
    assert dict(values) == {"a": "1", "b": "2"}
    assert list(values.items()) == [("a", "1"), ("b", "2")]
    assert values.multi_items() == [("a", "1"), ("b", "2"), ("a", "3")]
    assert "a" in values
    assert values == {"a": "1", "b": "2"}
    assert values != MultiDict([("a", "1"), ("b", "2")])
    assert "3" in repr(values)
    with pytest.raises(KeyError):
        values["c"]
    with pytest.raises(TypeError):
        values["a"] = "x"  # ty: ignore[invalid-assignment]


def test_state() -> None:
    state = State({"a": 1})
    state.b = 2
    assert state.a == 1
    assert list(state) == ["a", "b"]
    assert len(state) == 2
    assert "b" in state
    assert state.get("c") is None
    assert state.setdefault("c", 3) == 3
    assert state.pop("c") == 3
    assert state.pop("c") is None
    del state.b
    assert "b" not in state
    with pytest.raises(AttributeError, match="'b'"):
        del state.b
    state.counter = 1
    with pytest.raises(AttributeError, match="Did you mean 'counter'"):
        _ = state.conter
    assert "secret" not in repr(State({"token": "secret"}))


async def test_streams_can_be_closed_early() -> None:
    request = make_request(part(b"a", more=True), part(b"b"))
    stream: AsyncIterator[bytes] = request.stream()
    assert await anext(stream) == b"a"
    with pytest.raises(RuntimeError, match="consumed"):
        await request.body()
