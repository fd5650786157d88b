"""STA-1: URLs with the hash of the content, and `static_url`."""

import logging
import os
import re
from hashlib import blake2b

import pytest
from flasgo import BuildError, Flasgo
from flasgo_static import StaticFolder
from flasgo_static.fingerprints import MAX_FINGERPRINTED_BYTES, Fingerprints, plain_name

SECRET_KEY = "4f1d9a7c3e5b8260f7a9c1d3e5b70824"
IMMUTABLE = "public, max-age=31536000, immutable"


def digest(content):
    return blake2b(content, digest_size=6).hexdigest()


def test_the_hash_stands_before_the_extension(app, folder):
    found = digest(b"content of css/site.css")
    assert app.static_url("css/site.css") == f"/static/css/site.{found}.css"


def test_the_url_leads_to_the_file_for_good(app, connect):
    url = app.static_url("css/site.css")
    client = connect(app)
    answer = client.get(url)
    assert (answer.status_code, answer.content) == (200, b"content of css/site.css")
    assert answer.headers["cache-control"] == IMMUTABLE
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    plain = client.get("/static/css/site.css")
    assert plain.headers["cache-control"] == "public, max-age=3600"
    assert plain.headers["etag"] == answer.headers["etag"]


def test_conditions_ranges_and_head_work_there_too(app, connect):
    url = app.static_url("hello.txt")
    client = connect(app)
    tag = client.get(url).headers["etag"]
    not_modified = client.get(url, headers={"if-none-match": tag})
    assert (not_modified.status_code, not_modified.headers["cache-control"]) == (304, IMMUTABLE)
    part = client.get(url, headers={"range": "bytes=0-6"})
    assert (part.status_code, part.content) == (206, b"content")
    assert part.headers["cache-control"] == IMMUTABLE
    assert client.head(url).headers["cache-control"] == IMMUTABLE


def test_a_compressed_sibling_answers_there_too(app, connect, folder):
    (folder / "css" / "site.css.br").write_bytes(b"<brotli>")
    answer = connect(app).get(app.static_url("css/site.css"), headers={"accept-encoding": "br"})
    assert (answer.content, answer.headers["content-encoding"]) == (b"<brotli>", "br")
    assert answer.headers["cache-control"] == IMMUTABLE


def test_a_file_that_changes_has_another_url(app, connect, folder, monkeypatch):
    old = app.static_url("hello.txt")
    (folder / "hello.txt").write_bytes(b"new")
    monkeypatch.setattr("flasgo_static.fingerprints._RECHECK_SECONDS", 0)
    new = app.static_url("hello.txt")
    assert new == f"/static/hello.{digest(b'new')}.txt" != old
    client = connect(app)
    assert client.get(new).headers["cache-control"] == IMMUTABLE
    # An older page still gets the file, but must not keep it under the old name.
    outdated = client.get(old)
    assert (outdated.status_code, outdated.content) == (200, b"new")
    assert outdated.headers["cache-control"] == "public, no-cache"


def test_a_hash_that_was_made_up_keeps_nothing(app, connect):
    answer = connect(app).get("/static/hello.0123456789ab.txt")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, no-cache")


def test_a_real_file_with_such_a_name_comes_first(app, connect, folder):
    (folder / "hello.0123456789ab.txt").write_bytes(b"from the bundler")
    answer = connect(app).get("/static/hello.0123456789ab.txt")
    assert (answer.content, answer.headers["cache-control"]) == (
        b"from the bundler",
        "public, max-age=3600",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/static/nope.0123456789ab.txt",
        "/static/.env.0123456789ab",
        "/static/.0123456789ab.env",
        "/static/../secret.0123456789ab.txt",
        "/static/.git/config.0123456789ab",
        "/static/css.0123456789ab",
        "/static/hello.txt.0123456789ab",
        "/static/hello.0123456789AB.txt",
        "/static/hello.0123456789a.txt",
        "/static/con.0123456789ab.txt",
    ],
)
def test_a_hash_opens_no_door(app, connect, path):
    answer = connect(app).get(path)
    assert answer.status_code in {308, 400, 404}
    assert b"SECRET" not in answer.content


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("app.0123456789ab.css", "app.css"),
        ("css/app.min.0123456789ab.css", "css/app.min.css"),
        ("LICENSE.0123456789ab", "LICENSE"),
        ("a/b.c/x.0123456789ab.y", "a/b.c/x.y"),
        ("app.0123456789abc.css", None),
        ("app.css", None),
        (".0123456789ab.css", None),
        ("css/.0123456789ab", None),
        ("0123456789ab.css", None),
        ("app.css.0123456789ab", None),
        ("x.0123456789ab/y", None),
        ("x" * 50_000, None),
        ("x." * 50_000, None),
    ],
)
def test_names_with_a_hash(name, plain):
    split = plain_name(name)
    assert split == (None if plain is None else (plain, "0123456789ab"))


@pytest.mark.parametrize("name", ["LICENSE", "app.min.css", "x.tar.gz", "a b.txt", "ü.txt"])
def test_every_name_survives_the_round_trip(app, connect, folder, name):
    (folder / name).write_bytes(b"found")
    answer = connect(app).get(app.static_url(name))
    assert (answer.content, answer.headers["cache-control"]) == (b"found", IMMUTABLE)


def test_several_folders(app, folder):
    app.configure_static(folder / "css", url_path="/styles")
    assert re.fullmatch(
        r"/styles/site\.[0-9a-f]{12}\.css", app.static_url("site.css", url_path="/styles")
    )


def test_a_folder_that_is_not_served(make_app):
    app = make_app()
    with pytest.raises(BuildError, match="no folder is served at /static"):
        app.static_url("x.css")
    with pytest.raises(BuildError, match="no folder is served at /media"):
        app.static_url("x.css", url_path="/media")


def test_a_missing_file_is_a_warning(app, caplog):
    with caplog.at_level(logging.WARNING):
        assert app.static_url("nope.css") == "/static/nope.css"
    assert "no such file" in caplog.text


def test_in_debug_a_missing_file_is_an_error(make_app, folder):
    app = make_app({"DEBUG": True}, static_folder=folder)
    with pytest.raises(BuildError, match=r"'nope.css'.*no such file"):
        app.static_url("nope.css")


@pytest.mark.parametrize("name", [".env", "css", ".git/config", "hello.txt/x"])
def test_nothing_hidden_is_hashed(app, name):
    assert app.static_url(name) == f"/static/{name}"


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "css/../.env", ""])
def test_what_no_url_leads_to_is_an_error(app, name):
    with pytest.raises(BuildError, match="filename"):
        app.static_url(name)


def test_very_large_files_keep_their_names(app, folder):
    with (folder / "film.mp4").open("wb") as file:
        file.truncate(MAX_FINGERPRINTED_BYTES + 1)
    assert app.static_url("film.mp4") == "/static/film.mp4"


def test_a_file_is_read_once(folder, monkeypatch):
    reads = []
    original = os.read
    monkeypatch.setattr(os, "read", lambda *args: reads.append(args) or original(*args))
    fingerprints = Fingerprints(StaticFolder(folder))
    names = {fingerprints.name_of("hello.txt") for _ in range(50)}
    assert len(names) == 1
    assert len(reads) == 2  # the content, and its end


def test_an_app_below_a_path(app, connect):
    @app.get("/where")
    async def where():
        return app.static_url("hello.txt")

    answer = connect(app, root_path="/shop").get("/where")
    assert answer.text.startswith("/shop/static/hello.")


def test_templates_have_static_url(folder, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("{{ static_url('css/site.css') }}")
    app = Flasgo(static_folder=folder, settings={"SECRET_KEY": SECRET_KEY})
    app.configure_templates(tmp_path / "templates")
    assert app.render_template("page.html") == app.static_url("css/site.css")
