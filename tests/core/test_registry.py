"""What plugins declare, and how the names are kept apart (PLUG-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo, OptionError, PluginError, Policy, Registry, Request, hookimpl

from tests.conftest import Connect


def declaring(name: str, declare: Callable[[Registry], object]) -> object:
    """Return a plugin whose set-up calls a function with the registry."""

    @hookimpl
    def plugin_setup(self: object, registry: Registry) -> None:
        declare(registry)

    return type(name.title(), (), {"name": name, "plugin_setup": plugin_setup})()


class Shared(Policy):
    """A policy that two plugins want to enforce."""


DUPLICATES: dict[str, Callable[[Registry], object]] = {
    "method": lambda registry: registry.app_method("thing", print),
    "property": lambda registry: registry.app_property("thing", object),
    "setting": lambda registry: registry.setting("THING", int, default=1),
    "option": lambda registry: registry.option("thing"),
    "request attribute": lambda registry: registry.request_attribute("thing", str),
    "policy": lambda registry: registry.enforces(Shared),
}


@pytest.mark.parametrize("declare", DUPLICATES.values(), ids=DUPLICATES.keys())
def test_one_name_of_two_plugins_is_an_error_that_names_both(
    make_app: Callable[..., Flasgo], declare: Callable[[Registry], object]
) -> None:
    with pytest.raises(PluginError) as caught:
        make_app(declaring("one", declare), declaring("two", declare))
    message = str(caught.value)
    assert "one" in message
    assert "two" in message


def test_methods_and_properties_share_the_names_of_the_app(
    make_app: Callable[..., Flasgo],
) -> None:
    with pytest.raises(PluginError, match="'one' and 'two' both"):
        make_app(declaring("one", DUPLICATES["method"]), declaring("two", DUPLICATES["property"]))


@pytest.mark.parametrize(
    "name",
    ["route", "get", "settings", "options", "state", "plugins", "logger", "name", "run", "threads"],
)
@pytest.mark.parametrize("kind", ["app_method", "app_property"])
def test_names_of_the_app_itself_are_taken(
    make_app: Callable[..., Flasgo], name: str, kind: str
) -> None:
    with pytest.raises(PluginError, match=rf"app\.{name} exists already"):
        make_app(declaring("one", lambda registry: getattr(registry, kind)(name, print)))


@pytest.mark.parametrize(
    "name", ["path", "json", "app", "scope", "route", "state", "accept", "is_accepted", "headers"]
)
def test_names_of_requests_and_websockets_are_taken(
    make_app: Callable[..., Flasgo], name: str
) -> None:
    with pytest.raises(PluginError, match=rf"request\.{name} exists already"):
        make_app(declaring("one", lambda registry: registry.request_attribute(name, str)))


@pytest.mark.parametrize("name", ["settings", "plugins", "discover", "name", "self"])
def test_keywords_of_the_core_are_taken(make_app: Callable[..., Flasgo], name: str) -> None:
    with pytest.raises(PluginError, match="belongs to flasgo-core"):
        make_app(declaring("one", lambda registry: registry.option(name)))


@pytest.mark.parametrize("name", ["", "Thing", "1thing", "_thing", "th-ing", "thing\n", "ünicode"])
def test_names_are_lower_case_identifiers(make_app: Callable[..., Flasgo], name: str) -> None:
    for declare in (
        lambda registry: registry.option(name),
        lambda registry: registry.app_method(name, print),
        lambda registry: registry.app_property(name, print),
        lambda registry: registry.request_attribute(name, print),
    ):
        with pytest.raises(PluginError, match="lower-case identifier"):
            make_app(declaring("one", declare))


def test_what_is_called_must_be_callable(make_app: Callable[..., Flasgo]) -> None:
    for kind in ("app_method", "app_property", "request_attribute"):
        with pytest.raises(PluginError, match="give a callable"):
            make_app(declaring("one", lambda registry, kind=kind: getattr(registry, kind)("x", 1)))


def test_an_async_request_attribute_is_refused_with_advice(
    make_app: Callable[..., Flasgo],
) -> None:
    async def user(request: Request) -> str:
        return "Ann"

    with pytest.raises(PluginError, match=r"async function.*request\.user = value"):
        make_app(declaring("one", lambda registry: registry.request_attribute("user", user)))


@pytest.mark.parametrize("policy", [object, Shared(), "Shared", None])
def test_only_policy_classes_are_enforced(make_app: Callable[..., Flasgo], policy: Any) -> None:
    with pytest.raises(PluginError, match=r"subclass of flasgo\.Policy"):
        make_app(declaring("one", lambda registry: registry.enforces(policy)))


def test_methods_and_properties_of_the_app(make_app: Callable[..., Flasgo]) -> None:
    count = iter(range(10))

    def declare(registry: Registry) -> None:
        registry.app_method("double", lambda value, *, plus=0: value * 2 + plus)
        registry.app_property("count", lambda: next(count))

    app = make_app(declaring("one", declare))
    assert app.double(4, plus=1) == 9  # ty: ignore[missing-attribute]
    assert [app.count, app.count] == [0, 1]  # ty: ignore[missing-attribute]
    with pytest.raises(AttributeError, match="Did you mean 'double'"):
        _ = app.doubel  # ty: ignore[missing-attribute]


def test_request_attributes_are_computed_once_when_asked_for(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    computed: list[str] = []

    def compute(request: Request) -> str:
        computed.append(request.path)
        return f"value of {request.path}"

    app = make_app(declaring("one", lambda registry: registry.request_attribute("extra", compute)))

    @app.get("/used")
    async def used(request: Request) -> list[object]:
        before = request.peek("extra")
        values = [request.extra, request.extra]  # ty: ignore[missing-attribute]
        after = request.peek("extra")
        request.extra = "assigned"  # ty: ignore[missing-attribute]
        return [before, *values, after, request.extra]  # ty: ignore[missing-attribute]

    @app.get("/unused")
    async def unused() -> str:
        return "x"

    client = connect(app)
    client.get("/unused")
    assert computed == []
    value = "value of /used"
    assert client.get("/used").json() == [None, value, value, value, "assigned"]
    assert computed == ["/used"]


def test_options_are_read_only_and_typed_by_name(make_app: Callable[..., Flasgo]) -> None:
    plugin = declaring(
        "one",
        lambda registry: (registry.option("colour", default="red"), registry.option("size")),
    )
    app = make_app(plugin, colour="blue")
    assert dict(app.options) == {"colour": "blue", "size": None}
    assert len(app.options) == 2
    assert ("colour" in app.options, "color" in app.options) == (True, False)
    assert (app.options.get("colour"), app.options.get("color", "none")) == ("blue", "none")
    with pytest.raises(OptionError, match="Did you mean 'colour'"):
        app.options["color"]
    with pytest.raises(TypeError):
        app.options["colour"] = "green"  # ty: ignore[invalid-assignment]


def test_components_belong_to_their_plugin(make_app: Callable[..., Flasgo]) -> None:
    class Part:
        @hookimpl
        def authorize(self, request: Request) -> None: ...

    app = make_app(declaring("one", lambda registry: registry.component("part", Part())))
    assert [impl.plugin for impl in app.plugins.implementations("authorize")] == ["one.part"]
    assert app.plugins["one"].hooks == ("authorize", "plugin_setup")
    assert [info.name for info in app.plugins if not info.builtin] == ["one"]


@pytest.mark.parametrize("is_on", [True, False])
def test_app_created_may_bring_components_that_settings_ask_for(
    make_app: Callable[..., Flasgo], is_on: bool
) -> None:
    class Part:
        @hookimpl
        def request_started(self, request: Request) -> None: ...

    class Choosy:
        name = "choosy"

        @hookimpl
        def plugin_setup(self, registry: Registry) -> None:
            registry.setting("PART", bool, default=False)
            self.registry = registry

        @hookimpl
        def app_created(self, app: Flasgo) -> None:
            if app.settings.PART:  # ty: ignore[missing-attribute]
                self.registry.component("part", Part())

    app = make_app(Choosy(), settings={"PART": is_on})
    app.get("/")(lambda: "x")
    stages = [stage.plugin for stage in app.explain(app.routes[0])]
    assert ("choosy.part" in stages) is is_on


def test_a_component_needs_hooks_and_no_set_up_of_its_own(
    make_app: Callable[..., Flasgo],
) -> None:
    inner = declaring("inner", lambda registry: None)
    with pytest.raises(PluginError, match=r"one\.part.*implements plugin_setup"):
        make_app(declaring("one", lambda registry: registry.component("part", inner)))
    with pytest.raises(PluginError, match=r"one\.part.*no hook"):
        make_app(declaring("one", lambda registry: registry.component("part", object())))


def test_the_registry_knows_whose_it_is(make_app: Callable[..., Flasgo]) -> None:
    names: list[str] = []
    make_app(declaring("one", lambda registry: names.append(registry.plugin)))
    assert names == ["one"]
