"""What an app, a blueprint, its registration and a route say about a route (ERG-6, ERG-11)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from flasgo import Blueprint, Depends, Flasgo, HTTPException, Request, RouteError
from openapi_spec_validator import validate

from tests.conftest import Connect


class Problem(msgspec.Struct):
    """The app's own error."""

    reason: str


async def show() -> str:
    return "shown"


def test_options_of_all_levels_add_up() -> None:
    app = Flasgo(tags=["app"], responses={500: "Our fault."})
    outer = Blueprint("outer", "/outer", tags=["outer"], responses={404: "Of the outer one."})
    inner = Blueprint("inner", "/inner", tags=["inner", "app"], deprecated=True)
    inner.get("/x", tags=["route"], responses={404: "Of the route."})(show)
    inner.get("/hidden", include_in_schema=False)(show)
    outer.register_blueprint(inner, tags=["registered"], responses={403: None})
    app.register_blueprint(outer, tags=["first"])
    app.get("/plain")(show)
    document = app.openapi_spec()
    validate(document)
    assert set(document["paths"]) == {"/outer/inner/x", "/plain"}
    told = document["paths"]["/outer/inner/x"]["get"]
    assert told["tags"] == ["app", "first", "outer", "registered", "inner", "route"]
    assert told["deprecated"] is True
    described = {status: each["description"] for status, each in told["responses"].items()}
    assert described == {
        "200": "OK",
        "400": described["400"],
        "403": "Forbidden",
        "404": "Of the route.",
        "500": "Our fault.",
    }
    plain = document["paths"]["/plain"]["get"]
    assert (plain["tags"], "deprecated" in plain) == (["app"], False)


@pytest.mark.parametrize("level", ["app", "blueprint", "registration", "route"])
def test_any_level_leaves_routes_out_of_the_document(level: str) -> None:
    hidden: dict[str, Any] = {"include_in_schema": False}
    app = Flasgo(**(hidden if level == "app" else {}))
    blueprint = Blueprint("b", **(hidden if level == "blueprint" else {}))
    blueprint.get("/", include_in_schema=level != "route")(show)
    app.register_blueprint(blueprint, **(hidden if level == "registration" else {}))
    assert app.openapi_spec()["paths"] == {}


def test_dependencies_of_all_levels_are_called_outer_ones_first(connect: Connect) -> None:
    called: list[str] = []

    def noting(name: str) -> Any:
        async def note() -> None:
            called.append(name)

        return Depends(note)

    async def refuse(request: Request) -> None:
        if "x-key" not in request.headers:
            raise HTTPException(401)

    app = Flasgo(dependencies=[Depends(refuse), noting("app")])
    blueprint = Blueprint("b", dependencies=[noting("blueprint")])
    blueprint.get("/", dependencies=[noting("route")])(show)
    app.register_blueprint(blueprint, dependencies=[noting("registration")])
    app.get("/plain")(show)
    client = connect(app)
    assert client.get("/").status_code == 401
    assert called == []
    assert client.get("/", headers={"x-key": "k"}).text == "shown"
    assert called == ["app", "registration", "blueprint", "route"]
    assert client.get("/plain").status_code == 401
    with pytest.raises(RouteError, match="has dependencies, and none is called for mounted apps"):
        app.mount("/other", Flasgo())


def test_responses_as_openapi_has_them() -> None:
    app = Flasgo()
    header = {"schema": {"type": "integer"}}
    responses: dict[int | str, Any] = {
        404: {"model": Problem, "description": "Not there."},
        409: {"model": list[Problem], "headers": {"retry-after": header}},
        418: {"content": {"text/plain": {"schema": {"type": "string"}}}, "x-tea": True},
        "4XX": {"model": Problem},
        "default": "Anything else.",
        410: Problem,
    }
    app.get("/", responses=responses)(show)
    document = app.openapi_spec()
    validate(document)
    told = document["paths"]["/"]["get"]["responses"]
    reference = {"$ref": "#/components/schemas/Problem"}
    assert told["404"] == {
        "description": "Not there.",
        "content": {"application/json": {"schema": reference}},
    }
    assert told["409"]["content"]["application/json"]["schema"]["items"] == reference
    assert told["409"]["headers"] == {"retry-after": header}
    assert set(told["418"]["content"]) == {"text/plain"}
    assert told["418"]["x-tea"] is True
    assert told["4XX"]["content"]["application/json"]["schema"] == reference
    assert told["default"]["description"] == "Anything else."
    assert told["410"]["content"]["application/json"]["schema"] == reference


def test_names_of_routes_and_operations(connect: Connect) -> None:
    app = Flasgo()
    blueprint = Blueprint("shop", "/shop")
    blueprint.get("/a", name="first", operation_id="readFirst")(show)
    app.register_blueprint(blueprint)
    app.register_blueprint(blueprint, name="again", prefix="/again")
    app.route("/b", ["GET", "POST"], name="second", operation_id="second-one")(show)
    app.add_route("/c", show, name="third", endpoint="third")
    assert app.url_for("shop.first") == "/shop/a"
    assert app.url_for("second") == "/b"
    assert app.url_for("third") == "/c"
    document = app.openapi_spec()
    validate(document)
    ids = {one["operationId"] for path in document["paths"].values() for one in path.values()}
    assert ids == {"readFirst", "readFirst_2", "second-one_get", "second-one_post", "third"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"responses": {99: "x"}}, "99 is not a status"),
        ({"responses": {"6XX": "x"}}, "'6XX' is not a status"),
        ({"responses": ["x"]}, "is not a mapping"),
        ({"responses": {404: {"modle": Problem}}}, "has 'modle'.*Did you mean 'model'"),
        ({"tags": "one"}, "tags='one' is not a list"),
        ({"dependencies": Depends(show)}, "dependencies=.* is not a list"),
        ({"operation_id": ""}, "operation_id=''"),
        ({"name": "a", "endpoint": "b"}, "the same thing; give one of them"),
        ({"taggs": ["x"]}, "unknown option 'taggs'. Did you mean 'tags'"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_is_said(
    options: dict[str, Any], match: str
) -> None:
    with pytest.raises(RouteError, match=match):
        Flasgo().add_route("/", show, **options)
    shared = {"tags", "responses", "dependencies", "taggs"}
    if options.keys() <= shared:
        with pytest.raises(RouteError, match=match):
            Blueprint("b", **options)
        with pytest.raises(RouteError, match=match):
            Flasgo().register_blueprint(Blueprint("b"), **options)
    if options.keys() <= shared - {"taggs"}:
        with pytest.raises(RouteError, match=match):
            Flasgo(**options)


def test_static_files_are_no_operations(tmp_path: Any) -> None:
    app = Flasgo(static_folder=str(tmp_path))
    assert app.url_for("static", filename="a.css") == "/static/a.css"
    assert app.openapi_spec()["paths"] == {}
