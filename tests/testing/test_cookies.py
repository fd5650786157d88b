"""TEST-1: one cookie jar, with browsers' rules for localhost."""

import pytest
from flasgo_testing import TestClient
from flasgo_testing.cookies import is_trustworthy_host


async def app(scope, receive, send):
    """Sets the cookies named in the query, answers with those received."""
    headers = []
    for part in filter(None, scope["query_string"].decode().split("&")):
        headers.append((b"set-cookie", part.replace("+", " ").replace("%3B", ";").encode()))
    received = dict(scope["headers"]).get(b"cookie", b"")
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": received})


@pytest.fixture
def client():
    made = TestClient(app)
    yield made
    made.close()


def test_cookies_are_kept_and_sent_back(client):
    assert client.get("/?a=1&b=2").text == ""
    assert client.get("/").text == "a=1; b=2"
    assert dict(client.cookies) == {"a": "1", "b": "2"}


def test_secure_cookies_travel_to_localhost_without_tls(client):
    client.get("/?session=x%3B+Secure%3B+HttpOnly%3B+SameSite=Lax%3B+Path=/")
    assert client.get("/").text == "session=x"


@pytest.mark.parametrize(
    ("base_url", "sent"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://app.localhost", True),
        ("http://[::1]", True),
        ("https://shop.example", True),
        ("http://shop.example", False),
    ],
)
def test_secure_cookies_by_host(base_url, sent):
    client = TestClient(app, base_url=base_url)
    client.get("/?s=1%3B+Secure")
    assert client.get("/").text == ("s=1" if sent else "")
    client.close()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("notlocalhost", False),
        ("localhost.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_trustworthy_hosts(host, expected):
    assert is_trustworthy_host(host) is expected


@pytest.mark.parametrize(
    "base_url", ["http://localhost", "http://127.0.0.1", "https://shop.example", "http://[::1]"]
)
def test_the_app_can_overwrite_and_delete_what_a_test_set(base_url):
    client = TestClient(app, base_url=base_url)
    client.cookies["a"] = "test"
    assert client.get("/?a=app%3B+Path=/").text == "a=test"
    assert client.get("/").text == "a=app"
    assert client.cookies["a"] == "app"
    client.get("/?a=%3B+Max-Age=0%3B+Path=/")
    assert client.get("/").text == ""
    client.close()


def test_cookies_of_one_request_are_not_kept(client):
    client.cookies.set("a", "1")
    assert client.get("/", cookies={"a": "2", "b": "3"}).text in {"a=2; b=3", "b=3; a=2"}
    assert client.get("/").text == "a=1"


def test_a_cookie_header_wins(client):
    client.cookies.set("a", "1")
    assert client.get("/", headers={"Cookie": "raw=1"}, cookies={"b": "2"}).text == "raw=1"


def test_initial_cookies_and_replacing_them_all():
    client = TestClient(app, cookies={"a": "1"})
    assert client.get("/").text == "a=1"
    client.cookies = {"b": "2"}
    assert client.get("/").text == "b=2"
    client.cookies.update([("c", "3")])
    assert dict(client.cookies) == {"b": "2", "c": "3"}
    client.cookies.delete("b")
    assert client.get("/").text == "c=3"
    client.close()


async def test_both_kinds_of_request_share_the_jar(client):
    await client.aget("/?a=1")
    assert client.get("/?b=2").text == "a=1"
    assert (await client.aget("/")).text == "a=1; b=2"
    assert (await client.aget("/", cookies={"a": "9"})).text in {"a=9; b=2", "b=2; a=9"}
