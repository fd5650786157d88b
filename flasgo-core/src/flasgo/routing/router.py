"""The router: takes routes, finds the one for a request, builds URLs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from flasgo.errors import RouteError
from flasgo.routing.building import build_url
from flasgo.routing.converters import BUILT_IN, Converter
from flasgo.routing.paths import is_clean_path, quote_path
from flasgo.routing.route import Match, Route
from flasgo.routing.rule import Rule, parse_rule
from flasgo.routing.tree import Node, collect, find
from flasgo.suggest import did_you_mean

__all__ = ["Router", "TrailingSlash"]

TrailingSlash: TypeAlias = Literal["strict", "redirect", "ignore"]
"""`strict`: `/a` is not `/a/`. `redirect`: GET and HEAD are sent to the form that exists.
`ignore`: both forms are one route."""

# SECURITY: an HTTP client may send any token as its method, "WEBSOCKET" too. What WebSocket routes
# are filed under has a space, so that no request line can contain it.
_HANDSHAKE = "WEBSOCKET handshake"


class Router:
    """All routes of an app.

    Which route answers does not depend on the order of registration. Segment by segment, from
    the left, plain text comes before `int`, `float`, `uuid` and custom converters, these before
    `str`, and `path` comes last; where a way leads to no route for the method, the next is tried.

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
        self._ignores_slash = trailing_slash == "ignore"
        self._static: dict[str, dict[str, Match]] = {}  # path, then method
        self._tree = Node()
        self._routes: list[Route] = []
        self._by_key: dict[object, dict[str, Route]] = {}  # Rule.key, then method
        self._rules: dict[str, list[Rule]] = {}  # by endpoint, most parameters first
        self._handlers: dict[str, Route] = {}  # by endpoint, the first route of it
        self._converters: dict[str, Converter] = dict(BUILT_IN)
        for name, converter in (converters or {}).items():
            self.add_converter(name, converter)

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
            RouteError: When the name is taken or malformed, or the converter is none.
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

    def prepare(self, route: Route) -> Rule:
        """Parse a route's rule and tell the route its parameters, without taking it yet.

        Args:
            route: The route.

        Raises:
            RouteError: When the rule is malformed.
        """
        rule = parse_rule(route.path, self._converters)
        route.parameters = MappingProxyType({p.name: p.converter for p in rule.parameters})
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
        self._check_endpoint(route)
        matched_rule = rule.without_trailing_slash() if self._ignores_slash else rule
        taken = self._by_key.get(matched_rule.key, {})
        methods = self._open_methods(route, taken)
        self._by_key[matched_rule.key] = taken | dict.fromkeys(methods, route)
        self._file(route, matched_rule, methods)
        self._routes.append(route)
        self._handlers.setdefault(route.endpoint, route)
        rules = self._rules.setdefault(route.endpoint, [])
        rules.append(rule)
        rules.sort(key=lambda rule: -len(rule.parameters))

    def _check_endpoint(self, route: Route) -> None:
        if not isinstance(route.endpoint, str) or not route.endpoint:
            raise RouteError(
                f"The endpoint of {route.path!r} ({route.source}) is a name, "
                f"not {route.endpoint!r}."
            )
        other = self._handlers.get(route.endpoint)
        if other is not None and other.handler != route.handler:
            raise RouteError(
                f"The endpoint {route.endpoint!r} of {_label(route)} belongs to another handler, "
                f"that of {_label(other)}; pass endpoint= to give one of them another name."
            )

    def _open_methods(self, route: Route, taken: Mapping[str, Route]) -> list[str]:
        """Return the methods to file a route under; explicit HEAD wins over automatic HEAD."""
        if not route.methods:
            raise RouteError(f"The route {_label(route)} has no methods; name one, such as 'GET'.")
        filed: list[str] = []
        for method in sorted(route.methods):
            other = taken.get(_HANDSHAKE if route.is_websocket else method)
            is_automatic = method == "HEAD" and route.is_head_automatic
            if other is None or (method == "HEAD" and not is_automatic and other.is_head_automatic):
                filed.append(_HANDSHAKE if route.is_websocket else method)
            elif not is_automatic:
                raise RouteError(
                    f"{method} {_label(route)} matches the same paths as {_label(other)}; "
                    "change one of the rules, or let them have different methods."
                )
        return filed

    def _file(self, route: Route, rule: Rule, methods: list[str]) -> None:
        if rule.is_static:
            forms = {rule.text, rule.text + "/"} if self._ignores_slash else {rule.text}
            forms.discard("//")
            for form in forms:
                self._static.setdefault(form, {}).update(dict.fromkeys(methods, Match(route, None)))
        else:
            names = tuple(parameter.name for parameter in rule.parameters)
            leaves = self._tree.insert(rule).leaves
            leaves.update(dict.fromkeys(methods, (route, names)))

    def match(self, method: str, path: str) -> Match | None:
        """Return the route for an HTTP request, or None.

        Args:
            method: The HTTP method, in upper case.
            path: The path, percent-decoded once.
        """
        # PERF: a static path is two dict look-ups and allocates nothing. Rules are well formed,
        # so a path that equals one needs no check.
        by_method = self._static.get(path)
        if by_method is not None:
            match = by_method.get(method)
            if match is not None:
                return match
        # PERF: three calls in C clear almost every path; the rest is looked at closely.
        if ("//" in path or "/." in path or not path.isprintable()) and not is_clean_path(path):
            return None
        if self._ignores_slash:
            path = _without_slash(path)
        segments = path.split("/")
        return None if segments[0] else find(self._tree, segments, 1, method, ())

    def match_websocket(self, path: str) -> Match | None:
        """Return the route for a WebSocket handshake, or None.

        Args:
            path: The path, percent-decoded once.
        """
        return self.match(_HANDSHAKE, path)

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Return the HTTP methods that a path answers to, sorted.

        OPTIONS is among them wherever there is any, for it is answered automatically.

        Args:
            path: The path, percent-decoded once.

        Returns:
            The methods for an `Allow` header; `()` when nothing matches.
        """
        methods = set(self._static.get(path, ()))
        if is_clean_path(path):
            canonical = _without_slash(path) if self._ignores_slash else path
            collect(self._tree, canonical.split("/"), 1, methods)
        methods.discard(_HANDSHAKE)
        return tuple(sorted(methods | {"OPTIONS"})) if methods else ()

    def slash_redirect(self, method: str, path: str) -> str | None:
        """Return where a request belongs that has a slash too many or too few at its end.

        Args:
            method: The HTTP method; only GET and HEAD are redirected.
            path: The path, percent-decoded once.

        Returns:
            A percent-encoded path that begins with exactly one `/`, ready for a `Location`
            header behind the root path; None when there is nothing to redirect to.
        """
        if self.trailing_slash != "redirect" or method not in {"GET", "HEAD"} or path == "/":
            return None
        other = path[:-1] if path.endswith("/") else path + "/"
        # An unclean path may lose its fault with its last slash ("/a//"); it stays refused.
        if not is_clean_path(path) or self.match(method, path) or not self.match(method, other):
            return None
        # SECURITY: encoding turns "\" into "%5C"; a browser reads "/\host" as "//host" (CWE-601).
        return quote_path(other)

    def build(self, endpoint: str, params: Mapping[str, object]) -> str:
        """Return the URL path of an endpoint, percent-encoded.

        Args:
            endpoint: The endpoint's name.
            params: Parameters of its rule by name; others become the query, lists repeated. None
                counts as not given.

        Raises:
            BuildError: When the endpoint is unknown, a parameter is missing or a value impossible.
        """
        return build_url(self._rules, endpoint, params)


def _without_slash(path: str) -> str:
    return path[:-1] if path[-1:] == "/" else path


def _label(route: Route) -> str:
    return f"{route.path!r} (endpoint {route.endpoint!r}, {route.source})"
