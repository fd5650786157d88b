"""SEC-13: what the proxies that people have say of a client, and where they serve the app."""

import ast
import re
from pathlib import Path

import pytest
from flasgo import Flasgo, SettingError
from flasgo_security.forwarded_header import parse_forwarded
from hypothesis import given, settings, strategies as st

PROXY = ("10.0.0.1", 4711)
CLIENT = "203.0.113.7"


@pytest.fixture
def make(make_app):
    def make(**options) -> Flasgo:
        app = make_app(
            **{"TRUSTED_PROXIES": {"10.0.0.0/8"}, "ALLOWED_HOSTS": {"shop.example"}, **options}
        )

        @app.get("/who")
        async def who(request):
            return {
                "client": request.client_ip,
                "scheme": request.scheme,
                "root": request.root_path,
                "path": request.path,
                "url": request.url,
                "link": app.url_for("item", number=7),
            }

        @app.get("/items/<int:number>/")
        async def item(number):
            return {"number": number}

        @app.get("/files/<path:name>")
        async def file(request, name):
            return {"name": name, "url": request.url}

        @app.websocket("/ws")
        async def ws(websocket):
            await websocket.accept()
            await websocket.send_json([websocket.client_ip, websocket.scheme])

        return app

    return make


@pytest.fixture
def ask(make, connect):
    """Ask who a request is from that came through a proxy with these headers."""

    def ask(headers, path="/who", *, peer=PROXY, **options):
        client = connect(make(**options), client=peer)
        pairs = headers.items() if isinstance(headers, dict) else headers
        sent = [("host", "shop.example"), *pairs]
        return client.get(path, headers=sent, follow_redirects=False)

    return ask


# What each proxy sends of a client that reached it by https, as its manual says, with its usual
# configuration. Where a client's own headers are passed on, there is some of the client's making.
SPOOFED = "198.51.100.66"
REAL_PROXIES = {
    "nginx, with $proxy_add_x_forwarded_for and $scheme": {
        "x-real-ip": CLIENT,
        "x-forwarded-for": f"{SPOOFED}, {CLIENT}",
        "x-forwarded-proto": "https",
    },
    "Caddy, reverse_proxy": {
        "x-forwarded-for": CLIENT,
        "x-forwarded-proto": "https",
        "x-forwarded-host": "shop.example",
        "via": "2.0 Caddy",
    },
    "Traefik": {
        "x-forwarded-for": CLIENT,
        "x-forwarded-host": "shop.example",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
        "x-forwarded-server": "traefik-6d4b",
        "x-real-ip": CLIENT,
    },
    "HAProxy, option forwardfor and X-Forwarded-Proto": [
        ("x-forwarded-for", SPOOFED),
        ("x-forwarded-for", CLIENT),
        ("x-forwarded-proto", "https"),
    ],
    "HAProxy 2.8, option forwarded proto for": {"forwarded": f"proto=https;for={CLIENT}"},
    "Cloudflare": {
        "cf-connecting-ip": CLIENT,
        "cf-visitor": '{"scheme":"https"}',
        "cf-ipcountry": "DE",
        "x-forwarded-for": CLIENT,
        "x-forwarded-proto": "https",
        "cdn-loop": "cloudflare",
    },
    "Cloudflare, then nginx in the data centre": {
        "cf-connecting-ip": CLIENT,
        "x-forwarded-for": f"{CLIENT}, 10.20.30.40",
        "x-forwarded-proto": "https",
    },
    "AWS ALB": {
        "x-forwarded-for": f"{SPOOFED}, {CLIENT}",
        "x-forwarded-proto": "https",
        "x-forwarded-port": "443",
        "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
    },
    "Azure Application Gateway, with ports": {
        "x-forwarded-for": f"{CLIENT}:51234",
        "x-forwarded-proto": "https",
        "x-forwarded-port": "443",
        "x-original-host": "shop.example",
    },
    "Google Cloud load balancer": {
        "x-forwarded-for": f"{SPOOFED},{CLIENT},10.8.0.1",
        "x-forwarded-proto": "https",
        "via": "1.1 google",
    },
    "Apache, mod_proxy": {
        "x-forwarded-for": CLIENT,
        "x-forwarded-host": "shop.example",
        "x-forwarded-server": "shop.example",
        "x-forwarded-proto": "https",
    },
    "Envoy": {
        "x-forwarded-for": CLIENT,
        "x-forwarded-proto": "https",
        "x-envoy-external-address": CLIENT,
        "x-request-id": "0b0e5c1c-52f6-4f2c-a1f2-4a2a4b1b1b1b",
    },
    "the example of RFC 7239": {
        "forwarded": f'for=192.0.2.43, For="{CLIENT}:4711";proto=https;by=203.0.113.43'
    },
    "an IPv6 hop of our own in Forwarded": {
        "forwarded": f'for={CLIENT}, for="[fd00::1]:80";proto=https',
        "trusted": "fd00::/8",
    },
}


@pytest.mark.parametrize("name", REAL_PROXIES)
def test_the_client_behind_a_real_proxy(ask, name):
    headers = REAL_PROXIES[name]
    trusted = {"10.0.0.0/8"}
    if isinstance(headers, dict):
        headers = dict(headers)
        trusted |= {headers.pop("trusted", "10.0.0.0/8")}
    seen = ask(headers, TRUSTED_PROXIES=trusted).json()
    assert (seen["client"], seen["scheme"]) == (CLIENT, "https")
    assert seen["url"] == "https://shop.example/who"


@pytest.mark.parametrize("name", REAL_PROXIES)
def test_the_same_headers_from_anybody_else_count_for_nothing(ask, name):
    headers = {k: v for k, v in dict(REAL_PROXIES[name]).items() if k != "trusted"}
    seen = ask(headers, peer=(SPOOFED, 1)).json()
    assert (seen["client"], seen["scheme"], seen["root"]) == (SPOOFED, "http", "")


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ({"x-forwarded-proto": "wss"}, "wss"),  # Traefik, Apache
        ({"x-forwarded-proto": "https"}, "wss"),  # nginx, ALB, Cloudflare
        ({"x-forwarded-proto": "http"}, "ws"),
        ({"forwarded": "for=192.0.2.1;proto=wss"}, "wss"),
    ],
)
def test_the_handshake_of_a_websocket(make, connect, headers, scheme):
    client = connect(make(), client=PROXY)
    with client.websocket_connect("/ws", headers={"host": "shop.example", **headers}) as socket:
        assert socket.receive_json()[1] == scheme


# The proxies of the table in docs/proxies.md, and where they are above.
DOCUMENTED = {
    "nginx": "nginx, with $proxy_add_x_forwarded_for and $scheme",
    "Caddy": "Caddy, reverse_proxy",
    "Traefik": "Traefik",
    "HAProxy": "HAProxy, option forwardfor and X-Forwarded-Proto",
    "HAProxy 2.8": "HAProxy 2.8, option forwarded proto for",
    "Cloudflare": "Cloudflare",
    "AWS ALB": "AWS ALB",
}


def documented_rows() -> dict[str, list[str]]:
    page = Path(__file__).parents[2] / "docs/proxies.md"
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in page.read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| proxy")
    ]
    return {row[0].strip("| "): row for row in rows}


def test_the_docs_name_the_proxies_of_this_table():
    rows = documented_rows()
    assert {name for name in rows if "below a path" not in name} == DOCUMENTED.keys()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_docs_say_what_each_proxy_sends(ask, name):
    row = documented_rows()[name]
    headers = REAL_PROXIES[DOCUMENTED[name]]
    sent = {key for key, _ in (headers.items() if isinstance(headers, dict) else headers)}
    assert {header.lower() for header in re.findall(r"`([\w-]+)`", row[2])} == sent
    # With the setting of the table the client is found, and what is passed on is left alone.
    named = ast.literal_eval(row[4].strip("`| "))
    passed_on = {"x-forwarded-prefix": "/evil", "forwarded": f"for={SPOOFED};proto=http"}
    lines = [*(headers.items() if isinstance(headers, dict) else headers)]
    lines += [pair for pair in passed_on.items() if pair[0] not in named]
    seen = ask(lines, TRUSTED_PROXY_HEADERS=named).json()
    assert (seen["client"], seen["scheme"], seen["root"]) == (CLIENT, "https", "")


# --- Both kinds ---------------------------------------------------------------------------------

BOTH = {"x-forwarded-for": CLIENT, "x-forwarded-proto": "https", "forwarded": f"for={SPOOFED}"}


def test_both_kinds_together_are_refused(ask, caplog):
    refused = ask(BOTH)
    assert refused.status_code == 400
    assert "TRUSTED_PROXY_HEADERS" in refused.json()["detail"]
    assert "TRUSTED_PROXY_HEADERS" in caplog.text


def test_a_prefix_beside_forwarded_is_refused_unless_both_are_named(ask):
    lines = {"forwarded": f"for={CLIENT};proto=https", "x-forwarded-prefix": "/shop"}
    assert ask(lines).status_code == 400
    named = {"forwarded", "x-forwarded-prefix"}
    assert ask(lines, TRUSTED_PROXY_HEADERS=named).json()["root"] == "/shop"
    assert ask(lines, TRUSTED_PROXY_HEADERS={"forwarded"}).json()["root"] == ""


@pytest.mark.parametrize(
    ("named", "client"),
    [
        ({"x-forwarded-for", "x-forwarded-proto"}, CLIENT),
        ({"X-Forwarded-For"}, CLIENT),
        ({"forwarded"}, SPOOFED),
        ({"x-forwarded-proto"}, PROXY[0]),
        (set(), PROXY[0]),
    ],
)
def test_unless_the_setting_names_one(ask, named, client):
    assert ask(BOTH, TRUSTED_PROXY_HEADERS=named).json()["client"] == client


@pytest.mark.parametrize(
    "named", [{"forwarded", "x-forwarded-for"}, {"x-real-ip"}, {"forwarded", "x-forwarded-proto"}]
)
def test_a_setting_that_cannot_be_stops_the_app(make, named):
    with pytest.raises(SettingError, match="TRUSTED_PROXY_HEADERS"):
        make(TRUSTED_PROXY_HEADERS=named)


# --- Forwarded ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("for=unknown", PROXY[0]),
        ("for=_hidden", PROXY[0]),
        (f"for={CLIENT}, for=unknown", PROXY[0]),
        (f"for={CLIENT}, for=_gazonk, for=10.0.0.2", "10.0.0.2"),
        (f"for={SPOOFED}, for={CLIENT}, for=10.0.0.2", CLIENT),
        (f"FOR={CLIENT}", CLIENT),
        (f"by=10.0.0.1;for={CLIENT};host=evil.example", CLIENT),
        (f"for={CLIENT} ;\tproto=https", CLIENT),
        (f", ,for={CLIENT},", CLIENT),
        ('for="[2001:db8::17]:4711"', "2001:db8::17"),
        ('for="\\[2001:db8::17\\]"', "2001:db8::17"),
        ("", PROXY[0]),
        ("proto=https", PROXY[0]),
    ],
)
def test_the_client_that_forwarded_names(ask, value, client):
    assert ask({"forwarded": value}).json()["client"] == client


@pytest.mark.parametrize(
    "value",
    [
        "for",
        "for=",
        "=1",
        'for="1.2.3.4',
        f'for="a, for={CLIENT}',
        f'for="a, for="[2001:db8::1]", for={CLIENT}',
        'for="a"b',
        "for=1.2.3.4 proto=https",
        f"for=1.2.3.4;for={CLIENT}",
        "for=1.2.3.4:80",
        "for=[2001:db8::1]",
        'for="a\\',
        "for=é",
    ],
)
def test_a_malformed_one_is_refused(ask, value):
    answer = ask([(b"forwarded", value.encode("latin-1"))])
    assert answer.status_code == 400
    assert "Forwarded" in answer.json()["detail"]


def test_several_lines_are_one_list(ask):
    lines = [("forwarded", f"for={SPOOFED}"), ("forwarded", f"for={CLIENT}")]
    assert ask(lines).json()["client"] == CLIENT
    assert ask([("forwarded", 'for="'), ("forwarded", f"for={CLIENT}")]).status_code == 400


visible = st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"])
pairs = st.dictionaries(
    st.text("abcxyz", min_size=1, max_size=4), st.text(visible, max_size=8), max_size=4
)


@given(st.lists(pairs, max_size=4))
@settings(deadline=None)
def test_what_is_written_by_the_rfc_is_read_back(elements):
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    value = ", ".join(
        ";".join(f"{name}={quoted(text)}" for name, text in element.items()) for element in elements
    )
    assert parse_forwarded(value) == [element for element in elements if element]


@given(st.text(st.sampled_from('fo=r;,"\\ \t1:[]é\x00'), max_size=40))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text):
    try:
        elements = parse_forwarded(text)
    except ValueError:
        return
    # A quote that is open never swallows what a proxy appends.
    assert parse_forwarded(f"{text},for=1.2.3.4")[-1] == {"for": "1.2.3.4"}
    assert parse_forwarded(f"{text},for=1.2.3.4")[:-1] == elements


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix", "forwarded"]
            ),
            st.text(st.sampled_from('0123456789.:,;="/\\abfort[] \xe9'), max_size=30),
        ),
        max_size=5,
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_proxies_say_is_an_answer(lines):
    answer = _client().get("/", headers=[(k, v.strip().encode("latin-1")) for k, v in lines])
    assert answer.status_code in (200, 400)


def _client(cache: list = []):  # noqa: B006 - one app for all examples
    if not cache:
        key = "5f0c8e1d7a3b49266e0d9c84b1f7a2d3"
        app = Flasgo(settings={"SECRET_KEY": key, "TRUSTED_PROXIES": {"127.0.0.1"}})
        app.get("/")(lambda request: [request.url, request.client_ip])
        cache.append(app.test_client(raise_server_exceptions=False))
    return cache[0]


# --- Below a prefix -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "root"),
    [("/shop", "/shop"), ("/shop/", "/shop"), ("/a/b-c/d.e~f_g", "/a/b-c/d.e~f_g"), ("/", ""),
     ("", ""), ("/evil, /shop", "/shop"), (" /shop ", "/shop"), ("/..a", "/..a"), ("/who", "/who")],
)  # fmt: skip
def test_a_prefix_is_in_every_link(ask, prefix, root):
    seen = ask({"x-forwarded-prefix": prefix}).json()
    assert (seen["root"], seen["path"]) == (root, "/who")
    assert seen["url"] == f"http://shop.example{root}/who"
    assert seen["link"] == f"{root}/items/7/"


def test_redirects_and_paths_keep_the_prefix(ask):
    headers = {"x-forwarded-prefix": "/shop", "x-forwarded-proto": "https"}
    redirected = ask(headers, "/items/7?q=1")
    assert (
        redirected.headers["location"].removeprefix("https://shop.example") == "/shop/items/7/?q=1"
    )
    file = ask(headers, "/files/a%20b/c").json()
    assert file == {"name": "a b/c", "url": "https://shop.example/shop/files/a%20b/c"}
    assert ask(headers, "/missing").status_code == 404


def test_https_redirects_keep_the_prefix(ask):
    answer = ask({"x-forwarded-prefix": "/shop"}, HTTPS_REDIRECT=True)
    assert answer.headers["location"] == "https://shop.example/shop/who"


def test_mounted_apps_are_below_the_prefix(make, connect):
    app, inner = make(), Flasgo(settings={"SECRET_KEY": "x1y2" * 10, "ALLOWED_HOSTS": {"*"}})

    @inner.get("/deep/<name>")
    async def deep(request, name):
        return [request.root_path, request.url, inner.url_for("deep", name="n")]

    app.mount("/inner", inner)
    headers = {"host": "shop.example", "x-forwarded-prefix": "/shop"}
    answer = connect(app, client=PROXY).get("/inner/deep/x%20y", headers=headers)
    assert answer.json() == [
        "/shop/inner",
        "http://shop.example/shop/inner/deep/x%20y",
        "/shop/inner/deep/n",
    ]


@pytest.mark.parametrize(
    "prefix",
    ["shop", "//evil.example", "/a//b", "/../x", "/a/..", "/.", "/a/./b", "/a b", "/%2e%2e", "/a?b",
     "/a#b", "/\\evil", "https://evil.example", "/é", "/" + "a" * 300, "/a\tb"],
)  # fmt: skip
def test_a_prefix_that_could_lead_elsewhere_is_refused(ask, prefix):
    answer = ask([(b"x-forwarded-prefix", prefix.encode("latin-1"))])
    assert answer.status_code == 400
    assert "X-Forwarded-Prefix" in answer.json()["detail"]


def test_a_prefix_that_is_not_named_or_not_from_a_proxy_counts_for_nothing(ask):
    headers = {"x-forwarded-prefix": "/shop"}
    named = {"x-forwarded-for", "x-forwarded-proto"}
    assert ask(headers, TRUSTED_PROXY_HEADERS=named).json()["root"] == ""
    assert ask(headers, peer=("203.0.113.1", 1)).json()["root"] == ""


def test_the_operator_is_told_to_name_the_headers(make):
    def codes(**options):
        app = make(**options)
        answers = app.plugins.call_all("check_app", app, True)
        return {finding.code for answer in answers for finding in answer or ()}

    assert "security.I008" in codes()
    assert "security.I008" not in codes(TRUSTED_PROXY_HEADERS={"forwarded"})
