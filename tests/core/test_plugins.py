"""Loading, checking, naming and listing plugins (PLUG-1 to PLUG-4)."""

from __future__ import annotations

import importlib
import logging
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from flasgo import (
    Blueprint,
    ConfigurationError,
    Converter,
    Flasgo,
    OptionError,
    PluginError,
    PluginInfo,
    Policy,
    Request,
    Response,
    SettingError,
    attach_policy,
    hookimpl,
    hookspec,
    hookspecs,
)
from flasgo.features import BUILT_IN
from flasgo.plugins.discovery import installed_plugins

from tests.conftest import Connect


class Greeter:
    """A sound plugin that brings one of everything."""

    name = "greeter"

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.setting("GREETING", str, default="hello", help="What to say.")
        registry.option("greet_twice", default=False)
        registry.app_method("greet", lambda who: f"hi {who}")
        registry.app_property("greetings", lambda: 3)
        registry.request_attribute("greeting", lambda request: f"hi {request.path}")

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.app = app

    @hookimpl
    def response_finalize(self, response: Response) -> None:
        response.headers["x-greeting"] = self.app.settings.GREETING  # ty: ignore[missing-attribute]


# --- Fake installations ------------------------------------------------------------------------


SOUND = """
    import flasgo

    class Plugin:
        @flasgo.hookimpl
        def plugin_setup(self, registry):
            registry.setting("ACME_LEVEL", int, default=1)
            registry.option("acme", default="off")

        @flasgo.hookimpl
        def response_finalize(self, response):
            response.headers["x-acme"] = "1"
"""


def discovering(*names: str, **arguments: Any) -> Flasgo:
    """Return an app that loads these installed plugins and no others."""
    settings = {
        "SECRET_KEY": "for-tests-only-0123456789-abcdefghij",
        "PLUGINS": set(names),
        **arguments.pop("settings", {}),
    }
    return Flasgo(settings=settings, **arguments)


def own(app: Flasgo) -> list[PluginInfo]:
    """Return the plugins of an app without those that come with core."""
    return [info for info in app.plugins if not info.builtin]


def test_an_installed_plugin_is_active(install: Callable[..., None]) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    app = discovering("acme")
    info = app.plugins["acme"]
    assert (info.name, info.distribution, info.version) == ("acme", "acme-flasgo", "1.2")
    assert (info.status, info.hooks) == ("active", ("plugin_setup", "response_finalize"))
    assert info.settings == ("ACME_LEVEL",)
    assert app.settings.ACME_LEVEL == 1  # ty: ignore[missing-attribute]
    assert "acme" in app.plugins


def test_a_module_can_be_a_plugin(install: Callable[..., None]) -> None:
    install(
        "acme-flasgo",
        "acme",
        "acme_module",
        """
        import flasgo

        @flasgo.hookimpl
        def app_created(app):
            app.state.acme = True
        """,
    )
    assert discovering("acme").state.acme is True


def test_every_app_has_its_own_instance(install: Callable[..., None]) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    one, two = (discovering("acme").plugins.manager.get_plugin("acme") for _ in range(2))
    assert one is not two


def test_the_scan_happens_once_per_process(install: Callable[..., None]) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    discovering("acme")
    hits = installed_plugins.cache_info().hits
    discovering("acme")
    assert installed_plugins.cache_info().misses == 1
    assert installed_plugins.cache_info().hits > hits


def test_two_distributions_with_one_name_are_both_named(install: Callable[..., None]) -> None:
    install("zeta-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    install("beta-flasgo", "acme", "acme_plugin:Plugin")
    with pytest.raises(PluginError, match="Distributions beta-flasgo and zeta-flasgo") as caught:
        discovering("acme")
    assert caught.value.plugin == "acme"
    # An app that loads none of them is not concerned.
    assert "greeter" in Flasgo(plugins=[Greeter()], discover=False).plugins


def test_an_app_that_discovers_nothing_does_not_look(install: Callable[..., None]) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    app = Flasgo(discover=False, disable_plugins={"static"})
    assert all(info.builtin for info in app.plugins)
    assert installed_plugins.cache_info().misses == 0


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import does_not_exist_anywhere", "ModuleNotFoundError"),
        ("raise ValueError('broken')", "ValueError: broken"),
        ("x = 1", "AttributeError"),
        ("class Plugin:\n    def __init__(self): raise KeyError('config')", "KeyError"),
        ("def Plugin(): pass", "function"),
        ("class Plugin: pass", "no hook"),
    ],
)
def test_a_plugin_that_does_not_load_names_its_distribution(
    install: Callable[..., None], source: str, cause: str
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", source)
    with pytest.raises(PluginError) as caught:
        discovering("acme")
    assert caught.value.plugin == "acme"
    for named in ("'acme'", "acme-flasgo", cause):
        assert named in str(caught.value)


FAILS_LATER = """
    import flasgo

    class Plugin:
        @flasgo.hookimpl
        def plugin_setup(self, registry):
            registry.app_method("acme", print)
            raise OSError("no licence")

        @flasgo.hookimpl
        def authorize(self, request):
            raise KeyError
"""
UNMARKED = """
    import flasgo

    class Plugin:
        def request_started(self, request): ...

        @flasgo.hookimpl
        def authorize(self, request):
            raise KeyError
"""


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import does_not_exist_anywhere", "does_not_exist_anywhere"),
        (UNMARKED, "request_started"),
        (FAILS_LATER, "no licence"),
    ],
)
def test_an_optional_plugin_that_fails_is_left_out_and_listed(
    install: Callable[..., None],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    source: str,
    cause: str,
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", source)
    app = discovering("acme", settings={"OPTIONAL_PLUGINS": {"acme"}})
    info = app.plugins["acme"]
    assert (info.status, info.hooks, info.methods) == ("failed", (), ())
    assert cause in info.reason
    assert "acme" not in app.plugins
    assert not hasattr(app, "acme")
    assert any("acme" in r.getMessage() for r in caplog.records if r.levelno == logging.ERROR)
    app.add_route("/", lambda: "ok", endpoint="index")
    assert connect(app).get("/").status_code == 200


FAILS_LAST = """
    import flasgo

    class Plugin:
        @flasgo.hookimpl
        def plugin_setup(self, registry):
            registry.setting("ACME_LEVEL", int, default=1)
            registry.option("acme_option")
            registry.app_method("acme", print)

        @flasgo.hookimpl
        def app_created(self, app):
            app.add_route("/acme", lambda: "acme", endpoint="acme")
            app.before_request(lambda: "acme")
            raise OSError("no licence")
"""


def test_an_optional_plugin_that_fails_last_takes_along_what_it_did(
    install: Callable[..., None], connect: Connect
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", FAILS_LAST)
    install("sound-flasgo", "sound", "sound_plugin:Plugin", SOUND.replace("ACME", "SOUND"))
    app = discovering("acme", "sound", settings={"OPTIONAL_PLUGINS": {"acme"}, "ACME_LEVEL": 2})
    assert (app.plugins["acme"].status, app.plugins["sound"].status) == ("failed", "active")
    assert "no licence" in app.plugins["acme"].reason
    assert app.routes == ()
    assert "ACME_LEVEL" not in app.settings
    assert app.settings.SOUND_LEVEL == 1  # ty: ignore[missing-attribute]
    assert "acme_option" not in app.options
    assert app.options["acme"] == "off"
    answer = connect(app).get("/acme")
    assert (answer.status_code, answer.headers["x-acme"]) == (404, "1")


@pytest.mark.parametrize(
    ("source", "settings", "arguments"),
    [
        ("import does_not_exist_anywhere", {"OPTIONAL_PLUGINS": {"acme"}}, {}),
        ("import does_not_exist_anywhere", {}, {"disable_plugins": {"acme"}}),
        (FAILS_LATER, {"OPTIONAL_PLUGINS": {"acme"}}, {}),
        (FAILS_LATER, {}, {"disable_plugins": {"acme"}}),
    ],
)
def test_the_configuration_of_a_plugin_that_cannot_tell_its_names_rests(
    install: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    source: str,
    settings: dict[str, Any],
    arguments: dict[str, Any],
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", source)
    app = discovering("acme", settings={**settings, "ACME_LEVEL": 2}, acme_option=1, **arguments)
    for name in ("ACME_LEVEL", "acme_option"):
        [warning] = [r.getMessage() for r in caplog.records if f"{name} has no" in r.getMessage()]
        assert "it belongs to plugin 'acme', which " in warning
        assert name not in app.settings
        assert name not in app.options


def test_the_configuration_of_another_plugin_does_not_rest_with_it(
    make_app: Callable[..., Flasgo],
) -> None:
    odd = with_hook("plugin_setup", failing)
    assert make_app(odd, settings={"OPTIONAL_PLUGINS": {"odd"}, "ODD": 1}).settings.DEBUG is False
    with pytest.raises(SettingError, match="belongs to flasgo-static"):
        make_app(odd, settings={"OPTIONAL_PLUGINS": {"odd"}, "STATIC_URL_PATH": "/s"})
    with pytest.raises(OptionError, match="part of flasgo-static"):
        make_app(odd, settings={"OPTIONAL_PLUGINS": {"odd"}}, static_folder="s")


# --- Choosing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["argument", "setting", "environment", "alias"])
def test_a_plugin_is_named_off(
    install: Callable[..., None], connect: Connect, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    arguments: dict[str, Any] = {}
    if way == "argument":
        arguments["disable_plugins"] = {"acme"}
    elif way == "setting":
        arguments["settings"] = {"DISABLED_PLUGINS": {"acme"}}
    elif way == "environment":
        monkeypatch.setenv("FLASGO_DISABLED_PLUGINS", "acme")
    else:
        monkeypatch.setenv("FLASGO_DISABLE_PLUGINS", "acme")
    app = discovering("acme", **arguments)
    assert (app.plugins["acme"].status, app.plugins["acme"].hooks) == ("disabled", ())
    assert "acme" not in app.plugins
    assert "x-acme" not in connect(app).get("/").headers


def test_a_disabled_plugin_is_not_even_imported(
    install: Callable[..., None],
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", "raise SystemError('imported')")
    assert discovering("acme", disable_plugins={"acme"}).plugins["acme"].status == "disabled"


def test_the_configuration_of_a_disabled_plugin_rests_with_a_warning(
    install: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    app = discovering("acme", disable_plugins={"acme"}, settings={"ACME_LEVEL": 2}, acme="on")
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert sum("ACME_LEVEL has no effect" in message for message in warned) == 1
    assert sum("acme has no effect" in message for message in warned) == 1
    assert "ACME_LEVEL" not in app.settings
    assert "acme" not in app.options
    with pytest.raises(SettingError, match="Did you mean 'DEBUG'"):
        discovering("acme", disable_plugins={"acme"}, settings={"DEBUGG": 2})
    with pytest.raises(OptionError, match="'discover'"):
        discovering("acme", disable_plugins={"acme"}, discovery="on")


def test_the_configuration_of_an_explicit_plugin_rests_too(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(
        Greeter(), disable_plugins={"greeter"}, settings={"GREETING": "ho"}, greet_twice=True
    )
    assert app.plugins["greeter"].status == "disabled"
    assert "GREETING has no effect" in caplog.text
    assert "greet_twice has no effect" in caplog.text


def test_the_allow_list_leaves_the_others_out(install: Callable[..., None]) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    install("other-flasgo", "other", "other_plugin:Plugin", "raise SystemError")
    app = discovering("acme")
    assert app.plugins["other"].status == "disabled"
    assert app.plugins["other"].reason == "not in PLUGINS"
    active = [info.name for info in app.plugins if info.status == "active" and not info.builtin]
    assert active == ["acme"]


def test_the_allow_list_does_not_concern_what_is_handed_over(
    install: Callable[..., None], connect: Connect
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)
    app = discovering("acme", plugins=[Greeter()])
    assert [info.name for info in own(app) if info.status == "active"] == ["acme", "greeter"]
    assert connect(app).get("/").headers["x-greeting"] == "hello"
    app = discovering("acme", plugins=[Greeter()], disable_plugins={"greeter"})
    assert "x-greeting" not in connect(app).get("/").headers


def test_an_empty_allow_list_leaves_all_out() -> None:
    active = [info for info in discovering().plugins if info.status == "active"]
    assert all(info.builtin for info in active)


@pytest.mark.parametrize(
    "arguments",
    [
        {"disable_plugins": {"gretter"}},
        {"settings": {"DISABLED_PLUGINS": {"gretter"}}},
        {"settings": {"PLUGINS": {"gretter"}}},
        {"settings": {"OPTIONAL_PLUGINS": {"gretter"}}},
    ],
)
def test_an_unknown_plugin_name_is_an_error_with_a_suggestion(
    make_app: Callable[..., Flasgo], arguments: dict[str, Any]
) -> None:
    with pytest.raises(PluginError, match="Did you mean 'greeter'") as caught:
        make_app(Greeter(), **arguments)
    assert caught.value.plugin == "gretter"


def test_an_allowed_plugin_of_the_bundle_must_be_there(
    make_app: Callable[..., Flasgo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flasgo.plugins.manager.installed_plugins", tuple)
    with pytest.raises(PluginError, match="pip install flasgo-security"):
        make_app(settings={"PLUGINS": {"security"}})
    # Switching off what is not there is no mistake.
    make_app(disable_plugins={"security"})


def test_names_are_given_as_a_collection(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(Exception, match="is a string"):
        make_app(disable_plugins="security")
    with pytest.raises(PluginError, match="is a string"):
        Flasgo(plugins=["security"], discover=False)


# --- Names -------------------------------------------------------------------------------------


def test_the_name_is_the_attribute_else_the_class_in_lower_case(
    make_app: Callable[..., Flasgo],
) -> None:
    class Unnamed:
        @hookimpl
        def app_created(self, app: Flasgo) -> None: ...

    module = types.ModuleType("pkg.Module")
    module.app_created = hookimpl(lambda app: None)  # ty: ignore[missing-attribute]
    app = make_app(Greeter, Unnamed(), module)
    assert [info.name for info in own(app)] == ["greeter", "module", "unnamed"]
    assert len(app.plugins) == 3 + len(BUILT_IN)
    with pytest.raises(KeyError, match="Did you mean 'greeter'"):
        app.plugins["greter"]


class Demanding:
    def __init__(self, key: str) -> None:
        self.key = key


@pytest.mark.parametrize(
    ("plugins", "error", "advice"),
    [
        ("security", ConfigurationError, "plugins='security' is not a list"),
        (None, ConfigurationError, "write plugins="),
        (Greeter(), ConfigurationError, "write plugins="),
        (["security"], PluginError, "PLUGINS"),
        ([Demanding], PluginError, "Demanding cannot be called without arguments.*an instance"),
        ([5], PluginError, "'int': it implements no hook"),
    ],
)
def test_plugins_are_handed_over_as_a_list_of_objects(
    plugins: Any, error: type[Exception], advice: str
) -> None:
    with pytest.raises(error, match=advice):
        Flasgo(plugins=plugins, discover=False)


def test_two_explicit_plugins_of_one_name_are_refused(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(PluginError, match="two plugins of this name") as caught:
        make_app(Greeter(), Greeter())
    assert caught.value.plugin == "greeter"


def test_an_explicit_plugin_takes_the_place_of_the_installed_one(
    install: Callable[..., None],
) -> None:
    install("acme-flasgo", "acme", "acme_plugin:Plugin", SOUND)

    class Mine:
        name = "acme"

        @hookimpl
        def app_created(self, app: Flasgo) -> None: ...

    app = discovering("acme", plugins=[Mine()])
    assert app.plugins["acme"].hooks == ("app_created",)
    assert app.plugins["acme"].distribution is None


MODULE_OR_CLASS = """
    import flasgo

    @flasgo.hookimpl
    def app_created(app): ...

    class Plugin:
        @flasgo.hookimpl
        def app_created(self, app): ...
"""


@pytest.mark.parametrize("target", ["acme_plugin", "acme_plugin:Plugin"])
def test_what_is_installed_keeps_its_name_when_it_is_handed_over(
    install: Callable[..., None], target: str
) -> None:
    install("acme-flasgo", "acme", target, MODULE_OR_CLASS)
    module = importlib.import_module("acme_plugin")
    given = module.Plugin if ":" in target else module
    [info] = own(Flasgo(plugins=[given], discover=False))
    assert (info.name, info.distribution, info.version) == ("acme", "acme-flasgo", "1.2")
    # What is not named by the entry point is another plugin.
    other = module if ":" in target else module.Plugin
    [info] = own(Flasgo(plugins=[other], discover=False))
    assert info.distribution is None


# --- Unsound plugins ---------------------------------------------------------------------------


def with_hook(hook: str, function: Any, **options: Any) -> object:
    return type("Odd", (), {"name": "odd", hook: hookimpl(**options)(function)})()


async def async_function(self: object) -> None: ...


def generator_function(self: object) -> Any:
    yield


async def async_generator_function(self: object) -> Any:
    yield


REQUEST_HOOKS = ["request_started", "authorize", "response_finalize", "request_finished"]
SYNC_HOOKS = ["plugin_setup", "app_created", "check_app", "cli_commands", "openapi_document"]


@pytest.mark.parametrize("hook", [*REQUEST_HOOKS, *SYNC_HOOKS, "app_startup"])
def test_wrappers_are_refused_with_advice(make_app: Callable[..., Flasgo], hook: str) -> None:
    with pytest.raises(PluginError, match=f"'odd'.*{hook} is a wrapper.*request_finished"):
        make_app(with_hook(hook, generator_function, wrapper=True))


@pytest.mark.parametrize("hook", SYNC_HOOKS)
def test_async_set_up_hooks_are_refused_with_advice(
    make_app: Callable[..., Flasgo], hook: str
) -> None:
    with pytest.raises(PluginError, match=f"'odd'.*{hook} is async.*app_startup"):
        make_app(with_hook(hook, async_function))


@pytest.mark.parametrize("hook", REQUEST_HOOKS)
@pytest.mark.parametrize("function", [generator_function, async_generator_function])
def test_generators_as_request_hooks_are_refused(
    make_app: Callable[..., Flasgo], hook: str, function: object
) -> None:
    with pytest.raises(PluginError, match=f"'odd'.*{hook} is an? (async )?generator"):
        make_app(with_hook(hook, function))


def test_a_predicate_on_a_set_up_hook_is_refused(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(PluginError, match="app_created has when="):
        make_app(with_hook("app_created", lambda self: None, when=lambda route: True))


def test_a_mistyped_hook_is_an_error_with_a_suggestion(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(PluginError, match="Did you mean 'authorize'") as caught:
        make_app(with_hook("authorise", lambda self: None))
    assert caught.value.plugin == "odd"
    assert "'authorise'" in str(caught.value)


def test_a_hook_of_an_absent_plugin_is_fine_when_it_is_optional(
    make_app: Callable[..., Flasgo],
) -> None:
    app = make_app(with_hook("template_context", lambda self: None, optionalhook=True))
    assert "odd" in app.plugins


def test_an_unmarked_method_named_like_a_hook_is_an_error(
    make_app: Callable[..., Flasgo],
) -> None:
    class Forgetful:
        @hookimpl
        def app_created(self, app: Flasgo) -> None: ...

        def authorize(self, request: Request) -> None: ...

    with pytest.raises(PluginError, match=r"'forgetful'.*authorize.*not marked.*hookimpl"):
        make_app(Forgetful())


def test_an_argument_that_the_hook_does_not_have_is_an_error(
    make_app: Callable[..., Flasgo],
) -> None:
    class Wrong:
        @hookimpl
        def authorize(self, request: Request, user: object) -> None: ...

    with pytest.raises(PluginError, match=r"'wrong'.*'user'.*fewer are fine"):
        make_app(Wrong())


def test_one_instance_belongs_to_one_name(make_app: Callable[..., Flasgo]) -> None:
    greeter = Greeter()
    app = make_app(greeter)
    with pytest.raises(PluginError, match="one instance per app"):
        app.plugins.register(greeter, "second")


@pytest.mark.parametrize("hook", ["plugin_setup", "app_created"])
def test_what_set_up_raises_names_the_plugin(make_app: Callable[..., Flasgo], hook: str) -> None:
    def fail(self: object) -> None:
        raise ZeroDivisionError("sum")

    with pytest.raises(PluginError, match=f"'odd' failed in {hook}: ZeroDivisionError: sum") as e:
        make_app(with_hook(hook, fail))
    assert e.value.plugin == "odd"
    assert isinstance(e.value.__cause__, ZeroDivisionError)
    assert "FLASGO_DISABLE_PLUGINS=odd" in str(e.value)


# --- Levels of the contract --------------------------------------------------------------------


def test_a_plugin_of_an_older_level_loads_and_is_told_what_changed(
    make_app: Callable[..., Flasgo],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    changes = {2: {"authorize": "It is old."}, 3: {"authorize": "It is new.", "check_app": "No."}}
    monkeypatch.setattr(hookspecs, "CONTRACT_LEVEL", 3)
    monkeypatch.setattr(hookspecs, "CONTRACT_CHANGES", changes)

    def warnings_of(**members: Any) -> list[str]:
        caplog.clear()
        app = make_app(type("Old", (), {"authorize": sync(), **members})())
        assert "old" in app.plugins
        told = [r.getMessage() for r in caplog.records if r.name == "flasgo.plugins"]
        return [text for text in told if text.startswith("Plugin 'old'")]

    silent = warnings_of()
    assert [text.partition("changed ")[2].partition(" Adapt")[0] for text in silent] == [
        "authorize: It is old.",
        "authorize: It is new.",
    ]
    assert silent[0].startswith("Plugin 'old' was written for level 1 of the hooks. Level 2 ")
    assert len(warnings_of(hook_level=2)) == 1
    assert warnings_of(hook_level=3) == []


@pytest.mark.parametrize("level", [0, 2, True, "1"])
def test_a_plugin_of_a_level_that_is_not_there_is_refused(
    make_app: Callable[..., Flasgo], level: object
) -> None:
    plugin = type("New", (), {"authorize": sync(), "hook_level": level})()
    with pytest.raises(PluginError, match="the levels 1 to 1; install a newer"):
        make_app(plugin)


# --- Joining late ------------------------------------------------------------------------------


def test_a_late_plugin_is_set_up_at_once(
    make_app: Callable[..., Flasgo], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASGO_GREETING", "ahoy")
    app = make_app()
    app.add_route("/x", lambda request: request.greeting, endpoint="x")
    client = connect(app)
    assert client.get("/x").status_code == 500
    app.plugins.register(Greeter)
    answer = client.get("/x")
    assert (answer.text, answer.headers["x-greeting"]) == ("hi /x", "ahoy")
    assert (app.greet("Ann"), app.greetings) == ("hi Ann", 3)  # ty: ignore[missing-attribute]
    assert app.options["greet_twice"] is False
    assert app.plugins["greeter"].methods == ("greet", "greetings")


def late(**members: Any) -> object:
    """Return a plugin that declares a lot, and has further members."""

    @hookimpl
    def plugin_setup(self: object, registry: Any) -> None:
        registry.setting("LATE_SETTING", int, default=1)
        registry.option("late_option")
        registry.app_method("late_method", print)
        registry.request_attribute("late_attribute", str)
        registry.component("part", Part())
        registry.hookspecs(LateHooks)

    return type("Late", (), {"name": "late", "plugin_setup": plugin_setup, **members})()


class Part:
    """A component that would be noticed."""

    @hookimpl
    def authorize(self, request: Request) -> Response:
        return Response.text("part")


class LateHooks:
    """Hooks that a late plugin publishes."""

    @hookspec
    def late_hook(self) -> None:
        """Be late."""


def failing(self: object) -> None:
    raise OSError("no")


def never(route: object) -> bool:
    raise LookupError("no")


def sync(**options: Any) -> Any:
    """Return a new function that is marked as a hook implementation."""
    return hookimpl(**options)(lambda self: None)


UNSOUND = {
    "unmarked hook": {"authorize": lambda self: None},
    "mistyped hook": {"authorise": sync()},
    "wrapper": {"authorize": hookimpl(wrapper=True)(lambda self: (yield))},
    "async set-up": {"app_created": hookimpl(async_function)},
    "failing set-up": {"app_created": hookimpl(failing)},
    "failing predicate": {"authorize": sync(when=never)},
    "circular order": {"authorize": sync(before="first", after="first")},
}


class First:
    """There from the start, with names that resemble the late plugin's."""

    name = "first"

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.app_method("late_option", lambda: "mine")

    @hookimpl
    def authorize(self, request: Request) -> None: ...


@pytest.mark.parametrize("members", UNSOUND.values(), ids=UNSOUND.keys())
def test_a_late_plugin_that_fails_leaves_the_app_as_it_was(
    make_app: Callable[..., Flasgo], connect: Connect, members: dict[str, Any]
) -> None:
    app = make_app(First())
    app.add_route("/", lambda: "as before", endpoint="index")
    settings, options = dict(app.settings), dict(app.options)
    with pytest.raises(PluginError):
        app.plugins.register(late(**members))
    assert [info.name for info in own(app)] == ["first"]
    assert (dict(app.settings), dict(app.options)) == (settings, options)
    assert not hasattr(app, "late_method")
    assert app.late_option() == "mine"  # ty: ignore[missing-attribute]
    client = connect(app)
    assert client.get("/").text == "as before"
    # What is sound can have the name and bring the same things.
    app.plugins.register(late())
    assert app.settings.LATE_SETTING == 1  # ty: ignore[missing-attribute]
    assert client.get("/").text == "part"


@hookimpl
def busy(self: object, app: Flasgo) -> None:
    """Register something of every kind, then fail."""
    app.add_converter("late", type("LateConverter", (Converter,), {}))
    app.add_route("/late/<late:x>", lambda x: x, endpoint="late")
    app.add_route("/hosted", lambda: "late", endpoint="hosted", host="localhost")
    app.mount("/mounted", app)
    app.before_request(lambda: "late")
    app.after_request(lambda response: Response.text("late"))
    app.teardown_request(lambda: 1 / 0)
    app.errorhandler(404)(lambda: "late")
    blueprint = Blueprint("late_blueprint")
    blueprint.get("/in-blueprint")(lambda: "late")
    app.register_blueprint(blueprint)
    app.lifespan(failing_lifespan)
    app.add_middleware(lambda app: 1 / 0)
    attach_policy(app, Policy())
    raise OSError("no")


async def failing_lifespan() -> AsyncIterator[None]:
    raise OSError("never to be started")
    yield


def test_a_late_plugin_that_fails_takes_along_what_it_did(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.add_route("/", lambda: "as before", endpoint="index")
    with pytest.raises(PluginError, match="OSError: no"):
        app.plugins.register(late(app_created=busy))
    assert [route.endpoint for route in app.routes] == ["index"]
    with connect(app) as client:  # the lifespan runs
        assert client.get("/").text == "as before"
    for path in ("/late/x", "/hosted", "/mounted/", "/in-blueprint"):
        answer = connect(app).get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    # Its names are free again.
    app.add_converter("late", Converter)
    app.add_route("/late/<late:x>", lambda x: x, endpoint="late")
    app.register_blueprint(Blueprint("late_blueprint"))
    assert connect(app).get("/late/x").text == "x"


def test_a_late_plugin_needs_a_free_name(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(Greeter())
    with pytest.raises(PluginError, match="active already"):
        app.plugins.register(Greeter())
    app.plugins.register(type("Other", (First,), {}), name="second")
    assert "second" in app.plugins


def test_a_late_plugin_that_fails_does_not_erase_a_disabled_one(
    make_app: Callable[..., Flasgo],
) -> None:
    app = make_app(Greeter(), disable_plugins={"greeter"})
    with pytest.raises(PluginError):
        app.plugins.register(type("Bad", (), {"name": "greeter", "app_created": hookimpl(failing)}))
    assert app.plugins["greeter"].status == "disabled"


# --- Hooks of plugins --------------------------------------------------------------------------


class Specs:
    """Hooks that a plugin publishes."""

    @hookspec
    def menu_items(self, page: str) -> list[str]:
        """Name the items of a page's menu."""
        raise NotImplementedError


class Menus:
    name = "menus"

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.hookspecs(Specs)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.calls = app.plugins.hook_callables("menu_items")


def test_a_plugin_publishes_hooks_and_calls_them_without_pluggy(
    make_app: Callable[..., Flasgo],
) -> None:
    class Items:
        @hookimpl
        def menu_items(self) -> list[str]:
            return ["home"]

    class More:
        @hookimpl(tryfirst=True)
        def menu_items(self, page: str) -> list[str]:
            return [page]

    menus = Menus()
    make_app(menus, Items(), More())
    assert [call("p") for call in menus.calls] == [["p"], ["home"]]


@pytest.mark.parametrize("namespace", [type("Empty", (), {}), types.ModuleType("empty")])
def test_an_empty_namespace_holds_no_hooks(make_app: Callable[..., Flasgo], namespace: Any) -> None:
    @hookimpl
    def plugin_setup(self: object, registry: Any) -> None:
        registry.hookspecs(namespace)

    with pytest.raises(PluginError, match="holds no hookspec"):
        make_app(type("P", (), {"name": "p", "plugin_setup": plugin_setup})())


def test_hooks_of_the_core_cannot_be_taken_over(make_app: Callable[..., Flasgo]) -> None:
    class Taking:
        @hookspec
        def authorize(self, request: object) -> None:
            """Mean something else."""

    @hookimpl
    def plugin_setup(self: object, registry: Any) -> None:
        registry.hookspecs(Taking)

    with pytest.raises(PluginError, match="belongs to flasgo-core"):
        make_app(type("P", (), {"name": "p", "plugin_setup": plugin_setup})())


def test_a_hook_that_nobody_publishes_cannot_be_asked(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(PluginError, match="Did you mean 'authorize'"):
        make_app().plugins.hook_callables("authorise")
