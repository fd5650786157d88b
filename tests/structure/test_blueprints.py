"""CORE-8: blueprints: prefixes, names, callbacks, error handlers and policies that add up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flasgo import (
    Blueprint,
    ConfigurationError,
    Flasgo,
    HTTPException,
    Request,
    Response,
    RouteError,
    UnenforcedPolicyError,
    WebSocket,
    attach_policy,
)
from flasgo_auth import AuthPlugin, HasScope, User, authorize
from flasgo_testing import TestClient

from .conftest import Named, Witness


def family() -> tuple[Blueprint, Blueprint]:
    """A blueprint with another one inside, each with a page that says who it is."""
    outer, inner = Blueprint("outer", "/outer"), Blueprint("inner", "/inner")

    @outer.get("/page")
    def page() -> str:
        return "outer"

    @inner.get("/page/<int:number>", endpoint="page")
    def inner_page(number: int) -> str:
        return f"inner {number}"

    outer.register_blueprint(inner)
    return outer, inner


def test_prefixes_and_names_are_put_together(app: Flasgo, client: TestClient) -> None:
    outer, _ = family()
    app.register_blueprint(outer)

    assert client.get("/outer/page").text == "outer"
    assert client.get("/outer/inner/page/3").text == "inner 3"
    assert [(route.endpoint, route.blueprint) for route in app.routes] == [
        ("outer.page", "outer"),
        ("outer.inner.page", "outer.inner"),
    ]


def test_an_empty_path_is_the_prefix_itself(app: Flasgo, client: TestClient) -> None:
    notes = Blueprint("notes", "/notes/")
    notes.add_route("", lambda: "all")
    notes.add_route("/", lambda: "with slash", endpoint="slash")
    bare = Blueprint("bare")
    bare.add_route("", lambda: "root")
    app.register_blueprint(notes)
    app.register_blueprint(bare)

    assert client.get("/notes").text == "all"
    assert client.get("/notes/").text == "with slash"
    assert client.get("/").text == "root"


def test_a_prefix_may_have_parameters(app: Flasgo, client: TestClient) -> None:
    tenants = Blueprint("tenants", "/t/<tenant>")

    @tenants.get("/users/<int:user>")
    def show(tenant: str, user: int) -> str:
        return f"{tenant} {user}"

    app.register_blueprint(tenants)

    assert client.get("/t/acme/users/7").text == "acme 7"


def test_every_method_and_websockets(app: Flasgo, client: TestClient) -> None:
    things = Blueprint("things", "/things")
    for method in ("get", "post", "put", "patch", "delete"):
        getattr(things, method)("/it", endpoint=method)(lambda request: request.method)
    app.register_blueprint(things)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/things/it").text == method
    assert client.head("/things/it").status_code == 200
    assert client.options("/things/it").headers["allow"] == (
        "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    )


def test_websockets_live_in_blueprints_too(app: Flasgo, client: TestClient) -> None:
    outer, inner = family()
    trace: list[str] = []
    outer.before_request(lambda: trace.append("outer"))
    inner.before_request(lambda: trace.append("inner"))

    @inner.websocket("/echo/<word>")
    async def echo(websocket: WebSocket, word: str) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(f"{word} {text}")

    app.register_blueprint(outer)
    with client.websocket_connect("/outer/inner/echo/say") as websocket:
        for text in ("one", "two"):
            websocket.send_text(text)
            assert websocket.receive_text() == f"say {text}"
    assert trace == ["outer", "inner"]


def test_one_blueprint_under_two_names(app: Flasgo, client: TestClient) -> None:
    outer, _ = family()
    app.register_blueprint(outer)
    app.register_blueprint(outer, name="again", prefix="/again")

    assert client.get("/outer/inner/page/1").text == "inner 1"
    assert client.get("/again/inner/page/1").text == "inner 1"
    assert app.url_for("again.inner.page", number=2) == "/again/inner/page/2"
    assert app.url_for("outer.inner.page", number=2) == "/outer/inner/page/2"


def test_one_blueprint_in_two_apps(make_app: Callable[..., Flasgo]) -> None:
    outer, _ = family()
    for _ in range(2):
        app = make_app()
        app.register_blueprint(outer)
        assert TestClient(app).get("/outer/page").text == "outer"


# --- Callbacks ------------------------------------------------------------------------------


def note_everything(scope: Flasgo | Blueprint, name: str, trace: list[str]) -> None:
    for number in (1, 2):

        def before(*, number: int = number) -> None:
            trace.append(f"{name} before {number}")

        def after(response: Response, *, number: int = number) -> None:
            trace.append(f"{name} after {number}")

        def teardown(error: object = None, *, number: int = number) -> None:
            trace.append(f"{name} teardown {number}")

        scope.before_request(before)
        scope.after_request(after)
        scope.teardown_request(teardown)


def test_callbacks_go_in_from_the_app_and_out_again(app: Flasgo, client: TestClient) -> None:
    trace: list[str] = []
    outer, inner = family()
    note_everything(inner, "inner", trace)
    note_everything(outer, "outer", trace)
    note_everything(app, "app", trace)
    app.register_blueprint(outer)

    client.get("/outer/inner/page/1")

    way_in = [f"{name} before {n}" for name in ("app", "outer", "inner") for n in (1, 2)]
    names = ("inner", "outer", "app")
    way_out = [
        f"{name} {step} {n}" for step in ("after", "teardown") for name in names for n in (2, 1)
    ]
    assert trace == [*way_in, *way_out]


def test_callbacks_of_a_blueprint_are_for_its_routes_only(app: Flasgo, client: TestClient) -> None:
    trace: list[str] = []
    outer, inner = family()
    note_everything(inner, "inner", trace)
    app.register_blueprint(outer)
    app.add_route("/plain", lambda: "plain")

    client.get("/plain")
    client.get("/outer/page")
    client.get("/outer/inner/nothing-here")

    assert trace == []


def test_a_callback_added_after_the_first_request_counts(app: Flasgo, client: TestClient) -> None:
    outer, _ = family()
    app.register_blueprint(outer)
    assert client.get("/outer/page").status_code == 200

    outer.before_request(lambda: ("closed", 503))

    assert client.get("/outer/page").status_code == 503
    assert client.get("/outer/inner/page/1").status_code == 503


def test_error_handlers_from_the_inside_out(app: Flasgo, client: TestClient) -> None:
    outer, inner = family()

    @inner.get("/fail/<kind>")
    def fail(kind: str) -> str:
        raise {
            "key": KeyError("k"),
            "value": ValueError("v"),
            "zero": ZeroDivisionError(),
            "gone": HTTPException(410),
            "teapot": HTTPException(418),
        }[kind]

    inner.errorhandler(LookupError)(lambda error: ("inner lookup", 400))
    inner.errorhandler(410)(lambda error: "inner 410")
    outer.errorhandler(ValueError)(lambda error: ("outer value", 400))
    outer.errorhandler(418)(lambda error: "outer 418")
    app.errorhandler(KeyError)(lambda error: ("app key", 400))
    app.errorhandler(410)(lambda error: "app 410")
    app.errorhandler(500)(lambda error: "app 500")
    app.register_blueprint(outer)
    app.add_route("/gone", lambda: (_ for _ in ()).throw(HTTPException(410)))

    answers = {
        kind: client.get(f"/outer/inner/fail/{kind}").text
        for kind in ("key", "value", "zero", "gone", "teapot")
    }

    assert answers == {
        "key": "inner lookup",  # an inner handler of a base class is nearer than the app's own
        "value": "outer value",
        "zero": "app 500",
        "gone": "inner 410",
        "teapot": "outer 418",
    }


def test_a_denial_by_a_hook_reaches_the_blueprints_error_handler(
    app: Flasgo, client: TestClient
) -> None:
    outer, _ = family()
    outer.errorhandler(403)(lambda error: "not here")

    @outer.before_request
    def deny() -> None:
        raise HTTPException(403)

    app.register_blueprint(outer)
    answer = client.get("/outer/inner/page/1")

    assert (answer.status_code, answer.text) == (403, "not here")


# --- Policies -------------------------------------------------------------------------------


def test_policies_add_up(app: Flasgo, client: TestClient, witness: Witness) -> None:
    inner = Blueprint("inner", "/inner", policies=[Named("inner")])
    outer = Blueprint("outer", "/outer")
    attach_policy(outer, Named("outer"))
    attach_policy(app, Named("app"))

    @inner.get("/page", policies=[Named("route")])
    def page() -> str:
        return "page"

    attach_policy(page, Named("handler"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.add_route("/plain", lambda: "plain")
    client.get("/outer/inner/page")
    client.get("/plain")

    assert witness.seen == [("app", "outer", "inner", "route", "handler"), ("app",)]


def test_a_policy_attached_after_the_first_request_counts(
    app: Flasgo, client: TestClient, witness: Witness
) -> None:
    outer, inner = family()
    app.register_blueprint(outer)
    client.get("/outer/inner/page/1")
    attach_policy(inner, Named("late"))
    client.get("/outer/inner/page/1")
    client.get("/outer/page")

    assert witness.seen == [(), ("late",), ()]


@pytest.mark.parametrize("scope", ["blueprint", "app"])
def test_a_policy_nobody_enforces_stops_the_app(
    make_app: Callable[..., Flasgo], scope: str
) -> None:
    app, (outer, _) = make_app(), family()
    attach_policy(outer if scope == "blueprint" else app, Named("nobody"))
    app.register_blueprint(outer)

    with pytest.raises(UnenforcedPolicyError, match="Named"):
        app._compile()


def test_authorize_decorates_a_blueprint(make_app: Callable[..., Flasgo]) -> None:
    auth = AuthPlugin()
    app = make_app(auth)
    auth.register_auth_backend(
        "header",
        lambda request: User(id="ann", scopes=frozenset({request.headers.get("x-scope", "none")})),
    )
    admin = Blueprint("admin", "/admin")
    admin.add_route("/users", lambda request: request.user.id, endpoint="users")
    assert authorize(HasScope("admin"))(admin) is admin
    app.register_blueprint(admin)
    app.add_route("/open", lambda: "open")
    client = TestClient(app)

    assert client.get("/open").status_code == 200
    assert client.get("/admin/users").status_code == 403
    assert client.get("/admin/users", headers={"x-scope": "admin"}).text == "ann"


# --- Refusals -------------------------------------------------------------------------------


def test_registration_is_all_or_nothing(app: Flasgo, client: TestClient) -> None:
    outer, inner = family()
    inner.add_route("/<missing:it>", lambda it: "never")
    app.add_route("/before", lambda: "before")

    with pytest.raises(RouteError, match="missing"):
        app.register_blueprint(outer)

    assert [route.path for route in app.routes] == ["/before"]
    assert client.get("/outer/page").status_code == 404
    assert client.get("/before").text == "before"
    app.register_blueprint(family()[0])
    assert client.get("/outer/page").text == "outer"


def test_a_clash_with_the_apps_own_routes_leaves_nothing_behind(
    app: Flasgo, client: TestClient
) -> None:
    app.add_route("/outer/inner/page/<int:n>", lambda n: f"app {n}")
    client.get("/outer/page")  # the app serves already

    with pytest.raises(RouteError, match="matches the same paths"):
        app.register_blueprint(family()[0])

    assert client.get("/outer/page").status_code == 404
    assert client.get("/outer/inner/page/1").text == "app 1"
    assert len(app.routes) == 1


def test_a_handler_that_cannot_be_bound_is_refused_before_anything_is_taken(app: Flasgo) -> None:
    odd = Blueprint("odd", "/odd")
    odd.add_route("/fine", lambda: "fine")
    odd.add_route("/<name>", lambda: "takes no name", endpoint="bad")

    with pytest.raises(RouteError, match="name"):
        app.register_blueprint(odd)

    assert app.routes == ()


def test_a_name_is_taken_once(app: Flasgo) -> None:
    outer, _ = family()
    app.register_blueprint(outer)

    with pytest.raises(ConfigurationError, match=r"This blueprint is registered as 'outer'.*name="):
        app.register_blueprint(outer, prefix="/elsewhere")
    with pytest.raises(ConfigurationError, match="registered as 'outer' already"):
        app.register_blueprint(Blueprint("outer", "/other"))

    assert len(app.routes) == 2


def test_two_children_of_one_name_are_refused() -> None:
    outer, _ = family()
    with pytest.raises(ConfigurationError, match=r"registered as 'outer\.inner'"):
        outer.register_blueprint(Blueprint("inner", "/else"))


def test_a_blueprint_cannot_contain_itself() -> None:
    outer, inner = family()
    with pytest.raises(ConfigurationError, match="cannot contain"):
        inner.register_blueprint(outer)
    with pytest.raises(ConfigurationError, match="cannot contain"):
        outer.register_blueprint(outer)


@pytest.mark.parametrize(
    "late",
    [
        lambda bp: bp.add_route("/late", lambda: "late"),
        lambda bp: bp.register_blueprint(Blueprint("late")),
        lambda bp: bp.add_middleware(lambda app: app),
        lambda bp: bp.mount("/late", lambda: None),
    ],
)
def test_what_comes_too_late_is_refused(app: Flasgo, late: Callable[[Blueprint], object]) -> None:
    outer, inner = family()
    app.register_blueprint(outer)

    for blueprint in (outer, inner):
        with pytest.raises(ConfigurationError, match="registered already"):
            late(blueprint)


@pytest.mark.parametrize("name", ["", "a.b", "a-b", "1a", None, 3])
def test_bad_names(name: object) -> None:
    with pytest.raises(ConfigurationError, match="identifier"):
        Blueprint(name)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("prefix", ["notes", "notes/", None, 3])
def test_bad_prefixes(prefix: object) -> None:
    with pytest.raises(ConfigurationError, match="starts with '/'"):
        Blueprint("notes", prefix)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("erorrhandler", "Did you mean 'errorhandler'?"),
        ("authorize", "app.authorize(...)(blueprint)"),
        ("nothing_like_it", "no attribute 'nothing_like_it'."),
    ],
)
def test_what_a_blueprint_does_not_have(name: str, advice: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(Blueprint("bp"), name)
    assert advice in str(caught.value)


def test_bad_parts() -> None:
    notes = Blueprint("notes", "/notes")
    with pytest.raises(RouteError, match="has a dot"):
        notes.add_route("/a", lambda: "", endpoint="a.b")
    with pytest.raises(RouteError, match="starts with '/'"):
        notes.add_route("a", lambda: "", endpoint="a")
    with pytest.raises(ConfigurationError, match="takes a Blueprint"):
        Flasgo(discover=False).register_blueprint("notes")  # ty: ignore[invalid-argument-type]


def test_the_request_knows_its_blueprint(app: Flasgo, client: TestClient) -> None:
    outer, inner = family()

    @inner.get("/whoami")
    def whoami(request: Request) -> str:
        assert request.route is not None
        return str(request.route.blueprint)

    app.register_blueprint(outer)

    assert client.get("/outer/inner/whoami").text == "outer.inner"
