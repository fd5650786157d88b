"""Compares the public names of Flask and FastAPI with ours; `docs/reference.py` writes the page.

Their names are read from the installed packages, so that one which is new there shows up.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

import fastapi
import fastapi.responses
import flasgo
import flask
import werkzeug.datastructures
import werkzeug.exceptions
import werkzeug.routing
from flasgo import Blueprint, Flasgo, Query, Response, _bundle
from flasgo.advice.names_elsewhere import Kind, advice
from flasgo.binding.parameters import _CONSTRAINTS
from flasgo.plugins.blueprint_parts import option_names
from flasgo.routing.operation import OperationOptions, RouteOptions, SharedOptions
from msgspec import Struct
from starlette.datastructures import FormData

_SECRET_KEY = "other-names-0123456789abcdef-0123456789"  # noqa: S105 - signs nothing
# Names that Starlette imports for itself, or that are not API.
_NOT_API = {
    "Any",
    "FastAPIDeprecationWarning",
    "Protocol",
    "annotations",
    "cast",
    "deprecated",
    "orjson",
    "ujson",
}


class Compared(Struct):
    """What one object or call of theirs is compared with.

    Attributes:
        kind: What it is, as the table of advice calls it.
        title: What it is, as the page calls it.
        flask: Flask's names.
        fastapi: FastAPI's names.
        ours: The names that are here.
    """

    kind: Kind
    title: str
    flask: set[str]
    fastapi: set[str]
    ours: set[str]

    @property
    def theirs(self) -> set[str]:
        """All of their names."""
        return self.flask | self.fastapi


class Row(Struct):
    """One name of theirs.

    Attributes:
        name: The name.
        of: Which of the two has it.
        status: `same`, `plugin` (same, in a plugin), `other` or `no`; `missing` for a fault.
        text: What to know about it.
    """

    name: str
    of: str
    status: str
    text: str


def public(thing: object) -> set[str]:
    """Return the public names of an object; of a module those that are no modules."""
    names = {name for name in dir(thing) if not name.startswith("_")}
    if inspect.ismodule(thing):
        return {n for n in names if not inspect.ismodule(getattr(thing, n))} - _NOT_API
    return names


# Any: functions and classes.
def keywords(function: Any) -> set[str]:
    """Return the keywords that a function takes."""
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    } - {"self", "args", "options", "extra"}


def compared() -> list[Compared]:
    """Return what is compared, from the installed packages."""
    return [*_objects(), *_calls()]


def _objects() -> Iterator[Compared]:
    app = Flasgo(settings={"SECRET_KEY": _SECRET_KEY})
    with app.test_request_context("/"):
        request = flasgo.current_request()
        of_request = set(dir(request)) | {
            name for name in app._declarations.request_attributes if hasattr(request, name)
        }
    upload = fastapi.UploadFile(io.BytesIO())
    no_page = werkzeug.exceptions.NotFound()
    modules = public(fastapi) | public(fastapi.responses)
    rows: dict[Kind, tuple[str, set[str], set[str], set[str]]] = {
        "import": ("Imports", public(flask), modules, set(dir(flasgo))),
        "app": ("The app", public(flask.Flask("x")), public(fastapi.FastAPI()), set(dir(app))),
        "blueprint": (
            "Blueprints and routers",
            public(flask.Blueprint("x", "y")),
            public(fastapi.APIRouter()),
            set(dir(Blueprint("x"))),
        ),
        "request": ("The request", public(flask.Request), public(fastapi.Request), of_request),
        "websocket": (
            "WebSockets",
            set(),
            public(fastapi.WebSocket),
            of_request | public(flasgo.WebSocket),
        ),
        "response": (
            "Responses",
            public(flask.Response),
            public(fastapi.Response("x")),
            set(dir(Response())),
        ),
        "error": (
            "HTTP errors",
            public(no_page),
            public(fastapi.HTTPException(404)),
            public(flasgo.HTTPException(404)),
        ),
        "settings": (
            "`app.config`",
            public(flask.Config("")),
            set(),
            public(app.settings),
        ),
        "upload": (
            "Uploaded files",
            public(werkzeug.datastructures.FileStorage()),
            public(upload),
            public(flasgo.UploadedFile),
        ),
        "form": (
            "Forms and queries",
            public(werkzeug.datastructures.ImmutableMultiDict),
            public(FormData),
            public(flasgo.FormData),
        ),
    }
    return (Compared(kind, *row) for kind, row in rows.items())


def _calls() -> list[Compared]:
    shared = {*SharedOptions.__annotations__}
    routes = {*RouteOptions.__annotations__, *OperationOptions.__annotations__, "path", "methods"}
    markers = keywords(Query) | {*_CONSTRAINTS}
    rules = keywords(flask.Flask.add_url_rule) | keywords(werkzeug.routing.Rule)
    of_app = keywords(Flasgo) | {"static_folder"} | shared
    of_blueprint = keywords(Blueprint) | shared | option_names()
    of_response = keywords(Response) | {"status", "mimetype", "media_type"}
    return [
        Compared(
            "Flasgo",
            "Keywords of the app",
            keywords(flask.Flask),
            keywords(fastapi.FastAPI),
            of_app,
        ),
        Compared(
            "Blueprint",
            "Keywords of blueprints and routers",
            keywords(flask.Blueprint),
            keywords(fastapi.APIRouter),
            of_blueprint,
        ),
        Compared("route", "Keywords of routes", rules, keywords(fastapi.FastAPI.get), routes),
        Compared(
            "Response",
            "Keywords of responses",
            keywords(flask.Response),
            keywords(fastapi.Response),
            of_response,
        ),
        Compared("marker", "Keywords of `Query`", set(), keywords(fastapi.Query), markers),
        Compared("marker", "Keywords of `Body`", set(), keywords(fastapi.Body), markers),
        Compared(
            "marker",
            "Keywords of `Depends`",
            set(),
            keywords(fastapi.Depends),
            keywords(flasgo.Depends),
        ),
    ]


def rows_of(each: Compared) -> list[Row]:
    """Return a row for each name, in the order of the alphabet."""
    return [_row(each, name) for name in sorted(each.theirs, key=lambda name: (name.lower(), name))]


def _row(each: Compared, name: str) -> Row:
    of = " and ".join(
        title
        for title, names in (("Flask", each.flask), ("FastAPI", each.fastapi))
        if name in names
    )
    if name in each.ours:
        distribution = _distribution(each.kind, name)
        if distribution:
            return Row(name, of, "plugin", f"The same, in {distribution}.")
        return Row(name, of, "same", "The same.")
    text = advice(each.kind, name)
    if text is None and each.kind == "websocket":
        text = advice("request", name)
    status = "missing" if text is None else "no" if text.startswith("No, because") else "other"
    return Row(name, of, status, text or "")


def _distribution(kind: Kind, name: str) -> str | None:
    """Return the distribution of the plugin that brings a name, or None."""
    tables = {
        "import": {m.replace("_", "-"): names for m, names in _bundle._EXPORTS.items()},
        "app": _bundle._APP_MEMBERS,
        "request": _bundle._REQUEST_ATTRIBUTES,
        "websocket": _bundle._REQUEST_ATTRIBUTES,
        "blueprint": _bundle.BLUEPRINT_METHODS,
        "Blueprint": _bundle.BLUEPRINT_OPTIONS,
        "Flasgo": _bundle._OPTIONS,
    }
    return next((d for d, names in tables.get(kind, {}).items() if name in names), None)


_STATUSES = {
    "same": "the same",
    "plugin": "the same, in a plugin",
    "other": "another name or way",
    "no": "no, because",
}


def page() -> str:
    """Return the page that shows the comparison."""
    every = [(each, rows_of(each)) for each in compared()]
    parts = [
        _INTRODUCTION.format(
            flask=version("flask"), fastapi=version("fastapi"), counts=_counts(every)
        )
    ]
    for each, rows in every:
        parts.append(f"## {each.title}\n\n| name | of | here | |\n|---|---|---|---|\n")
        parts += [
            f"| `{row.name}` | {row.of} | {_STATUSES[row.status]} | {_cell(row.text)} |\n"
            for row in rows
        ]
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def _counts(every: Iterable[tuple[Compared, list[Row]]]) -> str:
    rows = [row for _, found in every for row in found]
    lines = []
    for status, title in _STATUSES.items():
        count = sum(row.status == status for row in rows)
        lines.append(f"| {title} | {count} | {round(100 * count / len(rows))} % |")
    return "\n".join([*lines, f"| in all | {len(rows)} | |"])


def _cell(text: str) -> str:
    text = text.replace("The same.", "").replace("The same, in ", "").removeprefix("No, because ")
    return text.replace("|", "\\|").replace("<", "&lt;")


_INTRODUCTION = """\
# The names of Flask and FastAPI

Every public name of Flask {flask} and FastAPI {fastapi}, and what it is called here. Both are read
from the installed packages. The error message for a name that is not here says what its row says.
The guides for [Flask](../MIGRATING_FROM_FLASK.md) and [FastAPI](migrating-from-fastapi.md) show how
they are used.

| | names | |
|---|---|---|
{counts}

"""
