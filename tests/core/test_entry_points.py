"""Entry points are those that importlib.metadata finds, without importing it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from flasgo.plugins.entry_points import EntryPoint, entry_points

GROUPS = ("flasgo.plugins", "flasgo.settings", "flasgo.options")


def known() -> set[tuple[str, ...]]:
    return {
        (point.group, point.name, point.value, point.dist.name, point.dist.version)
        for group in GROUPS
        for point in importlib.metadata.entry_points(group=group)
        if point.dist is not None
    }


def found() -> set[tuple[str, ...]]:
    points = entry_points(*GROUPS)
    return {(p.group, p.name, p.value, p.distribution, p.version) for p in points}


def test_those_of_this_environment() -> None:
    assert found() == known()
    assert ("flasgo.plugins", "security") in {each[:2] for each in found()}


def test_the_first_distribution_of_a_name_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("shop_flags-2.0", "Shop.Flags-1.0", "other-1", "empty-1")):
        info = tmp_path / str(number) / f"{name}.dist-info"
        info.mkdir(parents=True)
        title = name.partition("-")[0]
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {title}\nVersion: {number}\n\nName: body\n"
        )
        if title != "empty":
            (info / "entry_points.txt").write_text(
                f"# made by hand\n[console_scripts]\nx = y\n\n[flasgo.plugins]\n"
                f"  flags{number}=shop_flags : Flags [extra]\n[flasgo.settings]\nFLAGS = flags\n"
            )
        monkeypatch.syspath_prepend(str(tmp_path / str(number)))
    monkeypatch.syspath_prepend(str(tmp_path / "missing"))
    assert found() == known()
    names = {each[1] for each in found()}
    assert {"flags1", "flags2"} <= names
    assert "flags0" not in names


def test_what_lies_in_a_zip_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.writestr("zipped-3.dist-info/METADATA", "Name: zipped\nVersion: 3\n")
        file.writestr("zipped-3.dist-info/entry_points.txt", "[flasgo.plugins]\nz = zipped:Z\n")
    monkeypatch.syspath_prepend(str(tmp_path / "all.zip"))
    assert ("flasgo.plugins", "z", "zipped:Z", "zipped", "3") in found()
    assert found() == known()


def test_what_another_finder_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def find_distributions(context: object = None) -> list[object]:
        asked.append(context)
        return []

    finder = SimpleNamespace(find_distributions=find_distributions, find_spec=lambda *_: None)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    assert found() == known()
    assert len(asked) > len(GROUPS)


def test_an_entry_point_loads_what_it_names() -> None:
    assert EntryPoint("g", "n", "pathlib").load() is sys.modules["pathlib"]
    assert EntryPoint("g", "n", "pathlib:Path.cwd").load() == Path.cwd
    assert EntryPoint("g", "n", "pathlib : Path [extra]").load() is Path
    with pytest.raises(ValueError, match="is not a module"):
        EntryPoint("g", "n", "not a module").load()


def loaded_by(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_an_app_that_is_only_put_together_imports_no_server_code() -> None:
    """SERVE-5: these were a third of the time."""
    loaded = loaded_by(
        f"from flasgo import Flasgo; Flasgo(settings={{'SECRET_KEY': '{'k7' * 32}'}})"
    )
    assert "flasgo_security.plugin" in loaded
    unwanted = {"asyncio", "importlib.metadata", "email", "itsdangerous", "tempfile", "html"}
    assert loaded & unwanted == set()


def test_a_lazy_module_gives_its_place_to_the_real_one(
    monkeypatch: pytest.MonkeyPatch, make_stand_in: Callable[..., dict[str, object]]
) -> None:
    namespace = make_stand_in("colorsys")
    stand_in = namespace["colorsys"]
    assert "colorsys" not in sys.modules
    assert stand_in.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)  # ty: ignore[missing-attribute]
    assert namespace["colorsys"] is sys.modules["colorsys"]
    monkeypatch.setattr(stand_in, "ONE_THIRD", 3)
    assert sys.modules["colorsys"].ONE_THIRD == 3
    assert make_stand_in("colorsys", forget=False)["colorsys"] is sys.modules["colorsys"]


@pytest.fixture
def make_stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, object]]:
    from flasgo.lazy_import import lazy_import

    def make(name: str, *, forget: bool = True) -> dict[str, object]:
        if forget:
            monkeypatch.delitem(sys.modules, name, raising=False)
        namespace: dict[str, object] = {}
        namespace[name] = lazy_import(name, namespace)
        return namespace

    return make
