"""PLUG-8, PLUG-14: the example flasgo-prometheus, installed from its wheel beside core alone."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from pathlib import Path

import httpx2
import pytest

from .conftest import ROOT, SECRET_KEY, Environment, MakeEnvironment, run

PROJECT = ROOT / "examples" / "plugins" / "flasgo-prometheus"
TOKEN = "a-token-for-these-tests-only"
PATIENCE_SECONDS = 60
APP = """
from flasgo import Flasgo

app = Flasgo()


@app.get("/users/<int:number>")
async def user(number: int):
    return {"number": number}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the plugin's project, so that nothing is written into this checkout."""
    folder = tmp_path_factory.mktemp("plugins") / PROJECT.name
    ignored = shutil.ignore_patterns(".*", "__pycache__", "dist")
    return shutil.copytree(PROJECT, folder, ignore=ignored)


@pytest.fixture(scope="module")
def installed(
    uv: str, wheels: dict[str, Path], make_environment: MakeEnvironment, project: Path
) -> Environment:
    """An environment with core, its command line, the test client and the plugin's wheel."""
    environment = make_environment("flasgo-core", "flasgo-testing")
    target = project.parent / "wheel"
    run([uv, "build", "--quiet", "--wheel", "-o", target, project], cwd=project.parent)
    (wheel,) = target.glob("*.whl")
    pip = [uv, "pip", "install", "--quiet", "--python", environment.python]
    cli = f"flasgo-core[cli] @ {wheels['flasgo-core'].as_uri()}"
    tools = ("mypy>=1.15", "pytest>=8.4,<10")
    run([*pip, cli, wheel, *tools], cwd=environment.directory)
    return environment


def test_only_core_and_the_client_are_there(installed: Environment) -> None:
    ours = {name for name in installed.distributions() if name.startswith("flasgo")}

    assert ours == {"flasgo-core", "flasgo-prometheus", "flasgo-testing"}


def test_its_own_tests_pass(installed: Environment, project: Path) -> None:
    output = installed.execute("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project)

    assert " passed" in output
    assert "skipped" not in output


def test_it_is_typed(installed: Environment, project: Path) -> None:
    installed.execute("-m", "mypy", "src", "tests", cwd=project)


def test_it_is_listed_with_what_it_brings(installed: Environment) -> None:
    listed = installed.execute("-m", "flasgo", "plugins")

    assert "flasgo-prometheus" in listed
    assert "PROMETHEUS_TOKEN" in installed.execute("-m", "flasgo", "settings")


@contextlib.contextmanager
def serving(
    environment: Environment, folder: Path, *arguments: str, **extra: str
) -> Generator[tuple[str, int]]:
    """Run `flasgo run`, yield its URL and process id; it has ended well afterwards."""
    dropped = ("FLASGO_", "PROMETHEUS_", "PYTHON", "UVICORN", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [environment.script("flasgo"), "run", "--port", "0", *arguments],
            cwd=folder,
            env={**kept, "FLASGO_SECRET_KEY": SECRET_KEY, **extra},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield url_of(process, log), process.pid
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    assert "Traceback" not in log.read_text()


def url_of(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server answers, and return its URL."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:[1-9]\d*", log.read_text())
        if found:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(found[0] + "/users/0", timeout=5)
                return found[0]
        time.sleep(0.1)
    pytest.fail(f"The server does not answer:\n{log.read_text()}")


def scraped(url: str, **headers: str) -> Mapping[str, float]:
    """Return the samples that Prometheus would get, by name with labels."""
    answer = httpx2.get(url + "/metrics", headers=headers, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = (line for line in answer.text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_it_is_scraped_over_http(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with serving(installed, tmp_path, FLASGO_PROMETHEUS_TOKEN=TOKEN) as (url, _):
        for number in range(1, 5):
            assert httpx2.get(f"{url}/users/{number}").status_code == 200
        assert httpx2.get(f"{url}/random-{os.urandom(4).hex()}").status_code == 404
        assert httpx2.get(f"{url}/metrics").status_code == 401
        found = scraped(url, authorization=f"Bearer {TOKEN}")

    requests = {name: value for name, value in found.items() if "requests_total" in name}
    assert requests == {
        # With the request that found out whether the server answers.
        'flasgo_requests_total{method="GET",route="/users/<int:number>",status="200"}': 5,
        'flasgo_requests_total{method="GET",route="(unmatched)",status="404"}': 1,
        'flasgo_requests_total{method="GET",route="/metrics",status="401"}': 1,
    }
    assert found["flasgo_requests_in_progress"] == 1
    hooks = "flasgo_hook_duration_seconds_count"
    assert found[f'{hooks}{{hook="request_finished",plugin="prometheus"}}'] == 7


def test_without_settings_it_serves_nothing(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with serving(installed, tmp_path) as (url, _):
        assert httpx2.get(f"{url}/metrics").status_code == 404


def test_workers_are_added_up(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    shared = tmp_path / "shared"
    shared.mkdir()
    environment = {
        "FLASGO_PROMETHEUS_ALLOWED_NETWORKS": "127.0.0.1",
        "PROMETHEUS_MULTIPROC_DIR": str(shared),
    }
    with serving(installed, tmp_path, "--workers", "2", **environment) as (url, supervisor):
        for number in range(20):
            httpx2.get(f"{url}/users/{number}")
        found = scraped(url)
        assert len(processes(shared) - {supervisor}) == 2
    name = 'flasgo_requests_total{method="GET",route="/users/<int:number>",status="200"}'
    assert found[name] == 21
    # Each worker has taken its gauges out of the directory when it ended.
    assert processes(shared) <= {supervisor}


def processes(shared: Path) -> set[int]:
    """Return the ids of the processes whose gauges are in the shared directory."""
    return {int(path.stem.rpartition("_")[2]) for path in shared.glob("gauge_live*.db")}
