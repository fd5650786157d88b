"""Every plugin that the README, the docs and the package pages show passes the kit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .test_code_blocks import PYTHON, SECRET_KEY, Block

# What runs after the block: the kit is given each class with hooks, and the policies it can make.
HOLD = """
import inspect, json, runpy, sys
from flasgo import Policy
from flasgo_testing import conformance

names = runpy.run_path("app.py", run_name="app")
classes = [each for each in names.values() if inspect.isclass(each) and each.__module__ == "app"]
policies = [each() for each in classes if issubclass(each, Policy)]
found = {}
for each in classes:
    if any(hasattr(member, "flasgo_impl") for member in vars(each).values()):
        if getattr(each, "requires", ()):
            continue  # the kit makes apps of one plugin
        faults = conformance.find_faults(each, policies=policies)
        found[each.__name__] = {case: [*map(str, fault)] for case, fault in faults.items()}
print("FOUND", json.dumps(found))
"""

PLUGINS = [block for block in PYTHON if re.search(r"^    @hookimpl", block.code, re.M)]


@pytest.mark.parametrize("block", PLUGINS, ids=str)
def test_a_plugin_in_the_docs_passes_the_kit(block: Block, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(block.code)
    (tmp_path / "templates").mkdir()  # which some of them bring
    done = subprocess.run(
        [sys.executable, "-c", HOLD],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "FLASGO_SECRET_KEY": SECRET_KEY},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.rpartition("FOUND")[2])
    assert found, "no plugin was found in the block"
    assert {name: faults for name, faults in found.items() if faults} == {}
