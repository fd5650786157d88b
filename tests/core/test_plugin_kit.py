"""`flasgo.plugin`, the kit of plugin authors: what it holds, and that it is enough (PLUG-10)."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import flasgo
import pytest
from flasgo import hookspecs, plugin
from flasgo.plugins import base


def test_every_name_of_the_kit_is_there_and_listed() -> None:
    assert set(plugin.__all__) <= set(dir(plugin))
    for name in plugin.__all__:
        assert getattr(plugin, name) is getattr(plugin, name)
    with pytest.raises(AttributeError, match=r"'flasgo\.plugin' has no attribute 'nonsense'"):
        _ = plugin.nonsense  # ty: ignore[missing-attribute]


def test_names_that_flasgo_has_too_are_the_same() -> None:
    for name in set(plugin.__all__) & set(flasgo.__all__):
        assert getattr(plugin, name) is getattr(flasgo, name)


def test_the_kit_is_not_loaded_by_flasgo_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, flasgo; assert 'flasgo.plugin' not in sys.modules; import flasgo.plugin; "
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"flasgo.features.openapi", "flasgo.serving.target", "typer", "uvicorn"}


def base_class_hooks() -> dict[str, ast.FunctionDef]:
    """Return the hooks of `Plugin`, which exist for type checkers alone."""
    tree = ast.parse(inspect.getsource(base))
    kind = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Plugin")
    guarded = next(node for node in kind.body if isinstance(node, ast.If))
    return {node.name: node for node in guarded.body if isinstance(node, ast.FunctionDef)}


def test_the_base_class_has_every_hook_as_it_is_specified() -> None:
    declared = base_class_hooks()
    assert list(declared) == [*hookspecs.SETUP_HOOKS, *hookspecs.REQUEST_HOOKS]
    for name, node in declared.items():
        spec = inspect.signature(getattr(hookspecs, name))
        given = {arg.arg: ast.unparse(arg.annotation or arg) for arg in node.args.args[1:]}
        wanted = {key: str(value.annotation) for key, value in spec.parameters.items()}
        assert given == wanted, name


def test_the_base_class_is_empty_at_run_time(make_app) -> None:
    class Greeting(plugin.Plugin):
        @plugin.hookimpl
        def plugin_setup(self, registry: plugin.Registry) -> None:
            registry.setting("GREETING", str, default="hello", help="What to say.")

    app = make_app(Greeting())
    assert app.plugins["greeting"].hooks == ("plugin_setup",)
    assert [name for name in dir(plugin.Plugin) if not name.startswith("__")] == ["hook_level"]


def test_an_unmarked_hook_of_a_plugin_class_is_refused(make_app) -> None:
    class Forgetful(plugin.Plugin):
        @plugin.hookimpl
        def plugin_setup(self, registry: plugin.Registry) -> None: ...

        def authorize(self, request: flasgo.Connection) -> None: ...

    with pytest.raises(flasgo.PluginError, match="named like a hook but not marked"):
        make_app(Forgetful())


def test_every_name_of_the_kit_has_a_row_on_its_page() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "plugin-kit.md").read_text("utf-8")
    names = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(names) == sorted(plugin.__all__)
    assert not re.search(r"\| +\|$", page, re.MULTILINE), "a row without a text"


def test_every_bundled_plugin_derives_from_the_base_class() -> None:
    app = flasgo.Flasgo(settings={"SECRET_KEY": "0123456789abcdef0123456789abcdef"})
    plugins = [app.plugins.manager.get_plugin(info.name) for info in app.plugins]
    ours = [each for each in plugins if type(each).__module__.startswith("flasgo")]
    assert len(ours) >= 7
    for each in ours:
        assert isinstance(each, plugin.Plugin), each
