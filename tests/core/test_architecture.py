"""What may depend on what, and what is imported when (DESIGN 1 and 2)."""

from __future__ import annotations

import ast
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import flasgo
import pytest
from flasgo import plugin

ROOT = Path(flasgo.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
BUNDLE = re.compile(r"flasgo[-_](?:auth|security|static|templates|testing)")
BY_NAME = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in FILES]


def python(source: str) -> str:
    """Run Python code in a process of its own, where warnings are errors."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


# --- Who may name whom -------------------------------------------------------------------------


@pytest.mark.parametrize("path", BY_NAME)
def test_only_the_bundle_file_names_the_bundle(path: Path) -> None:
    found = BUNDLE.findall(path.read_text(encoding="utf-8"))
    if path.name == "_bundle.py":
        assert found
    else:
        assert found == []


@pytest.mark.parametrize("path", BY_NAME)
def test_product_code_has_no_asserts(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert lines == [], "assert is gone under -O; raise an exception"


@pytest.mark.parametrize("path", BY_NAME)
def test_the_core_imports_no_plugin(path: Path) -> None:
    if path.name == "_bundle.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert not [name for name in names if name.startswith("flasgo_")]


@pytest.mark.parametrize("path", BY_NAME)
def test_files_and_functions_stay_readable(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if path.name != "_bundle.py":
        assert len(source.splitlines()) <= 750
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # A long docstring is no fault.
            body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
            length = (node.end_lineno or node.lineno) - body[0].lineno + 1
            assert length <= 50, f"{node.name} has {length} lines"


# --- What plugins may use (PLUG-10) ------------------------------------------------------------

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLED = ("auth", "security", "static", "templates", "testing")
PLUGIN_FILES = [
    path
    for name in BUNDLED
    for path in sorted((REPOSITORY / f"flasgo-{name}" / "src").rglob("*.py"))
] + sorted((REPOSITORY / "examples" / "plugins").glob("*/src/**/*.py"))
PLUGIN_IDS = [str(path.relative_to(REPOSITORY)) for path in PLUGIN_FILES]
CORE_OBJECTS = re.compile(
    r"(?:^|\.|_)(?:app|blueprint|connection|plugins|registry|request|response|route|settings"
    r"|websocket)$"
)


def core_imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and name of what a file imports of the core."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "flasgo":
                    yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom) and _is_of_the_core(node):
            yield from ((node.lineno, node.module or "", alias.name) for alias in node.names)


def _is_of_the_core(node: ast.ImportFrom) -> bool:
    return not node.level and (node.module or "").partition(".")[0] == "flasgo"


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=PLUGIN_IDS)
def test_plugins_import_from_the_layers_flasgo_and_kit_alone(path: Path) -> None:
    public = {"flasgo": set(flasgo.__all__), "flasgo.plugin": set(plugin.__all__)}
    for line, module, name in core_imports(path):
        assert module in public, f"{path}:{line}: {module} is not public; use flasgo.plugin"
        # A plugin that names another one says that it depends on it: by that one's own package.
        assert not name or name in public[module], f"{path}:{line}: {module}.{name} is not public"


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=PLUGIN_IDS)
def test_plugins_use_no_private_member_of_the_layers_below(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.endswith("__")
            and CORE_OBJECTS.search(ast.unparse(node.value))
        ):
            pytest.fail(f"{path}:{node.lineno}: {ast.unparse(node)}")


# --- What an import costs ----------------------------------------------------------------------

HEAVY = {
    "click",
    "dotenv",
    "httptools",
    "httpx2",
    "itsdangerous",
    "jinja2",
    "joserfc",
    "multipart",
    "redis",
    "rich",
    "typer",
    "uvicorn",
    "uvloop",
    "watchfiles",
}


def test_importing_flasgo_is_light() -> None:
    loaded = json.loads(python("import json, sys, flasgo; print(json.dumps(sorted(sys.modules)))"))
    tops = {name.partition(".")[0] for name in loaded}
    assert tops & HEAVY == set()
    assert not [name for name in tops if name.startswith("flasgo_")]
    assert "flasgo.cli" not in loaded
    assert {"flasgo", "msgspec", "pluggy"} <= tops


def test_serving_a_request_loads_nothing_heavy_either() -> None:
    loaded = json.loads(
        python(
            """
import asyncio, json, sys
from flasgo import Flasgo
app = Flasgo(discover=False, settings={"SECRET_KEY": "0123456789abcdef0123456789abcdef"})
app.add_route("/", lambda: {"a": 1}, endpoint="index")
scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": [],
         "query_string": b""}
sent = []
async def receive(): return {"type": "http.request"}
async def send(message): sent.append(message)
asyncio.run(app(scope, receive, send))
assert sent[0]["status"] == 200, sent
print(json.dumps(sorted(sys.modules)))
"""
        )
    )
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()


def test_every_module_imports_alone_with_warnings_as_errors() -> None:
    names = [
        info.name
        for info in pkgutil.walk_packages(flasgo.__path__, "flasgo.")
        if not info.name.endswith("__main__")
    ]
    assert len(names) > 40
    failures = json.loads(
        python(
            f"""
import importlib, json, sys, traceback
failures = {{}}
for name in {names!r}:
    # Each one meets a package of which nothing is loaded yet: cycles show.
    for loaded in [key for key in sys.modules if key.partition(".")[0] == "flasgo"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception:
        failures[name] = traceback.format_exc(limit=-1)
print(json.dumps(failures))
"""
        )
    )
    assert failures == {}


# --- Optimised Python --------------------------------------------------------------------------


def test_mistakes_are_still_refused_under_optimisation() -> None:
    source = """
from flasgo import Flasgo, RouteError
app = Flasgo(discover=False, settings={"SECRET_KEY": "0123456789abcdef0123456789abcdef"})
try:
    app.add_route("/<int:id>", lambda: "no id", endpoint="x")
except RouteError as error:
    print(type(error).__name__, app.routes)
"""
    result = subprocess.run(
        [sys.executable, "-OO", "-c", source],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("RouteError ()\n", "")
