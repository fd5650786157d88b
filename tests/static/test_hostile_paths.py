"""STA-1: nothing outside the folder, and nothing hidden in it, is ever served."""

import os
import socket
from urllib.parse import unquote

import pytest
from flasgo_static import StaticFolder
from flasgo_static.names import is_servable, servable_parts

from tests.asgi import Driver

from .conftest import open_descriptors

# What a server would put into the scope's path, and the bytes it would come from.
HOSTILE = [
    ("/static/../secret.txt", b"/static/../secret.txt"),
    ("/static/../secret.txt", b"/static/%2e%2e/secret.txt"),
    ("/static/../secret.txt", b"/static/..%2fsecret.txt"),
    ("/static/..%2fsecret.txt", b"/static/..%252fsecret.txt"),
    ("/static/%2e%2e/secret.txt", b"/static/%252e%252e/secret.txt"),
    ("/static/css/../../secret.txt", b"/static/css/../../secret.txt"),
    ("/static/css/../hello.txt", b"/static/css/../hello.txt"),
    ("/static/./hello.txt", b"/static/./hello.txt"),
    ("/static//hello.txt", b"/static//hello.txt"),
    ("/static/css//site.css", b"/static/css//site.css"),
    ("/static//etc/passwd", b"/static//etc/passwd"),
    ("/static//etc/passwd", b"/static/%2fetc/passwd"),
    ("/static/..\\secret.txt", b"/static/..%5csecret.txt"),
    ("/static/..\\secret.txt", b"/static/..\\secret.txt"),
    ("/static/css\\site.css", b"/static/css%5csite.css"),
    ("/static/hello.txt\x00.png", b"/static/hello.txt%00.png"),
    ("/static/\x00", b"/static/%00"),
    ("/static/hello.txt\n", b"/static/hello.txt%0a"),
    ("/static/.env", b"/static/.env"),
    ("/static/.env", b"/static/%2eenv"),
    ("/static/.git/config", b"/static/.git/config"),
    ("/static/css/.hidden", b"/static/css/.hidden"),
    ("/static/.", b"/static/."),
    ("/static/..", b"/static/.."),
    ("/static/...", b"/static/..."),
    ("/static/. .", b"/static/.%20."),
    ("/static/.. /secret.txt", b"/static/..%20/secret.txt"),
    ("/static/", b"/static/"),
    ("/static/css", b"/static/css"),
    ("/static/css/", b"/static/css/"),
    ("/static/hello.txt/", b"/static/hello.txt/"),
    ("/static/hello.txt/x", b"/static/hello.txt/x"),
    ("/static/hello.txt.", b"/static/hello.txt."),
    ("/static/hello.txt ", b"/static/hello.txt%20"),
    ("/static/hello.txt::$DATA", b"/static/hello.txt::$DATA"),
    ("/static/C:/secret.txt", b"/static/C:/secret.txt"),
    ("/static/CON", b"/static/CON"),
    ("/static/nul.txt", b"/static/nul.txt"),
    ("/static/css/aux.css", b"/static/css/aux.css"),
    ("/static/com1", b"/static/com1"),
    ("/static/LPT9.tar.gz", b"/static/LPT9.tar.gz"),
    ("/static/" + "x" * 5000, b"/static/" + b"x" * 5000),
    ("/static/" + "x/" * 3000 + "x", b"/static/" + b"x/" * 3000 + b"x"),
    ("/static/\ufffd", b"/static/%ff"),
    ("/static/../public/hello.txt", b"/static/../public/hello.txt"),
    ("/staticsecret.txt", b"/staticsecret.txt"),
    ("/static/~root/hello.txt", b"/static/~root/hello.txt"),
]


# What no bytes decode to, and a server that decodes leniently might still hand on.
SURROGATES = ["/static/\ud800", "/static/\udcff"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "raw_path"), HOSTILE)
def test_hostile_paths_are_not_found(app, connect, path, raw_path, method):
    assert unquote(raw_path.decode()) == path
    answer = connect(app).request(method, raw_path.decode())
    assert answer.status_code in {400, 404, 308}
    assert b"SECRET" not in answer.content
    assert b"content of" not in answer.content


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", SURROGATES)
async def test_lone_surrogates_are_not_found(app, path, method):
    # Raw: an HTTP client encodes every path.
    answer = await Driver(app)("/", method, path=path, raw_path=None)
    assert answer.status in {400, 404}
    assert b"content of" not in answer.body


@pytest.mark.parametrize("path", [*(path for path, _ in HOSTILE), *SURROGATES])
def test_the_folder_holds_out_by_itself(folder, path):
    assert StaticFolder(folder).open(path.removeprefix("/static/")) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".x",
        "a.",
        "a ",
        "\u200c.git",
        "\ufeff.env",
        "a\\b",
        "a:b",
        "a\x00",
        "\x7f",
        "con",
        "Con.txt",
        "con .txt",
        "PRN",
        "conin$",
        "CONOUT$.x",
        "clock$",
        "com0",
        "com¹",
        "LPT²",
        "nul.a.b",
    ],
)
def test_names_that_are_not_servable(name):
    assert not is_servable(name)


@pytest.mark.parametrize(
    "name",
    ["a", "a.b", "console", "con-1.txt", "com10", "nully", "auxiliary.css", "a..b", "~", "ü"],
)
def test_names_that_are(name):
    assert is_servable(name)


def test_parts():
    assert servable_parts("css/deep/x.js") == ("css", "deep", "x.js")
    assert servable_parts("css//x.js") is None
    assert servable_parts("/css") is None
    assert servable_parts("") is None


# Symbolic links


@pytest.fixture
def link(folder):
    def make(name, target, *, is_directory=False):
        (folder / name).symlink_to(target, target_is_directory=is_directory)

    return make


def test_a_link_to_a_file_outside(app, connect, link, secret):
    link("leak.txt", secret)
    link("relative.txt", "../secret.txt")
    client = connect(app)
    assert client.get("/static/leak.txt").status_code == 404
    assert client.get("/static/relative.txt").status_code == 404


def test_a_link_to_a_directory_outside(app, connect, link, tmp_path):
    link("up", tmp_path, is_directory=True)
    link("css/up", tmp_path, is_directory=True)
    client = connect(app)
    for path in ("/static/up/secret.txt", "/static/css/up/secret.txt"):
        assert client.get(path).status_code == 404


def test_a_sibling_with_the_same_beginning_is_outside(app, connect, link, tmp_path):
    (tmp_path / "public-not").mkdir()
    (tmp_path / "public-not" / "x.txt").write_bytes(b"TOP SECRET")
    link("near", tmp_path / "public-not", is_directory=True)
    assert connect(app).get("/static/near/x.txt").status_code == 404


def test_a_link_to_a_hidden_file_inside(app, connect, link, folder):
    link("env.txt", folder / ".env")
    link("git", folder / ".git", is_directory=True)
    client = connect(app)
    assert client.get("/static/env.txt").status_code == 404
    assert client.get("/static/git/config").status_code == 404


def test_links_in_circles_and_into_nothing(app, connect, link):
    link("loop", "loop")
    link("dangling", "nowhere.txt")
    link("self", ".", is_directory=True)
    client = connect(app)
    assert client.get("/static/loop").status_code == 404
    assert client.get("/static/dangling").status_code == 404
    assert client.get("/static/self").status_code == 404


def test_links_that_stay_inside_work(app, connect, link, folder):
    link("latest.txt", "hello.txt")
    link("styles", folder / "css", is_directory=True)
    client = connect(app)
    assert client.get("/static/latest.txt").content == b"content of hello.txt"
    assert client.get("/static/styles/deep/x.js").content == b"content of css/deep/x.js"


def test_the_folder_itself_may_be_a_link_that_is_switched(make_app, connect, tmp_path, folder):
    other = tmp_path / "release-2"
    other.mkdir()
    (other / "hello.txt").write_bytes(b"second")
    current = tmp_path / "current"
    current.symlink_to(folder, target_is_directory=True)
    app = make_app(static_folder=current)
    client = connect(app)
    assert client.get("/static/hello.txt").content == b"content of hello.txt"
    current.unlink()
    current.symlink_to(other, target_is_directory=True)
    assert client.get("/static/hello.txt").content == b"second"


# What is in a folder but is no file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")
def test_a_named_pipe_neither_hangs_nor_answers(app, connect, folder):
    os.mkfifo(folder / "pipe")
    assert connect(app).get("/static/pipe").status_code == 404


def test_a_socket(app, connect, folder, monkeypatch):
    monkeypatch.chdir(folder)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        assert connect(app).get("/static/sock").status_code == 404


def test_no_permission_is_not_found_and_logged(app, connect, folder, caplog, monkeypatch):
    original = os.open

    def refuse(path, *args, **kwargs):
        if str(path).endswith("hello.txt"):
            raise PermissionError(13, "denied")
        return original(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    assert connect(app).get("/static/hello.txt").status_code == 404
    assert "No permission to read 'hello.txt'" in caplog.text


def test_no_descriptor_stays_open(app, connect, folder, link, secret):
    link("leak.txt", secret)
    link("latest.txt", "hello.txt")
    (folder / "big.bin").write_bytes(b"x" * 600_000)
    client = connect(app)
    client.get("/static/hello.txt")
    before = open_descriptors()
    for path in ("hello.txt", "css", "css/deep/x.js", "css/deep", "leak.txt", "latest.txt", "nope"):
        client.get(f"/static/{path}")
        client.head(f"/static/{path}")
    client.get("/static/big.bin")
    client.head("/static/big.bin")
    assert open_descriptors() == before
