"""PLUG-8, PLUG-14: flasgo-prometheus over HTTP, installed from its wheel beside core alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest

from .conftest import Environment
from .reference_plugins import PATIENCE_SECONDS, MakeInstalled, serving

TOKEN = "a-token-for-these-tests-only"
APP = """
from flasgo import Flasgo

app = Flasgo()


@app.get("/users/<int:number>")
async def user(number: int):
    return {"number": number}
"""


@pytest.fixture(scope="module")
def installed(reference_plugin: MakeInstalled) -> Environment:
    return reference_plugin("flasgo-prometheus").environment


def scraped(url: str, **headers: str) -> Mapping[str, float]:
    """Return the samples that Prometheus would get, by name with labels."""
    answer = httpx2.get(url + "/metrics", headers=headers, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = (line for line in answer.text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_it_is_scraped_over_http(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with serving(installed, tmp_path, path="/users/0", FLASGO_PROMETHEUS_TOKEN=TOKEN) as (url, _):
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
    with serving(installed, tmp_path, path="/users/0") as (url, _):
        assert httpx2.get(f"{url}/metrics").status_code == 404


def test_workers_are_added_up(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    shared = tmp_path / "shared"
    shared.mkdir()
    environment = {
        "FLASGO_PROMETHEUS_ALLOWED_NETWORKS": "127.0.0.1",
        "PROMETHEUS_MULTIPROC_DIR": str(shared),
    }
    with serving(installed, tmp_path, "--workers", "2", path="/users/0", **environment) as (
        url,
        supervisor,
    ):
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
