"""Cases about the process, which plugins share with the app, the server and each other."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from . import import_probe, process_state
from .faults import CaseStopped
from .probes import PREFIX
from .process_state import ProcessState
from .rig import Rig
from .subject import Subject

__all__ = ["imports_in_any_order", "leaves_the_process_alone"]

_IMPORT_SECONDS = 60
_ADVICE = "It belongs to the app and the server: leave it as it is, or let the app ask for it."


# --- While it serves --------------------------------------------------------------------------


def leaves_the_process_alone(subject: Subject) -> Iterator[str]:
    """Yield what set-up, start-up, requests and shut-down change for the whole process."""
    subject.make_without()  # what the core does once is not the plugin's doing
    before = ProcessState(_top_of(subject))
    try:
        yield from _changes(subject, before)
    finally:
        before.restore()


def _changes(subject: Subject, before: ProcessState) -> Iterator[str]:
    rig = Rig(subject, is_profiled=True)
    seen: set[str] = set()
    try:
        with rig:
            _visit(rig)
            yield from rig.call(_handlers_of_loop)
            seen.update(before.changes())
    except CaseStopped:
        if not rig.watch.signals:
            raise
    for place in rig.watch.signals:
        yield f"It installs a signal handler at {place}. {_ADVICE}"
    # Handlers of logging may come at the start-up, if they go at the shut-down.
    left = set(before.changes())
    for change in sorted(left | {each for each in seen if "the list of" not in each}):
        yield f"With the plugin {change}. {_ADVICE}"


def _visit(rig: Rig) -> None:
    rig.probes.gate.set()
    for path in (*rig.probes.paths, "/nothing-here", f"{PREFIX}/raise", f"{PREFIX}/stream"):
        rig.ask(path)
    rig.converse(rig.scope(f"{PREFIX}/socket", situation="a WebSocket"))


async def _handlers_of_loop() -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = {
        "exception handler": loop.get_exception_handler(),
        "task factory": loop.get_task_factory(),
    }
    return [
        f"The {name} of the event loop is {getattr(value, '__qualname__', value)!r}. {_ADVICE}"
        for name, value in found.items()
        if value is not None
    ]


def _top_of(subject: Subject) -> str:
    return _module_of(subject).partition(".")[0]


def _module_of(subject: Subject) -> str:
    plugin = subject.instance()
    return plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__


# --- When it is imported ----------------------------------------------------------------------


def imports_in_any_order(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong, and what changes, when the plugin's module is imported."""
    name = _module_of(subject)
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or _is_of_tests(name, Path(file)):
        return
    for told, situation in zip(_import(name), _SITUATIONS, strict=True):
        if told.error and _is_unknown_there(name, told.error):
            return
        if told.error:
            yield (
                f"{name} cannot be imported {situation}: {told.error}. Import what the module "
                "needs by name, at its top."
            )
            return
    for change in told.changes:
        yield f"After the import of {name} {change}. An import must change nothing. {_ADVICE}"


_SITUATIONS = ("before flasgo and other plugins", "after flasgo and the installed plugins")


def _is_of_tests(name: str, file: Path) -> bool:
    return name == "__main__" or file.name.startswith("test_") or file.name == "conftest.py"


def _is_unknown_there(name: str, error: str) -> bool:
    """Whether only this process can import the module, such as one that a test has made."""
    parts = name.split(".")
    known = [".".join(parts[: n + 1]) for n in range(len(parts))]
    return error.startswith(tuple(f"ModuleNotFoundError: No module named {k!r}" for k in known))


class _Told(NamedTuple):
    """What the program that imports a module has said."""

    error: str | None
    changes: list[str]
    needs: list[str]


@lru_cache(maxsize=64)
def _import(name: str) -> tuple[_Told, _Told]:
    first = _run(name, "first", [])
    return first, _run(name, "last", first.needs)


def _run(name: str, order: str, needs: list[str]) -> _Told:
    task = {
        "module": name,
        "order": order,
        "needs": needs,
        "path": sys.path,
        "state": process_state.__file__,
    }
    command = [sys.executable, "-P", str(import_probe.__file__), json.dumps(task)]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, and a module that it has loaded
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_IMPORT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise CaseStopped(
            f"The import of {name} takes more than {_IMPORT_SECONDS} s. Do nothing but define "
            "when a module is imported."
        ) from None
    try:
        return _Told(**json.loads(done.stdout.rpartition(b"\n")[2]))
    except ValueError:
        raise CaseStopped(
            f"The import of {name} ends the process with the status {done.returncode}."
        ) from None
