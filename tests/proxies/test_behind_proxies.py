"""SEC-13, SEC-18: what an app learns of its clients through real proxies, and what it must not."""

from __future__ import annotations

import json
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from .conftest import Proxy

CLIENT = "127.0.0.2"
"""A client whose address is not a proxy's."""
SPOOFED = "198.51.100.66"
HOST = {"host": "shop.example"}


def ask(proxy: Proxy, method: str, path: str, *, secure: bool = True, **options: Any) -> Any:
    transport = httpx2.HTTPTransport(verify=proxy.trust, local_address=CLIENT)
    with httpx2.Client(transport=transport, timeout=60) as client:
        headers = [*HOST.items(), *options.pop("headers", {}).items()]
        return client.request(method, proxy.url(path, secure=secure), headers=headers, **options)


def who(proxy: Proxy, *, secure: bool, **headers: str) -> dict[str, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = ask(proxy, "GET", "/who", secure=secure, headers=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_both_workers_answer(proxy: Proxy) -> None:
    seen: set[int] = set()
    with ThreadPoolExecutor(16) as pool:
        for _ in range(20):
            # At the same time: one after the other would go over one connection.
            seen |= set(pool.map(lambda _: who(proxy, secure=False)["worker"], range(16)))
            if len(seen) == 2:
                break
    assert len(seen) == 2


@pytest.mark.parametrize("secure", [False, True])
def test_the_client_and_the_scheme_are_the_visitors(proxy: Proxy, secure: bool) -> None:
    seen = who(proxy, secure=secure)
    scheme = "https" if secure else "http"
    assert (seen["client"], seen["scheme"]) == (CLIENT, scheme)
    assert seen["url"] == f"{scheme}://shop.example/who"
    assert seen["link"] == f"{scheme}://shop.example/items/7/"


@pytest.mark.parametrize("secure", [False, True])
def test_what_a_visitor_makes_up_counts_for_nothing(proxy: Proxy, secure: bool) -> None:
    seen = who(
        proxy,
        secure=secure,
        x_forwarded_for=SPOOFED,
        x_forwarded_proto="https",
        x_forwarded_prefix="/evil",
        x_forwarded_host="evil.example",
        forwarded=f"for={SPOOFED};proto=https",
        x_remote_user="admin",
    )
    scheme = "https" if secure else "http"
    assert (seen["client"], seen["scheme"], seen["user"]) == (CLIENT, scheme, None)
    assert seen["link"] == f"{scheme}://shop.example/items/7/"


def test_names_with_underscores_are_other_names(proxy: Proxy) -> None:
    """They are dropped by nginx and passed on by HAProxy (CVE-2026-3902 of Django)."""
    headers = {"X_Forwarded_For": SPOOFED, "X_Remote_User": "admin"}
    seen = ask(proxy, "GET", "/who", headers=headers).json()
    assert (seen["client"], seen["user"]) == (CLIENT, None)


def test_a_host_that_is_not_the_apps_is_refused(proxy: Proxy) -> None:
    transport = httpx2.HTTPTransport(verify=proxy.trust)
    with httpx2.Client(transport=transport) as client:
        answer = client.get(proxy.url("/who"), headers={"host": "evil.example"})
    assert answer.status_code == 400


def test_headers_of_https_are_sent_over_https_only(proxy: Proxy) -> None:
    assert "strict-transport-security" in ask(proxy, "GET", "/echo/x").headers
    plain = ask(proxy, "GET", "/echo/x", secure=False)
    assert "strict-transport-security" not in plain.headers


def test_below_a_prefix(proxy: Proxy) -> None:
    if proxy.plain.kind != "nginx":
        seen = who(proxy, secure=True, x_forwarded_prefix="/below")
        assert "below" not in seen["link"]
        return
    seen = ask(proxy, "GET", "/below/who").json()
    assert seen["url"] == "https://shop.example/below/who"
    assert seen["link"] == "https://shop.example/below/items/7/"
    moved = ask(proxy, "GET", "/below/items/7", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (308, "/below/items/7/")


# --- Uploads ----------------------------------------------------------------------------------


def posted(proxy: Proxy, size: int, *, chunked: bool) -> httpx2.Response:
    whole = b"x" * size
    body: Any = whole
    if chunked:
        body = (whole[start : start + 50_000] for start in range(0, size, 50_000))
    headers = {"sec-fetch-site": "same-origin"}
    return ask(proxy, "POST", "/upload", content=body, headers=headers)


@pytest.mark.parametrize("chunked", [False, True])
def test_uploads_and_their_limit(proxy: Proxy, chunked: bool) -> None:
    accepted = posted(proxy, 299_000, chunked=chunked)
    assert (accepted.status_code, accepted.text) == (200, "299000")
    refused = posted(proxy, 301_000, chunked=chunked)
    assert refused.status_code == 413
    assert "MAX_REQUEST_BODY_BYTES" in refused.text or "larger" in refused.text


def test_the_proxys_own_limit_comes_first(proxy: Proxy) -> None:
    assert posted(proxy, 1_100_000, chunked=False).status_code == 413


def test_requests_of_other_sites_are_refused(proxy: Proxy) -> None:
    """The scheme that the proxy tells is a part of the origin that is compared."""

    def status(origin: str) -> int:
        headers = {"origin": origin}
        return ask(proxy, "POST", "/upload", content=b"x", headers=headers).status_code

    assert status("https://evil.example") == 403
    assert status("http://shop.example") == 403
    assert status("null") == 403


# --- WebSockets -------------------------------------------------------------------------------


def handshake(proxy: Proxy, origin: str, *, secure: bool, query: str = "") -> Any:
    port = proxy.tls if secure else proxy.plain.port
    scheme = "wss" if secure else "ws"
    raw = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(CLIENT, 0))
    return connect(
        f"{scheme}://shop.example/ws{query}",
        sock=raw,
        ssl=proxy.trust if secure else None,
        server_hostname="shop.example" if secure else None,
        origin=Origin(origin),
        proxy=None,
        compression=None,
    )


@pytest.mark.parametrize("secure", [False, True])
def test_a_websocket(proxy: Proxy, secure: bool) -> None:
    origin = f"{'https' if secure else 'http'}://shop.example"
    with handshake(proxy, origin, secure=secure) as wire:
        wire.send("hello")
        assert json.loads(wire.recv()) == [CLIENT, "wss" if secure else "ws", "hello"]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null"])
def test_a_websocket_from_another_origin_is_refused(proxy: Proxy, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        handshake(proxy, origin, secure=True)
    ask(proxy, "GET", "/echo/after")
    # No client writes errors into the log: uvicorn takes a denial for a missing answer.
    assert "without completing handshake" not in proxy.log.read_text()


# --- Request smuggling ------------------------------------------------------------------------

SIZE = "content-length: {size}"
CHUNKED = "transfer-encoding: chunked"
ENDED = "0\r\n\r\n{inner}"
WEBSOCKET = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 777"
H2C = "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk"
PAYLOADS = {
    "CL.TE": (f"{SIZE}\r\n{CHUNKED}", ENDED),
    "TE.CL": (f"{CHUNKED}\r\ncontent-length: 4", "{length:x}\r\n{inner}\r\n0\r\n\r\n"),
    "two lengths": (f"content-length: 0\r\n{SIZE}", "{inner}"),
    "two lengths in one": ("content-length: 0, {size}", "{inner}"),
    "a length with a sign": ("content-length: +0", "{inner}"),
    "a length with a blank": ("content-length: 0 {size}", "{inner}"),
    "a length in hexadecimal": ("content-length: 0x0", "{inner}"),
    "a length with an underscore": ("content-length: 0_0", "{inner}"),
    "a blank before the colon": (f"transfer-encoding : chunked\r\n{SIZE}", ENDED),
    "a tab before the coding": (f"transfer-encoding:\tchunked\r\n{SIZE}", ENDED),
    "a vertical tab": (f"transfer-encoding: \x0bchunked\r\n{SIZE}", ENDED),
    "another coding": (f"transfer-encoding: xchunked\r\n{SIZE}", ENDED),
    "two codings": (f"{CHUNKED}, identity\r\n{SIZE}", ENDED),
    "two codings in two lines": (f"{CHUNKED}\r\ntransfer-encoding: identity\r\n{SIZE}", ENDED),
    "a folded line": (f"transfer-encoding:\r\n chunked\r\n{SIZE}", ENDED),
    "a bare line feed": (f"x-a: b\n{CHUNKED}\r\n{SIZE}", ENDED),
    "a null byte": (f"x-a: b\0c\r\n{SIZE}\r\n{CHUNKED}", ENDED),
    "a chunk size with a sign": (CHUNKED, f"+{ENDED}"),
    "a chunk size in 0x": (CHUNKED, f"0x{ENDED}"),
    "a chunk size past 64 bits": (CHUNKED, "1" + "0" * 16 + "\r\n{inner}\r\n0\r\n\r\n"),
    "a line feed in an extension": (
        CHUNKED,
        "2;\nxx\r\n{length:x}\r\n0\r\n\r\n{inner}\r\n0\r\n\r\n",
    ),
    "a chunk that ends early": (CHUNKED, f"5\r\nabcdeXX{ENDED}"),
    "a trailer as a length": (
        CHUNKED,
        "{length:x}\r\n{inner}\r\n0\r\ncontent-length: 0\r\n\r\n",
    ),
    "an upgrade": (f"{H2C}\r\n{SIZE}", "{inner}"),
    "an upgrade to a WebSocket that fails": (f"{WEBSOCKET}\r\n{SIZE}", "{inner}"),
    "HTTP/1.0 with chunks": (f"{CHUNKED}\r\nconnection: keep-alive", ENDED),
    "an expectation": (f"expect: 100-continue\r\n{SIZE}", "{inner}"),
}


def payload(name: str, path: str) -> bytes:
    """Return a request whose body, or what follows it, could be taken for a request of its own."""
    inner = f"GET {path} HTTP/1.1\r\nhost: shop.example\r\nx-rest: "
    headers, body = PAYLOADS[name]
    body = body.format(inner=inner, length=len(inner))
    version = "1.0" if "1.0" in name else "1.1"
    head = (
        f"POST /upload HTTP/{version}\r\nhost: shop.example\r\nsec-fetch-site: same-origin\r\n"
        + headers.format(size=len(body))
    )
    return f"{head}\r\n\r\n{body}".encode("latin-1")


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_request_is_smuggled(proxy: Proxy, name: str) -> None:
    """A visitor's next request gets its own answer, whatever an attacker has sent before."""
    mark = re.sub(r"\W+", "-", f"{proxy.plain.kind}-{name}")
    with proxy.plain.connect() as wire:
        wire.socket.settimeout(1)
        wire.send(payload(name, f"/echo/smuggled-{mark}"))
        try:
            first = wire.answer().status
        except (TimeoutError, AssertionError, ValueError):
            first = 0  # it waits for more, or has closed
    assert first in (0, 100, 200, 400, 403, 404, 408, 413, 417, 426, 431, 501, 502), first
    for number in range(4):  # more than there are connections that wait
        answer = ask(proxy, "GET", f"/echo/{mark}-{number}", secure=False)
        assert (answer.status_code, answer.text) == (200, f"{mark}-{number}")
    # As the body of the one request it may have come along, but never as a request.
    log = proxy.log.read_text()
    assert f"/echo/{mark}-0" in log
    assert f"smuggled-{mark}" not in log


def test_pipelined_requests_are_answered_in_order(proxy: Proxy) -> None:
    with proxy.plain.connect() as wire:
        wire.send(
            b"".join(
                f"GET /echo/{number} HTTP/1.1\r\nhost: shop.example\r\n\r\n".encode()
                for number in range(5)
            )
        )
        answers = [wire.answer() for _ in range(5)]
    assert [answer.body for answer in answers] == [b"0", b"1", b"2", b"3", b"4"]


def test_the_certificate_is_believed_for_one_name(proxy: Proxy) -> None:
    """The tests above switch off the check of the name: it would hold."""
    strict = ssl.create_default_context(cadata=None)
    strict.load_verify_locations(cafile=str(proxy.log.parent / "cert.pem"))
    raw = socket.create_connection(("127.0.0.1", proxy.tls), timeout=60)
    with strict.wrap_socket(raw, server_hostname="shop.example") as wire:
        assert wire.version() in ("TLSv1.2", "TLSv1.3")


def test_the_log_has_one_line_for_each_request_and_no_query(proxy: Proxy) -> None:
    mark = f"query-{proxy.plain.kind}"
    ask(proxy, "GET", f"/echo/{mark}?token=s3cret-{mark}")
    with handshake(proxy, "https://shop.example", secure=True, query=f"?token=s3cret-{mark}") as ws:
        ws.send("x")
        ws.recv()
    ask(proxy, "GET", f"/echo/{mark}-after")  # what came before is written by then
    log = proxy.log.read_text()
    assert log.count(f"/echo/{mark}'") == 1
    assert f"s3cret-{mark}" not in log
