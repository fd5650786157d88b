"""STA-1: siblings that were compressed beforehand, by `Accept-Encoding` (RFC 9110, 12.5.3)."""

import gzip
import os

import pytest
from flasgo.http.negotiation import acceptable_encodings

from .conftest import MODIFIED, open_descriptors

PLAIN = b"body { color: black }\n" * 100
BODIES = {"br": b"<brotli>", "zstd": b"<zstandard>", "gzip": gzip.compress(PLAIN)}
ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}


@pytest.fixture
def siblings(folder):
    def make(*codings, name="app.css", modified=MODIFIED):
        (folder / name).write_bytes(PLAIN)
        os.utime(folder / name, (MODIFIED, MODIFIED))
        for coding in codings:
            path = folder / (name + ENDINGS[coding])
            path.write_bytes(BODIES[coding])
            os.utime(path, (modified, modified))

    return make


def as_sent(client, headers):
    """Return the answer for the style sheet with its body as sent: clients undo the coding."""
    with client.stream("GET", "/static/app.css", headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("zstd, gzip", "zstd"),
        ("*", "br"),
        ("br;q=0, *", "zstd"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0.5, identity;q=1", None),
        ("gzip;q=0.5, identity;q=0.1", "gzip"),
        ("gzip, identity", "gzip"),
        ("gzip;q=0", None),
        ("br;q=0, zstd;q=0, gzip;q=0", None),
        ("identity;q=0, gzip;q=0.001", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("*;q=0, identity;q=0.5", None),
        ("deflate, compress", None),
        ("gzip;q=junk", None),
        ("gzip;q=nan", None),
        ("gzip," * 2000, None),
    ],
)
def test_the_coding_that_the_client_likes_best(app, connect, siblings, accept, coding):
    siblings("br", "zstd", "gzip")
    headers = [] if accept is None else [("accept-encoding", accept)]
    answer, body = as_sent(connect(app), headers)
    assert answer.status_code == 200
    assert answer.headers.get("content-encoding") == coding
    assert body == (PLAIN if coding is None else BODIES[coding])
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-length"] == str(len(body))


def test_only_what_is_there(app, connect, siblings):
    siblings("gzip")
    answer = connect(app).get("/static/app.css", headers={"accept-encoding": "br, zstd, gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == PLAIN  # the client has undone it


def test_several_headers_count_as_one(app, connect, siblings):
    siblings("gzip")
    headers = [("accept-encoding", "br"), ("accept-encoding", "gzip")]
    answer = connect(app).get("/static/app.css", headers=headers)
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("accept", ["identity;q=0", "*;q=0", "identity;q=0, br", "br, *;q=0"])
def test_a_client_that_takes_nothing_that_there_is(app, connect, siblings, accept):
    siblings("gzip")
    answer = connect(app).get("/static/app.css", headers={"accept-encoding": accept})
    assert answer.status_code == 406
    assert "identity" in answer.content.decode()
    assert "Accept-Encoding" in answer.headers["vary"]


def test_representations_have_their_own_tags(app, connect, siblings):
    siblings("br", "gzip")
    tags = set()
    client = connect(app)
    for accept in ("identity", "br", "gzip"):
        answer = client.get("/static/app.css", headers={"accept-encoding": accept})
        tag = answer.headers["etag"]
        tags.add(tag)
        same = [("accept-encoding", accept), ("if-none-match", tag)]
        again = client.get("/static/app.css", headers=same)
        assert again.status_code == 304
        assert again.headers["etag"] == tag
        assert again.headers["vary"] == "Accept-Encoding"
        assert "content-encoding" not in again.headers
    assert len(tags) == 3


def test_ranges_are_of_the_representation(app, connect, siblings):
    siblings("gzip")
    headers = [("accept-encoding", "gzip"), ("range", "bytes=0-3")]
    answer, body = as_sent(connect(app), headers)
    assert answer.status_code == 206
    assert body == BODIES["gzip"][:4]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-range"] == f"bytes 0-3/{len(BODIES['gzip'])}"


def test_head_tells_of_the_same_representation(app, connect, siblings):
    siblings("br")
    headers = [("accept-encoding", "br")]
    client = connect(app)
    got = client.get("/static/app.css", headers=headers)
    head = client.head("/static/app.css", headers=headers)
    assert head.headers == got.headers
    assert head.content == b""


def test_a_sibling_of_an_older_version_is_left_alone(app, connect, siblings):
    siblings("gzip", modified=MODIFIED - 1)
    answer = connect(app).get("/static/app.css", headers={"accept-encoding": "gzip"})
    assert answer.content == PLAIN
    assert "content-encoding" not in answer.headers


def test_a_sibling_alone_is_no_file(app, connect, siblings, folder):
    siblings("gzip")
    (folder / "app.css").unlink()
    answer = connect(app).get("/static/app.css", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 404


def test_a_sibling_asked_for_by_name_is_a_file(app, connect, siblings):
    siblings("gzip")
    answer = connect(app).get("/static/app.css.gz", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in answer.headers
    assert answer.content == BODIES["gzip"]


def test_a_sibling_that_leads_outside_is_not_followed(app, connect, siblings, folder, secret):
    siblings()
    (folder / "app.css.gz").symlink_to(secret)
    os.utime(secret, (MODIFIED + 5, MODIFIED + 5))
    answer = connect(app).get("/static/app.css", headers={"accept-encoding": "gzip"})
    assert answer.content == PLAIN


def test_pictures_have_no_siblings(app, connect, siblings):
    siblings("gzip", name="photo.jpg")
    answer = connect(app).get("/static/photo.jpg", headers={"accept-encoding": "gzip"})
    assert answer.content == PLAIN
    assert "vary" not in answer.headers


def test_no_descriptor_stays_open(app, connect, siblings, folder):
    siblings("br", "gzip", modified=MODIFIED - 1)
    siblings("zstd")
    headers = [("accept-encoding", "gzip, br, zstd")]
    client = connect(app)
    as_sent(client, headers)
    before = open_descriptors()
    for accept in ("gzip, br, zstd", "identity;q=0", "gzip", ""):
        as_sent(client, [("accept-encoding", accept)])
    assert open_descriptors() == before


def test_no_descriptor_stays_open_when_a_sibling_fails(app, connect, siblings, monkeypatch):
    siblings("br")
    client = connect(app)
    client.get("/static/app.css")
    original = os.open

    def fail(path, *args, **kwargs):
        if str(path).endswith(".br"):
            raise OSError(5, "the disk is broken")
        return original(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", fail)
    before = open_descriptors()
    answer = client.get("/static/app.css", headers={"accept-encoding": "br"})
    assert answer.status_code == 500
    assert open_descriptors() == before


@pytest.mark.parametrize(
    ("accept", "order"),
    [
        ("gzip;q=0.5, br;q=0.8, zstd", ["zstd", "br", "gzip", "identity"]),
        ("br", ["br", "identity"]),
        ("*;q=0.5, identity;q=0.7", ["identity", "br", "zstd", "gzip"]),
        ("identity;q=0", []),
        (" br ; Q=1 , gzip ;q=0.9", ["br", "gzip", "identity"]),
    ],
)
def test_the_order_of_codings(accept, order):
    assert acceptable_encodings(accept, ["br", "zstd", "gzip"]) == order
