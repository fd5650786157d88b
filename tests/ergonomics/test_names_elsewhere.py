"""ERG-8: every public name of Flask and FastAPI is here, or has a sentence that says why not.

The names are read from the installed packages, so that one which is new there shows up.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import fastapi
import fastapi.responses
import flasgo
import flask
import pytest
import werkzeug.exceptions
import werkzeug.routing
from flasgo import Blueprint, Flasgo, HTTPException, OptionError, Query, Response, RouteError
from flasgo.advice.names_elsewhere import TABLE, Kind, advice
from flasgo.binding.parameters import _CONSTRAINTS
from flasgo.plugins.blueprint_parts import option_names
from flasgo.routing.operation import OperationOptions, RouteOptions, SharedOptions
from msgspec import Struct

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]

# Names that Starlette imports for itself, or that are not API.
_NOT_API = {"Any", "Protocol", "cast", "deprecated", "orjson", "ujson", "FastAPIDeprecationWarning"}


def public(thing: object) -> set[str]:
    names = {name for name in dir(thing) if not name.startswith("_")}
    if inspect.ismodule(thing):
        return {n for n in names if not inspect.ismodule(getattr(thing, n))} - _NOT_API
    return names


def keywords(function: Any) -> set[str]:
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    } - {"self", "args", "options", "extra"}


class Compared(Struct):
    """What one object or call of theirs is compared with."""

    kind: Kind
    theirs: set[str]
    ours: set[str]


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    app = Flasgo(settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})
    with app.test_request_context("/"):
        request = flasgo.current_request()
        of_request = set(dir(request)) | {
            name for name in app._declarations.request_attributes if hasattr(request, name)
        }
    route = {*RouteOptions.__annotations__, *OperationOptions.__annotations__, "path", "methods"}
    shared = {*SharedOptions.__annotations__}
    blueprint = Blueprint("x")
    return [
        Compared("import", public(flask) | public(fastapi) | public(fastapi.responses), dir_of()),
        Compared("app", public(flask.Flask("x")) | public(fastapi.FastAPI()), set(dir(app))),
        Compared(
            "blueprint",
            public(flask.Blueprint("x", "y")) | public(fastapi.APIRouter()),
            set(dir(blueprint)),
        ),
        Compared("request", public(flask.Request) | public(fastapi.Request), of_request),
        Compared("websocket", public(fastapi.WebSocket), of_request | public(flasgo.WebSocket)),
        Compared(
            "error",
            public(werkzeug.exceptions.NotFound()) | public(fastapi.HTTPException(404)),
            public(flasgo.HTTPException(404)),
        ),
        Compared(
            "response", public(flask.Response) | public(fastapi.Response("x")), set(dir(Response()))
        ),
        Compared(
            "Flasgo",
            keywords(flask.Flask) | keywords(fastapi.FastAPI),
            keywords(Flasgo) | {"static_folder"} | shared,
        ),
        Compared(
            "Blueprint",
            keywords(flask.Blueprint) | keywords(fastapi.APIRouter),
            keywords(Blueprint) | shared | option_names(),
        ),
        Compared(
            "Response",
            keywords(flask.Response) | keywords(fastapi.Response),
            keywords(Response) | {"status", "mimetype", "media_type"},
        ),
        Compared(
            "route",
            keywords(flask.Flask.add_url_rule)
            | keywords(fastapi.FastAPI.get)
            | keywords(werkzeug.routing.Rule),
            route,
        ),
        Compared("marker", keywords(fastapi.Query), keywords(Query) | {*_CONSTRAINTS}),
        Compared("marker", keywords(fastapi.Depends), keywords(flasgo.Depends)),
        Compared("marker", keywords(fastapi.Body), keywords(Query) | {*_CONSTRAINTS}),
    ]


def dir_of() -> set[str]:
    return set(dir(flasgo))


def test_each_name_is_the_same_or_has_a_sentence(compared: list[Compared]) -> None:
    missing = [
        (each.kind, name)
        for each in compared
        for name in sorted(each.theirs - each.ours)
        if advice(each.kind, name) is None
        and (each.kind != "websocket" or advice("request", name) is None)
    ]
    assert missing == [], "add a row to flasgo/advice/names_elsewhere.py for each"


def test_no_sentence_is_about_a_name_that_is_there(compared: list[Compared]) -> None:
    app = Flasgo(settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})
    ours: dict[Kind, set[str]] = {
        "import": dir_of(),
        "app": set(dir(app)),
        "blueprint": set(dir(Blueprint("x"))),
    }
    idle = [
        (kind, name)
        for kind, names in ours.items()
        for name in names
        if advice(kind, name) is not None
    ]
    idle += [
        (each.kind, name)
        for each in compared
        if each.kind
        in {"request", "websocket", "response", "error", "Flasgo", "Blueprint", "route", "marker"}
        for name in sorted(each.ours & each.theirs)
        if advice(each.kind, name) is not None
    ]
    assert idle == []


@pytest.mark.parametrize("kind", TABLE)
def test_rows_are_sentences_and_names_come_once(kind: Kind) -> None:
    names = [name for row in TABLE[kind] for name in row.split()]
    assert len({*names}) == len(names)
    for text in TABLE[kind].values():
        assert re.match(r"[A-Z`]|[a-z_]+[.( =]", text), text
        assert text.endswith("."), text


def _settings_named(texts: Iterable[str]) -> set[str]:
    found = {name for text in texts for name in re.findall(r"\b[A-Z][A-Z_]+_[A-Z_]+\b", text)}
    return {name.removeprefix("FLASGO_") for name in found}


def test_what_the_sentences_name_exists() -> None:
    app = Flasgo(settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})
    texts = [text for rows in TABLE.values() for text in rows.values()]
    assert _settings_named(texts) <= set(app.settings)
    blueprint = Blueprint("x")
    with app.test_request_context("/"):
        request = flasgo.current_request()
        for text in texts:
            for owner, name in re.findall(
                r"\b(app|blueprint|request|response)\.([a-z_]+)", text.replace("await ", "")
            ):
                owners: dict[str, object] = {
                    "app": app,
                    "blueprint": blueprint,
                    "request": request,
                    "response": Response(),
                }
                assert hasattr(owners[owner], name), text


# --- Where they are met ---------------------------------------------------------------------


def of(thing: Any) -> Any:
    """Hide from type checkers what a thing is: they would say the same."""
    return thing


def test_an_import_says_it() -> None:
    with pytest.raises(ImportError, match=r"from 'flasgo'\. The app is called Flasgo\."):
        exec("from flasgo import Flask")
    with pytest.raises(ImportError, match="Did you mean 'TestClient'"):
        exec("from flasgo import TestCLient")
    with pytest.raises(AttributeError, match="Did you mean 'Blueprint'"):
        _ = of(flasgo).Blueprnt
    assert not hasattr(flasgo, "JSONResponse")


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda app: app.include_router, AttributeError, "app.register_blueprint"),
        (lambda app: setattr(app, "secret_key", "x"), AttributeError, "SECRET_KEY"),
        (lambda app: app.teardown_appcontext, AttributeError, "app.teardown_request"),
        (lambda app: of(Blueprint("x")).record_once, AttributeError, "No, because"),
        (lambda app: of(Response("x")).data, AttributeError, "response.body"),
        (lambda app: of(Response("x")).boddy, AttributeError, "Did you mean 'body'"),
        (lambda app: of(HTTPException(404)).get_response(), AttributeError, "error.status_code"),
        (lambda app: of(HTTPException(404)).details, AttributeError, "Did you mean 'detail'"),
        (lambda app: Flasgo(title="x"), OptionError, "API_TITLE"),
        (lambda app: Blueprint("x", subdomain="y"), RouteError, "host="),
        (lambda app: Response("x", response="y"), TypeError, "content"),
        (lambda app: app.get("/x", response_class=Response)(print), RouteError, "Return the"),
        (lambda app: app.route("/x", method="POST")(print), RouteError, "methods="),
        (lambda app: of(Query)(regex="x"), TypeError, "pattern="),
    ],
)
def test_each_place_says_it(
    make_app: MakeApp, use: Callable[[Any], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        use(make_app())


def test_a_request_says_it(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.get("/<name>")
    def use(request: flasgo.Request, name: str) -> str:
        try:
            return str(getattr(request, name))
        except AttributeError as error:
            return Response.text(str(error)).body.decode()

    client = connect(app)
    assert "await request.json()" in client.get("/get_json").text
    assert "request.route" in client.get("/url_rule").text
    assert "Did you mean" in client.get("/methodd").text


def test_the_table_is_not_imported_before_an_error() -> None:
    code = (
        "import sys, flasgo; app = flasgo.Flasgo(settings={'SECRET_KEY': 'k0' * 20});"
        "app.get('/')(lambda: 'x'); app.test_client().get('/');"
        "print('flasgo.advice.names_elsewhere' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
