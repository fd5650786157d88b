"""The 404 page of an app in `DEBUG`: which routes there are, where a path has none."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from flasgo.errors import closest
from flasgo.features.error_pages.error_page import HTML, error_page, error_response, preferred_form
from flasgo.features.error_pages.masking import Masker

if TYPE_CHECKING:
    from flasgo.errors import HTTPException
    from flasgo.requests.connection import Connection
    from flasgo.responses.response import Response
    from flasgo.routing import Route

__all__ = ["missing_response"]

_MOST_ROUTES = 200
# Comparing takes time that grows with the length, and a client chooses the path.
_LONGEST_COMPARED = 200

_STYLE = """
main{max-width:46rem}
h2{margin:2.75rem 0 .25rem;font-size:1.2rem;letter-spacing:-.01em}
.why{margin:0 0 1rem;color:var(--soft);font-size:.925rem;overflow-wrap:anywhere}
.routes{list-style:none;margin:0;padding:0;border:1px solid var(--line);border-radius:.7rem;
overflow:hidden;color:inherit}
.routes li{display:flex;flex-wrap:wrap;gap:.1rem .9rem;align-items:baseline;padding:.6rem 1rem}
.routes li+li{border-top:1px solid var(--line)}
.routes li>code,.routes a{flex:1 1 12rem;min-width:0;overflow-wrap:anywhere}
.routes .verb{flex:0 0 6.5rem;color:var(--accent);font-size:.78rem;font-weight:700}
.routes small{overflow-wrap:anywhere}
"""


def missing_response(connection: Connection, error: HTTPException) -> Response:
    """Return the answer for a 404; a page lists the app's routes where none took the request.

    SECURITY: only for apps with DEBUG on. Everything is escaped.

    Args:
        connection: The request.
        error: The 404.
    """
    route = connection.route
    is_matched = route is not None and bool(route.methods or route.is_websocket)
    if is_matched or preferred_form(connection) != HTML:
        return error_response(connection, error)
    response = error_page(connection.root_path, error, more=_routes(connection), more_style=_STYLE)
    response.headers.add_vary("Accept")
    response.headers["cache-control"] = "no-store"
    return response


def _routes(connection: Connection) -> str:
    routes = connection.app.routes
    asked = Masker.of(connection.app.settings).html(connection.path, 300)
    verb = escape(str(connection.scope.get("method", "WEBSOCKET")))
    rows = list(dict.fromkeys(_row(route, connection.root_path) for route in routes))
    listed = f'<ul class="routes">{"".join(rows[:_MOST_ROUTES])}</ul>' if rows else ""
    left_out = len(rows) - _MOST_ROUTES
    more = f" {left_out} more are listed by <code>flasgo routes</code>." if left_out > 0 else ""
    return (
        f"<h2>{'The routes of this app' if rows else 'This app has no routes'}</h2>\n"
        f'<p class="why">None of them takes <code>{verb} {asked}</code>.'
        f"{_suggestion(connection, routes)}{more} Shown because <code>DEBUG</code> is on.</p>\n"
        f"{listed}\n"
    )


def _row(route: Route, root: str) -> str:
    methods = route.methods - {"HEAD"} if route.is_head_automatic else route.methods
    if route.mounted is not None:
        verb, path = "MOUNT", route.path.removesuffix("<path:path>").rstrip("/") + "/..."
    else:
        verb = "WEBSOCKET" if route.is_websocket else " ".join(sorted(methods))
        path = route.path
    shown = f"<code>{escape(route.host or '')}{escape(path)}</code>"
    if _can_be_linked(route):
        shown = f'<a href="{escape(root + path)}">{shown}</a>'
    return (
        f'<li><span class="verb">{escape(verb)}</span>{shown}'
        f"<small>{escape(route.endpoint)}</small></li>"
    )


def _can_be_linked(route: Route) -> bool:
    """Whether a link can lead there: to a page, on this host, without parameters to fill in."""
    is_page = "GET" in route.methods and route.mounted is None
    return is_page and not route.host and "<" not in route.path


def _suggestion(connection: Connection, routes: Iterable[Route]) -> str:
    """Return the page that was probably meant: as a link, or as a rule with what it takes."""
    path = connection.path[:_LONGEST_COMPARED]
    pages = [r for r in routes if "GET" in r.methods and not r.host and r.mounted is None]
    meant: dict[str, tuple[str, str]] = {}
    for route in pages[:_MOST_ROUTES]:
        like, shown = _meant_by(path, route.path)
        meant.setdefault(like, (route.path, shown))
    found = closest(path, meant)
    if found is None:
        return ""
    rule, shown = meant[found]
    if "<" in shown:
        return f" Did you mean <code>{escape(shown)}</code>?"
    if found == path:
        return f" The route <code>{escape(rule)}</code> does not take these values."
    href = escape(connection.root_path + found)
    of = f" (<code>{escape(rule)}</code>)" if "<" in rule else ""
    return f' Did you mean <a href="{href}">{escape(found)}</a>{of}?'


def _meant_by(path: str, rule: str) -> tuple[str, str]:
    """Return the path of a rule that is most like a path, and how to show it.

    Parameters are filled in from the path. Where the path lacks the last one, it stays a rule.
    """
    asked, segments = path.strip("/").split("/"), rule.strip("/").split("/")
    if "<" in segments[-1] and len(asked) == len(segments) - 1:
        return f"/{'/'.join(segments[:-1])}", rule
    if "<" not in rule or len(asked) != len(segments):
        return rule, rule
    filled = (
        mine if "<" in segment else segment for mine, segment in zip(asked, segments, strict=True)
    )
    slash = "/" if rule.endswith("/") and rule != "/" else ""
    text = f"/{'/'.join(filled)}{slash}"
    return text, text
