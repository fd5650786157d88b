"""ERG-5: classes as handlers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from flasgo import Blueprint, Flasgo, MethodView, RouteError, View, attach_policy, request
from flasgo.plugin import Policy
from msgspec import Struct

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]


class Item(Struct):
    """What an item is."""

    name: str


class Items(MethodView):
    """Binds, is async and `def`, and keeps something of a request on itself."""

    def __init__(self, store: dict[int, str] | None = None) -> None:
        self.store = {1: "one"} if store is None else store
        self.seen = 0

    async def get(self, number: int, upper: bool = False) -> dict[str, object]:
        """Read an item."""
        self.seen += 1
        name = self.store[number]
        return {"name": name.upper() if upper else name, "seen": self.seen}

    def put(self, number: int, item: Item) -> dict[str, object]:
        self.store[number] = item.name
        return {"number": number, "name": item.name}


def test_each_method_is_a_handler_with_binding_and_openapi(
    make_app: MakeApp, connect: Connect
) -> None:
    app = make_app()
    app.add_route("/items/<int:number>", Items)
    client = connect(app)
    for _ in range(2):  # an instance for each request
        assert client.get("/items/1?upper=on").json() == {"name": "ONE", "seen": 1}
    assert client.put("/items/2", json={"name": "two"}).json() == {"number": 2, "name": "two"}
    assert client.head("/items/1").status_code == 200
    answer = client.post("/items/1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    assert client.put("/items/2", json={"name": 7}).status_code == 422
    assert app.url_for("Items", number=3) == "/items/3"
    document = app.openapi_spec()["paths"]["/items/{number}"]
    assert set(document) == {"get", "put"}
    assert document["get"]["summary"] == "Read an item."
    assert [p["name"] for p in document["get"]["parameters"]] == ["number", "upper"]
    assert "requestBody" in document["put"]
    assert "requestBody" not in document["get"]
    names = [document[method]["operationId"] for method in document]
    assert len({*names}) == len(names)


@pytest.mark.parametrize("on_blueprint", [False, True])
def test_as_view_as_flask_spells_it(
    make_app: MakeApp, connect: Connect, on_blueprint: bool
) -> None:
    app, store = make_app(), {7: "seven"}
    scope = Blueprint("scope") if on_blueprint else app
    view = Items.as_view("item", store)
    scope.add_url_rule("/items/<int:number>", view_func=view)
    scope.add_url_rule("/first", view_func=view, defaults={"number": 7}, methods=["GET"])

    class Page(View):
        methods: ClassVar = ["GET", "POST"]
        init_every_request = False

        def __init__(self, template: str) -> None:
            self.template = template

        def dispatch_request(self, name: str) -> str:
            return f"{request.method} {self.template} {name} {id(self)}"

    scope.add_url_rule("/pages/<name>", view_func=Page.as_view("page", template="t"))
    if isinstance(scope, Blueprint):
        app.register_blueprint(scope)
    client = connect(app)
    assert client.get("/items/7").json()["name"] == "seven"
    assert client.put("/items/8", json={"name": "eight"}).status_code == 200
    assert store[8] == "eight"
    assert client.get("/first").json()["name"] == "seven"
    assert client.put("/first", json={"name": "x"}).status_code == 405
    first, second = client.get("/pages/a").text, client.post("/pages/a").text
    assert first.split()[:3] == ["GET", "t", "a"]
    assert first.split()[3] == second.split()[3]
    prefix = "scope." if on_blueprint else ""
    assert app.url_for(f"{prefix}item", number=1) == "/items/1"
    assert app.url_for(f"{prefix}page", name="x") == "/pages/x"


def test_the_decorator_of_routes_takes_a_class(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.route("/a")
    class Own(MethodView):
        async def get(self) -> str:
            return "got"

        async def options(self) -> str:
            return "mine"

    client = connect(app)
    assert client.get("/a").text == "got"
    assert client.options("/a").text == "mine"
    assert isinstance(Own, type)


# --- Policies -------------------------------------------------------------------------------


def test_policies_hold_for_one_method_or_for_all(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    class Guarded(MethodView):
        async def get(self) -> str:
            return "open"

        @app.authorize()
        async def post(self) -> str:
            return "closed"

    class Decorated(MethodView):
        decorators: ClassVar = [app.authorize()]

        async def get(self) -> str:
            return "closed"

    given, on_view, late = (Guarded.as_view(name) for name in ("given", "on_view", "late"))
    app.add_route("/one", Guarded)
    app.add_route("/all", Decorated)
    app.add_route("/given", given, policies=app.authorize()(lambda: "x").__flasgo_policies__)  # ty: ignore[missing-attribute]
    app.add_route("/on_view", app.authorize()(on_view))
    app.add_route("/late", late)
    client = connect(app)
    assert client.get("/one").text == "open"
    assert client.get("/late").text == "open"
    app.authorize()(late)
    for method, path in (
        ("POST", "/one"),
        ("GET", "/all"),
        ("GET", "/given"),
        ("GET", "/on_view"),
        ("GET", "/late"),
    ):
        assert client.request(method, path).status_code == 401, path


def test_policies_on_a_view_of_a_blueprint(make_app: MakeApp, connect: Connect) -> None:
    app, blueprint = make_app(), Blueprint("scope", "/scope")
    view = Items.as_view("items")
    blueprint.add_route("/<int:number>", view)
    app.register_blueprint(blueprint)
    client = connect(app)
    assert client.get("/scope/1").status_code == 200
    app.authorize()(view)
    assert client.get("/scope/1").status_code == 401


def test_a_policy_on_the_class_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="in the class body"):
        attach_policy(Items, Policy())


# --- Decorated and refused ------------------------------------------------------------------


def test_a_function_around_a_view(make_app: MakeApp, connect: Connect) -> None:
    app, calls = make_app(), []

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            calls.append(kwargs)
            return function(*args, **kwargs)

        return wrapper

    class Shown(MethodView):
        def get(self, number: int) -> str:
            return f"got {number}"

        def post(self, number: int) -> str:
            return f"posted {number}"

    app.add_url_rule("/<int:number>", view_func=counted(Shown.as_view("shown")))
    client = connect(app)
    assert client.get("/7").text == "got 7"
    assert client.post("/7").text == "posted 7"
    assert calls == [{"number": 7}] * 2


def test_a_function_around_a_view_never_hides_its_policies(
    make_app: MakeApp, connect: Connect
) -> None:
    app = make_app()

    class Guarded(MethodView):
        @app.authorize()
        def get(self) -> str:
            return "closed"

    class Plain(MethodView):
        def get(self) -> str:
            return "closed"

    for number, view in enumerate((Guarded.as_view("a"), app.authorize()(Plain.as_view("b")))):

        @functools.wraps(view)
        def around(view: Any = view, **arguments: Any) -> Any:
            return view(**arguments)

        around.__dict__.pop("__wrapped__")
        around.__signature__ = inspect.Signature()  # ty: ignore[missing-attribute]
        app.add_route(f"/{number}", around, endpoint=str(number))
    client = connect(app)
    assert [client.get(f"/{number}").status_code for number in (0, 1)] == [500, 500]


def test_views_that_answer_nothing_are_refused(make_app: MakeApp) -> None:
    class Nothing(MethodView):
        pass

    app = make_app()
    for view in (Nothing, View):
        with pytest.raises(RouteError, match="no method that answers"):
            app.add_route("/x", view)
    with pytest.raises(RouteError, match="does not answer DELETE"):
        app.add_route("/<int:number>", Items, methods=["GET", "DELETE"])

    class Other(MethodView):
        def get(self) -> str:
            return "x"

    app.add_route("/a", Items.as_view("name"), defaults={"number": 1})
    with pytest.raises(RouteError, match="name"):
        app.add_route("/b", Other.as_view("name"), endpoint="name")
