"""What tests of the core share: distributions with plugins that are installed for one test."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flasgo.plugins import declared_names
from flasgo.plugins.discovery import installed_plugins


def forget() -> None:
    installed_plugins.cache_clear()
    declared_names._declarations.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that installs a distribution with one plugin in a fresh folder.

    `declares` is added to its entry points.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    modules: list[str] = []

    def install(
        distribution: str, plugin: str, target: str, source: str = "", declares: str = ""
    ) -> None:
        module = target.partition(":")[0]
        modules.append(module)
        if source:
            (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        (info / "entry_points.txt").write_text(f"[flasgo.plugins]\n{plugin} = {target}\n{declares}")
        forget()

    yield install
    forget()
    for module in modules:
        sys.modules.pop(module, None)
