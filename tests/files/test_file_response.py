"""REQ-5: files as answers."""

import os
import threading
import time
from email.message import Message
from pathlib import Path

import pytest
from flasgo import BackgroundTasks, FileResponse, Flasgo, HTTPException, Request, Response, hookimpl
from flasgo.http.filenames import content_disposition
from flasgo.responses.files import CHUNK_BYTES, WHOLE_BYTES, FileChangedError
from flasgo_testing import TestClient

MODIFIED = 1_700_000_000
SAME = "Tue, 14 Nov 2023 22:13:20 GMT"
CONTENT = b"0123456789" * 10


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes(CONTENT)
    os.utime(path, (MODIFIED, MODIFIED))
    return path


@pytest.fixture
def serve_file(app, path):
    def serve(make=lambda path: FileResponse(path), **options):
        @app.route("/file", **options)
        async def file():
            return make(path)

    return serve


def test_a_file(client, serve_file):
    serve_file()
    answer = client.get("/file")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-length"] == "100"
    assert answer.headers["last-modified"] == SAME
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "content-disposition" not in answer.headers
    head = client.head("/file")
    assert head.content == b""
    assert head.headers == answer.headers


@pytest.mark.parametrize("size", [1, WHOLE_BYTES + 1])
def test_a_file_made_for_one_answer_is_taken_away_afterwards(app, serve_file, path, size):
    def make(path):
        tasks = BackgroundTasks()
        tasks.add(path.unlink)
        return FileResponse(path, background=tasks)

    serve_file(make)
    path.write_bytes(b"x" * size)
    with TestClient(app) as client:
        assert len(client.get("/file").content) == size
    assert not path.exists()


@pytest.mark.parametrize("size", [0, 1, WHOLE_BYTES, WHOLE_BYTES + 1, 3 * CHUNK_BYTES + 5])
def test_files_of_every_size(client, serve_file, path, size):
    serve_file()
    content = os.urandom(size)
    path.write_bytes(content)
    assert client.get("/file").content == content
    assert client.head("/file").headers["content-length"] == str(size)
    assert client.get("/file", headers={"range": "bytes=-7"}).content == content[-7:]


@pytest.mark.parametrize("is_async", [True, False])
def test_both_kinds_of_handlers(app, client, path, is_async):
    if is_async:

        @app.get("/file")
        async def handler():
            return FileResponse(path)
    else:

        @app.get("/file")
        def handler():
            return FileResponse(str(path))

    assert client.get("/file").content == CONTENT


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"range": "bytes=0-9"}, 206),
        ({"range": "bytes=0-9", "if-range": SAME}, 206),
        ({"range": "bytes=0-9", "if-range": '"other"'}, 200),
        ({"range": "bytes=100-"}, 416),
        ({"if-none-match": "*"}, 304),
        ({"if-modified-since": SAME}, 304),
        ({"if-match": '"other"'}, 412),
        ({"if-unmodified-since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 412),
    ],
)
def test_conditions_and_ranges(client, serve_file, headers, status):
    serve_file()
    answer = client.get("/file", headers=headers)
    assert answer.status_code == status
    if status == 206:
        assert answer.content == CONTENT[:10]
        assert answer.headers["content-range"] == "bytes 0-9/100"
    if status == 416:
        assert answer.headers["content-range"] == "bytes */100"
    if status == 304:
        assert answer.content == b""
        assert {"etag", "last-modified", "cache-control"} <= set(answer.headers)
        assert not {"content-type", "content-length"} & set(answer.headers)


def test_an_etag_of_ones_own(client, serve_file):
    serve_file(lambda path: FileResponse(path, headers={"ETag": '"v7"'}))
    assert client.get("/file").headers["etag"] == '"v7"'
    assert client.get("/file", headers={"if-none-match": '"v7"'}).status_code == 304
    resumed = {"range": "bytes=0-1", "if-range": '"v7"'}
    assert client.get("/file", headers=resumed).status_code == 206


def test_files_are_conditional_without_being_asked(app, client, path):
    @app.get("/file")
    async def file(request: Request):
        return FileResponse(path).make_conditional(request)

    tag = client.get("/file").headers["etag"]
    assert client.get("/file", headers={"if-none-match": tag}).status_code == 304


def test_errors_and_posts_know_no_conditions(app, client, path):
    @app.errorhandler(404)
    def missing():
        return FileResponse(path, 404)

    @app.post("/file")
    async def file():
        return FileResponse(path)

    headers = {"if-none-match": "*", "range": "bytes=0-1"}
    answer = client.get("/nowhere", headers=headers)
    assert (answer.status_code, answer.content) == (404, CONTENT)
    answer = client.post("/file", headers=headers)
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_an_answer_to_a_refused_condition_is_the_apps(app, client, serve_file):
    serve_file()
    app.errorhandler(416)(lambda error: f"mine: {error.detail}")
    answer = client.get("/file", headers={"range": "bytes=100-"})
    assert answer.text.startswith("mine: The file has 100 bytes")
    assert answer.headers["content-range"] == "bytes */100"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"filename": "a b.txt"}, 'attachment; filename="a b.txt"'),
        ({"attachment": True}, 'attachment; filename="report.txt"'),
        ({"filename": "x.txt", "attachment": False}, 'inline; filename="x.txt"'),
        ({"attachment": False}, "inline"),
    ],
)
def test_names_to_save_under(client, serve_file, options, expected):
    serve_file(lambda path: FileResponse(path, **options))
    assert client.get("/file").headers.get("content-disposition") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain.txt", 'filename="plain.txt"'),
        ("naïve.txt", "filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt"),
        ("日本.pdf", "filename=\"__.pdf\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf"),
        ('a"b.txt', 'filename="a_b.txt"'),
        ("a\\b.txt", 'filename="b.txt"'),
        ("../../etc/passwd", 'filename="passwd"'),
        ("x.txt\r\nSet-Cookie: a=b", 'filename="x.txtSet-Cookie_ a=b"'),
        ("x\x00.txt", 'filename="x.txt"'),
        ("100%.txt", "filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("a;b='c'.txt", "filename=\"a_b='c'.txt\""),
        ("invoice\u202efdp.exe", 'filename="invoicefdp.exe"'),
        ("", 'filename="download"'),
        ("..", 'filename="download"'),
        ("\ud800", 'filename="download"'),
    ],
)
def test_no_name_ends_the_header(name, expected):
    if ";" in name and "=" in name:
        expected = "filename=\"a;b='c'.txt\""  # within quotes these are letters like others
    value = content_disposition(name, attachment=True)
    assert value == f"attachment; {expected}"
    assert value.isascii()
    assert value.isprintable()
    message = Message()
    message["content-disposition"] = value
    assert message.get_content_disposition() == "attachment"


def test_max_age(client, serve_file):
    serve_file(lambda path: FileResponse(path, max_age=60))
    assert client.get("/file").headers["cache-control"] == "private, max-age=60"
    with pytest.raises(ValueError, match="max_age is -1"):
        FileResponse("x", max_age=-1)


def test_a_cache_control_of_ones_own(client, serve_file):
    serve_file(lambda path: FileResponse(path, headers={"Cache-Control": "public, max-age=5"}))
    assert client.get("/file").headers["cache-control"] == "public, max-age=5"


# What is no file


def test_a_missing_file_is_the_apps_mistake(app, client, serve_file, path):
    serve_file()
    path.unlink()
    assert client.get("/file").status_code == 500
    app.errorhandler(FileNotFoundError)(lambda: ("gone", 404))
    assert client.get("/file").status_code == 404


def test_directories_and_pipes_are_refused(app, client, tmp_path):
    os.mkfifo(tmp_path / "pipe")

    @app.get("/<name>")
    async def file(name: str):
        return FileResponse(tmp_path / name if name == "pipe" else tmp_path)

    for name in ("pipe", "directory"):
        assert client.get(f"/{name}").status_code == 500


# Where it stands in the life of a request


def test_callbacks_and_hooks_see_the_whole_answer(path):
    seen = []

    class Watcher:
        @hookimpl
        def response_finalize(self, request, response):
            seen.append((response.status_code, response.headers["content-range"]))
            response.headers["x-seen"] = "1"

    app = Flasgo(plugins=[Watcher()], discover=False)

    @app.get("/file")
    async def file():
        return FileResponse(path)

    @app.after_request
    async def after(response):
        seen.append((response.status_code, response.headers["content-range"]))
        response.set_cookie("seen", "1")

    with TestClient(app) as client:
        answer = client.get("/file", headers={"range": "bytes=0-1"})
    assert seen == [(206, "bytes 0-1/100")] * 2
    assert answer.headers["x-seen"] == "1"
    assert answer.cookies["seen"] == "1"


def test_callbacks_may_answer_with_a_file(app, client, path):
    @app.before_request
    async def before(request: Request):
        return FileResponse(path) if request.path == "/before" else None

    @app.after_request
    async def after(request, response):
        return FileResponse(path) if request.path == "/after" else None

    for target in ("/before", "/after"):
        answer = client.get(target, headers={"if-none-match": "*"})
        assert answer.status_code == 304


def test_a_hook_may_answer_with_a_file(path):
    class Replacer:
        @hookimpl
        def response_finalize(self, request, response):
            return FileResponse(path)

    app = Flasgo(plugins=[Replacer()], discover=False)
    with TestClient(app) as client:
        assert client.get("/", headers={"range": "bytes=0-1"}).content == CONTENT[:2]


def test_the_loop_is_never_blocked(app, client, serve_file, path, monkeypatch):
    serve_file()
    path.write_bytes(b"x" * (2 * WHOLE_BYTES))
    threads = set()
    original = os.open

    def spy(name, *args, **kwargs):
        if str(name) == str(path):
            threads.add(threading.current_thread().name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(os, "open", spy)
    loops = []

    @app.after_request
    async def after(response):
        loops.append(threading.current_thread().name)

    assert client.get("/file").status_code == 200
    assert threads
    assert not threads & set(loops)


def open_descriptors():
    return len(list(Path("/dev/fd").iterdir()))


def test_no_descriptor_stays_open(app, client, path):
    path.write_bytes(b"x" * (2 * WHOLE_BYTES))

    @app.get("/dropped")
    async def dropped(request: Request):
        response = FileResponse(path)
        await response._prepare(request)
        raise HTTPException(409)

    @app.get("/file")
    async def file():
        return FileResponse(path)

    client.get("/file")
    before = open_descriptors()
    for _ in range(5):
        assert client.get("/dropped").status_code == 409
        assert client.head("/file").status_code == 200
        assert client.get("/file").status_code == 200
        with client.stream("GET", "/file") as answer:
            next(answer.iter_raw())
    deadline = time.monotonic() + 10
    while open_descriptors() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_descriptors() == before


def test_a_file_that_changes_while_it_is_sent_breaks_the_transfer(app, path):
    path.write_bytes(b"x" * (64 * CHUNK_BYTES))

    @app.get("/file")
    async def file():
        return FileResponse(path)

    with TestClient(app) as client, client.stream("GET", "/file") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        os.truncate(path, CHUNK_BYTES)
        with pytest.raises(FileChangedError):
            list(pieces)


def test_a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was(app, path):
    content = os.urandom(CHUNK_BYTES) * 16
    path.write_bytes(content)

    @app.get("/file")
    async def file():
        return FileResponse(path)

    with TestClient(app) as client, client.stream("GET", "/file") as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        other = path.with_suffix(".new")
        other.write_bytes(b"y")
        other.replace(path)
        assert first + b"".join(pieces) == content


def test_what_it_cannot_do():
    with pytest.raises(TypeError, match="FileResponse"):
        FileResponse("x").body = b"y"
    with pytest.raises(TypeError):
        FileResponse.json({})
    assert isinstance(FileResponse("x"), Response)
    assert FileResponse("x").body == b""


def test_a_wrong_argument_is_answered_with_those_of_the_class() -> None:
    with pytest.raises(TypeError, match=r"FileResponse has no .*Did you mean 'filename'") as caught:
        FileResponse("report.csv", file_name="x")
    assert "attachment, max_age" in str(caught.value)
