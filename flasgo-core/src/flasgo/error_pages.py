"""The answers for errors that nobody else answers: JSON, problem+json or a plain page."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from flasgo.errors import HTTPException
from flasgo.negotiation import preferred_type
from flasgo.response import Response

if TYPE_CHECKING:
    from flasgo.connection import Connection

__all__ = ["debug_response", "error_response"]

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_HTML = "text/html"
_OFFERS = (_JSON, _HTML, _PROBLEM)


def error_response(connection: Connection, error: HTTPException) -> Response:
    """Return the answer for an HTTP error in the form the client prefers.

    JSON is `{"error": code, "detail": message}`; `application/problem+json` is RFC 9457.

    Args:
        connection: The request.
        error: The error.
    """
    return _render(connection, error, {})


def debug_response(connection: Connection, error: Exception) -> Response:
    """Return the 500 answer with a traceback, for the developer's own eyes.

    SECURITY: only for apps with DEBUG on; everything is escaped.

    Args:
        connection: The request.
        error: What went wrong.
    """
    shown = HTTPException(500, f"{type(error).__name__}: {error}")
    return _render(connection, shown, {"traceback": traceback.format_exception(error)})


def _render(
    connection: Connection, error: HTTPException, extra: Mapping[str, list[str]]
) -> Response:
    form = preferred_type(connection.headers.get("accept"), _OFFERS)
    status, headers = error.status_code, error.headers
    if form == _HTML:
        page = _page(error, "".join(extra.get("traceback", ())))
        response = Response.html(page, status, headers)
    elif form == _PROBLEM:
        problem = {
            "type": "about:blank",
            "title": error.error.replace("_", " ").capitalize(),
            "status": status,
            "detail": error.detail,
            "error": error.error,
        }
        response = Response.json({**problem, **extra}, status, headers)
        response.headers["content-type"] = _PROBLEM
    else:
        response = Response.json(
            {"error": error.error, "detail": error.detail, **extra}, status, headers
        )
    response.headers.add_vary("Accept")
    return response


def _page(error: HTTPException, trace: str) -> str:
    title = f"{error.status_code} {error.error.replace('_', ' ').capitalize()}"
    details = f"<pre>{escape(trace)}</pre>" if trace else ""
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(error.detail)}</p>{details}"
        "</main></body></html>\n"
    )
