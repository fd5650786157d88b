"""Why a request reaches no route: for `flasgo routes PATH --explain` and `flasgo explain`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from flasgo.errors import HTTPException, reason_phrase
from flasgo.routing import Route, routed_host

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.requests.connection import Connection

__all__ = ["Unreached", "reached", "why_unreached"]

_MOST_CLOSE = 3
_LONGEST_COMPARED = 200


class Unreached(Struct, frozen=True):
    """What a request that reaches no route is answered, and why.

    Attributes:
        status: The status of the answer, before plugins and error handlers.
        answer: What it says, or where it leads.
        reasons: Why no route takes it.
        close: Rules that are like its path.
    """

    status: int
    answer: str
    reasons: tuple[str, ...]
    close: tuple[str, ...]


def reached(app: Flasgo, method: str, path: str, host: str) -> Route | None:
    """Return the route that takes a request, or None.

    Args:
        app: The app.
        method: The method, or `WEBSOCKET`.
        path: The path, percent-decoded.
        host: The host, or `""`.
    """
    router, name = app._router, routed_host(host.encode() or None)
    if method == "WEBSOCKET":
        match = router.match_websocket(path, name)
    else:
        match = router.match_on(name, method, path)
    return None if match is None else match.route


async def why_unreached(app: Flasgo, request: Connection) -> Unreached:
    """Return what a request is answered that reaches no route, and why.

    Args:
        app: The app.
        request: The request.
    """
    path, method = request.path, request.scope.get("method", "WEBSOCKET")
    try:
        response = await app._compile().answer_unmatched(request)
        status = response.status_code
        answer = response.headers.get("location") or response.headers.get("allow") or ""
    except HTTPException as error:
        status, answer = error.status_code, error.detail
    reasons = tuple(_reasons(app, request, method, path))
    is_elsewhere = status != 404 or app.routes_at(path)
    close = () if is_elsewhere else tuple(_close(app.routes, path))
    return Unreached(status, f"{reason_phrase(status)}. {answer}".strip(), reasons, close)


def _reasons(app: Flasgo, request: Connection, method: str, path: str) -> Iterator[str]:
    found = app.routes_at(path)
    here = [route for route in found if not route.host or _is_on(app, route, request, path)]
    for route in found:
        if route not in here:
            asked = request.headers.get("host")
            yield f"{route.path} is bound to the host {route.host}, and this is for {asked}."
    methods = sorted({m for route in here if not route.is_websocket for m in route.methods})
    if methods and method != "WEBSOCKET":
        yield f"The path is that of {_rules(here)}, which takes {', '.join(methods)}."
    if any(route.is_websocket for route in here) and method != "WEBSOCKET":
        yield f"The path is that of {_rules(here)}, which takes WebSocket handshakes only."
    if method == "WEBSOCKET" and here:
        yield f"The path is that of {_rules(here)}, which takes no WebSocket handshakes."
    if found:
        return
    twin = path[:-1] if path.endswith("/") else f"{path}/"
    if app.routes_at(twin):
        form = "without" if path.endswith("/") else "with"
        yield (
            f"{_rules(app.routes_at(twin))} is its path {form} a slash at the end; "
            f"TRAILING_SLASH is {app.settings['TRAILING_SLASH']!r}."
        )
    lower = path.lower()
    if any(route.path.lower() == lower and route.path != path for route in app.routes):
        yield "Paths are compared letter by letter: upper and lower case differ."
    yield from _unfit_values(app, path)
    yield from (() if app.routes else ("The app has no routes.",))


def _is_on(app: Flasgo, route: Route, request: Connection, path: str) -> bool:
    host = routed_host(request.raw_header(b"host"))
    matches = (app._router.match_on(host, name, path) for name in route.methods)
    return any(match is not None and match.route is route for match in matches)


def _rules(routes: Iterable[Route]) -> str:
    return ", ".join(sorted({route.path for route in routes}))


def _unfit_values(app: Flasgo, path: str) -> Iterator[str]:
    """Yield the rules that have the form of a path, and whose converters refuse its values."""
    asked = path.split("/")
    for route in app.routes:
        rule = route.path.split("/")
        if len(rule) != len(asked) or route.mounted is not None:
            continue
        refused = []
        for segment, text in zip(rule, asked, strict=True):
            if not (segment.startswith("<") and segment.endswith(">")):
                if segment != text and "<" not in segment:
                    break
                continue
            name = segment[1:-1].rpartition(":")[2]
            converter = route.parameters.get(name)
            try:
                if converter is not None:
                    converter.convert(text)
            except Exception as error:  # noqa: BLE001 - a converter of the app's own
                refused.append(f"{segment} takes no {text[:_LONGEST_COMPARED]!r}: {error}")
        else:
            if refused:
                yield f"{route.path} does not fit: {'; '.join(refused)}."


def _close(routes: Iterable[Route], path: str) -> list[str]:
    """Return the rules that are most like a path; parameters count as what the path has there."""
    asked = path[:_LONGEST_COMPARED].split("/")
    likes: dict[str, str] = {}
    for route in routes:
        if route.mounted is not None:
            continue
        rule = route.path.split("/")
        filled = [
            asked[index] if "<" in segment and index < len(asked) else segment
            for index, segment in enumerate(rule)
        ]
        likes.setdefault("/".join(filled), route.path)
    found = difflib.get_close_matches("/".join(asked), likes, n=_MOST_CLOSE, cutoff=0.6)
    return list(dict.fromkeys(likes[like] for like in found))
