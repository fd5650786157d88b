"""Redirects: where a client may be sent, and how that is written down."""

from typing import Any

import pytest
from flasgo import Flasgo
from flasgo.responses.response import is_safe_redirect_target, redirect
from hypothesis import given, strategies as st

from tests.conftest import Connect


@pytest.mark.parametrize(
    ("location", "encoded"),
    [
        ("/x", "/x"),
        ("/x?a=1&b=%20#top", "/x?a=1&b=%20#top"),
        ("https://a.b:80/x", "https://a.b:80/x"),
        ("../up", "../up"),
        ("?q=1", "?q=1"),
        ("/é/日", "/%C3%A9/%E6%97%A5"),
        ("/a b", "/a%20b"),
        ('/"<>', "/%22%3C%3E"),
        ("myapp://callback?x", "myapp://callback?x"),
    ],
)
def test_redirect_locations(location: str, encoded: str) -> None:
    assert redirect(location).headers["location"] == encoded


@pytest.mark.parametrize(
    "location",
    [
        "",
        " ",
        " /x",
        "/x ",
        "/x\r\nSet-Cookie: a=b",
        "/x\n",
        "/x\x00",
        "/\tx",
        "/\\evil",
        "\\\\evil",
        "/x\x85y",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
    ],
)
def test_bad_redirect_locations(location: str) -> None:
    with pytest.raises(ValueError, match="location"):
        redirect(location)


@pytest.mark.parametrize("location", [None, 1, b"/x"])
def test_redirect_locations_are_text(location: Any) -> None:
    with pytest.raises(TypeError, match="location"):
        redirect(location)


@pytest.mark.parametrize("status", [200, 300, 304, 305, 306, 400, True, "302"])
def test_redirect_statuses(status: Any) -> None:
    with pytest.raises(ValueError, match="not a redirect"):
        redirect("/x", status)


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/x",
        "/x?next=https://evil",
        "/x#//evil",
        "/a//b",
        "/a:b",
        "x",
        "x/y:z",
        "./x",
        "../x",
        "?a=1",
        "#top",
        "/é",
        "https://good.example/x",
        "http://good.example",
        "HTTPS://GOOD.example/x",
        "https://other.example:8443/",
    ],
)
def test_safe_targets(url: str) -> None:
    assert is_safe_redirect_target(url, ["good.example", "OTHER.example:8443"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        " /x",
        "/x ",
        "\t/x",
        "\u3000/x",
        "//evil",
        "///evil",
        "////evil",
        "/\\evil",
        "\\/evil",
        "\\\\evil",
        "/\t/evil",
        "/\n/evil",
        "/x\r\nSet-Cookie: a=b",
        "/x\x00",
        "/.//evil",
        "/a/..//evil",
        "/a/b/../..//evil",
        "/%2e%2E//evil",
        "/a/%2e././/evil?x=1",
        "a/..//evil",
        "/..//evil",
        "/./..//evil",
        "https:evil",
        "https:/evil",
        "https:///evil",
        "https://evil",
        "https://good.example.evil",
        "https://evil/good.example",
        "https://good.example@evil",
        "https://evil@good.example",
        "https://good.example:443@evil",
        "https://good.example:8443",
        "https://other.example/",
        "https://good.example\\@evil",
        "https://good.example%2f@evil",
        "https://goodxexample",
        "https://good.example:port",
        "https://[::1",
        "https://[evil]/",
        "https://\uff47ood.example",
        "ftp://good.example",
        "javascript:alert(1)",
        "javascript://good.example/%0aalert(1)",
        "data:text/html,x",
        "mailto:x@good.example",
        ":x",
        "x:y",
        None,
        1,
        b"/x",
        ["/x"],
    ],
)
def test_unsafe_targets(url: object) -> None:
    assert not is_safe_redirect_target(url, ["good.example", "other.example:8443"])


def test_no_host_is_allowed_by_default() -> None:
    assert not is_safe_redirect_target("https://good.example")


def test_allowed_hosts_are_several() -> None:
    with pytest.raises(TypeError, match="collection"):
        is_safe_redirect_target("/x", "good.example")


@given(st.text(max_size=30))
def test_whatever_is_safe_can_be_sent(url: str) -> None:
    if is_safe_redirect_target(url):
        location = redirect(url).headers["location"]
        assert not location.startswith(("//", "/\\"))


# --- The path as it was sent -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "location"),
    [
        ("/foo/bar%2Fbar", "/foo/bar%2Fbar/"),
        ("/foo/bar%2fbar?a=%2F&b=/", "/foo/bar%2fbar/?a=%2F&b=/"),
        ("/foo/%C3%A9", "/foo/%C3%A9/"),
        ("/foo/a%20b;c=d", "/foo/a%20b;c=d/"),
        ("/foo/a%5Cb", "/foo/a%5Cb/"),
        ("/bare/", "/bare"),
        ("/b%61re/", "/b%61re"),
        ("/%2Fevil.test/foo", None),
        ("//evil.test/foo", None),
    ],
)
@pytest.mark.parametrize("root", ["", "/app"])
def test_a_slash_is_added_to_the_path_as_it_was_sent(
    connect: Connect, sent: str, location: str | None, root: str
) -> None:
    app = Flasgo()
    app.add_route("/foo/<path:p>/", lambda p: p, endpoint="foo")
    app.add_route("/bare", lambda: "bare", endpoint="bare")
    answer = connect(app, root_path=root).get(sent, follow_redirects=False)
    assert answer.headers.get("location") == (None if location is None else root + location)
    assert answer.status_code == (404 if location is None else 308)
