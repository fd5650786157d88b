"""The configurations of `examples/deployment`: checked by their programs, and served."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "examples" / "deployment"
CODE = runpy.run_path(str(ROOT / "docs" / "tutorial_code.py"))
APPLICATION = CODE["parts"]()[-1]
HOST = "book.example.com"
PASSWORD = "correct horse battery"
SECONDS = 30
SBIN = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


def program(name: str) -> str:
    """Return the path of a program; skip the test where it is not installed."""
    found = shutil.which(name, path=SBIN)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    *command: str, port: int, log: Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Generator[None]:
    """Start a program, wait until it listens on a port, and end it afterwards."""
    with log.open("wb") as output, subprocess.Popen(
        command, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=env
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + SECONDS
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(SECONDS)


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions and their arguments, lines joined."""
    text = (FILES / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def settings_file() -> dict[str, str]:
    """Return the variables of the settings file, as systemd and Compose read it."""
    lines = (FILES / "guestbook.env").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if not line.startswith("#")]
    return {name: value.strip("'") for name, _, value in pairs}


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Do what the Dockerfile says, start its command, and return the port."""
    context, image = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("image")
    APPLICATION.write(context)
    (context / "wheels").mkdir()
    environment = {**os.environ, **settings_file()}
    command: list[str] = []
    for name, rest in instructions():
        if name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                if source != "wheels":  # what they install is installed here
                    place = image / target / (source if target == "./" else "")
                    copy = shutil.copytree if (context / source).is_dir() else shutil.copyfile
                    copy(context / source, place)
        elif name == "ENV":
            environment |= dict(part.split("=", 1) for part in shlex.split(rest))
        elif name == "CMD":
            command = json.loads(rest)
    port = free_port()
    environment["FLASGO_TRUSTED_PROXY_HEADERS"] += ",x-forwarded-prefix"  # as the guide says
    environment["FLASGO_SECRET_KEY"] = "deployment-tests-only-0123456789-abcdef"
    environment["FLASGO_GUESTBOOK_FILE"] = str(image / "guestbook.sqlite3")
    hash_ = re.search(r"PASSWORD_HASH='(.+)'", CODE["example"]()["env.example"])
    assert hash_ is not None
    environment["FLASGO_ADMIN_PASSWORD_HASH"] = hash_[1]
    assert command[:4] == ["flasgo", "run", "app.py", "--host"]
    command = [str(port) if part == "8000" else part for part in command]
    command[0:1] = [sys.executable, "-m", "flasgo"]
    log = image.parent / "application.log"
    with running(*command, port=port, log=log, cwd=image, env=environment):
        yield port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    key, chain = folder / "key.pem", folder / "chain.pem"
    subprocess.run(
        [
            program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
            "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(chain),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return key, chain


def replaced(name: str, texts: dict[str, object]) -> str:
    """Return a configuration with texts of it replaced; each has to be in it."""
    text = (FILES / name).read_text()
    for old, new in texts.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, str(new))
    return text


@pytest.fixture(scope="module")
def nginx(
    application: int, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, int, int]]:
    """Run nginx with the configurations; return the ports of https, http, and below a path."""
    executable, folder = program("nginx"), tmp_path_factory.mktemp("nginx")
    https, http, prefix = free_port(), free_port(), free_port()
    key, chain = certificate
    site = replaced(
        "nginx.conf",
        {
            "127.0.0.1:8000": f"127.0.0.1:{application}",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "listen 80;": f"listen 127.0.0.1:{http};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{https} ssl http2;",
            f"/etc/letsencrypt/live/{HOST}/fullchain.pem": chain,
            f"/etc/letsencrypt/live/{HOST}/privkey.pem": key,
        },
    )
    below = replaced("nginx-prefix.conf", {":8000/": f":{application}/"})
    paths = " ".join(
        f"{name}_temp_path {folder / name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; master_process off; pid {folder / 'pid'}; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{site}\n"
        f"server {{ listen 127.0.0.1:{prefix}; {below} }} }}\n"
    )
    command = (executable, "-p", str(folder), "-e", "stderr", "-c", str(configuration))
    check = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
    assert "[warn]" not in check.stderr
    with running(*command, port=https, log=folder / "log"):
        yield https, http, prefix


@pytest.fixture(scope="module")
def caddy(
    application: int, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Run Caddy with the Caddyfile; return the port of https."""
    executable, folder = program("caddy"), tmp_path_factory.mktemp("caddy")
    port = free_port()
    key, chain = certificate
    site = replaced(
        "Caddyfile",
        {
            f"{HOST} {{": f"https://{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {chain} {key}",
            "127.0.0.1:8000": f"127.0.0.1:{application}",
        },
    )
    configuration = folder / "Caddyfile"
    configuration.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{site}")
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    command = (executable, "run", "--config", str(configuration), "--adapter", "caddyfile")
    with running(*command, port=port, log=folder / "log", env=environment):
        yield port


Visit = Callable[..., httpx2.Response]


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Send a request as a browser that resolves the site's name to this machine."""
    # Not from the address of the proxy, which counts as a proxy itself.
    transport = httpx2.HTTPTransport(verify=False, local_address="127.0.0.2")
    with httpx2.Client(transport=transport, timeout=SECONDS) as client:

        def visit(
            method: str, port: int, path: str, *, scheme: str = "https", **options: Any
        ) -> httpx2.Response:
            headers = {"host": HOST, "sec-fetch-site": "same-origin", **options.pop("headers", {})}
            return client.request(
                method,
                f"{scheme}://127.0.0.1:{port}{path}",
                headers=headers,
                extensions={"sni_hostname": HOST},
                **options,
            )

        yield visit


@pytest.fixture(params=["nginx", "caddy"])
def https(request: pytest.FixtureRequest) -> int:
    """Return the port on which a proxy serves the application."""
    value = request.getfixturevalue(request.param)
    return value[0] if isinstance(value, tuple) else value


def test_a_visit_through_the_proxy(https: int, visit: Visit) -> None:
    page = visit("GET", https, "/")
    assert page.status_code == 200
    assert "max-age" in page.headers["strict-transport-security"]
    entry = {"name": f"Ada {https}", "text": "Hello."}
    answer = visit("POST", https, "/", data=entry, headers={"origin": f"https://{HOST}"})
    assert answer.status_code == 303
    assert answer.headers["set-cookie"].startswith("__Host-session=")
    assert "; Secure" in answer.headers["set-cookie"]
    assert f"<footer>Ada {https}</footer>" in visit("GET", https, "/").text
    assert visit("POST", https, "/admin/login", data={"password": PASSWORD}).status_code == 303


def test_what_the_proxy_refuses(https: int, visit: Visit) -> None:
    other = {"origin": "https://other.example", "sec-fetch-site": "cross-site"}
    assert visit("POST", https, "/", data={"name": "x"}, headers=other).status_code == 403
    assert visit("GET", https, "/health", headers={"forwarded": "for=1"}).status_code == 200


def test_the_client_is_the_visitor_whatever_it_claims(https: int, visit: Visit) -> None:
    claims = [{"x-forwarded-for": f"203.0.113.{number}"} for number in range(12)]
    path = "/admin/login"
    answers = [visit("POST", https, path, data={"password": ""}, headers=c) for c in claims]
    # Two processes count for themselves, so the quota of five is used up after ten at the latest.
    assert 429 in {answer.status_code for answer in answers}


def test_nginx_refuses_a_body_that_the_application_would_refuse(
    nginx: tuple[int, int, int], visit: Visit
) -> None:
    answer = visit("POST", nginx[0], "/", content=b"x" * 11 * 1024**2)
    assert answer.status_code == 413
    assert "nginx" in answer.headers["server"]


def test_nginx_sends_http_to_https(nginx: tuple[int, int, int], visit: Visit) -> None:
    answer = visit("GET", nginx[1], "/?page=2", scheme="http")
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://{HOST}/?page=2"


def test_nginx_serves_the_application_below_a_path(
    nginx: tuple[int, int, int], visit: Visit
) -> None:
    page = visit("GET", nginx[2], "/book/", scheme="http")
    assert page.status_code == 200
    assert 'href="/book/static/' in page.text


def test_the_health_check_of_the_image(application: int) -> None:
    (check,) = [rest for name, rest in instructions() if name == "HEALTHCHECK"]
    command = json.loads(check[check.index("[") :])
    command[0] = sys.executable
    command[-1] = command[-1].replace("8000", str(application))
    assert subprocess.run(command, check=False, timeout=SECONDS).returncode == 0


def test_the_dockerfile_copies_what_there_is_and_runs_as_a_user() -> None:
    names = [name for name, _ in instructions()]
    assert names[0] == "FROM"
    assert names.index("USER") < names.index("CMD")
    copied = {part for name, rest in instructions() if name == "COPY" for part in rest.split()[:-1]}
    application = {name.partition("/")[0] for name in APPLICATION.files}
    assert copied == application - {".env", "tests"} | {"wheels"}


def test_compose_overrides_what_differs_in_a_container() -> None:
    text = (FILES / "compose.yaml").read_text()
    image = dict(part.split("=", 1) for name, rest in instructions() if name == "ENV"
                 for part in shlex.split(rest))  # fmt: skip
    assert f"FLASGO_GUESTBOOK_FILE: {image['FLASGO_GUESTBOOK_FILE']}" in text
    assert "env_file: guestbook.env" in text


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "guestbook.service"
    command = "/srv/guestbook/.venv/bin/flasgo run app.py --port 8000 --workers 2"
    text = replaced("guestbook.service", {command: "/bin/true"})
    unit.write_text(text)
    check = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (check.returncode, check.stderr) == (0, "")


def test_caddy_accepts_the_caddyfile_as_it_stands(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    check = subprocess.run(
        [program("caddy"), "validate", "--config", str(FILES / "Caddyfile")],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert check.returncode == 0, check.stderr
    assert "Valid configuration" in check.stdout + check.stderr


def test_the_settings_pass_the_check(tmp_path: Path) -> None:
    APPLICATION.write(tmp_path)
    (tmp_path / ".env").unlink()
    environment = os.environ | settings_file() | {
        "FLASGO_SECRET_KEY": "kJ3nV9qLx2Wm7Rt5Yp8Zc4Bh6Fd1Gs0A-made-for-a-test",
        "FLASGO_GUESTBOOK_FILE": "book.sqlite3",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "flasgo", "check", "--deploy"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
