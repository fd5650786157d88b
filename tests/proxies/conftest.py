"""nginx and HAProxy, each with a certificate, in front of `flasgo run --workers 2`."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.limits.conftest import Server, environment_of_servers, free_port, stop_server

HERE = Path(__file__).resolve().parent
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
HAPROXY = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")

NGINX_CONFIGURATION = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 1m;
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        ''      '';
    }}
    upstream app {{
        server 127.0.0.1:{app};
        keepalive 4;
    }}
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Prefix "";
    proxy_set_header Forwarded "";
    proxy_set_header X-Remote-User "";
    server {{
        listen 127.0.0.1:{plain};
        location / {{ proxy_pass http://app; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{ proxy_pass http://app; }}
        location /below/ {{
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix /below;
            proxy_pass http://app/;
        }}
    }}
}}
"""

# Its plain frontend sends X-Forwarded-*, the one with TLS sends Forwarded. HAProxy 2.8 has `option
# forwarded proto for` for the latter; Debian 12 has 2.6.
HAPROXY_CONFIGURATION = """
global
    maxconn 200
defaults
    mode http
    timeout connect 10s
    timeout client 20s
    timeout server 20s
    timeout tunnel 20s
frontend plain
    bind 127.0.0.1:{plain}
    http-request del-header X-Forwarded-For
    http-request del-header X-Forwarded-Prefix
    http-request del-header Forwarded
    http-request del-header X-Remote-User
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto http
    default_backend app
frontend tls
    bind 127.0.0.1:{tls} ssl crt {folder}/both.pem
    http-request del-header X-Forwarded-For
    http-request del-header X-Forwarded-Proto
    http-request del-header X-Forwarded-Prefix
    http-request del-header X-Remote-User
    http-request set-header Forwarded "for=%[src];proto=https"
    default_backend app
backend app
    http-reuse always
    server app 127.0.0.1:{app}
"""


@dataclass
class Proxy:
    """A proxy with one port for http and one for https.

    Attributes:
        plain: What speaks http.
        tls: The port of https.
        trust: What believes its certificate.
        log: What the workers of the app have written: one line for each request.
    """

    plain: Server
    tls: int
    trust: ssl.SSLContext
    log: Path

    def url(self, path: str, *, secure: bool = True) -> str:
        scheme, port = ("https", self.tls) if secure else ("http", self.plain.port)
        return f"{scheme}://127.0.0.1:{port}{path}"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for the name shop.example."""
    folder = tmp_path_factory.mktemp("proxies")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(secret)
    (folder / "both.pem").write_bytes(certificate + secret)
    return folder


def started(command: list[str], folder: Path, name: str, port: int) -> Server:
    """Start a process and wait until its port is open."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=HERE,
            env=environment_of_servers(HERE),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(name, port, process, log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.connect().socket.close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return server
    stop_server(server)
    raise RuntimeError(f"{name} does not serve:\n{log.read_text()}")


@pytest.fixture(scope="session")
def workers(folder: Path) -> Iterator[Server]:
    """The app, in two processes."""
    port = free_port()
    command = [sys.executable, "-m", "flasgo", "run", "behind.py", "--port", str(port)]
    server = started([*command, "--workers", "2", "--log-format", "json"], folder, "app", port)
    yield server
    stop_server(server)


@pytest.fixture(scope="session", params=["nginx", "haproxy"])
def proxy(request: pytest.FixtureRequest, workers: Server, folder: Path) -> Iterator[Proxy]:
    """Each proxy in turn."""
    if not (NGINX and HAPROXY):
        pytest.skip("nginx or haproxy is not installed: apt-get install nginx-light haproxy")
    ports = {"plain": free_port(), "tls": free_port(), "app": workers.port}
    user = pwd.getpwuid(os.geteuid()).pw_name  # of root's, nginx would else make nobody's
    text = NGINX_CONFIGURATION if request.param == "nginx" else HAPROXY_CONFIGURATION
    file = folder / f"{request.param}.conf"
    file.write_text(text.format(folder=folder, user=user, **ports))
    command = {
        "nginx": [str(NGINX), "-e", f"{folder}/start.log", "-c", str(file), "-p", str(folder)],
        "haproxy": [str(HAPROXY), "-db", "-f", str(file)],
    }[request.param]
    server = started(command, folder, request.param, ports["plain"])
    trust = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    trust.check_hostname = False  # it is reached by its address
    try:
        yield Proxy(server, ports["tls"], trust, workers.log)
    finally:
        stop_server(server)
