"""Bodies that plugins change on their way out: `response.transform` (PLUG-11)."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flasgo import (
    EventSourceResponse,
    FileResponse,
    Flasgo,
    Response,
    StreamingResponse,
    hookimpl,
)

from tests.asgi import Driver
from tests.conftest import Connect

BIG = b"0123456789" * 200_000


def squeezing() -> Callable[[bytes, bool], bytes]:
    squeezer = zlib.compressobj(wbits=31)

    def squeeze(piece: bytes, is_last: bool) -> bytes:
        flush = zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH
        return squeezer.compress(piece) + squeezer.flush(flush)

    return squeeze


class Gzip:
    """Compresses what it can."""

    name = "gzip"

    def __init__(self, make: Callable[[], Any] = squeezing) -> None:
        self.make = make
        self.changed: list[bool] = []

    @hookimpl(trylast=True)
    def response_finalize(self, response: Response) -> None:
        self.changed.append(
            response.transform(self.make(), content_encoding="gzip", vary="Accept-Encoding")
        )


async def mounted(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"6")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"foo", "more_body": True})
    await send({"type": "http.response.body", "body": b"bar"})


@pytest.fixture
def site(make_app: Callable[..., Flasgo], tmp_path: Path) -> Callable[..., Flasgo]:
    def make(plugin: Any = Gzip) -> Flasgo:
        (tmp_path / "small.txt").write_bytes(b"small file")
        (tmp_path / "big.txt").write_bytes(BIG)
        app = make_app(plugin)

        def parts() -> Iterator[str]:
            yield "one "
            yield "two"

        def events() -> Iterator[str]:
            yield "tick"

        app.add_route("/text", lambda: "x" * 100, endpoint="text")
        app.add_route("/stream", lambda: StreamingResponse(parts()), endpoint="stream")
        app.add_route("/events", lambda: EventSourceResponse(events()), endpoint="events")
        app.add_route("/none", lambda: None, endpoint="none")

        @app.get("/file/<name>")
        def file(name: str) -> FileResponse:
            return FileResponse(tmp_path / name)

        @app.get("/tagged")
        def tagged(request: Any) -> Response:
            response = Response("tagged", headers={"content-digest": "sha-256=:x:"})
            response.set_etag("v1")
            return response.make_conditional(request)

        @app.get("/kept/<what>")
        def kept(what: str) -> Response:
            name, value = what.split("=")
            return Response("kept", headers={name: value})

        app.mount("/mounted", mounted)
        return app

    return make


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/text", b"x" * 100),
        ("/stream", b"one two"),
        ("/file/small.txt", b"small file"),
        ("/file/big.txt", BIG),
        ("/mounted/", b"foobar"),
    ],
)
def test_every_kind_of_body_is_changed(
    site: Callable[..., Flasgo], connect: Connect, path: str, body: bytes
) -> None:
    client = connect(site())
    answer = client.get(path, headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer.content) == (200, body)  # the client has expanded it
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]
    assert "accept-ranges" not in answer.headers
    etag = answer.headers.get("etag")
    assert etag is None or etag.startswith("W/")
    length = answer.headers.get("content-length")
    is_whole = path in {"/text", "/file/small.txt"}
    assert (length is not None and int(length) < 100) if is_whole else length is None
    if not path.startswith("/mounted"):
        head = client.head(path)
        for name in ("content-encoding", "vary", "etag"):
            assert head.headers.get(name) == answer.headers.get(name)
        assert head.headers.get("content-length") in {length, None}
        assert head.content == b""


def test_events_are_flushed_one_by_one(site: Callable[..., Flasgo], connect: Connect) -> None:
    answer = connect(site()).get("/events")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == "data: tick\n\n"


def test_a_304_describes_what_the_client_has(site: Callable[..., Flasgo], connect: Connect) -> None:
    client = connect(site())
    tag = client.get("/tagged").headers["etag"]
    assert tag == 'W/"v1"'
    assert "content-digest" not in client.get("/tagged").headers
    again = client.get("/tagged", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert "Accept-Encoding" in again.headers["vary"]
    assert "content-encoding" not in again.headers
    file = client.get("/file/small.txt")
    again = client.get("/file/small.txt", headers={"if-none-match": file.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (304, file.headers["etag"])


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/none", {}),
        ("/file/big.txt", {"range": "bytes=0-9"}),
        ("/kept/cache-control=no-transform", {}),
        ("/kept/content-encoding=br", {}),
    ],
)
def test_what_must_not_be_changed_is_left_alone(
    site: Callable[..., Flasgo], connect: Connect, path: str, headers: dict[str, str]
) -> None:
    plugin = Gzip()
    [start, *bodies], _ = exchange(site(plugin), path, headers)
    assert plugin.changed == [False]
    names = dict(start["headers"])
    assert b"Accept-Encoding" in names[b"vary"]
    assert names.get(b"content-encoding") in {None, b"br"}
    assert b"".join(m["body"] for m in bodies) in {b"", b"0123456789", b"kept"}


def exchange(
    app: Flasgo, path: str, headers: dict[str, str] | None = None
) -> tuple[list[Any], Exception | None]:
    """Return the messages that reach the server, and what the app lets escape."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    try:
        asyncio.run(app(Driver(app).scope(path, "GET", headers or {}), receive, send))
    except RuntimeError as error:
        return sent, error
    return sent, None


def failing(after: int) -> Callable[[], Any]:
    def make() -> Any:
        left = after

        def fail(piece: bytes, is_last: bool) -> bytes:
            nonlocal left
            left -= 1
            if left < 0:
                raise ZeroDivisionError("inside")
            return piece

        return fail

    return make


@pytest.mark.parametrize("path", ["/text", "/file/small.txt"])
def test_a_failure_with_a_whole_body_is_a_500_of_the_plugin(
    site: Callable[..., Flasgo], connect: Connect, path: str
) -> None:
    answer = connect(site(Gzip(failing(0)))).get(path)
    assert answer.status_code == 500
    assert "content-encoding" not in answer.headers
    assert "Plugin 'gzip' failed in response_finalize" in str(answer.extensions["exception"])


@pytest.mark.parametrize("path", ["/stream", "/file/big.txt", "/events", "/mounted/"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_failure_within_a_stream_never_ends_it_as_if_it_were_whole(
    site: Callable[..., Flasgo], path: str, after: int
) -> None:
    sent, error = exchange(site(Gzip(failing(after))), path)
    assert "fail of a body failed while it was sent: ZeroDivisionError" in str(error)
    assert sent[0]["status"] == 200
    assert all(message["more_body"] for message in sent[1:])
    assert len(sent) == 1 + after


def test_a_mounted_app_that_goes_on_after_a_failure_cannot_end_the_body(
    make_app: Callable[..., Flasgo],
) -> None:
    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for is_last in (False, True):
            with suppress(RuntimeError):
                await send({"type": "http.response.body", "body": b"x", "more_body": not is_last})

    app = make_app(Gzip(failing(0)))
    app.mount("/m", stubborn)
    sent, _ = exchange(app, "/m/")
    assert [message["type"] for message in sent] == ["http.response.start"]


def test_transformations_follow_one_another(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    class Shout:
        name = "a"

        @hookimpl
        def response_finalize(self, response: Response) -> None:
            assert response.transform(lambda piece, is_last: piece.upper())
            assert response.transform(lambda piece, is_last: piece + b"!" * is_last)

    app = make_app(Shout)
    app.add_route("/", lambda: "hi", endpoint="whole")
    app.add_route("/s", lambda: StreamingResponse(iter(["h", "i"])), endpoint="stream")
    client = connect(app)
    assert [client.get(path).text for path in ("/", "/s")] == ["HI!", "HI!"]
    assert client.get("/").headers["content-length"] == "3"


def test_an_object_that_is_kept_is_changed_once_for_each_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    kept = Response("kept")
    app = make_app(Gzip)
    app.add_route("/", lambda: kept, endpoint="kept")
    client = connect(app)
    assert [client.get("/").text for _ in range(3)] == ["kept"] * 3


def test_misuse_is_told() -> None:
    async def slow(piece: bytes, is_last: bool) -> bytes:
        return piece

    response: Any = Response("x")
    for wrong in (5, None, slow):
        with pytest.raises(TypeError, match="takes a `def` function"):
            response.transform(wrong)
    with pytest.raises(TypeError, match=r"<lambda> returned str; it returns bytes"):
        response.transform(lambda piece, is_last: "text")
    assert response.body == b"x"
    assert list(response.headers) == ["content-type"]
    response._sent = True
    with pytest.raises(RuntimeError, match="is being sent: transform it before"):
        response.transform(gzip.compress)
