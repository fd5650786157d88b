"""Random types are bound, described and sent as msgspec, JSON Schema and Python have them."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema
import msgspec
import pytest
from flasgo import Body, Cookie, Flasgo, Header, Query
from flasgo_testing import TestClient
from hypothesis import given, strategies as st
from openapi_spec_validator import validate

from .profile import bounded


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Kind:
    """A type, with values of it.

    Attributes:
        type: The type.
        values: Its values.
    """

    type: Any
    values: st.SearchStrategy[Any]


LEAVES = [
    Kind(int, st.integers(-(2**63), 2**63 - 1)),
    Kind(str, st.text(max_size=8)),
    Kind(bool, st.booleans()),
    Kind(float, st.floats(allow_nan=False, allow_infinity=False)),
    Kind(date, st.dates()),
    Kind(UUID, st.uuids()),
    Kind(Colour, st.sampled_from(Colour)),
    Kind(Literal["a", "b"], st.sampled_from(["a", "b"])),
    Kind(Annotated[int, msgspec.Meta(ge=0, le=9)], st.integers(0, 9)),
    Kind(Annotated[str, msgspec.Meta(max_length=3)], st.text(max_size=3)),
    Kind(
        timedelta, st.timedeltas(timedelta(0), timedelta(days=9)).map(lambda t: timedelta(t.days))
    ),
]
_LIST: Any = list
_DICT: Any = dict
_TUPLE: Any = tuple
_numbers = iter(range(10**9))


def optional(kind: Kind) -> Kind:
    return Kind(kind.type | None, st.none() | kind.values)


def list_of(kind: Kind) -> Kind:
    return Kind(_LIST[kind.type], st.lists(kind.values, max_size=3))


def dict_of(kind: Kind) -> Kind:
    values = st.dictionaries(st.text(max_size=4), kind.values, max_size=3)
    return Kind(_DICT[str, kind.type], values)


def pair_of(first: Kind, second: Kind) -> Kind:
    return Kind(_TUPLE[first.type, second.type], st.tuples(first.values, second.values))


def struct_of(kinds: list[Kind], *, as_dataclass: bool) -> Kind:
    """Make a Struct or a dataclass with such fields."""
    name = f"Made{next(_numbers)}"
    fields = [(f"f{number}", kind.type) for number, kind in enumerate(kinds)]
    made: Any = (
        dataclasses.make_dataclass(name, fields)
        if as_dataclass
        else msgspec.defstruct(name, fields)
    )
    return Kind(made, st.builds(made, *(kind.values for kind in kinds)))


KINDS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(optional),
        inner.map(list_of),
        inner.map(dict_of),
        st.builds(pair_of, inner, inner),
        st.builds(struct_of, st.lists(inner, min_size=1, max_size=3), as_dataclass=st.booleans()),
    ),
    max_leaves=5,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text(max_size=6) | st.sampled_from(["a", "red", "2024-01-01", "1", "true", "P1D"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["f0", "f1", "f2", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def make_handler(annotations: dict[str, Any]) -> Callable[..., Any]:
    """Return a handler with such parameters, which returns the first one in an object."""
    names = [name for name in annotations if name != "return"]
    space: dict[str, Any] = {}
    exec(f"async def echo({', '.join(names)}):\n    return {{'value': {names[0]}}}", space)
    space["echo"].__annotations__ = annotations
    return space["echo"]


def make_app(annotations: dict[str, Any]) -> Flasgo:
    app = Flasgo(discover=False)
    app.add_route("/echo", make_handler(annotations), methods=("POST",), endpoint="echo")
    return app


def body_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the body, with the components that it refers to."""
    operation = document["paths"]["/echo"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return {**schema, "components": document.get("components", {})}


@bounded(25)
@given(kind=KINDS, data=st.data())
def test_a_body_of_any_type(kind: Kind, data: st.DataObject) -> None:
    app = make_app({"value": Annotated[kind.type, Body()]})
    client = TestClient(app, raise_server_exceptions=True)
    schema = body_schema(app.openapi_spec())
    jsonschema.Draft202012Validator.check_schema(schema)
    value = data.draw(kind.values)
    sent = msgspec.json.encode(value)
    answer = client.post("/echo", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert msgspec.convert(answer.json()["value"], kind.type) == value
    jsonschema.validate(json.loads(sent), schema)
    # Whatever else comes is taken where msgspec takes it, and then it fits the description.
    for raw in data.draw(st.lists(JSON.map(json.dumps), min_size=1, max_size=4)):
        try:
            msgspec.json.decode(raw.encode(), type=kind.type)
            expected = {200}
        except msgspec.ValidationError:
            expected = {422}
        except msgspec.DecodeError:
            expected = {400}
        if "e+" in raw or max(map(len, raw.split("."))) > 18:
            expected |= {400}  # numbers too large for others are refused before
        answer = client.post("/echo", content=raw, headers={"content-type": "application/json"})
        assert answer.status_code in expected, (raw, answer.text)
        if answer.status_code == 200:
            jsonschema.validate(json.loads(raw), schema)


TEXT = st.text(max_size=6) | st.sampled_from(
    ["1", "-1", "+1", "01", "1.5", "1e3", "true", "ON", "nan", "inf", " 1", "red", "a", "", "null"]
)
SCALARS = [kind for kind in LEAVES if kind.type not in {str, bool, timedelta}]


@bounded(80)
@given(kind=st.sampled_from(SCALARS), text=TEXT, value=st.data())
def test_a_query_of_any_type(kind: Kind, text: str, value: st.DataObject) -> None:
    client = query_client(kind)
    right = msgspec.to_builtins(value.draw(kind.values))
    sent = right if isinstance(right, str) else json.dumps(right)
    assert client.post("/echo", params={"value": sent}).status_code == 200, sent
    try:
        expected = msgspec.convert(text, kind.type, strict=False)
    except msgspec.ValidationError:
        expected = None
    answer = client.post("/echo", params={"value": text})
    if expected is None or (isinstance(expected, float) and not math.isfinite(expected)):
        assert answer.status_code == 422, text
    else:
        assert answer.status_code == 200, (text, expected)
        assert msgspec.convert(answer.json()["value"], kind.type) == expected


_clients: dict[str, TestClient] = {}


def query_client(kind: Kind) -> TestClient:
    key = repr(kind.type)
    if key not in _clients:
        app = make_app({"value": Annotated[kind.type, Query()]})
        _clients[key] = TestClient(app)
    return _clients[key]


# --- The description ---------------------------------------------------------------------------

SINGLE = st.sampled_from([kind for kind in LEAVES if kind.type is not timedelta])
MARKED = st.tuples(st.sampled_from([Query, Header, Cookie]), SINGLE, st.booleans())


@bounded(8)
@given(
    routes=st.lists(
        st.tuples(st.lists(MARKED, max_size=4), st.none() | KINDS, KINDS), min_size=1, max_size=5
    )
)
def test_any_signature_is_described(
    routes: list[tuple[list[tuple[Any, Kind, bool]], Kind | None, Kind]],
) -> None:
    app = Flasgo(discover=False)
    for number, (parameters, body, answer) in enumerate(routes):
        annotations: dict[str, Any] = {"pid": int}
        for place, (marker, kind, is_optional) in enumerate(parameters):
            made: Any = optional(kind).type if is_optional else kind.type
            annotations[f"p{place}"] = Annotated[made, marker()]
        if body is not None:
            annotations["body"] = Annotated[body.type, Body()]
        annotations["return"] = answer.type
        handler = make_handler(annotations)
        app.add_route(f"/r{number}/<int:pid>", handler, methods=("POST",), endpoint=f"e{number}")
    document = app.openapi_spec()
    validate(json.loads(msgspec.json.encode(document)))
    for number, (parameters, body, _) in enumerate(routes):
        operation = document["paths"][f"/r{number}/{{pid}}"]["post"]
        assert len(operation["parameters"]) == 1 + len(parameters)
        assert ("requestBody" in operation) == (body is not None)


# --- Answers -----------------------------------------------------------------------------------

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
UNSENDABLE = st.sampled_from([object(), 1j, {"a": object()}, [object], {(1, 2): 3}, len, "\ud800"])
_returned: list[Any] = [None]


@pytest.fixture(scope="module")
def answering(quiet_loggers: None) -> TestClient:
    app = Flasgo(discover=False)

    @app.get("/")
    async def give():
        return _returned[0]

    return TestClient(app, raise_server_exceptions=False)


@bounded(200)
@given(value=PLAIN | UNSENDABLE | st.binary(max_size=6), status=st.none() | st.integers(-1, 700))
def test_any_value_is_an_answer_or_a_type_error(
    answering: TestClient, value: Any, status: int | None
) -> None:
    _returned[0] = value if status is None else (value, status)
    answer = answering.get("/")
    error = answer.extensions.get("exception")
    if error is not None:
        assert answer.status_code == 500
        assert isinstance(error, TypeError | ValueError)
        assert "give" in str(error)
        return
    has_body = answer.status_code not in {204, 205, 304}
    assert answer.status_code == (status or (204 if value is None else 200))
    if isinstance(value, str):
        assert answer.text == (value if has_body else "")
        assert answer.headers.get("content-type", "text/html").startswith("text/html")
    elif isinstance(value, bytes):
        assert answer.content == (value if has_body else b"")
    elif has_body and value is not None:
        assert answer.json() == value
        assert answer.headers["content-type"] == "application/json"
