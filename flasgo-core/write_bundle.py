"""Writes what the core knows of the bundle's plugins: `uv run python flasgo-core/write_bundle.py`.

The plugins are not imported to be known: their names, settings and types are in
`flasgo/_bundle.py`, and their names for type checkers in `flasgo/__init__.py`. Both are written
here, from the `__all__` of each package and from what its plugin declares. Run it after a change
of either; a test compares.
"""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from flasgo import Flasgo
from flasgo.plugin import SettingSpec

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "src" / "flasgo"
BEGIN = "# --- Written by flasgo-core/write_bundle.py"
END = "# --- Written until here "
_SECRET_KEY = "bundle-0123456789abcdef-0123456789"  # noqa: S105 - signs nothing


class Package:
    """One package of the bundle, and the plugin in it.

    Attributes:
        distribution: The distribution's name.
        module: The name to import.
        plugin: The name of its plugin.
    """

    def __init__(self, project: Path) -> None:
        metadata = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        ((self.plugin, target),) = metadata["entry-points"]["flasgo.plugins"].items()
        self.distribution: str = metadata["name"]
        self.module: str = target.partition(":")[0].partition(".")[0]

    def exports(self) -> list[str]:
        """Return the names that `flasgo` re-exports: all public ones but plugins and modules."""
        package = importlib.import_module(self.module)
        names = package.__all__
        return [name for name in names if not _is_left_out(name, getattr(package, name))]

    def contributes(self, kind: str) -> bool:
        """Whether it has a class `AppMembers`, `BlueprintMembers` ... that declares anything."""
        return bool(member_names(getattr(self.members(), kind, object)))

    def members(self) -> types.ModuleType:
        """Return the module that declares for type checkers what the plugin adds."""
        return importlib.import_module(f"{self.module}.members")


def member_names(kind: type) -> set[str]:
    """Return the public names that a class of `members` declares."""
    names = set() if kind is object else {*vars(kind), *inspect.get_annotations(kind)}
    return {name for name in names if not name.startswith("_")}


def _is_left_out(name: str, value: object) -> bool:
    return isinstance(value, types.ModuleType) or name.endswith("Plugin")


def packages() -> list[Package]:
    """Return the packages of the workspace that bring a plugin, in order."""
    projects = sorted(HERE.parent.glob("flasgo-*/pyproject.toml"))
    return [
        Package(path) for path in projects if "flasgo.plugins" in path.read_text(encoding="utf-8")
    ]


def bundle_module() -> str:
    """Return what `_bundle.py` should be."""
    members = packages()
    app = Flasgo(settings={"SECRET_KEY": _SECRET_KEY}, plugins=(), discover=True)
    declared = app.plugins.declarations

    def names(kind: str) -> dict[str, list[str]]:
        rows = {each.distribution: sorted(declared.owned(kind, each.plugin)) for each in members}
        return {distribution: row for distribution, row in rows.items() if row}

    ours = {"flasgo-core", *(each.distribution for each in members)}

    def is_ours(spec: SettingSpec) -> bool:
        # Other plugins may be installed in the environment that this runs in.
        return spec.owner == "core" or app.plugins[spec.owner].distribution in ours

    exports = {each.module: sorted(each.exports()) for each in members}
    tables = (
        _table("PLUGINS", {each.plugin: each.distribution for each in members}, "str"),
        '"""Plugin names and their distributions."""\n',
        _table("_EXPORTS", exports),
        _table("_APP_MEMBERS", names("app method")),
        _table("_REQUEST_ATTRIBUTES", names("request attribute")),
        _table("_ROLES", names("role")),
        _table("_OPTIONS", names("option")),
        _table("BLUEPRINT_METHODS", names("blueprint method")),
        _table("BLUEPRINT_OPTIONS", names("blueprint option")),
        _table("_SETTINGS", names("setting")),
        _types(members, exports, [spec for spec in declared.settings if is_ours(spec)]),
    )
    return _written(SOURCE / "_bundle.py", "\n".join(tables))


def package_module() -> str:
    """Return what `__init__.py` should be."""
    names = sorted({name for each in packages() for name in each.exports()})
    block = "if TYPE_CHECKING:\n    from flasgo._bundle import " + _reexported(names)
    return _written(SOURCE / "__init__.py", block)


def _table(name: str, rows: Mapping[str, object], value: str = "tuple[str, ...]") -> str:
    entries = [f"    {key!r}: {_literal(row)}," for key, row in rows.items()]
    return "\n".join([f"{name}: Mapping[str, {value}] = {{", *entries, "}", ""])


def _literal(row: object) -> str:
    return repr(tuple(row)) if isinstance(row, list) else repr(row)


def _reexported(names: Iterable[str], extra: str = "") -> str:
    return "(" + "".join(f"{name} as {name}, " for name in names) + extra + ")\n"


def _types(
    members: list[Package], exports: Mapping[str, list[str]], specs: list[SettingSpec]
) -> str:
    lines = ["if TYPE_CHECKING:"]
    for each in members:
        own = f"members as {each.plugin}"
        lines.append(f"    from {each.module} import {_reexported(exports[each.module], own)}")
    kinds = {
        "AppMembers": "`Flasgo`",
        "BlueprintMembers": "`Blueprint`",
        "RequestMembers": "requests",
    }
    for kind, what in kinds.items():
        bases = ", ".join(f"{each.plugin}.{kind}" for each in members if each.contributes(kind))
        lines.append(f"    class {kind}({bases}):")
        lines.append(f'        """What the plugins add to {what}, for type checkers."""\n')
    for kind, what in (("AppOptions", "`Flasgo`"), ("BlueprintOptions", "`Blueprint`")):
        options = [each for each in members if hasattr(each.members(), kind)]
        bases = ", ".join(f"{each.plugin}.{kind}" for each in options) or "TypedDict"
        lines.append(f"    class {kind}({bases}, total=False):")
        lines.append(f'        """Keywords of {what} that the plugins add, for type checkers."""\n')
    lines.append("    class SettingMembers:")
    lines.append('        """The settings of the core and the bundle, for type checkers."""\n')
    lines += [
        f"        {spec.name}: {annotation(spec.type)}"
        for spec in sorted(specs, key=lambda spec: spec.name)
    ]
    return "\n".join(lines) + "\n"


# `Any`: whatever can stand in an annotation.
def annotation(kind: Any) -> str:
    """Return how a type is written in an annotation.

    Args:
        kind: The type of a setting.
    """
    if kind is None or kind is types.NoneType:
        return "None"
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return annotation(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(annotation, arguments))
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    name = (origin or kind).__name__
    inner = ", ".join("..." if each is ... else annotation(each) for each in arguments)
    return f"{name}[{inner}]" if inner else name


def _written(path: Path, block: str) -> str:
    """Return a file with the part between the two marks replaced, as ruff formats it."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    mark, _, rest = rest.partition("\n")
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}{mark}\n\n{block}\n\n{END}{after}"
    for arguments in (["check", "--fix", "--quiet", "--select", "I"], ["format", "--quiet"]):
        text = subprocess.run(  # noqa: S603 - ruff, on a file of this repository
            [sys.executable, "-m", "ruff", *arguments, f"--stdin-filename={path}", "-"],
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
    return text


FILES: dict[str, Callable[[], str]] = {
    "_bundle.py": bundle_module,
    "__init__.py": package_module,
}

if __name__ == "__main__":
    for name, make in FILES.items():
        text = make()
        if text != (SOURCE / name).read_text(encoding="utf-8"):
            (SOURCE / name).write_text(text, encoding="utf-8")
            print(f"Wrote {name}.")  # noqa: T201
