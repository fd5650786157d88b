"""The names of statuses."""

from __future__ import annotations

from http import HTTPStatus

__all__ = ["reason_phrase"]

# RFC 9110 renamed these, and Python followed in 3.13: what clients read must not depend on that.
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def reason_phrase(status: int) -> str | None:
    """Return the name of a status (RFC 9110, section 15), the same under every Python.

    Args:
        status: The status code.

    Returns:
        The name, such as `"Not Found"`; None when there is none.
    """
    if status in _RENAMED:
        return _RENAMED[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return None
