"""Pages that the framework shows: self-contained, without scripts, under a policy of their own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape

from flasgo.responses.response import Response

__all__ = ["page_response", "standalone_page"]

_CSP = "content-security-policy"


def page_response(
    title: str, style: str, body: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a page.

    SECURITY: its own Content-Security-Policy allows this one style sheet, by its hash, and nothing
    else: no script, no request, no frame, no form. It holds with and without a security plugin,
    whatever the app's own policy says.

    Args:
        title: The title, as text.
        style: The style sheet, a constant: there is one hash for each.
        body: The markup of the body; everything in it is escaped already.
        status: The status.
        headers: Further headers.
    """
    page = _document(title, style, body)
    # Source files and exception messages may hold what UTF-8 cannot say.
    response = Response.html(page.encode("utf-8", "replace").decode(), status, headers)
    response.headers[_CSP] = f"{_policy(style)}; frame-ancestors 'none'"
    return response


def standalone_page(title: str, style: str, body: str) -> str:
    """Return a page to keep as a file, with the same policy in its head.

    Args:
        title: The title, as text.
        style: The style sheet, a constant.
        body: The markup of the body; everything in it is escaped already.
    """
    # frame-ancestors does not work there (CSP 3, section 3.3).
    return _document(
        title, style, body, f'<meta http-equiv="{_CSP}" content="{escape(_policy(style))}">\n'
    )


def _document(title: str, style: str, body: str, policy: str = "") -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{policy}<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n"
        # Browsers ask for /favicon.ico otherwise, which the policy would report.
        f'<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


@cache
def _policy(style: str) -> str:
    from base64 import b64encode  # only once there is an error to show
    from hashlib import sha256

    digest = b64encode(sha256(style.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
