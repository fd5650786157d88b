"""TEST-1: requests go to the app exactly as written, answers come back whole."""

import io

import httpx2
import pytest
from flasgo_testing import TestClient


@pytest.fixture
def client(echo):
    with_lifespan_off = TestClient(echo)
    yield with_lifespan_off
    with_lifespan_off.close()


def header(answer, name):
    return [value for key, value in answer.json()["headers"] if key == name]


@pytest.mark.parametrize("method", ["get", "options", "delete", "head", "post", "put", "patch"])
def test_each_method(client, echo, method):
    answer = getattr(client, method)("/thing")
    assert isinstance(answer, httpx2.Response)
    assert answer.status_code == 200
    assert echo.scope["method"] == method.upper()


def test_any_method(client):
    assert client.request("PROPFIND", "/").json()["method"] == "PROPFIND"


def test_a_head_answer_has_no_body(client):
    assert client.head("/").content == b""


@pytest.mark.parametrize(
    ("url", "raw_path", "path", "query"),
    [
        ("/", b"/", "/", b""),
        ("/a//b", b"/a//b", "/a//b", b""),
        ("//evil.example/x", b"//evil.example/x", "//evil.example/x", b""),
        ("/a/../b/./c", b"/a/../b/./c", "/a/../b/./c", b""),
        ("/a%2Fb%2e", b"/a%2Fb%2e", "/a/b.", b""),
        ("/%252e", b"/%252e", "/%2e", b""),
        ("/%zz%", b"/%zz%", "/%zz%", b""),
        ("/ü x", b"/%C3%BC%20x", "/ü x", b""),
        ("/%ff", b"/%ff", "/\ufffd", b""),
        ("/a\\b", b"/a\\b", "/a\\b", b""),
        ("/a?b=c&d=%2F#top", b"/a", "/a", b"b=c&d=%2F"),
        ("http://localhost/x/%2F", b"/x/%2F", "/x//", b""),
    ],
)
def test_the_path_arrives_as_written(client, echo, url, raw_path, path, query):
    client.get(url)
    assert echo.scope["raw_path"] == raw_path
    assert echo.scope["path"] == path
    assert echo.scope["query_string"] == query


def test_the_scope_is_complete(client, echo):
    client.get("/", headers=[("X-Twice", "1"), ("X-Twice", "2")])
    scope = echo.scope
    assert scope["type"] == "http"
    assert scope["asgi"]["version"] == "3.0"
    assert scope["http_version"] == "1.1"
    assert scope["scheme"] == "http"
    assert scope["server"] == ("localhost", 80)
    assert scope["client"] == ("127.0.0.1", 50000)
    assert scope["root_path"] == ""
    assert scope["state"] == {}
    assert scope["extensions"] == {}
    assert scope["headers"][0] == (b"host", b"localhost")
    assert [value for name, value in scope["headers"] if name == b"x-twice"] == [b"1", b"2"]


def test_the_server_can_be_another_one(echo):
    with TestClient(
        echo, base_url="https://shop.example:8443/v1", client=("192.0.2.7", 9), root_path="/shop"
    ) as client:
        client.get("/cart//x")
    scope = echo.scope
    assert scope["scheme"] == "https"
    assert scope["server"] == ("shop.example", 8443)
    assert scope["client"] == ("192.0.2.7", 9)
    assert scope["root_path"] == "/shop"
    assert scope["path"] == "/shop/v1/cart//x"
    assert scope["raw_path"] == b"/shop/v1/cart//x"
    assert (b"host", b"shop.example:8443") in scope["headers"]


def test_a_server_may_not_know_the_peer(echo):
    client = TestClient(echo, client=None)
    client.get("/")
    assert echo.scope["client"] is None
    client.close()


async def test_one_request_can_come_from_elsewhere(client, echo):
    elsewhere = {"client": ("192.0.2.7", 9)}
    client.get("/", extensions=elsewhere)
    assert echo.scope["client"] == ("192.0.2.7", 9)
    client.get("/")
    assert echo.scope["client"] == ("127.0.0.1", 50000)
    await client.aget("/", extensions=elsewhere)
    assert echo.scope["client"] == ("192.0.2.7", 9)
    client.get("/", extensions={"client": None})
    assert echo.scope["client"] is None


def test_query_parameters(client):
    assert client.get("/", params={"q": "ä b", "n": [1, 2]}).json()["query"] == "q=%C3%A4+b&n=1&n=2"


def test_json(client):
    answer = client.post("/", json={"name": "Ada"})
    assert answer.json()["body"] == '{"name":"Ada"}'
    assert header(answer, "content-type") == ["application/json"]


def test_form(client):
    answer = client.post("/", data={"a": "1", "b": ["2", "3"]})
    assert answer.json()["body"] == "a=1&b=2&b=3"
    assert header(answer, "content-type") == ["application/x-www-form-urlencoded"]


def test_files(client):
    answer = client.post("/", files={"f": ("a.txt", io.BytesIO(b"hello"))}, data={"x": "y"})
    assert header(answer, "content-type")[0].startswith("multipart/form-data; boundary=")
    assert "hello" in answer.json()["body"]
    assert 'name="x"' in answer.json()["body"]


def test_bytes_arrive_in_pieces_as_from_a_socket(client, echo):
    client.post("/", content=b"x" * 150_000)
    assert [len(piece) for piece in echo.pieces] == [65_536, 65_536, 18_928, 0]


def test_a_body_can_be_generated(client, echo):
    answer = client.post("/", content=(part for part in [b"one", b"", b"two"]))
    assert echo.pieces == [b"one", b"two", b""]
    assert header(answer, "transfer-encoding") == ["chunked"]


def test_an_error_in_a_generated_body_is_the_tests_own(echo):
    def broken():
        yield b"one"
        raise LookupError("no more")

    client = TestClient(echo)
    with pytest.raises(LookupError, match="no more"):
        client.post("/", content=broken())
    client.close()


def test_headers_of_the_client_and_of_the_request(echo):
    client = TestClient(echo, headers={"X-A": "client", "X-B": "client"}, params={"k": "v"})
    answer = client.get("/", headers={"x-b": "request"})
    assert header(answer, "x-a") == ["client"]
    assert header(answer, "x-b") == ["request"]
    assert answer.json()["query"] == "k=v"
    client.close()


def test_basic_credentials(client):
    answer = client.get("/", auth=("ada", "secret"))
    assert header(answer, "authorization") == ["Basic YWRhOnNlY3JldA=="]


def test_the_app_is_disconnected_once_it_has_answered(client, echo):
    client.get("/")
    assert echo.after == {"type": "http.disconnect"}


def test_redirects():
    async def app(scope, receive, send):
        if scope["path"].startswith("/old"):
            headers = [(b"location", b"/new?x=1"), (b"set-cookie", b"seen=1")]
            await send({"type": "http.response.start", "status": 302, "headers": headers})
            await send({"type": "http.response.body"})
            return
        cookie = dict(scope["headers"]).get(b"cookie", b"")
        body = scope["method"].encode() + b" " + scope["raw_path"] + b" " + cookie
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    client = TestClient(app)
    assert client.get("/old").status_code == 302
    answer = client.post("/old//x", json={}, follow_redirects=True)
    assert answer.text == "GET /new seen=1"
    assert [step.status_code for step in answer.history] == [302]
    client.close()
    client = TestClient(app, follow_redirects=True)
    assert client.get("/old").text == "GET /new seen=1"
    assert client.get("/old", follow_redirects=False).status_code == 302
    client.close()


def test_pytest_does_not_collect_the_client():
    assert TestClient.__test__ is False


# Unsafe requests look as if the app's own pages had sent them


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_unsafe_requests_come_from_the_same_origin(client, method):
    assert header(client.request(method, "/"), "sec-fetch-site") == ["same-origin"]


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_safe_requests_say_nothing(client, method):
    assert header(client.request(method, "/"), "sec-fetch-site") == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, ["cross-site"]),
        ({"Origin": "https://evil.example"}, []),
        ({"Origin": "http://localhost"}, ["same-origin"]),
    ],
)
def test_a_test_that_says_where_it_comes_from_is_believed(client, headers, expected):
    assert header(client.post("/", headers=headers), "sec-fetch-site") == expected


def test_csrf_can_be_enforced(echo):
    client = TestClient(echo, enforce_csrf=True)
    assert header(client.post("/"), "sec-fetch-site") == []
    client.close()
