"""A route: a rule, methods, and the handler that answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar, Unpack, cast

from flasgo.callables import is_named, name_of, source_of
from flasgo.errors import RouteError
from flasgo.routing.converters import Converter
from flasgo.routing.operation import Operation, OperationOptions
from flasgo.routing.policies import Policy, PolicyScope, policies_on

if TYPE_CHECKING:
    from flasgo.asgi import ASGIApp
    from flasgo.binding import CallPlan
    from flasgo.kernel.pipeline import Pipeline

__all__ = ["WEBSOCKET", "Match", "Route"]

WEBSOCKET = "WEBSOCKET"
"""What `Route.methods` holds for a WebSocket route. No HTTP request ever matches it."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_NO_PARAMETERS: Mapping[str, Converter] = MappingProxyType({})
_NO_DEFAULTS: Mapping[str, object] = MappingProxyType({})

P = TypeVar("P", bound=Policy)


class Route:
    """A rule with its methods, endpoint name and handler.

    An outcome without an endpoint (404, 405, automatic OPTIONS) has a Route as well: with no
    methods, so that it is never registered or matched.

    Args:
        path: The rule, such as `/users/<int:id>`.
        handler: What answers.
        methods: HTTP methods; HEAD is added where GET is given. Not used for WebSocket routes.
        endpoint: The name for `url_for`; the handler's own name when left out.
        name: Another word for `endpoint`.
        defaults: Values of parameters that the rule does not have.
        blocking: Whether a `def` handler runs in a worker thread.
        is_websocket: Whether this is a WebSocket route.
        max_body: The largest request body in bytes; None leaves it to the app's setting.
        policies: Policies of this route alone, before those attached to the handler.
        host: The host it answers on, such as `<tenant>.example.com`; None for every host.
        max_message_bytes: The largest WebSocket message in bytes; None leaves it to the setting.
        max_messages_per_second: How many WebSocket messages a client may send; likewise.
        scopes: What hands policies and callbacks down to the route: the app, then the blueprints
            from the outermost to the innermost.
        blueprint: The full name of the innermost blueprint, if there is one.
        mounted: The ASGI app that answers below the path, where the route is a mount.
        operation: What it says about its answers and to the API description.

    Attributes:
        parameters: The converter of each parameter; filled when a router takes the route.
        host_parameters: The names of those that are in the host; filled likewise.
        spans_segments: Whether a parameter may contain `/`; filled likewise.
        is_head_automatic: Whether HEAD came with GET; an explicit HEAD route wins over it.
        is_named: Whether somebody has chosen the endpoint's name: a router changes it where it is
            that of a lambda, a partial or an object, and clashes with another.
        plan: How the handler gets its arguments; None before that is known.
        pipeline: What the compiler made of the route; not there before that.

    Raises:
        RouteError: When the handler, a method or a bound is not usable.
    """

    pipeline: Pipeline

    __slots__ = (
        "__weakref__",
        "_own_policies",
        "_policies",
        "_policies_by_kind",
        "_policy_parts",
        "blocking",
        "blueprint",
        "defaults",
        "endpoint",
        "handler",
        "host",
        "host_parameters",
        "is_head_automatic",
        "is_named",
        "is_websocket",
        "max_body",
        "max_message_bytes",
        "max_messages_per_second",
        "methods",
        "mounted",
        "operation",
        "parameters",
        "path",
        "pipeline",
        "plan",
        "scopes",
        "spans_segments",
    )

    def __init__(
        self,
        path: str,
        handler: Callable[..., object],
        *,
        methods: Iterable[str] = ("GET",),
        endpoint: str | None = None,
        name: str | None = None,
        defaults: Mapping[str, object] = _NO_DEFAULTS,
        blocking: bool = True,
        is_websocket: bool = False,
        max_body: int | None = None,
        policies: Iterable[Policy] = (),
        host: str | None = None,
        max_message_bytes: int | None = None,
        max_messages_per_second: float | None = None,
        scopes: Iterable[PolicyScope] = (),
        blueprint: str | None = None,
        mounted: ASGIApp | None = None,
        **operation: Unpack[OperationOptions],
    ) -> None:
        if not callable(handler):
            raise RouteError(f"The handler of {path!r} must be callable, not {handler!r}.")
        if max_body is not None and (
            isinstance(max_body, bool) or not isinstance(max_body, int) or max_body < 0
        ):
            raise RouteError(
                f"max_body of {path!r} is a number of bytes from 0, or None; not {max_body!r}."
            )
        _check_bound(path, "max_message_bytes", max_message_bytes)
        _check_bound(path, "max_messages_per_second", max_messages_per_second)
        if name is not None and endpoint not in (None, name):
            raise RouteError(
                f"Route {path!r} has the endpoint {endpoint!r} and the name {name!r}, which are "
                "the same thing; give one of them."
            )
        endpoint = endpoint if name is None else name
        given = frozenset({WEBSOCKET}) if is_websocket else _checked_methods(path, methods)
        self.path = path
        self.handler = handler
        self.is_head_automatic = "GET" in given and "HEAD" not in given
        self.methods: frozenset[str] = given | {"HEAD"} if self.is_head_automatic else given
        self.is_named = endpoint is not None or is_named(handler)
        self.endpoint = name_of(handler).strip("<>") if endpoint is None else endpoint
        self.defaults = _checked_defaults(path, defaults)
        self.blocking = blocking
        self.is_websocket = is_websocket
        self.max_body = max_body
        self.parameters: Mapping[str, Converter] = _NO_PARAMETERS
        self.spans_segments = False
        self.host = host
        self.host_parameters: tuple[str, ...] = ()
        self.max_message_bytes = max_message_bytes
        self.max_messages_per_second = max_messages_per_second
        self.scopes = tuple(scopes)
        self.blueprint = blueprint
        self.mounted = mounted
        self.operation = Operation.of(f"Route {path!r}", operation)
        self.plan: CallPlan | None = None
        self._own_policies = tuple(policies)
        self._policies: tuple[Policy, ...] = ()
        self._policies_by_kind: dict[type, tuple[Policy, ...]] = {}
        self._policy_parts: list[tuple[Policy, ...]] | None = None

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The app's and blueprints' policies, then the route's own, then the handler's.

        They are read anew each time: decorators may come later.
        """
        parts = [policies_on(self.handler), *[scope._held_policies for scope in self.scopes]]
        # PERF: hooks ask at each request; what is put together is kept while its parts stay.
        if parts != self._policy_parts:
            held = (policy for part in parts[1:] for policy in part)
            self._policies = (*held, *self._own_policies, *parts[0])
            self._policies_by_kind = {}
            self._policy_parts = parts
        return self._policies

    def policy(self, kind: type[P]) -> P | None:
        """Return the first policy of a type, or None.

        Args:
            kind: The policy class; instances of subclasses count.
        """
        found = self.policies_of(kind)
        return found[0] if found else None

    def policies_of(self, kind: type[P]) -> tuple[P, ...]:
        """Return all policies of a type.

        Args:
            kind: The policy class; instances of subclasses count.
        """
        policies = self.policies
        found = self._policies_by_kind.get(kind)
        if found is None:
            found = tuple(policy for policy in policies if isinstance(policy, kind))
            self._policies_by_kind[kind] = found
        return cast("tuple[P, ...]", found)

    @property
    def source(self) -> str:
        """Where the handler is defined: `file:line`, or its module and name if it has no file."""
        return source_of(self.handler)

    def __repr__(self) -> str:
        """Return the rule, the methods and the endpoint."""
        return f"<Route {self.path!r} {','.join(sorted(self.methods))} -> {self.endpoint}>"


class Match(NamedTuple):
    """A route that answers a request.

    Attributes:
        route: The route.
        params: The converted path parameters, a new dict for each match; None where the rule has
            no parameters, whose Match is shared by all requests.
    """

    route: Route
    params: dict[str, object] | None


def _check_bound(path: str, name: str, value: float | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise RouteError(f"{name} of {path!r} is a number above 0, or None; not {value!r}.")


def _checked_defaults(path: str, defaults: Mapping[str, object]) -> Mapping[str, object]:
    if not isinstance(defaults, Mapping) or not all(isinstance(name, str) for name in defaults):
        raise RouteError(f"defaults of {path!r} is a dict of parameters, not {defaults!r}.")
    return MappingProxyType(dict(defaults)) if defaults else _NO_DEFAULTS


def _checked_methods(path: str, methods: Iterable[str]) -> frozenset[str]:
    if isinstance(methods, str):
        raise RouteError(f"methods of {path!r} is a list such as ['GET'], not the str {methods!r}.")
    names = list(methods)
    for name in names:
        if not isinstance(name, str) or _TOKEN.fullmatch(name) is None:
            raise RouteError(f"{name!r} is not an HTTP method ({path!r}); write 'GET' or 'POST'.")
        if name.upper() == WEBSOCKET:
            raise RouteError(f"{path!r}: WebSocket routes are made with app.websocket(...).")
    return frozenset(name.upper() for name in names)
