"""What a route says about itself beyond its path: the shape of its answers, and its description."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypedDict

from msgspec import Struct, field

from flasgo.errors import RouteError, did_you_mean

if TYPE_CHECKING:
    from flasgo.binding.parameters import Depends
    from flasgo.routing.policies import Policy

__all__ = ["Operation", "OperationOptions", "RouteOptions"]

# What other frameworks call it.
_OTHER_NAMES = {"name": "endpoint", "operation_id": "endpoint"}


class OperationOptions(TypedDict, total=False):
    """What `Operation` can be given.

    Attributes:
        response_model: The type of what the handler answers: it is converted to that type, which
            drops what the type does not have, and validated. `Any`: a class, or `list[Widget]`.
        status_code: The status of the handler's answer where it returns a bare value; 200 when
            left out, 204 for None.
        summary: One line for the API description; the docstring's first one when left out.
        description: More for the API description; the docstring's rest when left out.
        tags: Groups in the API description.
        deprecated: Whether the API description calls it deprecated.
        include_in_schema: False leaves the route out of the API description.
        responses: Further answers for the API description: a status with a sentence, or with the
            type of the JSON that is sent.
        dependencies: `Depends(...)` whose results the handler does not need: they are called
            before those that it asks for.
    """

    response_model: Any
    status_code: int | None
    summary: str | None
    description: str | None
    tags: Sequence[str]
    deprecated: bool
    include_in_schema: bool
    responses: Mapping[int, Any]
    dependencies: Sequence[Depends]


class RouteOptions(OperationOptions, total=False):
    """What every route can be given, besides what it says about its answers.

    Attributes:
        endpoint: The name for `url_for`; the function's name when left out.
        blocking: False runs a quick `def` handler on the event loop.
        max_body: The largest request body in bytes; the setting decides when left out.
        policies: Policies for this route alone.
        host: The host it answers on, such as `api.example.com` or `<tenant>.example.com`.
        max_message_bytes: The largest WebSocket message in bytes; the setting decides when left
            out.
        max_messages_per_second: How many WebSocket messages a client may send; likewise.
    """

    endpoint: str | None
    blocking: bool
    max_body: int | None
    policies: Iterable[Policy]
    host: str | None
    max_message_bytes: int | None
    max_messages_per_second: float | None


class Operation(Struct, frozen=True):
    """What a route says about itself; see `OperationOptions`."""

    response_model: Any = None
    status_code: int | None = None
    summary: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    deprecated: bool = False
    include_in_schema: bool = True
    responses: Mapping[int, Any] = field(default_factory=dict)
    dependencies: tuple[Depends, ...] = ()

    @classmethod
    def of(cls, rule: str, options: OperationOptions) -> Operation:
        """Return what a route was given.

        Args:
            rule: The route's rule, for error messages.
            options: The options.

        Raises:
            RouteError: When an option is unknown, a status is not one, or tags or dependencies are
                no lists.
        """
        unknown = sorted(options.keys() - OperationOptions.__annotations__.keys())
        if unknown:
            raise _unknown_option(rule, unknown[0])
        status = options.get("status_code")
        statuses = ([] if status is None else [(status, 200, 399)]) + [
            (each, 200, 599) for each in options.get("responses", ())
        ]
        for each, least, most in statuses:
            if isinstance(each, bool) or not isinstance(each, int) or not least <= each <= most:
                raise RouteError(
                    f"Route {rule!r}: {each!r} is not a status; give a number from {least} to "
                    f"{most}."
                )
        # `Any`: the keys and types are those of the TypedDict; these two alone change theirs.
        given: dict[str, Any] = {
            **options,
            "tags": tuple(_tag(rule, tag) for tag in _listed(rule, "tags", options)),
            "dependencies": _listed(rule, "dependencies", options),
        }
        return cls(**given)


def _unknown_option(rule: str, name: str) -> RouteError:
    known = sorted(RouteOptions.__annotations__)
    meant = _OTHER_NAMES.get(name)
    hint = f" Here it is {meant}=." if meant else did_you_mean(name, known)
    return RouteError(
        f"Route {rule!r} was given an unknown option {name!r}.{hint} Known are: {', '.join(known)}."
    )


def _listed(rule: str, name: str, options: OperationOptions) -> tuple[Any, ...]:
    given: Any = options.get(name, ())
    # A blueprint's routes are made more than once: an iterator would be empty by then.
    if not isinstance(given, list | tuple):
        raise RouteError(f"Route {rule!r}: {name}={given!r} is no list; give one: [{given!r}].")
    return tuple(given)


def _tag(rule: str, tag: object) -> str:
    tag = tag.value if isinstance(tag, Enum) else tag
    if not isinstance(tag, str):
        raise RouteError(f"Route {rule!r}: the tag {tag!r} is no text; give a str.")
    return tag
