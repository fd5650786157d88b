"""Who may import whom within the core: the picture of DESIGN 8 as a table, read from every import.

The floors, from the ground up. A module imports only from the floors below its own, and from the
other modules of its own group:

    errors, asgi, callables, _bundle,  what everything may use
      advice
    http                               one RFC topic a file; pure: no app objects
    routing                            rules, routes, policies, (method, path) -> Match; pure
    settings                           what a setting is, where its value comes from
    kernel, low                        the current request, worker threads, background tasks
    requests, websocket                what comes in
    responses                          what goes out
    binding                            handlers' parameters: from signature to call
    plugins, hookspecs                 registry, hooks, policies without enforcement
    kernel, middle                     callbacks, errors to answers, pipelines, lifespan
    interop                            other ASGI apps: mounts, middleware
    registrar, then blueprints         the decorators that register
    kernel, high                       compilation, dispatch, URLs of endpoints
    plugin, features                   the author's kit; what is built with it
    app                                one object that holds all of it
    serving                            from an app to a socket
    cli                                the commands
    flasgo itself, __main__            the public names

"Eager" is what runs with `import flasgo`. An import inside a function is lazy: it may close a
circle, but it does not lead up either, unless `LAZY_UPWARDS` says why. Imports for type checkers
alone do not exist at run time; they are judged for `http` and `routing`, which know no app objects.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import flasgo
import pytest

ROOT = Path(flasgo.__file__).parent

FLOORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ground", ("errors", "asgi", "callables", "lazy_import", "advice", "_bundle")),
    ("http", ("http",)),
    ("routing", ("routing",)),
    ("settings", ("settings",)),
    ("kernel, low", ("kernel.context", "kernel.threads", "kernel.background")),
    ("requests", ("requests", "websocket")),
    ("responses", ("responses",)),
    ("binding", ("binding",)),
    ("plugins", ("plugins", "hookspecs")),
    (
        "kernel, middle",
        (
            "kernel",
            "kernel.callbacks",
            "kernel.error_handling",
            "kernel.lifespan",
            "kernel.pipeline",
        ),
    ),
    ("interop", ("interop",)),
    ("registrar", ("registrar",)),
    ("blueprints", ("blueprints",)),
    ("kernel, high", ("kernel.addresses", "kernel.compilation", "kernel.dispatch", "kernel.urls")),
    ("plugin", ("plugin",)),
    ("features", ("features",)),
    ("app", ("app",)),
    ("serving", ("serving",)),
    ("cli", ("cli", "features.openapi.command")),
    ("flasgo", ("", "__main__")),
)
HEIGHT = {name: height for height, (_, names) in enumerate(FLOORS) for name in names}

# Imports within functions that climb, and why that is right.
LAZY_UPWARDS: dict[tuple[str, str], str] = {
    ("app", "serving.runner"): "app.run() is `flasgo run` from Python",
    ("plugins.registry", "app"): "checks that a name is free among the app's own members",
    ("plugins.registry", "blueprints"): "the same, among a blueprint's",
    ("cli.check", ""): "asks for the version",
    ("cli.commands", ""): "asks for the version",
    ("cli.new", ""): "asks for the version",
    ("cli.version", ""): "asks for the version",
    ("features.openapi.plugin", "features.openapi.command"): "a plugin that adds a command",
}
# Type annotations that name what stands above, in the two pure folders.
TYPES_UPWARDS: dict[tuple[str, str], str] = {
    ("routing.route", "binding"): "a route carries its call plan, and never looks into it",
    ("routing.route", "kernel.pipeline"): "a route carries its pipeline, and never looks into it",
    ("routing.operation", "binding.parameters"): "a route hands `dependencies=` on",
}


class Import(NamedTuple):
    """One import of one module of the core by another; names without the leading `flasgo.`."""

    importer: str
    imported: str
    mode: str  # "eager", "lazy" (in a function) or "types" (for type checkers only)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imported_names(node: ast.Import | ast.ImportFrom, importer: str) -> Iterator[str]:
    """Yield the core's modules that a statement imports, `from package import module` as well."""
    if isinstance(node, ast.Import):
        full = [alias.name for alias in node.names]
    else:
        base = node.module or ""
        if node.level:
            package = (
                importer
                if MODULES[importer].name == "__init__.py"
                else (importer.rpartition(".")[0])
            )
            parts = ["flasgo", *package.split(".")] if package else ["flasgo"]
            base = ".".join([*parts[: len(parts) - node.level + 1], *base.split(".")]).rstrip(".")
        full = []
        for alias in node.names:
            name = f"{base}.{alias.name}"
            full.append(name if name.partition(".")[2] in MODULES else base)
    for name in full:
        if name == "flasgo" or name.startswith("flasgo."):
            yield name.partition(".")[2]


def imports_below(tree: ast.AST, importer: str, mode: str = "eager") -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for imported in imported_names(node, importer):
                yield Import(importer, imported, mode)
        elif is_for_types(node):
            yield from imports_below(node, importer, "types")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports_below(node, importer, "lazy" if mode == "eager" else mode)
        else:
            yield from imports_below(node, importer, mode)


@cache
def imports() -> frozenset[Import]:
    return frozenset(
        each
        for name, path in MODULES.items()
        for each in imports_below(ast.parse(path.read_text(encoding="utf-8")), name)
        if each.imported != name
    )


def floor_of(module: str) -> int | None:
    """Return the height of a module's floor; the longest prefix in the table counts."""
    while module not in HEIGHT:
        if not module:
            return None
        module = module.rpartition(".")[0]
        if not module:
            return None
    return HEIGHT[module]


def climbing(mode: str) -> set[tuple[str, str]]:
    """Return the imports that do not lead to the same floor or one below."""
    found = set()
    for importer, imported, how in imports():
        here, there = floor_of(importer), floor_of(imported)
        if how == mode and here is not None and there is not None and there > here:
            found.add((importer, imported))
    return found


def test_every_module_has_a_floor() -> None:
    homeless = sorted(name for name in MODULES if floor_of(name) is None)
    assert homeless == [], "give these modules a floor in FLOORS (and in the picture above it)"


def test_every_import_finds_its_module() -> None:
    """Those in functions as well, which only run when something goes wrong."""
    lost = sorted(
        f"{each.importer} -> {each.imported}" for each in imports() if each.imported not in MODULES
    )
    assert lost == []


def test_the_table_names_nothing_twice() -> None:
    names = [name for _, group in FLOORS for name in group]
    assert len(names) == len(set(names))


def test_eager_imports_lead_down() -> None:
    found = sorted(f"{importer} -> {imported}" for importer, imported in climbing("eager"))
    assert found == [], (
        "these imports climb: move what is needed to a lower floor, hand it over as an argument, "
        "or have it registered"
    )


def test_imports_in_functions_lead_down_too() -> None:
    assert climbing("lazy") == LAZY_UPWARDS.keys()


def test_eager_imports_form_no_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for importer, imported, how in imports():
        if how == "eager":
            graph[importer].add(imported)
    # Take away what needs nothing (any more); what stays forms circles, or needs one.
    while leaves := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    assert sorted(graph) == []


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("http", {"http", "errors", "advice"}),
        ("routing", {"routing", "http", "errors", "asgi", "callables", "advice"}),
    ],
)
def test_a_pure_folder_knows_no_app_objects(folder: str, allowed: set[str]) -> None:
    found = {
        (importer, imported)
        for importer, imported, _ in imports()
        if importer.partition(".")[0] == folder and imported.partition(".")[0] not in allowed
    }
    expected = {pair for pair in TYPES_UPWARDS if pair[0].partition(".")[0] == folder}
    assert found == expected


@pytest.mark.parametrize("folder", ["http", "routing"])
def test_a_pure_folder_does_no_io(folder: str) -> None:
    """Nothing there opens, sends, waits or starts; `logging` is how routing reports a fault."""
    forbidden = {"asyncio", "socket", "subprocess", "threading", "pathlib", "io", "tempfile"}
    for name, path in MODULES.items():
        if name.partition(".")[0] == folder:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                tops = (
                    {alias.name.partition(".")[0] for alias in node.names}
                    if isinstance(node, ast.Import)
                    else {(node.module or "").partition(".")[0]}
                    if isinstance(node, ast.ImportFrom)
                    else set()
                )
                assert not tops & forbidden, f"{name} imports {tops & forbidden}"


# --- The reader of imports ---------------------------------------------------------------------


def read(source: str, importer: str = "http.headers") -> set[tuple[str, str]]:
    return {(each.imported, each.mode) for each in imports_below(ast.parse(source), importer)}


def test_all_forms_of_import_are_seen() -> None:
    assert read("import flasgo.app, os") == {("app", "eager")}
    assert read("from flasgo import _bundle, Flasgo") == {("_bundle", "eager"), ("", "eager")}
    assert read("from flasgo.http import cookies") == {("http.cookies", "eager")}
    assert read("from .cookies import SameSite") == {("http.cookies", "eager")}
    assert read("from ..errors import abort") == {("errors", "eager")}
    assert read("if TYPE_CHECKING:\n from flasgo.app import Flasgo") == {("app", "types")}
    assert read("def f():\n from flasgo.app import Flasgo") == {("app", "lazy")}
    assert read("class C:\n try:\n  import flasgo.app\n finally: pass") == {("app", "eager")}
    assert read("import flasgo_auth") == set()
