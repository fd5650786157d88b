"""SEC-6: who the client is, when proxies stand in between."""

import pytest
from flasgo import SettingError
from flasgo_security import rate_limit
from flasgo_security.forwarded import TrustedProxies, parse_hop
from hypothesis import given, strategies as st

PROXY = ("10.0.0.1", 4711)


def seen(make_app, connect, forwarded_for=None, *, peer=PROXY, trusted=("10.0.0.0/8",), extra=()):
    """Return what an app takes for the client's address, and the peer's."""
    app = make_app(TRUSTED_PROXIES=set(trusted))

    @app.get("/")
    async def who(request):
        return [request.client_ip, request.peer_ip, request.scheme, request.is_secure]

    values = [forwarded_for] if isinstance(forwarded_for, str) else forwarded_for or []
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in values]
    answer = connect(app, client=peer).get("/", headers=[*headers, *extra])
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        # One proxy.
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7\t", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ('"203.0.113.7"', "203.0.113.7"),
        # Spoofed: what the client sends stands further left.
        ("198.51.100.9, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1, 10.0.0.9, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.9,203.0.113.7", "203.0.113.7"),
        (["198.51.100.9", "203.0.113.7"], "203.0.113.7"),
        # Chained: trusted proxies are passed over, from the right.
        ("203.0.113.7, 10.0.0.2, 10.1.2.3", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (["203.0.113.7", "10.0.0.2"], "203.0.113.7"),
        ("10.0.0.4, 10.0.0.3", "10.0.0.4"),  # a client of the inner network
        # Malformed: as far as a trusted proxy's word goes.
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.7, unknown", "10.0.0.1"),
        ("203.0.113.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.7,", "10.0.0.1"),
        (",,,", "10.0.0.1"),
        ("203.0.113.999", "10.0.0.1"),
        ("203.0.113.07", "10.0.0.1"),
        ("0xcb.0.113.7", "10.0.0.1"),
        ("3405803783", "10.0.0.1"),
        ("203.0.113.7:99999", "10.0.0.1"),
        ("203.0.113.7:", "10.0.0.1"),
        ("203.0.113.7 198.51.100.9", "10.0.0.1"),
        ("203.0.113.7\x00", "10.0.0.1"),
        ("<script>", "10.0.0.1"),
        ("1" * 5000, "10.0.0.1"),
        ("٢٠٣.0.113.7".encode().decode("latin-1"), "10.0.0.1"),
        (", ".join(["203.0.113.7"] * 200), "203.0.113.7"),
        # IPv6.
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ('"[2001:db8::7]:4711"', "2001:db8::7"),
        ("[2001:db8::7]x", "10.0.0.1"),
        ("[2001:db8::7", "10.0.0.1"),
        ("fe80::1%eth0", "10.0.0.1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7"),
    ],
)
def test_the_client_is_the_first_address_from_the_right_that_is_no_proxy(
    make_app, connect, forwarded_for, client
):
    found = seen(make_app, connect, forwarded_for)
    assert found[:2] == [client, "10.0.0.1"]


@pytest.mark.parametrize(
    "peer", [("192.0.2.1", 1), ("11.0.0.1", 1), ("::1", 1), ("not an address", 1), None]
)
def test_the_word_of_others_does_not_count(make_app, connect, peer):
    proto = [(b"x-forwarded-proto", b"https")]
    address = peer[0] if peer else None
    found = seen(make_app, connect, "203.0.113.7", peer=peer, extra=proto)
    assert found == [address, address, "http", False]


def test_without_trusted_proxies_nothing_is_believed_and_nothing_runs(make_app, connect):
    found = seen(make_app, connect, "203.0.113.7", trusted=())
    assert found[0] == "10.0.0.1"
    app = make_app()
    app.get("/")(lambda: "x")
    assert not [stage for stage in app.explain(app.routes[0]) if "forwarded" in stage.plugin]


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [
        ({"fd00::/8"}, ("fd00::1", 1)),
        ({"fe80::/10"}, ("fe80::1%eth0", 1)),
        ({"10.0.0.1"}, ("::ffff:10.0.0.1", 1)),
        ({"::ffff:10.0.0.1"}, ("10.0.0.1", 1)),
        ({"::ffff:10.0.0.0/104"}, ("::ffff:10.1.2.3", 1)),
        ({"::/0"}, ("fd00::1", 1)),
        ({"::1"}, ("::1", 1)),
        ({"unix"}, None),
        ({"unix"}, ("", 0)),
    ],
)
def test_proxies_may_speak_ipv6_or_sit_on_a_unix_socket(make_app, connect, trusted, peer):
    assert seen(make_app, connect, "203.0.113.7", peer=peer, trusted=trusted)[0] == "203.0.113.7"


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [
        (b"https", "https"),
        (b"HTTPS ", "https"),
        (b"http", "http"),
        (b"http, https", "https"),
        (b"https, http", "http"),
        (b"wss", "https"),
        (b"", "http"),
        (b"javascript", "http"),
    ],
)
def test_the_scheme_is_what_the_nearest_proxy_says(make_app, connect, proto, scheme):
    found = seen(make_app, connect, extra=[(b"x-forwarded-proto", proto)])
    assert found[2:] == [scheme, scheme == "https"]


def test_headers_for_https_follow_the_scheme(make_app, connect):
    app = make_app(TRUSTED_PROXIES={"10.0.0.0/8"})
    app.get("/")(lambda: "x")
    headers = [(b"x-forwarded-proto", b"https")]
    proxied = connect(app, client=PROXY).get("/", headers=headers)
    assert "strict-transport-security" in proxied.headers
    assert "strict-transport-security" not in connect(app).get("/", headers=headers).headers


def test_quotas_throttling_and_events_follow_the_client(make_app, connect, caplog):
    app = make_app(TRUSTED_PROXIES={"10.0.0.0/8"}, SECURITY_FAILURE_RATE_LIMIT=2)
    app.get("/")(rate_limit(1, per=60)(lambda: "x"))

    proxy = connect(app, client=PROXY)

    def ask(address: str, **headers: str):
        return proxy.get("/", headers={"x-forwarded-for": address, **headers}).status_code

    assert [ask("203.0.113.7"), ask("203.0.113.7"), ask("203.0.113.8")] == [200, 429, 200]
    # Another spoofed address in front changes nothing.
    assert ask("198.51.100.1, 203.0.113.7") == 429
    assert [ask("203.0.113.9", host="evil.example") for _ in range(3)] == [400, 400, 429]
    assert ask("203.0.113.10") == 200
    events = [record for record in caplog.records if getattr(record, "event", "") == "host"]
    assert {record.client_ip for record in events} == {"203.0.113.9"}


@pytest.mark.parametrize(
    ("entry", "advice"),
    [
        ("10.0.0.1/8", "write '10.0.0.0/8'"),
        ("proxy.internal", "not a network"),
        ("*", "not a network"),
        ("", "not a network"),
        ("10.0.0.0/33", "not a network"),
    ],
)
def test_wrong_entries_stop_the_app(make_app, entry, advice):
    with pytest.raises(SettingError, match=advice):
        make_app(TRUSTED_PROXIES={entry})


@given(st.text(max_size=300))
def test_no_header_breaks_the_walk(text):
    proxies = TrustedProxies(["10.0.0.0/8"])
    client = proxies.client_behind("10.0.0.1", text)
    assert client == "10.0.0.1" or parse_hop(client or "") == client


hops = st.lists(st.ip_addresses().map(str), min_size=1, max_size=8)


@given(hops, hops)
def test_what_the_client_puts_in_front_never_matters(real, spoofed):
    proxies = TrustedProxies(["10.0.0.0/8", "fd00::/8"])
    honest = [*real[:1], "10.0.0.2"] if not proxies.trusts(real[0]) else None
    if honest is None:
        return
    expected = proxies.client_behind("10.0.0.1", ", ".join(honest))
    assert proxies.client_behind("10.0.0.1", ", ".join([*spoofed, *honest])) == expected


@pytest.mark.parametrize(
    ("proto", "http", "websocket"),
    [
        ("https", "https", "wss"),
        ("wss", "https", "wss"),
        ("WSS", "https", "wss"),
        ("http", "http", "ws"),
        ("ws", "http", "ws"),
        ("https, ws", "http", "ws"),
        ("ftp", "http", "ws"),
        ("", "http", "ws"),
    ],
)
def test_every_word_for_a_scheme_is_understood(make_app, connect, proto, http, websocket):
    app = make_app(TRUSTED_PROXIES={"10.0.0.0/8"})

    @app.get("/")
    async def who(request):
        return [request.scheme, request.is_secure]

    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()
        await websocket.send_json([websocket.scheme, websocket.is_secure])

    client, headers = connect(app, client=PROXY), {"x-forwarded-proto": proto}
    assert client.get("/", headers=headers).json() == [http, http == "https"]
    with client.websocket_connect("/ws", headers=headers) as socket:
        assert socket.receive_json() == [websocket, websocket == "wss"]


def test_the_own_page_may_open_a_websocket_behind_a_proxy_that_says_wss(make_app, connect):
    app = make_app(TRUSTED_PROXIES={"10.0.0.0/8"}, ALLOWED_HOSTS={"shop.example"})

    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()
        await websocket.send_text("open")

    headers = {
        "host": "shop.example",
        "origin": "https://shop.example",
        "x-forwarded-proto": "wss",
    }
    with connect(app, client=PROXY).websocket_connect("/ws", headers=headers) as socket:
        assert socket.receive_text() == "open"
