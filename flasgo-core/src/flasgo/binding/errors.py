"""What is wrong with the values of a request, in words that repeat none of them.

msgspec stops at the first problem; `ProblemFinder` looks for the others in a JSON body.
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import NoneType
from typing import Any

import msgspec
from msgspec import inspect as types

from flasgo.binding.custom_types import ModelError, custom_types
from flasgo.errors import HTTPException
from flasgo.settings.annotations import alternatives

__all__ = [
    "ANY_KEY",
    "MAX_PROBLEMS",
    "InvalidRequestError",
    "Location",
    "ProblemFinder",
    "ValidationProblem",
    "chosen_type",
    "explain",
    "explain_all",
    "fields_of",
    "problems_of_model",
    "validation_failed",
]

MAX_PROBLEMS = 20
"""How many problems one answer lists."""

_MAX_MESSAGE = 200
_MAX_DEPTH = 32
_MAX_NAME = 64
_MAX_CHOICES = 12

# How msgspec ends its messages: where in the data it was.
_PLACE = re.compile(r"(?s)(?P<what>.*?) - at (?:`(?P<key>key)` in )?`(?P<path>\$.*)`\Z")
_STEP = re.compile(r"\[(?P<index>\d+|\.\.\.)\]|\.(?P<name>[^.\[]+)")
_FIELD = re.compile(r"Object (?P<problem>missing required|contains unknown) field `(?P<name>.*)`\Z")
# SECURITY: msgspec quotes what the client sent in these, and only in these.
_QUOTING = re.compile(r"Invalid (?:enum )?value\b")
_SENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")

Location = tuple[str | int, ...]
"""Where a value stands: `("body", "items", 3, "price")`."""

ANY_KEY = "*"
"""Stands in a location for a key that is not known."""

_KINDS = {
    "query": "Query parameter",
    "header": "Header",
    "cookie": "Cookie",
    "form": "Form field",
    "body": "Body",
}

MAX_BYTES = 64 * 1024
"""Values larger than this are not taken apart: only their first problem is told."""

_MAX_EXPLORED_DEPTH = 8
_ITEMS = types.ListType | types.SetType | types.FrozenSetType | types.VarTupleType
_KEYED = types.StructType | types.DataclassType | types.TypedDictType
_LISTS = (list, set, frozenset, tuple)

# `Any` throughout: annotations are whatever developers write.
Part = tuple[str | int, Any, msgspec.Raw | None]
"""A part of a JSON value: its key, its type, and its JSON; None where a required one is missing."""


class ValidationProblem(msgspec.Struct, frozen=True):
    """One value that is not what it should be.

    Attributes:
        location: Where it stands.
        message: What is wrong with it.
    """

    location: Location
    message: str

    def as_data(self) -> dict[str, object]:
        """Return what the answer shows."""
        return {"loc": list(self.location), "msg": self.message}

    def __str__(self) -> str:
        place, *rest = self.location
        kind = _KINDS.get(str(place), str(place))
        if not rest:
            return f"{kind}: {self.message}"
        if place == "body":
            return f"{kind} field {'.'.join(map(str, rest))!r}: {self.message}"
        inner = f" at {'.'.join(map(str, rest[1:]))}" if rest[1:] else ""
        return f"{kind} {rest[0]!r}{inner}: {self.message}"


class InvalidRequestError(Exception):
    """Raised inside a call plan when values of the request are not valid.

    Attributes:
        problems: What is wrong.
    """

    def __init__(self, problems: Iterable[ValidationProblem]) -> None:
        super().__init__("the request is not valid")
        self.problems = tuple(problems)


def explain(
    error: msgspec.ValidationError,
    location: Location,
    annotation: Any,
    *,
    is_text: bool = False,
) -> ValidationProblem:
    """Return the problem that msgspec has found.

    Args:
        error: What msgspec raised.
        location: Where the value that it looked at stands.
        annotation: The type that the value should have.
        is_text: Whether that value was text, which goes without saying then.
    """
    message, inner = str(error), ()
    found = _PLACE.match(message)
    if found:
        message, inner = found["what"], _steps(found["path"])
        if found["key"]:
            message = f"The key is not valid: {message[:1].lower()}{message[1:]}"
    field = _FIELD.match(message)
    if field:
        is_missing = field["problem"] == "missing required"
        message = "is required" if is_missing else "is not a known field"
        if is_missing or _SENT_NAME.match(field["name"]):
            inner = (*inner, field["name"])
    elif _QUOTING.match(message) and error.__cause__ is None:
        message = _not_allowed(annotation, inner)
    elif is_text:
        message = message.removesuffix(", got `str`")
    return ValidationProblem(_bounded((*location, *inner)), _shortened(message))


def _not_allowed(annotation: Any, inner: Location) -> str:
    """Return the message for a value that is none of those which its type allows.

    Args:
        annotation: The type of the outer value.
        inner: Where the value stands in it.
    """
    try:
        allowed = list(dict.fromkeys(_choices(types.type_info(annotation), inner)))
    except Exception:  # noqa: BLE001 - an annotation may raise anything; then it tells nothing
        allowed = []
    if not 0 < len(allowed) <= _MAX_CHOICES:
        return "is not one of the allowed values"
    return f"is not one of the allowed values: {', '.join(map(repr, allowed))}"


def _choices(info: types.Type, inner: Location) -> Iterator[object]:
    """Return the values of an enumeration or a literal, or the tags of a union."""
    if isinstance(info, types.Metadata):
        yield from _choices(info.type, inner)
    elif isinstance(info, types.UnionType):
        for member in info.types:
            yield from _choices(member, inner)
    elif isinstance(info, _ITEMS) and len(inner) == 1:
        yield from _choices(info.item_type, ())
    elif isinstance(info, types.EnumType) and not inner:
        yield from (member.value for member in info.cls)
    elif isinstance(info, types.LiteralType) and not inner:
        yield from info.values
    elif isinstance(info, types.StructType) and inner == (info.tag_field,):
        yield info.tag


def problems_of_model(error: ModelError, location: Location) -> list[ValidationProblem]:
    """Return what an adapter has found wrong with a model.

    Args:
        error: What the adapter raised.
        location: Where the model stands in the request.
    """
    return [
        ValidationProblem(_bounded((*location, *inner)), _shortened(message))
        for inner, message in error.problems[: MAX_PROBLEMS + 1]
    ]


def _problems_within(
    error: msgspec.ValidationError, cause: ModelError, location: Location
) -> list[ValidationProblem]:
    """Return what an adapter has found wrong with a model that stands within something else."""
    found = _PLACE.match(str(error))
    return problems_of_model(cause, (*location, *(_steps(found["path"]) if found else ())))


def explain_all(
    error: msgspec.ValidationError, location: Location, annotation: Any
) -> list[ValidationProblem]:
    """Return the problems that msgspec or an adapter of models has found.

    Args:
        error: What msgspec raised.
        location: Where the value that it looked at stands.
        annotation: The type that the value should have.
    """
    if isinstance(error.__cause__, ModelError):
        return _problems_within(error, error.__cause__, location)
    return [explain(error, location, annotation)]


def _steps(path: str) -> Location:
    return tuple(_step(step) for step in _STEP.finditer(path[1:]))


def _step(step: re.Match[str]) -> str | int:
    index = step["index"]
    if index is None:
        return step["name"]
    return ANY_KEY if index == "..." else int(index)


def _bounded(location: Location) -> Location:
    steps = [_short_step(step) for step in location[:_MAX_DEPTH]]
    return (*steps, "...") if len(location) > _MAX_DEPTH else tuple(steps)


def _short_step(step: str | int) -> str | int:
    """Return a key in a form that is fit for an answer: clients choose the keys of mappings."""
    if isinstance(step, int):
        return step
    text = "".join(char if char.isprintable() else "?" for char in step[:_MAX_NAME])
    return f"{text}..." if len(step) > _MAX_NAME else text


def _shortened(message: str) -> str:
    text = "".join(char if char.isprintable() else " " for char in message[:_MAX_MESSAGE])
    return f"{text}..." if len(message) > _MAX_MESSAGE else text


def validation_failed(problems: Sequence[ValidationProblem]) -> HTTPException:
    """Return the 422 for problems: the first in words, all of them in `errors`, up to a limit.

    Args:
        problems: At least one.
    """
    different = list(dict.fromkeys(problems))
    others = len(different) - 1
    more = f" There {'is' if others == 1 else 'are'} {others} more; see errors." if others else ""
    if others >= MAX_PROBLEMS:  # they have not all been counted
        more = f" There are more; errors has the first {MAX_PROBLEMS}."
    shown = different[:MAX_PROBLEMS]
    return HTTPException(
        422,
        f"{_printable(shown[0])}.{more}",
        error="validation_failed",
        errors=[problem.as_data() for problem in shown],
    )


def _printable(problem: ValidationProblem) -> str:
    """Return a problem as the end of a sentence that is fit for one line."""
    return "".join(char if char.isprintable() else "?" for char in str(problem))[: 2 * _MAX_MESSAGE]


# --- JSON bodies ---------------------------------------------------------------------------------


class ProblemFinder:
    """Decodes a JSON value part by part, to tell of each part what is wrong with it.

    Args:
        annotation: The type of the whole.
        check: Looks at a decoded value, and raises msgspec.ValidationError; None for none.
    """

    def __init__(self, annotation: Any, check: Callable[[object], None] | None = None) -> None:
        self._annotation = annotation
        self._check = check
        self._dec_hook = custom_types().decode

    def problems(self, body: bytes, error: msgspec.ValidationError) -> list[ValidationProblem]:
        """Return what is wrong, in the order of the type's fields; at least one problem.

        Args:
            body: The JSON.
            error: What decoding the whole has raised.
        """
        found: list[ValidationProblem] = []
        self._search(body, self._annotation, ("body",), error, found)
        return found

    def _search(
        self,
        raw: bytes,
        annotation: Any,
        location: Location,
        error: msgspec.ValidationError,
        found: list[ValidationProblem],
    ) -> None:
        inner: list[ValidationProblem] = []
        try:
            for key, kind, value in _parts(raw, annotation, len(location)):
                if len(found) + len(inner) > MAX_PROBLEMS:
                    break
                if value is None:
                    inner.append(ValidationProblem((*location, key), "is required"))
                    continue
                problem = self._problem(bytes(value), kind)
                if problem is not None:
                    self._search(bytes(value), kind, (*location, key), problem, inner)
        except (ValueError, RecursionError, OverflowError):
            inner.clear()  # such as keys that are not text
        if isinstance(error.__cause__, ModelError):
            found += inner or _problems_within(error, error.__cause__, location)
            return
        own = explain(error, location, annotation)
        reach = len(location) + 1
        # Else it is about the whole: a field too many, too few items, a check of the class itself.
        starts = {problem.location[:reach] for problem in inner}
        # msgspec does not tell the keys of a mapping.
        is_of_some_key = bool(inner) and own.location[reach - 1 : reach] == (ANY_KEY,)
        is_of_a_part = is_of_some_key or own.location[:reach] in starts
        found += inner if is_of_a_part else [own, *inner]

    def _problem(self, raw: bytes, annotation: Any) -> msgspec.ValidationError | None:
        try:
            value = msgspec.json.decode(raw, type=annotation, dec_hook=self._dec_hook)
            if self._check is not None:
                self._check(value)
        except msgspec.ValidationError as error:
            return error
        return None


def _parts(raw: bytes, annotation: Any, depth: int) -> Iterator[Part]:
    """Take a JSON value apart, as far as its type has parts."""
    is_small = len(raw) <= MAX_BYTES and depth <= _MAX_EXPLORED_DEPTH
    kind = chosen_type(raw, annotation)
    origin = typing.get_origin(kind) or kind
    arguments = typing.get_args(kind)
    fields = fields_of(kind) if depth == 1 or is_small else ()
    if fields:
        sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        for name, hint, is_required in fields:
            if name in sent or is_required:
                yield name, hint, sent.get(name)
    elif not is_small or not arguments:
        return
    elif origin is dict:
        for key, value in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items():
            yield key, arguments[1], value
    elif origin in _LISTS:
        items = msgspec.json.decode(raw, type=list[msgspec.Raw])
        is_fixed = origin is tuple and arguments[-1] is not Ellipsis
        kinds = arguments if is_fixed else arguments[:1] * len(items)
        yield from zip(range(len(items)), kinds, items, strict=False)


def chosen_type(raw: bytes, annotation: Any) -> Any:
    """Return the type that a value is meant to have: of a union, the one that its tag names."""
    kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
    if len(kinds) > 1:
        kinds = [kind for kind in kinds if _opens(kind) == raw.lstrip()[:1]]
    if len(kinds) == 1:
        return None if raw == b"null" else kinds[0]
    if not kinds:
        return None
    tags = [getattr(typing.get_origin(kind) or kind, "__struct_config__", None) for kind in kinds]
    if not all(config is not None and config.tag is not None for config in tags):
        return None
    sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    for kind, config in zip(kinds, tags, strict=True):
        tag = None if config is None else sent.get(config.tag_field)
        if config is not None and tag is not None and msgspec.json.decode(tag) == config.tag:
            return kind
    return None


def _opens(kind: Any) -> bytes:
    """Return what the JSON of a type begins with, where it is an object or a list."""
    origin = typing.get_origin(kind) or kind
    if origin in _LISTS:
        return b"["
    return b"{" if origin is dict or fields_of(kind) else b""


def fields_of(kind: Any) -> Sequence[tuple[str, Any, bool]]:
    """Return the fields of an object as JSON has them; nothing where it is not one object."""
    try:
        return _fields_of(kind)
    except TypeError:  # it has no hash
        return _fields_of.__wrapped__(kind)


# PERF: asked for each object of a body.
@functools.lru_cache(maxsize=512)
def _fields_of(kind: Any) -> Sequence[tuple[str, Any, bool]]:
    try:
        info = types.type_info(kind)
        if not isinstance(info, _KEYED) or getattr(info, "array_like", False):
            return ()
        hints = typing.get_type_hints(typing.get_origin(kind) or kind, include_extras=True)
        arguments = _arguments_of(kind)
        return tuple(
            (field.encode_name, _applied(hints[field.name], arguments), field.required)
            for field in info.fields
        )
    except Exception:  # noqa: BLE001 - an annotation may raise anything; then it has no parts
        return ()


def _arguments_of(kind: Any) -> dict[Any, Any]:
    """Return what the type variables of a generic and of its bases stand for.

    Raises:
        LookupError: When one variable stands for different types in them.
    """
    origin = typing.get_origin(kind) or kind
    own = dict(zip(getattr(origin, "__parameters__", ()), typing.get_args(kind), strict=False))
    for base in getattr(origin, "__orig_bases__", ()):
        if getattr(typing.get_origin(base), "__parameters__", ()):
            for variable, argument in _arguments_of(base).items():
                if own.setdefault(variable, _applied(argument, own)) != _applied(argument, own):
                    raise LookupError(variable)
    return own


def _applied(hint: Any, arguments: dict[Any, Any]) -> Any:
    if isinstance(hint, typing.TypeVar):
        return arguments.get(hint, hint)
    variables = getattr(hint, "__parameters__", ())
    if not variables or isinstance(hint, type):
        return hint
    return hint[tuple(arguments[variable] for variable in variables)]
