"""The example over real sockets: every way to start it that the docs name."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import QUICKSTART, ROOT, Serve, Server
from .test_quickstart import Page

FLASGO_RUN = ("flasgo", "run", "--port", "{port}")
HOME = {"framework": "flasgo", "status": "ok"}


def check_example(server: Server) -> None:
    """Home, a static file, and the form with and without its token."""
    with server.client() as client:
        assert client.get("/").json() == HOME
        assert client.get("/static/welcome.css").status_code == 200
        token = Page(client.get("/welcome").text).field("csrf_token")
        form = {"email": "alice@example.com"}
        assert client.post("/contact", data=form).status_code == 403
        answer = client.post("/contact", data={**form, "csrf_token": token})
        assert (answer.status_code, answer.headers["location"]) == (302, "/thanks")


def test_flasgo_run_serves_a_file_from_the_root_of_the_checkout(serve: Serve) -> None:
    server = serve(*FLASGO_RUN, "examples/quickstart/app.py", cwd=ROOT)

    check_example(server)


def test_flasgo_run_serves_a_file_beside_it(serve: Serve, copy: Path) -> None:
    server = serve(*FLASGO_RUN, "app.py", cwd=copy)

    check_example(server)


def test_flasgo_run_serves_an_import_string(serve: Serve, copy: Path) -> None:
    package = copy.parent / "shop"
    copy.rename(package)
    (package / "__init__.py").touch()
    server = serve(*FLASGO_RUN, "shop.app:app", cwd=package.parent)

    check_example(server)


def test_flasgo_run_reloads_when_the_file_is_edited(serve: Serve, copy: Path) -> None:
    server = serve(*FLASGO_RUN, "app.py", "--reload", cwd=copy)
    file = copy / "app.py"

    file.write_text(file.read_text().replace('"status": "ok"', '"status": "edited"'))

    server.until(lambda answer: answer.json() == HOME | {"status": "edited"})


def test_app_run_serves_and_reloads(serve: Serve, copy: Path) -> None:
    file = copy / "app.py"
    text = file.read_text()
    assert text.count("port=8000") == 1
    file.write_text(text.replace("port=8000", "port=int(os.environ['PORT'])"))
    server = serve("env", "PORT={port}", "python", "app.py", cwd=copy)
    check_example(server)

    file.write_text(file.read_text().replace('"status": "ok"', '"status": "edited"'))

    server.until(lambda answer: answer.json() == HOME | {"status": "edited"})


def test_uvicorn_serves_it_with_two_workers(serve: Serve, copy: Path) -> None:
    server = serve("uvicorn", "app:app", "--workers", "2", "--port", "{port}", cwd=copy)

    check_example(server)


def test_the_page_fills_in_in_a_browser(serve: Serve, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("chromium is not installed")
    server = serve(*FLASGO_RUN, "app.py", cwd=QUICKSTART)
    options = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=5000",
        "--dump-dom",
    )

    done = subprocess.run(
        [browser, *options, f"{server.url}/welcome"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=120,
        check=False,
    )

    assert done.stdout.count('class="is-on"') == done.stdout.count("data-header="), done.stderr
    assert 'class="is-off"' not in done.stdout
