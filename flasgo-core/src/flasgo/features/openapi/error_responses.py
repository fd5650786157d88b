"""The answers of an operation: its success, and the errors that it can really give."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from types import GeneratorType, NoneType
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from flasgo.binding.custom_types import custom_types
from flasgo.binding.signatures import MISSING, return_annotation
from flasgo.errors import reason_phrase
from flasgo.features.openapi.schemas import JsonObject, Schemas
from flasgo.responses.response import Response
from flasgo.routing import Route
from flasgo.settings.annotations import alternatives, union_of

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = [
    "Error",
    "HandledErrors",
    "Problem",
    "ValidationError",
    "ValidationFailure",
    "add_error",
    "answers_of",
    "data_of",
]


class Error(msgspec.Struct):
    """An error."""

    error: Annotated[str, msgspec.Meta(description="A code for programs.")]
    detail: Annotated[str, msgspec.Meta(description="What is wrong, and what to send instead.")]


class ValidationError(msgspec.Struct):
    """One value that is not valid."""

    loc: Annotated[
        list[str | int],
        msgspec.Meta(description='Where it stands, such as `["body", "items", 3, "price"]`.'),
    ]
    msg: Annotated[str, msgspec.Meta(description="What is wrong with it.")]


class Problem(msgspec.Struct):
    """An error as RFC 9457 has it, for clients that ask for `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    error: str
    errors: list[ValidationError] | msgspec.UnsetType = msgspec.UNSET


class ValidationFailure(msgspec.Struct):
    """Values that are not valid, up to a number of them."""

    error: str
    detail: str
    errors: list[ValidationError]


_JSON = "application/json"
_PROBLEM = "application/problem+json"
_ERROR_NAME = "Error"
_PROBLEM_NAME = "Problem"

# What a return annotation says about the body; everything that is not JSON and has a name.
_TEXTS = {str: "text/html", bytes: "application/octet-stream"}
_NOT_JSON = (tuple, object, Any)


def answers_of(route: Route, schemas: Schemas, returns: str) -> JsonObject:
    """Return the `responses` of an operation.

    Args:
        route: The route.
        schemas: Takes the types.
        returns: What the docstring says about the result.
    """
    answers = {**_successes(route, schemas, returns), **_errors(route, schemas)}
    for status, given in route.operation.responses.items():
        answers[status] = _declared(status, given, schemas)
    return dict(sorted(answers.items()))


def _phrase(status: int | str) -> str:
    if not str(status).isdecimal():
        return "Any other answer." if status == "default" else f"An answer of {status}."
    return reason_phrase(int(status)) or f"Status {status}"


def _successes(route: Route, schemas: Schemas, returns: str) -> JsonObject:
    operation = route.operation
    annotation = operation.response_model
    status = operation.status_code or 200
    if annotation is not None:
        return {str(status): _answer(returns or _phrase(status), data_of(schemas.of(annotation)))}
    annotation = return_annotation(route.handler)
    kinds = () if annotation is MISSING else alternatives(annotation)
    if kinds in {(None,), (NoneType,)}:
        status = operation.status_code or 204
        return {str(status): _answer(returns or _phrase(status))}
    found: JsonObject = {}
    if NoneType in kinds:
        empty = operation.status_code or 204
        found[str(empty)] = _answer(_phrase(empty))
    found[str(status)] = _answer(returns or _phrase(status), _content(annotation, kinds, schemas))
    return found


def _content(annotation: Any, kinds: tuple[Any, ...], schemas: Schemas) -> JsonObject:
    """Return what a return annotation tells about the body; nothing where it tells nothing."""
    kinds = tuple(kind for kind in kinds if kind is not NoneType)
    if len(kinds) == 1 and kinds[0] in _TEXTS:
        return {_TEXTS[kinds[0]]: {"schema": {"type": "string"}}}
    if not kinds or not all(_is_json(kind) for kind in kinds):
        return {}
    if len(kinds) < len(alternatives(annotation)):
        annotation = typing.Union[kinds]  # noqa: UP007 - made of values
    return data_of(schemas.of(annotation))


def _is_json(kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    if not isinstance(origin, type) or origin in _NOT_JSON or origin in _TEXTS:
        return False
    if issubclass(origin, Response | tuple | GeneratorType | Iterator):
        return False
    # Other iterables are streamed, or are nothing that a handler may return.
    is_iterable = hasattr(origin, "__aiter__") or hasattr(origin, "__iter__")
    return not is_iterable or issubclass(origin, Mapping | list | set | frozenset)


def _answer(description: str, content: JsonObject | None = None) -> JsonObject:
    answer: JsonObject = {"description": description}
    if content:
        answer["content"] = content
    return answer


def data_of(schema: JsonObject, **more: object) -> JsonObject:
    """Return the content that data has: JSON, and each format that a plugin has brought.

    Args:
        schema: The schema of the data.
        more: What else is said of it, such as `examples`.
    """
    return {kind: {"schema": schema, **more} for kind in (_JSON, *custom_types().formats)}


def _json(schema: JsonObject) -> JsonObject:
    return {_JSON: {"schema": schema}}


def _declared(status: str, given: Any, schemas: Schemas) -> JsonObject:
    """Return an answer that the developer described: in a sentence, by a type, or in full."""
    if isinstance(given, str):
        content = _error_content(schemas) if status >= "400" else None
        return _answer(given, content)
    if given is None:
        return _answer(_phrase(status))
    if not isinstance(given, Mapping):
        return _answer(_phrase(status), data_of(schemas.of(given)))
    answer = {"description": _phrase(status), **given}
    model = answer.pop("model", None)
    if model is not None:
        answer["content"] = {**data_of(schemas.of(model)), **answer.get("content", {})}
    return answer


def _errors(route: Route, schemas: Schemas) -> JsonObject:
    plan = route.plan
    reasons: dict[int, str] = {}
    if route.parameters:
        reasons[400] = "The path is not one that a client would send."
        reasons[404] = "Nothing is at this address."
    if plan is not None and plan.fields:
        reasons[400] = "The request is malformed."
        reasons[422] = ""
    if plan is not None and plan.body is not None:
        reasons[400] = "The request is malformed: its body is not what its headers say."
        reasons[408] = "The body did not arrive in time."
        reasons[413] = "The body is too large."
        reasons[415] = "The body is of another media type than this operation takes."
        reasons[422] = ""
    answers = {
        str(status): _answer(reason, _error_content(schemas))
        for status, reason in reasons.items()
        if reason
    }
    if 422 in reasons:
        answers["422"] = _answer(
            "Values of the request are not valid.",
            {**_json(schemas.of(ValidationFailure)), _PROBLEM: {"schema": schemas.of(Problem)}},
        )
    return answers


def _error_content(schemas: Schemas) -> JsonObject:
    return {
        _JSON: {"schema": schemas.of(Error)},
        _PROBLEM: {"schema": schemas.of(Problem)},
    }


def add_error(
    document: JsonObject,
    operation: JsonObject,
    status: int,
    description: str,
    *,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Add an error answer to an operation of a finished document; for `openapi_document` hooks.

    Where the operation has that status already, the description is added to it.

    Args:
        document: The document.
        operation: One of its operations, from `operations`.
        status: The status.
        description: When it happens, in a sentence.
        headers: The answer's headers, by name, each with a description.
    """
    answers = operation["responses"]
    answer = answers.get(str(status))
    if answer is None:
        answer = answers[str(status)] = _answer(
            description,
            {
                media_type: {"schema": {"$ref": _reference(document, kind)}}
                for media_type, kind in ((_JSON, Error), (_PROBLEM, Problem))
            },
        )
        operation["responses"] = dict(sorted(answers.items()))
    elif description not in answer["description"]:
        answer["description"] += f" {description}"
    for name, meaning in (headers or {}).items():
        answer.setdefault("headers", {})[name] = {
            "description": meaning,
            "schema": {"type": "string"},
        }


class HandledErrors:
    """What the app's error handlers send instead of the framework's own error bodies.

    Args:
        app: The app.
        routes: Its routes that are described.
        schemas: Takes the types that the handlers return.
    """

    def __init__(self, app: Flasgo, routes: Iterable[Route], schemas: Schemas) -> None:
        self._contents: dict[tuple[Route, int], JsonObject] = {}
        by_function: dict[Callable[..., object], JsonObject] = {}
        for route in routes:
            for status in filter(lambda status: status >= 400, HTTPStatus):
                function = app.find_error_handler(route, status)
                if function is None:
                    continue
                if function not in by_function:
                    by_function[function] = _returned_content(function, schemas)
                self._contents[route, int(status)] = by_function[function]

    def apply(self, document: JsonObject, route: Route, operation: JsonObject) -> None:
        """Describe the bodies of error handlers where an operation promises the default ones.

        Args:
            document: The document, whose schemas have their names.
            route: A route.
            operation: Its operation.
        """
        for status, answer in operation["responses"].items():
            content = self._contents.get((route, int(status) if status.isdecimal() else 0))
            if content is None or not _is_default(document, answer.get("content")):
                continue
            answer.pop("content")
            answer |= {"content": dict(content)} if content else {}


def _returned_content(function: Callable[..., object], schemas: Schemas) -> JsonObject:
    """Return what the annotation of an error handler tells about its body."""
    annotation = return_annotation(function)
    if annotation is MISSING:
        return {}
    kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
    if any(typing.get_origin(kind) is tuple for kind in kinds):
        kinds = [typing.get_args(k)[0] if typing.get_origin(k) is tuple else k for k in kinds]
        annotation = union_of(kinds)
    return _content(annotation, tuple(kinds), schemas)


def _is_default(document: JsonObject, content: JsonObject | None) -> bool:
    if not content or set(content) != {_JSON, _PROBLEM}:
        return False
    defaults = [{"$ref": _reference(document, kind)} for kind in (Error, ValidationFailure)]
    return content[_JSON] in [{"schema": each} for each in defaults]


def _reference(document: JsonObject, kind: type) -> str:
    """Return the reference to one of the classes here, whatever msgspec had to name it."""
    named = document["components"]["schemas"]
    full = f"{kind.__module__}.{kind.__qualname__}"
    return f"#/components/schemas/{full if full in named else kind.__name__}"
