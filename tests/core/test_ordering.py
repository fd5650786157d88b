"""The order of hook implementations (PLUG-3)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo, PluginError, hookimpl


def plugin(name: str, **options: Any) -> object:
    """Return a plugin with an `authorize` hook."""

    @hookimpl(**options)
    def authorize(self: object, request: object) -> None:
        """Let everybody pass."""

    return type(name.title(), (), {"name": name, "authorize": authorize})()


def order(app: Flasgo, hook: str = "authorize") -> list[str]:
    return [impl.plugin for impl in app.plugins.implementations(hook)]


def test_names_decide_where_nothing_else_does(make_app: Callable[..., Flasgo]) -> None:
    assert order(make_app(plugin("b"), plugin("c"), plugin("a"))) == ["a", "b", "c"]


def test_tryfirst_and_trylast_are_groups(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(
        plugin("a", trylast=True),
        plugin("b"),
        plugin("d", tryfirst=True),
        plugin("c", tryfirst=True),
    )
    assert order(app) == ["c", "d", "b", "a"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"a": {"after": ("c",)}}, ["b", "c", "a"]),
        ({"c": {"before": ("a",)}}, ["b", "c", "a"]),
        ({"c": {"before": "a"}}, ["b", "c", "a"]),
        ({"a": {"after": "b"}, "b": {"after": "c"}}, ["c", "b", "a"]),
        ({"a": {"after": ("absent",)}, "b": {"before": ("absent",)}}, ["a", "b", "c"]),
        ({"c": {"tryfirst": True, "after": ("a",)}}, ["a", "c", "b"]),
        ({"a": {"trylast": True, "before": ("b",)}}, ["c", "a", "b"]),
        ({"a": {"after": ("a",)}}, ["a", "b", "c"]),
    ],
)
def test_before_and_after_move_a_hook_where_it_must_be(
    make_app: Callable[..., Flasgo], options: dict[str, dict[str, Any]], expected: list[str]
) -> None:
    found = {
        tuple(order(make_app(*(plugin(name, **options.get(name, {})) for name in names))))
        for names in itertools.permutations("abc")
    }
    assert found == {tuple(expected)}


def test_every_registration_order_gives_the_same_pipeline(
    make_app: Callable[..., Flasgo],
) -> None:
    options: dict[str, dict[str, Any]] = {
        "a": {"after": ("d",)},
        "b": {"tryfirst": True},
        "c": {"before": ("b",)},
        "d": {"trylast": True},
    }
    found = set()
    for names in itertools.permutations("abcd"):
        app = make_app(*(plugin(name, **options[name]) for name in names[:2]))
        for name in names[2:]:
            app.plugins.register(plugin(name, **options[name]))
        route = app.add_route("/", lambda: "x", endpoint="index")
        found.add(tuple(step.plugin for step in app.explain(route) if step.stage == "authorize"))
    assert found == {("c", "b", "d", "a")}


@pytest.mark.parametrize(
    "options",
    [
        {"a": {"before": ("b",)}, "b": {"before": ("a",)}},
        {"a": {"before": ("b",), "after": ("b",)}, "b": {}},
        {"a": {"before": ("b",)}, "b": {"before": ("c",)}, "c": {"before": ("a",)}},
    ],
)
def test_a_cycle_is_an_error_that_names_all(
    make_app: Callable[..., Flasgo], options: dict[str, dict[str, Any]]
) -> None:
    app = make_app(*(plugin(name, **given) for name, given in options.items()))
    app.add_route("/", lambda: "x", endpoint="index")
    with pytest.raises(PluginError, match="circular order of hook 'authorize'") as caught:
        app._compile()
    assert all(repr(name) in str(caught.value) for name in options)
    assert caught.value.plugin in options


def test_a_plugins_name_stands_for_its_components_too(make_app: Callable[..., Flasgo]) -> None:
    class Whole:
        name = "whole"

        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            registry.component("part", plugin("ignored"))
            registry.component("tail", plugin("ignored2"))

    app = make_app(Whole(), plugin("z", before=("whole",)))
    assert order(app) == ["z", "whole.part", "whole.tail"]


def test_set_up_hooks_have_the_same_order(make_app: Callable[..., Flasgo]) -> None:
    seen: list[str] = []

    def setting_up(name: str, **options: Any) -> object:
        @hookimpl(**options)
        def app_created(self: object, app: Flasgo) -> None:
            seen.append(name)

        return type(name, (), {"name": name, "app_created": app_created})()

    make_app(setting_up("a", after=("b",)), setting_up("b"), setting_up("c", tryfirst=True))
    assert seen == ["c", "b", "a"]
