"""What is compiled, when, and how often (DESIGN 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flasgo import Flasgo, PluginError, Policy, Request, Response, Route, has_policy, hookimpl

from tests.asgi import LifespanDriver
from tests.conftest import Connect


@dataclass(frozen=True)
class Marked(Policy):
    """Enforced by `Picky`."""


class Picky:
    """Asks a predicate of its own for every hook."""

    name = "picky"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.called: list[str] = []

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.enforces(Marked)


def picky(*hooks: str, says: Callable[[Route], bool]) -> Picky:
    """Return a plugin whose hooks have `when=` predicates that are counted."""
    plugin = Picky()
    members: dict[str, object] = {}
    for hook in hooks:

        def when(route: Route, hook: str = hook) -> bool:
            plugin.asked.append((hook, route.path))
            return says(route)

        def method(self: Picky, request: Request, hook: str = hook) -> None:
            self.called.append(hook)

        members[hook] = hookimpl(when=when)(method)
    plugin.__class__ = type("Picky", (Picky,), members)
    return plugin


HOOKS = (
    "request_started",
    "authorize",
    "ratelimit_check",
    "response_finalize",
    "request_finished",
)


def test_predicates_are_asked_once_per_endpoint_and_never_by_a_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    plugin = picky(*HOOKS, says=lambda route: route.path == "/yes")
    app = make_app(plugin)
    app.add_route("/yes", lambda: "yes", endpoint="yes")
    app.add_route("/no", lambda: "no", endpoint="no")
    app._compile()
    asked = sorted(plugin.asked)
    endpoints = [(hook, path) for hook in HOOKS for path in ("/yes", "/no")]
    unmatched = [
        (hook, "(unmatched)")
        for hook in ("request_started", "response_finalize", "request_finished")
    ]
    assert asked == sorted([*endpoints, *unmatched])
    client = connect(app)
    for target in ("/yes", "/no", "/nowhere", "/yes"):
        client.get(target)
    assert sorted(plugin.asked) == asked
    assert plugin.called == [*HOOKS, *HOOKS]


def test_outcomes_without_endpoint_have_a_route_without_methods_and_policies(
    make_app: Callable[..., Flasgo],
) -> None:
    seen: list[Route] = []

    def when(route: Route) -> bool:
        seen.append(route)
        return False

    class Plugin:
        @hookimpl(when=when)
        def request_started(self, request: Request) -> None: ...

    make_app(Plugin())._compile()
    assert [(route.methods, route.policies) for route in seen] == [(frozenset(), ())]
    assert has_policy(Marked)(seen[0]) is False


@pytest.mark.parametrize("hook", HOOKS)
async def test_a_predicate_that_fails_stops_the_start_up(
    make_app: Callable[..., Flasgo], connect: Connect, hook: str
) -> None:
    def fail(route: Route) -> bool:
        raise LookupError("no such thing")

    app = make_app(picky(hook, says=fail))
    app.add_route("/", lambda: "x", endpoint="index")
    message = await LifespanDriver(app).start()
    assert message["type"] == "lifespan.startup.failed"
    for named in ("picky", hook, "when=", "LookupError"):
        assert named in message["message"]
    with pytest.raises(PluginError) as caught:
        await connect(app, raise_server_exceptions=True).aget("/")
    assert caught.value.plugin == "picky"
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_hook_may_take_fewer_arguments(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    seen: list[object] = []

    class Lean:
        @hookimpl
        def request_started(self) -> None:
            seen.append("started")

        @hookimpl
        async def authorize(self) -> None:
            seen.append("authorize")

        @hookimpl
        def response_finalize(self, response: Response) -> None:
            seen.append(response.status_code)

        @hookimpl
        def request_finished(self, error: Exception | None, request: Request) -> None:
            seen.append((error, request.path))

    app = make_app(Lean())
    app.add_route("/x", lambda: "x", endpoint="x")
    connect(app).get("/x")
    assert seen == ["started", "authorize", 200, (None, "/x")]


def test_nothing_is_compiled_twice_without_a_change(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.add_route("/", lambda: "x", endpoint="index")
    first = app._compile()
    connect(app).get("/")
    assert app._compile() is first


CHANGES: dict[str, Callable[[Flasgo], object]] = {
    "before_request": lambda app: app.before_request(lambda: "changed"),
    "after_request": lambda app: app.after_request(lambda response: "changed"),
    "errorhandler": lambda app: app.errorhandler(ZeroDivisionError)(lambda error: "changed"),
    "plugin": lambda app: app.plugins.register(Changing()),
}


class Changing:
    """A plugin that joins late."""

    @hookimpl
    def authorize(self, request: Request) -> Response:
        return Response.text("changed")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_registered_after_the_first_request_counts(
    make_app: Callable[..., Flasgo], connect: Connect, change: Callable[[Flasgo], object]
) -> None:
    app = make_app()

    @app.get("/")
    async def index() -> None:
        raise ZeroDivisionError

    client = connect(app)
    assert client.get("/").status_code == 500
    change(app)
    assert client.get("/").text == "changed"


def test_a_route_added_after_the_first_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(Changing())
    client = connect(app)
    assert client.get("/late").status_code == 404
    app.add_route("/late", lambda: "x", endpoint="late")
    assert client.get("/late").text == "changed"


def test_explain_lists_every_step_with_its_owner(make_app: Callable[..., Flasgo]) -> None:
    class Plugin:
        name = "plugin"

        @hookimpl
        def request_started(self, request: Request) -> None: ...

        @hookimpl
        async def authorize(self, request: Request) -> None: ...

        @hookimpl
        def response_finalize(self, response: Response) -> None: ...

    app = make_app(Plugin())

    @app.before_request
    def before() -> None: ...

    @app.after_request
    def after(response: Response) -> None: ...

    async def handler() -> str:
        return "x"

    route = app.add_route("/", handler)
    steps = app.explain(route)
    assert [(step.stage, step.plugin, step.kind) for step in steps] == [
        ("request_started", "plugin", "sync"),
        ("before_request", "app", "async"),
        ("authorize", "plugin", "async"),
        ("handler", "app", "async"),
        ("error_response", "error_pages", "sync"),
        ("after_request", "app", "async"),
        ("response_finalize", "plugin", "sync"),
    ]
    names = [step.callable.rpartition(".")[2] for step in steps]
    assert names == [
        "request_started",
        "before",
        "authorize",
        "handler",
        "error_response",
        "after",
        "response_finalize",
    ]
