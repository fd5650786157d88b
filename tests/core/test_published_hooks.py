"""Hooks that plugins publish: `hookspec`, `app.plugins.notify` and `app.plugins.call`."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo, HTTPException, PluginError, hookimpl, hookspec
from flasgo.plugin import HookError


class Specs:
    @hookspec(firstresult=True)
    def flag(self, name: str) -> bool | None: ...

    @hookspec
    def flags(self, name: str) -> str | None: ...

    @hookspec(sync=True)
    def flag_read(self, name: str) -> None: ...


class Flags:
    name = "flags"

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.hookspecs(Specs)


def implementing(name: str, **hooks: Callable[..., object]) -> Any:
    members = {hook: hookimpl(function) for hook, function in hooks.items()}
    return type(name.title(), (), {"name": name, **members})()


def slow() -> Callable[..., object]:
    async def answer(self: object, name: str) -> object:
        return {"a": True, "list": "slow"}.get(name)

    return answer


def test_the_first_answer_ends_a_firstresult_hook(make_app: Any) -> None:
    asked: list[str] = []
    app = make_app(
        Flags,
        implementing("a", flag=lambda self: asked.append("a")),
        implementing("b", flag=slow(), flags=slow()),
        implementing("c", flag=lambda self, name: asked.append("c"), flags=lambda self: "c"),
    )
    assert asyncio.run(app.plugins.call("flag", "a")) is True
    assert asked.count("a") + asked.count("c") < 2
    assert asyncio.run(app.plugins.call("flag", "x")) is None
    assert sorted(asyncio.run(app.plugins.call("flags", "list"))) == ["c", "slow"]
    assert asyncio.run(app.plugins.call("flags", "x")) == ["c"]


def test_what_fails_is_attributed_and_http_errors_pass(make_app: Any) -> None:
    def broken(self: object, name: str) -> None:
        raise HTTPException(418) if name == "tea" else KeyError("inside")

    app = make_app(Flags, implementing("bad", flag=broken))
    with pytest.raises(HookError, match="Plugin 'bad' failed in flag: KeyError") as caught:
        asyncio.run(app.plugins.call("flag", "x"))
    assert (caught.value.plugin, caught.value.hook) == ("bad", "flag")
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(HTTPException):
        asyncio.run(app.plugins.call("flag", "tea"))


def test_observers_are_all_told_whatever_one_raises(make_app: Any, caplog: Any) -> None:
    told: list[str] = []

    def broken(self: object) -> None:
        raise KeyError("inside")

    app = make_app(
        Flags,
        implementing("a", flag_read=broken),
        implementing("b", flag_read=lambda self, name: told.append(name)),
        implementing("c", flag_read=broken),
    )
    with caplog.at_level(logging.ERROR, "flasgo.plugins"):
        app.plugins.notify("flag_read", "x")
    assert told == ["x"]
    assert {r.getMessage()[:30] for r in caplog.records} == {
        "Plugin 'a' failed in flag_read", "Plugin 'c' failed in flag_read",
    }  # fmt: skip


def test_plugins_that_come_later_or_wrap_calls_count(make_app: Any) -> None:
    app = make_app(Flags)
    assert asyncio.run(app.plugins.call("flag", "x")) is None
    app.plugins.register(implementing("late", flag=lambda self, name: name == "x"))
    assert asyncio.run(app.plugins.call("flag", "x")) is True

    def wrap(impl: Any) -> Any:
        return dataclasses.replace(impl, call=lambda name: "wrapped", is_async=False)

    undo = app.plugins.wrap_calls(wrap)
    assert asyncio.run(app.plugins.call("flag", "x")) == "wrapped"
    undo()
    assert asyncio.run(app.plugins.call("flag", "x")) is True


@pytest.mark.parametrize("is_late", [True, False])
def test_an_async_implementation_of_a_sync_hook_is_refused(make_app: Any, is_late: bool) -> None:
    bad = implementing("bad", flag_read=slow())
    register = make_app(Flags).plugins.register if is_late else lambda bad: make_app(bad, Flags)
    with pytest.raises(PluginError, match=r"'bad': flag_read is async.*use def"):
        register(bad)


def test_a_component_is_held_to_it_as_well(make_app: Callable[..., Flasgo]) -> None:
    class Late:
        name = "late"

        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            self.registry = registry

        @hookimpl
        def app_created(self) -> None:
            self.registry.component("part", implementing("part", flag_read=slow()))

    with pytest.raises(PluginError, match=r"'late.part': flag_read is async"):
        make_app(Flags, Late)


def test_whether_a_hook_is_implemented_is_known(make_app: Any) -> None:
    app = make_app(Flags)
    assert not app.plugins.is_implemented("flag")
    app.plugins.register(implementing("late", flag=lambda self: True))
    assert app.plugins.is_implemented("flag")
    with pytest.raises(PluginError, match="No hook 'flagg'"):
        app.plugins.is_implemented("flagg")


def test_an_unknown_hook_is_an_error(make_app: Any) -> None:
    app = make_app(Flags)
    with pytest.raises(PluginError, match=r"No hook 'flagg'. Did you mean 'flag'"):
        app.plugins.notify("flagg", "x")
    with pytest.raises(PluginError, match=r"No hook 'flagg'"):
        asyncio.run(app.plugins.call("flagg", "x"))
