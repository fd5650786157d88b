"""The plugin `error_pages`: answers errors as JSON, problem+json or a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from flasgo.errors import HTTPException
from flasgo.kernel.error_handling import note_error
from flasgo.plugin import Plugin
from flasgo.plugins.hooks import hookimpl

if TYPE_CHECKING:
    from flasgo.requests.connection import Connection
    from flasgo.responses.response import Response

__all__ = ["ErrorPagesPlugin"]

_UNKNOWN = "The server failed to answer this request."


@cache
def _answering() -> Callable[[Connection, HTTPException], Response]:
    """Return what makes the answers; imported with the first error."""
    from flasgo.features.error_pages.error_page import error_response

    return error_response


class ErrorPagesPlugin(Plugin):
    """Answers what no error handler and no other plugin has answered."""

    name = "error_pages"

    @hookimpl(trylast=True)
    def error_response(self, request: Connection, error: Exception) -> Response:
        """Return the answer for an error, in the form that the client prefers.

        With DEBUG on, an unexpected error is shown with its traceback, and a path without a route
        with the routes that there are.
        """
        error_response = _answering()
        is_debug = request.app.debug
        if not isinstance(error, HTTPException):
            if is_debug:
                # Imported only where there is something to debug.
                from flasgo.features.error_pages.debug_page import debug_response

                return debug_response(request, error)
            error = HTTPException(500, _UNKNOWN)
        if is_debug and error.status_code == 404:
            from flasgo.features.error_pages.missing_page import missing_response

            return missing_response(request, error)
        try:
            return error_response(request, error)
        except Exception as unfit:  # noqa: BLE001 - whatever cannot be sent
            # The HTTPException has what cannot be sent, such as a header with a line break.
            note_error(request, unfit)
            return error_response(request, HTTPException(500, _UNKNOWN))
