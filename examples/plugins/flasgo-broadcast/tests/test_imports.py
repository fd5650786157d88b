"""The plugin imports public names only: `flasgo`, `flasgo.plugin`, and its dependencies."""

import ast
import sys
from importlib import import_module
from pathlib import Path

import flasgo_broadcast

SOURCES = sorted(Path(flasgo_broadcast.__file__).parent.glob("*.py"))
PUBLIC = {"flasgo", "flasgo.plugin"}
OTHERS = {"flasgo_broadcast", "msgspec"}


def test_public_names_only() -> None:
    seen = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                modules, names = {alias.name for alias in node.names}, set[str]()
            elif isinstance(node, ast.ImportFrom):
                modules, names = {node.module or ""}, {alias.name for alias in node.names}
            else:
                continue
            for module in modules:
                seen.add(module)
                if module in PUBLIC:
                    assert names <= set(import_module(module).__all__), source
                else:
                    top = module.partition(".")[0]
                    assert top in OTHERS | sys.stdlib_module_names, (source, module)
    assert seen >= PUBLIC


def test_no_private_members() -> None:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
                is_documented = node.attr.endswith("__")
                assert is_own or is_documented, (source, node.attr)


def test_it_is_typed() -> None:
    assert (Path(flasgo_broadcast.__file__).parent / "py.typed").is_file()
