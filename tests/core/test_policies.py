"""Policies: attached anywhere, enforced or the app does not start (DESIGN 4)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from flasgo import (
    Blueprint,
    Depends,
    Flasgo,
    HTTPException,
    Policy,
    Request,
    UnenforcedPolicyError,
    WebSocket,
    attach_policy,
    has_policy,
    hookimpl,
)
from flasgo_testing import WebSocketDeniedError

from tests.asgi import LifespanDriver
from tests.conftest import Connect


@dataclass(frozen=True)
class Locked(Policy):
    """Nobody comes in."""

    reason: str = "closed"

    def explain(self) -> str:
        return f"locked ({self.reason})"


@dataclass(frozen=True)
class DoubleLocked(Locked):
    """A subclass, enforced by the same plugin."""


class Locksmith:
    """Enforces `Locked`, and counts how often its predicate is asked."""

    name = "locksmith"

    def __init__(self) -> None:
        self.asked: list[str] = []

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.enforces(Locked)

    @hookimpl(when=has_policy(Locked))
    def authorize(self, request: Request) -> None:
        raise HTTPException(403, "Locked.")


def locked(handler: Any, reason: str = "closed") -> Any:
    return attach_policy(handler, Locked(reason))


# --- Where policies can be attached ------------------------------------------------------------


def test_above_and_below_the_route_decorator(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(Locksmith())

    @app.get("/below")
    @locked
    async def below() -> str:
        return "in"

    @locked
    @app.get("/above")
    async def above() -> str:
        return "in"

    @app.get("/free")
    async def free() -> str:
        return "in"

    client = connect(app)
    statuses = [client.get(target).status_code for target in ("/below", "/above", "/free")]
    assert statuses == [403, 403, 200]


def test_on_a_function_shared_by_several_routes(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(Locksmith())

    @app.get("/a")
    @locked
    @app.get("/b")
    async def shared() -> str:
        return "in"

    app.add_route("/c", shared, ["POST"])
    client = connect(app)
    for target, method in (("/a", "GET"), ("/b", "GET"), ("/a", "HEAD"), ("/c", "POST")):
        assert client.request(method, target).status_code == 403


def test_of_one_route_alone(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app(Locksmith())

    async def shared() -> str:
        return "in"

    app.add_route("/a", shared, policies=[Locked()])
    app.add_route("/b", shared)
    client = connect(app)
    assert [client.get(target).status_code for target in ("/a", "/b")] == [403, 200]


def test_after_the_first_request(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app(Locksmith())

    @app.get("/")
    async def index() -> str:
        return "in"

    client = connect(app)
    assert client.get("/").status_code == 200
    locked(index)
    assert client.get("/").status_code == 403


def test_on_a_method_after_the_first_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    class Views:
        async def index(self) -> str:
            return "in"

    app = make_app(Locksmith())
    app.add_route("/", Views().index)
    client = connect(app)
    assert client.get("/").status_code == 200
    locked(Views.index)
    assert client.get("/").status_code == 403


@pytest.mark.parametrize("late", [True, False])
def test_on_what_a_partial_or_an_object_calls(
    make_app: Callable[..., Flasgo], connect: Connect, late: bool
) -> None:
    async def show(kind: str) -> str:
        return kind

    class View:
        async def __call__(self) -> str:
            return "object"

    app = make_app(Locksmith())
    if not late:
        locked(show)
        locked(View.__call__)
    app.add_route("/partial", functools.partial(show, kind="partial"))
    app.add_route("/object", View())
    client = connect(app)
    if late:
        for target in ("/partial", "/object"):
            assert client.get(target).status_code == 200
        locked(show)
        locked(View.__call__)
    for target in ("/partial", "/object"):
        assert client.get(target).status_code == 403


def test_on_a_websocket_route(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app(Locksmith())
    reached: list[str] = []

    @app.websocket("/ws")
    @locked
    async def talk(websocket: WebSocket) -> None:
        reached.append("handler")

    with pytest.raises(WebSocketDeniedError), connect(app).websocket_connect("/ws"):
        pass
    assert reached == []


def test_several_of_one_type_add_up(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(Locksmith())

    @app.get("/")
    async def index() -> str:
        return "in"

    locked(locked(index, "inner"), "outer")
    route = app.routes[0]
    assert [policy.reason for policy in route.policies_of(Locked)] == ["outer", "inner"]
    assert route.policy(Locked) == Locked("outer")
    assert [step.reason for step in app.explain(route) if step.stage == "authorize"] == [
        "locked (outer); locked (inner)"
    ]


def test_two_apps_with_one_handler_both_see_a_late_policy(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    async def shared() -> str:
        return "in"

    apps = [make_app(Locksmith()), make_app(Locksmith())]
    clients = [connect(app) for app in apps]
    for app in apps:
        app.add_route("/", shared)
    assert [client.get("/").status_code for client in clients] == [200, 200]
    locked(shared)
    assert [client.get("/").status_code for client in clients] == [403, 403]


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
@pytest.mark.parametrize("late", [True, False])
def test_above_a_static_or_class_method(
    make_app: Callable[..., Flasgo], connect: Connect, kind: Any, late: bool
) -> None:
    async def index(*_: object) -> str:
        return "in"

    wrapped = kind(index)
    views = type("Views", (), {"index": wrapped if late else locked(wrapped)})
    app = make_app(Locksmith())
    app.add_route("/", views.index)
    client = connect(app)
    if late:
        assert client.get("/").status_code == 200
        locked(wrapped)
    assert client.get("/").status_code == 403


def test_a_static_method_that_is_a_handler_inside_its_class(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(Locksmith())

    class Views:
        @app.get("/")
        @locked
        @staticmethod
        async def index() -> str:
            return "in"

    assert connect(app).get("/").status_code == 403


# --- Wrong attachments -------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [Locked, "locked", None, object()])
def test_only_instances_of_policies_are_attached(policy: Any) -> None:
    with pytest.raises(TypeError, match="instance of a Policy subclass"):
        attach_policy(lambda: None, policy)


def test_what_takes_no_attributes_is_refused_with_advice() -> None:
    class Views:
        def index(self) -> str:
            return "in"

    for handler in (Views().index, len):
        with pytest.raises(TypeError, match="Decorate the function itself"):
            attach_policy(handler, Locked("why"))


def test_what_no_route_calls_is_refused() -> None:
    class Views:
        def index(self) -> str:
            return "in"

    # A class is no handler; of one whose instances are, it is the instances' policy.
    partial = functools.partialmethod(Views.index)
    wrong: list[Any] = [Views, property(Views.index), partial, "index"]
    for handler in wrong:
        with pytest.raises(TypeError, match="not what a route calls"):
            attach_policy(handler, Locked("why"))


def test_a_class_of_callable_objects_carries_theirs(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    @locked
    class View:
        async def __call__(self) -> str:
            return "in"

    app = make_app(Locksmith())
    app.add_route("/", View())
    assert connect(app).get("/").status_code == 403


# --- Failing closed ----------------------------------------------------------------------------


def unenforced_app(make_app: Callable[..., Flasgo]) -> Flasgo:
    app = make_app()

    @app.get("/secret/<int:id>", endpoint="secret")
    @locked
    async def secret(id: int) -> str:  # noqa: A002
        return "in"

    return app


def check(error: UnenforcedPolicyError) -> None:
    assert (error.route, error.policy) == ("/secret/<int:id>", "Locked")
    assert error.distribution is None  # this file belongs to none
    for named in ("/secret/<int:id>", "'secret'", "Locked", "registry.enforces(Locked)"):
        assert named in str(error)


async def test_a_policy_that_nobody_enforces_stops_the_start_up(
    make_app: Callable[..., Flasgo],
) -> None:
    message = await LifespanDriver(unenforced_app(make_app)).start()
    assert message["type"] == "lifespan.startup.failed"
    assert message["message"].startswith("UnenforcedPolicyError")
    assert "/secret/<int:id>" in message["message"]


def test_a_policy_that_nobody_enforces_stops_every_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = unenforced_app(make_app)
    app.add_route("/", lambda: "open", endpoint="index")
    client = connect(app, raise_server_exceptions=True)
    for target in ("/secret/1", "/", "/nowhere", "/secret/1"):
        with pytest.raises(UnenforcedPolicyError) as caught:
            client.get(target)
        check(caught.value)
    with pytest.raises(UnenforcedPolicyError), client.websocket_connect("/ws"):
        pass


def test_a_late_policy_that_nobody_enforces_stops_requests_too(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.get("/")
    async def index() -> str:
        return "in"

    client = connect(app, raise_server_exceptions=True)
    assert client.get("/").status_code == 200
    locked(index)
    with pytest.raises(UnenforcedPolicyError):
        client.get("/")


def test_switching_the_enforcer_off_does_not_open_the_door(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(Locksmith(), disable_plugins={"locksmith"})
    app.add_route("/", locked(lambda: "in"), endpoint="index")
    with pytest.raises(UnenforcedPolicyError):
        connect(app, raise_server_exceptions=True).get("/")


def test_a_late_enforcer_opens_the_app(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = unenforced_app(make_app)
    client = connect(app, raise_server_exceptions=True)
    with pytest.raises(UnenforcedPolicyError):
        client.get("/secret/1")
    app.plugins.register(Locksmith())
    assert client.get("/secret/1").status_code == 403


def hiding(handler: Any) -> Any:
    async def inner() -> object:
        return await handler()

    return inner


class Hiding:
    def __init__(self, handler: Any) -> None:
        self.handler = handler

    async def __call__(self) -> object:
        return await self.handler()


def keeping(handler: Any) -> Any:
    return functools.wraps(handler)(hiding(handler))


@pytest.mark.parametrize(
    "decorate",
    [
        hiding,
        Hiding,
        lambda handler: hiding(hiding(handler)),
        lambda handler: functools.partial(hiding(handler)),
        lambda handler: hiding(functools.partial(handler)),
        lambda handler: hiding(keeping(handler)),
        lambda handler: locked(hiding(handler), "another"),
    ],
)
def test_a_policy_that_a_decorator_hides_stops_the_app(
    make_app: Callable[..., Flasgo], connect: Connect, decorate: Callable
) -> None:
    async def secret() -> str:
        return "in"

    app = make_app(Locksmith())
    app.add_route("/secret", decorate(locked(secret)), endpoint="secret")
    with pytest.raises(UnenforcedPolicyError, match=r"functools\.wraps") as caught:
        connect(app, raise_server_exceptions=True).get("/secret")
    assert (caught.value.route, caught.value.policy) == ("/secret", "Locked")
    for named in ("'secret'", "locked (closed)", secret.__qualname__):
        assert named in str(caught.value)


async def signed_in() -> int:
    return 1


async def user_name(user: Annotated[int, Depends(signed_in)]) -> str:
    return f"user {user}"


def test_a_policy_of_a_dependency_stops_the_app(
    make_app: Callable[..., Flasgo], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def index(name: Annotated[str, Depends(user_name)]) -> str:
        return name

    app = make_app(Locksmith())
    app.add_route("/", index)
    assert connect(app).get("/").text == "user 1"
    monkeypatch.setattr(signed_in, "__flasgo_policies__", (Locked(),), raising=False)
    app = make_app(Locksmith())
    app.add_route("/", index)
    with pytest.raises(UnenforcedPolicyError, match="Attach it to the handler, or"):
        connect(app, raise_server_exceptions=True).get("/")


@pytest.mark.parametrize("holder", ["app", "blueprint"])
def test_a_policy_of_a_callback_stops_the_app(
    make_app: Callable[..., Flasgo], connect: Connect, holder: str
) -> None:
    app = make_app(Locksmith())
    blueprint = Blueprint("staff", "/staff")
    blueprint.add_route("/x", lambda: "in", endpoint="x")

    # What protects a whole blueprint elsewhere.
    @(app if holder == "app" else blueprint).before_request
    @locked
    async def require_login() -> None:
        return None

    app.register_blueprint(blueprint)
    with pytest.raises(UnenforcedPolicyError, match="to the blueprint or app") as caught:
        connect(app, raise_server_exceptions=True).get("/staff/x")
    assert "require_login" in str(caught.value)


def test_a_decorator_that_keeps_the_policy_is_none_of_that(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    async def kept() -> str:
        return "in"

    async def above() -> str:
        return "in"

    app = make_app(Locksmith())
    app.add_route("/kept", keeping(locked(kept)), endpoint="kept")
    app.add_route("/above", locked(hiding(above)), endpoint="above")
    client = connect(app)
    for target in ("/kept", "/above"):
        assert client.get(target).status_code == 403


def test_handlers_may_call_those_of_other_routes(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    async def secret() -> str:
        return "in"

    async def open_to_all() -> str:
        return f"they say {await secret()}"

    app = make_app(Locksmith())
    app.add_route("/secret", locked(secret))
    app.add_route("/open", open_to_all)
    client = connect(app)
    assert [client.get(target).status_code for target in ("/secret", "/open")] == [403, 200]


def test_a_subclass_is_enforced_with_its_base(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(Locksmith())
    app.add_route("/", attach_policy(lambda: "in", DoubleLocked()), endpoint="index")
    assert connect(app).get("/").status_code == 403


def test_a_policy_explains_itself() -> None:
    @dataclass(frozen=True)
    class Plain(Policy):
        level: int = 3

    assert "Plain(level=3)" in Plain().explain()
