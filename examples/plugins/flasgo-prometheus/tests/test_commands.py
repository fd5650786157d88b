"""`flasgo metrics`, `flasgo check`, `flasgo routes`, and worker processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOKEN = "a-token-for-these-tests-only"
APP = """
from flasgo import Flasgo
from prometheus_client import Counter

Counter("orders", "Orders.").inc(3)
app = Flasgo()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def flasgo(
    project: Path, *arguments: str, status: int | None = 0, **env: str
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("FLASGO_", "PROMETHEUS_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "flasgo", *arguments],
        cwd=project,
        env={**clean, "FLASGO_SECRET_KEY": "k" * 20 + "0123456789abcdef", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert status is None or done.returncode == status, done.stdout + done.stderr
    return done


def codes(project: Path, *arguments: str, **env: str) -> set[str]:
    """Return the codes of the plugin's findings."""
    done = flasgo(project, "check", "--json", *arguments, status=None, **env)
    found = json.loads(done.stdout)
    findings = found["findings"] if isinstance(found, dict) else found
    return {each["code"] for each in findings if each["code"].startswith("prometheus.")}


def test_flasgo_metrics_prints_the_exposition(project: Path) -> None:
    printed = flasgo(project, "metrics").stdout
    assert "# TYPE flasgo_requests_total counter\n" in printed
    assert "\norders_total 3.0\n" in printed
    assert printed.endswith("\n")
    assert not printed.endswith("\n\n")


def test_flasgo_metrics_reads_what_workers_wrote(project: Path) -> None:
    shared = project / "shared"
    shared.mkdir()
    worker = "import app\napp.app.test_client().get('/missing')\n"
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", worker], cwd=project, env=env, check=True, timeout=60)
    printed = flasgo(project, "metrics", PROMETHEUS_MULTIPROC_DIR=str(shared)).stdout
    line = 'flasgo_requests_total{method="GET",route="(unmatched)",status="404"} 2.0'
    assert line in printed.splitlines()


def test_a_missing_shared_directory_stops_the_app(project: Path) -> None:
    done = flasgo(project, "metrics", status=None, PROMETHEUS_MULTIPROC_DIR="/does/not/exist")
    assert done.returncode != 0
    assert "/does/not/exist" in done.stderr


def test_check_reports_how_the_metrics_are_protected(project: Path) -> None:
    networks = "FLASGO_PROMETHEUS_ALLOWED_NETWORKS"
    token = {"FLASGO_PROMETHEUS_TOKEN": TOKEN}
    assert codes(project) == {"prometheus.I001"}
    assert codes(project, **token) == set()
    assert codes(project, **{networks: "10.0.0.0/8"}) == set()
    for wide in ("0.0.0.0/0", "::/0", "0.0.0.0/1,128.0.0.0/1"):
        assert codes(project, **{networks: wide}) == {"prometheus.E001"}
        assert codes(project, **{networks: wide}, **token) == set()
    assert codes(project, **{networks: "127.0.0.1"}) == set()
    assert codes(project, "--deploy", **{networks: "127.0.0.1"}) == {"prometheus.I002"}
    assert codes(project, FLASGO_PROMETHEUS_PATH="") == set()


def test_an_exposed_endpoint_fails_the_check(project: Path) -> None:
    done = flasgo(
        project, "check", status=None, FLASGO_PROMETHEUS_ALLOWED_NETWORKS="0.0.0.0/0,::/0"
    )
    assert done.returncode == 1
    assert "exposed without protection" in done.stdout + done.stderr


def test_routes_explain_names_the_policy(project: Path) -> None:
    printed = flasgo(project, "routes", "--explain", "/metrics").stdout
    assert "metrics access (PROMETHEUS_TOKEN, PROMETHEUS_ALLOWED_NETWORKS)" in printed


def test_the_token_is_shown_nowhere(project: Path) -> None:
    env = {"FLASGO_PROMETHEUS_TOKEN": TOKEN}
    for command in ("settings", "plugins", "check", "metrics"):
        done = flasgo(project, command, status=None, **env)
        assert TOKEN not in done.stdout + done.stderr


def test_settings_are_known_where_the_plugin_is_switched_off(project: Path) -> None:
    env = {"FLASGO_DISABLE_PLUGINS": "prometheus", "FLASGO_PROMETHEUS_TOKEN": TOKEN}
    code = "import app, sys; assert 'prometheus_client' in sys.modules\n"
    code += "assert 'flasgo_prometheus' not in sys.modules\n"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={**os.environ, **env},
        check=True,
        timeout=60,
    )
