"""Type checkers see what apps, requests, settings and plugins have, and what they do not have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
Found = dict[str, set[int]]


def run(*command: str, cwd: Path) -> str:
    """Run a type checker and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=cwd,
    )
    assert done.stdout, done.stderr
    return done.stdout


def lines_of(output: str, pattern: str) -> Found:
    found: Found = {}
    for file, line in re.findall(pattern, output, re.MULTILINE):
        found.setdefault(Path(file).name, set()).add(int(line))
    return found


def mypy(folder: Path) -> Found:
    output = run(
        "mypy",
        "--strict",
        "--hide-error-context",
        f"--python-executable={sys.executable}",
        "--cache-dir=.mypy_cache",
        ".",
        cwd=folder,
    )
    return lines_of(output, r"^(\S+?\.py):(\d+)(?::\d+)?: error:")


def pyright(folder: Path) -> Found:
    if shutil.which("node") is None:
        pytest.skip("pyright runs on Node.js: install `node`")
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    output = run("pyright", "--outputjson", f"--pythonpath={sys.executable}", ".", cwd=folder)
    found: Found = {}
    for entry in json.loads(output)["generalDiagnostics"]:
        if entry["severity"] == "error":
            line = entry["range"]["start"]["line"] + 1
            found.setdefault(Path(entry["file"]).name, set()).add(line)
    return found


def ty(folder: Path) -> Found:
    output = run("ty", "check", "--output-format=concise", f"--python={sys.prefix}", cwd=folder)
    return lines_of(output, r"^(\S+?\.py):(\d+):\d+: error")


CHECKERS: dict[str, Callable[[Path], Found]] = {"mypy": mypy, "pyright": pyright, "ty": ty}


@pytest.mark.parametrize("name", CHECKERS)
def test_mistakes_are_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    shutil.copytree(PROGRAMS, tmp_path, dirs_exist_ok=True)
    text = (PROGRAMS / "mistakes.py").read_text(encoding="utf-8")
    wrong = {
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if "  # wrong" in line and f"not for {name}" not in line
    }
    assert CHECKERS[name](tmp_path) == {"mistakes.py": wrong}
