"""SEC-1: only hosts on the allow-list are served."""

import logging
import string

import pytest
from flasgo import Flasgo, HTTPException, SettingError
from flasgo_security.hosts import AllowedHosts, parse_host
from hypothesis import given, strategies as st

from tests.conftest import refusal

WELL_FORMED = [
    ("localhost", "localhost"),
    ("LocalHost", "localhost"),
    ("example.com.", "example.com"),
    ("example.com:443", "example.com"),
    ("127.0.0.1:8000", "127.0.0.1"),
    ("a_b.example.com", "a_b.example.com"),
    ("[::1]", "[::1]"),
    ("[0:0:0:0:0:0:0:1]:8000", "[::1]"),
    ("[2001:DB8::1]", "[2001:db8::1]"),
    ("example.com:1", "example.com"),
    ("example.com:65535", "example.com"),
]

MALFORMED = [
    "",
    " ",
    "local host",
    " localhost",
    "localhost ",
    "localhost\t",
    "localhost\n",
    "localhost\x00",
    "localhost:",
    "localhost:0",
    "localhost:65536",
    "localhost:99999",
    "localhost:000080",
    "localhost:-1",
    "localhost:80:80",
    "localhost:\uff18\uff10",
    "localhost:http",
    "user@localhost",
    "user:pass@localhost",
    "localhost@evil.example",
    "localhost/path",
    "localhost?x",
    "localhost#x",
    "localhost\\evil.example",
    "localhost,evil.example",
    "http://localhost",
    "localhost%00",
    "loc%61lhost",
    "..",
    ".",
    ".localhost",
    "localhost..",
    "a..b",
    "-a.example",
    "a-.example",
    "[::1",
    "::1",
    "[::1]x",
    "[::1]:",
    "[]",
    "[localhost]",
    "[::g]",
    "[fe80::1%25eth0]",
    "[1.2.3.4]",
    "é.example",
    "localhos\u0442",
    "a" * 64 + ".example",
    ".".join(["a" * 60] * 5),
    "a" * 10_000,
]


@pytest.fixture
def app(make_app) -> Flasgo:
    app = make_app(ALLOWED_HOSTS={"example.com", "*.example.org", "[::1]", "localhost"})

    @app.get("/")
    async def home(request):
        return {"host": request.host}

    return app


@pytest.mark.parametrize(("value", "host"), WELL_FORMED)
def test_a_well_formed_host_has_one_spelling(value, host):
    assert parse_host(value) == host


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_host_is_none(value):
    assert parse_host(value) is None


@pytest.mark.parametrize(
    "host",
    [b"example.com", b"EXAMPLE.com:8000", b"example.com.", b"a.example.org", b"a.b.example.org:1",
     b"[::1]:8000", b"[0::1]"],
)  # fmt: skip
def test_hosts_on_the_list_are_served(app, connect, host):
    client = connect(app)
    assert client.get("/", headers=[(b"host", host)]).status_code == 200
    assert client.get("/", headers=[(b"host", host)]).status_code == 200  # from memory


@pytest.mark.parametrize(
    "host",
    [b"example.org", b"evil-example.org", b"aexample.org", b"example.com.evil.net", b"127.0.0.1",
     b"www.example.com", b"[::2]", b".example.org", b"example.comm", b"examplexcom", b"*",
     b"*.example.org"],
)  # fmt: skip
def test_other_hosts_are_refused(app, connect, host):
    assert connect(app).get("/", headers=[(b"host", host)]).status_code == 400


@pytest.mark.parametrize("host", MALFORMED)
def test_malformed_hosts_are_refused(app, connect, host):
    assert connect(app).get("/", headers=[(b"host", host.encode())]).status_code == 400


def test_any_host_still_has_to_be_well_formed(make_app, connect):
    app = make_app(ALLOWED_HOSTS={"*"})
    app.get("/")(home)
    client = connect(app)
    assert client.get("/", headers={"host": "whatever.example:8000"}).status_code == 200
    assert client.get("/", headers={"host": "what ever"}).status_code == 400
    assert without_host(client).status_code == 400


def without_host(client):
    request = client.build_request("GET", "/")
    del request.headers["host"]
    return client.send(request)


def test_a_missing_host_is_refused_with_advice(app, connect):
    answer = without_host(connect(app))
    assert answer.status_code == 400
    assert b"Send a Host header" in answer.content


def test_two_hosts_are_refused(app, connect):
    twice = [("host", "localhost"), ("host", "localhost")]
    assert connect(app).get("/", headers=twice).status_code == 400


def test_unmatched_paths_are_refused_too(app, connect):
    client = connect(app)
    assert client.get("/nothing", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/nothing").status_code == 404


def test_websockets_are_refused_too(app, connect):
    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()

    client = connect(app)
    with client.websocket_connect("/ws"):
        pass
    assert refusal(client, "/ws", headers={"host": "evil.example"}).status_code == 400


def test_the_default_is_this_machine(make_app, connect):
    app = make_app()
    app.get("/")(home)
    client = connect(app)
    assert client.get("/", headers={"host": "localhost:8000"}).status_code == 200
    assert client.get("/", headers={"host": "127.0.0.1"}).status_code == 200
    assert client.get("/", headers={"host": "app.localhost"}).status_code == 400
    assert client.get("/", headers={"host": "[::1]"}).status_code == 400


def test_debug_adds_more_names_of_this_machine_and_names_the_setting(make_app, connect):
    app = make_app(DEBUG=True)
    app.get("/")(home)
    client = connect(app)
    assert client.get("/", headers={"host": "app.localhost:8000"}).status_code == 200
    assert client.get("/", headers={"host": "[::1]:8000"}).status_code == 200
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert b"'evil.example' is not in ALLOWED_HOSTS" in answer.content


def test_outside_debug_the_answer_does_not_repeat_the_host(app, connect):
    assert b"evil" not in connect(app).get("/", headers={"host": "evil.example"}).content


def test_the_checked_host_is_a_request_attribute(app, connect):
    answer = connect(app).get("/", headers={"host": "Example.COM:8000"})
    assert answer.json() == {"host": "example.com:8000"}


def test_a_refusal_is_an_event_on_one_line(app, connect, caplog):
    with caplog.at_level(logging.WARNING, "flasgo.security"):
        connect(app, client=None).get("/a\r\nb", headers={"host": "evil.example"})
    [record] = caplog.records
    assert record.event == "host"
    assert record.path == "/a\\r\\nb"
    assert record.client_ip == "unknown"
    assert "\n" not in record.getMessage()


def test_what_is_remembered_stays_bounded(make_app, connect):
    app = make_app(ALLOWED_HOSTS={"*.example.com"})
    app.get("/")(home)
    hosts = app.plugins.manager.get_plugin("security.hosts")
    client = connect(app)
    for number in range(400):
        assert client.get("/", headers=[(b"host", b"h%d.example.com" % number)]).status_code == 200
        assert client.get("/", headers=[(b"host", b"h%d.example.net" % number)]).status_code == 400
    assert len(hosts._approved) == 256


@pytest.mark.parametrize(
    ("entry", "advice"),
    [
        ("https://example.com", "leave out the scheme"),
        ("example.com/path", "leave out the scheme and the path"),
        ("example.com:8000", "leave out the port"),
        ("[::1]:8000", "leave out the port"),
        (".example.com", "'*.example.com'"),
        ("exa mple.com", "is not a host"),
        ("*.*.example.com", "is not a host"),
        ("a.*.example.com", "is not a host"),
        ("*example.com", "is not a host"),
        ("*.", "is not a host"),
        ("", "is not a host"),
    ],
)
def test_a_wrong_entry_is_a_setting_error_with_advice(make_app, entry, advice):
    with pytest.raises(SettingError, match="ALLOWED_HOSTS") as caught:
        make_app(ALLOWED_HOSTS={entry})
    assert advice in str(caught.value)
    assert caught.value.name == "ALLOWED_HOSTS"


def test_an_empty_list_is_refused(make_app):
    with pytest.raises(SettingError, match="every request would be refused"):
        make_app(ALLOWED_HOSTS=set())


def test_ipv6_entries_may_come_without_brackets():
    assert AllowedHosts(["::1"]).allows("[::1]")


@given(st.text(alphabet=string.printable + "é\u0130", max_size=40))
def test_what_parses_is_canonical(value):
    host = parse_host(value)
    if host is not None:
        assert parse_host(host) == host
        assert host == host.lower()
        assert not set(host) & set(" @/\\?#,%\t\r\n\x00")


@given(st.text(max_size=30))
def test_only_subdomains_match_a_wildcard(prefix):
    allowed = AllowedHosts(["*.example.com"])
    host = parse_host(f"{prefix}example.com")
    if host is not None and allowed.allows(host):
        assert host.endswith(".example.com")


async def home():
    return "home"


def test_the_page_of_a_refused_host_builds_its_links(make_app, connect, caplog):
    app = make_app()

    @app.errorhandler(HTTPException)
    async def show(error):
        return {"status": error.status_code, "link": app.url_for("home")}, error.status_code

    @app.get("/", endpoint="home")
    async def home():
        return "hello"

    for host in ("evil.example", "a b", "bad:port:", ""):
        caplog.clear()
        answer = connect(app).get("/", headers={"host": host})
        assert (answer.status_code, answer.json()["link"]) == (400, "/")
        events = [record for record in caplog.records if record.name == "flasgo.security"]
        assert len(events) == 1, "refused, reported and counted once"


def test_no_absolute_link_names_a_refused_host(make_app, connect):
    app = make_app()

    @app.errorhandler(HTTPException)
    async def show(error):
        return app.url_for("home", _external=True), error.status_code

    @app.get("/", endpoint="home")
    async def home():
        return "hello"

    answer = connect(app).get("/", headers={"host": "evil.example"})
    assert answer.status_code == 500
    assert "evil" not in answer.text
