"""ERG-1: Flask's functions and globals, imported from `flasgo`."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flasgo import (
    Blueprint,
    Flasgo,
    Markup,
    Response,
    after_this_request,
    current_app,
    escape,
    g,
    has_app_context,
    has_request_context,
    make_response,
    render_template_string,
    request,
    send_file,
    send_from_directory,
    stream_with_context,
    url_for,
)

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]


# --- url_for, current_app, contexts ---------------------------------------------------------


def test_url_for_and_current_app_are_those_of_the_serving_app(
    make_app: MakeApp, connect: Connect
) -> None:
    app, inner, notes = make_app(name="outer"), make_app(name="inner"), Blueprint("notes", "/notes")

    @notes.get("/<int:number>")
    async def show(number: int) -> str:
        return url_for(".show", number=number + 1, page=2, _anchor="top")

    @inner.get("/where")
    def where() -> str:
        return f"{current_app.name} {url_for('where')} {current_app._get_current_object() is inner}"  # ty: ignore[missing-attribute]

    app.register_blueprint(notes)
    app.mount("/inner", inner)
    client = connect(app)
    assert client.get("/notes/1").text == "/notes/2?page=2#top"
    assert client.get("/inner/where").text == "inner /inner/where True"


def test_outside_of_requests_the_globals_say_what_they_need() -> None:
    assert not has_request_context()
    assert not has_app_context()
    for use in (lambda: current_app.name, lambda: url_for("x"), lambda: g.db):
        with pytest.raises(RuntimeError, match="app_context"):
            use()


def test_an_app_context_gives_an_app_a_g_and_templates(make_app: MakeApp) -> None:
    app = make_app()
    app.get("/here", endpoint="here")(lambda: "x")
    with app.app_context() as context:
        g.db = 7
        assert (current_app.name, url_for("here"), context.g.db) == ("flasgo", "/here", 7)
        assert render_template_string("{{ url_for('here') }} {{ x }}", x="<") == "/here &lt;"
        assert has_app_context()
        assert not has_request_context()
        with app.app_context():
            assert "db" not in g
        assert g.db == 7
    assert not has_app_context()


# --- make_response, after_this_request, stream_with_context ---------------------------------


@pytest.mark.parametrize(
    ("parts", "status", "body"),
    [
        ((), 200, b""),
        (("hi",), 200, b"hi"),
        (("hi", 201), 201, b"hi"),
        (("hi", 201, {"x-a": "1"}), 201, b"hi"),
        ((("hi", 201),), 201, b"hi"),
        (({"a": 1},), 200, b'{"a":1}'),
        ((Response("x", 404),), 404, b"x"),
    ],
)
def test_make_response(parts: tuple[Any, ...], status: int, body: bytes) -> None:
    response = make_response(*parts)
    assert (response.status_code, response.body) == (status, body)
    response.set_cookie("seen", "1")


def test_after_this_request_is_for_one_request_and_comes_first(
    make_app: MakeApp, connect: Connect
) -> None:
    app = make_app()

    @app.after_request
    def last(response: Response) -> None:
        response.headers["x-order"] = response.headers.get("x-order", "") + "app"

    @app.get("/")
    def home() -> str:
        @after_this_request
        def first(response: Response) -> Response:
            response.headers["x-order"] = "first,"
            return response

        @after_this_request
        async def second(request: Any, response: Response) -> None:
            response.headers["x-order"] += "second,"

        return "x"

    app.get("/plain")(lambda: "x")
    client = connect(app)
    assert client.get("/").headers["x-order"] == "first,second,app"
    assert client.get("/plain").headers["x-order"] == "app"


def test_after_this_request_reaches_errors_and_apps_without_callbacks(
    make_app: MakeApp, connect: Connect
) -> None:
    app = make_app()

    @app.before_request
    def note() -> None:
        after_this_request(lambda response: response.headers.update({"x-seen": "1"}))

    @app.get("/broken")
    def broken() -> str:
        raise ValueError("broken")

    client = connect(app)
    for path in ("/nowhere", "/broken"):
        assert client.get(path).headers["x-seen"] == "1"


def test_after_this_request_is_refused_once_the_response_is_sent(
    make_app: MakeApp, connect: Connect
) -> None:
    app, refused = make_app(), []

    def late() -> None:
        try:
            after_this_request(lambda response: None)
        except RuntimeError as error:
            refused.append(str(error))

    app.teardown_request(lambda: late())

    @app.get("/")
    async def stream() -> AsyncIterator[str]:
        yield "x"  # taken before the head is sent
        late()
        yield "y"

    with connect(app) as client:  # whose end waits for the teardown
        assert client.get("/").text == "xy"
    assert len(refused) == 2
    assert "too late" in refused[0]


def test_after_this_request_needs_an_http_request(make_app: MakeApp, connect: Connect) -> None:
    app, refused = make_app(), []
    with pytest.raises(RuntimeError, match=r"app\.after_request"):
        after_this_request(lambda response: None)

    @app.websocket("/ws")
    async def ws(websocket: Any) -> None:
        await websocket.accept()
        try:
            after_this_request(lambda response: None)
        except RuntimeError as error:
            refused.append(str(error))

    with connect(app).websocket_connect("/ws"):
        pass
    assert "WebSocket" in refused[0]


def test_stream_with_context_passes_streams_on(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.get("/a")
    def first() -> Response:
        def parts() -> Iterator[str]:
            yield request.path

        return make_response(stream_with_context(parts()))

    @app.get("/b")
    def second() -> Any:
        @stream_with_context
        def parts() -> Iterator[str]:
            yield request.path

        return parts()

    client = connect(app)
    assert (client.get("/a").text, client.get("/b").text) == ("/a", "/b")


# --- Templates ------------------------------------------------------------------------------


def test_markup_escape_and_templates_from_text(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.get("/")
    def home() -> str:
        return render_template_string("{{ a }}{{ b }} {{ request.path }}", a="<", b=Markup("<b>"))

    assert connect(app).get("/").text == "&lt;<b> /"
    assert escape("<") == Markup("&lt;")


# --- Files ----------------------------------------------------------------------------------


def test_send_file(make_app: MakeApp, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("a,b")
    app, changed = make_app(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    @app.get("/plain")
    def plain() -> Response:
        return send_file(tmp_path / "report.csv")

    @app.get("/saved")
    def saved() -> Response:
        return send_file(
            tmp_path / "report.csv",
            mimetype="text/plain",
            as_attachment=True,
            download_name="all.csv",
            etag="mine",
            last_modified=changed,
            max_age=60,
        )

    @app.get("/relative")
    def relative() -> Response:
        return send_file("conftest.py")  # next to this file

    client = connect(app)
    answer = client.get("/plain")
    assert answer.text == "a,b"
    assert answer.headers["content-type"].startswith("text/csv")
    assert "content-disposition" not in answer.headers
    assert client.get("/plain", headers={"range": "bytes=0-0"}).text == "a"
    answer = client.get("/saved")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-disposition"] == 'attachment; filename="all.csv"'
    assert answer.headers["etag"] == '"mine"'
    assert answer.headers["last-modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert client.get("/relative").text.startswith('"""Apps for')


def test_send_file_takes_open_files(make_app: MakeApp, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 100_000)
    app = make_app()

    @app.get("/memory")
    def memory() -> Response:
        return send_file(io.BytesIO(b"pdf"), download_name="a.pdf", as_attachment=True)

    @app.get("/disk")
    def disk() -> Response:
        return send_file((tmp_path / "a.bin").open("rb"), mimetype="application/x-own")

    client = connect(app)
    answer = client.get("/memory")
    assert (answer.content, answer.headers["content-type"]) == (b"pdf", "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="a.pdf"'
    answer = client.get("/disk")
    assert (len(answer.content), answer.headers["content-type"]) == (100_000, "application/x-own")


@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        (io.StringIO("x"), {"mimetype": "text/plain"}, "binary mode"),
        (io.BytesIO(b"x"), {}, "mimetype= or"),
        (io.BytesIO(b"x"), {"as_attachment": True, "mimetype": "a/b"}, "download_name="),
    ],
)
def test_send_file_refuses(file: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        send_file(file, **options)


@pytest.mark.parametrize("path", ["a.txt", "sub/b.txt"])
def test_send_from_directory(
    make_app: MakeApp, connect: Connect, tmp_path: Path, path: str
) -> None:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / path).write_text(path)
    (folder / ".hidden").write_text("hidden")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    app = make_app()

    @app.get("/files/<path:name>")
    def files(name: str) -> Response:
        return send_from_directory(folder, name, as_attachment=True)

    client = connect(app)
    answer = client.get(f"/files/{path}")
    assert answer.text == path
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert "etag" in answer.headers
    for name in ("missing", "%2e%2e/secret.txt", "..%2fsecret.txt", "link.txt", ".hidden", "sub"):
        assert client.get(f"/files/{name}").status_code == 404
