"""Plugins that require other plugins (PLUG-11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo, PluginError, hookimpl

from tests.conftest import Connect


def plugin(name: str, requires: Any = (), **hooks: Any) -> Any:
    """Return a plugin with these functions as its hooks."""
    hooks.setdefault("app_created", lambda self: None)
    marked = {k: hookimpl(f) for k, f in hooks.items()}
    return type("Made", (), {"name": name, "requires": requires, **marked})()


def noting(seen: list[str], name: str) -> dict[str, Any]:
    async def app_startup(self: object) -> None:
        seen.append(f"{name} startup")

    async def app_shutdown(self: object) -> None:
        seen.append(f"{name} shutdown")

    return {
        "plugin_setup": lambda self: seen.append(f"{name} setup"),
        "app_created": lambda self: seen.append(f"{name} created"),
        "app_startup": app_startup,
        "app_shutdown": app_shutdown,
    }


def test_what_is_required_comes_first_and_stops_last(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[str] = []
    app = make_app(
        plugin("admin", ("sql", "zoo"), **noting(seen, "admin")),
        plugin("sql", "zoo", **noting(seen, "sql")),
        plugin("zoo", **noting(seen, "zoo")),
    )
    with connect(app):
        pass
    up = [
        f"{name} {step}"
        for step in ("setup", "created", "startup")
        for name in ("zoo", "sql", "admin")
    ]
    assert seen == [*up, "admin shutdown", "sql shutdown", "zoo shutdown"]
    assert app.plugins["admin"].requires == ("sql", "zoo")


def test_the_object_of_another_plugin(make_app: Callable[..., Flasgo]) -> None:
    seen: list[Any] = []

    def plugin_setup(self: object, registry: Any) -> None:
        seen.append(registry.instance("sql"))

    sql = plugin("sql")
    app = make_app(sql, plugin("admin", ["sql"], plugin_setup=plugin_setup))
    assert seen == [sql]
    assert app.plugins.instance("sql") is sql
    with pytest.raises(PluginError, match=r"'sqll' is not there\. Did you mean 'sql'"):
        app.plugins.instance("sqll")
    off = make_app(plugin("sql"), disable_plugins={"sql"})
    with pytest.raises(PluginError, match="'sql' is not active: disabled by name"):
        off.plugins.instance("sql")
    with pytest.raises(PluginError, match=r"does not require; name it: requires = .'sql',"):
        make_app(plugin("sql"), plugin("admin", plugin_setup=plugin_setup))


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        (
            {"sql": "flasgo-sql"},
            "requires the plugin 'sql', which is not there; install it with `pip install fla",
        ),
        ("auth", "requires the plugin 'auth'.*pip install flasgo-auth"),
        ("sql", "install the distribution that brings it"),
        (5, "its requires is 5; write names"),
        ((5,), "its requires has 5: None in it"),
    ],
)
def test_what_is_missing_says_what_to_install(
    make_app: Callable[..., Flasgo], requires: Any, told: str
) -> None:
    with pytest.raises(PluginError, match=told) as caught:
        make_app(plugin("admin", requires))
    assert caught.value.plugin == "admin"


def test_what_is_switched_off_says_so(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(PluginError, match=r"switched off .disabled by name.; bring 'sql' back, or"):
        make_app(plugin("sql"), plugin("admin", "sql"), disable_plugins={"sql"})
    both = make_app(plugin("sql"), plugin("admin", "sql"), disable_plugins={"sql", "admin"})
    assert [both.plugins[name].status for name in ("sql", "admin")] == ["disabled", "disabled"]


@pytest.mark.parametrize("hook", ["plugin_setup", "app_created"])
def test_a_required_plugin_that_fails_takes_optional_ones_along(
    make_app: Callable[..., Flasgo], hook: str
) -> None:
    called: list[str] = []

    def failing(self: object) -> None:
        raise OSError("no database")

    def note(self: object) -> None:
        called.append("admin")

    settings = {"OPTIONAL_PLUGINS": {"sql", "admin", "top"}}
    app = make_app(
        plugin("admin", "sql", **{hook: note}),
        plugin("sql", **{hook: failing}),
        plugin("top", "admin"),
        settings=settings,
    )
    assert [app.plugins[name].status for name in ("sql", "admin", "top")] == ["failed"] * 3
    assert "requires the plugin 'sql', which is left out" in app.plugins["admin"].reason
    assert called == []
    with pytest.raises(PluginError, match="'admin': it requires the plugin 'sql'"):
        make_app(
            plugin("admin", "sql"),
            plugin("sql", **{hook: failing}),
            settings={"OPTIONAL_PLUGINS": {"sql"}},
        )


def test_listings_show_what_a_plugin_brings(make_app: Callable[..., Flasgo]) -> None:
    class Money:
        pass

    def plugin_setup(self: object, registry: Any) -> None:
        registry.role("trusted_host", str)
        registry.encodes(Money, str)
        registry.session_store("shelf", print)
        registry.request_attribute("tenant", str)
        registry.setting("SHOWN_ELSEWHERE", int, default=1)

    app = make_app(plugin("admin", plugin_setup=plugin_setup))
    assert app.plugins["admin"].brings == (
        f"encoding of {__name__}.{Money.__qualname__}",
        "request attribute tenant",
        "role trusted_host",
        "session store shelf",
    )


def test_a_circle_is_an_error_that_names_both(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(PluginError, match=r"'a' -> 'b' -> 'a'|'b' -> 'a' -> 'b'"):
        make_app(plugin("a", "b"), plugin("b", "a"))


def test_a_late_plugin_needs_what_it_requires(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()
    with pytest.raises(PluginError, match="requires the plugin 'sql', which is not there"):
        app.plugins.register(plugin("admin", "sql"))
    assert "admin" not in app.plugins
    app.plugins.register(plugin("sql"))
    app.plugins.register(plugin("admin", "sql"))
    assert "admin" in app.plugins
