"""ERG-8: every public name of Flask and FastAPI is here, or has a sentence that says why not.

The names are read from the installed packages, so that one which is new there shows up.
"""

from __future__ import annotations

import io
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import flasgo
import pytest
import werkzeug.datastructures
from flasgo import (
    Blueprint,
    Flasgo,
    HTTPException,
    MultiDict,
    OptionError,
    Query,
    Response,
    RouteError,
)
from flasgo.advice.names_elsewhere import TABLE, Kind, advice

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]
ROOT = Path(__file__).resolve().parents[2]

# Any: the names of a module that no package contains.
NAMES: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "other_names.py"))


@pytest.fixture(scope="module")
def compared() -> list[Any]:
    return NAMES["compared"]()


def dir_of() -> set[str]:
    return set(dir(flasgo))


def test_each_name_is_the_same_or_has_a_sentence(compared: list[Any]) -> None:
    rows = [(each.kind, row) for each in compared for row in NAMES["rows_of"](each)]
    missing = [(kind, row.name) for kind, row in rows if row.status == "missing"]
    assert missing == [], "add a row to flasgo/advice/names_elsewhere.py for each"
    assert {row.status for _, row in rows} == {"same", "plugin", "other", "no"}
    assert all(row.of for _, row in rows)


def test_no_sentence_is_about_a_name_that_is_there(compared: list[Any]) -> None:
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
                r"\b(app|blueprint|request|response|upload)\.([a-z_]+)", text.replace("await ", "")
            ):
                owners: dict[str, object] = {
                    "app": app,
                    "blueprint": blueprint,
                    "request": request,
                    "response": Response(),
                    "upload": flasgo.UploadedFile(
                        io.BytesIO(), filename="", content_type="", size=0, in_memory=True
                    ),
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
        (lambda app: of(app.config).from_object("x"), AttributeError, "Flasgo(settings='pkg"),
        (lambda app: of(app.config).update(A=1), AttributeError, "Flasgo(own_settings={"),
        (lambda app: app.before_first_request, AttributeError, "@app.lifespan"),
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


def test_uploads_and_forms_say_it(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.post("/")
    async def use(request: flasgo.Request) -> list[str]:
        form = await request.form()
        said = []
        for thing, name in ((form, "to_dict"), (form, "flie"), (form.file("f"), "stream")):
            with pytest.raises(AttributeError) as error:
                getattr(thing, name)
            said.append(str(error.value))
        return said

    said = connect(app).post("/", files={"f": ("a.txt", b"x")}).json()
    assert said[0].endswith("Write `dict(values)`; each name with its first value.")
    assert said[1].endswith("Did you mean 'file'?")
    assert said[2].endswith("It is called upload.file: an open binary file.")


@pytest.mark.parametrize(
    ("call", "gives"),
    [
        (lambda args: args.get("page", type=int), 2),
        (lambda args: args.get("page", 1, type=int), 2),
        (lambda args: args.get("page", default=1, type=int), 2),
        (lambda args: args.get("bad", 1, type=int), 1),
        (lambda args: args.get("bad", type=int), None),
        (lambda args: args.get("none", 7, int), 7),
        (lambda args: args.get("page", type=lambda text: len(of(None))), None),
        (lambda args: args.get("page"), "2"),
        (lambda args: args.get("none"), None),
        (lambda args: args.getlist("page", type=int), [2, 3]),
        (lambda args: args.getlist("page", int), [2, 3]),
        (lambda args: args.getlist("page"), ["2", "x", "3"]),
        (lambda args: args.getlist("none", int), []),
    ],
)
def test_values_are_converted_as_werkzeug_does(
    call: Callable[[Any], object], gives: object
) -> None:
    pairs = [("page", "2"), ("page", "x"), ("bad", "x"), ("page", "3")]
    assert call(MultiDict(pairs)) == gives
    assert call(werkzeug.datastructures.MultiDict(pairs)) == gives


def test_other_errors_of_a_conversion_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        MultiDict([("n", "0")]).get("n", type=lambda text: 1 / int(text))


def test_the_table_is_not_imported_before_an_error() -> None:
    code = (
        "import sys, flasgo; app = flasgo.Flasgo(settings={'SECRET_KEY': 'k0' * 20});"
        "app.get('/')(lambda: 'x'); app.test_client().get('/');"
        "print('flasgo.advice.names_elsewhere' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
