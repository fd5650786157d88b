"""The script that CI runs, and what it promises."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

CI = ROOT / ".ci" / "run"


def single_commands() -> list[str]:
    """The commands in the README that do all of the set-up."""
    readme = (ROOT / "README.md").read_text()
    return re.findall(
        r"^PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install uv && .+$", readme, re.M
    )


def test_ci_runs_the_readmes_test_command_word_for_word() -> None:
    (command,) = [text for text in single_commands() if "pytest" in text]

    assert f"TEST_COMMAND='{command}'" in CI.read_text()
    assert '\nFLASGO_CI=1 bash -c "$TEST_COMMAND" || passed_311=no\n' in CI.read_text()


def test_readme_starts_the_example_with_one_command() -> None:
    (command,) = [text for text in single_commands() if "pytest" not in text]
    target = re.search(r" uv run --no-dev flasgo run (\S+) --reload$", command)

    assert target is not None
    assert (ROOT / target[1]).is_file()


def test_the_quick_subset_of_the_readme_exists() -> None:
    (subset,) = re.findall(
        r"^python3 -m uv run pytest ((?:tests/\w+ ?)+)$", (ROOT / "README.md").read_text(), re.M
    )
    assert all((ROOT / folder).is_dir() for folder in subset.split())


def test_variables_that_hide_faults_are_taken_out_of_the_environment(suite: Path) -> None:
    hiding = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "FLASGO_DEBUG": "1",
        "UVICORN_PORT": "1",
        "WEB_CONCURRENCY": "7",
    }
    (suite / "test_it.py").write_text(
        "import os, sys\n"
        "def test_passes():\n"
        f"    assert not set({sorted(hiding)}) & set(os.environ)\n"
        "    assert not sys.dont_write_bytecode\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        capture_output=True,
        text=True,
        cwd=suite,
        env={**os.environ, **hiding},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_ci_takes_variables_that_hide_faults_out_of_the_environment() -> None:
    text = CI.read_text()
    (pattern,) = re.findall(r"^\s+(PYTHON\S+)\) unset", text, re.M)
    names = pattern.split("|")
    assert {"PYTHON*", "FLASGO_*", "UVICORN_*", "WEB_CONCURRENCY"} <= set(names)


def test_ci_script_is_executable_bash_that_stops_at_the_first_error() -> None:
    text = CI.read_text()

    assert os.access(CI, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text
    subprocess.run(["bash", "-n", CI], check=True, timeout=30)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A small suite with our conftest: one test that passes, one that is skipped."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import os\nimport pytest\n"
        "def test_passes():\n    assert 'FLASGO_CI' not in os.environ\n"
        "@pytest.mark.skip(reason='no such server')\ndef test_skipped():\n    pass\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("in_ci", "chosen", "expected"),
    [("1", "test_it.py", 1), ("", "test_it.py", 0), ("1", "test_it.py::test_passes", 0)],
)
def test_a_skip_fails_the_session_in_ci_only(
    suite: Path, in_ci: str, chosen: str, expected: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", chosen],
        capture_output=True,
        text=True,
        cwd=suite,
        env={**os.environ, "FLASGO_CI": in_ci},
        timeout=60,
        check=False,
    )

    assert done.returncode == expected, done.stdout
    assert ("counts as failed" in done.stdout) is bool(expected)
