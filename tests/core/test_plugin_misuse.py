"""Mistakes of plugins are found at set-up or named for what they are (PLUG-4, PLUG-13)."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import (
    Flasgo,
    HookError,
    PluginError,
    Request,
    Response,
    hookimpl,
    hookspec,
)

from tests.conftest import Connect


def plugin(name: str, **hooks: Any) -> Any:
    """Return a plugin with these functions as its hooks."""
    marked = {k: f if hasattr(f, "flasgo_impl") else hookimpl(f) for k, f in hooks.items()}
    return type("Made", (), {"name": name, **marked})()


def nothing(self: object) -> None:
    """Do nothing."""


# --- The arguments of hooks --------------------------------------------------------------------


def seen_by(
    make_app: Callable[..., Flasgo], connect: Connect, function: Callable[..., None]
) -> Any:
    app = make_app(plugin("p", request_finished=function))
    app.add_route("/", lambda: "x", endpoint="index")
    connect(app).get("/")
    return app


def test_parameters_are_filled_however_they_are_written(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: dict[str, Any] = {}

    def with_defaults(self: object, request: Any, response: Any = None, error: Any = 7) -> None:
        seen["defaults"] = (request, response, error)

    def by_keyword(self: object, *, response: Any, request: Any = None, other: int = 5) -> None:
        seen["keyword"] = (request, response, other)

    def after_a_gap(self: object, mine: int = 3, response: Any = None) -> None:
        seen["gap"] = (mine, response)

    def rest(self: object, response: Any, *args: Any) -> None:
        seen["rest"] = (response, args)

    def any_name(self: object, response: Any, **values: Any) -> None:
        seen["names"] = (response, values)

    def everything(*args: Any, **values: Any) -> None:
        seen["all"] = (args[1:], values)

    for function in (with_defaults, by_keyword, after_a_gap, rest, any_name, everything):
        seen_by(make_app, connect, function)
    request, response, error = seen["defaults"]
    assert isinstance(request, Request)
    assert isinstance(response, Response)
    assert error is None
    request, response, other = seen["keyword"]
    assert isinstance(request, Request)
    assert (isinstance(response, Response), other) == (True, 5)
    assert (seen["gap"][0], isinstance(seen["gap"][1], Response)) == (3, True)
    response, (request, error) = seen["rest"]
    assert (isinstance(response, Response), isinstance(request, Request), error) == (
        True,
        True,
        None,
    )
    assert seen["names"][1].keys() == {"request", "error"}
    assert (len(seen["all"][0]), seen["all"][1]) == (3, {})


@pytest.mark.parametrize(
    "function",
    [
        lambda self, *, user: None,
        lambda self, request, *, user, response=None: None,
    ],
)
def test_an_argument_that_the_hook_lacks_is_refused_at_set_up(
    make_app: Callable[..., Flasgo], function: Any
) -> None:
    with pytest.raises(PluginError, match=r"asks for 'user'.*take only these: request, response"):
        make_app(plugin("p", request_finished=function))


def test_the_arguments_of_a_component_are_checked_too(make_app: Callable[..., Flasgo]) -> None:
    part = plugin("part", authorize=lambda self, *, user: None)

    def plugin_setup(self: object, registry: Any) -> None:
        registry.component("part", part)

    with pytest.raises(PluginError, match=r"'p.part'.*asks for 'user'"):
        make_app(plugin("p", plugin_setup=plugin_setup))


# --- Declarations that come too late -----------------------------------------------------------

LATE = {
    "setting": lambda r: r.setting("LATE", int, default=1),
    "option": lambda r: r.option("late"),
    "app_method": lambda r: r.app_method("late", print),
    "app_property": lambda r: r.app_property("late", int),
    "request_attribute": lambda r: r.request_attribute("late", str),
    "enforces": lambda r: r.enforces(type("P", (), {})),
    "hookspecs": lambda r: r.hookspecs(LATE),
    "role": lambda r: r.role("trusted_host", str),
}


@pytest.mark.parametrize("method", LATE)
@pytest.mark.parametrize("when", ["app_created", "later"])
def test_what_is_declared_after_set_up_is_refused(
    make_app: Callable[..., Flasgo], method: str, when: str
) -> None:
    kept: list[Any] = []

    def plugin_setup(self: object, registry: Any) -> None:
        kept.append(registry)

    def app_created(self: object) -> None:
        if when == "app_created":
            LATE[method](kept[0])

    def make() -> None:
        make_app(plugin("p", plugin_setup=plugin_setup, app_created=app_created))
        LATE[method](kept[0])

    with pytest.raises(PluginError, match=rf"'p': registry.{method} is called too late.*plugin_se"):
        make()


def test_components_come_until_the_app_is_created(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    class P:
        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            self.registry = registry

        @hookimpl
        def app_created(self) -> None:
            self.registry.component("one", plugin("one", response_finalize=header))

    def header(self: object, response: Response) -> None:
        response.headers["x-one"] = "1"

    given = P()
    app = make_app(given)
    assert connect(app).get("/").headers["x-one"] == "1"
    with pytest.raises(PluginError, match="call it in plugin_setup or app_created"):
        given.registry.component("two", plugin("two", response_finalize=header))


# --- Settings whose own functions fail ---------------------------------------------------------


def raising(*_: object) -> Any:
    raise LookupError("no table")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"default": 1, "check": raising}, "the check= of its setting ODD failed: LookupError"),
        (
            {"default": 1, "check": lambda value: True},
            ".*it returned bool, not a sentence",
        ),
        ({"default_factory": raising}, "the default_factory= of its setting ODD failed"),
    ],
)
def test_a_function_of_a_setting_that_fails_names_the_plugin(
    make_app: Callable[..., Flasgo], options: dict[str, Any], told: str
) -> None:
    def plugin_setup(self: object, registry: Any) -> None:
        registry.setting("ODD", int, **options)

    settings = {} if "default_factory" in options else {"ODD": 2}
    with pytest.raises(PluginError, match=f"Plugin 'p': {told}") as caught:
        make_app(plugin("p", plugin_setup=plugin_setup), settings=settings)
    assert caught.value.plugin == "p"


def test_a_secret_is_not_in_the_error_of_its_check(make_app: Callable[..., Flasgo]) -> None:
    def check(value: object) -> str:
        raise ValueError(f"cannot parse {value}")

    def plugin_setup(self: object, registry: Any) -> None:
        registry.setting("ODD", str, default="", secret=True, check=check)

    with pytest.raises(PluginError) as caught:
        make_app(plugin("p", plugin_setup=plugin_setup), settings={"ODD": "hunter2"})
    assert "hunter2" not in str(caught.value)


# --- Names in before= and after= ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"before": "gaurd"}, "the before= of authorize names 'gaurd'"),
        ({"after": ("absent-one", "secuirty")}, "names 'secuirty', and no plugin has that name. D"),
    ],
)
def test_a_name_that_looks_mistyped_is_warned_of(
    make_app: Callable[..., Flasgo],
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
    told: str,
) -> None:
    mistyped = hookimpl(**options)(lambda self: None)
    make_app(plugin("p", authorize=mistyped), plugin("guard", authorize=nothing))
    [text] = [r.getMessage() for r in caplog.records if r.name == "flasgo.plugins"]
    assert told in text


def test_names_of_plugins_that_are_absent_are_fine(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "flasgo.plugins")
    names = ("auth", "security.hosts", "guard.later", "xylophone")
    fine = hookimpl(before=names)(lambda self: None)
    make_app(plugin("p", authorize=fine), plugin("guard", authorize=nothing))
    assert [r for r in caplog.records if r.name == "flasgo.plugins"] == []


# --- Hooks that plugins publish ----------------------------------------------------------------


class Specs:
    """A published hook."""

    @hookspec
    def rate(self, request: Any) -> int:
        """Rate a request."""
        raise NotImplementedError


class Publisher:
    name = "publisher"

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.hookspecs(Specs)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.rates = app.plugins.hook_callables("rate")

    @hookimpl
    async def request_started(self, request: Request) -> None:
        for rate in self.rates:
            result = rate(request)
            if hasattr(result, "__await__"):
                await result  # ty: ignore[invalid-await]


def fails(self: object, request: object) -> int:
    raise ZeroDivisionError("rate")


async def fails_async(self: object) -> int:
    raise ZeroDivisionError("rate")


@pytest.mark.parametrize("function", [fails, fails_async])
def test_an_error_in_a_published_hook_is_that_of_its_implementer(
    make_app: Callable[..., Flasgo], connect: Connect, function: Any
) -> None:
    app = make_app(Publisher(), plugin("culprit", rate=function))
    app.add_route("/", lambda: "x", endpoint="index")
    error = connect(app).get("/").extensions["exception"]
    assert isinstance(error, HookError)
    assert (error.plugin, error.hook) == ("culprit", "rate")
    assert "Plugin 'culprit' failed in rate: ZeroDivisionError: rate" in str(error)


def test_an_error_of_the_publisher_stays_its_own(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(Publisher(), plugin("fine", rate=lambda self: 1))
    app.plugins.manager.get_plugin("publisher").rates = (1,)  # ty: ignore[invalid-assignment]
    error = connect(app).get("/").extensions["exception"]
    assert (error.plugin, error.hook) == ("publisher", "request_started")


@pytest.mark.parametrize("hook", ["app_created", "app_startup"])
def test_so_is_one_while_the_app_is_put_together(
    make_app: Callable[..., Flasgo], connect: Connect, hook: str
) -> None:
    def call(self: object, app: Flasgo) -> None:
        app.plugins.hook_callables("rate")[0](None)

    def plugin_setup(self: object, registry: Any) -> None:
        registry.hookspecs(Specs)

    def start() -> None:
        publisher = plugin("publisher", plugin_setup=plugin_setup, **{hook: call})
        with connect(make_app(publisher, plugin("culprit", rate=fails))):
            pass

    with pytest.raises(Exception, match="Plugin 'culprit' failed in rate: ZeroDivisionError"):
        start()


# --- Plugins that join while the app serves ----------------------------------------------------


def database(ran: list[str], *, is_async: bool = True, fails: bool = False) -> Any:
    async def app_startup(self: object) -> None:
        ran.append("startup")
        if fails:
            raise OSError("refused")

    async def app_shutdown(self: object) -> None:
        ran.append("shutdown")

    def sync_startup(self: object) -> None:
        ran.append("startup")

    return plugin(
        "db", app_startup=app_startup if is_async else sync_startup, app_shutdown=app_shutdown
    )


@pytest.mark.parametrize("is_async", [False, True])
def test_a_late_plugin_is_started_and_stopped(
    make_app: Callable[..., Flasgo], connect: Connect, *, is_async: bool
) -> None:
    ran: list[str] = []
    app = make_app()
    with connect(app):
        app.plugins.register(database(ran, is_async=is_async))
        assert ran == ["startup"]
    assert ran == ["startup", "shutdown"]
    with connect(app):  # it starts with the others from now on
        assert ran == ["startup", "shutdown", "startup"]


def test_a_late_plugin_that_does_not_start_is_taken_out_again(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    ran: list[str] = []
    app = make_app()
    with connect(app) as client:
        with pytest.raises(PluginError, match="'db' failed in app_startup: OSError: refused"):
            app.plugins.register(database(ran, fails=True))
        assert "db" not in app.plugins
        assert client.get("/").status_code == 404
        app.plugins.register(database(ran))
    assert ran == ["startup", "startup", "shutdown"]


def test_in_the_thread_of_the_loop_it_is_awaited(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    ran: list[str] = []
    app = make_app()

    @app.get("/sync")
    async def blocking() -> str:
        with pytest.raises(PluginError, match=r"await app\.plugins\.register_async"):
            app.plugins.register(database(ran))
        return "refused"

    @app.get("/async")
    async def awaiting() -> str:
        await app.plugins.register_async(database(ran))
        return "joined"

    with connect(app) as client:
        assert client.get("/sync").text == "refused"
        assert ("db" in app.plugins, ran) == (False, [])
        assert client.get("/async").text == "joined"
    assert ran == ["startup", "shutdown"]


def test_its_lifespan_functions_start_with_it(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    ran: list[str] = []

    async def around() -> Any:
        ran.append("up")
        yield {"pool": "late"}
        ran.append("down")

    def app_created(self: object, app: Flasgo) -> None:
        app.lifespan(around)

    app = make_app()
    app.add_route("/", lambda request: request.state.pool, endpoint="index")
    with connect(app) as client:
        app.plugins.register(plugin("p", app_created=app_created))
        assert client.get("/").text == "late"
    assert ran == ["up", "down"]


# --- One instance in two apps ------------------------------------------------------------------


def test_an_instance_that_knows_its_app_serves_no_other(make_app: Callable[..., Flasgo]) -> None:
    given = plugin("p", app_created=nothing)
    first = make_app(given)
    with pytest.raises(PluginError, match="this very instance belongs to another app"):
        make_app(given)
    assert "p" in first.plugins
    assert "p" in make_app(type(given)).plugins
    del first
    gc.collect()
    assert "p" in make_app(given).plugins


def test_an_instance_of_request_hooks_alone_serves_all(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    given = plugin("p", request_started=lambda self, request: Response.text(request.app.name))
    for app in (make_app(given), make_app(given)):
        assert connect(app).get("/").text == app.name


# --- Requests that reach no endpoint -----------------------------------------------------------


def test_their_route_is_not_that_of_the_start_page(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[tuple[str, bool]] = []

    def request_finished(self: object, request: Request) -> None:
        assert request.route is not None
        seen.append((request.route.path, bool(request.route.methods)))

    app = make_app(plugin("p", request_finished=request_finished))
    app.add_route("/", lambda: "x", endpoint="index")
    for path in ("/", "/nowhere"):
        connect(app).get(path)
    assert seen == [("/", True), ("(unmatched)", False)]
