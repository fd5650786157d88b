"""What a route says about itself beyond its path: the shape of its answers, and its description."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypedDict, cast

from msgspec import Struct, field

from flasgo.errors import RouteError, did_you_mean

if TYPE_CHECKING:
    from flasgo.binding.parameters import Depends
    from flasgo.routing.policies import Policy

__all__ = [
    "EndpointOptions",
    "Operation",
    "OperationOptions",
    "RouteOptions",
    "SharedOptions",
    "merged",
    "shared_options",
]

_RANGE = re.compile(r"[1-5]XX|default|[2-5][0-9][0-9]")


class SharedOptions(TypedDict, total=False):
    """What an app or a blueprint may say about all of its routes.

    Attributes:
        tags: Groups in the API description, before the routes' own.
        deprecated: Whether the API description calls them deprecated.
        include_in_schema: False leaves them out of the API description.
        responses: Further answers for the API description, by status (`404`, `"4XX"`,
            `"default"`): a sentence, the type of the JSON that is sent, or a response object of
            OpenAPI, whose `model` is such a type: `{"model": Problem, "description": "..."}`.
        dependencies: `Depends(...)` whose results the handlers do not need: they are called before
            those that the handlers ask for.
    """

    tags: Sequence[str]
    deprecated: bool
    include_in_schema: bool
    responses: Mapping[int | str, Any]
    dependencies: Sequence[Depends]


class OperationOptions(SharedOptions, total=False):
    """What `Operation` can be given, besides what a scope may say of all its routes.

    Attributes:
        response_model: The type of what the handler answers: it is converted to that type, which
            drops what the type does not have, and validated. `Any`: a class, or `list[Widget]`.
        status_code: The status of the handler's answer where it returns a bare value; 200 when
            left out, 204 for None.
        summary: One line for the API description; the docstring's first one when left out.
        description: More for the API description; the docstring's rest when left out.
        operation_id: The name of the operation in the API description, from which clients are
            generated; the endpoint when left out.
    """

    response_model: Any
    status_code: int | None
    summary: str | None
    description: str | None
    operation_id: str | None


class EndpointOptions(OperationOptions, total=False):
    """What a route can be given besides its name.

    Attributes:
        defaults: Values of parameters that the rule does not have, by name: the handler gets them
            as if they stood in the path.
        blocking: False runs a quick `def` handler on the event loop.
        max_body: The largest request body in bytes; the setting decides when left out.
        policies: Policies for this route alone.
        host: The host it answers on, such as `api.example.com` or `<tenant>.example.com`.
        max_message_bytes: The largest WebSocket message in bytes; the setting decides when left
            out.
        max_messages_per_second: How many WebSocket messages a client may send; likewise.
    """

    defaults: Mapping[str, object]
    blocking: bool
    max_body: int | None
    policies: Iterable[Policy]
    host: str | None
    max_message_bytes: int | None
    max_messages_per_second: float | None


class RouteOptions(EndpointOptions, total=False):
    """What every route can be given.

    Attributes:
        endpoint: The name for `url_for`; the function's name when left out.
        name: Another word for `endpoint`.
    """

    endpoint: str | None
    name: str | None


class Operation(Struct, frozen=True):
    """What a route says about itself; see `OperationOptions`."""

    response_model: Any = None
    status_code: int | None = None
    summary: str | None = None
    description: str | None = None
    operation_id: str | None = None
    tags: tuple[str, ...] = ()
    deprecated: bool = False
    include_in_schema: bool = True
    responses: Mapping[str, Any] = field(default_factory=dict)
    dependencies: tuple[Depends, ...] = ()

    @classmethod
    def of(cls, where: str, options: OperationOptions) -> Operation:
        """Return what a route was given.

        Args:
            where: The route, for error messages: `Route '/x'`.
            options: The options.

        Raises:
            RouteError: When an option is unknown, a status is not one, or tags or dependencies are
                not lists.
        """
        unknown = sorted(options.keys() - OperationOptions.__annotations__.keys())
        if unknown:
            raise _unknown_option(where, unknown[0])
        status = options.get("status_code")
        if status is not None and not _is_status(status, 200, 399):
            raise RouteError(f"{where}: {status!r} is not a status; give a number from 200 to 399.")
        name = options.get("operation_id")
        if name is not None and (not isinstance(name, str) or not name.isprintable() or not name):
            raise RouteError(f"{where}: operation_id={name!r} is not a name; give a str.")
        tags = [_tag(where, tag) for tag in _listed(where, "tags", options)]
        # `Any`: the keys and types are those of the TypedDict; these alone change theirs.
        given: dict[str, Any] = {
            **options,
            "tags": tuple(dict.fromkeys(tags)),
            "responses": _responses(where, options.get("responses") or {}),
            "dependencies": _listed(where, "dependencies", options),
        }
        return cls(**given)


def merged(*levels: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a route, with what the scopes around it say of all their routes.

    Args:
        levels: The options of the scopes, the outermost first, and the route's own at the end.
            `Any`: each is of its own type.
    """
    options: dict[str, Any] = {}
    for level in levels:
        for name, value in level.items():
            if name in {"tags", "dependencies"} and isinstance(value, list | tuple):
                options[name] = [*options.get(name, ()), *value]
            elif name == "responses" and isinstance(value, Mapping):
                options[name] = {**options.get(name, {}), **value}
            elif name == "deprecated":
                options[name] = bool(value) or options.get(name, False)
            elif name == "include_in_schema":
                options[name] = bool(value) and options.get(name, True)
            else:
                options[name] = value
    return options


def shared_options(where: str, options: SharedOptions) -> SharedOptions:
    """Check what an app or a blueprint says of all its routes, and return it.

    Args:
        where: The app or blueprint, for error messages.
        options: The options.

    Raises:
        RouteError: When one is unknown or malformed.
    """
    unknown = sorted(options.keys() - SharedOptions.__annotations__.keys())
    if unknown:
        from flasgo.advice.names_elsewhere import advice

        known = sorted(SharedOptions.__annotations__)
        meant = advice("Blueprint", unknown[0])
        hint = f" {meant}" if meant else did_you_mean(unknown[0], known)
        raise RouteError(
            f"{where} was given an unknown option {unknown[0]!r}.{hint} It takes "
            f"{', '.join(known)} for all of its routes."
        )
    Operation.of(where, cast("OperationOptions", options))
    return options


_RESPONSE_KEYS = ("model", "description", "content", "headers", "links")


def _responses(where: str, responses: Mapping[int | str, Any]) -> dict[str, Any]:
    if not isinstance(responses, Mapping):
        raise RouteError(
            f"{where}: responses={responses!r} is not a mapping; write {{404: '...'}}."
        )
    for status, given in responses.items():
        if not (_is_status(status, 200, 599) or _RANGE.fullmatch(str(status))):
            raise RouteError(
                f"{where}: {status!r} is not a status; give a number from 200 to 599, '4XX' or "
                "'default'."
            )
        for key in given if isinstance(given, Mapping) else ():
            if key not in _RESPONSE_KEYS and not str(key).startswith("x-"):
                raise RouteError(
                    f"{where}: responses[{status!r}] has {key!r}; a response object has "
                    f"{', '.join(_RESPONSE_KEYS)}.{did_you_mean(str(key), _RESPONSE_KEYS)}"
                )
    return {str(status): given for status, given in responses.items()}


def _is_status(status: object, least: int, most: int) -> bool:
    return isinstance(status, int) and not isinstance(status, bool) and least <= status <= most


def _unknown_option(where: str, name: str) -> RouteError:
    from flasgo.advice.names_elsewhere import advice

    known = sorted(RouteOptions.__annotations__)
    meant = advice("route", name)
    hint = f" {meant}" if meant else did_you_mean(name, known)
    return RouteError(
        f"{where} was given an unknown option {name!r}.{hint} It takes {', '.join(known)}."
    )


def _listed(where: str, name: str, options: OperationOptions) -> tuple[Any, ...]:
    given: Any = options.get(name, ())
    # A blueprint's routes are made more than once: an iterator would be empty by then.
    if not isinstance(given, list | tuple):
        raise RouteError(f"{where}: {name}={given!r} is not a list; write [{given!r}].")
    return tuple(given)


def _tag(where: str, tag: object) -> str:
    tag = tag.value if isinstance(tag, Enum) else tag
    if not isinstance(tag, str):
        raise RouteError(f"{where}: the tag {tag!r} is not a str.")
    return tag
