"""REQ-5: 304 for dynamic responses."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from flasgo import Flasgo, Request, Response, StreamingResponse
from flasgo_testing import TestClient

MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
SAME = "Tue, 14 Nov 2023 22:13:20 GMT"
BEFORE = "Tue, 14 Nov 2023 22:13:19 GMT"


@pytest.fixture
def answer_with(app, client):
    def ask(make, headers=(), method="GET"):
        @app.route("/", methods=("GET", "POST"), endpoint="x")
        async def index(request: Request):
            response = make()
            response.set_cookie("a", "b")
            return response.make_conditional(request)

        return client.request(method, "/", headers=dict(headers))

    return ask


def tagged(tag="v1", *, weak=False):
    response = Response.json({"a": 1})
    response.set_etag(tag, weak=weak)
    return response


def dated():
    response = Response.text("x")
    response.last_modified = MOMENT
    return response


def both():
    response = tagged()
    response.last_modified = MOMENT
    return response


@pytest.mark.parametrize(
    ("make", "headers", "status"),
    [
        (tagged, {}, 200),
        (tagged, {"if-none-match": '"v1"'}, 304),
        (tagged, {"if-none-match": 'W/"v1"'}, 304),
        (tagged, {"if-none-match": '"v0", "v1"'}, 304),
        (tagged, {"if-none-match": "*"}, 304),
        (tagged, {"if-none-match": '"v2"'}, 200),
        (tagged, {"if-match": '"v1"'}, 200),
        (tagged, {"if-match": '"v2"'}, 412),
        (tagged, {"if-match": "*"}, 200),
        (tagged, {"if-modified-since": SAME}, 200),
        (tagged, {"if-unmodified-since": BEFORE}, 200),
        (lambda: tagged(weak=True), {"if-none-match": '"v1"'}, 304),
        (lambda: tagged(weak=True), {"if-none-match": 'W/"v1"'}, 304),
        (lambda: tagged(weak=True), {"if-match": 'W/"v1"'}, 412),
        (dated, {"if-modified-since": SAME}, 304),
        (dated, {"if-modified-since": BEFORE}, 200),
        (dated, {"if-unmodified-since": BEFORE}, 412),
        (dated, {"if-none-match": '"v1"'}, 200),
        (dated, {"if-none-match": "*"}, 304),
        (dated, {"if-match": '"v1"'}, 412),
        (both, {"if-none-match": '"v2"', "if-modified-since": SAME}, 200),
        (both, {"if-none-match": '"v1"', "if-modified-since": BEFORE}, 304),
    ],
)
def test_preconditions(answer_with, make, headers, status):
    answer = answer_with(make, headers)
    assert answer.status_code == status
    if status == 304:
        assert answer.content == b""
        assert not {"content-type", "content-length"} & set(answer.headers)
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.cookies["a"] == "b"


def test_without_a_validator_the_body_is_hashed(answer_with):
    first = answer_with(lambda: Response.json({"a": 1}))
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "private, no-cache"


def test_the_hash_follows_the_body():
    tags = []
    for body in ("a", "b", "a"):
        response = Response(body)
        response.add_etag()
        tags.append(response.etag)
    assert tags[0] == tags[2] != tags[1]
    response = Response("a", headers={"etag": '"mine"'})
    response.add_etag()
    assert response.etag == '"mine"'
    response.add_etag(overwrite=True, weak=True)
    assert response.etag == f"W/{tags[0]}"


def test_a_browser_asks_again_and_gets_nothing(app, client):
    @app.get("/")
    async def index(request: Request):
        return Response.json({"a": 1}).make_conditional(request)

    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.head("/", headers={"if-none-match": tag}).status_code == 304


def test_the_bundle_does_not_forbid_to_keep_it():
    app = Flasgo(settings={"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"})

    @app.get("/")
    async def index(request: Request):
        return Response.json({"a": 1}).make_conditional(request)

    with TestClient(app) as client:
        tag = client.get("/").headers["etag"]
        answer = client.get("/", headers={"if-none-match": tag})
    assert answer.status_code == 304
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_only_get_and_head_and_only_200(answer_with):
    assert answer_with(tagged, {"if-none-match": "*"}, "POST").status_code == 200


def test_other_answers_are_left_alone(app, client):
    @app.get("/")
    async def index(request: Request):
        return Response.json({}, 201).make_conditional(request)

    answer = client.get("/", headers={"if-none-match": "*"})
    assert answer.status_code == 201
    assert "etag" not in answer.headers


def test_a_cache_control_of_ones_own_stays(answer_with):
    answer = answer_with(lambda: Response("x", headers={"cache-control": "public, max-age=9"}))
    assert answer.headers["cache-control"] == "public, max-age=9"


def test_the_error_says_what_to_do(answer_with):
    answer = answer_with(tagged, {"if-match": '"v0"'})
    assert answer.json()["error"] == "precondition_failed"
    assert "If-Match" in answer.json()["detail"]


@pytest.mark.parametrize("tag", ['a"b', "a b", "a\r\nx", "ü\u0100", "a\x7f", None])
def test_what_is_no_tag(tag):
    with pytest.raises(ValueError, match="entity tag"):
        Response().set_etag(tag)


def test_tags_and_dates_are_attributes():
    response = Response("x")
    assert (response.etag, response.last_modified) == (None, None)
    response.etag = "v1"
    response.last_modified = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert (response.etag, response.last_modified) == ('"v1"', MOMENT)
    response.last_modified = MOMENT.replace(tzinfo=None)
    assert response.headers["last-modified"] == SAME
    response.last_modified = MOMENT.timestamp()
    assert response.headers["last-modified"] == SAME
    response.etag = None
    response.last_modified = None
    assert set(response.headers) == {"content-type"}


def test_a_stream_needs_a_tag(app, client):
    async def parts():
        yield b"x"

    @app.get("/none")
    async def none(request: Request):
        return StreamingResponse(parts()).make_conditional(request)

    @app.get("/tagged")
    async def with_tag(request: Request):
        response = StreamingResponse(parts())
        response.set_etag("v1")
        return response.make_conditional(request)

    assert client.get("/none").status_code == 500
    answer = client.get("/tagged", headers={"if-none-match": '"v1"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.get("/tagged").content == b"x"
