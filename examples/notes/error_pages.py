"""Errors, as pages that look like the rest of the site."""

from __future__ import annotations

from urllib.parse import urlencode

from flasgo import Flasgo, HTTPException, Request, Response, redirect, render_template
from flasgo_security import SignedTokenError

__all__ = ["add_error_pages"]

Page = tuple[str, int]

_TEXTS = {
    400: ("That was not understood", "Go back and try again."),
    403: ("That is not possible", "The form was too old, or came from another site. Try again."),
    404: ("There is nothing here", "The page does not exist, or it is not yours."),
    413: ("That is too large", "Pictures may have up to 5 MB. Go back and choose a smaller one."),
    422: ("That was not understood", "Something in the address or the form does not fit."),
    429: ("Slow down a little", "There were too many attempts from where you are. Wait a minute."),
    500: ("Something went wrong", "It is not your fault, and it has been written down."),
}


def add_error_pages(app: Flasgo) -> None:
    """Have an app answer errors with pages.

    Args:
        app: The app.
    """

    @app.errorhandler(401)
    async def ask_for_login(request: Request, error: HTTPException) -> Response:
        if not _wants_page(request):
            return _as_data(error)
        # Where to come back to; what a form wanted to do cannot be done again by a link.
        target = request.path
        if request.query_string:
            target += "?" + request.query_string.decode("ascii", "replace")
        query = urlencode({"next": target}) if request.method == "GET" else ""
        return redirect(app.url_for("auth.login_page") + ("?" + query if query else ""), 303)

    @app.errorhandler(SignedTokenError)
    async def show_dead_link(request: Request, error: SignedTokenError) -> Response | Page:
        if not _wants_page(request):
            return _as_data(error)
        title, text = "This link does not work", "It was used, is too old, or is incomplete."
        return render_template("error.html", status=400, title=title, text=text), 400

    @app.errorhandler(HTTPException)
    async def show_error(request: Request, error: HTTPException) -> Response | Page:
        if not _wants_page(request):
            return _as_data(error)
        return _page(error.status_code, error.detail)

    @app.errorhandler(500)
    async def show_failure(request: Request) -> Response | Page:
        # In DEBUG the debug page comes instead, and tells more.
        if not _wants_page(request):
            return _as_data(HTTPException(500))
        return _page(500, "")


def _wants_page(request: Request) -> bool:
    return request.preferred_type("application/json", "text/html") == "text/html"


def _as_data(error: HTTPException) -> Response:
    return Response.json({"error": error.error, "detail": error.detail}, error.status_code)


def _page(status: int, detail: str) -> Page:
    title, text = _TEXTS.get(status, ("That did not work", detail))
    return render_template("error.html", status=status, title=title, text=text), status
