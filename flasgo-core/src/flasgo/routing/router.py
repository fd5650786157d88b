"""The router: takes routes, finds the one for a request, builds URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from flasgo.errors import RouteError, did_you_mean
from flasgo.routing.building import BuiltURL, build_url
from flasgo.routing.converters import BUILT_IN, Converter
from flasgo.routing.hosts import HostRule, parse_host_rule
from flasgo.routing.paths import is_clean_path, quote_path
from flasgo.routing.route import Match, Route
from flasgo.routing.rule import Rule, parse_rule
from flasgo.routing.table import HANDSHAKE, Table, label_of

__all__ = ["Router", "TrailingSlash"]

TrailingSlash: TypeAlias = Literal["strict", "redirect", "ignore"]
"""`strict`: `/a` is not `/a/`. `redirect`: GET and HEAD are sent to the form that exists.
`ignore`: both forms are one route."""


class Router:
    """All routes of an app.

    Which route answers does not depend on the order of registration. Segment by segment, from
    the left, plain text comes before `int`, `float`, `uuid` and custom converters, these before
    `str`, and `path` comes last; where a way leads to no route for the method, the next is tried.
    Routes of a host come before routes of all hosts.

    Args:
        converters: Converters by name, in addition to the built-in ones.
        trailing_slash: One of `strict`, `redirect` and `ignore`.

    Raises:
        RouteError: When a converter or the policy is not usable.
    """

    def __init__(
        self,
        converters: Mapping[str, Converter | type[Converter]] | None = None,
        *,
        trailing_slash: str = "redirect",
    ) -> None:
        allowed = get_args(TrailingSlash)
        if trailing_slash not in allowed:
            raise RouteError(
                f"trailing_slash is one of {', '.join(map(repr, allowed))}, "
                f"not {trailing_slash!r}.{did_you_mean(str(trailing_slash), allowed)}"
            )
        self.trailing_slash = trailing_slash
        self._converters: dict[str, Converter] = dict(BUILT_IN)
        self._clear()
        for name, converter in (converters or {}).items():
            self.add_converter(name, converter)

    def _clear(self) -> None:
        self._routes: list[Route] = []
        self._everywhere = self._new_table()
        self._hosts: dict[object, Table] = {}  # by HostRule.key
        self._named_hosts: dict[str, Table] = {}  # those without parameters
        self._open_hosts: list[tuple[HostRule, Table]] = []  # those with some, by precedence
        self._rules: dict[str, list[Rule]] = {}  # by endpoint, most parameters first
        self._handlers: dict[str, Route] = {}  # by endpoint, the first route of it

    @property
    def match(self) -> Callable[[str, str], Match | None]:
        """Finds the route for a method and a decoded path among those of all hosts.

        PERF: the table's own method, so that an app without host routes pays for no other call.
        """
        return self._everywhere.match

    def _new_table(self) -> Table:
        return Table(ignores_slash=self.trailing_slash == "ignore")

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes in the order of registration."""
        return tuple(self._routes)

    @property
    def converters(self) -> Mapping[str, Converter]:
        """The known converters by name."""
        return MappingProxyType(self._converters)

    def add_converter(self, name: str, converter: Converter | type[Converter]) -> None:
        """Make a converter known to the rules that are added later.

        Args:
            name: What rules call it; an identifier that is not in use.
            converter: A Converter, or a subclass that needs no arguments.

        Raises:
            RouteError: When the name is taken or malformed, or it is not a converter.
        """
        if not isinstance(name, str) or not name.isidentifier():
            raise RouteError(f"A converter's name is an identifier such as 'slug', not {name!r}.")
        if name in self._converters:
            owner = "built in" if name in BUILT_IN else "registered already"
            raise RouteError(f"The converter {name!r} is {owner}; choose another name.")
        if isinstance(converter, type) and issubclass(converter, Converter):
            try:
                converter = converter()
            except TypeError as error:
                raise RouteError(
                    f"The converter {name!r} needs arguments; pass an instance of "
                    f"{converter.__name__} instead of the class ({error})."
                ) from error
        if not isinstance(converter, Converter):
            raise RouteError(
                f"The converter {name!r} must be a flasgo.Converter or a subclass of it, "
                f"not {converter!r}."
            )
        self._converters[name] = converter

    @property
    def has_hosts(self) -> bool:
        """Whether some routes answer on one host only."""
        return bool(self._hosts)

    def prepare(self, route: Route) -> Rule:
        """Parse a route's rule and tell the route its parameters, without taking it yet.

        Args:
            route: The route.

        Raises:
            RouteError: When the rule or the host is malformed.
        """
        rule = parse_rule(route.path, self._converters)
        parameters = {p.name: p.converter for p in rule.parameters}
        if route.host is not None:
            rule.host = parse_host_rule(route.host, route.path, self._converters)
            twice = sorted(parameters.keys() & {p.name for p in rule.host.parameters})
            if twice:
                raise RouteError(
                    f"{route.path!r} on {route.host!r}: the parameter {twice[0]!r} is in both the "
                    "path and the host; rename one."
                )
            parameters |= {p.name: p.converter for p in rule.host.parameters}
            route.host_parameters = tuple(p.name for p in rule.host.parameters)
        twice = sorted(parameters.keys() & route.defaults.keys())
        if twice:
            raise RouteError(
                f"{route.path!r}: the parameter {twice[0]!r} is in the rule and in defaults=; "
                "leave it out of one."
            )
        rule.defaults = route.defaults
        route.parameters = MappingProxyType(parameters)
        route.spans_segments = rule.spans_segments
        return rule

    def add(self, route: Route) -> None:
        """Take a route; a refused one leaves the router as it was.

        Args:
            route: The route.

        Raises:
            RouteError: When the rule is malformed, another route answers the same paths and
                methods, or another handler has the endpoint's name.
        """
        rule = self.prepare(route)
        self._settle_endpoint(route)
        self._check_endpoint(route)
        table = self._table_of(rule.host)
        table.add(route, rule)
        self._keep_host(rule.host, table)
        self._routes.append(route)
        self._handlers.setdefault(route.endpoint, route)
        rules = self._rules.setdefault(route.endpoint, [])
        rules.append(rule)
        rules.sort(key=lambda rule: -len(rule.every_parameter))

    def add_all(self, routes: Iterable[Route]) -> None:
        """Take several routes, or none of them when one is refused.

        Args:
            routes: The routes.

        Raises:
            RouteError: As `add`; the router is as it was before.
        """
        go_back = self.checkpoint()
        try:
            for route in routes:
                self.add(route)
        except BaseException:
            go_back()
            raise

    def checkpoint(self) -> Callable[[], None]:
        """Return a function that takes the router back to the routes and converters of now."""
        # Neither is ever taken out singly, so that their numbers say enough.
        routes, converters = len(self._routes), len(self._converters)

        def go_back() -> None:
            kept = self._routes[:routes]
            self._converters = dict(islice(self._converters.items(), converters))
            self._clear()
            for route in kept:
                self.add(route)

        return go_back

    def _table_of(self, host: HostRule | None) -> Table:
        """Return the table of a host, a new one where the host has none yet."""
        if host is None:
            return self._everywhere
        known = self._hosts.get(host.key)
        return self._new_table() if known is None else known

    def _keep_host(self, host: HostRule | None, table: Table) -> None:
        if host is None or host.key in self._hosts:
            return
        self._hosts[host.key] = table
        if host.is_static:
            self._named_hosts[host.text] = table
        else:
            self._open_hosts.append((host, table))
            self._open_hosts.sort(key=lambda known: known[0].rank)

    def _settle_endpoint(self, route: Route) -> None:
        """Give way to names that were chosen: a generated one never clashes."""
        name = route.endpoint
        other = self._handlers.get(name)
        if other is None or _are_one(other, route) or (route.is_named and other.is_named):
            return
        number = 2
        while f"{name}_{number}" in self._handlers:
            number += 1
        if not route.is_named:
            route.endpoint = f"{name}_{number}"
            return
        for known in self._routes:
            if known.endpoint == name:
                known.endpoint = f"{name}_{number}"
        self._handlers[f"{name}_{number}"] = self._handlers.pop(name)
        self._rules[f"{name}_{number}"] = self._rules.pop(name)

    def _check_endpoint(self, route: Route) -> None:
        if not isinstance(route.endpoint, str) or not route.endpoint:
            raise RouteError(
                f"The endpoint of {route.path!r} ({route.source}) is a name, "
                f"not {route.endpoint!r}."
            )
        other = self._handlers.get(route.endpoint)
        if other is not None and not _are_one(other, route):
            raise RouteError(
                f"The endpoint {route.endpoint!r} of {label_of(route)} belongs to another "
                f"handler, that of {label_of(other)}; pass endpoint= to give one of them another "
                "name."
            )

    def _tables(self, host: str) -> Iterator[tuple[Table, tuple[object, ...]]]:
        """Iterate over the tables that answer on a host, the most specific first.

        A host is compared as text; it never becomes a pattern (CVE-2026-25479).
        """
        named = self._named_hosts.get(host)
        if named is not None:
            yield named, ()
        if host and self._open_hosts:
            labels = host.split(".")
            for rule, table in self._open_hosts:
                values = rule.match(labels)
                if values is not None:
                    yield table, values
        yield self._everywhere, ()

    def match_on(self, host: str, method: str, path: str) -> Match | None:
        """Return the route for a request to a host; one of that host wins over one of all hosts.

        Args:
            host: The host as `routed_host` returns it.
            method: The HTTP method, in upper case.
            path: The path, percent-decoded once.
        """
        for table, values in self._tables(host):
            match = table.match(method, path)
            if match is not None:
                return _with_values(match, values) if values else match
        return None

    def match_websocket(self, path: str, host: str = "") -> Match | None:
        """Return the route for a WebSocket handshake, or None.

        Args:
            path: The path, percent-decoded once.
            host: The host as `routed_host` returns it.
        """
        return self.match_on(host, HANDSHAKE, path)

    def allowed_methods(self, path: str, host: str = "") -> tuple[str, ...]:
        """Return the HTTP methods that a path answers to, sorted.

        OPTIONS is among them wherever there is any, for it is answered automatically.

        Args:
            path: The path, percent-decoded once.
            host: The host as `routed_host` returns it.

        Returns:
            The methods for an `Allow` header; `()` when nothing matches.
        """
        methods = self._everywhere.methods_of(path)
        if self._hosts:
            for table, _ in self._tables(host):
                methods |= table.methods_of(path)
        methods.discard(HANDSHAKE)
        return tuple(sorted(methods | {"OPTIONS"})) if methods else ()

    def routes_at(self, path: str) -> set[Route]:
        """Return the routes that answer on a path, with any method and on any host.

        Args:
            path: The path, percent-decoded once.
        """
        found: set[Route] = set()
        for table in (self._everywhere, *self._hosts.values()):
            matches = [table.match(method, path) for method in table.methods_of(path)]
            found.update(match.route for match in matches if match is not None)
        return found

    def slash_twin(self, method: str, path: str, host: str = "") -> str | None:
        """Return where a request belongs that has a slash too many or too few at its end.

        Args:
            method: The HTTP method.
            path: The path, percent-decoded once.
            host: The host as `routed_host` returns it.

        Returns:
            A percent-encoded path that begins with exactly one `/`, ready for a `Location`
            header behind the root path; None when no route has the other form, or the policy is
            not to redirect.
        """
        other = self.other_slash(method, path, host)
        # SECURITY: encoding turns "\" into "%5C"; a browser reads "/\host" as "//host" (CWE-601).
        return None if other is None else quote_path(other)

    def other_slash(self, method: str, path: str, host: str = "") -> str | None:
        """Return the path of `slash_twin` as it is routed, not encoded; its arguments are the same.

        Args:
            method: The HTTP method.
            path: The path, percent-decoded once.
            host: The host as `routed_host` returns it.
        """
        if self.trailing_slash != "redirect" or path == "/":
            return None
        other = path[:-1] if path.endswith("/") else path + "/"
        # An unclean path may lose its fault with its last slash ("/a//"); it stays refused.
        # PERF: the other form is looked for first; most paths without a route have neither.
        found = self.match_on(host, method, other) if self._hosts else self.match(method, other)
        if found is None or not is_clean_path(path) or self.match_on(host, method, path):
            return None
        return other

    def add_name(self, endpoint: str, route: Route) -> None:
        """Let URLs of a route be built by another endpoint as well.

        Args:
            endpoint: The name.
            route: One of the router's.

        Raises:
            RouteError: When another route has the name.
        """
        other = self._handlers.setdefault(endpoint, route)
        if other is not route:
            raise RouteError(
                f"The endpoint {endpoint!r} belongs to another handler, that of {label_of(other)}."
            )
        self._rules[endpoint] = self._rules[route.endpoint]

    def build(self, endpoint: str, params: Mapping[str, object]) -> str:
        """Return the URL path of an endpoint, percent-encoded.

        Args:
            endpoint: The endpoint's name.
            params: Parameters of its rule by name; others become the query, lists repeated. None
                counts as not given.

        Raises:
            BuildError: When the endpoint is unknown, a parameter is missing or a value impossible.
        """
        return self.build_url(endpoint, params).path

    def build_url(self, endpoint: str, params: Mapping[str, object]) -> BuiltURL:
        """Return the URL path of an endpoint like `build`, with the host it is bound to.

        Args:
            endpoint: The endpoint's name.
            params: As for `build`.

        Raises:
            BuildError: As `build`.
        """
        return build_url(self._rules, endpoint, params)

    def route_of(self, endpoint: str) -> Route | None:
        """Return the first route of an endpoint, or None.

        Args:
            endpoint: The endpoint's name.
        """
        return self._handlers.get(endpoint)


def _are_one(route: Route, other: Route) -> bool:
    """Whether two routes may share a name: one handler has both, or one view."""
    view = getattr(route.handler, "_view", None)
    is_view = view is not None and view is getattr(other.handler, "_view", None)
    return is_view or route.handler == other.handler


def _with_values(match: Match, values: tuple[object, ...]) -> Match:
    """Add the parameters of the host to those of the path, by the names the route gave them."""
    named = zip(match.route.host_parameters, values, strict=True)
    return Match(match.route, {**dict(named), **(match.params or {})})
