"""Run as a program of its own by the case `imports_in_any_order`: imports a plugin's module.

Reads what to do as JSON from its argument, and prints what has happened as JSON.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import traceback
from contextlib import suppress
from types import ModuleType

# What plugins have been seen to replace: imported before, so that it shows.
_COMMON = (
    "asyncio",
    "concurrent.futures",
    "datetime",
    "http.client",
    "inspect",
    "json",
    "logging.config",
    "random",
    "socket",
    "ssl",
    "subprocess",
    "urllib.request",
)


def main() -> None:
    """Import the module, and print what it has changed."""
    task = json.loads(sys.argv[1])
    sys.path[:] = task["path"]
    name = task["module"]
    top = name.partition(".")[0]
    state = _load(task["state"])
    if task["order"] == "last":
        _import_others(top, task["needs"])
    before = state.ProcessState(top)
    exported: dict[str, None] = {}
    sys.addaudithook(
        lambda event, args: (
            exported.setdefault(os.fsdecode(args[0])) if event == "os.putenv" else None
        )
    )
    loaded = set(sys.modules)
    told: dict[str, object] = {"changes": [], "error": None}
    try:
        module = importlib.import_module(name)
    except BaseException as error:  # noqa: BLE001 - told to the kit
        last = traceback.extract_tb(error.__traceback__)[-1]
        told["error"] = f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
    else:
        # A module that holds an app as well may set up its process.
        if not any(type(value).__name__ == "Flasgo" for value in vars(module).values()):
            # The process that asks may have set the same, for it has imported the module too.
            exports = [f"os.environ[{key!r}] is set" for key in exported]
            told["changes"] = list(dict.fromkeys((*exports, *before.changes())))
    told["needs"] = [each for each in sys.modules if each not in loaded and not _is_of(each, top)]
    sys.stdout.write("\n" + json.dumps(told))


def _import_others(top: str, needs: list[str]) -> None:
    """Import what the module needs, and the installed plugins: what they change is theirs."""
    for entry in importlib.metadata.entry_points(group="flasgo.plugins"):
        if not _is_of(entry.module, top):
            with suppress(ImportError):
                entry.load()
    for name in (*_COMMON, "flasgo", *needs):
        with suppress(ImportError):
            importlib.import_module(name)


def _is_of(name: str, top: str) -> bool:
    return name.partition(".")[0] == top


def _load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance_process_state", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
