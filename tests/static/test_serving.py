"""STA-1: what is sent with a file, and how."""

import asyncio
import os
import threading
from functools import partial
from typing import Any

import pytest
from flasgo import ConfigurationError, Flasgo, FlasgoError, RouteError, SettingError
from flasgo.http.media_types import media_type
from flasgo.responses.files import CHUNK_BYTES, WHOLE_BYTES, FileChangedError
from flasgo_static import StaticFiles, StaticFolder, StaticPlugin, static_handler
from flasgo_testing import TestClient


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/static/hello.txt", "hello.txt"),
        ("/static/css/site.css", "css/site.css"),
        ("/static/css/deep/x.js", "css/deep/x.js"),
        ("/static/a b.txt", "a b.txt"),
        ("/static/ü.txt", "ü.txt"),
    ],
)
def test_files_are_served(app, connect, path, name):
    answer = connect(app).get(path)
    assert answer.status_code == 200
    assert answer.content == f"content of {name}".encode()
    assert answer.headers["content-length"] == str(len(answer.content))


def test_head_describes_without_a_body(app, connect):
    client = connect(app)
    got = client.get("/static/hello.txt")
    head = client.head("/static/hello.txt")
    assert head.content == b""
    assert head.status_code == got.status_code
    assert head.headers == got.headers


def test_other_methods_are_not_allowed(app, connect):
    answer = connect(app).post("/static/hello.txt")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("size", [0, 1, WHOLE_BYTES, WHOLE_BYTES + 1, 3 * CHUNK_BYTES + 5])
def test_files_of_every_size(app, connect, folder, size):
    content = os.urandom(size)
    (folder / "data.bin").write_bytes(content)
    client = connect(app)
    answer = client.get("/static/data.bin")
    assert answer.content == content
    assert answer.headers["content-length"] == str(size)
    head = client.head("/static/data.bin")
    assert head.headers == answer.headers
    assert head.content == b""


def test_large_files_go_out_in_bounded_pieces(app, folder):
    (folder / "data.bin").write_bytes(b"x" * (4 * CHUNK_BYTES))
    with TestClient(app) as client, client.stream("GET", "/static/data.bin") as answer:
        assert max(len(piece) for piece in answer.iter_raw()) <= CHUNK_BYTES


def test_the_loop_is_never_blocked(app, connect, monkeypatch, folder):
    (folder / "data.bin").write_bytes(b"x" * (WHOLE_BYTES + 1))
    threads = set()
    ours = set()  # descriptors of files in the folder; asyncio closes some of its own

    def spy(name, original, first, *args, **kwargs):
        is_ours = str(first).startswith(str(folder)) if name == "open" else first in ours
        if is_ours:
            threads.add(threading.current_thread().name)
        if name == "close":
            ours.discard(first)
        result = original(first, *args, **kwargs)
        if name == "open" and is_ours:
            ours.add(result)
        return result

    for name in ("open", "read", "close", "fstat"):
        monkeypatch.setattr(os, name, partial(spy, name, getattr(os, name)))
    client = connect(app)
    client.get("/static/hello.txt")
    client.get("/static/data.bin")
    assert threads
    assert "test-client" not in threads  # which runs the app's loop


# Files that change


def test_a_file_that_shrinks_while_it_is_sent_breaks_the_transfer(app, folder):
    path = folder / "data.bin"
    path.write_bytes(b"x" * (64 * CHUNK_BYTES))
    with TestClient(app) as client, client.stream("GET", "/static/data.bin") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        os.truncate(path, CHUNK_BYTES)
        with pytest.raises(FileChangedError):
            list(pieces)


def test_a_file_that_is_overwritten_while_it_is_sent_breaks_the_transfer(app, folder):
    path = folder / "data.bin"
    path.write_bytes(b"x" * (64 * CHUNK_BYTES))
    with TestClient(app) as client, client.stream("GET", "/static/data.bin") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        with path.open("r+b") as file:
            file.write(b"y")
        os.utime(path, (1, 1))
        with pytest.raises(FileChangedError):
            list(pieces)


def test_a_file_that_is_replaced_by_another_is_sent_as_it_was(app, folder):
    path = folder / "data.bin"
    path.write_bytes(b"x" * (64 * CHUNK_BYTES))
    (folder / "new.bin").write_bytes(b"y" * 10)
    with TestClient(app) as client, client.stream("GET", "/static/data.bin") as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        (folder / "new.bin").replace(path)
        rest = b"".join(pieces)
    assert first + rest == b"x" * (64 * CHUNK_BYTES)


def test_a_file_that_is_written_all_the_time_is_unavailable(app, connect, monkeypatch, folder):
    path = folder / "hello.txt"
    original = os.read

    def read_and_append(descriptor, size):
        data = original(descriptor, size)
        with path.open("ab") as file:
            file.write(b"more")
        return data

    monkeypatch.setattr(os, "read", read_and_append)
    answer = connect(app).get("/static/hello.txt")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_a_file_that_changes_once_is_read_again(app, connect, monkeypatch, folder):
    path = folder / "hello.txt"
    original = os.read
    changes = [b"second version"]

    def read_and_change(descriptor, size):
        data = original(descriptor, size)
        if changes:
            path.write_bytes(changes.pop())
        return data

    monkeypatch.setattr(os, "read", read_and_change)
    answer = connect(app).get("/static/hello.txt")
    assert (answer.status_code, answer.content) == (200, b"second version")


# Content types


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.wasm", "application/wasm"),
        ("a.woff2", "font/woff2"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.avif", "image/avif"),
        ("a.webp", "image/webp"),
        ("a.png", "image/png"),
        ("a.pdf", "application/pdf"),
        ("a.tar.gz", "application/gzip"),
        ("a.css.gz", "application/gzip"),
        ("a.html.br", "application/octet-stream"),
        ("data:text/html,x", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("dir.html/README", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
    ],
)
def test_media_types(name, expected):
    assert media_type(name) == expected


def test_the_machines_own_table_does_not_count(monkeypatch, tmp_path):
    monkeypatch.setattr("mimetypes.types_map", {".css": "text/wrong"})
    assert media_type("a.css") == "text/css; charset=utf-8"


# Caching


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "public, max-age=3600"),
        ({"STATIC_CACHE_MAX_AGE": 60}, "public, max-age=60"),
        ({"DEBUG": True}, "public, max-age=0"),
        ({"DEBUG": True, "STATIC_CACHE_MAX_AGE": 60}, "public, max-age=60"),
    ],
)
def test_cache_max_age_by_setting(make_app, connect, folder, settings, expected):
    app = make_app(settings, static_folder=folder)
    assert connect(app).get("/static/hello.txt").headers["cache-control"] == expected


def test_cache_max_age_by_argument(make_app, connect, folder):
    app = make_app({"STATIC_CACHE_MAX_AGE": 60})
    app.configure_static(folder, url_path="/assets", cache_max_age=86400)
    answer = connect(app).get("/assets/hello.txt")
    assert answer.headers["cache-control"] == "public, max-age=86400"


@pytest.mark.parametrize("condition", [[], [("if-none-match", "*")]])
def test_an_answer_with_a_cookie_is_private(app, connect, condition):
    @app.after_request
    def remember(request, response):
        response.set_cookie("seen", "1")

    answer = connect(app).get("/static/hello.txt", headers=condition)
    assert answer.headers["set-cookie"].startswith("seen=1")
    assert answer.headers["cache-control"] == "private, max-age=3600"


def test_an_answer_that_varies_by_cookie_is_private(app, connect):
    @app.after_request
    def vary(request, response):
        response.headers["vary"] = "Accept, Cookie"

    answer = connect(app).get("/static/hello.txt")
    assert answer.headers["cache-control"] == "private, max-age=3600"


# Configuration


def test_several_folders(make_app, connect, tmp_path, folder):
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "m.txt").write_bytes(b"media")
    app = make_app(static_folder=folder)
    app.configure_static(tmp_path / "media", url_path="/media/")
    client = connect(app)
    assert client.get("/static/hello.txt").status_code == 200
    assert client.get("/media/m.txt").content == b"media"
    assert app.url_for("static", filename="css/site.css") == "/static/css/site.css"
    assert app.url_for("static:/media", filename="m.txt") == "/media/m.txt"


def test_the_url_path_can_be_set(make_app, connect, folder):
    app = make_app({"STATIC_URL_PATH": "/files/"}, static_folder=folder)
    client = connect(app)
    assert client.get("/files/hello.txt").status_code == 200
    assert client.get("/static/hello.txt").status_code == 404
    assert app.url_for("static", filename="hello.txt") == "/files/hello.txt"


def test_files_at_the_root_come_after_other_routes(make_app, connect, folder):
    app = make_app()
    app.configure_static(folder, url_path="/")

    @app.get("/hello.txt")
    def hello():
        return "from a route"

    client = connect(app)
    assert client.get("/hello.txt").content == b"from a route"
    assert client.get("/css/site.css").content == b"content of css/site.css"


def test_a_missing_folder_is_a_warning(make_app, connect, tmp_path, caplog):
    app = make_app(static_folder=tmp_path / "later")
    assert f"The static folder {tmp_path / 'later'} does not exist" in caplog.text
    client = connect(app)
    assert client.get("/static/x.txt").status_code == 404
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "x.txt").write_bytes(b"now")
    assert client.get("/static/x.txt").content == b"now"


CALLER = """
from flasgo import Flasgo
from flasgo_static import StaticPlugin

def by_keyword():
    return Flasgo(static_folder="public", plugins=[StaticPlugin()], discover=False)

def by_method():
    app = Flasgo(plugins=[StaticPlugin()], discover=False)
    app.configure_static("public")
    return app
"""


@pytest.mark.parametrize("function", ["by_keyword", "by_method"])
@pytest.mark.filterwarnings("default")
def test_a_relative_folder_lies_next_to_the_calling_file(
    connect, folder, tmp_path, monkeypatch, function
):
    source = tmp_path / "shop.py"
    source.write_text(CALLER)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    namespace: dict[str, Any] = {"__name__": "shop"}
    exec(compile(CALLER, str(source), "exec"), namespace)
    app = namespace[function]()
    assert connect(app).get("/static/hello.txt").status_code == 200


def test_else_it_lies_in_the_working_directory(make_app, connect, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    app = make_app(static_folder="public")
    monkeypatch.chdir("/")
    assert connect(app).get("/static/hello.txt").status_code == 200


@pytest.mark.parametrize("value", ["", 5, ["static"], True])
def test_what_is_no_folder(make_app, value):
    with pytest.raises(FlasgoError, match="path of a directory"):
        make_app(static_folder=value)
    with pytest.raises(ConfigurationError, match="path of a directory"):
        make_app().configure_static(value)


@pytest.mark.parametrize(
    "url_path", ["static", "", "/a//b", "/a/../b", "/<path:x>", "/a?b", "/a b", "/%41", "//", 5]
)
def test_what_is_no_url_path(make_app, folder, url_path):
    with pytest.raises(ConfigurationError, match="url_path is"):
        make_app().configure_static(folder, url_path=url_path)
    with pytest.raises(SettingError):
        make_app({"STATIC_URL_PATH": url_path})


@pytest.mark.parametrize("max_age", [-1, 1.5, "60", True])
def test_what_is_no_max_age(make_app, folder, max_age):
    with pytest.raises(ConfigurationError, match="cache_max_age is"):
        make_app().configure_static(folder, cache_max_age=max_age)


def test_one_url_path_is_taken_once(make_app, folder):
    app = make_app(static_folder=folder)
    with pytest.raises(RouteError):
        app.configure_static(folder)


def test_routes_explain_themselves(app, folder):
    (route,) = [route for route in app.routes if route.endpoint == "static"]
    policy = route.policy(StaticFiles)
    assert policy == StaticFiles(folder=str(folder), cache_max_age=3600)
    assert policy.explain() == f"static files from {folder}, max-age 3600 s"


def test_a_handler_of_ones_own(connect, folder):
    app = Flasgo(plugins=[StaticPlugin()], discover=False)
    app.add_route("/downloads/<path:filename>", static_handler(StaticFolder(folder), 60))
    answer = connect(app).get("/downloads/hello.txt")
    assert answer.content == b"content of hello.txt"
    assert answer.headers["cache-control"] == "public, max-age=60"


async def test_many_at_once(app, connect):
    client = connect(app)
    answers = await asyncio.gather(*(client.aget("/static/css/deep/x.js") for _ in range(200)))
    assert {answer.content for answer in answers} == {b"content of css/deep/x.js"}
