"""The httpx2 transport: what was checked is what is connected to, redirects included."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flasgo_security import SSRFConfig, SSRFGuard, SSRFViolation
from flasgo_security.outbound.transport import SSRFTransport

from .conftest import Listener, Names

Listen = Callable[..., Listener]
Fetch = Callable[..., httpx2.Response]

# 127.0.0.2 plays the public address of this test, 127.0.0.1 the service that nobody may reach.
PUBLIC_HERE, INTERNAL = "127.0.0.2", "127.0.0.1"


def guard_for(names: Names, *networks: str) -> SSRFGuard:
    config = SSRFConfig(allowed_networks=networks or (f"{PUBLIC_HERE}/32",))
    return SSRFGuard(config, resolver=names)


def fetch_sync(transport: SSRFTransport, url: str, **options: object) -> httpx2.Response:
    with httpx2.Client(transport=transport, follow_redirects=True, timeout=10) as client:
        return client.get(url, **options)  # ty: ignore[invalid-argument-type]


def fetch_async(transport: SSRFTransport, url: str, **options: object) -> httpx2.Response:
    async def get() -> httpx2.Response:
        async with httpx2.AsyncClient(
            transport=transport, follow_redirects=True, timeout=10
        ) as client:
            return await client.get(url, **options)  # ty: ignore[invalid-argument-type]

    return asyncio.run(get())


@pytest.fixture(params=[fetch_sync, fetch_async], ids=["sync", "async"])
def fetch(request: pytest.FixtureRequest) -> Fetch:
    return request.param


# --- Pinning ------------------------------------------------------------------------------------


def test_it_connects_to_the_address_that_was_checked(
    names: Names, listen: Listen, fetch: Fetch
) -> None:
    server = listen(PUBLIC_HERE)
    names.add("api.example", [PUBLIC_HERE])

    answer = fetch(SSRFTransport(guard_for(names)), f"http://api.example:{server.port}/x?y=1")

    assert answer.text == f"from {PUBLIC_HERE}"
    assert server.hosts() == [f"api.example:{server.port}"]
    assert server.heads[0].startswith("GET /x?y=1 HTTP/1.1\r\n")


def test_a_name_that_changes_its_answer_gains_nothing(
    names: Names, listen: Listen, fetch: Fetch
) -> None:
    """DNS rebinding: allowed when it is checked, internal when it is looked up again."""
    outside = listen(PUBLIC_HERE)
    inside = listen(INTERNAL, outside.port)
    names.add("rebind.example", [PUBLIC_HERE], [INTERNAL])
    guard = guard_for(names)

    answer = fetch(SSRFTransport(guard), f"http://rebind.example:{outside.port}/")

    assert answer.text == f"from {PUBLIC_HERE}"
    assert names.asked == ["rebind.example"]  # once: the check and the connection share an answer
    with pytest.raises(SSRFViolation, match=r"resolves to 127\.0\.0\.1, which is loopback"):
        fetch(SSRFTransport(guard), f"http://rebind.example:{outside.port}/")
    assert inside.connections == 0


def test_a_pinned_target_is_not_resolved_again(names: Names, listen: Listen) -> None:
    """The same with `resolve` and a client of one's own."""
    outside = listen(PUBLIC_HERE)
    inside = listen(INTERNAL, outside.port)
    names.add("rebind.example", [PUBLIC_HERE], [INTERNAL])

    target = guard_for(names).resolve(f"http://rebind.example:{outside.port}/")
    answer = httpx2.get(target.url, headers={"Host": target.host_header}, trust_env=False)

    assert answer.text == f"from {PUBLIC_HERE}"
    assert outside.hosts() == [f"rebind.example:{outside.port}"]
    assert inside.connections == 0


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/",
     "http://[::ffff:127.0.0.1]:{port}/", "http://localhost:{port}/", "http://u:p@ok.example/",
     "http://mixed.example:{port}/", "ftp://ok.example/", "http://\uff11\uff12\uff17.0.0.1:{port}/"],
)  # fmt: skip
def test_nobody_connects_to_what_is_forbidden(
    names: Names, listen: Listen, fetch: Fetch, url: str
) -> None:
    inside = listen(INTERNAL)
    names.add("localhost", ["127.0.0.1"])
    names.add("ok.example", [PUBLIC_HERE])
    names.add("mixed.example", [PUBLIC_HERE, INTERNAL])

    with pytest.raises((SSRFViolation, httpx2.InvalidURL, httpx2.UnsupportedProtocol)):
        fetch(SSRFTransport(guard_for(names)), url.format(port=inside.port))

    assert inside.connections == 0


def test_the_next_address_is_tried(names: Names, listen: Listen, fetch: Fetch) -> None:
    server = listen("127.0.0.3")
    names.add("two.example", [PUBLIC_HERE, "127.0.0.3"])
    transport = SSRFTransport(guard_for(names, "127.0.0.2/31"))

    assert fetch(transport, f"http://two.example:{server.port}/").text == "from 127.0.0.3"


def test_a_server_that_is_not_there_is_httpx2s_error(
    names: Names, listen: Listen, fetch: Fetch
) -> None:
    server = listen(INTERNAL)
    names.add("gone.example", [PUBLIC_HERE])
    with pytest.raises(httpx2.ConnectError):
        fetch(SSRFTransport(guard_for(names)), f"http://gone.example:{server.port}/")


def test_proxies_of_the_environment_are_not_asked(
    names: Names, listen: Listen, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = listen(INTERNAL), listen(PUBLIC_HERE)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{INTERNAL}:{proxy.port}")
    names.add("api.example", [PUBLIC_HERE])

    answer = fetch(SSRFTransport(guard_for(names)), f"http://api.example:{server.port}/")

    assert answer.text == f"from {PUBLIC_HERE}"
    assert proxy.connections == 0


# --- Redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/secret", "http://2130706433:{port}/", "http://inside.example:{port}/",
     "http://[::1]:{port}/", "http://169.254.169.254/latest/meta-data/", "//127.0.0.1:{port}/",
     "http://u@{public}:{port}/"],
)  # fmt: skip
def test_redirects_are_checked(names: Names, listen: Listen, fetch: Fetch, location: str) -> None:
    outside = listen(PUBLIC_HERE)
    inside = listen(INTERNAL, outside.port)
    names.add("api.example", [PUBLIC_HERE])
    names.add("inside.example", [INTERNAL])
    outside.redirect("/go", location.format(port=inside.port, public=PUBLIC_HERE))

    with pytest.raises(SSRFViolation):
        fetch(SSRFTransport(guard_for(names)), f"http://api.example:{outside.port}/go")

    assert inside.connections == 0


def test_redirects_to_where_one_may_go_are_followed(
    names: Names, listen: Listen, fetch: Fetch
) -> None:
    server = listen(PUBLIC_HERE)
    names.add("api.example", [PUBLIC_HERE])
    names.add("other.example", [PUBLIC_HERE])
    server.redirect("/go", f"http://other.example:{server.port}/there")

    answer = fetch(SSRFTransport(guard_for(names)), f"http://api.example:{server.port}/go")

    assert (answer.status_code, answer.url.path) == (200, "/there")
    # Two names on one address do not share a connection.
    assert server.connections == 2
    assert server.hosts() == [f"api.example:{server.port}", f"other.example:{server.port}"]


def test_a_host_off_the_list_is_refused_on_redirect(
    names: Names, listen: Listen, fetch: Fetch
) -> None:
    server = listen(PUBLIC_HERE)
    names.add("api.example", [PUBLIC_HERE])
    names.add("other.example", [PUBLIC_HERE])
    server.redirect("/go", f"http://other.example:{server.port}/there")
    config = SSRFConfig(allowed_hosts={"api.example"}, allowed_networks={f"{PUBLIC_HERE}/32"})

    with pytest.raises(SSRFViolation, match="not on the list"):
        fetch(
            SSRFTransport(SSRFGuard(config, resolver=names)),
            f"http://api.example:{server.port}/go",
        )
    assert server.connections == 1


# --- TLS ----------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self._certificate = self._sign(self._name, self._key, is_authority=True)

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *hosts: x509.GeneralName,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            # Python 3.13 asks for the rest of RFC 5280 as well.
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=is_authority,
                    crl_sign=is_authority,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def client_context(self) -> ssl.SSLContext:
        pem = self._certificate.public_bytes(serialization.Encoding.PEM)
        return ssl.create_default_context(cadata=pem.decode())

    def server_context(self, *names: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        hosts: list[x509.GeneralName] = []
        for name in names:
            try:
                hosts.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                hosts.append(x509.DNSName(name))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key, *hosts)
        path = self._folder / f"{names[0]}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class TlsServer:
    """Answers over TLS and remembers the names that clients asked for."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.asked: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: self.asked.append(name)
        self._context = context
        self.port = 0

    async def serve(self, body: Callable[[], Awaitable[None]]) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, PUBLIC_HERE, 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            await body()


@pytest.fixture
def client_guard(names: Names) -> SSRFGuard:
    names.add("api.example", [PUBLIC_HERE])
    names.add("other.example", [PUBLIC_HERE])
    return guard_for(names)


async def test_tls_stays_on_the_name(authority: Authority, client_guard: SSRFGuard) -> None:
    server = TlsServer(authority.server_context("api.example"))

    async def go() -> None:
        transport = SSRFTransport(client_guard, verify=authority.client_context())
        async with httpx2.AsyncClient(transport=transport) as client:
            answer = await client.get(f"https://api.example:{server.port}/")
            assert answer.text == "ok"
        answer = await asyncio.to_thread(
            fetch_sync,
            SSRFTransport(client_guard, verify=authority.client_context()),
            f"https://api.example:{server.port}/",
        )
        assert answer.text == "ok"

    await server.serve(go)
    assert server.asked == ["api.example", "api.example"]


async def test_a_certificate_for_another_name_is_refused(
    authority: Authority, client_guard: SSRFGuard
) -> None:
    """Neither a certificate for the address nor the caller's `sni_hostname` is good enough."""
    server = TlsServer(authority.server_context("api.example", PUBLIC_HERE))
    url = "https://other.example:{port}/"

    async def go() -> None:
        transport = SSRFTransport(client_guard, verify=authority.client_context())
        async with httpx2.AsyncClient(transport=transport) as client:
            for extensions in ({}, {"sni_hostname": "api.example"}):
                with pytest.raises(httpx2.ConnectError, match=r"other\.example"):
                    await client.get(url.format(port=server.port), extensions=extensions)

    await server.serve(go)
    assert set(server.asked) == {"other.example"}


async def test_a_pinned_target_works_with_a_client_of_ones_own(
    authority: Authority, client_guard: SSRFGuard
) -> None:
    server = TlsServer(authority.server_context("api.example"))

    async def go() -> None:
        target = await client_guard.aresolve(f"https://api.example:{server.port}/")
        async with httpx2.AsyncClient(verify=authority.client_context(), trust_env=False) as client:
            answer = await client.get(
                target.url,
                headers={"Host": target.host_header},
                extensions={"sni_hostname": target.host},
            )
        assert answer.text == "ok"

    await server.serve(go)
    assert server.asked == ["api.example"]


# --- Bodies and connections ---------------------------------------------------------------------


def test_bodies_stream_both_ways_and_connections_are_kept(names: Names, listen: Listen) -> None:
    server = listen(PUBLIC_HERE)
    names.add("api.example", [PUBLIC_HERE])
    with httpx2.Client(transport=SSRFTransport(guard_for(names))) as client:
        for _ in range(3):
            with client.stream("GET", f"http://api.example:{server.port}/") as answer:
                assert b"".join(answer.iter_bytes()) == f"from {PUBLIC_HERE}".encode()
    assert server.connections == 1
    assert names.asked == ["api.example"]
