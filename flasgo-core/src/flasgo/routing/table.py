"""A table of routes: what answers on one host, or on all of them."""

from __future__ import annotations

from collections.abc import Mapping

from flasgo.errors import RouteError
from flasgo.routing.paths import is_clean_path
from flasgo.routing.route import Match, Route
from flasgo.routing.rule import Rule
from flasgo.routing.tree import Node, collect, find

__all__ = ["HANDSHAKE", "Table", "label_of"]

# SECURITY: an HTTP client may send any token as its method, "WEBSOCKET" too. What WebSocket routes
# are filed under has a space, so that no request line can contain it.
HANDSHAKE = "WEBSOCKET handshake"


class Table:
    """Finds the route of a method and path.

    Args:
        ignores_slash: Whether a slash at the end of a path makes no difference.
    """

    def __init__(self, *, ignores_slash: bool) -> None:
        self._ignores_slash = ignores_slash
        self._static: dict[str, dict[str, Match]] = {}  # path, then method
        self._tree = Node()
        self._by_key: dict[object, dict[str, Route]] = {}  # Rule.key, then method

    def add(self, route: Route, rule: Rule) -> None:
        """Take a route; a refused one leaves the table as it was.

        Args:
            route: The route.
            rule: Its parsed rule.

        Raises:
            RouteError: When another route answers the same paths and methods.
        """
        matched_rule = rule.without_trailing_slash() if self._ignores_slash else rule
        taken = self._by_key.get(matched_rule.key, {})
        methods = _open_methods(route, taken)
        self._by_key[matched_rule.key] = taken | dict.fromkeys(methods, route)
        self._file(route, matched_rule, methods)

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

    def methods_of(self, path: str) -> set[str]:
        """Return the methods that a path answers to, WebSocket handshakes among them.

        Args:
            path: The path, percent-decoded once.
        """
        methods = set(self._static.get(path, ()))
        if is_clean_path(path):
            canonical = _without_slash(path) if self._ignores_slash else path
            collect(self._tree, canonical.split("/"), 1, methods)
        return methods


def _without_slash(path: str) -> str:
    return path[:-1] if path[-1:] == "/" else path


_MOUNT, _AUTOMATIC_HEAD, _EXPLICIT = range(3)


def _precedence(route: Route, method: str) -> int:
    """Which of two routes with the same paths answers a method: the one with the higher number.

    The address that an app is mounted at is like those below it: a route of the app around it comes
    first. The catch-all of a mount is not, since a route like it would leave nothing to the mount.
    """
    if route.mounted is not None and route.path.endswith("/"):
        return _MOUNT
    return _AUTOMATIC_HEAD if method == "HEAD" and route.is_head_automatic else _EXPLICIT


def _open_methods(route: Route, taken: Mapping[str, Route]) -> list[str]:
    """Return the methods to file a route under; see `_precedence` for who wins."""
    if not route.methods:
        raise RouteError(f"The route {label_of(route)} has no methods; name one, such as 'GET'.")
    filed: list[str] = []
    for method in sorted(route.methods):
        other = taken.get(HANDSHAKE if route.is_websocket else method)
        mine = _precedence(route, method)
        theirs = -1 if other is None else _precedence(other, method)
        if other is None or mine > theirs:
            filed.append(HANDSHAKE if route.is_websocket else method)
        elif mine == theirs != _AUTOMATIC_HEAD:
            raise RouteError(
                f"{method} {label_of(route)} matches the same paths as {label_of(other)}; "
                "change one of the rules, or let them have different methods."
            )
    return filed


def label_of(route: Route) -> str:
    """Return a route as error messages name it: rule, endpoint and where its handler is."""
    host = "" if route.host is None else f" on {route.host}"
    return f"{route.path!r}{host} (endpoint {route.endpoint!r}, {route.source})"
