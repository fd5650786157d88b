"""The reference plugins below examples/plugins: built, installed and served, once per session.

`PLUGINS` lists them. `test_reference_plugins.py` tries what holds for each; what one of them does
over HTTP is in a file of its own, with the fixture `reference_plugin` and `serving`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from .conftest import ROOT, SECRET_KEY, Environment, MakeEnvironment, run

FOLDER = ROOT / "examples" / "plugins"
PATIENCE_SECONDS = 60
_TOOLS = ("mypy>=1.15", "pytest>=8.4,<10")


@dataclass(frozen=True)
class ReferencePlugin:
    """One of the plugins, and what its environment has besides its wheel.

    Args:
        name: The name of the distribution, which is the folder's.
        setting: One of its settings, which `flasgo settings` has to list.
        needs: Our distributions that it and its own tests need.
        tools: What else its tests need, as requirements.
    """

    name: str
    setting: str
    needs: frozenset[str] = frozenset({"flasgo-core", "flasgo-testing"})
    tools: tuple[str, ...] = ()


PLUGINS = {
    plugin.name: plugin
    for plugin in (
        ReferencePlugin("flasgo-broadcast", "BROADCAST_URI", tools=("redis>=5.2,<9",)),
        ReferencePlugin("flasgo-prometheus", "PROMETHEUS_TOKEN"),
        ReferencePlugin(
            "flasgo-opentelemetry",
            "OPENTELEMETRY_HOOK_SPANS",
            tools=("opentelemetry-sdk>=1.27,<2",),
        ),
        ReferencePlugin("flasgo-pydantic", "PYDANTIC_EXCLUDE_NONE"),
        ReferencePlugin("flasgo-sqlalchemy", "DATABASE_URL", tools=("aiosqlite>=0.20,<1",)),
    )
}


@dataclass(frozen=True)
class Installed:
    """A plugin in an environment of its own, and a copy of its project."""

    plugin: ReferencePlugin
    environment: Environment
    project: Path


MakeInstalled = Callable[[str], Installed]


@dataclass
class Installer:
    """Installs each plugin when it is first asked for, with the command line of core."""

    uv: str
    wheels: dict[str, Path]
    make_environment: MakeEnvironment
    folder: Path
    _made: dict[str, Installed] = field(default_factory=dict)
    _checker: Environment | None = None

    def __call__(self, name: str) -> Installed:
        """Return the installed plugin of this name."""
        if name not in self._made:
            self._made[name] = self._install(PLUGINS[name])
        return self._made[name]

    def check_types(self, installed: Installed) -> None:
        """Have mypy look at a plugin's project.

        All plugins are checked in one environment, with one cache: else mypy reads core and the
        standard library again for each of them.
        """
        if self._checker is None:
            plugins = PLUGINS.values()
            environment = self.make_environment(*sorted({n for p in plugins for n in p.needs}))
            wheels = [self._wheel(self(plugin.name)) for plugin in plugins]
            tools = [tool for plugin in plugins for tool in plugin.tools]
            pip = [self.uv, "pip", "install", "--quiet", "--python", environment.python]
            run([*pip, *wheels, *_TOOLS, *tools, "typer"], cwd=environment.directory)
            self._checker = environment
        cache = self._checker.directory / "cache"
        self._checker.execute(
            *("-m", "mypy", "--cache-dir", cache, "src", "tests"), cwd=installed.project
        )

    def _wheel(self, installed: Installed) -> Path:
        (wheel,) = (self.folder / f"{installed.plugin.name}-wheel").glob("*.whl")
        return wheel

    def _install(self, plugin: ReferencePlugin) -> Installed:
        # A copy, so that nothing is written into this checkout.
        ignored = shutil.ignore_patterns(".*", "__pycache__", "dist")
        project = shutil.copytree(FOLDER / plugin.name, self.folder / plugin.name, ignore=ignored)
        target = self.folder / f"{plugin.name}-wheel"
        run([self.uv, "build", "--quiet", "--wheel", "-o", target, project], cwd=self.folder)
        (wheel,) = target.glob("*.whl")
        environment = self.make_environment(*sorted(plugin.needs))
        pip = [self.uv, "pip", "install", "--quiet", "--python", environment.python]
        cli = f"flasgo-core[cli] @ {self.wheels['flasgo-core'].as_uri()}"
        run([*pip, cli, wheel, *_TOOLS, *plugin.tools], cwd=environment.directory)
        return Installed(plugin, environment, project)


@contextlib.contextmanager
def serving(
    environment: Environment, folder: Path, *arguments: str, path: str = "/", **extra: str
) -> Generator[tuple[str, int]]:
    """Run `flasgo run` in a folder that has an app.py, and end it well afterwards.

    Args:
        environment: Whose `flasgo` is run.
        folder: Where it is run; `server.log` in it is what the server wrote.
        arguments: Further arguments of `flasgo run`.
        path: Is asked for until the server answers, whatever the answer.
        extra: Environment variables.

    Yields:
        The URL, without a slash at its end, and the process id.
    """
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
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
        yield _url_of(process, log, path), process.pid
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    assert "Traceback" not in log.read_text()


def _url_of(process: subprocess.Popen[bytes], log: Path, path: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:[1-9]\d*", log.read_text())
        if found:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(found[0] + path, timeout=5)
                return found[0]
        time.sleep(0.1)
    pytest.fail(f"The server does not answer:\n{log.read_text()}")
